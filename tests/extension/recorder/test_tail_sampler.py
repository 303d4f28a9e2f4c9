"""What becomes of what was recorded, within the memory bound."""

import json
from dataclasses import replace
from typing import Any

import pytest

from extension.config.parsers import Pace, PlatformEvents
from extension.model.ndjson import encode
from extension.model.receipt import Answer, Receipt
from extension.parsing.failures import Failure, Outcome
from extension.recorder import tail_sampler
from tests.doubles.extension.environment import Environment
from tests.doubles.lambda_events import FIRST, SECOND, done, event, line, python_line, report, start

SAMPLED_IN = "Root=1-5f35ae12-0c0fec141affffffffffffff;Sampled=1"
SAMPLED_OUT = "Root=1-5f35ae12-0c0fec141a00000000000001;Sampled=1"


def archived(env: Environment) -> list[dict[str, object]]:
    """What waits for the archive."""
    assert env.archive is not None
    return [json.loads(one) for one in encode(env.archive.take_all()).splitlines()]


def error(request_id: str = FIRST) -> dict[str, object]:
    """A line at level ERROR."""
    return line(python_line("wrong", level="ERROR", request_id=request_id))


def many(count: int, *, prefix: str = "") -> list[dict[str, object]]:
    """Lines of about 200 bytes each."""
    return [line(f"{prefix}{n:05d} {'x' * 150}") for n in range(count)]


def test_a_sampled_invocation_is_delivered_with_its_weight_when_it_ends() -> None:
    """Not before: it may still fail, and then it stands for itself alone."""
    env = Environment(sample_rate=0.1).invoke(trace=SAMPLED_IN).receive(start(), line("a"))
    assert env.lines() == []

    env.receive(done())

    assert env.lines() == ["a"]
    assert [one["weight"] for one in env.delivered] == pytest.approx([10, 10])
    assert env.reasons() == {"sampled"}


def test_a_sampled_invocation_that_fails_has_weight_one() -> None:
    """Record for certain, so it stands for itself; never both."""
    env = Environment(sample_rate=0.1).invoke(trace=SAMPLED_IN)

    env.receive(start(), line("a"), error(), done())

    env.deliver()
    assert {one["weight"] for one in env.delivered} == {1}


def test_at_rate_one_lines_are_delivered_as_they_come() -> None:
    """Nothing that comes later can change what is kept."""
    env = Environment(correlation_fields=(), sample_rate=1.0).invoke().receive(start(), line("a"))

    assert env.lines() == ["a"]


def test_metrics_of_a_healthy_invocation_are_delivered() -> None:
    """CloudWatch takes metrics from these lines and from nowhere else."""
    metrics = {"_aws": {"CloudWatchMetrics": []}, "time": 100}
    env = Environment().invoke(trace=SAMPLED_OUT)

    env.receive(start(), line("a"), line(metrics), line("b"), done())

    assert env.lines() == [metrics]
    assert env.reasons() == {"emf"}
    env.receive(report(), line({**metrics, "late": 1}))
    assert len(env.lines()) == 2
    assert env.accounted_for


def test_the_summary_tells_how_it_ended() -> None:
    """One record an invocation, after its lines."""
    env = Environment().invoke().receive(start(), line("a"), error())

    env.receive(done(metrics={"durationMs": 12.5}), report())

    assert env.summaries() == [
        {
            "outcome": "error",
            "started": "2026-10-12T00:01:15.123Z",
            "durationMs": 12.5,
            "lines": 2,
            "evictedLines": 0,
            "evictedBytes": 0,
            "droppedLines": 0,
        }
    ]


def test_shutdown_for_a_timeout_keeps_what_was_running() -> None:
    """Nothing else may tell of it."""
    env = Environment().invoke().receive(start(), line("a"))

    env.sampler.shut_down(Failure("shutdown-timeout", Outcome.TIMEOUT))

    assert env.lines(FIRST) == ["a"]
    assert env.reasons() == {"shutdown-timeout"}
    assert env.sampler.buffered_lines == 0


def test_shutdown_for_a_failure_keeps_what_init_wrote() -> None:
    """An environment that failed before any invocation is explained by these lines alone."""
    env = Environment().receive(line("import"))

    env.sampler.shut_down(Failure("shutdown-failure", Outcome.CRASH))

    assert env.lines() == ["import"]
    assert env.reasons() == {"init-error"}


def test_a_spindown_lets_healthy_ones_go_and_keeps_what_never_ended() -> None:
    """Neither success nor failure was seen of the one that is open."""
    env = Environment().invoke().receive(start(), line("healthy"), done())
    env.invoke(SECOND).receive(start(SECOND), line("open"))

    env.sampler.shut_down(None)

    assert env.lines() == ["open"]
    assert env.reasons() == {"outcome-unknown"}
    assert env.accounted_for


def test_a_spindown_without_any_invocation_draws_for_init() -> None:
    """Pre-initialised environments are shut down unused; their init is healthy material."""
    env = Environment(sample_rate=0.0).receive(line("import"))

    env.sampler.shut_down(None)

    assert env.lines() == []
    assert env.account.dropped == {"not-sampled": 1}


def test_the_bound_holds_while_one_invocation_writes_without_end() -> None:
    """The newest, the oldest and the error lines survive, and the hole is told where it is."""
    env = Environment(buffer_bytes=100_000).invoke().receive(start())
    for batch_number in range(40):
        env.receive(*many(50, prefix=f"{batch_number:02d}-"))
        assert env.sampler.held_bytes <= 100_000

    env.receive(done(status="timeout"))

    lines = [str(one) for one in env.lines(FIRST)]
    assert lines[0].startswith("00-00000")
    assert lines[-1].startswith("39-00049")
    assert lines == sorted(lines)
    gaps = [one["record"] for one in env.delivered if one["type"] == "flightRecorder.gap"]
    assert sum(gap["evictedLines"] for gap in gaps) == 2000 - len(lines)
    assert env.summaries()[0]["evictedLines"] == 2000 - len(lines)
    assert len(lines) > 250
    assert env.accounted_for


def test_error_lines_survive_longer_than_what_surrounds_them() -> None:
    """They are what is looked for."""
    env = (
        Environment(buffer_bytes=60_000, error_level=100, error_pattern=None)
        .invoke()
        .receive(start())
    )
    emf = line({"_aws": {"CloudWatchMetrics": []}, "n": 1})
    env.receive(*many(100), emf, *many(100))

    for _ in range(10):
        env.receive(*many(200, prefix="later"))
    env.receive(done(status="timeout"))

    assert {"_aws": {"CloudWatchMetrics": []}, "n": 1} in env.lines()


def test_a_lingering_healthy_recording_goes_first() -> None:
    """It is only at hand for a late error."""
    env = Environment(buffer_bytes=100_000).invoke().receive(start(), *many(300), done())
    env.invoke(SECOND)

    env.receive(start(SECOND), *many(300), done(SECOND, status="timeout"))

    assert len(env.lines(SECOND)) == 300
    assert env.account.evicted == 0
    assert env.account.dropped == {"not-sampled": 300}


def test_failed_invocations_that_wait_are_given_up_after_healthy_ones() -> None:
    """While the sink is down the queue is part of the bound."""
    env = Environment(sample_rate=0.5, buffer_bytes=120_000)
    third = "11111111-2222-4333-8444-555555555555"
    env.invoke(FIRST, trace=SAMPLED_OUT).receive(
        start(FIRST), *many(200, prefix="f"), done(FIRST, status="timeout")
    )
    env.invoke(SECOND, trace=SAMPLED_IN).receive(
        start(SECOND), *many(200, prefix="s"), done(SECOND)
    )
    env.deliver(Answer.UNAVAILABLE)

    env.invoke(third, trace=SAMPLED_OUT).receive(
        start(third), *many(200, prefix="t"), done(third, status="timeout")
    )

    assert len(env.lines(FIRST)) == 200
    assert len(env.lines(third)) == 200
    assert len(env.lines(SECOND)) < 200
    assert env.account.evicted == 200 - len(env.lines(SECOND))
    assert any(
        one["type"] == "flightRecorder.gap" and one["requestId"] == SECOND for one in env.delivered
    )
    assert env.accounted_for


def test_ids_that_never_report_are_bounded() -> None:
    """On Managed Instances a line may name an id that Lambda never speaks of."""
    env = Environment(managed_instances=True)
    for number in range(tail_sampler.MAX_OPEN_INVOCATIONS + 10):
        env.receive(line({"level": "INFO", "requestId": f"id-{number}", "message": "x"}))

    assert env.sampler.open_count == tail_sampler.MAX_OPEN_INVOCATIONS
    assert len(env.lines()) == 10
    assert env.accounted_for


def test_records_of_one_environment_have_different_ids() -> None:
    """A batch that is sent twice can be recognised by whoever reads it."""
    env = Environment().invoke().receive(start(), *many(10), error(), done(), report())

    env.deliver()

    ids = [one["id"] for one in env.delivered]
    assert len(set(ids)) == len(ids) == 13
    assert all(one.startswith("e-") for one in ids)


def test_settings_do_not_change_under_way() -> None:
    """They are one frozen object."""
    env = Environment()

    with pytest.raises(AttributeError):
        env.settings.sample_rate = 1.0  # type: ignore[misc]
    assert replace(env.settings, sample_rate=1.0).sample_rate == 1.0


def test_a_restored_snapshot_gets_an_identity_of_its_own() -> None:
    """Clones of one snapshot must not give the same ids to different lines."""
    env = Environment(correlation_fields=(), sample_rate=1.0)
    env.sampler.identify("clone")

    env.invoke().receive(start(), line("a"), event("platform.unknown", {}))

    env.deliver()
    assert env.delivered[0]["id"].startswith("clone-")


# The archive --------------------------------------------------------------------------------------------------------


def test_the_archive_gets_everything_kept_or_not() -> None:
    """Lines, reports and how it ended: of healthy invocations, failed ones, and what was written before any."""
    env = Environment(archive=True)
    env.receive(line("init")).invoke(trace=SAMPLED_OUT)
    env.receive(start(), line("healthy"), done(), report())
    env.invoke(SECOND, trace=SAMPLED_OUT)
    env.receive(start(SECOND), line("failing"), error(SECOND), done(SECOND, status="error"))
    env.sampler.shut_down(None)

    found = archived(env)

    assert [one["record"] for one in found if one["type"] == "function"][:3] == [
        "init",
        "healthy",
        "failing",
    ]
    ended = [one for one in found if one["type"] == "flightRecorder.invocation"]
    assert [one["requestId"] for one in ended] == [FIRST, SECOND]
    assert len([one for one in found if one["type"] == "platform.report"]) == 1
    assert {one["reason"] for one in found} == {"archive"}
    assert {one["weight"] for one in found} == {1}
    assert len({one["id"] for one in found}) == len(found)


def test_a_record_has_the_same_id_in_the_archive_and_at_the_sink() -> None:
    """Whoever reads both can tell what is the same."""
    env = Environment(archive=True).invoke()
    env.receive(start(), line("a"), error(), done(status="error"), report())
    env.deliver()

    assert {one["id"] for one in archived(env)} == {one["id"] for one in env.delivered}


def test_the_archive_is_within_the_bound_and_gives_first() -> None:
    """BUFFER_SIZE covers it; what it costs is counted apart, and the recording of what runs is whole."""
    env = Environment(correlation_fields=(), archive=True, buffer_bytes=256 * 1024).invoke()
    env.receive(start())
    for number in range(4):
        env.receive(*many(180, prefix=f"{number}-"))
        held_bytes = env.sampler.held_bytes + env.queues.held_bytes
        assert held_bytes <= 256 * 1024 + 2000
    env.receive(error())

    assert len(env.lines()) == 721
    assert env.account.evicted == 0
    assert env.account.archive.evicted > 0


def test_a_changed_setting_applies_to_what_is_undecided() -> None:
    """A rate that is turned up keeps the invocation that runs."""
    env = Environment().invoke().receive(start(), line("a"))

    env.sampler.apply(replace(env.settings, sample_rate=1.0))
    env.receive(done())

    assert env.lines() == ["a"]


# A long outage ------------------------------------------------------------------------------------------------------


def outage(env: Environment, *, invocations: int, failing_every: int, lines_each: int) -> None:
    """An hour without the sink, and then it is back; the pauses are the queue's own."""
    step_s = 3600.0 / invocations
    for number in range(invocations):
        request_id = f"{number:08d}-0000-4000-8000-000000000000"
        env.invoke(request_id, trace="")
        env.receive(start(request_id, time=f"2026-10-12T00:{number:04d}Z"))
        env.receive(*many(lines_each, prefix=f"{number:04d}-"))
        if number % failing_every == 0:
            env.receive(error(request_id))
        env.receive(done(request_id, mark=number), report(request_id, mark=number))
        env.now_s += step_s
        while env.queue.begin(env.now_s) is not None:
            env.queue.settle(Receipt(Answer.UNAVAILABLE), env.now_s)
        assert env.sampler.held_bytes + env.queues.held_bytes <= env.settings.buffer_bytes + 2000
        assert env.accounted_for
    env.sampler.shut_down(None)
    env.deliver()


def test_after_an_outage_of_an_hour_everything_within_the_bound_arrives() -> None:
    """Where the buffer is large enough, an hour without a sink costs nothing at all."""
    env = Environment(sample_rate=0.999, buffer_bytes=8 * 1024 * 1024)

    outage(env, invocations=120, failing_every=10, lines_each=20)

    assert env.account.evicted == 0
    assert env.account.lost == {}
    assert sum(env.account.kept.values()) + sum(env.account.dropped.values()) == 120 * 20 + 12
    assert len({one["id"] for one in env.delivered}) == len(env.delivered)


def test_what_an_outage_costs_is_healthy_first_and_the_oldest_of_them() -> None:
    """Failed invocations arrive whole; of healthy ones the latest do, and each of the others says what it lost."""
    env = Environment(sample_rate=0.999, buffer_bytes=256 * 1024)

    outage(env, invocations=120, failing_every=10, lines_each=20)

    told = {
        one["requestId"]: one["record"]
        for one in env.delivered
        if one["type"] == "flightRecorder.gap" and one.get("requestId")
    }
    arrived = [one for one in env.delivered if one["type"] == "function"]
    failed = [one for one in arrived if one["weight"] == 1]
    healthy = [one["requestId"] for one in arrived if one["weight"] > 1]
    assert len(failed) == 12 * 21
    assert env.account.evicted_invocations["failed"] == 0
    assert env.account.evicted_invocations["healthy"] > 50
    assert len(arrived) + env.account.evicted + sum(env.account.dropped.values()) == 120 * 20 + 12
    assert max(told) <= min(healthy)


def test_an_outage_that_is_larger_than_the_buffer_costs_failed_invocations_last() -> None:
    """When everything fails, each keeps its summary and what it lost, and the account has the sum."""
    env = Environment(buffer_bytes=128 * 1024)

    outage(env, invocations=120, failing_every=1, lines_each=20)

    summaries = env.summaries()
    gaps = [one["record"] for one in env.delivered if one["type"] == "flightRecorder.gap"]
    arrived = sum(one["type"] == "function" for one in env.delivered)
    assert env.account.evicted_invocations["failed"] > 50
    assert sum(gap["evictedLines"] for gap in gaps) == env.account.evicted
    assert arrived + env.account.evicted == 120 * 21
    assert len(summaries) > 50


# Rules --------------------------------------------------------------------------------------------------------------


def minute(number: int) -> str:
    """A time, in Lambda's form."""
    return f"2026-10-12T{number // 60:02d}:{number % 60:02d}:00.000Z"


def go_through(
    env: Environment,
    number: int,
    *events: dict[str, object],
    trace: str = SAMPLED_OUT,
    failing: bool = False,
    at: str = "",
    metrics: dict[str, object] | None = None,
) -> str:
    """Goes through one invocation, from INVOKE to its report; gives its request id."""
    request_id = f"{number:08d}-0000-4000-8000-000000000000"
    time = at or minute(number)
    env.invoke(request_id, trace=trace)
    env.receive(start(request_id, time=time), *events)
    if failing:
        env.receive(error(request_id))
    given: dict[str, Any] = {"metrics": metrics} if metrics is not None else {}
    env.receive(
        {**done(request_id, **given), "time": time}, {**report(request_id, **given), "time": time}
    )
    return request_id


RULES: list[tuple[dict[str, Any], list[dict[str, object]], dict[str, object] | None, str]] = [
    ({"keep_marker": "keep-this"}, [line("please keep-this one")], None, "marker"),
    ({"keep_marker": "keep-this"}, [line({"level": "INFO", "a": "keep-this"})], None, "marker"),
    ({"keep_slower_than_ms": 800}, [], {"durationMs": 801.5}, "slow"),
    (
        {"keep_memory_above": 0.9},
        [],
        {"durationMs": 1.0, "memorySizeMB": 128, "maxMemoryUsedMB": 120},
        "memory",
    ),
    ({}, [event("platform.logsDropped", {"droppedRecords": 3})], None, "logs-dropped"),
    (
        {},
        [event("platform.extension", {"name": "x", "errorType": "Extension.Crash"})],
        None,
        "extension-failed",
    ),
    (
        {},
        [event("platform.initRuntimeDone", {"phase": "invoke", "status": "success"})],
        None,
        "init-restarted",
    ),
]


@pytest.mark.parametrize(("settings", "events", "metrics", "reason"), RULES)
def test_what_a_rule_speaks_for_is_kept_whole(
    settings: dict[str, Any],
    events: list[dict[str, object]],
    metrics: dict[str, object] | None,
    reason: str,
) -> None:
    """With weight 1 and the rule's name; and without the sign, or without the rule, it is let go."""
    env = Environment(**settings)
    go_through(env, 0)
    kept = go_through(env, 1, line("before"), *events, line("after"), metrics=metrics)
    go_through(env, 2)
    env.sampler.shut_down(None)

    assert env.lines(kept)[0] == "before"
    assert env.lines(kept)[-1] == "after"
    assert {one["requestId"] for one in env.delivered} == {kept}
    assert env.reasons() == {reason}
    assert {one["weight"] for one in env.delivered} == {1}
    assert env.accounted_for


def test_an_environments_first_invocation_is_its_cold_start() -> None:
    """Record with what init wrote; the ones after it are not."""
    env = Environment(keep_cold_starts=True).receive(line("init"))

    first = go_through(env, 0, line("first"))
    go_through(env, 1, line("second"))

    assert env.lines() == ["init", "first"]
    assert env.lines(first) == ["init", "first"]
    assert env.reasons() == {"cold-start"}


def test_a_sign_before_any_invocation_is_the_next_ones() -> None:
    """What went wrong while the environment started is told with its first invocation."""
    env = Environment()
    env.receive(event("platform.extension", {"name": "x", "errorType": "PermissionDenied"}))

    go_through(env, 0, line("first"))
    go_through(env, 1, line("second"))

    assert env.lines() == ["first"]


def test_a_kept_invocation_that_fails_has_the_failure_for_its_reason() -> None:
    """What goes from then on says why it failed; all of it stands for itself."""
    env = Environment(correlation_fields=(), keep_cold_starts=True)

    request_id = go_through(env, 0, line("first"), failing=True)

    assert len(env.lines(request_id)) == 2
    assert env.reasons() == {"cold-start", "level-error"}
    assert env.account.failed_invocations == 1


def test_a_floor_keeps_one_now_and_then() -> None:
    """One in five minutes, whatever the draw, and what the draw keeps counts towards it."""
    env = Environment(sample_rate=0.1, keep_at_least=Pace(1, 5 * 60_000))

    ids = [
        go_through(env, n, line("x"), trace=SAMPLED_IN if n == 7 else SAMPLED_OUT)
        for n in range(20)
    ]
    env.deliver()

    kept = {one["requestId"]: one["reason"] for one in env.delivered}
    assert kept == {
        ids[0]: "at-least",
        ids[5]: "at-least",
        ids[7]: "sampled",
        ids[12]: "at-least",
        ids[17]: "at-least",
    }


# Levels -------------------------------------------------------------------------------------------------------------

HALF_IN = "Root=1-5f35ae12-0c0fec141a80000000000001;Sampled=1"
"""In at a rate of one half, out at a rate of less."""


def leveled(*levels: str) -> list[dict[str, object]]:
    return [line({"level": level, "message": f"{n}"}) for n, level in enumerate(levels)]


def test_a_healthy_invocation_may_keep_its_warnings_and_drop_its_debug_lines() -> None:
    """One draw for all levels; each line says what it stands for; the summary goes with them."""
    env = Environment(sample_rate=0.01, sample_rate_warn=0.5)

    go_through(env, 0, *leveled("DEBUG", "WARN", "INFO", "WARN"), trace=HALF_IN)
    env.sampler.shut_down(None)

    env.deliver()
    assert [one["level"] for one in env.delivered if one["type"] == "function"] == ["WARN", "WARN"]
    assert {one["weight"] for one in env.delivered} == {2}
    assert len(env.summaries()) == 1
    assert env.account.dropped == {"not-sampled": 2}
    assert env.accounted_for


def test_each_line_stands_for_as_many_as_its_own_rate_says() -> None:
    """Also where all of them are kept."""
    env = Environment(sample_rate=0.1, sample_rate_warn=0.5)

    go_through(env, 0, *leveled("INFO", "WARN"), trace=SAMPLED_IN)

    env.deliver()
    weights = [one["weight"] for one in env.delivered if one["type"] == "function"]
    assert weights == pytest.approx([10, 2])


def test_what_a_level_left_behind_goes_if_the_invocation_fails_late() -> None:
    """Its other lines were only at hand: nothing of a failed invocation is dropped."""
    env = Environment(sample_rate=0.01, sample_rate_warn=0.5).invoke(trace=HALF_IN)
    env.receive(start(), *leveled("DEBUG", "WARN", "INFO"), done())
    env.deliver()

    env.receive(report(status="error", errorType="Runtime.ExitError"))

    assert sorted(one["message"] for one in env.lines() if isinstance(one, dict)) == ["0", "1", "2"]
    assert env.accounted_for


def test_a_marker_that_init_writes_keeps_the_first_invocation() -> None:
    """What init wrote goes with it, and is counted with it."""
    for rate in (0.0, 1.0):
        env = Environment(keep_marker="keep-this", sample_rate=rate)

        env.receive(line("keep-this"))
        assert env.lines() == []
        env.invoke().receive(start(), line("a"), done(), report())

        assert env.lines(FIRST) == ["keep-this", "a"]
        assert [one["lines"] for one in env.summaries()] == [2]
        assert env.reasons() == {"marker"}


# A transaction by its name ------------------------------------------------------------------------------------------


def named(name: str) -> dict[str, object]:
    return line({"level": "INFO", "correlationId": name})


def test_every_kept_record_carries_the_correlation_id() -> None:
    """Wherever in the invocation it stands: prints, platform events and the summary are found by it."""
    env = Environment(platform_events=PlatformEvents.ALL)

    request_id = go_through(env, 0, line("a print"), named("order-7"), failing=True)

    env.deliver()
    of_it = [one for one in env.delivered if one["requestId"] == request_id]
    assert len(of_it) >= 6
    assert {one["correlationId"] for one in of_it} == {"order-7"}


def test_what_is_kept_early_waits_for_the_line_that_names_the_transaction() -> None:
    """A failure in the first line, or rate 1, would else deliver records that no search for the transaction finds."""
    for rate in (0.0, 1.0):
        env = Environment(sample_rate=rate).invoke()

        env.receive(start(), line("a print"), line({"level": "ERROR", "m": "early"}))
        assert env.lines() == []

        env.receive(named("order-7"), line("later"))
        assert len(env.lines()) == 4
        assert {one["correlationId"] for one in env.delivered} == {"order-7"}


def test_nothing_waits_for_a_name_where_none_is_given() -> None:
    """The first invocation of an environment waits to its end; when it has named nothing, the next do not."""
    env = Environment(sample_rate=1.0)

    env.invoke(FIRST).receive(start(FIRST), line("a"))
    assert env.lines() == []
    env.receive(done(FIRST))
    assert env.lines() == ["a"]
    env.invoke(SECOND).receive(start(SECOND), line("b"))
    assert env.lines() == ["a", "b"]


def test_an_environment_whose_invocations_are_named_waits_for_every_name() -> None:
    """One that names its transaction late is waited for, even behind one that has not named any."""
    env = Environment(sample_rate=1.0)
    go_through(env, 8, named("order-1"))
    go_through(env, 9, line("unnamed"))
    env.deliver()

    env.invoke(FIRST).receive(start(FIRST), line("a"))
    assert env.lines(FIRST) == []
    env.receive(named("order-2"))
    assert len(env.lines(FIRST)) == 2


def test_no_more_waits_for_a_name_than_an_eighth_of_the_bound() -> None:
    """What an unnamed invocation writes beyond is delivered as it comes, and nothing of it is given up."""
    env = Environment(sample_rate=1.0, buffer_bytes=80_000).invoke().receive(start())

    for n in range(100):
        env.receive(line(f"{n:03d} {'x' * 1000}"))
        assert env.sampler.held_bytes <= 10_000 + 1_200
        env.deliver()

    assert len(env.lines()) > 80
    assert env.receive(done()).account.evicted == 0
    assert len(env.lines()) == 100


def test_for_want_of_room_what_waits_for_a_name_is_delivered_without() -> None:
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


def test_the_draw_is_made_from_the_correlation_id() -> None:
    """Two functions that name the same transaction keep the same ones, whatever their trace ids."""
    names = [f"order-{n}" for n in range(200)]
    kept = []
    for trace in (SAMPLED_IN, SAMPLED_OUT):
        env = Environment(sample_rate=0.2)
        for n, name in enumerate(names):
            go_through(env, n, named(name), trace=trace)
        env.sampler.shut_down(None)
        env.deliver()
        kept.append({one["correlationId"] for one in env.delivered})

    assert kept[0] == kept[1]
    assert 20 < len(kept[0]) < 60


# History ------------------------------------------------------------------------------------------------------------


def test_what_was_dropped_before_a_failure_is_delivered_with_it() -> None:
    """Of so many invocations, marked as history, standing for nothing, each under its own id, before the failed one."""
    env = Environment(history=2)
    ids = [go_through(env, n, line(f"{n}")) for n in range(5)]

    failed = go_through(env, 5, line("5"), failing=True)

    lines = [one for one in env.lines() if not str(one).startswith("[ERROR]")]
    assert lines == ["3", "4", "5"]
    history = [one for one in env.delivered if one["reason"] == "history"]
    assert {one["requestId"] for one in history} == set(ids[3:])
    assert {one["weight"] for one in history} == {0}
    assert {one["reason"] for one in env.delivered if one["requestId"] == failed} == {"level-error"}
    assert env.account.dropped == {"not-sampled": 3}
    assert env.accounted_for


def test_history_is_told_once() -> None:
    """Two failures in a row do not repeat it."""
    env = Environment(history=3)
    go_through(env, 0, line("0"))

    go_through(env, 1, failing=True)
    go_through(env, 2, failing=True)

    assert env.lines().count("0") == 1
    assert len({one["id"] for one in env.delivered}) == len(env.delivered)


def test_history_is_what_is_given_up_first() -> None:
    """It is within the bound, and never at the cost of what is owed or running."""
    env = Environment(history=100, buffer_bytes=128 * 1024)
    for n in range(100):
        go_through(env, n, *many(20, prefix=f"{n}-"))
        held_bytes = env.sampler.held_bytes + env.queues.held_bytes
        assert held_bytes <= 128 * 1024 + 2000

    failed = go_through(env, 100, *many(20), failing=True)

    assert len(env.lines(failed)) == 21
    assert env.account.evicted_invocations["failed"] == 0
    assert 10 < len({one["requestId"] for one in env.delivered}) < 40
    assert env.accounted_for


# The flood ----------------------------------------------------------------------------------------------------------


def test_beyond_the_ceiling_error_lines_and_counts_go() -> None:
    """So many failed invocations go whole; of the others what says why, and how much there was."""
    env = Environment(keep_at_most=Pace(2, 60_000))

    ids = [go_through(env, n, line("a"), line("b"), failing=True, at=minute(0)) for n in range(5)]

    assert [len(env.lines(one)) for one in ids] == [3, 3, 1, 1, 1]
    told = {one["requestId"]: one["record"] for one in env.delivered if "outcome" in one["record"]}
    assert [told[one].get("withheldLines") for one in ids] == [None, None, 2, 2, 2]
    assert [told[one]["lines"] for one in ids] == [3] * 5
    assert env.account.dropped == {"flood": 6}
    assert env.accounted_for


def test_after_the_flood_it_is_told_what_did_not_go() -> None:
    """It ends by itself, and the first that goes whole again says how many did not."""
    env = Environment(keep_at_most=Pace(1, 60_000))
    for n in range(3):
        go_through(env, n, line("a"), failing=True, at=minute(0))

    after = go_through(env, 3, line("a"), failing=True, at=minute(2))

    assert len(env.lines(after)) == 2
    told = {one["requestId"]: one["record"] for one in env.delivered if "outcome" in one["record"]}
    assert told[after]["withheldBefore"] == {"invocations": 2, "lines": 2}


def test_in_a_flood_there_is_no_history() -> None:
    """It would be the flood's."""
    env = Environment(keep_at_most=Pace(1, 60_000), history=5)
    go_through(env, 0, failing=True, at=minute(0))
    go_through(env, 1, line("past"), at=minute(0))

    go_through(env, 2, failing=True, at=minute(0))

    assert "past" not in env.lines()


def test_metrics_stand_for_themselves_in_a_sampled_invocation_too() -> None:
    """They are kept for certain, whatever the draw says, so their weights add up to their number."""
    metrics = {"_aws": {"CloudWatchMetrics": []}, "n": 1}
    env = Environment(sample_rate=0.1)

    for number, trace in enumerate((SAMPLED_IN, SAMPLED_OUT)):
        go_through(env, number, line("a"), line(metrics), line("b"), trace=trace)
    env.sampler.shut_down(None)

    env.deliver()
    weights = [(one["reason"], one["weight"]) for one in env.delivered if one["record"] == metrics]
    assert weights == [("emf", 1), ("emf", 1)]
    assert len(env.lines()) == 4
    assert env.accounted_for
