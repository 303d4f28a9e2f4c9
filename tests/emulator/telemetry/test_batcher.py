"""Test the batches: their bounds, retries and losses, and the two protocols."""

import json
from pathlib import Path

from emulator.telemetry.batcher import DeliveryPolicy
from tests.doubles.emulator.probe import Start, seen


def test_batch_goes_out_at_max_items(start: Start, tmp_path: Path) -> None:
    """Every line must arrive once and in order, whatever the batches."""
    cloud = start(probe={"PROBE_TIMEOUT_MS": "30000"}, timeout_ms=20_000)

    result = cloud.invoke({"do": "many", "n": 2_500, "size": 10})
    cloud.shutdown()

    sizes = [len(batch) for batch in seen(tmp_path).batches()]
    assert max(sizes) == 1_000
    assert seen(tmp_path).records("function") == cloud.lines(result.request_id)


def test_batch_goes_out_once_it_is_over_max_bytes(start: Start, tmp_path: Path) -> None:
    """Bodies may exceed the bound a little, as with AWS's own agent."""
    cloud = start(probe={"PROBE_TIMEOUT_MS": "30000"}, timeout_ms=20_000)

    cloud.invoke({"do": "many", "n": 400, "size": 2_000})
    cloud.shutdown()

    sizes = [len(e["body"]) for e in seen(tmp_path).of("batch")]
    assert 262_144 < max(sizes) < 262_144 + 3_000


def test_batch_goes_out_after_timeout_ms(start: Start, tmp_path: Path) -> None:
    """Lines must reach the subscriber while the function still runs."""
    cloud = start(probe={})

    cloud.invoke({"do": "sleep", "s": 0.4})

    lines = [e for e in seen(tmp_path).of("batch") if "plain line" in e["body"]]
    done = cloud.journal.first("runtime_done")
    assert 0.1e9 < done.at_ns - lines[0]["at_ns"] < 0.5e9


def test_refused_batch_comes_again(start: Start, tmp_path: Path) -> None:
    """AWS delivers at least once, with the same body."""
    cloud = start(probe={"PROBE_REFUSE_BATCHES": "2"}, settle_ms=600)

    cloud.invoke({})
    # The subscriber has a batch before the emulator has its answer.
    cloud.wait_for(lambda: len(cloud.journal.of("batch")) >= 3)

    bodies = [e["body"] for e in seen(tmp_path).of("batch")]
    assert bodies[0] == bodies[1] == bodies[2]
    statuses = [e.detail["status"] for e in cloud.journal.of("batch")]
    assert statuses[:3] == [500, 500, 200]


def test_batcher_drops_and_counts_events_that_do_not_fit(start: Start, tmp_path: Path) -> None:
    """A slow subscriber must learn how many records it lost."""
    policy = DeliveryPolicy(max_pending_bytes=300_000)
    cloud = start(probe={"PROBE_MODE": "slow_batches"}, delivery=policy, timeout_ms=20_000)

    result = cloud.invoke({"do": "many", "n": 2_000, "size": 500})
    cloud.thaw()
    written = len(cloud.lines(result.request_id))
    cloud.wait_for(lambda: delivered_or_dropped(tmp_path) >= written, timeout_s=20)
    cloud.shutdown()

    dropped = seen(tmp_path).records("platform.logsDropped")
    assert dropped[0]["droppedBytes"] > 500 * dropped[0]["droppedRecords"]


def delivered_or_dropped(tmp_path: Path) -> int:
    """Return how many of the function's records the probe got, or was told that it lost."""
    probe = seen(tmp_path)
    dropped = sum(int(r["droppedRecords"]) for r in probe.records("platform.logsDropped"))
    return dropped + len(probe.records("function"))


def test_tcp_subscriber_gets_one_event_a_line(start: Start, tmp_path: Path) -> None:
    """Nothing acknowledges them."""
    cloud = start(probe={"PROBE_PROTOCOL": "TCP"}, settle_ms=300)

    cloud.invoke({})
    cloud.wait_for(lambda: "runtimeDone" in str(seen(tmp_path).of("line")))

    kinds = [json.loads(e["body"])["type"] for e in seen(tmp_path).of("line")]
    assert kinds[:2] == ["platform.initStart", "platform.telemetrySubscription"]


def test_subscriber_may_ask_for_put(start: Start, tmp_path: Path) -> None:
    """The path is the subscribed one, the host the documented one."""
    cloud = start(probe={"PROBE_METHOD": "PUT"})

    cloud.invoke({})
    cloud.shutdown()

    entry = seen(tmp_path).of("batch")[0]
    assert entry["request"] == "PUT /in HTTP/1.1"
    assert entry["headers"]["host"].startswith("sandbox.localdomain:")
    assert entry["headers"]["content-type"] == "application/json"


def test_older_logs_schema_has_no_runtime_done(start: Start, tmp_path: Path) -> None:
    """An extension of 2020 knows neither runtimeDone nor init events."""
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
