"""What the memory bound costs, and in which order."""

from random import Random

import pytest

from extension.config.parsers import PlatformEvents
from extension.model.receipt import Answer, Receipt
from tests.doubles.extension.environment import Environment
from tests.doubles.lambda_events import FIRST, SECOND, THIRD, done, line, python_line, report, start
from tests.extension.recorder.script import TRACES, request_id_of

MIB = 1024 * 1024

SAMPLED_IN, SAMPLED_OUT = TRACES["in"], TRACES["out"]


def error(request_id: str = FIRST) -> dict[str, object]:
    """A line at level ERROR."""
    return line(python_line("wrong", level="ERROR", request_id=request_id))


def many(count: int, *, prefix: str = "") -> list[dict[str, object]]:
    """Lines of about 200 bytes each."""
    return [line(f"{prefix}{n:05d} {'x' * 150}") for n in range(count)]


def test_limiter_holds_the_bound_while_one_invocation_writes_without_end() -> None:
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


def test_limiter_spares_metrics_and_error_lines() -> None:
    """They are what is looked for."""
    env = Environment(buffer_bytes=60_000, error_level=100).invoke().receive(start())
    emf = line({"_aws": {"CloudWatchMetrics": []}, "n": 1})
    env.receive(*many(100), emf, *many(100))

    for _ in range(10):
        env.receive(*many(200, prefix="later"))
    env.receive(done(status="timeout"))

    assert {"_aws": {"CloudWatchMetrics": []}, "n": 1} in env.lines()


def test_limiter_lets_a_held_healthy_recording_go_first() -> None:
    """It is only at hand for a late error."""
    env = Environment(buffer_bytes=100_000).invoke().receive(start(), *many(300), done())
    env.invoke(SECOND)

    env.receive(start(SECOND), *many(300), done(SECOND, status="timeout"))

    assert len(env.lines(SECOND)) == 300
    assert env.account.evicted == 0
    assert env.account.dropped == {"not-sampled": 300}


@pytest.mark.parametrize("history", [0, 1, 100])
@pytest.mark.parametrize("managed", [False, True], ids=["report is late", "Managed Instances"])
def test_history_costs_the_running_invocation_no_line(history: int, managed: bool) -> None:
    """A healthy invocation of the past is worth less than any line of one that fails."""
    env = Environment(managed_instances=managed, buffer_bytes=4 * MIB, history=history)
    for request_id, status in ((SECOND, "success"), (THIRD, "timeout")):
        env.invoke(request_id).receive(start(request_id))
        for number in range(13):
            env.receive(*of(request_id, 100, size=2000, number=number))
        env.receive(done(request_id, status=status))

    assert len(env.lines(THIRD)) == 1300
    assert env.account.evicted == 0


@pytest.mark.parametrize("managed", [False, True], ids=["report is late", "Managed Instances"])
def test_history_is_within_the_bound(managed: bool) -> None:
    """Each of twelve fits beside the history, and all of them do not."""
    env = Environment(managed_instances=managed, buffer_bytes=64 * 1024, history=3)
    for number in range(12):
        request_id = request_id_of(100 + number)
        env.invoke(request_id, trace=SAMPLED_OUT).receive(start(request_id))
        env.receive(*of(request_id, 6, size=2000, number=number))
        env.receive(done(request_id))

        assert env.sampler.held_bytes + env.queues.held_bytes <= 64 * 1024


def of(request_id: str, count: int, *, size: int, number: int) -> list[dict[str, object]]:
    """Lines of one batch that name their invocation."""
    record = {"level": "INFO", "requestId": request_id, "message": f"{number} {'x' * size}"}
    return [line(record)] * count


@pytest.mark.parametrize("history", [0, 1, 3, 100])
@pytest.mark.parametrize("managed", [False, True], ids=["ordinary", "managed"])
@pytest.mark.parametrize("seed", range(2))
def test_limiter_holds_the_bound_after_every_batch(history: int, managed: bool, seed: int) -> None:
    """Whatever invocations do: their reports late or missing, the sink well, slow or down."""
    random = Random(f"{history} {managed} {seed}")
    env = Environment(
        managed_instances=managed,
        archive=random.random() < 0.3,
        buffer_bytes=64 * 1024,
        history=history,
        sample_rate=random.choice([0.0, 0.5, 1.0]),
        platform_events=random.choice([PlatformEvents.ALL, PlatformEvents.REPORT]),
    )
    ids = [request_id_of(100 + n) for n in range(20)]
    for number, request_id in enumerate(ids):
        env.invoke(request_id, trace="").receive(start(request_id))
        for _ in range(random.randint(0, 6)):
            size = random.choice([1, 10, 60])
            some = (
                of(request_id, size, size=60, number=random.randrange(10**9))
                if random.random() < 0.7
                else many(size)
            )
            some += [error(request_id)] * random.choice([0, 0, 0, 1, size])
            some += [start(request_id)] * random.choice([0, 0, 0, 40])
            random.shuffle(some)
            env.receive(*some)
            held_bytes = env.sampler.held_bytes + env.queues.held_bytes
            assert held_bytes <= env.settings.buffer_bytes, number
            assert env.accounted_for
        if random.random() < 0.9:
            env.receive(done(request_id, status=random.choice(["success", "success", "timeout"])))
        if random.random() < 0.5:
            env.receive(report(ids[random.randrange(number + 1)]))
        if random.random() < 0.4:
            env.now_s += 60.0
            env.deliver(random.choice([Answer.TAKEN, Answer.UNAVAILABLE]))
    env.sampler.shut_down(None)
    assert env.accounted_for


def test_limiter_gives_up_events_of_a_running_invocation_last() -> None:
    """With PLATFORM_EVENTS=all, events that come over and over are as long as any line."""
    env = Environment(buffer_bytes=64 * 1024, platform_events=PlatformEvents.ALL)
    env.invoke().receive(start(), *many(50))

    for number in range(20):
        env.receive(*[start()] * 100, start(version=str(number)))
        assert env.sampler.held_bytes <= 64 * 1024
    env.receive(done(status="timeout"))

    assert env.lines() == []
    assert env.account.evicted == 50
    assert env.accounted_for
    env.deliver()
    gaps = [one["record"] for one in env.delivered if one["type"] == "flightRecorder.gap"]
    assert sum(gap["evictedLines"] for gap in gaps) == 50
    assert any(one["type"] == "platform.start" for one in env.delivered)


def test_limiter_gives_up_waiting_healthy_invocations_before_failed_ones() -> None:
    """While the sink is down the queue is part of the bound."""
    env = Environment(sample_rate=0.5, buffer_bytes=120_000)
    for request_id, trace, status in (
        (FIRST, SAMPLED_OUT, "timeout"),
        (SECOND, SAMPLED_IN, "success"),
        (THIRD, SAMPLED_OUT, "timeout"),
    ):
        env.invoke(request_id, trace=trace)
        env.receive(start(request_id), *many(200, prefix=trace), done(request_id, status=status))
        env.deliver(Answer.UNAVAILABLE)

    assert len(env.lines(FIRST)) == 200
    assert len(env.lines(THIRD)) == 200
    assert len(env.lines(SECOND)) < 200
    assert env.account.evicted == 200 - len(env.lines(SECOND))
    assert any(
        one["type"] == "flightRecorder.gap" and one["requestId"] == SECOND for one in env.delivered
    )
    assert env.accounted_for


def test_archive_is_within_the_bound_and_gives_first() -> None:
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


def outage(env: Environment, *, invocations: int, failing_every: int, lines_each: int) -> None:
    """An hour without the sink, and then it is back; the pauses are the queue's own."""
    step_s = 3600.0 / invocations
    for number in range(invocations):
        request_id = request_id_of(1000 + number)
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


def test_an_outage_costs_the_oldest_healthy_invocations_first() -> None:
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
    assert len(summaries) > 40


def test_limiter_gives_up_history_first() -> None:
    """It is within the bound, and never at the cost of what is owed or running."""
    env = Environment(history=100, buffer_bytes=128 * 1024)
    failed = request_id_of(100)
    for n in range(101):
        request_id = request_id_of(n)
        env.invoke(request_id, trace=SAMPLED_OUT)
        env.receive(start(request_id, time=f"2026-10-12T00:00:{n:03d}Z"), *many(20, prefix=f"{n}-"))
        env.receive(*([error(failed)] if n == 100 else []))
        env.receive(done(request_id, mark=n), report(request_id, mark=n))
        held_bytes = env.sampler.held_bytes + env.queues.held_bytes
        assert held_bytes <= 128 * 1024 + 2000

    assert len(env.lines(failed)) == 21
    assert env.account.evicted_invocations["failed"] == 0
    assert 10 < len({one["requestId"] for one in env.delivered}) < 40
    assert env.accounted_for
