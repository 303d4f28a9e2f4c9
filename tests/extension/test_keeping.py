"""What becomes of what was recorded, within the memory bound."""

import json
from dataclasses import replace

import pytest

from extension import keeping
from extension.failures import Failure, Outcome
from extension.ndjson import encode
from extension.parcels import Answer, Receipt
from tests.extension.batches import FIRST, SECOND, done, event, line, python_line, report, start
from tests.extension.environment import Environment

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
    """Kept for certain, so it stands for itself; never both."""
    env = Environment(sample_rate=0.1).invoke(trace=SAMPLED_IN)

    env.receive(start(), line("a"), error(), done())

    env.deliver()
    assert {one["weight"] for one in env.delivered} == {1}


def test_at_rate_one_lines_are_delivered_as_they_come() -> None:
    """Nothing that comes later can change what is kept."""
    env = Environment(sample_rate=1.0).invoke().receive(start(), line("a"))

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

    env.keeping.shut_down(Failure("shutdown-timeout", Outcome.TIMEOUT))

    assert env.lines(FIRST) == ["a"]
    assert env.reasons() == {"shutdown-timeout"}
    assert env.keeping.buffered_lines == 0


def test_shutdown_for_a_failure_keeps_what_init_wrote() -> None:
    """An environment that failed before any invocation is explained by these lines alone."""
    env = Environment().receive(line("import"))

    env.keeping.shut_down(Failure("shutdown-failure", Outcome.CRASH))

    assert env.lines() == ["import"]
    assert env.reasons() == {"init-error"}


def test_a_spindown_lets_healthy_ones_go_and_keeps_what_never_ended() -> None:
    """Neither success nor failure was seen of the one that is open."""
    env = Environment().invoke().receive(start(), line("healthy"), done())
    env.invoke(SECOND).receive(start(SECOND), line("open"))

    env.keeping.shut_down(None)

    assert env.lines() == ["open"]
    assert env.reasons() == {"outcome-unknown"}
    assert env.accounted_for


def test_a_spindown_without_any_invocation_draws_for_init() -> None:
    """Pre-initialised environments are shut down unused; their init is healthy material."""
    env = Environment(sample_rate=0.0).receive(line("import"))

    env.keeping.shut_down(None)

    assert env.lines() == []
    assert env.account.dropped == {"not-sampled": 1}


def test_the_bound_holds_while_one_invocation_writes_without_end() -> None:
    """The newest, the oldest and the error lines survive, and the hole is told where it is."""
    env = Environment(buffer_bytes=100_000).invoke().receive(start())
    for batch_number in range(40):
        env.receive(*many(50, prefix=f"{batch_number:02d}-"))
        assert env.keeping.held_bytes <= 100_000

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
    for number in range(keeping.MAX_OPEN_INVOCATIONS + 10):
        env.receive(line({"level": "INFO", "requestId": f"id-{number}", "message": "x"}))

    assert env.keeping.open_count == keeping.MAX_OPEN_INVOCATIONS
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
    env = Environment(sample_rate=1.0)
    env.keeping.environment_id = "clone"

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
    env.keeping.shut_down(None)

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
    env = Environment(archive=True, buffer_bytes=256 * 1024).invoke()
    env.receive(start())
    for number in range(4):
        env.receive(*many(180, prefix=f"{number}-"))
        held_bytes = env.keeping.held_bytes + env.backlog.held_bytes
        assert held_bytes <= 256 * 1024 + 2000
    env.receive(error())

    assert len(env.lines()) == 721
    assert env.account.evicted == 0
    assert env.account.archive.evicted > 0


def test_a_changed_setting_applies_to_what_is_undecided() -> None:
    """A rate that is turned up keeps the invocation that runs."""
    env = Environment().invoke().receive(start(), line("a"))

    env.keeping.apply(replace(env.settings, sample_rate=1.0))
    env.receive(done())

    assert env.lines() == ["a"]


# A long outage ------------------------------------------------------------------------------------------------------


def outage(env: Environment, *, invocations: int, failing_every: int, lines_each: int) -> None:
    """An hour without the sink, and then it is back; the pauses are the outbox's own."""
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
        while env.outbox.begin(env.now_s) is not None:
            env.outbox.settle(Receipt(Answer.UNAVAILABLE), env.now_s)
        assert env.keeping.held_bytes + env.backlog.held_bytes <= env.settings.buffer_bytes + 2000
        assert env.accounted_for
    env.keeping.shut_down(None)
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
