"""With the real aws command, on an emulator of AWS."""

from __future__ import annotations

import gzip
import json
import time
from typing import TYPE_CHECKING

import pytest

from attach.cloud.command import Aws, Stop
from prove.account.reading import Reader
from prove.plan.deployment import Planned, Wanted, plan
from tests.services.aws import REGION, control_plane
from tests.services.aws_command import command_environ

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.services

WANTED = Wanted(kinds=("python",), architectures=("arm64",), ways=("exit",))
DEPLOYMENT = plan("ab", WANTED, built=["python"], refused_sinks={})
NOW_MS = time.time_ns() // 1_000_000


def of_sink(key: str) -> Planned:
    return next(one for one in DEPLOYMENT.functions if one.sink.key == key)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    control_plane().reset()
    for name, value in command_environ().items():
        monkeypatch.setenv(name, value)
    say: Callable[[str], None] = print
    return Reader(Aws("", REGION, Stop(), say), DEPLOYMENT, since_ms=NOW_MS)


def test_group_of_the_sink_is_read_with_its_streams(reader: Reader) -> None:
    """What was there long before the run is not."""
    function, aws = of_sink("own"), control_plane()
    group = {"logGroupName": function.own_group}
    aws.call("Logs_20140328.CreateLogGroup", **group)
    aws.call("Logs_20140328.CreateLogStream", **group, logStreamName="s")
    for age_ms, message in ((7_200_000, "old"), (0, "a line")):
        events = [{"timestamp": NOW_MS - age_ms, "message": message}]
        aws.call("Logs_20140328.PutLogEvents", **group, logStreamName="s", logEvents=events)

    assert [(one.text, one.stream) for one in reader.entries(function)] == [("a line", "s")]
    assert reader.own_streams(function) == ["s"]
    assert reader.own_streams(of_sink("s3")) is None


def test_objects_of_the_function_are_read_zipped_or_not(reader: Reader) -> None:
    """Another function's objects in the bucket are not."""
    function, aws = of_sink("s3"), control_plane()
    bucket = aws.make_bucket(DEPLOYMENT.prefix)
    record = {
        "time": "2026-11-30T08:00:00.000Z",
        "type": "function",
        "record": "a line",
        "reason": "x",
    }
    text = json.dumps(record) + "\n"
    key = f"kept/function={function.name}/year=2026/a.ndjson"
    aws.put_object(bucket, key, text)
    aws._request("s3", "PUT", f"/{bucket}/{key}.gz", content=gzip.compress(text.encode()))
    aws.put_object(bucket, f"kept/function={function.name}-other/b.ndjson", text)

    for _ in range(2):
        found = reader.entries(function)
        assert [(one.text, one.text_of("reason")) for one in found] == [("a line", "x")] * 2
