"""One sink with its queue and its worker."""

import select
from functools import partial

import pytest

from extension.delivery.exporter import ABORT_GRACE_S, Exporter
from extension.delivery.pacing import MAX_PAUSE_S
from extension.delivery.queue import SendingQueue
from extension.delivery.worker import SinkWorker
from extension.diagnostics.account import Account
from extension.sinks import open_sink
from extension.sinks.base import SinkConfig
from tests.doubles.extension.chunks import lines
from tests.doubles.extension.deliveries import WAIT_S, Deliveries
from tests.doubles.extension.queues import lines_in
from tests.doubles.recording_receiver import RecordingReceiver, Reply

KEYS = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
LINES = 1001
KEY_DISABLED = b"<Error><Code>KMS.DisabledException</Code></Error>"
BAD_GROUP = b'{"__type":"InvalidParameterException","message":"the group"}'


def test_an_exporter_has_one_batch_with_its_worker(world: Deliveries) -> None:
    """Lines that come meanwhile wait for the answer, and are due at once then."""
    (exporter,) = world.delivery.exporters
    world.put("a")
    world.sink.release.clear()
    now_s = world.now_s()
    waits = [exporter.deliver(now_s, attempt_s=5.0, at_once=False)]
    world.put("bb")
    waits.append(exporter.deliver(now_s, attempt_s=9.0, at_once=True))
    world.sink.release.set()
    world.wait(WAIT_S)
    is_sending = exporter.is_sending
    world.attempt()

    assert waits == [5.0 + ABORT_GRACE_S] * 2
    assert not is_sending
    assert world.sink.taken == ["a", "bb"]


def test_a_delivery_that_outlasts_its_time_is_aborted(world: Deliveries) -> None:
    """The sink is told to stop a while after the time it was given, and not before."""
    (exporter,) = world.delivery.exporters
    world.sink.release.clear()
    world.put("a")
    exporter.deliver(0.0, attempt_s=5.0, at_once=False)
    assert world.sink.stalled.wait(WAIT_S)

    exporter.deliver(5.5, attempt_s=5.0, at_once=False)
    before = world.sink.release.is_set()
    exporter.deliver(6.5, attempt_s=5.0, at_once=False)

    assert not before
    assert world.sink.release.is_set()


def test_an_answer_to_a_batch_that_was_taken_out_is_ignored(world: Deliveries) -> None:
    """Its lines are another sink's by then."""
    (exporter,) = world.delivery.exporters
    world.put("a")
    exporter.deliver(world.now_s(), attempt_s=5.0, at_once=False)
    exporter.queue.take_all()
    world.wait(WAIT_S)

    assert not exporter.is_sending
    assert (world.account.deliveries, world.account.kept) == ({}, {})


def test_a_worker_without_an_answer_gives_none(world: Deliveries) -> None:
    """A descriptor may be readable for nothing."""
    assert world.delivery.exporters[0].collect(0.0) is None


def deliver(exporter: Exporter, now_s: float) -> None:
    """Deliver what is due at this time, and wait for each answer."""
    while exporter.deliver(now_s, attempt_s=WAIT_S, at_once=False) is not None:
        if not exporter.is_sending:
            return
        assert select.select([exporter.worker.descriptor], [], [], WAIT_S)[0]
        exporter.collect(now_s)


@pytest.mark.parametrize(
    ("url", "refusal", "requests"),
    [
        ("{}/in", b"no such tenant", 3),
        ("loki+{}", b"stream '{}' includes structured metadata, but this feature is disallowed", 1),
        ("s3://logs/kept", KEY_DISABLED, 1),
        ("cloudwatch:/kept", BAD_GROUP, 3),
        ("firehose:kept", b'{"__type":"KMS.DisabledException"}', 1),
    ],
)
def test_sink_that_takes_nothing_is_asked_rarely_and_nothing_is_lost(
    url: str, refusal: bytes, requests: int
) -> None:
    """Its key is disabled, or its limits are low: to halve 1,001 lines for that took 72 requests, and lost them."""
    with RecordingReceiver(Reply(400, refusal)) as receiver:
        receiver_url = f"http://{receiver.address}"
        config = SinkConfig(url.format(receiver_url), {**KEYS, "AWS_ENDPOINT_URL": receiver_url})
        queue = SendingQueue(account := Account(), random=lambda: 0.0)
        worker = SinkWorker(partial(open_sink, config))
        exporter = Exporter("SINK", queue, worker)
        queue.put(lines(*(f"line {number}" for number in range(LINES))))

        deliver(exporter, 0.0)
        first = len(receiver.requests)
        for number in range(1, 4):
            deliver(exporter, number * MAX_PAUSE_S)
        later = len(receiver.requests)
        waiting = lines_in(queue)
        receiver.otherwise = Reply(200, b"{}")
        deliver(exporter, 4 * MAX_PAUSE_S)

    assert (first, later) == (requests, requests + 3)
    assert (waiting, queue.empty) == (LINES, True)
    assert account.kept == {"crash": LINES}
    assert account.lost == {}
