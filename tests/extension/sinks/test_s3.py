import gzip
import hashlib
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from extension.model.chunk import Chunk
from extension.model.ndjson import encode
from extension.model.receipt import Answer
from extension.sinks.base import SinkConfig
from extension.sinks.s3 import S3Sink, object_key
from extension.transport.client import Reply
from tests.doubles.extension.chunks import ENVIRONMENT, STAMP, at, chunk, gap, lines
from tests.doubles.lambda_events import line, report
from tests.doubles.recording_receiver import Reply as HttpAnswer
from tests.services.aws import ministack, moto
from tests.services.environment import needs_services, unique
from tests.services.limits import Behaviour, LimitsFront, hang_up, limits_front, succeed, swallow

WAIT_S = 10.0
NOON = datetime(2026, 2, 3, 12, 34, tzinfo=timezone.utc)
OPENED_S = 1_790_000_000.0
KEYS = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def error(status: int, code: str) -> Behaviour:
    """Return an error as S3 writes it."""
    body = f"<Error><Code>{code}</Code></Error>".encode()
    return lambda _request, _pass_on: HttpAnswer(status, body)


@pytest.fixture
def sink(front: LimitsFront) -> Iterator[S3Sink]:
    opened = S3Sink(SinkConfig("s3://logs/app", {**KEYS, "AWS_ENDPOINT_URL": front.url}))
    yield opened
    opened.close()


# keys --------------------------------------------------------------------------------------------------------------


def key_of(chunks: list[Chunk], prefix: str = "") -> str:
    return object_key(prefix, chunks, b"body", otherwise_s=OPENED_S)


@pytest.mark.parametrize(("prefix", "folder"), [("logs/app", "logs/app/"), ("", "")])
def test_key_lies_in_hives_partitions(prefix: str, folder: str) -> None:
    """By function and hour; its name is the environment's, with the first record's number and the body's hash."""
    digits = hashlib.sha256(b"body").hexdigest()[:8]

    key = key_of([chunk([line("a", time=at(NOON))], first_number=17)], prefix)

    assert key == (
        f"{folder}function=shop/year=2026/month=02/day=03/hour=12/"
        f"{ENVIRONMENT}-17-{digits}.ndjson.gz"
    )


OLD, NEW = "2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("times", "at"),
    [([OLD, NEW], "2026-12-31-23"), (["", NEW], "2027-01-01-00"), (["soon"], "2026-09-21-14")],
    ids=["the first", "the first that has one", "none at all"],
)
def test_first_time_decides_the_hour(times: list[str], at: str) -> None:
    """Where no record has a time, it is when the sink was opened, so that a repetition has the same key."""
    key = key_of([chunk([line("a", time=time) for time in times])])

    assert re.findall("(?:year|month|day|hour)=([0-9]+)", key) == at.split("-")


def test_batches_have_different_keys() -> None:
    """Not in another environment, with another first record, nor with less in it."""
    batches = [
        [lines("a", "b")],
        [lines("a", "b", first_number=1)],
        [lines("a")],
        [lines("a", "b", metadata=STAMP._replace(environment_id="fedcba9876543210"))],
    ]

    keys = {object_key("", batch, encode(batch), otherwise_s=OPENED_S) for batch in batches}

    assert len(keys) == len(batches)


# requests ----------------------------------------------------------------------------------------------------------


def test_sink_puts_a_batch_as_one_object(front: LimitsFront, sink: S3Sink) -> None:
    """Gzipped NDJSON, whose name says so and no header."""
    batch = [lines("a", "Grüße 🍏"), gap(2), chunk([report()], first_number=3)]

    receipt = sink.send(batch, timeout_s=WAIT_S)

    (request,) = front.requests
    assert receipt.answer is Answer.TAKEN
    assert receipt.sent_bytes == len(request.body)
    assert gzip.decompress(request.body) == encode(batch)
    assert request.method == "PUT"
    assert request.headers["content-type"] == "application/x-ndjson"
    assert "content-encoding" not in request.headers
    assert request.headers["x-amz-content-sha256"] == hashlib.sha256(request.body).hexdigest()
    assert re.fullmatch(
        r"/logs/app/function%3Dshop/year%3D2026/month%3D10/day%3D12/hour%3D00/[^/]*\.ndjson\.gz",
        request.path,
    )


def test_repetition_is_the_same_request(front: LimitsFront, sink: S3Sink) -> None:
    """The answer got lost: the object is written again under the same key, with the same bytes."""
    front.behaviours.append(hang_up)
    batch = [lines("a", "b")]

    receipts = [sink.send(batch, timeout_s=WAIT_S) for _ in range(2)]

    assert [one.answer for one in receipts] == [Answer.UNAVAILABLE, Answer.TAKEN]
    assert receipts[0].uncertain
    first, second = front.requests
    assert (first.path, first.body) == (second.path, second.body)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(404, "NoSuchBucket"), Answer.DENIED),
        (error(503, "SlowDown"), Answer.UNAVAILABLE),
        (error(400, "EntityTooLarge"), Answer.TOO_LARGE),
    ],
)
def test_sink_reads_the_errors_of_s3(
    front: LimitsFront, sink: S3Sink, answer: Behaviour, expected: Answer
) -> None:
    """Missing and forbidden may be put right, busy passes, and nothing of a batch is told apart."""
    front.behaviours.append(answer)

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)

    assert receipt.answer is expected
    assert (receipt.taken, receipt.refused, receipt.sent_bytes) == (frozenset(), {}, 0)


CHINA = {"AWS_REGION": "cn-north-1"}


@pytest.mark.parametrize(
    ("url", "environ", "endpoint", "path"),
    [
        ("s3://logs", {}, "https://logs.s3.eu-west-1.amazonaws.com", "/"),
        ("s3://logs/a/b/", {}, "https://logs.s3.eu-west-1.amazonaws.com", "/"),
        ("s3://my.logs/a", {}, "https://s3.eu-west-1.amazonaws.com", "/my.logs/"),
        ("s3://logs", CHINA, "https://logs.s3.cn-north-1.amazonaws.com.cn", "/"),
        ("s3://logs", {"AWS_ENDPOINT_URL": "http://h:1"}, "http://h:1", "/logs/"),
        ("s3://logs", {"AWS_ENDPOINT_URL_S3": "https://vpce"}, "https://vpce", "/logs/"),
    ],
)
def test_bucket_is_part_of_s3s_own_host_alone(
    url: str, environ: dict[str, str], endpoint: str, path: str
) -> None:
    """With dots in its name no certificate would match, and another host has no such names."""
    sink = S3Sink(SinkConfig(url, KEYS | environ))

    assert (sink._client.endpoint, sink._folder) == (endpoint, path)


class Sent(NamedTuple):
    """A request that the sink has signed, before it leaves."""

    url: str
    headers: Mapping[str, str]

    @property
    def bucket(self) -> str:
        """Read the bucket as S3 does: from the host's name, or else from the path."""
        parts = urlsplit(self.url)
        in_host = re.fullmatch(
            r"([^/]+)\.s3(-fips)?(\.dualstack)?\.[a-z0-9-]+\.amazon.*", parts.netloc
        )
        return in_host[1] if in_host else parts.path.split("/")[1]


def sent_by(sink: S3Sink, *replies: Reply, monkeypatch: pytest.MonkeyPatch) -> list[Sent]:
    """Send a batch with each reply in turn, and return the requests; hosts of AWS cannot be had here."""
    sent: list[Sent] = []
    left = [*replies]

    def exchange(_method: str, url: str, *, headers: Mapping[str, str], **_more: object) -> Reply:
        sent.append(Sent(url, headers))
        return left.pop(0)

    monkeypatch.setattr(sink._client._transport, "exchange", exchange)
    while left:
        sink.send([lines("a")], timeout_s=WAIT_S)
    return sent


def moved_to(region: str, status: int = 301, code: str = "PermanentRedirect") -> Reply:
    body = f"<Error><Code>{code}</Code></Error>".encode()
    return Reply(status, {"x-amz-bucket-region": region}, body)


TAKEN = Reply(200, {}, b"")
MOVES = {
    "redirected": [moved_to("us-west-2"), TAKEN, TAKEN],
    "wrong signature": [moved_to("us-west-2", 400, "AuthorizationHeaderMalformed"), TAKEN],
    "twice": [moved_to("us-west-2"), moved_to("eu-central-1"), moved_to("eu-central-1"), TAKEN],
    "with a name in it": [moved_to("us-west-2.evil.example"), moved_to(""), moved_to("../logs")],
    "to another partition": [moved_to("cn-north-1"), moved_to("us-gov-west-1")],
}
PLACES: dict[str, dict[str, str]] = {
    "AWS": {},
    "dual stack": {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
    "FIPS": {"AWS_USE_FIPS_ENDPOINT": "true"},
    "FIPS, dual stack": {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"},
    "China": CHINA,
    "endpoint": {"AWS_ENDPOINT_URL": "https://logs.example.com"},
    "endpoint for S3": {"AWS_ENDPOINT_URL_S3": "https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com"},
    "no endpoint after all": {
        "AWS_ENDPOINT_URL": "https://h", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    },
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize(
    ("url", "bucket"),
    [
        ("s3://logs", "logs"),
        ("s3://logs/kept/here", "logs"),
        ("s3://my.logs/kept", "my.logs"),
        ("s3://arn:aws:s3:::logs/kept", "logs"),
        ("s3://shop-aqfqprnstn7aefdfbarligizwgyfouse1a-s3alias/kept", "shop-aqfqprnstn7aefdfbarligizwgyfouse1a-s3alias"),
    ],
)  # fmt: skip
def test_no_redirect_changes_the_bucket(
    url: str, bucket: str, move: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PUT into a bucket of another name would give the lines of a function to a stranger."""
    if place == "China":
        url = url.replace("arn:aws:", "arn:aws-cn:")
    sink = S3Sink(SinkConfig(f"{url}?owner=123456789012", KEYS | PLACES[place]))

    sent = sent_by(sink, *MOVES[move], monkeypatch=monkeypatch)

    assert {one.bucket for one in sent} == {bucket}
    assert {one.headers["x-amz-expected-bucket-owner"] for one in sent} == {"123456789012"}
    assert all("evil" not in one.url for one in sent)


def test_redirect_moves_the_host_and_the_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 names the region of a bucket that was asked for in the wrong one; later batches go there at once."""
    sink = S3Sink(SinkConfig("s3://logs", KEYS))

    sent = sent_by(sink, moved_to("us-west-2"), TAKEN, TAKEN, monkeypatch=monkeypatch)

    hosts = [urlsplit(one.url).netloc for one in sent]
    assert hosts == ["logs.s3.eu-west-1.amazonaws.com", *2 * ["logs.s3.us-west-2.amazonaws.com"]]
    regions = [one.headers["Authorization"].split("/")[2] for one in sent]
    assert regions == ["eu-west-1", "us-west-2", "us-west-2"]


def test_bucket_of_another_partition_is_not_looked_for_in_this_one() -> None:
    """The same name may be a stranger's bucket here, so nothing is sent."""
    sink = S3Sink(SinkConfig("s3://arn:aws-cn:s3:::logs", KEYS))

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)

    assert receipt.answer is Answer.DENIED
    assert "another partition" in receipt.detail


POINT = "s3://arn:aws:s3:us-west-2:123456789012:accesspoint"
HOST = "kept-123456789012.s3-accesspoint"


@pytest.mark.parametrize(
    ("url", "environ", "base"),
    [
        (f"{POINT}/kept", {}, f"https://{HOST}.us-west-2.amazonaws.com/"),
        (f"{POINT}:kept/a/b", {}, f"https://{HOST}.us-west-2.amazonaws.com/a/b/"),
        (f"{POINT}/kept", PLACES["FIPS, dual stack"], f"https://{HOST}-fips.dualstack.us-west-2.amazonaws.com/"),
        (f"{POINT}/kept", {"AWS_ENDPOINT_URL_S3": "http://h:1"}, "http://kept-123456789012.h:1/"),
        (POINT.replace("aws:s3:us-west-2", "aws-cn:s3:cn-north-1") + "/kept", {}, f"https://{HOST}.cn-north-1.amazonaws.com.cn/"),
    ],
)  # fmt: skip
def test_access_point_has_a_host_of_its_own(
    url: str, environ: dict[str, str], base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ARN decides region and signature, whatever the function's region."""
    sink = S3Sink(SinkConfig(url, KEYS | environ))

    (sent,) = sent_by(sink, TAKEN, monkeypatch=monkeypatch)

    region = "cn-north-1" if "cn-north-1" in url else "us-west-2"
    assert sent.url.partition("function")[0] == base
    assert f"/{region}/s3/aws4_request" in sent.headers["Authorization"]


KMS_KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    ("parameters", "headers"),
    [
        ("", {}),
        ("?sse=AES256", {"x-amz-server-side-encryption": "AES256"}),
        (
            f"?sse=aws:kms&kms-key-id={KMS_KEY}&bucket-key=true",
            {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": KMS_KEY,
                "x-amz-server-side-encryption-bucket-key-enabled": "true",
            },
        ),
        ("?sse=aws:kms:dsse", {"x-amz-server-side-encryption": "aws:kms:dsse"}),
        ("?owner=123456789012", {"x-amz-expected-bucket-owner": "123456789012"}),
    ],
)
def test_parameters_are_signed_headers(
    front: LimitsFront, parameters: str, headers: dict[str, str]
) -> None:
    """A bucket's policy wants them in each request, and S3 wants all of its headers signed."""
    sink = S3Sink(SinkConfig(f"s3://logs/app{parameters}", {**KEYS, "AWS_ENDPOINT_URL": front.url}))

    sink.send([lines("a")], timeout_s=WAIT_S)
    sink.close()

    (request,) = front.requests
    asked = {"x-amz-server-side-encryption", "x-amz-expected-bucket-owner"}
    told = {name: value for name, value in request.headers.items() if name.startswith((*asked,))}
    signed = request.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    assert told == headers
    assert {*headers, "x-amz-checksum-sha256"} <= {*signed}
    assert request.path.startswith("/logs/app/function%3Dshop/")


LOCKED = error(400, "InvalidRequest")


def test_bucket_with_object_lock_takes_the_object(front: LimitsFront, sink: S3Sink) -> None:
    """Such a bucket refuses every PUT without a checksum of the content."""
    front.then = lambda request, pass_on: (
        succeed() if "x-amz-checksum-sha256" in request.headers else LOCKED
    )(request, pass_on)

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)

    assert receipt.answer is Answer.TAKEN


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "InvalidRequest"),
        (400, "InvalidArgument"),
        (400, "KeyTooLongError"),
        (400, "KMS.DisabledException"),
        (400, "KMS.NotFoundException"),
        (400, "KMS.KMSInvalidStateException"),
        (400, ""),
        (405, "MethodNotAllowed"),
        (409, "InvalidBucketState"),
        (501, "NotImplemented"),
    ],
)
def test_refusal_of_an_object_is_a_denial(
    front: LimitsFront, sink: S3Sink, status: int, code: str
) -> None:
    """S3 reads no records, so none is to blame: the batch waits until the bucket or its key is mended."""
    front.behaviours.append(error(status, code))

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)

    assert receipt.answer is Answer.DENIED
    assert str(status) in receipt.detail


@pytest.mark.parametrize(
    ("url", "message", "told"),
    [
        ("s3://logs", "Access Denied", ["a permission is missing", "wants encryption (?sse=)"]),
        ("s3://logs?sse=AES256", "Access Denied", ["a permission is missing"]),
        ("s3://logs", "with an explicit deny in a resource-based policy", ["the bucket's policy denies it", "(?sse=)"]),
        ("s3://logs?sse=AES256&owner=123456789012", "Access Denied", ["another account owns the bucket (?owner=)"]),
    ],
)  # fmt: skip
def test_denial_names_its_causes(
    front: LimitsFront, url: str, message: str, told: list[str]
) -> None:
    """Permission, policy and owner have one and the same code."""
    body = f"<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>".encode()
    front.behaviours.append(lambda _request, _pass_on: HttpAnswer(403, body))
    sink = S3Sink(SinkConfig(url, {**KEYS, "AWS_ENDPOINT_URL": front.url}))

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)
    sink.close()

    assert receipt.answer is Answer.DENIED
    assert receipt.detail.startswith("AccessDenied (status 403): ")
    assert all(words in receipt.detail for words in told)
    assert ("sse" in receipt.detail) == ("sse" not in url)


@pytest.mark.parametrize(
    ("sha256", "violation"),
    [
        ("0" * 64, "the body is another than was signed"),
        ("UNSIGNED-PAYLOAD", "x-amz-content-sha256 is 'UNSIGNED-PAYLOAD'"),
        ("", "x-amz-content-sha256 is ''"),
    ],
)
def test_front_checks_the_signed_hash(sha256: str, violation: str) -> None:
    """What the other tests here rest upon: emulators do not look at the hash."""
    import httpx

    headers = {"x-amz-content-sha256": sha256} if sha256 else {}
    with limits_front("http://127.0.0.1:1") as front:
        reply = httpx.put(front.url + "/bucket/key", content=b"body", headers=headers)

    assert reply.status_code == 400
    assert front.violations == [f"PUT: {violation}"]


# the service -------------------------------------------------------------------------------------------------------


def sink_for(cloud: LimitsFront, url: str) -> S3Sink:
    return S3Sink(SinkConfig(url, moto().environ(AWS_ENDPOINT_URL=cloud.url)))


@pytest.mark.services
@pytest.mark.parametrize(
    "prefix", ["", "a", "a b/c+d", "Ärger/🍏", "100%/=&#/x", "/a/b/", "~t(1)*!'"]
)
def test_bucket_holds_what_was_sent(cloud: LimitsFront, prefix: str) -> None:
    """Whatever characters the prefix has."""
    bucket = moto().make_bucket(unique("logs"))
    sink = sink_for(cloud, f"s3://{bucket}/{prefix}")
    batch = [lines("plain\n", "Grüße 🍏", "", {"a": 1}), gap(4)]

    receipt = sink.send(batch, timeout_s=WAIT_S)
    sink.close()

    assert receipt.answer is Answer.TAKEN
    (key,) = moto().object_keys(bucket)
    assert key.startswith("/".join([*filter(None, [prefix.strip("/")]), "function=shop/"]))
    stored = moto().object(bucket, key)
    assert gzip.decompress(stored.content) == encode(batch)
    assert stored.headers["content-type"] == "application/x-ndjson"
    assert "content-encoding" not in stored.headers


@pytest.mark.services
@pytest.mark.parametrize(
    "prefix",
    ["", "a b/c+d", "Ärger/🍏", "100%/=&#/x", "~t(1)*!'", "x?sse=AES256", "x?owner=000000000000"],
)
def test_signature_holds_for_any_prefix(prefix: str) -> None:
    """A server that checks it takes the object, from a role with a session token."""
    keys = ministack().role_keys()
    bucket = ministack().make_bucket(unique("logs"))
    with limits_front(ministack().url) as front:
        environ = ministack().environ(keys, AWS_ENDPOINT_URL=front.url)
        sink = S3Sink(SinkConfig(f"s3://{bucket}/{prefix}", environ))

        receipt = sink.send([lines("a")], timeout_s=WAIT_S)
        sink.close()

    assert (receipt.answer, receipt.detail) == (Answer.TAKEN, "")
    assert front.violations == []


@pytest.mark.services
@pytest.mark.parametrize("name", ["logs", "my.logs"])
def test_object_of_a_redirected_request_is_in_its_bucket(cloud: LimitsFront, name: str) -> None:
    """With a dot in its name or without, and no object is anywhere else."""
    bucket = moto().make_bucket(unique(name))
    others = [moto().make_bucket(unique(one)) for one in ("kept", "other")]
    sink = sink_for(cloud, f"s3://{bucket}/{others[0]}?owner=123456789012")
    headers = {"x-amz-bucket-region": "us-west-2"}
    cloud.behaviours.append(lambda _request, _pass_on: HttpAnswer(301, b"", headers))

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)
    sink.close()

    assert receipt.answer is Answer.TAKEN
    assert [len(moto().object_keys(one)) for one in (bucket, *others)] == [1, 0, 0]
    first, second = cloud.requests
    assert first.path == second.path
    assert "/us-west-2/s3/aws4_request" in second.headers["authorization"]


@pytest.mark.services
def test_object_is_encrypted_as_the_sink_says(cloud: LimitsFront) -> None:
    """What a policy that wants encryption looks at is stored with the object."""
    bucket = moto().make_bucket(unique("logs"))
    sink = sink_for(cloud, f"s3://{bucket}/app?sse=aws:kms&kms-key-id={KMS_KEY}&bucket-key=true")

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)
    sink.close()

    assert receipt.answer is Answer.TAKEN
    (key,) = moto().object_keys(bucket)
    headers = moto().object(bucket, key).headers
    assert key.startswith("app/function=")
    assert headers["x-amz-server-side-encryption"] == "aws:kms"
    assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == KMS_KEY


@pytest.mark.services
def test_repeated_batch_is_stored_once(cloud: LimitsFront) -> None:
    """The answer got lost, the object did not; what is left of a batch is another object beside it."""
    bucket = moto().make_bucket(unique("logs"))
    sink = sink_for(cloud, f"s3://{bucket}")
    cloud.behaviours.append(swallow)

    answers = [sink.send([lines(*"ab")], timeout_s=WAIT_S).answer for _ in range(2)]
    sink.send([lines("a")], timeout_s=WAIT_S)
    sink.close()

    assert answers == [Answer.UNAVAILABLE, Answer.TAKEN]
    assert len(moto().object_keys(bucket)) == 2


@pytest.mark.services
def test_missing_bucket_is_denied_until_it_is_made(cloud: LimitsFront) -> None:
    """Until somebody does, the batch is denied; then it is taken."""
    bucket = unique("logs")
    sink = sink_for(cloud, f"s3://{bucket}")

    before = sink.send([lines("a")], timeout_s=WAIT_S)
    moto().make_bucket(bucket)
    after = sink.send([lines("a")], timeout_s=WAIT_S)
    sink.close()

    assert (before.answer, before.detail) == (Answer.DENIED, "NoSuchBucket (status 404)")
    assert after.answer is Answer.TAKEN


QUERY = """
import duckdb, json, sys
rows = duckdb.sql(
    "select function, year, month, day, hour, requestId, id, to_json(record)"
    " from read_ndjson_auto(?, hive_types_autocast=false) order by id",
    params=[sys.argv[1]],
).fetchall()
print(json.dumps(rows, default=str))
"""


@pytest.mark.services
def test_duckdb_reads_the_objects_in_place(cloud: LimitsFront, tmp_path: Path) -> None:
    """The tree of a bucket is a table: partitions are columns, counts and texts agree."""
    python = needs_services("python")
    if subprocess.run([str(python), "-c", "import duckdb"], check=False).returncode:
        pytest.skip("duckdb is not in the services' environment")
    bucket = moto().make_bucket(unique("logs"))
    sink = sink_for(cloud, f"s3://{bucket}/app")
    records: list[object] = [*(f"Zeile {n} 🍏\n" for n in range(8)), {"level": "ERROR", "n": 8}]
    for hour in range(3):
        said = [line(one, time=at(NOON, hours=hour)) for one in records[3 * hour : 3 * hour + 3]]
        sink.send([chunk(said, first_number=3 * hour)], timeout_s=WAIT_S)
    sink.close()
    for key in moto().object_keys(bucket):
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(moto().object(bucket, key).content)

    done = subprocess.run(
        [str(python), "-c", QUERY, f"{tmp_path}/app/**/*.ndjson.gz"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )

    rows = json.loads(done.stdout)
    assert [json.loads(row[-1]) for row in rows] == records
    assert [row[-2] for row in rows] == [f"{ENVIRONMENT}-{n}" for n in range(9)]
    assert {tuple(row[:5]) for row in rows} == {
        ("shop", "2026", "02", "03", hour) for hour in ("12", "13", "14")
    }
    assert {row[5] for row in rows} == {STAMP.request_id}
