"""Objects of S3 that hold settings: what is asked, what is remembered, and what is said of failures."""

import json
import time
from typing import Any

import pytest

from extension.aws.objects import MAX_OBJECT_BYTES, Objects
from extension.model.receipt import Answer
from tests.doubles.recording_receiver import CLOSE, RecordingReceiver, Reply, as_json
from tests.services.aws import REGION, ministack, moto
from tests.services.environment import unique

WAIT_S = 10.0
KEYS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK", "AWS_REGION": REGION}
NAME = "//bucket/shop/settings.json"


def objects(environ: dict[str, str]) -> Objects:
    return Objects(environ, wall_s=time.time)


def at(server: RecordingReceiver) -> Objects:
    return objects({**KEYS, "AWS_ENDPOINT_URL": server.url})


def get(known: Objects, *names: str, timeout_s: float = WAIT_S) -> tuple[dict[str, str], Any]:
    """Fetch; return the texts by name, and the answers for the others."""
    return known.fetch([*names], until_s=time.monotonic() + timeout_s)


# Emulators of AWS ----------------------------------------------------------------------------------------------------


@pytest.mark.services
def test_object_is_fetched_when_it_has_changed() -> None:
    """S3 answers without the object while it is the same; the text stays known."""
    aws = moto()
    bucket = aws.make_bucket(unique("settings"))
    aws.put_object(bucket, "shop/a.json", '{"SAMPLE_RATE": 1}')
    name = f"//{bucket}/shop/a.json"
    known = objects(aws.environ())

    first, again = get(known, name), get(known, name)
    etag = known._known[name].etag
    aws.put_object(bucket, "shop/a.json", '{"SAMPLE_RATE": 0.5}')
    changed = get(known, name)

    assert first == again == ({name: '{"SAMPLE_RATE": 1}'}, {})
    assert changed == ({name: '{"SAMPLE_RATE": 0.5}'}, {})
    assert etag
    assert known._known[name].etag != etag


@pytest.mark.services
def test_conditional_get_is_signed_as_aws_wants_it() -> None:
    """By a session that may read the objects of one prefix alone; a missing one cannot be told from a denied one."""
    aws = ministack()
    bucket = aws.make_bucket(unique("settings"))
    aws.put_object(bucket, "shop/a", "0.5")
    aws.put_object(bucket, "other", "secret")
    allowed = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/shop/*",
    }
    keys = aws.role_keys({"Version": "2012-10-17", "Statement": [allowed]})
    known = objects(aws.environ(keys))
    ours, theirs = f"//{bucket}/shop/a", f"//{bucket}/other"

    found = [get(known, ours, theirs) for _ in range(2)]

    for values, failures in found:
        assert values == {ours: "0.5"}
        assert failures[theirs].detail.startswith(
            "AccessDenied (status 403): s3:GetObject is missing"
        )


@pytest.mark.services
def test_missing_object_is_said_to_be_missing() -> None:
    """To those who may list the bucket."""
    aws = moto()
    bucket = aws.make_bucket(unique("settings"))

    _, failures = get(objects(aws.environ()), f"//{bucket}/nothing", f"//{unique('none')}/a")

    missing, no_bucket = failures.values()
    assert missing.detail == "NoSuchKey (status 404): no such object"
    assert no_bucket.detail == "NoSuchBucket (status 404)"
    assert missing.answer is no_bucket.answer is Answer.DENIED


# A server of our own -------------------------------------------------------------------------------------------------


def test_request_is_conditional_once_the_object_is_known(server: RecordingReceiver) -> None:
    """By the ETag of the last answer; the owner is told if the reference names one."""
    server.answers = [
        Reply(200, b"\xef\xbb\xbfone", {"ETag": '"1"'}),
        Reply(304),
        Reply(200, b"two"),
    ]
    known = at(server)
    name = f"{NAME}?owner=123456789012"

    found = [get(known, name)[0][name] for _ in range(3)]

    assert found == ["one", "one", "two"]
    assert [one.headers.get("if-none-match") for one in server.requests] == [None, '"1"', '"1"']
    assert {one.target for one in server.requests} == {"/bucket/shop/settings.json"}
    assert {one.headers["x-amz-expected-bucket-owner"] for one in server.requests} == {
        "123456789012"
    }


def test_object_without_an_etag_is_fetched_whole_each_time(server: RecordingReceiver) -> None:
    """A store that speaks S3's protocol may have none."""
    server.answers = [Reply(200, b"one"), Reply(200, b"two")]
    known = at(server)

    assert [get(known, NAME)[0][NAME] for _ in range(2)] == ["one", "two"]
    assert "if-none-match" not in server.requests[1].headers


def test_region_of_a_bucket_is_followed_and_remembered(server: RecordingReceiver) -> None:
    """A redirection at each refresh would be one request too many."""
    elsewhere = Reply(301, b"<Code>PermanentRedirect</Code>", {"x-amz-bucket-region": "us-west-2"})
    server.answers = [elsewhere, Reply(200, b"one", {"ETag": '"1"'}), Reply(304)]
    known = at(server)

    found = [get(known, NAME) for _ in range(2)]

    assert found == [({NAME: "one"}, {})] * 2
    regions = [asked.headers["authorization"].split("/")[2] for asked in server.requests]
    assert regions == [REGION, "us-west-2", "us-west-2"]


@pytest.mark.parametrize(
    ("name", "region", "host"),
    [
        ("//bucket/a", "eu-west-1", "bucket.s3.eu-west-1.amazonaws.com"),
        ("//my.bucket/a", "eu-west-1", "s3.eu-west-1.amazonaws.com"),
        ("//arn:aws-cn:s3:::bucket/a", "cn-north-1", "bucket.s3.cn-north-1.amazonaws.com.cn"),
        ("//arn:aws-us-gov:s3:::bucket/a", "us-gov-west-1", "bucket.s3.us-gov-west-1.amazonaws.com"),
        ("//arn:aws:s3:us-west-2:123456789012:accesspoint/kept/a", "eu-west-1", "kept-123456789012.s3-accesspoint.us-west-2.amazonaws.com"),
    ],
)  # fmt: skip
def test_object_is_asked_for_where_its_bucket_is(
    server: RecordingReceiver, name: str, region: str, host: str
) -> None:
    """By the function's region, unless an ARN has another. The proxy sees the host that is asked for."""
    server.answers = [Reply(403)]

    get(objects({**KEYS, "AWS_REGION": region, "HTTPS_PROXY": server.url}), name)

    [tunnel] = server.requests
    assert (tunnel.method, tunnel.target) == ("CONNECT", f"{host}:443")


def test_bucket_of_another_partition_is_not_asked_for(server: RecordingReceiver) -> None:
    """A bucket of the same name in the function's own partition may be a stranger's."""
    name = "//arn:aws-cn:s3:::bucket/a"

    _, failures = get(at(server), name)

    assert failures[name].detail == "the ARN is of another partition of AWS than the region"
    assert server.requests == []


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("//bucket", "the reference names a bucket and no object"),
        ("//bucket/", "the reference names a bucket and no object"),
        ("//under_score/a", "no bucket has such a name"),
        ("//bucket/a?sse=AES256", "behind ? may stand owner, and nothing else"),
        ("//bucket/a/../b", "no part of the prefix may be . or .."),
    ],
)
def test_reference_that_names_no_object_is_a_failure(
    server: RecordingReceiver, name: str, detail: str
) -> None:
    """Nothing is asked for."""
    values, failures = get(at(server), name)

    assert (values, failures[name].answer, failures[name].detail) == ({}, Answer.DENIED, detail)
    assert server.requests == []


@pytest.mark.parametrize(
    ("answer", "kind", "detail"),
    [
        (Reply(200, b"x" * (MAX_OBJECT_BYTES + 1)), Answer.DENIED, "the object is larger than 256 KiB"),
        (Reply(200, b"x" * 3_000_000), Answer.DENIED, "the object is larger than 256 KiB"),
        (Reply(200, b"\xff very secret"), Answer.DENIED, "the object is no text in UTF-8"),
        (Reply(200, b"half", {"Content-Length": "9"}), Answer.UNAVAILABLE, "the answer broke off"),
        (Reply(503, b"<Code>SlowDown</Code>"), Answer.UNAVAILABLE, "SlowDown (status 503)"),
        (Reply(304), Answer.REFUSED, "status 304"),
        (CLOSE, Answer.UNAVAILABLE, ""),
    ],
    ids=["large", "huge", "binary", "half", "throttled", "unasked 304", "silence"],
)  # fmt: skip
def test_answer_that_cannot_be_used_is_a_failure(
    server: RecordingReceiver, answer: Any, kind: Answer, detail: str
) -> None:
    """What may pass is told from what stays; no part of the object is shown."""
    if isinstance(answer, Reply) and "Content-Length" in answer.headers:
        server.otherwise, answer = CLOSE, answer.encode()
        server.answers = [lambda _asked: answer]
    else:
        server.answers = [answer]

    values, failures = get(at(server), NAME, timeout_s=2.0)

    assert values == {}
    assert failures[NAME].answer is kind
    assert failures[NAME].detail.startswith(detail)
    assert "secret" not in failures[NAME].detail


def test_largest_object_is_fetched(server: RecordingReceiver) -> None:
    """The bound itself is within the bound."""
    server.answers = [Reply(200, b"x" * MAX_OBJECT_BYTES)]

    values, _ = get(at(server), NAME)

    assert len(values[NAME]) == MAX_OBJECT_BYTES


def test_object_that_fails_stops_no_other(server: RecordingReceiver) -> None:
    """Each has its share of the time."""
    server.answers = [as_json({}, 500), Reply(200, json.dumps({}).encode())]

    values, failures = get(at(server), "//bucket/a", "//bucket/b")

    assert (values, list(failures)) == ({"//bucket/b": "{}"}, ["//bucket/a"])
