from random import Random

from bench.fleet.lanes import FAILED, HEALTHY, TAKEN, THROTTLED, Timeline, lanes


def test_lane_sends_what_the_products_queue_begins() -> None:
    """And applies the answer when it comes."""
    timeline = Timeline()
    (lane,) = lanes(1, Random(1))
    lane.put(b"x" * 100, 1.0)

    assert lane.begin(1.0, timeline)
    lane.answer(1.0, timeline, TAKEN)
    due = timeline.next()
    assert due is not None
    assert due.kind == "answer"
    assert lane.settle(due.at_s, due.receipt) == 100

    assert lane.queue.empty
    assert lane.ages_s == [due.at_s - 1.0]


def test_lane_waits_as_long_as_the_products_queue_pauses() -> None:
    """A batch that was throttled is tried again then, and not before."""
    timeline = Timeline()
    (lane,) = lanes(1, Random(1))
    lane.put(b"x", 0.0)
    assert lane.begin(0.0, timeline)
    lane.settle(0.0, THROTTLED)

    assert not lane.begin(0.0, timeline)
    due = timeline.next()
    assert due is not None
    assert due.at_s == lane.queue.backoff.try_at_s > 0.0
    assert lane.begin(due.at_s, timeline)


def test_healthy_lines_linger_and_failed_ones_do_not() -> None:
    """As LINGER says."""
    timeline = Timeline()
    calm, urgent = lanes(2, Random(1), linger_s=60.0)
    calm.put(b"x", 0.0, HEALTHY)
    urgent.put(b"x", 0.0, FAILED)

    assert not calm.begin(0.0, timeline)
    due = timeline.next()
    assert due is not None
    assert due.at_s == 60.0
    wait_s = urgent.queue.wait_s(0.0)
    assert wait_s is not None
    assert wait_s < 60.0


def test_events_of_one_moment_stay_in_order() -> None:
    """Two answers at the same time are those of two lanes."""
    timeline = Timeline()
    first, second = lanes(2, Random(1))
    timeline.plan(1.0, "wake", first)
    timeline.plan(1.0, "wake", second)

    due = [timeline.next(), timeline.next(), timeline.next()]
    assert [one and one.lane for one in due] == [first, second, None]
