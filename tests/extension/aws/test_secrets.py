import time
from collections.abc import Callable
from typing import Any

import pytest

from extension.aws import secrets
from extension.aws.secrets import SECRETS_ONE_BY_ONE, Stores
from extension.model.receipt import Answer, Receipt
from tests.doubles.http_server import Request
from tests.doubles.recording_receiver import STALL, RecordingReceiver, Reply, as_json
from tests.services.aws import REGION, AwsService, ministack, moto
from tests.services.environment import unique

WAIT_S = 10.0
KEYS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK", "AWS_REGION": REGION}

Values = dict[str, str]
Fetch = Callable[..., tuple[Values, Values]]


def fetch(
    service: str, names: list[str], environ: Values, *, timeout_s: float = WAIT_S
) -> tuple[Values, Values]:
    """Fetch names; return the values of these names, and why each other one has none."""
    values, failures = receipts(service, names, environ, timeout_s=timeout_s)
    return values, {name: receipt.detail for name, receipt in failures.items()}


def receipts(
    service: str, names: list[str], environ: Values, *, timeout_s: float = WAIT_S
) -> tuple[Values, dict[str, Receipt]]:
    """Fetch names; return the values of these names, and the answers for the others."""
    until_s = time.monotonic() + timeout_s
    values, failures = secrets.fetch(service, names, environ, until_s=until_s)
    return {name: values[name] for name in names if name in values}, failures


# Emulators of AWS ----------------------------------------------------------------------------------------------------


def put_parameter(aws: AwsService, value: str, *, kind: str = "String") -> str:
    name = f"/{unique('flight')}/value"
    aws.call("AmazonSSM.PutParameter", Name=name, Value=value, Type=kind)
    return name


def make_secret(aws: AwsService, **content: Any) -> tuple[str, str]:
    name = unique("secret")
    answer = aws.call(
        "secretsmanager.CreateSecret", Name=name, ClientRequestToken=unique("t" * 32), **content
    )
    return name, str(answer["ARN"])


@pytest.mark.services
def test_parameters_and_secrets_are_fetched() -> None:
    """Parameters may be encrypted; secrets go by name, by ARN, and by ARN without its last characters."""
    aws = moto()
    plain = put_parameter(aws, "0.5")
    encrypted = put_parameter(aws, "very secret\r\n", kind="SecureString")
    name, arn = make_secret(aws, SecretString='{"a": 1}')
    _, other_arn = make_secret(aws, SecretString="a secret\n")

    parameters = fetch("ssm", [plain, encrypted], aws.environ())
    names = [name, arn, arn.rpartition("-")[0], other_arn]
    found = fetch("secretsmanager", names, aws.environ())

    assert parameters == ({plain: "0.5", encrypted: "very secret\r\n"}, {})
    assert found == ({**dict.fromkeys(names[:3], '{"a": 1}'), other_arn: "a secret\n"}, {})


@pytest.mark.services
@pytest.mark.parametrize("emulator", [moto, ministack])
def test_failure_of_one_name_does_not_stop_the_others(emulator: Callable[[], AwsService]) -> None:
    """Each has its own reason, which holds no value."""
    aws = emulator()
    parameter = put_parameter(aws, "secret-one")
    name, _ = make_secret(aws, SecretString="secret-two")
    binary, _ = make_secret(aws, SecretBinary="c2VjcmV0LWZvdXI=")

    parameters, bad = fetch("ssm", [parameter, "/missing", "not a name!", ""], aws.environ())
    found, refused = fetch("secretsmanager", [name, "missing", binary], aws.environ())

    assert (parameters, found) == ({parameter: "secret-one"}, {name: "secret-two"})
    assert sorted(bad) == ["", "/missing", "not a name!"]
    assert bad["/missing"] == "no such parameter"
    assert sorted(refused) == sorted(["missing", binary])
    assert refused["missing"].startswith("ResourceNotFoundException")
    assert refused[binary] == "the secret is binary"
    assert "secret-" not in str([*bad.values(), *refused.values()])


@pytest.mark.services
def test_names_may_be_more_than_fit_a_call() -> None:
    """Twenty-five parameters and twenty-five secrets need several calls."""
    aws = moto()
    parameters = [put_parameter(aws, f"p{number}") for number in range(25)]
    names = [make_secret(aws, SecretString=f"s{number}")[0] for number in range(25)]

    found = fetch("ssm", parameters, aws.environ())
    secrets_found = fetch("secretsmanager", names, aws.environ())

    assert found == ({name: f"p{number}" for number, name in enumerate(parameters)}, {})
    assert secrets_found == ({name: f"s{number}" for number, name in enumerate(names)}, {})


@pytest.mark.services
def test_changed_value_is_fetched_changed() -> None:
    """A rate is turned up during an incident."""
    aws = moto()
    name = put_parameter(aws, "0.1")
    before = fetch("ssm", [name], aws.environ())
    aws.call("AmazonSSM.PutParameter", Name=name, Value="1", Overwrite=True)

    assert (before, fetch("ssm", [name], aws.environ())) == (({name: "0.1"}, {}), ({name: "1"}, {}))


@pytest.mark.services
def test_permission_for_many_secrets_at_a_time_is_not_needed() -> None:
    """A role that may read secrets one by one gets those that it may read."""
    aws = ministack()
    made = [make_secret(aws, SecretString=f"of {number}") for number in range(3)]
    allowed = {
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": [arn for _, arn in made[:2]],
    }
    keys = aws.role_keys({"Version": "2012-10-17", "Statement": [allowed]})
    first, second, third = (name for name, _ in made)

    values, failures = fetch("secretsmanager", [first, second, third], aws.environ(keys))

    assert values == {first: "of 0", second: "of 1"}
    assert list(failures) == [third]
    assert failures[third].startswith("AccessDeniedException")


def arn_of(service: str, region: str, resource: str, *, partition: str = "aws") -> str:
    return f"arn:{partition}:{service}:{region}:123456789012:{resource}"


def regions_of(server: RecordingReceiver) -> list[str]:
    """Return the region that each request was signed for."""
    return [asked.headers["authorization"].split("/")[2] for asked in server.requests]


# A server of our own -------------------------------------------------------------------------------------------------


@pytest.fixture
def fetch_here(server: RecordingReceiver) -> Fetch:
    environ = {**KEYS, "AWS_ENDPOINT_URL": server.url}
    return lambda service, names, **more: fetch(service, names, environ, **more)


def parameters(asked: Request) -> Reply:
    values = [{"Name": name, "Value": f"of {name}"} for name in asked.payload["Names"]]
    return as_json({"Parameters": values})


def test_arn_is_asked_for_in_its_own_region(server: RecordingReceiver, fetch_here: Fetch) -> None:
    """A secret of another region is not found in the function's, and several regions are several calls."""
    server.answers = [
        lambda asked: as_json({"ARN": asked.payload["SecretId"], "SecretString": "s"})
    ]
    at_home = arn_of("secretsmanager", REGION, "secret:shop/a-AbCdEf")
    abroad = [
        arn_of("secretsmanager", region, "secret:b-AbCdEf")
        for region in ("us-east-1", "ap-south-1")
    ]

    values, failures = fetch_here("secretsmanager", [at_home, *abroad])

    assert (values, failures) == (dict.fromkeys([at_home, *abroad], "s"), {})
    assert regions_of(server) == [REGION, "us-east-1", "ap-south-1"]


def test_names_and_arns_of_the_own_region_are_one_call(
    server: RecordingReceiver, fetch_here: Fetch
) -> None:
    """The environments of an account share a quota of calls."""
    server.answers = [parameters]
    names = [
        "/shop/a",
        arn_of("ssm", REGION, "parameter/shop/b"),
        arn_of("ssm", "us-east-1", "parameter/c"),
    ]

    values, _ = fetch_here("ssm", names)

    assert sorted(values) == sorted(names)
    assert [asked.payload["Names"] for asked in server.requests] == [names[:2], names[2:]]
    assert regions_of(server) == [REGION, "us-east-1"]


def test_region_that_hangs_leaves_time_for_the_others(
    server: RecordingReceiver, fetch_here: Fetch
) -> None:
    """A sink in one region must not wait for a rate in another, at every refresh."""
    server.answers = [STALL, parameters]
    names = [arn_of("ssm", "us-east-1", "parameter/a"), "/shop/b"]

    values, failures = fetch_here("ssm", names, timeout_s=0.6)

    assert values == {"/shop/b": "of /shop/b"}
    assert list(failures) == names[:1]


@pytest.mark.parametrize("service", ["ssm", "secretsmanager"])
@pytest.mark.parametrize(
    ("partition", "region", "suffix"),
    [
        ("aws", "us-west-2", "amazonaws.com"),
        ("aws-cn", "cn-north-1", "amazonaws.com.cn"),
        ("aws-us-gov", "us-gov-west-1", "amazonaws.com"),
    ],
)
def test_region_and_partition_of_an_arn_decide_host_and_signature(
    server: RecordingReceiver, service: str, partition: str, region: str, suffix: str
) -> None:
    """Whatever the function's own are. The proxy sees the host that is asked for; the server sees the signature."""
    resource = {"ssm": "parameter/a", "secretsmanager": "secret:a-AbCdEf"}[service]
    name = arn_of(service, region, resource, partition=partition)
    server.answers = [as_json({}, 403)]

    fetch(service, [name], {**KEYS, "AWS_ENDPOINT_URL": server.url})
    fetch(service, [name], {**KEYS, "HTTPS_PROXY": server.url})

    signed, tunnel = server.requests
    assert f"/{region}/{service}/aws4_request" in signed.headers["authorization"]
    assert (tunnel.method, tunnel.target) == ("CONNECT", f"{service}.{region}.{suffix}:443")


def test_arn_of_another_partition_is_not_asked_for(
    server: RecordingReceiver, fetch_here: Fetch
) -> None:
    """No credentials count in two partitions, and the failure says so."""
    name = arn_of("ssm", REGION, "parameter/a", partition="aws-cn")

    assert fetch_here("ssm", [name]) == (
        {},
        {name: "the ARN is of another partition of AWS than the region"},
    )
    assert not server.requests


def test_parameters_are_asked_for_ten_at_a_time(
    server: RecordingReceiver, fetch_here: Fetch
) -> None:
    """Decrypted, in as few calls as AWS allows."""
    server.answers = [parameters]

    values, _ = fetch_here("ssm", [f"/{number}" for number in range(21)])

    payloads = [asked.payload for asked in server.requests]
    assert [len(payload["Names"]) for payload in payloads] == [10, 10, 1]
    assert all(payload["WithDecryption"] for payload in payloads)
    assert len(values) == 21


def stored(asked: Request) -> Reply:
    """Answer for secrets that are what they are called."""
    if "SecretId" in asked.payload:
        return as_json({"SecretString": asked.payload["SecretId"]})
    names = asked.payload["SecretIdList"]
    return as_json({"SecretValues": [{"Name": name, "SecretString": name} for name in names]})


def test_few_secrets_are_asked_for_one_by_one(server: RecordingReceiver, fetch_here: Fetch) -> None:
    """An account has a hundred times as many such calls as of the other kind. No further permission is needed."""
    server.answers = [stored]
    names = [f"s{number}" for number in range(SECRETS_ONE_BY_ONE)]

    values, _ = fetch_here("secretsmanager", names)

    assert [asked.action for asked in server.requests] == ["GetSecretValue"] * SECRETS_ONE_BY_ONE
    assert values == {name: name for name in names}


def test_many_secrets_are_asked_for_twenty_at_a_time(
    server: RecordingReceiver, fetch_here: Fetch
) -> None:
    """One of them stands alone in the end."""
    server.answers = [stored]

    values, _ = fetch_here("secretsmanager", [f"s{number}" for number in range(21)])

    assert [asked.action for asked in server.requests] == ["BatchGetSecretValue", "GetSecretValue"]
    assert len(values) == 21


def test_label_or_version_is_part_of_a_name(server: RecordingReceiver, fetch_here: Fetch) -> None:
    """Systems Manager answers with the name and the selector apart."""
    arn = "arn:aws:ssm:::parameter/b"
    answer = [
        {"Name": "/a", "Selector": ":3", "Value": "third"},
        {"Name": "/b", "Selector": ":live", "ARN": arn, "Value": "live"},
    ]
    server.answers = [as_json({"Parameters": answer})]

    values, failures = fetch_here("ssm", ["/a:3", f"{arn}:live"])

    assert (values, failures) == ({"/a:3": "third", f"{arn}:live": "live"}, {})


def test_refused_call_is_repeated_name_by_name(
    server: RecordingReceiver, fetch_here: Fetch
) -> None:
    """Systems Manager refuses a whole call for one name without permission."""

    def guarded(asked: Request) -> Reply:
        if "/theirs" in asked.payload["Names"]:
            return as_json({"__type": "AccessDeniedException"}, 400)
        return parameters(asked)

    server.answers = [guarded]

    values, failures = fetch_here("ssm", ["/a", "/c", "/theirs"])

    assert values == {"/a": "of /a", "/c": "of /c"}
    assert failures == {"/theirs": "AccessDeniedException (status 400)"}
    assert len(server.requests) == 4


def test_secret_that_a_batch_leaves_out_is_asked_for_alone(
    server: RecordingReceiver, fetch_here: Fetch
) -> None:
    """A page of secrets may not hold them all."""
    names = [f"s{number}" for number in range(11)]
    first = [{"Name": name, "SecretString": name} for name in names[:10]]
    server.answers = [
        as_json({"SecretValues": first, "NextToken": "more"}),
        as_json({"SecretString": "s10"}),
    ]

    assert fetch_here("secretsmanager", names) == ({name: name for name in names}, {})
    assert server.requests[1].payload == {"SecretId": "s10"}


@pytest.mark.parametrize("service", ["ssm", "secretsmanager"])
def test_throttled_fetch_asks_no_more(server: RecordingReceiver, service: str) -> None:
    """Neither again nor for further names: others in the account need the quota. Whoever paces fetches is told."""
    environ = {**KEYS, "AWS_ENDPOINT_URL": server.url}
    server.answers = [as_json({"__type": "ThrottlingException"}, 400, **{"Retry-After": "7"})]
    names = [f"/{number}" for number in range(25)]

    values, failures = receipts(service, names, environ)

    assert (values, sorted(failures)) == ({}, sorted(names))
    receipt = failures[names[-1]]
    assert all(one == receipt for one in failures.values())
    assert (receipt.answer, receipt.is_throttled) == (Answer.UNAVAILABLE, True)
    assert (receipt.detail, receipt.retry_after_s) == ("ThrottlingException (status 400)", 7.0)
    assert len(server.requests) == 1


def test_secret_that_fails_stops_no_other(server: RecordingReceiver) -> None:
    """One whose key is in trouble would hide all behind it, at each attempt."""
    environ = {**KEYS, "AWS_ENDPOINT_URL": server.url}
    server.answers = [Reply(500), stored]

    values, failures = receipts("secretsmanager", ["a", "b"], environ)

    assert values == {"b": "b"}
    assert failures["a"].answer is Answer.UNAVAILABLE


def test_denial_is_told_from_what_may_pass(server: RecordingReceiver) -> None:
    """What is missing or not allowed is not asked for again soon."""
    environ = {**KEYS, "AWS_ENDPOINT_URL": server.url}
    server.answers = [as_json({"Parameters": []})]
    _, missing = receipts("ssm", ["/a"], environ)
    server.answers = [as_json({"__type": "AccessDeniedException"}, 400)]
    _, denied = receipts("ssm", ["/a"], environ)

    assert missing["/a"].answer is denied["/a"].answer is Answer.DENIED


@pytest.mark.parametrize(
    "failure",
    [
        as_json({"__type": "AccessDeniedException", "message": "very secret"}, 400),
        as_json({"Parameters": ["very secret", {"Name": "very secret"}]}),
        *(as_json({"Parameters": "very secret"}), as_json(["very secret"])),
        *(Reply(200, b"very secret"), Reply(500, b"very secret"), STALL),
    ],
)
def test_answer_that_cannot_be_used_is_a_failure_of_each_name(
    server: RecordingReceiver, fetch_here: Fetch, failure: Reply
) -> None:
    """No part of the answer is shown, and the fetch ends in time."""
    server.answers = [failure]

    values, failures = fetch_here("ssm", ["/a", "/b"], timeout_s=0.4)

    assert values == {}
    assert sorted(failures) == ["/a", "/b"]
    assert all(failures.values())
    assert "secret" not in str(failures)


def test_fetch_of_many_names_ends_in_time(server: RecordingReceiver, fetch_here: Fetch) -> None:
    """However slow AWS is, no call begins after the end."""
    server.answers = [STALL]

    _, failures = fetch_here("ssm", [f"/{number}" for number in range(30)], timeout_s=0.3)

    assert len(failures) == 30
    assert len(server.requests) < 30


@pytest.mark.parametrize("service", ["ssm", "secretsmanager"])
@pytest.mark.parametrize(
    ("environ", "detail"),
    [
        ({}, "no AWS region: AWS_REGION is not set"),
        ({"AWS_REGION": REGION}, "no AWS credentials in the environment"),
    ],
)
def test_missing_region_or_credentials_fail_every_name(
    service: str, environ: Values, detail: str
) -> None:
    """Nothing can be asked."""
    assert fetch(service, ["/a", "/b"], environ) == ({}, dict.fromkeys(["/a", "/b"], detail))


def test_stores_ask_the_service_that_keeps_a_value(server: RecordingReceiver) -> None:
    """Objects are asked for over S3's protocol, and remembered from one fetch to the next."""
    environ = {**KEYS, "AWS_ENDPOINT_URL": server.url}
    server.answers = [parameters, Reply(200, b"0.5", {"ETag": '"1"'}), Reply(304)]
    stores = Stores()
    until_s = time.monotonic() + WAIT_S

    values, _ = stores.fetch("ssm", ["/a"], environ, until_s=until_s)
    found = [stores.fetch("s3", ["//bucket/a"], environ, until_s=until_s) for _ in range(2)]

    assert values["/a"] == "of /a"
    assert found == [({"//bucket/a": "0.5"}, {})] * 2
