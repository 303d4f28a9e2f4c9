import gzip
import json
import time
from datetime import datetime, timezone
from typing import Any

import pytest

from extension.sinks.base import SinkConfig
from extension.sinks.s3 import S3Sink
from show.model.errors import ShowError
from show.sources import s3
from show.sources.command import Aws
from show.sources.progress import Progress
from show.sources.s3 import Bucket
from show.sources.span import read_since
from tests.doubles.extension.chunks import STAMP, chunk
from tests.doubles.lambda_events import line
from tests.services.aws import REGION, AwsService, moto
from tests.services.environment import unique
from tests.templates.validators import aws_environ

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]

WAIT_S = 10.0


def opened(url: str, *, since: str = "1h") -> Bucket:
    aws = Aws(REGION, Progress(), aws_environ(moto()))
    return Bucket(url, read_since(since, now_s=time.time()), aws=aws, progress=Progress())


def iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def sent(bucket: str, *ages_s: float, **metadata: Any) -> None:
    """Let the sink write one line for each age, in an object of its own."""
    sink = S3Sink(SinkConfig(f"s3://{bucket}/lambda", moto().environ()))
    for number, age_s in enumerate(ages_s):
        said = [line(f"{age_s:.0f} s ago", time=iso(time.time() - age_s))]
        receipt = sink.send(
            [chunk(said, first_number=number, metadata=STAMP._replace(**metadata))],
            timeout_s=WAIT_S,
        )
        assert receipt.answer.name == "TAKEN"
    sink.close()


def texts(source: Bucket) -> list[str]:
    return [entry.text for entry in source.summaries()]


@pytest.fixture(name="bucket")
def new_bucket() -> str:
    return moto().make_bucket(unique("kept"))


def put(aws: AwsService, bucket: str, key: str, body: bytes) -> None:
    aws._request("s3", "PUT", f"/{bucket}/{key}", content=body)


def test_objects_of_the_hours_in_question_are_read(bucket: str) -> None:
    """Of all functions, or of one; what is older is not even listed."""
    sent(bucket, 60, 5 * 3600, 48 * 3600)
    sent(bucket, 120, function="other")

    assert sorted(texts(opened(f"s3://{bucket}/lambda"))) == ["120 s ago", "60 s ago"]
    assert texts(opened(f"s3://{bucket}/lambda/function=other/")) == ["120 s ago"]
    assert len(texts(opened(f"s3://{bucket}/lambda", since="3d"))) == 4


def test_what_was_read_is_remembered(bucket: str) -> None:
    """An id and its transaction are looked for in the same objects."""
    sent(bucket, 60)
    source = opened(f"s3://{bucket}/lambda")

    first = source.summaries()

    assert source.naming("x") is first


def test_only_the_newest_objects_are_read_beyond_the_bound(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is told."""
    monkeypatch.setattr(s3, "MAX_OBJECTS", 2)
    sent(bucket, 3 * 3600, 2 * 3600, 3600)
    source = opened(f"s3://{bucket}/lambda", since="6h")

    assert sorted(texts(source)) == ["3600 s ago", "7200 s ago"]
    assert "more than 2 objects" in source.notes[0]


def test_reading_stops_at_the_bound_of_bytes(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "MAX_BYTES", 300)
    sent(bucket, 60, 120, 180)
    source = opened(f"s3://{bucket}/lambda")

    assert len(texts(source)) == 1
    assert "stopped at" in source.notes[0]


def test_a_listing_is_read_page_by_page(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And stops at a bound, which is told."""
    hour = datetime.now(timezone.utc)
    folder = f"lambda/function=shop/{hour:year=%Y/month=%m/day=%d/hour=%H}"
    for number in range(5):
        put(moto(), bucket, f"{folder}/e-{number}-x.ndjson.gz", gzip.compress(b"\n"))
    monkeypatch.setattr(s3, "PAGE_KEYS", 2)
    all_of_them = opened(f"s3://{bucket}/lambda")
    found = len(all_of_them._keys())

    monkeypatch.setattr(s3, "MAX_PAGES", 1)
    some = opened(f"s3://{bucket}/lambda")

    assert found == 5
    assert len(some._keys()) < 5
    assert "stopped after 1 pages" in some.notes[0]


def test_damaged_objects_are_told_and_others_are_read(bucket: str) -> None:
    """An object that is no gzip is read as it is, and what is no record is passed over."""
    hour = datetime.now(timezone.utc)
    folder = f"lambda/function=shop/{hour:year=%Y/month=%m/day=%d/hour=%H}"
    body = json.dumps({"time": iso(time.time() - 5), "type": "function", "record": "a"}).encode()
    put(moto(), bucket, f"{folder}/1.ndjson.gz", gzip.compress(body)[:-12])
    put(moto(), bucket, f"{folder}/2.ndjson", body + b"\nnothing\n")
    put(moto(), bucket, f"{folder}/3.ndjson.gz", b"\x1f\x8bno")
    source = opened(f"s3://{bucket}/lambda")

    assert texts(source)[-1] == "a"
    assert [note.partition("/3.")[2] or note.partition("/1.")[2] for note in source.notes] == [
        "ndjson.gz could not be read whole."
    ] * 2


def test_a_missing_bucket_is_told() -> None:
    with pytest.raises(ShowError, match="there is no bucket not-there"):
        opened("s3://not-there/x").summaries()


def test_long_spans_are_listed_by_the_day() -> None:
    """Each listing takes the aws command a second."""
    hours = s3._partitions(
        datetime(2026, 1, 1, 22, 30, tzinfo=timezone.utc),
        datetime(2026, 1, 2, 1, tzinfo=timezone.utc),
    )
    days = s3._partitions(
        datetime(2026, 1, 1, 12, tzinfo=timezone.utc), datetime(2026, 1, 3, tzinfo=timezone.utc)
    )

    assert hours[0] == "year=2026/month=01/day=01/hour=22"
    assert hours[-1] == "year=2026/month=01/day=02/hour=01"
    assert days == [f"year=2026/month=01/day=0{day}" for day in (1, 2, 3)]
