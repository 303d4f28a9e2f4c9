"""Whose line it is, and what platform events say."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from extension.config.parsers import Pace, PlatformEvents
from extension.model.levels import Level
from extension.model.receipt import Answer
from extension.redaction.patterns import read_exclusions
from tests.doubles.extension.environment import Environment
from tests.doubles.lambda_events import (
    FIRST,
    SECOND,
    THIRD,
    TRACE,
    done,
    event,
    line,
    python_line,
    report,
    start,
)


def error(request_id: str = FIRST) -> dict[str, object]:
    """A line at level ERROR."""
    return line(python_line("wrong", level="ERROR", request_id=request_id))


def test_a_failed_invocation_is_delivered_whole_and_in_order() -> None:
    """An error at the end brings what was written before it."""
    env = Environment().invoke()

    env.receive(start(), line("a"), line("b")).receive(line("c"), error(), line("d"), done())

    assert env.lines(FIRST) == ["a", "b", "c", python_line("wrong", level="ERROR"), "d"]
    assert env.reasons() == {"level-error"}


def test_a_healthy_invocation_is_let_go_at_rate_zero() -> None:
    """Nothing of it is delivered, and all of it is counted."""
    env = Environment().invoke()

    env.receive(start(), line("a"), line("b"), done()).receive(report())

    assert env.lines() == []
    assert env.account.dropped == {"not-sampled": 2}
    assert env.accounted_for


def test_a_failure_is_owed_while_the_function_still_runs() -> None:
    """Delivery need not wait for the end."""
    env = Environment(correlation_fields=()).invoke()

    env.receive(start(), line("a"), error())

    assert len(env.lines(FIRST)) == 2


def test_lines_without_an_id_belong_to_the_invocation_that_started_last() -> None:
    """A print carries no id."""
    env = Environment(error_level=17).invoke()

    env.receive(start(), line("one"), done(), report()).invoke(SECOND)
    env.receive(start(SECOND), line("two"), error(SECOND), done(SECOND))

    assert env.lines(SECOND)[0] == "two"
    assert env.lines(FIRST) == []


def test_a_line_that_names_an_earlier_invocation_goes_to_it() -> None:
    """Threads go on writing after their invocation's end."""
    env = Environment().invoke().receive(start(), error(), done())
    env.invoke(SECOND)

    env.receive(
        start(SECOND),
        line(python_line("late")),
        line(python_line("mine", request_id=SECOND)),
        done(SECOND),
    )

    assert env.lines(FIRST) == [python_line("wrong", level="ERROR"), python_line("late")]


def test_a_late_error_saves_an_invocation_that_seemed_healthy() -> None:
    """Until its report has come, what it wrote is at hand."""
    env = Environment().invoke().receive(start(), line("a"), done())

    env.receive(error())

    assert env.lines(FIRST) == ["a", python_line("wrong", level="ERROR")]
    assert env.accounted_for


def test_an_error_after_the_report_tells_how_much_is_gone() -> None:
    """What was let go before cannot come back, and the summary says so."""
    env = Environment().invoke().receive(start(), line("a"), line("b"), done()).receive(report())

    env.receive(error())

    assert env.lines(FIRST) == [python_line("wrong", level="ERROR")]
    assert env.summaries()[0]["droppedLines"] == 2


def test_lines_between_invocations_belong_to_the_one_before() -> None:
    """The environment was thawed, and the old code goes on."""
    env = Environment().invoke().receive(start(), error(), done(), report())

    env.receive(line("between"))

    assert env.lines(FIRST)[-1] == "between"


def test_what_init_wrote_goes_with_the_first_invocation() -> None:
    """It stands before the invocation's own lines, and is kept or let go with it."""
    env = Environment().receive(line("import"), line("connect")).invoke()

    env.receive(start(), line("a"), error(), done())

    assert env.lines(FIRST)[:3] == ["import", "connect", "a"]
    assert env.accounted_for


def test_a_failed_init_is_delivered_without_an_invocation() -> None:
    """Lambda may never start one."""
    env = Environment().receive(
        line("import"),
        line("[ERROR] Runtime.ImportModuleError: x\nTraceback (most recent call last):"),
    )

    env.receive(
        event(
            "platform.initRuntimeDone",
            {"phase": "init", "status": "error", "errorType": "Runtime.X"},
        )
    )

    assert len(env.lines()) == 2
    assert env.reasons() == {"python-exception"}


def test_an_init_that_fails_without_a_word_is_kept() -> None:
    """The status is sign enough."""
    env = Environment().receive(
        line("import"), event("platform.initReport", {"phase": "init", "status": "timeout"})
    )

    assert env.lines() == ["import"]
    assert env.reasons() == {"init-error"}


def test_a_restarted_init_fails_the_invocation_it_runs_in() -> None:
    """A suppressed init happens inside the first invocation."""
    env = Environment(correlation_fields=()).invoke().receive(start(), line("again"))

    env.receive(event("platform.initReport", {"phase": "invoke", "status": "error"}))

    assert env.lines(FIRST) == ["again"]


def test_a_retry_is_another_invocation() -> None:
    """The same request id twice: each attempt is judged by itself."""
    env = (
        Environment()
        .invoke()
        .receive(start(), line("first try"), error(), done())
        .receive(report())
    )
    env.deliver()
    env.invoke()

    env.receive(start(time="2026-10-12T00:02:00.000Z"), line("second try"), done()).receive(
        report()
    )

    assert "first try" in env.lines(FIRST)
    assert "second try" not in env.lines(FIRST)
    assert env.account.invocations == 2


@pytest.mark.parametrize("first", ["invoke", "start"])
def test_invoke_and_start_come_in_either_order(first: str) -> None:
    """They are two streams."""
    env = Environment()

    if first == "invoke":
        env.invoke().receive(start(), error())
    else:
        env.receive(start(), error()).invoke()

    env.receive(done())
    env.deliver()
    assert env.account.invocations == 1
    assert {one["traceId"] for one in env.delivered if "traceId" in one} == {
        "1-5f35ae12-0c0fec141ab77a00bc047aa2"
    }


def test_the_draw_waits_for_the_trace_id() -> None:
    """With the Logs API only INVOKE has it, and it may be handled after the end was read."""
    kept = Environment(sample_rate=0.5).receive(start(), line("a"), done())
    assert kept.lines() == []

    kept.invoke(trace="Root=1-5f35ae12-0c0fec141affffffffffffff;Sampled=1")
    dropped = Environment(sample_rate=0.5).receive(start(), line("a"), done())
    dropped.invoke(trace="Root=1-5f35ae12-0c0fec141a00000000000001;Sampled=1")

    assert kept.lines() == ["a"]
    assert kept.delivered[0]["weight"] == 2
    assert dropped.lines() == []


def test_an_invoke_finds_its_invocation_once_it_has_started() -> None:
    """Holding Next needs to know which invocation it is for, also for a second attempt."""
    env = Environment()

    assert env.recorder.invoked(FIRST, trace_header=TRACE) is None
    assert env.recorder.expected(FIRST) is None
    env.receive(start())
    first = env.recorder.expected(FIRST)
    env.receive(done())
    assert env.recorder.invoked(FIRST, trace_header=TRACE) is None
    env.receive(start(time="2026-10-12T00:02:00.000Z"))

    assert first is not None
    assert first.ended
    second = env.recorder.expected(FIRST)
    assert second is not None
    assert second is not first


def test_an_end_that_never_came_is_kept_after_two_more_starts() -> None:
    """Neither success nor failure was seen: it may be the one that is looked for."""
    env = Environment().invoke().receive(start(), line("a"))

    env.invoke(SECOND).receive(start(SECOND), done(SECOND))
    assert env.lines(FIRST) == []
    env.invoke(THIRD).receive(start(THIRD), done(THIRD))

    assert env.lines(FIRST) == ["a"]
    assert "outcome-unknown" in env.reasons()


def test_an_end_that_comes_after_the_next_start_still_counts() -> None:
    """Batches are nearly in order, not quite."""
    env = Environment().invoke().receive(start(), line("a")).invoke(SECOND)

    env.receive(start(SECOND)).receive(done(), done(SECOND)).invoke(THIRD).receive(
        start(THIRD), done(THIRD)
    )

    assert env.lines() == []


def test_a_batch_that_comes_twice_is_taken_once() -> None:
    """A lost 200 is answered by sending again."""
    env = Environment().invoke()

    for _ in range(2):
        env.receive(start(), line("a"), error(), done())

    assert len(env.lines()) == 2
    assert env.account.duplicate_batches == 1
    assert env.account.received == 2


def test_empty_batches_are_no_repetitions() -> None:
    """An empty array says nothing, twice."""
    env = Environment().receive().receive()

    assert env.account.duplicate_batches == 0


@pytest.mark.parametrize(
    ("events", "reason", "outcome"),
    [
        ([done(status="timeout")], "timeout", "timeout"),
        ([done(status="error", errorType="Runtime.ExitError")], "crash", "crash"),
        ([done(status="error", errorType="Runtime.OutOfMemory")], "out-of-memory", "out-of-memory"),
        (
            [
                event(
                    "platform.fault", f"RequestId: {FIRST} Process exited before completing request"
                ),
                done(),
            ],
            "fault",
            "crash",
        ),
        ([event("platform.fault", "no id here"), done()], "fault", "crash"),
        ([done(), report(status="error", errorType="Runtime.Unknown")], "status-error", "error"),
        (
            [
                done(status="error"),
                event(
                    "platform.report",
                    {"requestId": FIRST, "metrics": {"memorySizeMB": 128, "maxMemoryUsedMB": 128}},
                ),
            ],
            "crash",
            "out-of-memory",
        ),
    ],
)
def test_platform_events_tell_how_it_ended(
    events: list[dict[str, object]], reason: str, outcome: str
) -> None:
    """Crashes and timeouts leave no line; what Lambda says of them is enough."""
    env = Environment().invoke().receive(start(), line("last words"))

    env.receive(*events)

    assert env.lines(FIRST) == ["last words"]
    assert reason in env.reasons()
    env.sampler.shut_down(None)
    assert env.summaries()[0]["outcome"] == outcome


def test_the_logs_apis_first_schema_ends_with_end() -> None:
    """It has no runtimeDone."""
    env = Environment(sample_rate=1.0).invoke().receive(start(), line("a"))

    env.receive(event("platform.end", {"requestId": FIRST}))

    assert len(env.summaries()) == 1
    assert env.recorder.complete


@pytest.mark.parametrize(
    ("wanted", "types"),
    [
        (PlatformEvents.NONE, set()),
        (PlatformEvents.REPORT, {"platform.report"}),
        (PlatformEvents.ALL, {"platform.start", "platform.runtimeDone", "platform.report"}),
    ],
)
def test_platform_events_travel_as_asked(wanted: PlatformEvents, types: set[str]) -> None:
    """With a kept invocation only, and never with one that is let go."""
    env = Environment(platform_events=wanted).invoke()
    env.receive(start(), error(), done(), report()).invoke(SECOND)
    env.receive(start(SECOND), line("a"), done(SECOND), report(SECOND))

    env.deliver()

    assert {one["type"] for one in env.delivered if one["type"].startswith("platform.")} == types
    assert all(one["requestId"] == FIRST for one in env.delivered)


def test_lines_that_lambda_dropped_are_counted() -> None:
    """``platform.logsDropped`` is part of an honest account."""
    env = Environment().receive(
        event("platform.logsDropped", {"droppedRecords": 123, "reason": "slow"})
    )

    assert env.account.summary()["lines_dropped_by_lambda"] == 123


def test_unreadable_bytes_are_counted() -> None:
    """Garbage has no lines to count."""
    env = Environment()

    env.recorder.receive(b"garbage")

    assert env.account.unreadable_bytes == 7


def managed(rate: float = 0.0) -> Environment:
    """An environment of Managed Instances."""
    return Environment(managed_instances=True, sample_rate=rate)


def json_line(
    message: str, request_id: str | None = None, *, level: str = "INFO"
) -> dict[str, object]:
    """A line of the JSON log format."""
    record: dict[str, Any] = {"level": level, "message": message}
    if request_id:
        record["requestId"] = request_id
    return line(record)


def test_on_managed_instances_only_the_id_tells_whose_line_it_is() -> None:
    """Invocations run side by side."""
    env = managed().receive(start(FIRST), start(SECOND))

    env.receive(
        json_line("1", FIRST),
        json_line("2", SECOND),
        json_line("x", SECOND, level="ERROR"),
        json_line("3", FIRST),
    )
    env.receive(event("platform.report", {"requestId": FIRST, "status": "success"}))
    env.receive(event("platform.report", {"requestId": SECOND, "status": "success"}))

    assert [one["message"] for one in env.lines() if isinstance(one, dict)] == ["2", "x"]
    assert env.accounted_for


def test_on_managed_instances_lines_after_the_report_still_count() -> None:
    """The report may overtake the last lines."""
    env = managed().receive(start(FIRST), json_line("1", FIRST))

    env.receive(
        event("platform.report", {"requestId": FIRST, "status": "success"}),
        json_line("x", FIRST, level="ERROR"),
    )

    assert len(env.lines(FIRST)) == 2


def test_on_managed_instances_a_line_without_an_id_is_judged_alone() -> None:
    """Errors are kept, metrics are kept, the rest is drawn."""
    env = managed().receive(start(FIRST))

    env.receive(
        line("plain"), json_line("wrong", level="ERROR"), line({"_aws": {"CloudWatchMetrics": []}})
    )

    assert len(env.lines()) == 2
    assert env.account.dropped == {"not-sampled": 1}
    assert env.accounted_for


_IDS = st.sampled_from([FIRST, SECOND, THIRD])
_STEPS = st.one_of(
    st.tuples(st.just("invoke"), _IDS),
    st.tuples(st.just("start"), _IDS),
    st.tuples(st.just("lines"), st.integers(1, 30)),
    st.tuples(st.just("logged"), _IDS),
    st.tuples(st.just("error"), _IDS),
    st.tuples(st.just("emf"), st.just(0)),
    st.tuples(st.just("leveled"), st.sampled_from(["DEBUG", "INFO", "WARN"])),
    st.tuples(st.just("named"), st.sampled_from(["order-1", "order-2"])),
    st.tuples(st.just("marked"), st.just(0)),
    st.tuples(st.just("init again"), st.just(0)),
    st.tuples(st.just("logs dropped"), st.just(0)),
    st.tuples(st.just("done"), _IDS),
    st.tuples(st.just("failed"), _IDS),
    st.tuples(st.just("report"), _IDS),
    st.tuples(st.just("again"), st.just(0)),
    st.tuples(st.just("sink"), st.sampled_from(list(Answer))),
)


def _events(step: str, value: Any, written: int) -> list[dict[str, object]]:
    if step == "lines":
        return [line(f"{written + n:06d} {'x' * 60}") for n in range(value)]
    if step in {"logged", "error"}:
        level = "INFO" if step == "logged" else "ERROR"
        return [line(python_line(f"{written:06d}", level=level, request_id=value))]
    one: dict[str, dict[str, object]] = {
        "emf": line({"_aws": {"CloudWatchMetrics": []}, "n": written}),
        "leveled": line({"level": value, "n": written}),
        "named": line({"level": "INFO", "correlationId": value, "n": written}),
        "marked": line(f"{written:06d} keep-this"),
        "init again": event("platform.initRuntimeDone", {"phase": "invoke", "status": "success"}),
        "logs dropped": event("platform.logsDropped", {"droppedRecords": 3}),
        "start": start(value),
        "done": done(value),
        "failed": done(value, status="timeout"),
        "report": report(value),
    }
    return [one[step]]


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


@settings(max_examples=400, deadline=None)
@given(st.lists(_STEPS, max_size=40), _SETTINGS)
def test_the_invariants_hold_over_any_interleaving(
    steps: list[tuple[str, Any]], given_settings: dict[str, Any]
) -> None:
    """Accounted for at any moment, bounded, in order, once, and failed invocations whole or told of."""
    env = Environment(**given_settings)
    written = 0
    last: list[dict[str, object]] = []
    for count, (step, value) in enumerate(steps):
        if step == "invoke":
            env.invoke(value)
        elif step == "sink":
            env.deliver(value)
        else:
            if step != "again":
                time = f"2026-10-12T00:01:{count:02d}.000Z"
                last = [{**one, "time": time} for one in _events(step, value, written)]
                written += sum(one["type"] == "function" for one in last)
            env.receive(*last)

        assert env.accounted_for
        held_bytes = env.sampler.held_bytes + env.queues.held_bytes
        # What is archived is there once and counts twice, and a batch under way is not given up.
        assert held_bytes <= 2 * env.settings.buffer_bytes + 4000

    env.sampler.shut_down(None)
    env.deliver()
    assert env.accounted_for
    assert env.queue.lines == env.sampler.buffered_lines == 0
    ids = [one["id"] for one in env.delivered]
    assert len(ids) == len(set(ids))
    _assert_told(env)
    # With several attempts at one request, each has its own order; the record does not tell them apart. What a level
    # left behind, or history, comes later than what went before it.
    numbers: dict[object, list[int]] = {}
    for one in env.delivered:
        if one["type"] == "function" and one["reason"] != "emf" and one.get("requestId"):
            numbers.setdefault(one["requestId"], []).append(int(one["id"].rpartition("-")[2]))
    starts = [value for step, value in steps if step == "start"]
    by_level = any(name.startswith("sample_rate_") for name in given_settings)
    plain = not by_level and "history" not in given_settings
    if env.account.evicted == 0 and len(starts) == len(set(starts)) and plain:
        assert all(found == sorted(found) for found in numbers.values())


@given(st.lists(_STEPS, max_size=30), st.sampled_from([(0.1, 0.3), (0.0, 0.5), (0.3, 1.0)]))
@settings(max_examples=100, deadline=None)
def test_what_a_lower_rate_keeps_a_higher_one_keeps_too(
    steps: list[tuple[str, Any]], rates: tuple[float, float]
) -> None:
    """Whatever happens in whatever order: samples nest."""
    kept = []
    for rate in rates:
        env = Environment(sample_rate=rate)
        for count, (step, value) in enumerate(steps):
            if step == "invoke":
                env.invoke(value)
            elif step not in {"sink", "again"}:
                time = f"2026-10-12T00:01:{count:02d}.000Z"
                env.receive(*[{**one, "time": time} for one in _events(step, value, count)])
        env.sampler.shut_down(None)
        env.deliver()
        kept.append(
            sorted(str(one["record"]) for one in env.delivered if one["type"] == "function")
        )

    assert set(kept[0]) <= set(kept[1])


def test_a_large_batch_is_recognised_by_its_ends() -> None:
    """A large batch is told by its ends, which carry its times; a later one has later times."""
    env = Environment().invoke()
    many = [line(f"{n:04d} {'x' * 100}") for n in range(200)]

    env.receive(start(), *many).receive(start(), *many)
    env.receive(*[{**one, "time": "2026-10-12T00:01:16.000Z"} for one in many])

    assert env.account.duplicate_batches == 1
    assert env.account.received == 400


@pytest.mark.parametrize(
    ("tracing", "span_id"),
    [
        ({}, "2be948a625588e32"),
        ({"spanId": "24cd7d670fa455f0", "value": TRACE}, "24cd7d670fa455f0"),
        ({"spanId": 7}, "2be948a625588e32"),
        ({"spanId": "short"}, "2be948a625588e32"),
    ],
)
def test_the_span_is_the_one_lambda_names_or_else_the_headers_parent(
    tracing: dict[str, object], span_id: str
) -> None:
    """The Telemetry API names the function's own segment; the header only what that is part of."""
    env = Environment(correlation_fields=(), sample_rate=1.0).invoke()
    env.receive(event("platform.start", {"requestId": FIRST, "tracing": tracing}), line("a"))

    (chunk, *_) = env.queue.take_all()

    assert chunk.metadata.span_id == span_id


def test_what_is_delivered_names_the_function_as_it_was_invoked() -> None:
    """The ARN of INVOKE, which may be an alias's."""
    env = Environment(correlation_fields=(), sample_rate=1.0)
    env.recorder.invoked(
        FIRST, trace_header=TRACE, arn="arn:aws:lambda:eu-west-1:1:function:f:live"
    )
    env.receive(start(), line("a"))

    (chunk, *_) = env.queue.take_all()

    assert chunk.metadata.arn == "arn:aws:lambda:eu-west-1:1:function:f:live"


def test_changed_rules_apply_to_the_next_batch() -> None:
    """An error level that is changed is what lines are held against from then on."""
    env = (
        Environment(correlation_fields=())
        .invoke()
        .receive(start(), line(python_line("a", level="WARN")))
    )

    env.recorder.apply(replace(env.settings, error_level=Level.WARN))
    env.receive(line(python_line("b", level="WARN")))

    assert env.reasons() == {"level-warn"}


def test_excluded_lines_are_not_recorded_and_counted() -> None:
    """Plain lines and lines that are looked at alike, errors among them: nobody wants to see them."""
    env = Environment(
        correlation_fields=(), sample_rate=1.0, exclude=read_exclusions("health")
    ).invoke()

    env.receive(
        start(), line("a"), line("health 1"), line("b"), line({"level": "ERROR", "m": "health"})
    )

    assert env.lines() == ["a", "b"]
    assert env.account.dropped == {"excluded": 2}
    assert env.account.failed_invocations == 0
    assert env.accounted_for


def test_where_runtime_done_has_no_metrics_the_times_tell_how_long_it_took() -> None:
    """As with the Logs API: a slow invocation is kept when it ends, not when its report comes."""
    env = Environment(keep_slower_than_ms=700).invoke()

    env.receive(start(time="2026-10-12T00:01:15.000Z"), line("a"))
    env.receive({**done(), "time": "2026-10-12T00:01:15.900Z"})

    assert env.reasons() == {"slow"}
