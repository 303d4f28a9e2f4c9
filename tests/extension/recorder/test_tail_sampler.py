"""Which lines are kept, for which reason, and with which weight."""

import json
from typing import Any

import pytest

from extension.config.parsers import Pace, PlatformEvents
from extension.model.ndjson import encode
from extension.recorder import tail_sampler
from tests.doubles.extension.environment import Environment
from tests.doubles.lambda_events import FIRST, SECOND, done, line, report, start
from tests.extension.recorder.script import TRACES, Case, play, request_id_of

MARKER: dict[str, Any] = {"keep_marker": "keep-this"}


def archived(env: Environment) -> list[dict[str, object]]:
    """What waits for the archive."""
    assert env.archive is not None
    return [json.loads(one) for one in encode(env.archive.take_all()).splitlines()]


BY_LEVEL: dict[str, Any] = {"sample_rate": 0.01, "sample_rate_warn": 0.5}
UNNAMED: dict[str, Any] = {"correlation_fields": ()}


def at(rate: float, **more: Any) -> dict[str, Any]:
    return {"sample_rate": rate, **more}


def life(number: int, *words: str, trace: str = "out") -> str:
    """One invocation in a script, from INVOKE to its report."""
    return f"{trace}{number} start{number} {' '.join(words)} done{number} report{number}"


def lives(*each: str) -> str:
    return " | ".join(each)


CASES: dict[str, Case] = {
    # What failed is delivered whole, as soon as that is known.
    "failed": Case(
        "invoke start a b | c error d done",
        "a b c error d",
        {},
        "level-error",
        summary={"lines": 5},
    ),
    "failed, running": Case("invoke start a error", "a error", UNNAMED),
    "failed behind its end": Case("invoke start a done | error", "a error"),
    "failed behind its report": Case(
        "invoke start a b done | report | error", "error", summary={"droppedLines": 2}
    ),
    # What is healthy is drawn when it is over: before, it may still fail.
    "healthy": Case("invoke start a b done | report", "", {}, dropped={"not-sampled": 2}),
    "sampled, running": Case("in start a", "", at(0.1)),
    "sampled": Case("in start a done", "a", at(0.1), "sampled", weights=(10,)),
    "sampled, then failed": Case("in start a error done", "a error", at(0.1), weights=(1, 1)),
    "rate 1, running": Case("invoke start a", "a", at(1.0, **UNNAMED)),
    # With the Logs API only INVOKE has the trace id, and it may be handled after the end was read.
    "ended before INVOKE": Case("start a done", "", at(0.5)),
    "ended before INVOKE, in": Case("start a done | in", "a", at(0.5), weights=(2,)),
    "ended before INVOKE, out": Case("start a done | out", "", at(0.5)),
    # CloudWatch takes metrics from these lines alone.
    "metrics": Case("out start a metrics b done", "metrics", {}, "emf"),
    "metrics behind the report": Case(
        "out start a metrics done | report metrics", "metrics metrics", {}, "emf"
    ),
    "metrics of sampled invocations": Case(
        lives(life(1, "a metrics b", trace="in"), life(2, "a metrics b")),
        "metrics a b metrics/2",
        at(0.1),
        "emf sampled",
        weights=(1, 10, 10, 1),
    ),
    "metrics behind a runtime's prefix": Case(
        lives(life(1, "a prefixed b", trace="in"), life(2, "a prefixed2 b")),
        "prefixed a b prefixed/2",
        at(0.1),
        "emf sampled",
        weights=(1, 10, 10, 1),
    ),
    "metrics of a level with a rate": Case(
        "half start INFO prefixed WARN done | report spindown",
        "prefixed WARN",
        BY_LEVEL,
        "emf sampled",
        weights=(1, 2),
    ),
    "metrics in a flood": Case(
        lives(life(1, "error"), life(2, "a prefixed2 error2")),
        "error prefixed/2 error/2",
        {"keep_at_most": Pace(1, 60_000)},
        dropped={"flood": 1},
    ),
    "metrics of the history": Case(
        lives(life(1, "a prefixed"), life(2, "b"), life(3, "c"), life(4, "d"), life(5, "error5")),
        "prefixed c/3 d/4 error/5",
        {"history": 2},
        weights=(1, 0, 0, 1),
    ),
    "late metrics of the history": Case(
        lives(*(life(n, "a") for n in range(1, 5)), "prefixed", life(5, "b"), "spindown"),
        "prefixed",
        {"history": 4},
        "emf",
    ),
    "late metrics of a history by level": Case(
        lives(life(1, "WARN INFO", trace="half"), life(2, "a"), life(3, "a"), "prefixed spindown"),
        "WARN prefixed",
        {"sample_rate_warn": 1.0, "history": 4},
        "emf sampled",
    ),
    # SHUTDOWN decides on everything.
    "timeout at SHUTDOWN": Case("invoke start a timeout", "a", {}, "shutdown-timeout"),
    "failure at SHUTDOWN before any invocation": Case("import broken", "import", {}, "init-error"),
    "spin-down, healthy and running": Case(
        "invoke start a done | invoke2 start2 b spindown", "b/2", {}, "outcome-unknown"
    ),
    "spin-down before any invocation": Case("import spindown", "", {}, dropped={"not-sampled": 1}),
    # Policies.
    "cold start": Case(
        lives("init", life(1, "a"), life(2, "b"), "spindown"),
        "init a",
        {"keep_cold_starts": True},
        "cold-start",
    ),
    "a sign before any invocation": Case(
        lives("extension-failed", life(1, "a"), life(2, "b")), "a", {}, "extension-failed"
    ),
    "cold start that fails": Case(
        "invoke start a | error done",
        "a error",
        {"keep_cold_starts": True, **UNNAMED},
        "cold-start level-error",
    ),
    "marker in init": Case(
        "keep-this | invoke start a done report",
        "keep-this a",
        MARKER,
        "marker",
        summary={"lines": 2},
    ),
    "marker in init, rate 1": Case(
        "keep-this | invoke start a done report", "keep-this a", at(1.0, **MARKER), "marker"
    ),
    "marker in init alone": Case("keep-this", "", at(1.0, **MARKER)),
    # KEEP_AT_LEAST keeps one in five minutes, whatever the draw; what the draw keeps counts towards it.
    "floor": Case(
        " | later | ".join(life(n, "x", trace="in" if n == 5 else "out") for n in range(1, 10)),
        "x x/4 x/5 x/8",
        at(0.1, keep_at_least=Pace(1, 5 * 60_000)),
        "at-least sampled",
        weights=(1, 1, 10, 1),
    ),
    # Levels follow one draw; each line has the weight of its own rate.
    "levels": Case(
        "half start DEBUG WARN INFO WARN done | report spindown",
        "WARN WARN",
        BY_LEVEL,
        dropped={"not-sampled": 2},
        weights=(2, 2),
        summary={"lines": 4},
    ),
    "levels, all in": Case(
        "in start INFO WARN done", "INFO WARN", at(0.1, sample_rate_warn=0.5), weights=(10, 2)
    ),
    "levels, failed late": Case(
        "half start DEBUG WARN INFO done | report-failed", "WARN DEBUG INFO", BY_LEVEL
    ),
    # An early release waits for the line that names the transaction, where one may come.
    "unnamed yet": Case("invoke start a ERROR", ""),
    "unnamed yet, rate 1": Case("invoke start a ERROR", "", at(1.0)),
    "named": Case("invoke start a ERROR | named b", "a ERROR named b"),
    "named, rate 1": Case("invoke start a ERROR | named b", "a ERROR named b", at(1.0)),
    "the first names nothing": Case("invoke start a done | invoke2 start2 b", "a b/2", at(1.0)),
    "one of them was named": Case(
        lives(life(1, "named"), life(2, "a"), "invoke3 start3 b"), "named a/2", at(1.0)
    ),
    "the last is named": Case(
        lives(life(1, "named"), life(2, "a"), "invoke3 start3 b", "named"),
        "named a/2 b/3 named/3",
        at(1.0),
    ),
    # History: dropped lines of the invocations before a failed one.
    "history": Case(
        lives(*(life(n, f"{n}") for n in range(1, 6)), life(6, "x error6")),
        "4/4 5/5 x/6 error/6",
        {"history": 2},
        "history level-error",
        dropped={"not-sampled": 3},
        weights=(0, 0, 1, 1),
    ),
    "history before its report": Case(
        "out start a done | out2 start2 error2",
        "a error/2",
        {"history": 1, **UNNAMED},
        weights=(0, 1),
    ),
    "history, memory and floor": Case(
        lives(life(1, "a"), life(2, "b"), "out3 start3 c crashed3 report3", life(4, "d")),
        "a b/2 c/3",
        {"history": 2, "keep_memory_above": 0.4, "keep_at_least": Pace(1, 60_000)},
        "at-least history crash",
    ),
    "history is told once": Case(
        lives(life(1, "a"), life(2, "error2"), life(3, "error3")),
        "a error/2 error/3",
        {"history": 3},
    ),
    "history at SHUTDOWN": Case(
        lives(life(1, "a"), "spindown"), "", {"history": 2}, dropped={"not-sampled": 1}
    ),
    # KEEP_AT_MOST: beyond it error lines alone are delivered.
    "flood": Case(
        lives(*(life(n, f"a b error{n}") for n in range(1, 5))),
        "a b error a/2 b/2 error/2 error/3 error/4",
        {"keep_at_most": Pace(2, 60_000)},
        dropped={"flood": 4},
        summary={"lines": 3},
    ),
    "no history in a flood": Case(
        lives(life(1, "error"), life(2, "past"), life(3, "error3")),
        "error error/3",
        {"keep_at_most": Pace(1, 60_000), "history": 5},
    ),
}


# A policy keeps an invocation whole, with weight 1 and the policy's name; without the sign it is dropped.
CASES |= {
    f"policy {reason}, {words}": Case(
        lives(life(1, "a"), f"out2 start2 b {words} report2", life(3, "d"), "spindown"),
        lines,
        settings,
        reason,
        weights=(1,) * len(lines.split()),
    )
    for reason, words, lines, settings in (
        ("marker", "keep-this c done2", "b/2 keep-this/2 c/2", MARKER),
        ("marker", "named c done2", "b/2 named/2 c/2", {"keep_marker": "order-7"}),
        ("slow", "done-slow2", "b/2", {"keep_slower_than_ms": 800}),
        ("memory", "done2 report-large2", "b/2", {"keep_memory_above": 0.9}),
        ("logs-dropped", "logs-dropped c done2", "b/2 c/2", {}),
        ("extension-failed", "extension-failed c done2", "b/2 c/2", {}),
        ("init-restarted", "init-again c done2", "b/2 c/2", {}),
    )
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_sampler_keeps_and_drops(case: Case) -> None:
    """This table is the product: which lines arrive, for which reason, with which weight."""
    case.check()


def test_sampler_says_after_a_flood_what_it_withheld() -> None:
    """It ends by itself, and whoever reads the next whole invocation must learn of the others."""
    script = lives(*(life(n, f"a error{n}") for n in (1, 2, 3)), f"later {life(4, 'a error4')}")

    env = Case(
        script, "a error error/2 error/3 a/4 error/4", {"keep_at_most": Pace(1, 60_000)}
    ).check()

    withheld = [one.get("withheldLines") for one in env.summaries()]
    assert withheld == [None, 1, 1, None]
    assert env.summaries()[-1]["withheldBefore"] == {"invocations": 2, "lines": 2}
    assert env.account.failed_invocations == 4


def test_summary_tells_how_an_invocation_ended() -> None:
    """One record an invocation, after its lines."""
    env = play(Environment(), "invoke start a error | done-slow report")

    assert env.summaries() == [
        {
            "outcome": "error",
            "started": "2026-10-12T00:01:15.123Z",
            "durationMs": 801.5,
            "firstTimestamp": 1791763275123,
            "lastTimestamp": 1791763275123,
            "lines": 2,
            "evictedLines": 0,
            "evictedBytes": 0,
            "droppedLines": 0,
            "errorMessage": "error",
            "errorLine": f"[ERROR]\t2026-10-12T00:01:15.123Z\t{FIRST}\terror",
            "fingerprint": "78b04e21b777d314",
        }
    ]


def test_sampler_bounds_invocations_that_never_report() -> None:
    """A report may be lost, and its invocation must not be held for ever."""
    env = Environment(managed_instances=True)
    for number in range(tail_sampler.MAX_OPEN_INVOCATIONS + 10):
        env.receive(
            start(f"id-{number}"),
            line({"level": "INFO", "requestId": f"id-{number}", "message": "x"}),
        )

    assert len(env.sampler.running) == tail_sampler.MAX_OPEN_INVOCATIONS
    assert len(env.lines()) == 10
    assert env.accounted_for


def test_sampler_gives_a_restored_snapshot_ids_of_its_own() -> None:
    """Clones of one snapshot must not give the same ids to different lines."""
    env = Environment(correlation_fields=(), sample_rate=1.0)
    env.sampler.metadata.environment_id = "clone"

    play(env, "invoke start a").deliver()

    assert env.delivered[0]["id"].startswith("clone-")


def test_archive_gets_everything_kept_or_not() -> None:
    """Lines, reports and how it ended: of healthy invocations, failed ones, and what was written before any."""
    script = (
        "import | out start healthy done report | out2 start2 failing error2 failed2 | spindown"
    )

    found = archived(play(Environment(archive=True), script))

    lines = [one["record"] for one in found if one["type"] == "function"]
    assert lines[:3] == ["import", "healthy", "failing"]
    ended = [one for one in found if one["type"] == "flightRecorder.invocation"]
    assert [one["requestId"] for one in ended] == [FIRST, SECOND]
    assert len([one for one in found if one["type"] == "platform.report"]) == 1
    assert {one["reason"] for one in found} == {"archive"}
    assert {one["weight"] for one in found} == {1}
    assert len({one["id"] for one in found}) == len(found)


def test_a_record_has_the_same_id_in_the_archive_and_at_the_sink() -> None:
    """Whoever reads both can tell what is the same."""
    env = play(Environment(archive=True), "invoke start a error crashed report")
    env.deliver()

    assert {one["id"] for one in archived(env)} == {one["id"] for one in env.delivered}


@pytest.mark.parametrize("changed", [{"sample_rate": 1.0}, {"keep_cold_starts": True}])
def test_sampler_applies_a_changed_setting_to_undecided_invocations(
    changed: dict[str, Any],
) -> None:
    """A rate that somebody turns up in an incident must not wait for a deployment."""
    env = Environment().invoke().receive(start(), line("a"))

    env.sampler.apply(env.settings._replace(**changed))
    env.receive(done())

    assert env.lines() == ["a"]


def test_every_kept_record_carries_the_correlation_id() -> None:
    """Wherever in the invocation it stands: prints, platform events and the summary are found by it."""
    settings = {"platform_events": PlatformEvents.ALL}

    env = Case(life(1, "print named error"), "print named error", settings).check()

    assert len(env.delivered) >= 6
    assert {one["correlationId"] for one in env.delivered} == {"order-7"}


def test_release_lets_no_more_wait_for_a_name_than_an_eighth_of_the_bound() -> None:
    """What an unnamed invocation writes beyond is delivered as it comes, and nothing of it is given up."""
    env = Environment(sample_rate=1.0, buffer_bytes=80_000).invoke().receive(start())

    for n in range(100):
        env.receive(line(f"{n:03d} {'x' * 1000}"))
        assert env.sampler.held_bytes <= 10_000 + 1_200
        env.deliver()

    assert len(env.lines()) > 80
    assert env.receive(done()).account.evicted == 0
    assert len(env.lines()) == 100


def test_release_delivers_without_a_name_for_want_of_room() -> None:
    """It is worth more than its name: of many that wait side by side, none loses a line."""
    env = Environment(managed_instances=True, sample_rate=1.0, buffer_bytes=48_000)
    ids = [f"{n:08d}-0000-4000-8000-000000000000" for n in range(12)]
    for request_id in ids:
        env.receive(start(request_id))

    for n in range(5):
        for request_id in ids:
            env.receive(line({"requestId": request_id, "n": n, "m": "x" * 900}))
            env.deliver()

    assert 0 < len(env.lines()) < 60
    assert env.account.evicted == 0
    assert env.accounted_for


def test_the_correlation_id_decides_the_draw() -> None:
    """Two functions that name the same transaction keep the same ones, whatever their trace ids."""
    kept = []
    for trace in (TRACES["in"], TRACES["out"]):
        env = Environment(sample_rate=0.2)
        for n in range(200):
            request_id = request_id_of(n)
            env.invoke(request_id, trace=trace).receive(
                start(request_id),
                line({"level": "INFO", "correlationId": f"order-{n}"}),
                done(request_id),
                report(request_id),
            )
        env.deliver()
        kept.append({one["correlationId"] for one in env.delivered})

    assert kept[0] == kept[1]
    assert 20 < len(kept[0]) < 60
