import calendar
import email.utils
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, strategies as st

from extension.aws.client import AwsClient
from extension.aws.errors import error_code, receipt_for_aws
from extension.model.receipt import Answer as Told, Receipt
from extension.transport.client import Reply
from extension.transport.errors import Unreachable
from tests.doubles.http_server import Request
from tests.doubles.recording_receiver import (
    STALL,
    RecordingReceiver,
    Reply as HttpAnswer,
    as_json,
    aws_endpoint,
)
from tests.services.aws import REGION, AwsService, Keys, ministack, moto
from tests.services.environment import unique

WAIT_S = 10.0
KEYS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "very secret"}

Client = Callable[..., AwsClient]


@pytest.fixture
def client() -> Iterator[Client]:
    """Gives what makes clients, and closes them in the end."""
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
    """Calls something harmless."""
    return client.call("Logs_20140328.DescribeLogGroups", {}, until_s=until())


# against a server of our own ---------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[RecordingReceiver]:
    with aws_endpoint() as opened:
        yield opened


@pytest.fixture
def environ(server: RecordingReceiver) -> dict[str, str]:
    return {**KEYS, "AWS_REGION": REGION, "AWS_ENDPOINT_URL": server.url}


def test_a_call_in_the_json_protocol(
    server: RecordingReceiver, environ: dict[str, str], client: Client
) -> None:
    """The action is named in a header, the parameters are compact JSON, and all of it is signed."""
    environ["AWS_SESSION_TOKEN"] = "the token"
    payload = {"logGroupName": "größe", "half": "\ud800", "n": [1, None]}

    client("logs", environ).call("Logs_20140328.Do", payload, until_s=until())

    asked = server.requests[0]
    assert (asked.method, asked.path) == ("POST", "/")
    assert asked.body == '{"logGroupName":"größe","half":"?","n":[1,null]}'.encode()
    assert asked.headers["x-amz-target"] == "Logs_20140328.Do"
    assert asked.headers["content-type"] == "application/x-amz-json-1.1"
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"
    assert asked.headers["x-amz-security-token"] == "the token"
    assert (
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
        in (asked.headers["authorization"])
    )
    assert f"/{REGION}/logs/aws4_request" in asked.headers["authorization"]
    assert "very secret" not in str(asked)


def test_a_path_goes_out_as_it_was_signed(
    server: RecordingReceiver, environ: dict[str, str], client: Client
) -> None:
    """Whatever is in a key, the path arrives encoded once, byte for byte."""
    key = "a b/c+d=1~é[x]{y}&z@:;,'\"%25*!()#?|\\^`<>//last/"

    client("s3", environ).request(
        "PUT", f"/bucket/{key}", query="list-type=2&p=a%20b", body=b"body", until_s=until()
    )

    path, _, query = server.requests[0].target.partition("?")
    assert unquote(path) == f"/bucket/{key}"
    assert set(path) <= set("/-_.~%") | set(map(chr, range(128))) - set(
        " +=[]{}&@:;,'\"*!()#?|\\^`<>"
    )
    assert query == "list-type=2&p=a%20b"
    assert server.requests[0].headers["x-amz-content-sha256"] == (
        "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"
    )


def test_an_endpoint_may_have_a_path(
    server: RecordingReceiver, environ: dict[str, str], client: Client
) -> None:
    """What stands in AWS_ENDPOINT_URL behind the host goes before everything else."""
    environ["AWS_ENDPOINT_URL"] = f"{server.url}/front/aws/"

    client("s3", environ).request("GET", "/bucket/key", until_s=until())

    assert server.requests[0].path == "/front/aws/bucket/key"


def test_a_bucket_may_go_before_the_host(
    server: RecordingReceiver, environ: dict[str, str]
) -> None:
    """Only AWS's own endpoint has names for buckets."""
    at_aws = AwsClient("s3", {**KEYS, "AWS_REGION": REGION}, host_prefix="bucket.")
    at_home = AwsClient("s3", environ, host_prefix="bucket.")

    assert at_aws.endpoint == f"https://bucket.s3.{REGION}.amazonaws.com"
    assert at_home.endpoint == server.url


def moved(region: str, *, status: int = 301, code: str = "PermanentRedirect") -> HttpAnswer:
    body = f"<Error><Code>{code}</Code></Error>".encode()
    return HttpAnswer(status, body, {"x-amz-bucket-region": region})


@pytest.mark.parametrize(
    ("status", "code"), [(301, "PermanentRedirect"), (400, "AuthorizationHeaderMalformed")]
)
def test_a_bucket_may_be_in_another_region(
    server: RecordingReceiver, environ: dict[str, str], client: Client, status: int, code: str
) -> None:
    """S3 says where it is, and from then on the requests are signed for there."""
    server.answers = [moved("us-west-2", status=status, code=code), HttpAnswer()]
    s3 = client("s3", environ)

    replies = [s3.request("PUT", "/bucket/key", body=b"x", until_s=until()) for _ in range(2)]

    assert [one.status for one in replies] == [200, 200]
    regions = [asked.headers["authorization"].split("/")[2] for asked in server.requests]
    assert regions == [REGION, "us-west-2", "us-west-2"]
    assert {asked.body for asked in server.requests} == {b"x"}


def test_the_endpoint_moves_with_the_bucket() -> None:
    """At AWS's own endpoints the region is part of the name."""
    s3 = AwsClient("s3", {**KEYS, "AWS_REGION": REGION}, host_prefix="bucket.")

    put_right = s3._put_right(Reply(301, {"x-amz-bucket-region": "us-west-2"}, b""))

    assert put_right
    assert s3.endpoint == "https://bucket.s3.us-west-2.amazonaws.com"


@pytest.mark.parametrize("region", [REGION, "evil.example/", ""])
def test_what_is_no_other_region_changes_nothing(
    server: RecordingReceiver, environ: dict[str, str], client: Client, region: str
) -> None:
    """An answer that names the same region, or none, is what the call gives."""
    server.answers = [moved(region)]

    reply = client("s3", environ).request("PUT", "/bucket/key", until_s=until())

    assert receipt_for_aws(reply, sent_bytes=0) == Receipt(
        Told.DENIED, "PermanentRedirect (status 301)"
    )
    assert len(server.requests) == 1


def skewed(code: str, *, ahead_s: float) -> HttpAnswer:
    date = email.utils.formatdate(time.time() + ahead_s, usegmt=True)
    return as_json({"__type": code, "message": "m"}, 400, Date=date)


def signed_at(asked: Request) -> int:
    return calendar.timegm(time.strptime(asked.headers["x-amz-date"], "%Y%m%dT%H%M%SZ"))


@pytest.mark.parametrize("code", ["RequestTimeTooSkewed", "InvalidSignatureException"])
@pytest.mark.parametrize("ahead_s", [3600.0, -3600.0])
def test_a_clock_that_is_off_is_corrected(
    server: RecordingReceiver, environ: dict[str, str], client: Client, code: str, ahead_s: float
) -> None:
    """The time in AWS's answer is what is signed with from then on."""
    server.answers = [skewed(code, ahead_s=ahead_s), HttpAnswer()]
    logs = client("logs", environ)

    replies = [describe(logs), describe(logs)]

    assert [one.status for one in replies] == [200, 200]
    ours, *corrected = (signed_at(one) - time.time() for one in server.requests)
    assert abs(ours) < 5
    assert [abs(one - ahead_s) < 5 for one in corrected] == [True, True]


@pytest.mark.parametrize(
    "answer_of_now",
    [
        lambda: skewed("InvalidSignatureException", ahead_s=20),
        lambda: as_json({"__type": "InvalidSignatureException"}, 400, Date="yesterday"),
        lambda: skewed("AccessDeniedException", ahead_s=3600),
    ],
    ids=["nearly the same time", "a date that is none", "another reason"],
)
def test_a_clock_that_is_right_is_left_alone(
    server: RecordingReceiver,
    environ: dict[str, str],
    client: Client,
    answer_of_now: Callable[[], HttpAnswer],
) -> None:
    """A signature that is wrong for another reason is not tried again."""
    server.answers = [answer_of_now()]

    reply = describe(client("logs", environ))

    assert reply.status == 400
    assert len(server.requests) == 1


def test_a_clock_is_corrected_once_a_call(
    server: RecordingReceiver, environ: dict[str, str], client: Client
) -> None:
    """A server whose own clock jumps about is not asked for ever."""
    server.answers = [skewed("RequestExpired", ahead_s=1000 * number) for number in (1, 2, 3, 4, 5)]

    reply = describe(client("logs", environ))

    assert reply.status == 400
    assert len(server.requests) == 2


def given_out(name: str) -> HttpAnswer:
    return as_json({"AccessKeyId": f"AK{name}", "SecretAccessKey": "s", "Token": f"T{name}"})


def test_credentials_that_have_expired_are_fetched_anew(
    server: RecordingReceiver, environ: dict[str, str], client: Client
) -> None:
    """Where an endpoint gives credentials, the call is tried again with new ones."""
    with aws_endpoint() as endpoint:
        endpoint.answers = [given_out("1"), given_out("2")]
        server.answers = [as_json({"__type": "ExpiredTokenException"}, 400), HttpAnswer()]
        environ = {
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": server.url,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": endpoint.url,
        }

        reply = describe(client("logs", environ))

    assert reply.status == 200
    assert [one.headers["x-amz-security-token"] for one in server.requests] == ["T1", "T2"]


def test_credentials_of_the_environment_cannot_be_fetched_anew(
    server: RecordingReceiver, environ: dict[str, str], client: Client
) -> None:
    """Their expiry is an answer, and nothing is repeated."""
    server.answers = [as_json({"__type": "ExpiredTokenException"}, 400)]

    reply = describe(client("logs", environ))

    assert receipt_for_aws(reply, sent_bytes=0) == Receipt(
        Told.DENIED, "ExpiredTokenException (status 400)"
    )
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("environ", "code", "detail"),
    [
        ({"AWS_REGION": REGION}, "NoCredentials", "no AWS credentials in the environment"),
        (KEYS, "NoRegion", "no AWS region: AWS_REGION is not set"),
    ],
)
def test_what_is_missing_is_an_answer(
    client: Client, environ: dict[str, str], code: str, detail: str
) -> None:
    """Without credentials or region nothing is sent, and the receipt says what is the matter."""
    reply = describe(client("logs", environ))

    assert error_code(reply) == code
    assert receipt_for_aws(reply, sent_bytes=0) == Receipt(Told.DENIED, detail)


@pytest.mark.parametrize("url", ["http://[::1", "http://h:port"])
def test_an_endpoint_that_is_no_url(client: Client, url: str) -> None:
    """Trying again would not mend it."""
    logs = client("logs", {**KEYS, "AWS_ENDPOINT_URL": url})

    with pytest.raises(Unreachable) as caught:
        describe(logs)

    assert caught.value.forever


def test_certificate_authorities_of_aws_s_own_variable(
    server: RecordingReceiver, environ: dict[str, str], client: Client
) -> None:
    """AWS_CA_BUNDLE, which AWS's SDKs heed, comes before what the system trusts."""
    https = server.url.replace("http:", "https:")
    logs = client("logs", {**environ, "AWS_ENDPOINT_URL": https, "AWS_CA_BUNDLE": "/none.pem"})

    with pytest.raises(Unreachable) as caught:
        describe(logs)

    assert caught.value.detail == "the certificates to trust cannot be read"


def test_no_answer_in_time(
    server: RecordingReceiver, environ: dict[str, str], client: Client
) -> None:
    """A call ends when it was told to; it may have arrived."""
    server.answers = [STALL]
    logs = client("logs", environ)

    with pytest.raises(Unreachable) as caught:
        logs.call("Logs_20140328.Do", {}, until_s=time.monotonic() + 0.2)

    assert caught.value.uncertain


def hang_up(_asked: Request) -> HttpAnswer:
    raise ConnectionAbortedError


@pytest.mark.parametrize("repeatable", [True, False])
def test_what_may_have_arrived_is_repeated_only_where_it_may_be(
    server: RecordingReceiver, environ: dict[str, str], client: Client, repeatable: bool
) -> None:
    """A kept connection that is lost on a request costs a second one, or is told of."""
    server.answers = [HttpAnswer(), hang_up, HttpAnswer()]
    logs = client("logs", environ)
    describe(logs)

    try:
        status = logs.call("Logs_20140328.Do", {}, until_s=until(), repeatable=repeatable).status
        uncertain = False
    except Unreachable as error:
        status, uncertain = 0, error.uncertain

    assert (status, uncertain) == ((200, False) if repeatable else (0, True))
    assert len(server.requests) == (3 if repeatable else 2)


def test_a_call_can_be_broken_off(
    server: RecordingReceiver, environ: dict[str, str], client: Client
) -> None:
    """Aborting from another thread ends it."""
    server.answers = [STALL]
    logs = client("logs", environ)
    timer = threading.Timer(0.2, logs.abort)
    timer.start()
    began = time.monotonic()

    with pytest.raises(Unreachable):
        describe(logs)

    assert time.monotonic() - began < 0.9
    timer.join()


# what answers mean -------------------------------------------------------------------------------------------------


def reply(status: int, body: bytes = b"", **headers: str) -> Reply:
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (reply(400, b'{"__type":"ResourceNotFoundException"}'), "ResourceNotFoundException"),
        (reply(400, b'{"__type":"com.amazonaws.logs#A.Exception","x":1}'), "A.Exception"),
        (reply(400, b'{"code":"SomeError"}'), "SomeError"),
        (reply(400, x_amzn_errortype="SomeError:http://x/"), "SomeError"),
        (reply(400, b'{"__type":"Other"}', x_amzn_errortype="SomeError"), "SomeError"),
        (reply(404, b"<?xml?><Error><Code>NoSuchBucket</Code></Error>"), "NoSuchBucket"),
        (reply(404, b"<Error><Code>\n NoSuchBucket </Code></Error>"), "NoSuchBucket"),
        (reply(200, b'{"__type":"SomeError"}'), ""),
        (reply(400, b'{"__type":"what a customer wrote: 12345"}'), ""),
        (reply(400, b'{"__type":["SomeError"]}'), ""),
        (reply(400, b'["SomeError"]'), ""),
        (reply(400, b"<html>"), ""),
        (reply(400, b"[" * 100_000), ""),
        (reply(400, b"\xff"), ""),
        (reply(500), ""),
    ],
)
def test_where_an_error_s_code_stands(answer: Reply, code: str) -> None:
    """In a header, in JSON or in XML; what does not look like a code is none."""
    assert error_code(answer) == code


@pytest.mark.parametrize(
    ("status", "code", "answer"),
    [
        (400, "ThrottlingException", Told.UNAVAILABLE),
        (400, "ServiceUnavailableException", Told.UNAVAILABLE),
        (503, "SlowDown", Told.UNAVAILABLE),
        (400, "RequestTimeout", Told.UNAVAILABLE),
        (500, "InternalFailure", Told.UNAVAILABLE),
        (409, "OperationAborted", Told.UNAVAILABLE),
        (400, "ResourceNotFoundException", Told.DENIED),
        (404, "NoSuchBucket", Told.DENIED),
        (403, "AccessDenied", Told.DENIED),
        (400, "AccessDeniedException", Told.DENIED),
        (400, "UnrecognizedClientException", Told.DENIED),
        (400, "InvalidSignatureException", Told.DENIED),
        (400, "ExpiredTokenException", Told.DENIED),
        (301, "PermanentRedirect", Told.DENIED),
        (307, "TemporaryRedirect", Told.UNAVAILABLE),
        (400, "AuthorizationHeaderMalformed", Told.DENIED),
        (403, "SomethingElse", Told.DENIED),
        (413, "RequestEntityTooLarge", Told.TOO_LARGE),
        (400, "EntityTooLarge", Told.TOO_LARGE),
        (413, "", Told.TOO_LARGE),
        (400, "InvalidParameterException", Told.UNREADABLE),
        (400, "InvalidArgumentException", Told.UNREADABLE),
        (400, "ValidationException", Told.UNREADABLE),
        (400, "SerializationException", Told.UNREADABLE),
        (400, "", Told.UNREADABLE),
        (502, "", Told.UNAVAILABLE),
        (429, "", Told.UNAVAILABLE),
        (405, "MethodNotAllowed", Told.REFUSED),
        (400, "DataAlreadyAcceptedException", Told.TAKEN),
        (200, "", Told.TAKEN),
    ],
)
def test_what_an_answer_says_of_trying_again(status: int, code: str, answer: Told) -> None:
    """By the code where it is known, else by the status."""
    receipt = receipt_for_aws(
        reply(status, json.dumps({"__type": code, "message": "secret"}).encode()), sent_bytes=7
    )

    assert receipt.answer is answer
    assert receipt.sent_bytes == (7 if answer is Told.TAKEN else 0)
    shown = f"{code} (status {status})" if code else f"status {status}"
    assert receipt.detail == ("" if answer is Told.TAKEN else shown)


def test_retry_after_is_handed_on() -> None:
    """For what is unavailable only."""
    body = b'{"__type":"%s"}'

    waits = [
        receipt_for_aws(reply(400, body % code, **{"Retry-After": "7"}), sent_bytes=0).retry_after_s
        for code in (b"ThrottlingException", b"AccessDeniedException")
    ]

    assert waits == [7.0, None]


@given(status=st.integers(100, 599), body=st.binary(max_size=200), kind=st.text(max_size=80))
def test_any_answer_has_a_meaning(status: int, body: bytes, kind: str) -> None:
    """Whatever comes back, there is a receipt for it, and it shows no more than a code and a status."""
    receipt = receipt_for_aws(reply(status, body, x_amzn_errortype=kind), sent_bytes=1)

    assert isinstance(receipt.answer, Told)
    assert len(receipt.detail) < 100


# against emulators of AWS: data ------------------------------------------------------------------------------------


@pytest.mark.services
def test_log_events_reach_cloudwatch(client: Client) -> None:
    """What was put is what is read back."""
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
    """Bytes lie under the key that was named, whatever is in it."""
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
def test_what_is_missing(client: Client, emulator: Callable[[], AwsService]) -> None:
    """A group, a bucket or a stream that is not there is denied until somebody makes it."""
    environ = emulator().environ()
    put = {"logGroupName": unique("g"), "logStreamName": "s", "logEvents": []}
    records = {"DeliveryStreamName": unique("d"), "Records": [{"Data": "YQ=="}]}

    answers = [
        client("logs", environ).call("Logs_20140328.PutLogEvents", put, until_s=until()),
        client("s3", environ).request("PUT", f"/{unique('none')}/key", until_s=until()),
        client("firehose", environ).call(
            "Firehose_20150804.PutRecordBatch", records, until_s=until()
        ),
    ]

    assert [error_code(one) for one in answers] == [
        "ResourceNotFoundException",
        "NoSuchBucket",
        "ResourceNotFoundException",
    ]
    assert {receipt_for_aws(one, sent_bytes=0).answer for one in answers} == {Told.DENIED}


# against an emulator of AWS: signatures ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def user() -> Keys:
    return ministack().user_keys()


@pytest.fixture(scope="module")
def role() -> Keys:
    return ministack().role_keys()


@pytest.mark.services
@pytest.mark.parametrize("whose", ["user", "role"])
def test_signatures_are_right(client: Client, whose: str, request: pytest.FixtureRequest) -> None:
    """With a user's keys and with a role's session token, every service takes them."""
    aws = ministack()
    environ = aws.environ(request.getfixturevalue(whose))
    bucket = aws.make_bucket(unique("bucket"))
    listed = {"MaxResults": 1}

    answers = [
        describe(client("logs", environ)),
        client("s3", environ).request(
            "PUT", f"/{bucket}/a b/c+d=1~é[x]{{y}}", headers={"A": "b  c"}, body=b"x", until_s=until()
        ),
        client("s3", environ).request(
            "GET", f"/{bucket}", query="prefix=a%20b%2F&list-type=2", until_s=until()
        ),
        client("firehose", environ).call(
            "Firehose_20150804.ListDeliveryStreams", {}, until_s=until()
        ),
        client("ssm", environ).call("AmazonSSM.DescribeParameters", listed, until_s=until()),
        client("secretsmanager", environ).call("secretsmanager.ListSecrets", {}, until_s=until()),
    ]  # fmt: skip

    assert [(one.status, error_code(one)) for one in answers] == [(200, "")] * 6
    assert aws.object_keys(bucket) == ["a b/c+d=1~é[x]{y}"]


@pytest.mark.services
@pytest.mark.parametrize("service", ["logs", "s3"])
def test_keys_that_are_wrong_are_denied(
    client: Client, user: Keys, role: Keys, service: str
) -> None:
    """A wrong secret, an unknown key, and a wrong or missing token: each is told by its code, and nothing else is."""
    aws = ministack()
    bucket = aws.make_bucket(unique("bucket"))
    wrong = [
        user._replace(secret_access_key="not this one"),
        Keys("AKIAIOSFODNN7EXAMPLE", "whatever"),
        role._replace(session_token="not this one"),
        role._replace(session_token=""),
    ]

    answers = []
    for keys in wrong:
        one = client(service, aws.environ(keys))
        answers.append(
            describe(one)
            if service == "logs"
            else one.request("PUT", f"/{bucket}/key", until_s=until())
        )

    codes = {
        "logs": ["InvalidSignatureException", *["UnrecognizedClientException"] * 3],
        "s3": ["SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidToken", "InvalidAccessKeyId"],
    }
    assert [error_code(one) for one in answers] == codes[service]
    for answer, code in zip(answers, codes[service], strict=True):
        receipt = receipt_for_aws(answer, sent_bytes=0)
        assert receipt == Receipt(Told.DENIED, f"{code} (status {answer.status})")


@pytest.mark.services
def test_an_action_that_is_not_allowed_is_denied(client: Client) -> None:
    """A role without the permission is told of by code."""
    keys = ministack().user_keys(policy=None)

    answer = describe(client("logs", ministack().environ(keys)))

    assert receipt_for_aws(answer, sent_bytes=0) == Receipt(
        Told.DENIED, f"AccessDeniedException (status {answer.status})"
    )


@pytest.mark.services
@pytest.mark.parametrize("service", ["logs", "s3"])
@pytest.mark.parametrize("off_s", [-20 * 60.0, 20 * 60.0])
def test_an_environment_whose_clock_is_off(
    client: Client, user: Keys, service: str, off_s: float
) -> None:
    """Twenty minutes behind or ahead cost one refused attempt, and only the first time."""
    aws = ministack()
    bucket = aws.make_bucket(unique("bucket"))
    one = client(service, aws.environ(user), wall_s=lambda: time.time() + off_s)

    answers = [
        describe(one)
        if service == "logs"
        else one.request("PUT", f"/{bucket}/key", body=b"x", until_s=until())
        for _ in range(2)
    ]

    assert [(answer.status, error_code(answer)) for answer in answers] == [(200, "")] * 2


@pytest.mark.services
def test_an_endpoint_s_credentials_sign(client: Client, role: Keys) -> None:
    """What a SnapStart function's endpoint gives is what AWS takes."""
    with aws_endpoint() as endpoint:
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
