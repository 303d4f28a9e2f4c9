"""Batches: bounds, retries, loss, the two protocols, and the shapes of records in each schema."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.cloud import LocalLambda
from emulator.telemetry.batcher import DeliveryPolicy
from tests.emulator.support import seen

Start = Callable[..., LocalLambda]


def function_records(folder: Path) -> list[object]:
    return [e["record"] for e in seen(folder).events() if e["type"] == "function"]


def test_a_batch_goes_out_at_max_items(start: Start, tmp_path: Path) -> None:
    """With 1,000 items as the bound no batch has more, and every line arrives once, in order."""
    cloud = start(probe={"PROBE_TIMEOUT_MS": "30000"}, timeout_ms=20_000)

    result = cloud.invoke({"do": "many", "n": 2_500, "size": 10})
    cloud.shutdown()

    sizes = [len(batch) for batch in seen(tmp_path).batches()]
    assert max(sizes) == 1_000
    assert function_records(tmp_path) == cloud.lines(result.request_id)


def test_a_batch_goes_out_once_it_is_over_max_bytes(start: Start, tmp_path: Path) -> None:
    """Bodies are a little over the bound, as AWS's own agent sends them."""
    cloud = start(probe={"PROBE_TIMEOUT_MS": "30000"}, timeout_ms=20_000)

    cloud.invoke({"do": "many", "n": 400, "size": 2_000})
    cloud.shutdown()

    sizes = [len(e["body"]) for e in seen(tmp_path).of("batch")]
    assert 262_144 < max(sizes) < 262_144 + 3_000


def test_a_batch_goes_out_after_timeout_ms(start: Start, tmp_path: Path) -> None:
    """Lines reach the subscriber while the function still runs."""
    cloud = start(probe={})

    cloud.invoke({"do": "sleep", "s": 0.4})

    lines = [e for e in seen(tmp_path).of("batch") if "plain line" in e["body"]]
    done = cloud.journal.first("runtime_done")
    assert 0.1e9 < done.at_ns - lines[0]["at_ns"] < 0.5e9


def test_a_refused_batch_comes_again(start: Start, tmp_path: Path) -> None:
    """Until it is answered 200; the body stays the same."""
    cloud = start(probe={"PROBE_REFUSE_BATCHES": "2"}, settle_ms=600)

    cloud.invoke({})
    # The subscriber has a batch before the emulator has its answer.
    cloud.wait_for(lambda: len(cloud.journal.of("batch")) >= 3)

    bodies = [e["body"] for e in seen(tmp_path).of("batch")]
    assert bodies[0] == bodies[1] == bodies[2]
    statuses = [e.detail["status"] for e in cloud.journal.of("batch")]
    assert statuses[:3] == [500, 500, 200]


def test_what_does_not_fit_is_dropped_and_told(start: Start, tmp_path: Path) -> None:
    """A slow subscriber loses records and gets platform.logsDropped with their number."""
    policy = DeliveryPolicy(max_pending_bytes=300_000)
    cloud = start(probe={"PROBE_MODE": "slow_batches"}, delivery=policy, timeout_ms=20_000)

    result = cloud.invoke({"do": "many", "n": 2_000, "size": 500})
    cloud.thaw()
    written = len(cloud.lines(result.request_id))
    cloud.wait_for(lambda: delivered_or_dropped(tmp_path) >= written, timeout_s=20)
    cloud.shutdown()

    dropped = [e["record"] for e in seen(tmp_path).events() if e["type"] == "platform.logsDropped"]
    assert dropped[0]["droppedBytes"] > 500 * dropped[0]["droppedRecords"]


def delivered_or_dropped(tmp_path: Path) -> int:
    """How many function records the probe got, and how many it was told that it will not get."""
    events = seen(tmp_path).events()
    records = [e["record"] for e in events if e["type"] == "platform.logsDropped"]
    dropped = sum(int(record["droppedRecords"]) for record in records)
    return dropped + len(function_records(tmp_path))


def test_tcp_gets_one_event_a_line(start: Start, tmp_path: Path) -> None:
    """Newline-delimited, unacknowledged."""
    cloud = start(probe={"PROBE_PROTOCOL": "TCP"}, settle_ms=300)

    cloud.invoke({})
    cloud.wait_for(lambda: "runtimeDone" in str(seen(tmp_path).of("line")))

    kinds = [json.loads(e["body"])["type"] for e in seen(tmp_path).of("line")]
    assert kinds[:2] == ["platform.initStart", "platform.telemetrySubscription"]


def test_put_can_be_asked_for(start: Start, tmp_path: Path) -> None:
    """With the path that was subscribed and the documented host."""
    cloud = start(probe={"PROBE_METHOD": "PUT"})

    cloud.invoke({})
    cloud.shutdown()

    entry = seen(tmp_path).of("batch")[0]
    assert entry["request"] == "PUT /in HTTP/1.1"
    assert entry["headers"]["host"].startswith("sandbox.localdomain:")
    assert entry["headers"]["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("schema", "wrapped"), [("2022-07-01", False), ("2022-12-13", True), ("2025-01-29", True)]
)
def test_json_format_gives_objects_from_the_second_schema_on(
    start: Start, tmp_path: Path, schema: str, wrapped: bool
) -> None:
    """An object line comes verbatim, any other wrapped; with the first schema both are strings."""
    cloud = start(probe={"PROBE_SCHEMA": schema}, log_format="JSON")
    own = '{"level": "INFO", "n": 1.50, "html": "<b>"}'

    cloud.invoke({"do": "say", "lines": [own, "text", "[1]"]})
    cloud.shutdown()

    records = function_records(tmp_path)
    if wrapped:
        assert {"level": "INFO", "n": 1.5, "html": "<b>"} in records
        plain = [r for r in records if isinstance(r, dict) and r.get("message") == "text"]
        assert list(plain[0]) == ["timestamp", "level", "message"]
        assert all(isinstance(r, dict) for r in records)
        raw = next(e["body"] for e in seen(tmp_path).of("batch") if "1.50" in e["body"])
        assert '{"level": "INFO", "n": 1.50, "html": "\\u003cb\\u003e"}' in raw
    else:
        assert own + "\n" in records
        assert all(isinstance(r, str) for r in records)


def test_the_older_logs_schema_has_no_runtime_done(start: Start, tmp_path: Path) -> None:
    """2020-08-15 has start, end and report, but neither runtimeDone nor init events."""
    cloud = start(probe={"PROBE_APIS": "logs", "PROBE_SCHEMA": "2020-08-15"})

    cloud.invoke({})
    cloud.shutdown()

    kinds = [k for k in seen(tmp_path).types() if k != "function"]
    assert kinds == [
        "platform.logsSubscription",
        "platform.extension",
        "platform.start",
        "platform.end",
        "platform.report",
    ]


def test_extension_output_is_an_event_for_who_wants_it(start: Start, tmp_path: Path) -> None:
    """Only a subscriber to that type gets it; the emulator keeps it in any case."""
    cloud = start(probe={"PROBE_TYPES": '["extension"]'})

    cloud.invoke({})
    cloud.shutdown()

    assert [e["record"] for e in seen(tmp_path).events()] == ["probe says hello\n"]
    assert [(line.source, line.text) for line in cloud.extension_output] == [
        ("probe", "probe says hello\n")
    ]


def test_bytes_that_are_not_utf8_become_replacement_characters(
    start: Start, tmp_path: Path
) -> None:
    """As Go's encoder does."""
    cloud = start(probe={})

    cloud.invoke({"do": "raw", "hex": b"a\xffb\n".hex()})
    cloud.shutdown()

    assert "a\ufffdb\n" in function_records(tmp_path)
