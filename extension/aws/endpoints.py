"""Find the region of a function and the endpoints of AWS services.

Pure: the environment is passed in. The variables are those of AWS's SDKs ("Service-specific endpoints" and "Dual-stack
and FIPS endpoints" in the AWS SDKs and Tools reference guide). A test compares the endpoints of every partition with
botocore's rules.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Partition(NamedTuple):
    """A partition of AWS: its name in ARNs, the beginning of its regions' names, the ends of its endpoints' names."""

    name: str
    region_prefix: str
    suffix: str
    dual_stack_suffix: str


AWS = Partition("aws", "", "amazonaws.com", "api.aws")
CHINA = Partition("aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn")
GOV_CLOUD = Partition("aws-us-gov", "us-gov-", "amazonaws.com", "api.aws")
PARTITIONS = (
    CHINA,
    GOV_CLOUD,
    Partition("aws-iso", "us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    Partition("aws-iso-b", "us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    Partition("aws-iso-f", "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    Partition("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    Partition("aws-eusc", "eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    AWS,
)

ACCESS_POINTS = "s3-accesspoint"
"""In the place of the service's name, in the host of an access point of S3."""

_VARIABLES = {
    "logs": ("CLOUDWATCH_LOGS", "LOGS"),
    ACCESS_POINTS: ("S3",),
    "secretsmanager": ("SECRETS_MANAGER", "SECRETSMANAGER"),
}
"""Names of a service in AWS_ENDPOINT_URL_...: the one that AWS documents, and the one that people know."""

_PLAIN_IS_FIPS = frozenset({"logs", "ssm"})
"""Services whose ordinary endpoint in GovCloud complies with FIPS 140."""


def region_of(environ: Mapping[str, str]) -> str:
    """Return the region; empty if none is set that can be part of a host name."""
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    return region if is_region(region) else ""


def is_region(text: str) -> bool:
    """Tell whether a text can be a region's name, so a part of a host's name."""
    return text.replace("-", "").isalnum() and text.isascii()


def endpoint_for(
    service: str, environ: Mapping[str, str], host_prefix: str = "", *, region: str = ""
) -> str:
    """Return the URL of a service, without a final slash; empty if no region is known.

    ``AWS_ENDPOINT_URL``, ``AWS_ENDPOINT_URL_...`` and ``AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`` replace AWS's own
    endpoint. ``AWS_USE_FIPS_ENDPOINT`` and ``AWS_USE_DUALSTACK_ENDPOINT`` count for that one only. So does
    ``host_prefix``, except for access points, which have no other name. ``region`` is for a resource of another region.
    """
    if url := _custom_endpoint(service, environ):
        scheme, _, rest = url.partition("://")
        return f"{scheme}://{host_prefix}{rest}" if service == ACCESS_POINTS else url
    region = region or region_of(environ)
    return f"https://{host_prefix}{_host(service, region, environ)}" if region else ""


def partition_of(region: str) -> Partition:
    """Return the partition of a region."""
    return next(one for one in PARTITIONS if region.startswith(one.region_prefix))


def _custom_endpoint(service: str, environ: Mapping[str, str]) -> str:
    if _is_true(environ, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        return ""
    names = _VARIABLES.get(service, (service.upper(),))
    for variable in (*(f"AWS_ENDPOINT_URL_{name}" for name in names), "AWS_ENDPOINT_URL"):
        if url := environ.get(variable, "").strip():
            return url.rstrip("/")
    return ""


def _host(service: str, region: str, environ: Mapping[str, str]) -> str:
    partition = partition_of(region)
    dual_stack = _is_true(environ, "AWS_USE_DUALSTACK_ENDPOINT")
    fips = _is_true(environ, "AWS_USE_FIPS_ENDPOINT")
    if service == "secretsmanager" and partition in {AWS, CHINA, GOV_CLOUD}:
        # Its ordinary endpoint answers over IPv6 too.
        dual_stack = False
    if partition == GOV_CLOUD and service in _PLAIN_IS_FIPS and not dual_stack:
        fips = False
    name = f"{service}-fips" if fips else service
    if service in {"s3", ACCESS_POINTS}:
        name += ".dualstack" if dual_stack else ""
        return f"{name}.{region}.{partition.suffix}"
    return f"{name}.{region}.{partition.dual_stack_suffix if dual_stack else partition.suffix}"


def _is_true(environ: Mapping[str, str], variable: str) -> bool:
    return environ.get(variable, "").strip().lower() == "true"
