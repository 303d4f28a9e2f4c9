"""Whose line it is, and what platform events say."""

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from extension.config.parsers import Pace, PlatformEvents
from extension.levels.level import Level
from extension.model.receipt import Answer
from extension.regex.level_pattern import LevelPattern
from tests.doubles.extension.environment import Environment
from tests.doubles.extension.queues import lines_in
from tests.doubles.lambda_events import (
    FIRST,
    SECOND,
    TRACE,
    done,
    event,
    line,
    python_line,
    report,
    start,
)
from tests.extension.recorder.script import Case, play

ERROR = line(python_line("wrong", level="ERROR"))

MANAGED: dict[str, Any] = {"managed_instances": True}

CASES: dict[str, Case] = {
    # Whose line it is.
    "a line without an id is the last start's": Case(
        "invoke start one done report | invoke2 start2 two error2 done2", "two/2 error/2"
    ),
    "a line that names an earlier invocation is its": Case(
        "invoke start error done | invoke2 start2 >late >mine2 done2", "error >late"
    ),
    "a line between invocations is the earlier's": Case(
        "invoke start error done report | between", "error between"
    ),
    "init's lines go with the first invocation": Case(
        "import connect | invoke start a error done", "import connect a error"
    ),
    "a retry is another invocation": Case(
        "invoke start first error done | report | invoke restart second done | report",
        "first error",
    ),
    # How it ended. Crashes and timeouts leave no line; Lambda's word is enough.
    "a timeout": Case("invoke start a | failed report", "a", {}, "timeout"),
    "a crash": Case(
        "invoke start a | crashed report", "a", {}, "crash", summary={"outcome": "crash"}
    ),
    "a fault": Case(
        "invoke start a | fault1 done report", "a", {}, "fault", summary={"outcome": "crash"}
    ),
    "a fault of nobody": Case("invoke start a | fault done report", "a", {}, "fault"),
    "a failure in the report": Case(
        "invoke start a | done report-failed", "a", {}, "crash", summary={"outcome": "crash"}
    ),
    "all memory used": Case(
        "invoke start a | crashed report-full",
        "a",
        {},
        "crash",
        summary={"outcome": "out-of-memory"},
    ),
    "an end of the Logs API's first schema": Case(
        "invoke start a end", "a", {"sample_rate": 1.0}, "sampled", summary={"lines": 1}
    ),
    "an end that never came": Case(
        "invoke start a | invoke2 start2 done2 | invoke3 start3 done3", "a", {}, "outcome-unknown"
    ),
    "an end that may still come": Case("invoke start a | invoke2 start2 done2", ""),
    "an end behind the next start": Case(
        "invoke start a | invoke2 start2 | done done2 | invoke3 start3 done3", ""
    ),
    "a line and an end before their start": Case("invoke error1 done | start", "error"),
    "more INVOKEs than are remembered": Case(
        " ".join(f"invoke{n}" for n in range(1, 70)) + " | start69 a error69 done69",
        "a/69 error/69",
    ),
    # An application has ids of its own, and a logger may hold on to an earlier one.
    "an id that Lambda has not told": Case(
        "invoke start >mine7 ERROR8 done", ">mine ERROR", reasons="level-error"
    ),
    "an error with the id of one that is over for good": Case(
        "invoke start one done | report invoke2 start2 a2 | ERROR1 b2 done2",
        "a2/2 ERROR b2/2",
        reasons="level-error",
    ),
    "a line with the id of one that is over for good": Case(
        "invoke start one done | report invoke2 start2 a2 | INFO1 b2 done2", ""
    ),
    "an error of the earlier one, on its way as the next one starts": Case(
        "invoke start one done | invoke2 start2 a2 | ERROR1 b2 done2", "one ERROR"
    ),
    "an error of an earlier one between invocations": Case(
        "invoke start one done | report ERROR1", "ERROR"
    ),
    "events of nobody": Case("invoke start a | end2 fault2 done", ""),
    # Init.
    "an init that went well": Case("import init-done | invoke start a done report", ""),
    "an init that failed": Case("import init-failed", "import", {}, "init-error"),
    "an init whose lines tell why": Case(
        "import error init-failed", "import error", {}, "level-error"
    ),
    "an init that timed out": Case("import init-timeout", "import", {}, "init-error"),
    "an init that failed within an invocation": Case(
        "invoke start again | init-failed-again", "again", {"correlation_fields": ()}
    ),
    # On Managed Instances invocations run side by side, and only the id tells.
    "managed, side by side": Case(
        "start start2 | INFO1 INFO2 ERROR2 INFO1 | report report2", "INFO/2 ERROR/2", MANAGED
    ),
    "managed, a line behind the report": Case("start INFO1 | report ERROR1", "INFO ERROR", MANAGED),
    "managed, one that runs longer than many others": Case(
        " | ".join(
            ["start INFO1", *(f"start{n} INFO{n} report{n}" for n in range(2, 80)), "ERROR1"]
        ),
        "INFO ERROR",
        MANAGED,
    ),
    "managed, one after another, with history": Case(
        " | ".join(f"start{n} INFO{n} | report{n}" for n in range(1, 7)) + " | spindown",
        "INFO",
        {**MANAGED, "history": 2, "keep_memory_above": 0.4, "keep_at_least": Pace(1, 60_000)},
        "at-least",
    ),
    "managed, lines without an id": Case(
        "start | plain ERROR metrics", "ERROR metrics", MANAGED, dropped={"not-sampled": 1}
    ),
    "managed, metrics without an id, at a rate": Case(
        "start | metrics", "metrics", {**MANAGED, "sample_rate": 0.9999}, "emf", weights=(1,)
    ),
    "managed, metrics of one that is sampled": Case(
        "start start2 | >late1 prefixed1 prefixed2 | report report2",
        "prefixed prefixed/2",
        MANAGED,
        "emf",
    ),
    "managed, metrics behind the report": Case(
        "start | report | prefixed spindown", "prefixed", MANAGED, "emf"
    ),
    "managed, lines without an id, by level": Case(
        "start | INFO WARN", "WARN", {**MANAGED, "sample_rate_warn": 1.0}, "sampled"
    ),
    "managed, lines without an id, archived": Case(
        "start | plain ERROR", "ERROR", {**MANAGED, "archive": True}
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_recorder_gives_lines_and_events_to_their_invocation(case: Case) -> None:
    """A line in another invocation's recording is kept or dropped with the wrong one."""
    case.check()


def test_the_running_invocation_quotes_an_error_with_the_id_of_an_earlier_one() -> None:
    """Its own lines hold no error, so the summary is where a reader learns why it was kept."""
    env = CASES["an error with the id of one that is over for good"].check()

    first, second = env.summaries()
    assert first["errorLine"] == second["errorLine"] != ""
    assert env.account.failed_invocations == 2


@pytest.mark.parametrize(
    "record",
    [
        {"errorMessage": "m", "errorType": "E", "requestId": SECOND, "stackTrace": []},
        f"2026-11-29T10:00:00.000Z {SECOND} Task timed out after 3.00 seconds\n\n",
        f"RequestId: {SECOND} Error: Runtime exited with error: exit status 1\nRuntime.ExitError\n",
    ],
    ids=["an unhandled error", "a timeout", "an exit"],
)
@pytest.mark.parametrize("name", [FIRST, SECOND])
def test_what_another_function_has_said_of_its_end_is_no_failure(record: Any, name: str) -> None:
    """A function that ships the logs of others, or calls them: the id is none that Lambda has told here."""
    text = json.dumps(record).replace(SECOND, name)
    env = Environment()

    env.invoke().receive(start(), line(json.loads(text)), done(), report())
    env.deliver()

    assert env.account.failed_invocations == (name == FIRST)


def test_recorder_counts_each_attempt_of_a_retry() -> None:
    """The account is in invocations as Lambda bills them."""
    case = CASES["a retry is another invocation"]

    assert case.check().account.invocations == 2


@pytest.mark.parametrize("first", ["invoke", "start"])
def test_recorder_takes_invoke_and_start_in_either_order(first: str) -> None:
    """They are two streams."""
    env = Environment()

    play(env, "invoke | start error | done" if first == "invoke" else "start error | invoke | done")

    env.deliver()
    assert env.account.invocations == 1
    assert {one["traceId"] for one in env.delivered if "traceId" in one} == {
        "1-5f35ae12-0c0fec141ab77a00bc047aa2"
    }


def test_recorder_finds_the_invocation_of_an_invoke_once_it_has_started() -> None:
    """Holding Next needs to know which invocation it is for, also for a second attempt."""
    env = Environment()

    assert env.recorder.invoked(FIRST, trace_header=TRACE) is None
    assert env.recorder.expected(FIRST) is None
    env.receive(start())
    first = env.recorder.expected(FIRST)
    complete = [env.recorder.complete]
    env.receive(done())
    complete.append(env.recorder.complete)
    assert env.recorder.invoked(FIRST, trace_header=TRACE) is None
    env.receive(start(time="2026-10-12T00:02:00.000Z"))

    assert complete == [False, True]
    assert first is not None
    assert first.ended
    second = env.recorder.expected(FIRST)
    assert second is not None
    assert second is not first


MANY = [line(f"{n:04d} {'x' * 100}") for n in range(200)]
LATER = [{**one, "time": "2026-10-12T00:01:16.000Z"} for one in MANY]


@pytest.mark.parametrize(
    ("batches", "repeated", "received"),
    [
        ([[start(), line("a"), ERROR, done()]] * 2, 1, 2),
        ([[], []], 0, 0),
        ([[start(), *MANY], [start(), *MANY], LATER], 1, 400),
    ],
    ids=["small", "empty", "large, told by its ends"],
)
def test_recorder_takes_a_repeated_batch_once(
    batches: list[list[object]], repeated: int, received: int
) -> None:
    """A lost 200 is answered by sending again. An empty array says nothing, twice; a later batch has later times."""
    env = Environment().invoke()

    for events in batches:
        env.receive(*events)

    assert env.account.duplicate_batches == repeated
    assert env.account.received == received


@pytest.mark.parametrize(
    ("wanted", "types"),
    [
        (PlatformEvents.NONE, set()),
        (PlatformEvents.REPORT, {"platform.report"}),
        (PlatformEvents.ALL, {"platform.start", "platform.runtimeDone", "platform.report"}),
    ],
)
def test_recorder_lets_platform_events_travel_as_asked(
    wanted: PlatformEvents, types: set[str]
) -> None:
    """With a kept invocation only, and never with one that is let go."""
    env = play(
        Environment(platform_events=wanted),
        "invoke start error done report | invoke2 start2 a done2 report2",
    )

    env.deliver()
    assert {one["type"] for one in env.delivered if one["type"].startswith("platform.")} == types
    assert all(one["requestId"] == FIRST for one in env.delivered)


def test_recorder_counts_dropped_lines_and_unreadable_bytes() -> None:
    """``platform.logsDropped`` is part of an honest account; garbage has no lines to count."""
    env = play(Environment(), "logs-dropped")

    env.recorder.receive(b"garbage")

    assert env.account.summary()["lines_dropped_by_lambda"] == 3
    assert env.account.unreadable_bytes == 7


_WORDS = st.one_of(
    st.builds(
        "{}{}".format,
        st.sampled_from(
            ["invoke", "start", ">logged", "error", "done", "failed", "report", "named"]
        ),
        st.integers(1, 3),
    ),
    st.sampled_from(
        ["metrics", "DEBUG", "INFO", "WARN", "keep-this", "init-again", "logs-dropped"]
    ),
    st.integers(1, 30).map(lambda count: " ".join(f"{'x' * 60}{n}" for n in range(count))),
)
_STEPS = st.one_of(_WORDS, st.just("again"), st.sampled_from(list(Answer)))


_SETTINGS = st.fixed_dictionaries(
    {
        "sample_rate": st.sampled_from([0.0, 0.3, 1.0]),
        "buffer_bytes": st.sampled_from([4_000, 20_000, 10**7]),
        "managed_instances": st.booleans(),
        "archive": st.booleans(),
        "correlation_fields": st.sampled_from([(), ("correlationId",)]),
    },
    optional={
        "sample_rate_debug": st.sampled_from([0.0, 0.1, 1.0]),
        "sample_rate_warn": st.sampled_from([0.0, 0.9, 1.0]),
        "keep_marker": st.just("keep-this"),
        "keep_cold_starts": st.just(True),
        "keep_slower_than_ms": st.just(2),
        "keep_memory_above": st.just(0.2),
        "keep_at_least": st.just(Pace(1, 20_000)),
        "keep_at_most": st.just(Pace(1, 20_000)),
        "history": st.integers(1, 3),
    },
)


def _assert_told(env: Environment) -> None:
    """Of each failed invocation all is there, but for what its summary counts as missing."""
    if env.account.lost:
        return  # A sink that takes nothing is another test's.
    found: dict[str, list[dict[str, Any]]] = {}
    for one in env.delivered:
        found.setdefault(one.get("requestId", ""), []).append(one)
    for request_id, records in found.items():
        told = [one["record"] for one in records if one["type"] == "flightRecorder.invocation"]
        failed = [one for one in told if one["outcome"] != "success"]
        if not request_id or len(told) != 1 or not failed:
            continue
        lines = sum(one["type"] == "function" for one in records)
        missing = sum(told[0].get(f"{name}Lines", 0) for name in ("evicted", "dropped", "withheld"))
        in_gaps = sum(
            one["record"]["evictedLines"] for one in records if one["type"] == "flightRecorder.gap"
        )
        assert lines + max(missing, in_gaps) + env.account.evicted >= told[0]["lines"]
        if not env.account.evicted:
            assert lines + missing >= told[0]["lines"]


@settings(max_examples=max(100, settings().max_examples), deadline=None)
@given(st.lists(_STEPS, max_size=40), _SETTINGS)
def test_recorder_holds_the_invariants_over_any_interleaving(
    steps: list[str | Answer], given_settings: dict[str, Any]
) -> None:
    """Accounted for at any moment, bounded, in order, once, and failed invocations whole or told of."""
    env = Environment(**given_settings)
    last = "", 0
    for count, step in enumerate(steps):
        if isinstance(step, Answer):
            env.deliver(step)
        else:
            last = last if step == "again" else (step, count)
            play(env, last[0], second=last[1])

        assert env.accounted_for
        held_bytes = env.sampler.held_bytes + env.queues.held_bytes
        # What is archived is there once and counts twice, and a batch under way is not given up.
        assert held_bytes <= 2 * env.settings.buffer_bytes + 4000

    env.sampler.shut_down(None)
    env.deliver()
    assert env.accounted_for
    assert lines_in(env.queue) == env.sampler.buffered_lines == 0
    ids = [one["id"] for one in env.delivered]
    assert len(ids) == len(set(ids))
    _assert_told(env)
    # With several attempts at one request, each has its own order; the record does not tell them apart. What a level
    # left behind, or history, comes later than what went before it.
    numbers: dict[object, list[int]] = {}
    for one in env.delivered:
        if one["type"] == "function" and one["reason"] != "emf" and one.get("requestId"):
            numbers.setdefault(one["requestId"], []).append(int(one["id"].rpartition("-")[2]))
    starts = [step for step in steps if isinstance(step, str) and step.startswith("start")]
    by_level = any(name.startswith("sample_rate_") for name in given_settings)
    plain = not by_level and "history" not in given_settings
    if env.account.evicted == 0 and len(starts) == len(set(starts)) and plain:
        assert all(found == sorted(found) for found in numbers.values())


@given(st.lists(_WORDS, max_size=30), st.sampled_from([(0.1, 0.3), (0.0, 0.5), (0.3, 1.0)]))
@settings(max_examples=max(100, settings().max_examples // 4), deadline=None)
def test_a_higher_rate_keeps_all_that_a_lower_one_keeps(
    words: list[str], rates: tuple[float, float]
) -> None:
    """Whatever happens in whatever order: samples nest."""
    kept = []
    for rate in rates:
        env = Environment(sample_rate=rate)
        for count, word in enumerate(words):
            play(env, word, second=count)
        env.sampler.shut_down(None)
        env.deliver()
        functions = (one for one in env.delivered if one["type"] == "function")
        kept.append({(one["time"], str(one["record"])) for one in functions})

    assert kept[0] <= kept[1]


@pytest.mark.parametrize(
    ("tracing", "span_id"),
    [
        ({}, "2be948a625588e32"),
        ({"spanId": "24cd7d670fa455f0", "value": TRACE}, "24cd7d670fa455f0"),
        ({"spanId": 7}, "2be948a625588e32"),
        ({"spanId": "short"}, "2be948a625588e32"),
    ],
)
def test_recorder_takes_lambdas_span_or_else_the_headers_parent(
    tracing: dict[str, object], span_id: str
) -> None:
    """The Telemetry API names the function's own segment; the header only its parent. INVOKE has the ARN, perhaps an alias's."""
    env = Environment(correlation_fields=(), sample_rate=1.0)
    env.recorder.invoked(
        FIRST, trace_header=TRACE, arn="arn:aws:lambda:eu-west-1:1:function:f:live"
    )

    env.receive(event("platform.start", {"requestId": FIRST, "tracing": tracing}), line("a"))

    (chunk, *_) = env.queue.take_all()
    assert chunk.metadata.span_id == span_id
    assert chunk.metadata.arn == "arn:aws:lambda:eu-west-1:1:function:f:live"


@pytest.mark.parametrize("told_by", ["start", "runtimeDone"])
def test_every_record_names_the_tenant(told_by: str) -> None:
    """Whoever serves many tenants searches by them; the Logs API may tell of one at the end only."""
    env = Environment(correlation_fields=()).invoke()

    env.receive(
        event("platform.start", {"requestId": FIRST, **told(told_by == "start")}),
        line("a"),
        event("platform.runtimeDone", {"requestId": FIRST, "status": "timeout", **told(True)}),
    ).receive(event("platform.report", {"requestId": FIRST, **told(True)}), line("late"))

    env.deliver()
    assert {one["type"] for one in env.delivered} == {
        "function",
        "platform.report",
        "flightRecorder.invocation",
    }
    assert {one["tenantId"] for one in env.delivered} == {"blue"}


def told(is_told: bool) -> dict[str, object]:
    return {"tenantId": "blue"} if is_told else {}


def test_recorder_applies_changed_rules_to_the_next_batch() -> None:
    """An error level that is changed is what lines are held against from then on."""
    env = Environment(correlation_fields=()).invoke()
    env.receive(start(), line(python_line("a", level="WARN")))

    env.recorder.apply(env.settings._replace(error_level=Level.WARN))
    env.receive(line(python_line("b", level="WARN")))

    assert env.reasons() == {"level-warn"}


def test_recorder_measures_the_duration_by_times_where_metrics_are_missing() -> None:
    """As with the Logs API: a slow invocation is kept when it ends, not when its report comes."""
    env = Environment(keep_slower_than_ms=700).invoke()

    env.receive(start(time="2026-10-12T00:01:15.000Z"), line("a"))
    env.receive({**done(), "time": "2026-10-12T00:01:15.900Z"})

    assert env.reasons() == {"slow"}


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("invoke start a | report-failed", "Runtime.ExitError"),
        ("invoke start a | crashed report-failed", "Runtime.ExitError"),
        ("init-unimportable", "Runtime.ImportModuleError"),
        ("invoke start a init-unimportable-again done", "Runtime.ImportModuleError"),
    ],
)
def test_summary_has_lambda_s_word_where_no_line_tells(script: str, kind: str) -> None:
    """A crash, a time-out and a failed init leave no line that names an error."""
    (summary,) = play(Environment(), script).summaries()

    assert summary["errorType"] == kind
    assert "errorMessage" not in summary


@pytest.mark.parametrize("end", ["failed", "end", "fault1 done report-failed"])
def test_summary_of_a_failed_invocation_tells_its_duration(end: str) -> None:
    """With the Logs API its report, which measures it, comes later."""
    env = Environment().invoke()

    env.receive(start(time="2026-10-12T00:01:14.123Z"), ERROR)

    assert play(env, end).summaries()[0]["durationMs"] == 1000.0


def test_level_pattern_serves_failures_rates_and_records() -> None:
    """One reading of a line's level holds for all that asks for it."""
    pattern = LevelPattern("^shop <(?P<level>[a-z]+)>")
    env = Environment(level_pattern=pattern, sample_rate=1.0, sample_rate_debug=0.0).invoke()

    env.receive(start(), line("shop <debug> a"), line("shop <warn> b"), line("c"), done())
    env.invoke(SECOND).receive(report(), start(SECOND), line("shop <error> d"), done(SECOND))
    env.deliver()

    told = {one["record"]: one.get("level") for one in env.delivered if one["type"] == "function"}
    assert told == {"shop <warn> b": "WARN", "c": None, "shop <error> d": "ERROR"}
    assert [one["outcome"] for one in env.summaries()] == ["success", "error"]


KINDS = [
    "start",
    "runtimeDone",
    "report",
    "end",
    "fault",
    "initStart",
    "initRuntimeDone",
    "initReport",
    "restoreStart",
    "restoreRuntimeDone",
    "restoreReport",
    "logsDropped",
    "extension",
]
FIELDS = ("requestId", "status", "errorType", "metrics", "tracing", "phase", "tenantId", "events")
ODD: tuple[object, ...] = (
    None,
    True,
    -1,
    10**308 * 10,
    1e999,
    float("nan"),
    "",
    "x" * 100_000,
    [],
    [[]],
    {},
    {"": 0},
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("managed", [False, True])
def test_nothing_that_an_event_may_hold_raises_out_of_a_batch(kind: str, managed: bool) -> None:
    """The rest of a batch would be lost uncounted with it; and a word of a megabyte must not be held."""
    usual = {"requestId": FIRST, "status": "error", "errorType": "Runtime.ExitError"}
    numbers = ("durationMs", "memorySizeMB", "maxMemoryUsedMB")
    env = Environment(managed_instances=managed, platform_events=PlatformEvents.ALL)
    for odd in ODD:
        records: list[object] = [odd, {**usual, "metrics": dict.fromkeys(numbers, odd)}]
        records += [{**usual, field: odd} for field in FIELDS]
        records += [{**usual, "tracing": {"value": odd, "spanId": odd}}, {"droppedRecords": odd}]
        for record in records:
            told = event(f"platform.{kind}", record)
            env.receive({**told, "time": odd}, told, line(python_line("a line", level="ERROR")))
            env.invoke(str(len(env.account.dropped)))
            assert env.accounted_for
    env.sampler.shut_down(None)

    env.deliver()
    assert env.accounted_for
    assert max(len(str(one)) for one in env.summaries()) < 2000
