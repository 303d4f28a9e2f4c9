import gzip
import hashlib
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from extension.model.chunk import Chunk
from extension.model.ndjson import encode
from extension.model.receipt import Answer
from extension.sinks.base import SinkConfig
from extension.sinks.s3 import S3Sink, object_key
from tests.doubles.extension.chunks import ENVIRONMENT, STAMP, at, chunk, gap, lines
from tests.doubles.http_server import Request
from tests.doubles.lambda_events import line, report
from tests.doubles.recording_receiver import Reply as HttpAnswer
from tests.services.aws import ministack, moto
from tests.services.environment import needs_services, unique
from tests.services.limits import LimitsFront, hang_up, limits_front, swallow

WAIT_S = 10.0
NOBODY = "http://127.0.0.1:1"
NOON = datetime(2026, 2, 3, 12, 34, tzinfo=timezone.utc)
OPENED_S = 1_790_000_000.0
KEYS = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def ok(_request: Request, _pass_on: Callable[[], HttpAnswer]) -> HttpAnswer:
    return HttpAnswer(200)


def error(status: int, code: str) -> Callable[..., HttpAnswer]:
    """An error as S3 writes it."""

    def answer(_request: Request, _pass_on: Callable[[], HttpAnswer]) -> HttpAnswer:
        return HttpAnswer(status, f"<Error><Code>{code}</Code></Error>".encode())

    return answer


@pytest.fixture
def front() -> Iterator[LimitsFront]:
    with limits_front(NOBODY) as opened:
        opened.then = ok
        yield opened


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


@pytest.mark.parametrize(
    ("times", "partition"),
    [
        (
            ["2026-12-31T23:59:59.999Z", "2027-01-01T00:00:00.000Z"],
            "year=2026/month=12/day=31/hour=23",
        ),
        (["", "2027-01-01T00:00:00.000Z"], "year=2027/month=01/day=01/hour=00"),
        (["soon"], time.strftime("year=%Y/month=%m/day=%d/hour=%H", time.gmtime(OPENED_S))),
    ],
    ids=["the first", "the first that has one", "none at all"],
)
def test_first_time_decides_the_hour(times: list[str], partition: str) -> None:
    """Where no record has a time, it is when the sink was opened, so that a repetition has the same key."""
    assert f"/{partition}/" in key_of([chunk([line("a", time=time) for time in times])])


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
        (error(403, "AccessDenied"), Answer.DENIED),
        (error(301, "PermanentRedirect"), Answer.DENIED),
        (error(503, "SlowDown"), Answer.UNAVAILABLE),
        (error(500, "InternalError"), Answer.UNAVAILABLE),
        (error(400, "EntityTooLarge"), Answer.TOO_LARGE),
    ],
)
def test_sink_reads_the_errors_of_s3(
    front: LimitsFront, sink: S3Sink, answer: Callable[..., HttpAnswer], expected: Answer
) -> None:
    """Missing and forbidden may be put right, busy passes, and nothing of a batch is told apart."""
    front.behaviours.append(answer)

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)

    assert receipt.answer is expected
    assert (receipt.taken, receipt.refused, receipt.sent_bytes) == (frozenset(), {}, 0)


@pytest.mark.parametrize(
    ("url", "environ", "endpoint", "path"),
    [
        ("s3://logs", {}, "https://logs.s3.eu-west-1.amazonaws.com", "/"),
        ("s3://logs/a/b/", {}, "https://logs.s3.eu-west-1.amazonaws.com", "/"),
        ("s3://my.logs/a", {}, "https://s3.eu-west-1.amazonaws.com", "/my.logs/"),
        (
            "s3://logs",
            {"AWS_REGION": "cn-north-1"},
            "https://logs.s3.cn-north-1.amazonaws.com.cn",
            "/",
        ),
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


@pytest.mark.parametrize(
    ("headers", "violation"),
    [
        ({"x-amz-content-sha256": "0" * 64}, "the body is another than was signed"),
        (
            {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"},
            "x-amz-content-sha256 is 'UNSIGNED-PAYLOAD'",
        ),
        ({}, "x-amz-content-sha256 is ''"),
    ],
)
def test_front_checks_the_signed_hash(headers: dict[str, str], violation: str) -> None:
    """What the other tests here rest upon: emulators do not look at the hash."""
    import httpx

    with limits_front(NOBODY) as front:
        reply = httpx.put(front.url + "/bucket/key", content=b"body", headers=headers)

    assert reply.status_code == 400
    assert front.violations == [f"PUT: {violation}"]


# the service -------------------------------------------------------------------------------------------------------


@pytest.fixture
def cloud() -> Iterator[LimitsFront]:
    with limits_front(moto().url) as opened:
        yield opened
        assert not opened.violations


def sink_for(cloud: LimitsFront, url: str) -> S3Sink:
    return S3Sink(SinkConfig(url, moto().environ(AWS_ENDPOINT_URL=cloud.url)))


@pytest.mark.services
@pytest.mark.parametrize(
    "prefix", ["", "a", "a b/c+d", "Ärger/🍏", "100%/=&?#/x", "/a/b/", "~t(1)*!'"]
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
@pytest.mark.parametrize("prefix", ["", "a b/c+d", "Ärger/🍏", "100%/=&?#/x", "~t(1)*!'"])
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
