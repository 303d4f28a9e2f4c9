"""Lines on Managed Instances that come before their invocation is known, or long after it is over."""

import gc
import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from extension.config.parsers import Pace
from extension.recorder import managed_instances
from extension.recorder.invocation import Invocation
from extension.recorder.managed_instances import (
    BYTES_A_VERDICT,
    REMEMBERED_VERDICTS,
    WAITING_BATCHES,
    WAITING_SHARE,
    Past,
)
from extension.recorder.recorder import REMEMBERED_INVOCATIONS
from extension.recorder.states import State
from extension.recorder.tail_sampler import (
    LINGERING_BATCHES,
    LINGERING_SHARE,
    MAX_OPEN_INVOCATIONS,
)
from tests.doubles.extension.environment import Environment
from tests.doubles.extension.queues import lines_in
from tests.doubles.lambda_events import FIRST, done, line, report, start
from tests.extension.recorder.script import TRACES, Case, play, request_id_of

ROOT = Path(__file__).resolve().parents[3]

MIB = 1024 * 1024

MANAGED: dict[str, Any] = {"managed_instances": True}

MOST_AT_ONCE = 1600
"""The largest maximum concurrency of an environment (AWS: Managed Instances)."""

CASES: dict[str, Case] = {
    # A line that comes before its start waits for it, for two batches.
    "a line before its start": Case("INFO1 | start ERROR1 report", "INFO ERROR"),
    "an error before its start": Case("ERROR1 INFO1 | start INFO1 | report", "ERROR INFO INFO"),
    "two batches before its start": Case(
        "start2 INFO1 | INFO2 | start ERROR1 report", "INFO ERROR"
    ),
    "three batches before its start": Case(
        "start2 INFO1 | INFO2 | WARN2 | start ERROR1 report", "ERROR"
    ),
    "a line of one whose start is lost": Case("start2 INFO1 | report-failed1", "INFO"),
    # An id that Lambda never tells is the application's own.
    "an id that never starts": Case(
        "start INFO1 INFO7 | report | INFO1 | WARN1 spindown",
        "",
        dropped={"not-sampled": 4},
    ),
    "an error with an id that never starts": Case(
        "start INFO1 ERROR7 | report | INFO1 | WARN1", "ERROR", reasons="level-error"
    ),
    "an error with an id that never starts, at SHUTDOWN": Case("start ERROR7 spindown", "ERROR"),
    "init's lines with ids of their own": Case("INFO7 WARN8 init-failed", "INFO WARN"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_line_joins_its_invocation_or_is_judged_alone(case: Case) -> None:
    """Ids alone tell invocations apart, and not each id is one."""
    case._replace(settings={**MANAGED, **case.settings}).check()


def ids(count: int, first: int = 0) -> list[str]:
    return [request_id_of(100 + n) for n in range(first, first + count)]


def words(request_id: str, *, level: str = "INFO", text: str = "x") -> dict[str, object]:
    return line({"level": level, "message": text, "requestId": request_id})


def live(env: Environment, request_ids: list[str], *, trace: str = "") -> Environment:
    """Run healthy invocations, each with a line, one after another, many of them in a batch."""
    for begin in range(0, len(request_ids), 100):
        events: list[object] = []
        for request_id in request_ids[begin : begin + 100]:
            events += [start(request_id, trace=trace), words(request_id), report(request_id)]
        env.receive(*events)
    return env


def test_an_applications_own_ids_are_no_invocations() -> None:
    """Web frameworks call theirs ``request_id``; 250 healthy lines were 250 failures."""
    env = Environment(managed_instances=True)

    for number, request_id in enumerate(ids(5)):
        own = [
            line({"level": "INFO", "message": "GET /", "request_id": f"req-{number}-{n}"})
            for n in range(50)
        ]
        env.receive(start(request_id), *own, report(request_id))
    env.sampler.shut_down(None)

    assert env.account.invocations == 5
    assert env.account.failed_invocations == 0
    assert env.lines() == []
    assert env.accounted_for


def test_as_many_healthy_ones_as_may_run_at_once_are_no_failures() -> None:
    """Each is held until its own report, however many there are."""
    env = Environment(managed_instances=True)
    every = ids(MOST_AT_ONCE)

    env.receive(*(start(one) for one in every)).receive(*(words(one) for one in every))
    running = len(env.sampler.running)
    env.receive(*(report(one) for one in every))
    env.sampler.shut_down(None)

    assert MAX_OPEN_INVOCATIONS > running == MOST_AT_ONCE
    assert env.account.failed_invocations == 0
    assert env.lines() == []
    assert env.account.dropped == {"not-sampled": MOST_AT_ONCE}


@pytest.mark.parametrize("count", [200, 4000], ids=["at hand", "forgotten otherwise"])
def test_late_lines_are_no_invocations(count: int) -> None:
    """Code that goes on behind its answer writes such lines all day; each was a failure at SHUTDOWN."""
    env = Environment(managed_instances=True)
    every = ids(count)
    live(env, every)

    for request_id in every[:100]:
        env.receive(words(request_id, text="late"))
    env.sampler.shut_down(None)

    assert env.account.invocations == count
    assert env.account.failed_invocations == 0
    assert env.lines() == []
    assert env.account.dropped == {"not-sampled": count + 100}


def test_a_late_line_gets_the_verdict_of_its_invocation() -> None:
    """The kept ones' with the same reason, weight and ids; the dropped ones' are dropped, but for metrics."""
    env = Environment(managed_instances=True, sample_rate=0.1)
    live(env, ids(1), trace=TRACES["in"])
    live(env, ids(1, first=1), trace=TRACES["out"])
    live(env, ids(4000, first=2), trace=TRACES["out"])
    env.deliver()
    kept = [one for one in env.delivered if one["type"] == "function"]

    metrics = {"_aws": {"CloudWatchMetrics": []}, "requestId": ids(2)[1]}
    env.receive(*(words(one, text="late") for one in ids(2)), line(metrics))

    env.deliver()
    (first, late, emf) = [one for one in env.delivered if one["type"] == "function"]
    assert [first] == kept
    changing = ("id", "record")
    assert {k: v for k, v in late.items() if k not in changing} == {
        k: v for k, v in first.items() if k not in changing
    }
    assert (late["record"]["message"], late["weight"]) == ("late", 10)
    assert late["traceId"] == "1-5f35ae12-0c0fec141affffffffffffff"
    assert emf["reason"] == "emf"
    env.sampler.shut_down(None)
    assert env.account.dropped == {"not-sampled": 4002}


def test_a_late_error_of_a_dropped_invocation_is_delivered_with_a_summary() -> None:
    """Its other lines are gone, and the summary says how many."""
    env = live(Environment(managed_instances=True), ids(4000))

    env.receive(words(ids(1)[0], level="ERROR")).receive(words(ids(1)[0], text="behind it"))

    assert [one["level"] for one in env.lines()] == ["ERROR", "INFO"]  # type: ignore[index]
    (summary,) = env.summaries()
    assert summary | {"outcome": "error", "lines": 1, "droppedLines": 1} == summary
    assert env.account.failed_invocations == 1
    assert env.account.invocations == 4000


def test_a_late_error_counts_for_keep_at_most_at_the_time_it_comes() -> None:
    """Nobody knows when its invocation ended; a limit in time must not begin anew with it."""
    env = Environment(managed_instances=True, keep_at_most=Pace(1, 60_000))
    live(env, ids(4000)).receive(start(), words(FIRST, level="ERROR"), report())

    for request_id in ids(3):
        env.receive(words(request_id), words(request_id, level="ERROR"))

    assert [one.get("withheldLines") is None for one in env.summaries()] == [True] + [False] * 3


@pytest.mark.parametrize(
    ("buffer_bytes", "verdicts"), [(64 * MIB, REMEMBERED_VERDICTS), (MIB, MIB // BYTES_A_VERDICT)]
)
def test_as_many_verdicts_are_remembered_as_the_bound_says(
    buffer_bytes: int, verdicts: int
) -> None:
    """The oldest is forgotten first; what comes back is over."""
    past = Past(Environment(buffer_bytes=buffer_bytes).sampler.release)
    every = ids(verdicts + 1)
    for lines, request_id in enumerate(every):
        invocation = Invocation(request_id)
        invocation.state, invocation.lines = State.DROPPED, lines
        past.remember(invocation)

    assert past.recall(every[0]) is None
    recalled = past.recall(every[1])
    assert recalled is not None
    assert (recalled.state, recalled.lines, recalled.dropped_lines) == (State.DROPPED, 1, 1)
    assert past.recall(every[1]) is None


def test_a_line_of_a_forgotten_verdict_is_judged_alone() -> None:
    """Nobody knows then whether its id is one of Lambda's."""
    env = live(Environment(managed_instances=True), ids(REMEMBERED_VERDICTS + 1000))

    env.receive(words(ids(1)[0], level="ERROR"))
    for n in range(WAITING_BATCHES):
        env.receive(words(ids(1, first=9000)[0], text=str(n)))

    env.deliver()
    (error,) = env.delivered
    assert "requestId" not in error
    assert env.account.failed_invocations == 0


def test_one_that_runs_for_long_holds_nobody_in_memory() -> None:
    """An invocation of a quarter of an hour sees a million others come and go."""
    env = Environment(managed_instances=True)
    env.receive(start(), words(FIRST))

    live(env, ids(6000))

    at_hand = REMEMBERED_INVOCATIONS + LINGERING_BATCHES * 100 + len(env.sampler.running)
    assert len(env.recorder._known) <= at_hand + 100
    assert len(env.receive(words(FIRST, level="ERROR")).lines()) == 2


def test_memory_stands_still_beside_one_that_runs_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once as many verdicts are remembered as ever are, another invocation costs nothing."""
    monkeypatch.setattr(managed_instances, "REMEMBERED_VERDICTS", 256)
    env = Environment(managed_instances=True).receive(start(), words(FIRST))
    live(env, ids(1000, first=10_000))
    tracemalloc.start()
    try:
        live(env, ids(500, first=20_000))
        before_bytes = held_by_python()
        live(env, ids(2000, first=30_000))
        grown_bytes = held_by_python() - before_bytes
    finally:
        tracemalloc.stop()

    assert grown_bytes < 2000 * 100
    assert FIRST in env.recorder._known


def held_by_python() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_those_whose_report_is_lost_end_at_a_bound() -> None:
    """Lambda may drop a report; the invocation must not stay open for the environment's life."""
    env = Environment(managed_instances=True)
    every = ids(MAX_OPEN_INVOCATIONS + 100)

    for begin in range(0, len(every), 100):
        env.receive(*(start(one) for one in every[begin : begin + 100]))

    assert len(env.sampler.running) == MAX_OPEN_INVOCATIONS
    assert env.account.failed_invocations == 100


def test_ids_that_are_not_lambdas_are_not_held() -> None:
    """A UUID has 36 characters: 180 ids of a megabyte took 40 MiB."""
    env = Environment(managed_instances=True).receive(start(), words(FIRST))
    forged = "7" * 1_000_000

    env.receive(start(forged), report(forged), done(forged))
    env.receive(words(forged, level="ERROR")).receive(words(FIRST))

    assert list(env.recorder._known) == [FIRST]
    assert env.sampler.waiting is not None
    assert not env.sampler.waiting._numbers
    assert env.account.unreadable_bytes > 3_000_000
    assert env.account.invocations == 1
    assert len(env.lines()) == 1


def test_lambdas_name_of_an_id_is_believed_first() -> None:
    """A function that calls itself logs the id of the other invocation, which runs in the same environment."""
    other, own = ids(2)
    env = Environment(managed_instances=True).receive(start(other), start(own))

    env.receive(line({"level": "ERROR", "requestId": other, "AWSRequestId": own}))
    env.receive(report(own), report(other))

    env.deliver()
    assert {one["requestId"] for one in env.delivered} == {own}


def test_waiting_lines_are_bounded_and_accounted_for() -> None:
    """A flood of an application's own ids must not take the room of what may be kept."""
    env = Environment(managed_instances=True, buffer_bytes=64 * 1024).receive(start())
    share = env.settings.buffer_bytes // WAITING_SHARE

    for n in range(100):
        env.receive(*(words(f"own-{n}-{m}", text="x" * 200) for m in range(20)))

        assert env.sampler.held_bytes <= share
        assert env.accounted_for

    assert env.account.dropped["not-sampled"] > 1900
    assert env.account.evicted == 0


def test_waiting_lines_make_way_when_memory_is_short() -> None:
    """They are judged at once then: what is at stake is worth more than their name."""
    env = Environment(managed_instances=True, buffer_bytes=64 * 1024).receive(start())
    env.receive(words("own", level="ERROR"), words("own"))
    waiting = env.sampler.waiting
    assert waiting is not None
    assert len(waiting) == 2

    env.receive(*(words(FIRST, text="x" * 1000) for _ in range(100)))

    assert len(waiting) == waiting.held_bytes == 0
    assert lines_in(env.queue) >= 1
    assert env.accounted_for


def test_a_late_error_saves_its_lines_however_many_ended_beside_it() -> None:
    """The report may come before the last lines, and 1,600 may end in one batch."""
    env = Environment(managed_instances=True, buffer_bytes=10**8)
    every = ids(MOST_AT_ONCE)
    env.receive(*(start(one) for one in every)).receive(*(words(one) for one in every))

    env.receive(*(report(one) for one in every))
    for request_id in every[1:3]:
        env.receive(words(request_id))
    env.receive(words(every[0], level="ERROR"))

    assert len(env.lines(every[0])) == 2
    live(env, ids(400, first=MOST_AT_ONCE))
    assert len(env.sampler.lingering.held) <= 300


def test_lines_at_hand_take_no_more_than_their_share() -> None:
    """Most of them are dropped in the end, and 1,600 invocations may hold many."""
    env = Environment(managed_instances=True, buffer_bytes=256 * 1024)

    for request_id in ids(1000):
        env.receive(start(request_id), words(request_id, text="x" * 1000), report(request_id))

        assert env.sampler.held_bytes <= env.settings.buffer_bytes // LINGERING_SHARE

    assert env.account.evicted == 0
    assert env.account.dropped["not-sampled"] > 900


def test_a_line_that_names_several_ids_joins_the_first_that_starts() -> None:
    """The application's own id may stand before Lambda's."""
    env = Environment(managed_instances=True)
    both = line({"level": "ERROR", "requestId": "req-7", "AWSRequestId": FIRST})

    play(env.receive(both), "start INFO1 | report")

    env.deliver()
    assert {one["requestId"] for one in env.delivered} == {FIRST}
    assert len(env.lines()) == 2


def test_a_failed_invocation_of_rust_is_whole_beside_a_healthy_one() -> None:
    """Its lines name the request in their span, a level down: three of three arrive, and none of the other's."""
    healthy, failed = ids(2)
    lines = {case: rust_line(case) for case in ("healthy", "error")}
    env = Environment(managed_instances=True).receive(start(healthy), start(failed))

    for request_id, cases in ((healthy, ("healthy",) * 2), (failed, ("healthy",) * 2 + ("error",))):
        env.receive(*(line(of_request(lines[case], request_id)) for case in cases))
    env.receive(report(healthy, status="success"), report(failed, status="error"))

    env.deliver()
    assert len(env.lines(failed)) == 3
    assert {one["requestId"] for one in env.delivered} == {failed}


def rust_line(case: str) -> str:
    """Return a line in JSON that AWS's Rust client wrote, with its logger."""
    captured = map(json.loads, (ROOT / "tests/captured/rust.ndjson").read_text().splitlines())
    return next(
        json.dumps(one["record"])
        for one in captured
        if one["api"] == "telemetry" and one["case"] == case and "span" in one["record"]
    )


def of_request(text: str, request_id: str) -> object:
    """Give a line another request."""
    return json.loads(re.sub(r"00000000-0000-4000-8000-\d{12}", request_id, text))
