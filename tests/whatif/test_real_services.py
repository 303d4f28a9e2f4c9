"""Logs that real emulators of AWS hand out: moto's subscription to a Kinesis stream, and its filter-log-events."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import shop_logs
from tests.services.aws import AwsService, moto
from tests.services.environment import unique
from whatif.replay.grid import grid_of
from whatif.replay.study import Study, study_of
from whatif.report.view import view_of

pytestmark = pytest.mark.services

LOGS, KINESIS = "Logs_20140328", "Kinesis_20131202"
PAGE_EVENTS = 20


@pytest.fixture(name="name")
def unique_name() -> str:
    return unique("shop")


def written(service: AwsService, name: str) -> None:
    """Write the shop's log into a function's group, as of the last hours."""
    group = f"/aws/lambda/{name}"
    shift_ms = int(time.time() * 1000) - 3 * 3_600_000 - shop_logs.FIRST_MS
    for stream in shop_logs.STREAMS:
        service.call(f"{LOGS}.CreateLogStream", logGroupName=group, logStreamName=stream)
        events = [
            {"timestamp": one.at_ms + shift_ms, "message": f"{one.message}\n"}
            for one in shop_logs.shop()
            if one.stream == stream
        ]
        for begin in range(0, len(events), PAGE_EVENTS):
            service.call(
                f"{LOGS}.PutLogEvents",
                logGroupName=group,
                logStreamName=stream,
                logEvents=events[begin : begin + PAGE_EVENTS],
            )


def studied(path: Path, answer: dict[str, Any]) -> Study:
    path.write_text(json.dumps(answer, indent=4), encoding="utf-8")
    return study_of([str(path)], grid_of({}, []))


def test_subscription_to_kinesis_is_read(tmp_path: Path, name: str) -> None:
    """The answer of get-records holds what the filter delivered, and names the function."""
    service = moto()
    service.call(f"{KINESIS}.CreateStream", StreamName=name, ShardCount=1)
    told = service.call(f"{KINESIS}.DescribeStreamSummary", StreamName=name)
    service.call(f"{LOGS}.CreateLogGroup", logGroupName=f"/aws/lambda/{name}")
    service.call(
        f"{LOGS}.PutSubscriptionFilter",
        logGroupName=f"/aws/lambda/{name}",
        filterName="all",
        filterPattern="",
        destinationArn=told["StreamDescriptionSummary"]["StreamARN"],
        roleArn="arn:aws:iam::123456789012:role/r",
    )
    written(service, name)
    iterator = service.call(
        f"{KINESIS}.GetShardIterator",
        StreamName=name,
        ShardId="shardId-000000000000",
        ShardIteratorType="TRIM_HORIZON",
    )

    answer = service.call(f"{KINESIS}.GetRecords", ShardIterator=iterator["ShardIterator"])
    study = studied(tmp_path / "records.json", answer)

    assert study.logs.keys() == {name}
    assert (study.log.lines, study.environments) == (shop_logs.LINES, 2)
    assert dict(study.tallies[-1].failures) == shop_logs.FAILURES


def test_filtered_events_are_refused(tmp_path: Path, name: str) -> None:
    """With a filter pattern Lambda's own lines are missing; without one the same log is read."""
    service = moto()
    group = f"/aws/lambda/{name}"
    service.call(f"{LOGS}.CreateLogGroup", logGroupName=group)
    written(service, name)

    # moto filters by one word in quotation marks.
    some = service.call(f"{LOGS}.FilterLogEvents", logGroupName=group, filterPattern='"ERROR"')
    every = service.call(f"{LOGS}.FilterLogEvents", logGroupName=group, limit=10_000)
    filtered, whole = (studied(tmp_path / "a.json", some), studied(tmp_path / "b.json", every))

    assert view_of(filtered).is_refused
    assert not view_of(whole).is_refused
    assert whole.log.lines == shop_logs.LINES
