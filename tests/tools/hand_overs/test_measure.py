"""The count of hand-overs, as the extension's own code brings it about."""

import sys

import pytest

from tools.hand_overs.__main__ import changes, sequence, table
from tools.hand_overs.journey import Journey
from tools.hand_overs.measure import SINKS, measure

pytestmark = pytest.mark.newest

MOST_HAND_OVERS = 205
"""Of the batch on its way to CloudWatch Logs. Some 55 of them came with two rooms: ``levels``, which reads each line that
may matter, and ``model/errors``, which reads the error of a failed invocation. Some 35 came with four modules:
``transport/network`` bounds what a network may cost, ``delivery/batch`` and ``delivery/pacing`` keep queues readable, and
``parsing/wide_lines`` what a line may. A worker can be stopped between two chunks, and lines are written as they are asked for. Without a new room or module this bound only falls."""

ENDS_OF_GENERATORS = 3 if sys.version_info >= (3, 14) else 0
"""From 3.14 on, Python tells a profiler of the end of a generator that is left early, as of a call."""

MOST_WAYS = {
    "cloudwatch": MOST_HAND_OVERS + ENDS_OF_GENERATORS,
    "stdout": 178,
    "http": 202,
    "healthy": 51,
}


@pytest.fixture(scope="module")
def journeys() -> dict[str, Journey]:
    """Measure each sink once."""
    return {sink: measure(sink) for sink in SINKS}


@pytest.mark.parametrize("sink", SINKS)
def test_batch_changes_hands_no_more_often_than_its_bound(
    journeys: dict[str, Journey], sink: str
) -> None:
    """Each hand-over is a file that a reader has to open."""
    counts = journeys[sink].counts

    assert counts.hand_overs <= MOST_WAYS[sink], changes(journeys[sink].between_modules)


@pytest.mark.parametrize("sink", ["cloudwatch", "stdout", "http"])
def test_window_begins_and_ends_in_the_main_loop_with_the_sink_between(
    journeys: dict[str, Journey], sink: str
) -> None:
    """A window that closes early would count less, and the bound would say nothing."""
    calls = journeys[sink].calls
    stages = {call.module.partition("/")[0] for call in calls}

    assert "sinks" in stages
    assert calls[-1].thread == calls[0].thread
    assert len({call.thread for call in calls}) > 1


def test_healthy_batch_reaches_no_sink(journeys: dict[str, Journey]) -> None:
    """Most invocations succeed, so this way is the one that costs."""
    calls = journeys["healthy"].calls

    assert not [call for call in calls if call.module.startswith("sinks")]
    assert len({call.thread for call in calls}) == 1


def test_counts_agree_with_each_other(journeys: dict[str, Journey]) -> None:
    """Each module is entered once for the first time; every other hand-over is a return."""
    for journey in journeys.values():
        counts = journey.counts
        assert counts.hand_overs == counts.modules - 1 + counts.returns
        assert sum(journey.between_modules.values()) == counts.hand_overs
        assert sum(journey.between_stages.values()) <= counts.hand_overs


def test_output_names_every_call_and_every_change(journeys: dict[str, Journey]) -> None:
    """Whoever shortens the way reads it there."""
    journey = journeys["cloudwatch"]
    lines = sequence(journey).splitlines()

    assert len(lines) == journey.counts.calls
    assert lines[-1].endswith(journey.calls[-1].function)
    assert str(journey.counts.hand_overs) in table({"cloudwatch": journey})
    assert changes(journey.between_modules).startswith(f"{journey.counts.hand_overs:5}  in all")
