"""Managed Instances: no INVOKE, no freeze, no runtimeDone, invocations side by side (AWS: Lambda Managed Instances)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.support import (
    CARGO,
    EXTENSION,
    Delivered,
    accounts,
    problems,
    total,
)

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.cloud import LocalLambda
    from tests.end_to_end.support import Run

# Invocations run in several processes or threads at once; each line names its own, as the JSON format does.
APP = f"""
import json, logging, os, time

log = logging.getLogger()
log.setLevel("INFO")


def handler(event, context):
    for number in range(10):
        log.info("{CARGO} %s line %d", event["tag"], number)
        time.sleep(0.005)
    own = {{"level": "info", "requestId": context.aws_request_id, "message": "{CARGO} " + event["tag"] + " written"}}
    os.write(1, (json.dumps(own) + "\\n").encode())  # in one piece: print() writes the newline apart
    if event["kind"] == "error":
        log.error("{CARGO} %s told to write an error", event["tag"])
    if event["kind"] == "raise":
        raise ValueError("{CARGO} " + event["tag"] + " told to raise")
    return event["tag"]
"""


MANAGED: dict[str, Any] = {
    "function": {"log_format": "JSON", "memory_mb": 2048},
    "emulator": {"managed_instances": True},
}


def _own_lines(cloud: LocalLambda, request_id: str) -> list[Any]:
    """Give the lines that name a request, in the order they were delivered."""
    records = [event["record"] for event in cloud.events if event["type"] == "function"]
    return [one for one in records if isinstance(one, dict) and one.get("requestId") == request_id]


def test_it_registers_for_shutdown_alone_and_asks_for_the_one_schema(
    run: Run, sink_path: Path
) -> None:
    """INVOKE would be refused, and of the telemetry schemas 2025-01-29 alone is accepted."""
    with run(APP, **MANAGED) as cloud:
        cloud.invoke({"kind": "ok", "tag": "one"}).raise_for_status()

    [registered] = cloud.journal.of("register", EXTENSION)
    assert json.loads(registered.detail["body"]) == {"events": ["SHUTDOWN"]}
    [subscribed] = cloud.journal.of("subscribe", EXTENSION)
    assert subscribed.detail["path"] == "/2022-07-01/telemetry"
    assert json.loads(subscribed.detail["body"])["schemaVersion"] == "2025-01-29"
    assert not problems(cloud)


def test_failed_invocations_are_kept_whole_while_others_run_beside_them(
    run: Run, sink_path: Path
) -> None:
    """Lines are told apart by their request id alone; of healthy invocations none arrives at rate 0."""
    kinds = ["ok", "raise", "ok", "error"] * 4

    with run(APP, **MANAGED) as cloud:
        results = []
        for at in range(0, len(kinds), 4):
            events = [
                {"kind": kind, "tag": f"tag-{at + number}"}
                for number, kind in enumerate(kinds[at : at + 4])
            ]
            results += cloud.invoke_concurrently(events)

    delivered = Delivered.read(sink_path)
    delivered.assert_unique_ids()
    reasons = {"raise": "python-exception", "error": "level-error"}
    for number, (kind, result) in enumerate(zip(kinds, results, strict=True)):
        expected = _own_lines(cloud, result.request_id)
        assert result.status == ("error" if kind == "raise" else "success")
        assert len(expected) == {"ok": 11, "error": 12, "raise": 12}[kind]
        assert delivered.texts(result.request_id) == ([] if kind == "ok" else expected), number
        if kind != "ok":
            assert delivered.reasons(result.request_id) == {reasons[kind]}
            assert {one["weight"] for one in delivered.of(result.request_id)} == {1}
            assert all(f"tag-{number} " in json.dumps(text) for text in expected)
    told = accounts(cloud)
    assert total(told, "lost_lines") == total(told, "evicted_lines") == 0


def test_failures_are_delivered_while_the_environment_runs(run: Run, sink_path: Path) -> None:
    """Nothing waits for SHUTDOWN, which may be weeks away."""
    with run(APP, **MANAGED) as cloud:
        result = cloud.invoke({"kind": "raise", "tag": "one"})
        cloud.wait_for(
            lambda: len(Delivered.read(sink_path).lines(result.request_id)) == 12, timeout_s=10
        )

    assert Delivered.read(sink_path).texts(result.request_id) == _own_lines(
        cloud, result.request_id
    )


@pytest.mark.parametrize("rate", [0.5, 1])
def test_healthy_invocations_are_sampled_by_their_trace(
    run: Run, sink_path: Path, rate: float
) -> None:
    """The same draw decides here, on the trace id that platform.start brings."""
    tails = [0, 2**55 - 1, 2**55, 2**56 - 1]

    with run(APP, rate=rate, **MANAGED) as cloud:
        results = [
            cloud.invoke(
                {"kind": "ok", "tag": f"tag-{tail}"},
                trace_id=f"Root=1-6b05a000-{0xABCDEF0123:010x}{tail:014x};Parent=53995c3f42cd8ad8",
            )
            for tail in tails
        ]

    delivered = Delivered.read(sink_path)
    for tail, result in zip(tails, results, strict=True):
        kept = tail >= round((1 - rate) * 2**56)
        expected = _own_lines(cloud, result.request_id) if kept else []
        assert delivered.texts(result.request_id) == expected
        assert {one["weight"] for one in delivered.of(result.request_id)} == (
            {1 / rate} if kept else set()
        )


OWN_IDS = f"""
import json, os, threading, time


def say(**told):
    os.write(1, (json.dumps({{"level": "INFO", "message": "{CARGO}", **told}}) + "\\n").encode())


def handler(event, context):
    for number in range(50):
        say(request_id=f"req-{{event['tag']}}-{{number}}")
    later = lambda: (time.sleep(0.3), say(requestId=context.aws_request_id))
    threading.Thread(target=later).start()
"""


def test_an_applications_own_ids_and_late_lines_are_no_failures(run: Run, sink_path: Path) -> None:
    """Web frameworks call theirs ``request_id``, and code goes on behind its answer."""
    with run(OWN_IDS, **MANAGED) as cloud:
        for at in range(3):
            results = cloud.invoke_concurrently([{"tag": f"{at}-{n}"} for n in range(4)])
            assert {one.status for one in results} == {"success"}
        cloud.wait_for(
            lambda: (
                sum("requestId" in str(one["record"]) for one in cloud.events if _is_line(one))
                == 12
            ),
            timeout_s=10,
        )

    assert Delivered.read(sink_path).records == []
    told = accounts(cloud)
    assert total(told, "invocations") == 12
    assert total(told, "failed_invocations") == 0
    assert total(told, "received_lines") == 12 * 51
    assert not problems(cloud)


def _is_line(event: dict[str, Any]) -> bool:
    return str(event["type"]) == "function"
