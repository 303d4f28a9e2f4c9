"""Sampling by transaction, and the three ways to flush, end to end."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from emulator.model.function import Function
from tests.end_to_end.support import (
    EXTENSION,
    Delivered,
    accounts,
    problems,
    running,
    settings,
    total,
    write_python,
    wrote,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.support import Run

TIMEOUT_MS = 10_000


def _trace(tail: int) -> str:
    """Make an X-Ray header whose trace id ends in the given 56 bits."""
    return f"Root=1-6b05a000-{0xABCDEF0123:010x}{tail:014x};Parent=53995c3f42cd8ad8;Sampled=0"


def _is_kept(tail: int, rate: float) -> bool:
    """OpenTelemetry's consistent probability sampling: R >= T, with T = (1 - p) * 2^56."""
    return tail >= round((1 - rate) * 2**56)


EDGES = {
    0.5: [0, 2**55 - 1, 2**55, 2**55 + 1, 2**56 - 1],
    0.25: [2**56 - 2**54 - 1, 2**56 - 2**54],
}


def _tails(rate: float) -> list[int]:
    source = random.Random(7)
    return [*EDGES[rate], *(source.getrandbits(56) for _ in range(30))]


@pytest.mark.parametrize(
    ("log_api", "flush", "rate"),
    [
        ("logs", "end", 0.5),
        ("telemetry", "end", 0.5),
        ("logs", "background", 0.5),
        ("telemetry", "adaptive", 0.25),
    ],
)
def test_exactly_the_transactions_sampled_in_are_kept(
    run: Run, sink_path: Path, log_api: str, flush: str, rate: float
) -> None:
    """Record is each invocation for which R >= T, whole and with its weight; of the others nothing."""
    tails = _tails(rate)

    with run(rate=rate, flush=flush, log_api=log_api) as cloud:
        cloud.invoke({}, trace_id=_trace(0))
        results = [cloud.invoke({"lines": 2}, trace_id=_trace(tail)) for tail in tails]

    delivered = Delivered.read(sink_path)
    delivered.assert_unique_ids()
    for tail, result in zip(tails, results, strict=True):
        kept = _is_kept(tail, rate)
        assert delivered.texts(result.request_id) == (
            wrote(cloud, result.request_id) if kept else []
        )
        metadata = {(one["reason"], one["weight"]) for one in delivered.of(result.request_id)}
        assert metadata == ({("sampled", 1 / rate)} if kept else set())
    assert {_is_kept(tail, rate) for tail in tails} == {True, False}
    assert total(accounts(cloud), "received_lines") == len(cloud.written)


FRONT = """
import json, os

def handler(event, context):
    print("cargo-5d1f the front takes order", event["order"])
    print(json.dumps({"level": "INFO", "correlationId": event["order"]}) if event["named"] else "unnamed")
    return {"trace": os.environ["_X_AMZN_TRACE_ID"], "order": event["order"]}
"""

BACK = """
import json, logging

def handler(event, context):
    logging.getLogger().warning("cargo-5d1f the back has %s", event["order"])
    if event["named"]:
        print(json.dumps({"level": "INFO", "order": {"id": 1}, "correlationId": event["order"]}))
"""


@pytest.mark.parametrize("named", [False, True], ids=["by trace id", "by correlation id"])
def test_two_functions_of_one_chain_keep_the_same_transactions(
    layer_dir: Path, tmp_path: Path, named: bool
) -> None:
    """At one rate, each by itself: by the trace id that is handed on, or by the name that both write.

    Where the transaction is named, the trace ids differ on purpose, as they do behind a queue.
    """
    rate = 0.4
    orders = [f"order-{n}" for n in range(30)]
    source = random.Random(11)
    traces = {order: _trace(source.getrandbits(56)) for order in orders}
    handed_on: dict[str, str] = {}
    kept: dict[str, set[str]] = {}

    for role, text in (("front", FRONT), ("back", BACK)):
        folder = tmp_path / role
        folder.mkdir()
        sink = folder / "delivered.ndjson"
        function = Function(
            code=write_python(folder, text),
            timeout_ms=TIMEOUT_MS,
            environment=settings(sink=f"file:{sink}", rate=rate),
        )
        with running(function, layers=[layer_dir]) as cloud:
            of_request = {}
            for order in orders:
                if role == "front":
                    trace = traces[order]
                elif named:
                    trace = _trace(source.getrandbits(56))
                else:
                    trace = handed_on[order]
                result = cloud.invoke({"order": order, "named": named}, trace_id=trace)
                of_request[result.request_id] = order
                if role == "front":
                    handed_on[order] = result.payload["trace"]
        delivered = Delivered.read(sink)
        kept[role] = {of_request[one["requestId"]] for one in delivered.lines()}
        if named:
            assert all(
                one["correlationId"] == of_request[one["requestId"]] for one in delivered.records
            )

    assert kept["front"] == kept["back"]
    assert 0 < len(kept["front"]) < len(orders)


def test_a_failed_invocation_that_is_sampled_in_counts_once(run: Run, sink_path: Path) -> None:
    """A failure is kept for being one, with weight 1, whatever the draw says."""
    with run(rate=0.5) as cloud:
        results = [
            cloud.invoke({"kind": "raise"}, trace_id=_trace(tail)) for tail in (0, 2**56 - 1)
        ]

    delivered = Delivered.read(sink_path)
    for result in results:
        metadata = {(one["reason"], one["weight"]) for one in delivered.of(result.request_id)}
        assert metadata == {("python-exception", 1)}


def test_rate_one_keeps_everything(run: Run, sink_path: Path) -> None:
    """Then nothing is decided any more: every line arrives, once, in order."""
    with run(rate=1) as cloud:
        for kind in ("ok", "raise", "ok", "error", "ok"):
            cloud.invoke({"kind": kind, "lines": 3})

    delivered = Delivered.read(sink_path)
    assert delivered.texts() == [line.text for line in cloud.written]
    delivered.assert_unique_ids()


KINDS = ("ok", "error", "ok", "raise", "ok", "ok", "ok", "error", "raise", "ok", "exit", "error")


@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
@pytest.mark.parametrize("flush", ["end", "adaptive", "background"])
def test_nothing_is_lost_however_it_is_flushed(
    run: Run, sink_path: Path, flush: str, log_api: str
) -> None:
    """Once the environments have ended, every line of every failed invocation has arrived."""
    with run(flush=flush, log_api=log_api) as cloud:
        results = [(kind, cloud.invoke({"kind": kind, "lines": 5})) for kind in KINDS]

    delivered = Delivered.read(sink_path)
    # The last one is the first of an environment, so what was written during init stands before its own lines.
    init = [line.text for line in cloud.written if line.request_id is None][-1:]
    for number, (kind, result) in enumerate(results):
        written = [] if kind == "ok" else wrote(cloud, result.request_id)
        if number == len(results) - 1:
            written = init + written
        assert delivered.texts(result.request_id) == written, (number, kind)
    delivered.assert_unique_ids()
    told = accounts(cloud)
    assert total(told, "received_lines") == len(cloud.written)
    assert (
        total(told, "lost_lines")
        == total(told, "evicted_lines")
        == total(told, "buffered_lines")
        == 0
    )
    assert not problems(cloud)


def test_flush_end_delivers_a_failure_before_the_next_invocation(run: Run, sink_path: Path) -> None:
    """When an invocation has ended for Lambda, its lines have been delivered."""
    with run(flush="end") as cloud:
        cloud.invoke({"kind": "ok"})
        for kind in ("error", "raise", "ok", "error"):
            result = cloud.invoke({"kind": kind, "lines": 3})
            arrived = Delivered.read(sink_path).texts(result.request_id)

            assert arrived == ([] if kind == "ok" else wrote(cloud, result.request_id))


@pytest.mark.parametrize("flush", ["background", "adaptive"])
def test_next_is_asked_for_at_once_where_nothing_is_waited_for(
    run: Run, sink_path: Path, flush: str
) -> None:
    """In the background always, adaptively once invocations follow each other closely, nobody is held."""
    with run(flush=flush) as cloud:
        for _ in range(0 if flush == "background" else 8):
            cloud.invoke({"kind": "ok"})
        asked = []
        for _ in range(6):
            cloud.invoke({"kind": "error", "sleep": 0.1})
            done = cloud.journal.last("runtime_done").at_ns
            asked.append(cloud.journal.last("next", EXTENSION).at_ns < done)

    # Next is asked for while the function still runs: before its end, not after what an end and a delivery take.
    assert sum(asked) >= 5


def test_flush_adaptive_holds_the_first_invocations(run: Run, sink_path: Path) -> None:
    """The first invocation of an environment may be its last for hours, so its failure is delivered at once."""
    with run(flush="adaptive") as cloud:
        result = cloud.invoke({"kind": "raise"})
        arrived = Delivered.read(sink_path).texts(result.request_id)

    assert arrived[-len(cloud.lines(result.request_id)) :] == wrote(cloud, result.request_id)


@pytest.mark.parametrize("flush", ["end", "adaptive"])
def test_a_killed_environment_leaves_its_lines(run: Run, sink_path: Path, flush: str) -> None:
    """A runtime that is killed in its very first invocation is told of, with what init wrote."""
    with run(flush=flush) as cloud:
        result = cloud.invoke({"kind": "kill", "lines": 4})

    assert Delivered.read(sink_path).texts(result.request_id) == [
        line.text for line in cloud.written
    ]
