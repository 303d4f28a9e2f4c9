"""What the log stream of an environment is called, and that every process in it writes there (moto behind a front)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from emulator.model.variations import Variations
from tests.end_to_end.support import (
    CARGO,
    INVOCATION,
    accounts,
    assert_extension_survived,
    problems,
    total,
)
from tests.services.aws import moto
from tests.services.environment import unique
from tests.services.limits import limits_front
from tests.services.throttling import Throttling, TokenBucket

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.end_to_end.support import Run
    from tests.services.limits import LimitsFront

pytestmark = pytest.mark.services

APP = f"""
import logging, os, sys

log = logging.getLogger()


def handler(event, context):
    print("{CARGO} in", context.log_stream_name)
    if event["kind"] == "exit":
        sys.exit(3)
    log.error("{CARGO} told to write an error")
    return context.log_stream_name
"""


@pytest.fixture
def front() -> Iterator[LimitsFront]:
    """Open moto within the limits of AWS."""
    with limits_front(moto().url) as opened:
        yield opened
        assert not opened.violations


@pytest.fixture
def variables(front: LimitsFront, tmp_path: Path) -> dict[str, str]:
    """Return where moto is, and a folder in the place of /tmp: the local Lambda shares this machine's."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    return {**moto().environ(), "AWS_ENDPOINT_URL": front.url, "TMPDIR": str(folder)}


def kept(group: str) -> dict[str, list[str]]:
    """Give the messages by stream."""
    return {
        name: [event["message"] for event in moto().log_events(group, name)]
        for name in moto().log_streams(group)
    }


@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
def test_crash_and_next_invocation_write_to_the_stream_that_lambda_names(
    run: Run, front: LimitsFront, variables: dict[str, str], log_api: str
) -> None:
    """Two processes of one environment; the kept stream is called what the function's own is called."""
    group = unique("/kept")

    with run(APP, sink=f"cloudwatch:{group}", log_api=log_api, variables=variables) as cloud:
        crashed = cloud.invoke({"kind": "exit"})
        after = cloud.invoke({"kind": "error"})

    own = after.payload
    found = kept(group)
    assert len(accounts(cloud)) == 2
    assert [*found] == [own]
    assert sum(f"{CARGO} in {own}" in message for message in found[own]) == 2
    summaries = [json.loads(one) for one in found[own] if f'"type":"{INVOCATION}"' in one]
    assert {crashed.request_id, after.request_id} <= {one.get("requestId") for one in summaries}
    assert {one["logStream"] for one in summaries} == {own}
    assert len(front.of("CreateLogStream")) == 2  # The first one finds no group.
    assert not problems(cloud)


def test_crash_and_next_invocation_share_a_stream_without_a_word_of_lambda(
    run: Run, front: LimitsFront, variables: dict[str, str]
) -> None:
    """The name is in the temporary folder, which stays when the environment is reset."""
    group = unique("/kept")
    emulator = {"variations": Variations(missing_instance_id=True)}

    with run(APP, sink=f"cloudwatch:{group}", emulator=emulator, variables=variables) as cloud:
        cloud.invoke({"kind": "exit"})
        after = cloud.invoke({"kind": "error"})

    (name,) = found = kept(group)
    assert len(accounts(cloud)) == 2
    assert name != after.payload
    assert sum(f"{CARGO} in" in message for message in found[name]) == 2
    assert not problems(cloud)


@pytest.mark.parametrize("records", ["", "records+"], ids=["as written", "records"])
@pytest.mark.parametrize("is_named", [False, True], ids=["default", "custom"])
def test_lines_are_in_the_functions_own_group_beside_lambdas_streams(
    run: Run, front: LimitsFront, variables: dict[str, str], *, is_named: bool, records: str
) -> None:
    """A crash, and the next process in the environment, in the one stream that is listed by the recorder's prefix."""
    name = unique("checkout")
    group = unique("/custom") if is_named else f"/aws/lambda/{name}"
    sink = f"{records}own+cloudwatch:{group if is_named else ''}"

    with run(APP, sink=sink, function={"name": name}, variables=variables) as cloud:
        crashed = cloud.invoke({"kind": "exit"})
        after = cloud.invoke({"kind": "error"})

    found = moto().call(
        "Logs_20140328.DescribeLogStreams",
        logGroupName=group,
        logStreamNamePrefix="flight-recorder/",
    )
    [stream] = [one["logStreamName"] for one in found["logStreams"]]
    messages = kept(group)[stream]
    assert stream == f"flight-recorder/{after.payload}"
    assert [*kept(group)] == [stream]
    assert sum(f"{CARGO} in {after.payload}" in message for message in messages) == 2
    summaries = [json.loads(one) for one in messages if f'"type":"{INVOCATION}"' in one]
    assert {crashed.request_id, after.request_id} <= {one.get("requestId") for one in summaries}
    assert {one["logStream"] for one in summaries} == {stream}
    is_record = [message.startswith("{") for message in messages if f"{CARGO} in" in message]
    assert is_record == [bool(records)] * 2
    assert not front.violations
    assert not problems(cloud)


def test_crash_is_delivered_whole_while_no_stream_can_be_created(
    run: Run, front: LimitsFront, variables: dict[str, str]
) -> None:
    """A thousand others crash as well: the lines are in the stream for all, as records that name their invocation."""
    group = unique("/kept")
    moto().call("Logs_20140328.CreateLogGroup", logGroupName=group)
    streams = TokenBucket(0.0)
    front.then = throttling = Throttling({"CreateLogStream": streams})

    with run(APP, sink=f"cloudwatch:{group}", variables=variables) as cloud:
        own = str(cloud.invoke({"kind": "error"}).payload)
        overflow = own.partition("]")[0] + "]overflow"
        moto().call("Logs_20140328.CreateLogStream", logGroupName=group, logStreamName=overflow)
        crashed = cloud.invoke({"kind": "exit"})

    found = kept(group)
    assert [*found] == [overflow]
    records = [json.loads(message) for message in found[overflow]]
    mine = [one for one in records if one.get("requestId") == crashed.request_id]
    assert any(f"{CARGO} in" in str(one["record"]) for one in mine)
    assert [one["logStream"] for one in mine if one["type"] == INVOCATION] == [overflow]
    assert not total(accounts(cloud), "lost_lines")
    assert throttling.refused["CreateLogStream"] > 0
    assert_extension_survived(cloud)
