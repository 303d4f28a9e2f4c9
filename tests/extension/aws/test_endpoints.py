import json
import subprocess

import pytest

from extension.aws.endpoints import ACCESS_POINTS, endpoint_for, partition_of, region_of
from tests.services.environment import needs_services

SERVICES = ("logs", "s3", "firehose", "ssm", "secretsmanager")
REGIONS = {
    "us-east-1": ("amazonaws.com", "api.aws"),
    "eu-west-1": ("amazonaws.com", "api.aws"),
    "mx-central-1": ("amazonaws.com", "api.aws"),
    "cn-north-1": ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    "us-gov-west-1": ("amazonaws.com", "api.aws"),
    "us-iso-east-1": ("c2s.ic.gov", "api.aws.ic.gov"),
    "us-isob-east-1": ("sc2s.sgov.gov", "api.aws.scloud"),
    "us-isof-south-1": ("csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    "eu-isoe-west-1": ("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    "eusc-de-east-1": ("amazonaws.eu", "api.amazonwebservices.eu"),
}


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("service", SERVICES)
def test_each_partition_has_its_own_names(service: str, region: str) -> None:
    """A function's services answer under the suffix of its region's partition."""
    suffix, _ = REGIONS[region]

    assert (partition_of(region).suffix, partition_of(region).dual_stack_suffix) == REGIONS[region]
    assert endpoint_for(service, {"AWS_REGION": region}) == f"https://{service}.{region}.{suffix}"


@pytest.mark.parametrize(
    ("service", "region", "settings", "host"),
    [
        ("logs", "eu-west-1", "fips", "logs-fips.eu-west-1.amazonaws.com"),
        ("logs", "eu-west-1", "dual", "logs.eu-west-1.api.aws"),
        ("logs", "eu-west-1", "fips dual", "logs-fips.eu-west-1.api.aws"),
        ("logs", "us-gov-west-1", "fips", "logs.us-gov-west-1.amazonaws.com"),
        ("logs", "us-gov-west-1", "fips dual", "logs-fips.us-gov-west-1.api.aws"),
        ("ssm", "us-gov-east-1", "fips", "ssm.us-gov-east-1.amazonaws.com"),
        ("firehose", "us-gov-east-1", "fips", "firehose-fips.us-gov-east-1.amazonaws.com"),
        ("s3", "eu-west-1", "dual", "s3.dualstack.eu-west-1.amazonaws.com"),
        ("s3", "us-west-2", "fips dual", "s3-fips.dualstack.us-west-2.amazonaws.com"),
        ("secretsmanager", "us-west-2", "dual", "secretsmanager.us-west-2.amazonaws.com"),
        ("secretsmanager", "us-iso-east-1", "dual", "secretsmanager.us-iso-east-1.api.aws.ic.gov"),
    ],
)
def test_fips_and_dual_stack(service: str, region: str, settings: str, host: str) -> None:
    """Both are chosen as with AWS's SDKs, with the exceptions that there are."""
    environ = {"AWS_REGION": region, **flags(settings)}

    assert endpoint_for(service, environ) == f"https://{host}"


def flags(settings: str) -> dict[str, str]:
    names = {"fips": "AWS_USE_FIPS_ENDPOINT", "dual": "AWS_USE_DUALSTACK_ENDPOINT"}
    return {names[setting]: "true" for setting in settings.split()}


BOTOCORE = """
import itertools, json, sys
import botocore.loaders
from botocore.endpoint_provider import EndpointProvider
loader = botocore.loaders.create_loader()
partitions = loader.load_data("partitions")
answers = []
for service in json.loads(sys.argv[1]):
    rules = EndpointProvider(loader.load_service_model(service, "endpoint-rule-set-1"), partitions)
    more = {"ForcePathStyle": True} if service == "s3" else {}
    for region, fips, dual in itertools.product(json.loads(sys.argv[2]), (False, True), (False, True)):
        if fips and region.startswith("cn-"):
            continue  # China has no FIPS endpoints
        answer = rules.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual, **more)
        answers.append([service, region, fips, dual, answer.url])
print(json.dumps(answers))
"""


@pytest.mark.services
def test_endpoints_are_those_of_botocore() -> None:
    """AWS's own rules for every service used, every partition, FIPS and dual stack, give the same."""
    command = [str(needs_services("python")), "-c", BOTOCORE]
    arguments = [json.dumps(SERVICES), json.dumps(list(REGIONS))]
    done = subprocess.run([*command, *arguments], capture_output=True, check=True, timeout=30)

    theirs = json.loads(done.stdout)
    ours = [
        endpoint_for(service, {"AWS_REGION": region} | flags(f"{'fips' * fips} {'dual' * dual}"))
        for service, region, fips, dual, _ in theirs
    ]

    assert len(theirs) == len(SERVICES) * (4 * len(REGIONS) - 2)
    assert ours == [url for *_, url in theirs]


ACCESS_POINT = "arn:{}:s3:{}:123456789012:accesspoint/kept"
AT_ACCESS_POINTS = """
import itertools, json, sys
import botocore.loaders
from botocore.endpoint_provider import EndpointProvider
loader = botocore.loaders.create_loader()
rules = EndpointProvider(
    loader.load_service_model("s3", "endpoint-rule-set-1"), loader.load_data("partitions")
)
answers = []
for (region, arn), fips, dual in itertools.product(json.loads(sys.argv[1]), (False, True), (False, True)):
    if fips and region.startswith("cn-"):
        continue  # China has no FIPS endpoints
    given = dict(Bucket=arn, Region="eu-west-1", UseArnRegion=True)
    if not arn.startswith("arn:aws:"):
        given["Region"] = region  # botocore wants both in one partition
    answer = rules.resolve_endpoint(**given, UseFIPS=fips, UseDualStack=dual)
    own = rules.resolve_endpoint(**given, Endpoint="https://h:1/a") if not (fips or dual) else answer
    answers.append([region, fips, dual, answer.url, own.url])
print(json.dumps(answers))
"""


@pytest.mark.services
def test_access_points_are_where_botocore_finds_them() -> None:
    """Their hosts hold name and account, in every partition, also at an endpoint of one's own."""
    arns = [(one, ACCESS_POINT.format(partition_of(one).name, one)) for one in REGIONS]
    command = [str(needs_services("python")), "-c", AT_ACCESS_POINTS, json.dumps(arns)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=30)
    prefix = "kept-123456789012."

    theirs = json.loads(done.stdout)
    ours = [
        endpoint_for(
            ACCESS_POINTS, flags(f"{'fips' * fips} {'dual' * dual}"), prefix, region=region
        )
        for region, fips, dual, *_ in theirs
    ]

    assert ours == [url for *_, url, _ in theirs]
    at_home = endpoint_for(ACCESS_POINTS, {"AWS_ENDPOINT_URL_S3": "https://h:1/a"}, prefix)
    assert {own for _, fips, dual, _, own in theirs if not (fips or dual)} == {at_home}


@pytest.mark.parametrize(
    ("service", "environ", "url"),
    [
        ("logs", {"AWS_ENDPOINT_URL": "http://all"}, "http://all"),
        ("logs", {"AWS_ENDPOINT_URL": "http://all/", "AWS_ENDPOINT_URL_S3": "http://s3"}, "http://all"),
        ("logs", {"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_LOGS": "http://logs/a/"}, "http://logs/a"),
        ("logs", {"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": "http://b", "AWS_ENDPOINT_URL_LOGS": "http://a"}, "http://b"),
        ("s3", {"AWS_ENDPOINT_URL_S3": " http://s3 "}, "http://s3"),
        ("firehose", {"AWS_ENDPOINT_URL_FIREHOSE": "http://f"}, "http://f"),
        ("ssm", {"AWS_ENDPOINT_URL_SSM": "http://ssm"}, "http://ssm"),
        ("secretsmanager", {"AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://sm"}, "http://sm"),
        ("secretsmanager", {"AWS_ENDPOINT_URL_SECRETSMANAGER": "http://sm"}, "http://sm"),
    ],
)  # fmt: skip
def test_endpoints_of_ones_own(service: str, environ: dict[str, str], url: str) -> None:
    """The service's own variable comes before the one for all, and needs no region."""
    assert endpoint_for(service, environ) == url
    assert endpoint_for(service, {"AWS_REGION": "eu-west-1", **environ}, "bucket.") == url


def test_endpoints_of_ones_own_can_be_ignored() -> None:
    """One variable switches all of the others off."""
    environ = {
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "http://all",
        "AWS_ENDPOINT_URL_S3": "http://s3",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE",
    }

    assert endpoint_for("s3", environ) == "https://s3.eu-west-1.amazonaws.com"
    assert endpoint_for("s3", environ, "b.") == "https://b.s3.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("environ", "region"),
    [
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
        ({}, ""),
        ({"AWS_REGION": "evil.example/"}, ""),
        ({"AWS_REGION": "eu west"}, ""),
        ({"AWS_REGION": "é-1"}, ""),
    ],
)
def test_the_region(environ: dict[str, str], region: str) -> None:
    """It is AWS_REGION's, else AWS_DEFAULT_REGION's; what cannot be part of a host's name is none."""
    assert region_of(environ) == region


def test_endpoint_is_absent_without_a_region() -> None:
    """Nothing is sent to a region that nobody chose."""
    assert endpoint_for("logs", {}) == ""
