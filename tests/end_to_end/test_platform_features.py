"""SnapStart, durable functions and tenant isolation, as far as the local Lambda shows them.

It takes no snapshot: the environment freezes behind init and goes on, with the events of a restore before its first invocation.
It has no service for durable executions: the function writes what AWS's SDK writes, and ends as the SDK ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from emulator.model.variations import Variations
from tests.end_to_end.support import CARGO, Delivered, accounts, problems, total, wrote

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.support import Run

SETTLE_MS = 1500
"""From the end of init to the snapshot. Lambda does not say how long that is."""

APP = f"""
import logging

log = logging.getLogger()
log.setLevel("INFO")
print("{CARGO} importing")


def handler(event, context):
    print("{CARGO} at work")
    if event["kind"] == "error":
        log.error("{CARGO} told to write an error")
"""

HOOKED_APP = f"""
import snapshot_restore_py

print("{CARGO} importing")


@snapshot_restore_py.register_after_restore
def connect():
    print("{CARGO} connecting again")
    raise ConnectionError("{CARGO} the database is gone")


def handler(event, context):
    return None
"""

ARN = "arn:aws:lambda:us-east-1:123456789012:function:function:1/durable-execution/order-{}/id"

DURABLE_APP = f"""
import json

print("{CARGO} importing")


def handler(event, context):
    told = {{"level": "INFO", "message": "{CARGO} charging", "executionArn": event["arn"]}}
    print(json.dumps(told | {{"operationName": "charge-card", "attempt": event["attempt"]}}))
    return {{"Status": "PENDING"}}
"""


def _of_init(delivered: Delivered) -> list[dict[str, Any]]:
    """Give the records of no invocation."""
    return [one for one in delivered.records if "requestId" not in one]


def _vary(**variations: Any) -> dict[str, Any]:
    return {"emulator": {"variations": Variations(**variations), "settle_ms": SETTLE_MS}}


@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
def test_init_before_a_snapshot_is_delivered_once(run: Run, sink_path: Path, log_api: str) -> None:
    """At publication, whatever the rate; the first invocation behind the restore does not bring it again."""
    with run(APP, log_api=log_api, **_vary(snap_start=True)) as cloud:
        cloud.initialise().raise_for_status()
        cloud.wait_for(lambda: len(_of_init(Delivered.read(sink_path))) > 1, timeout_s=10)
        published = len(Delivered.read(sink_path).records)
        result = cloud.invoke({"kind": "error"})

    delivered = Delivered.read(sink_path)
    assert delivered.texts(result.request_id) == wrote(cloud, result.request_id)
    (line, summary) = _of_init(delivered)
    assert (line["record"], line["reason"]) == (f"{CARGO} importing\n", "init")
    assert summary["record"]["outcome"] == "success"
    before, after = (
        {one["id"].partition("-")[0] for one in part}
        for part in (delivered.records[:published], delivered.records[published:])
    )
    assert len(before) == len(after) == 1
    assert before != after
    assert not problems(cloud)


def test_lines_that_a_snapshot_holds_are_not_delivered(run: Run, sink_path: Path) -> None:
    """Where the snapshot is taken at once, telemetry of init comes with the restore: in each copy of it."""
    variations = Variations(snap_start=True)
    with run(APP, emulator={"variations": variations}) as cloud:
        result = cloud.invoke({"kind": "error"})

    delivered = Delivered.read(sink_path)
    assert delivered.texts(result.request_id) == wrote(cloud, result.request_id)
    assert not _of_init(delivered)
    [account] = accounts(cloud)
    assert account["dropped_lines"] == {"snapshot": 1}


def test_a_failed_restore_is_kept_with_what_the_hooks_wrote(run: Run, sink_path: Path) -> None:
    """No invocation ever starts, so the lines of the restore are all that there is to explain it."""
    with run(HOOKED_APP, **_vary(snap_start=True)) as cloud:
        cloud.initialise().raise_for_status()
        cloud.wait_for(lambda: len(_of_init(Delivered.read(sink_path))) > 1, timeout_s=10)
        result = cloud.invoke({})

    assert result.status == "error"
    records = _of_init(Delivered.read(sink_path))[2:]
    texts = [one["record"] for one in records if one["type"] == "function"]
    assert texts[0] == f"{CARGO} connecting again\n"
    assert any("the database is gone" in text for text in texts[1:])
    (told,) = (one for one in records if one["type"] == "flightRecorder.invocation")
    assert told["record"]["outcome"] == "init-error"


def test_legs_of_a_durable_execution_are_sampled_together_and_retries_kept(
    run: Run, sink_path: Path
) -> None:
    """Each leg ends well, and only the SDK's lines tell which execution it is of, and that a step is tried again."""
    with run(DURABLE_APP, rate=0.5, **_vary(durable=True)) as cloud:
        legs = {
            (order, attempt): cloud.invoke({"arn": ARN.format(order), "attempt": attempt})
            for order in range(6)
            for attempt in (1, 1.0, 2)
        }

    delivered = Delivered.read(sink_path)
    first = {n for n in range(6) if delivered.lines(legs[n, 1].request_id)}
    assert first == {n for n in range(6) if delivered.lines(legs[n, 1.0].request_id)}
    for order in range(6):
        retry = delivered.of(legs[order, 2].request_id)
        assert {one["reason"] for one in retry} == {"durable-retry"}
        assert {one["correlationId"] for one in retry} == {ARN.format(order)}
        (told,) = (one["record"] for one in retry if one["type"] == "flightRecorder.invocation")
        assert told["executionArn"] == ARN.format(order)
        assert told["operationName"] == "charge-card"
    assert total(accounts(cloud), "lost_lines") == 0


def test_records_name_the_tenant(run: Run, sink_path: Path) -> None:
    """The environment is the tenant's alone, and so is each record of it."""
    with run(APP, log_api="telemetry", **_vary(tenant_id="blue")) as cloud:
        result = cloud.invoke({"kind": "error"})

    records = Delivered.read(sink_path).of(result.request_id)
    assert len(records) >= 3
    assert {one["tenantId"] for one in records} == {"blue"}
