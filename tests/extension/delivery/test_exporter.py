"""One sink with its queue and its worker."""

from extension.delivery.exporter import ABORT_GRACE_S
from tests.doubles.extension.deliveries import WAIT_S, Deliveries


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
