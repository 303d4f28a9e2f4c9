import calendar
import email.utils
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import pytest

from extension.aws.client import AwsClient
from extension.aws.errors import error_code, receipt_for_aws
from extension.model.aws_targets import Arn
from extension.model.receipt import Answer, Receipt
from extension.transport.client import Reply
from extension.transport.errors import Reason, Unreachable
from tests.doubles.http_server import Request
from tests.doubles.recording_receiver import (
    CLOSE,
    OK,
    STALL,
    RecordingReceiver,
    Reply as HttpReply,
    as_json,
)
from tests.services.aws import REGION, AwsService, Keys, ministack, moto
from tests.services.environment import unique

WAIT_S = 10.0
KEYS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "very secret"}

Client = Callable[..., AwsClient]


@pytest.fixture
def client() -> Iterator[Client]:
    """Return a maker of clients; close them at the end."""
    opened: list[AwsClient] = []

    def make(service: str, environ: dict[str, str], **more: Any) -> AwsClient:
        opened.append(AwsClient(service, environ, **more))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def until() -> float:
    return time.monotonic() + WAIT_S


def describe(client: AwsClient) -> Reply:
    """Call a harmless action."""
    return client.call("Logs_20140328.DescribeLogGroups", {}, until_s=until())


def ask(client: AwsClient, bucket: str) -> Reply:
    """Call a harmless action of CloudWatch Logs, or put an object."""
    if client.service == "logs":
        return describe(client)
    return client.request("PUT", f"/{bucket}/key", body=b"x", until_s=until())


# against a server of our own ---------------------------------------------------------------------------------------


@pytest.fixture
def environ(server: RecordingReceiver) -> dict[str, str]:
    return {**KEYS, "AWS_REGION": REGION, "AWS_ENDPOINT_URL": server.url}


@pytest.fixture
def logs(client: Client, environ: dict[str, str]) -> AwsClient:
    return client("logs", environ)


@pytest.fixture
def s3(client: Client, environ: dict[str, str]) -> AwsClient:
    return client("s3", environ)


@pytest.mark.parametrize("exemption", ["", "fc00::/7,[::1]", "10.0.0.0/99"])
@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://127.0.0.1:1"])
def test_client_reaches_this_machine_without_a_proxy(
    client: Client, environ: dict[str, str], exemption: str, proxy: str
) -> None:
    """Emulators and credentials are on this machine; no entry of NO_PROXY stops a client."""
    more = {"ALL_PROXY": proxy, "NO_PROXY": exemption}

    assert describe(client("logs", {**environ, **more})).status == 200


def test_client_asks_the_proxy_but_for_an_exempt_endpoint(
    server: RecordingReceiver, client: Client, environ: dict[str, str]
) -> None:
    """A private endpoint of AWS has an address in the function's network."""
    endpoint = {"AWS_ENDPOINT_URL": "http://logs.internal.invalid", "HTTP_PROXY": server.url}
    by_proxy = client("logs", {**environ, **endpoint})
    exempt = client("logs", {**environ, **endpoint, "NO_PROXY": "10.0.0.0/8,.internal.invalid"})

    assert describe(by_proxy).status == 200
    with pytest.raises(Unreachable) as caught:
        describe(exempt)

    assert caught.value.reason is Reason.NAME_UNKNOWN
    assert [one.target for one in server.requests] == ["http://logs.internal.invalid/"]


def test_call_speaks_the_json_protocol(
    server: RecordingReceiver, environ: dict[str, str], client: Client
) -> None:
    """A header names the action, the parameters are compact JSON, and all of it is signed."""
    environ["AWS_SESSION_TOKEN"] = "the token"
    payload = {"logGroupName": "größe", "half": "\ud800", "n": [1, None]}

    client("logs", environ).call("Logs_20140328.Do", payload, until_s=until())

    [asked] = server.requests
    signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
    assert (asked.method, asked.path) == ("POST", "/")
    assert asked.body == '{"logGroupName":"größe","half":"?","n":[1,null]}'.encode()
    assert asked.headers["x-amz-target"] == "Logs_20140328.Do"
    assert asked.headers["content-type"] == "application/x-amz-json-1.1"
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"
    assert asked.headers["x-amz-security-token"] == "the token"
    assert signed in asked.headers["authorization"]
    assert f"/{REGION}/logs/aws4_request" in asked.headers["authorization"]
    assert "very secret" not in str(asked)


def test_path_is_sent_as_it_was_signed(server: RecordingReceiver, s3: AwsClient) -> None:
    """AWS computes the signature of the path that arrives."""
    key = "a b/c+d=1~é[x]{y}&z@:;,'\"%25*!()#?|\\^`<>//last/"

    s3.request("PUT", f"/bucket/{key}", query="list-type=2&p=a%20b", body=b"body", until_s=until())

    [asked] = server.requests
    path, _, query = asked.target.partition("?")
    encoded = " +=[]{}&@:;,'\"*!()#?|\\^`<>"
    assert unquote(path) == f"/bucket/{key}"
    assert path.isascii()
    assert not set(path) & set(encoded)
    assert query == "list-type=2&p=a%20b"
    digest = "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"
    assert asked.headers["x-amz-content-sha256"] == digest


def test_endpoint_may_have_a_path(
    server: RecordingReceiver, environ: dict[str, str], client: Client
) -> None:
    """What stands in AWS_ENDPOINT_URL behind the host goes before everything else."""
    environ["AWS_ENDPOINT_URL"] = f"{server.url}/front/aws/"

    client("s3", environ).request("GET", "/bucket/key", until_s=until())

    assert server.requests[0].path == "/front/aws/bucket/key"


def test_bucket_stands_before_the_host_of_aws_only(environ: dict[str, str]) -> None:
    """Only AWS's own endpoint has names for buckets; the region of the bucket is part of them."""
    at_home = AwsClient("s3", environ, host_prefix="bucket.")
    at_aws = AwsClient("s3", {**KEYS, "AWS_REGION": REGION}, host_prefix="bucket.")
    before = at_aws.endpoint

    corrected = at_aws._correct(Reply(301, {"x-amz-bucket-region": "us-west-2"}, b""))

    assert at_home.endpoint == environ["AWS_ENDPOINT_URL"]
    assert before == f"https://bucket.s3.{REGION}.amazonaws.com"
    assert corrected
    assert at_aws.endpoint == "https://bucket.s3.us-west-2.amazonaws.com"


@pytest.mark.parametrize(
    ("region", "suffix"), [("ap-south-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")]
)
def test_region_of_an_arn_decides_endpoint_and_signature(
    server: RecordingReceiver, environ: dict[str, str], client: Client, region: str, suffix: str
) -> None:
    """A log group of another region is not found in the function's."""
    partition = "aws-cn" if suffix.endswith(".cn") else "aws"
    arn = Arn(partition, "logs", region, "123456789012", "log-group:/kept")

    describe(client("logs", environ, arn=arn))

    [asked] = server.requests
    assert f"/{region}/logs/aws4_request" in asked.headers["authorization"]
    at_aws = client("logs", {**KEYS, "AWS_REGION": REGION}, arn=arn)
    assert at_aws.endpoint == f"https://logs.{region}.{suffix}"


def test_arn_needs_no_region_of_the_function(client: Client) -> None:
    """It has one of its own."""
    arn = Arn("aws", "logs", "us-west-2", "123456789012", "log-group:/kept")

    assert client("logs", KEYS, arn=arn).endpoint == "https://logs.us-west-2.amazonaws.com"


def moved(region: str, *, number: int = 301, code: str = "PermanentRedirect") -> HttpReply:
    body = f"<Error><Code>{code}</Code></Error>".encode()
    return HttpReply(number, body, {"x-amz-bucket-region": region})


@pytest.mark.parametrize(
    ("number", "code"), [(301, "PermanentRedirect"), (400, "AuthorizationHeaderMalformed")]
)
def test_client_follows_a_bucket_to_its_region(
    server: RecordingReceiver, s3: AwsClient, number: int, code: str
) -> None:
    """S3 names the region; later requests are signed for it at once."""
    server.answers = [moved("us-west-2", number=number, code=code), OK]

    replies = [s3.request("PUT", "/bucket/key", body=b"x", until_s=until()) for _ in range(2)]

    assert [one.status for one in replies] == [200, 200]
    regions = [asked.headers["authorization"].split("/")[2] for asked in server.requests]
    assert regions == [REGION, "us-west-2", "us-west-2"]
    assert {asked.body for asked in server.requests} == {b"x"}


def skewed(code: str, *, ahead_s: float) -> HttpReply:
    date = email.utils.formatdate(time.time() + ahead_s, usegmt=True)
    return as_json({"__type": code, "message": "m"}, 400, Date=date)


def signed_at(asked: Request) -> int:
    return calendar.timegm(time.strptime(asked.headers["x-amz-date"], "%Y%m%dT%H%M%SZ"))


@pytest.mark.parametrize("code", ["RequestTimeTooSkewed", "InvalidSignatureException"])
@pytest.mark.parametrize("ahead_s", [3600.0, -3600.0])
def test_client_corrects_clock_skew(
    server: RecordingReceiver, logs: AwsClient, code: str, ahead_s: float
) -> None:
    """Later requests are signed with the time of AWS's answer."""
    server.answers = [skewed(code, ahead_s=ahead_s), OK]

    replies = [describe(logs), describe(logs)]

    assert [one.status for one in replies] == [200, 200]
    ours, *corrected = (signed_at(one) - time.time() for one in server.requests)
    assert abs(ours) < 5
    assert [abs(one - ahead_s) < 5 for one in corrected] == [True, True]


def test_client_corrects_the_clock_once_a_call(server: RecordingReceiver, logs: AwsClient) -> None:
    """A server whose own clock jumps must not be asked for ever."""
    server.answers = [skewed("RequestExpired", ahead_s=1000 * number) for number in range(1, 6)]

    assert describe(logs).status == 400
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("service", "answer", "code"),
    [
        ("s3", lambda: moved(REGION), "PermanentRedirect"),
        ("s3", lambda: moved("evil.example/"), "PermanentRedirect"),
        ("s3", lambda: moved(""), "PermanentRedirect"),
        ("logs", lambda: skewed("InvalidSignatureException", ahead_s=20), "InvalidSignatureException"),
        ("logs", lambda: as_json({"__type": "RequestExpired"}, 400, Date="yesterday"), "RequestExpired"),
        ("logs", lambda: skewed("AccessDeniedException", ahead_s=3600), "AccessDeniedException"),
        ("logs", lambda: as_json({"__type": "ExpiredTokenException"}, 400), "ExpiredTokenException"),
    ],
    ids=["same region", "no region's name", "no region", "same time", "no date", "other reason", "own credentials"],
)  # fmt: skip
def test_refusal_that_cannot_be_corrected_is_the_reply(
    server: RecordingReceiver, request: pytest.FixtureRequest, service: str, answer: Callable[[], HttpReply], code: str
) -> None:  # fmt: skip
    """The request is not sent again, nor to a host that an answer made up."""
    server.answers = [answer()]

    reply = request.getfixturevalue(service).request("PUT", "/bucket/key", until_s=until())

    detail = f"{code} (status {reply.status})"
    assert receipt_for_aws(reply, sent_bytes=0) == Receipt(Answer.DENIED, detail)
    assert len(server.requests) == 1


def test_client_fetches_expired_credentials_again(
    server: RecordingReceiver, endpoint: RecordingReceiver, client: Client
) -> None:
    """An endpoint may have new credentials for the same call."""
    keys = {"AccessKeyId": "AK", "SecretAccessKey": "s"}
    endpoint.answers = [as_json({**keys, "Token": token}) for token in ("T1", "T2")]
    server.answers = [as_json({"__type": "ExpiredTokenException"}, 400), OK]
    environ = {"AWS_REGION": REGION, "AWS_ENDPOINT_URL": server.url}
    environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = endpoint.url

    reply = describe(client("logs", environ))

    assert reply.status == 200
    assert [one.headers["x-amz-security-token"] for one in server.requests] == ["T1", "T2"]


@pytest.mark.parametrize(
    ("environ", "code", "detail"),
    [
        ({"AWS_REGION": REGION}, "NoCredentials", "no AWS credentials in the environment"),
        (KEYS, "NoRegion", "no AWS region: AWS_REGION is not set"),
    ],
)
def test_missing_credentials_or_region_make_a_reply(
    client: Client, environ: dict[str, str], code: str, detail: str
) -> None:
    """Nothing is sent, and the receipt names what is missing."""
    reply = describe(client("logs", environ))

    assert error_code(reply) == code
    assert receipt_for_aws(reply, sent_bytes=0) == Receipt(Answer.DENIED, detail)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"AWS_ENDPOINT_URL": "http://[::1"}, Reason.URL_INVALID),
        ({"AWS_ENDPOINT_URL": "http://h:port"}, Reason.URL_INVALID),
        ({"AWS_ENDPOINT_URL": "https://h:9", "AWS_CA_BUNDLE": "/none.pem"}, Reason.AUTHORITIES_UNREADABLE),
    ],
)  # fmt: skip
def test_variable_that_cannot_be_used_has_its_reason(
    client: Client, more: dict[str, str], reason: Reason
) -> None:
    """The authorities of AWS_CA_BUNDLE come before the system's, as in AWS's SDKs."""
    with pytest.raises(Unreachable) as caught:
        describe(client("logs", {**KEYS, **more}))

    assert caught.value.reason is reason


def test_call_ends_in_time(server: RecordingReceiver, logs: AwsClient) -> None:
    """The request may have arrived."""
    server.answers = [STALL]

    with pytest.raises(Unreachable) as caught:
        logs.call("Logs_20140328.Do", {}, until_s=time.monotonic() + 0.2)

    assert caught.value.uncertain


@pytest.mark.parametrize("repeatable", [True, False])
def test_call_is_repeated_only_if_it_may_be(
    server: RecordingReceiver, logs: AwsClient, repeatable: bool
) -> None:
    """A kept connection was lost on the request, which may have arrived."""
    server.answers = [OK, CLOSE, OK]
    describe(logs)

    try:
        reply = logs.call("Logs_20140328.Do", {}, until_s=until(), repeatable=repeatable)
        found = (reply.status, False)
    except Unreachable as error:
        found = (0, error.uncertain)

    assert found == ((200, False) if repeatable else (0, True))
    assert len(server.requests) == (3 if repeatable else 2)


def test_call_can_be_broken_off(server: RecordingReceiver, logs: AwsClient) -> None:
    """Another thread aborts it."""
    server.answers = [STALL]
    timer = threading.Timer(0.2, logs.abort)
    timer.start()

    with pytest.raises(Unreachable):
        describe(logs)

    timer.join()


# against emulators of AWS: data ------------------------------------------------------------------------------------


@pytest.mark.services
def test_log_events_reach_cloudwatch(client: Client) -> None:
    """A message is read back as it was put."""
    aws = moto()
    logs = client("logs", aws.environ())
    group = unique("group")
    names = {"logGroupName": group, "logStreamName": "stream"}
    event = {"timestamp": int(time.time() * 1000), "message": "größe \N{SNOWMAN} \x01"}

    replies = [
        logs.call("Logs_20140328.CreateLogGroup", {"logGroupName": group}, until_s=until()),
        logs.call("Logs_20140328.CreateLogStream", names, until_s=until()),
        logs.call("Logs_20140328.PutLogEvents", {**names, "logEvents": [event]}, until_s=until()),
    ]

    assert [one.status for one in replies] == [200, 200, 200]
    assert [one["message"] for one in aws.log_events(group, "stream")] == [event["message"]]


@pytest.mark.services
@pytest.mark.parametrize("key", ["plain", "a b/c+d=1~é[x]{y}", "hour=07/x-1.ndjson.gz", "100%25"])
def test_objects_reach_s3(client: Client, key: str) -> None:
    """The object has the key that was named, whatever characters it holds."""
    aws = moto()
    bucket = aws.make_bucket(unique("bucket"))
    s3 = client("s3", aws.environ())
    headers = {"Content-Type": "application/x-ndjson"}

    answer = s3.request(
        "PUT", f"/{bucket}/{key}", headers=headers, body=b"\x1f\x8b", until_s=until()
    )

    assert answer.is_success
    assert aws.object_keys(bucket) == [key]
    assert aws.object(bucket, key).content == b"\x1f\x8b"
    assert aws.object(bucket, key).headers["content-type"] == "application/x-ndjson"


@pytest.mark.services
@pytest.mark.parametrize("emulator", [moto, ministack])
def test_missing_group_bucket_or_stream_is_denied(
    client: Client, emulator: Callable[[], AwsService]
) -> None:
    """Somebody has to make it."""
    environ = emulator().environ()
    put = {"logGroupName": unique("g"), "logStreamName": "s", "logEvents": []}
    records = {"DeliveryStreamName": unique("d"), "Records": [{"Data": "YQ=="}]}

    answers = [
        client("logs", environ).call("Logs_20140328.PutLogEvents", put, until_s=until()),
        client("s3", environ).request("PUT", f"/{unique('none')}/key", until_s=until()),
        client("firehose", environ).call("Firehose_20150804.PutRecordBatch", records, until_s=until()),
    ]  # fmt: skip

    not_found = "ResourceNotFoundException"
    assert [error_code(one) for one in answers] == [not_found, "NoSuchBucket", not_found]
    assert {receipt_for_aws(one, sent_bytes=0).answer for one in answers} == {Answer.DENIED}


# against an emulator of AWS: signatures ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def user() -> Keys:
    return ministack().user_keys()


@pytest.fixture(scope="module")
def role() -> Keys:
    return ministack().role_keys()


@pytest.mark.services
@pytest.mark.parametrize("whose", ["user", "role"])
def test_services_accept_our_signatures(
    client: Client, whose: str, request: pytest.FixtureRequest
) -> None:
    """With the keys of a user, and with the session token of a role."""
    aws = ministack()
    environ = aws.environ(request.getfixturevalue(whose))
    bucket = aws.make_bucket(unique("bucket"))
    listed = {"MaxResults": 1}
    key = "a b/c+d=1~é[x]{y}"

    answers = [
        describe(client("logs", environ)),
        client("s3", environ).request("PUT", f"/{bucket}/{key}", headers={"A": "b  c"}, body=b"x", until_s=until()),
        client("s3", environ).request("GET", f"/{bucket}", query="prefix=a%20b%2F&list-type=2", until_s=until()),
        client("firehose", environ).call("Firehose_20150804.ListDeliveryStreams", {}, until_s=until()),
        client("ssm", environ).call("AmazonSSM.DescribeParameters", listed, until_s=until()),
        client("secretsmanager", environ).call("secretsmanager.ListSecrets", {}, until_s=until()),
    ]  # fmt: skip

    assert [(one.status, error_code(one)) for one in answers] == [(200, "")] * 6
    assert aws.object_keys(bucket) == [key]


@pytest.mark.services
@pytest.mark.parametrize("service", ["logs", "s3"])
def test_wrong_keys_are_denied(client: Client, user: Keys, role: Keys, service: str) -> None:
    """The receipt names the code and nothing else."""
    aws = ministack()
    bucket = aws.make_bucket(unique("bucket"))
    wrong = [
        user._replace(secret_access_key="not this one"),
        Keys("AKIAIOSFODNN7EXAMPLE", "whatever"),
        role._replace(session_token="not this one"),
        role._replace(session_token=""),
    ]

    answers = [ask(client(service, aws.environ(keys)), bucket) for keys in wrong]

    codes = {
        "logs": ["InvalidSignatureException", *["UnrecognizedClientException"] * 3],
        "s3": ["SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidToken", "InvalidAccessKeyId"],
    }
    assert [error_code(one) for one in answers] == codes[service]
    for answer, code in zip(answers, codes[service], strict=True):
        receipt = receipt_for_aws(answer, sent_bytes=0)
        assert receipt == Receipt(Answer.DENIED, f"{code} (status {answer.status})")


@pytest.mark.services
def test_action_without_permission_is_denied(client: Client) -> None:
    """The receipt names the code."""
    keys = ministack().user_keys(policy=None)

    answer = describe(client("logs", ministack().environ(keys)))

    detail = f"AccessDeniedException (status {answer.status})"
    assert receipt_for_aws(answer, sent_bytes=0) == Receipt(Answer.DENIED, detail)


@pytest.mark.services
@pytest.mark.parametrize("service", ["logs", "s3"])
@pytest.mark.parametrize("off_s", [-20 * 60.0, 20 * 60.0])
def test_aws_accepts_the_corrected_clock(
    client: Client, user: Keys, service: str, off_s: float
) -> None:
    """Twenty minutes behind or ahead cost one refused attempt, the first time."""
    aws = ministack()
    bucket = aws.make_bucket(unique("bucket"))
    one = client(service, aws.environ(user), wall_s=lambda: time.time() + off_s)

    answers = [ask(one, bucket), ask(one, bucket)]

    assert [(answer.status, error_code(answer)) for answer in answers] == [(200, "")] * 2


@pytest.mark.services
def test_credentials_of_an_endpoint_sign(
    client: Client, role: Keys, endpoint: RecordingReceiver
) -> None:
    """The endpoint of a SnapStart function provides them."""
    names = ("AccessKeyId", "SecretAccessKey", "Token")
    endpoint.answers = [as_json(dict(zip(names, role, strict=True)))]
    environ = {
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": ministack().url,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{endpoint.url}/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "the token",
    }

    answer = describe(client("logs", environ))

    assert answer.status == 200
    assert endpoint.requests[0].headers["authorization"] == "the token"
