"""The simulation of log streams, and what of the product it tells again."""

from __future__ import annotations

import os
from random import Random
from typing import TYPE_CHECKING

import pytest

from bench.fleet.streams import (
    Group,
    Latencies,
    Writer,
    attempts,
    crash_loop,
    crashes,
    first_failures,
)
from bench.fleet.world import Life, World
from extension.delivery.standard_output import LAST_RESORT_S
from extension.model.receipt import Answer, Receipt
from extension.sinks import stream_name
from extension.sinks.base import SinkConfig
from extension.sinks.cloudwatch import CloudWatchSink
from extension.sinks.cloudwatch_streams import OVERFLOW
from tests.doubles.extension.chunks import lines
from tests.doubles.extension.deliveries import Deliveries
from tests.services.aws import ROOT_KEYS
from tests.services.limits import fail, limits_front, succeed

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from pathlib import Path

from tests.services.limits import Behaviour

QUICK = Latencies(0.0, 0.001, 0.001)
MISSING, THROTTLED, OK = "missing", "throttled", "ok"
BEHAVIOURS: dict[str, Behaviour] = {
    MISSING: fail("ResourceNotFoundException"),
    THROTTLED: fail("ThrottlingException"),
    OK: succeed(),
}

KNOWN = {
    "its own stream is there": ((OK,),),
    "its own is made": ((MISSING, OK, OK), (OK,)),
    "its own is refused": ((MISSING, THROTTLED, OK), (OK,)),
    "the overflow stream is made": ((MISSING, THROTTLED, MISSING, OK, OK), (OK,)),
    "both are refused": ((MISSING, THROTTLED, MISSING, THROTTLED), (MISSING, OK, OK)),
    "the lines are throttled": ((THROTTLED,), (MISSING, OK, THROTTLED), (OK,)),
}
"""Of each delivery, how CloudWatch answers its requests in turn, where an earlier process had the stream."""

NEW = {
    "its own is made": ((OK, OK), (OK,)),
    "its own is made and not found": ((OK, MISSING, OK, OK),),
    "its own is refused": ((THROTTLED, OK), (OK,)),
    "the overflow stream is made": ((THROTTLED, MISSING, OK, OK), (OK,)),
    "both are refused": ((THROTTLED, MISSING, THROTTLED), (MISSING, OK, OK)),
    "the lines are throttled": ((OK, THROTTLED), (OK,)),
}
"""The same where none had it."""


class ScriptedGroup(Group):
    """A group that answers as told, and notes what it is asked."""

    def __init__(self, answers: Sequence[str]) -> None:
        super().__init__(World())
        self._answers = list(answers)
        self.asked: list[tuple[str, bool]] = []

    def create(self, stream: str) -> Generator[float, None, bool]:
        yield 0.0
        return self._answer("CreateLogStream", stream) == OK

    def put(self, stream: str) -> Generator[float, None, bool | None]:
        yield 0.0
        answer = self._answer("PutLogEvents", stream)
        return None if answer == MISSING else answer == OK

    def _answer(self, action: str, stream: str) -> str:
        self.asked.append((action, stream == OVERFLOW))
        return self._answers.pop(0)


def told_again(
    script: Sequence[Sequence[str]], *, is_new: bool
) -> tuple[list[tuple[str, bool]], list[bool]]:
    """Return what the simulation's writer asks for, and whether each delivery was taken."""
    group = ScriptedGroup([answer for delivery in script for answer in delivery])
    writer = Writer(group, "own", Random(1), is_new=is_new)
    taken: list[bool] = []

    def life() -> Life:
        for _ in script:
            was_taken = yield from writer.write()
            taken.append(was_taken)

    group.world.begin(life(), 0.0)
    group.world.run(1.0)
    return group.asked, taken


def of_the_product(
    script: Sequence[Sequence[str]], environ: Mapping[str, str]
) -> tuple[list[tuple[str, bool]], list[bool]]:
    """Return the same of the sink."""
    with limits_front("http://127.0.0.1:1") as front:
        front.behaviours.extend(BEHAVIOURS[answer] for delivery in script for answer in delivery)
        keys = {"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": front.url, **ROOT_KEYS.environ}
        sink = CloudWatchSink(SinkConfig("cloudwatch:/kept", {**keys, **environ}))
        receipts = [
            sink.send([lines("a", first_number=number)], timeout_s=10.0)
            for number in range(len(script))
        ]
        sink.close()
        asked = [
            (request.action, OVERFLOW in request.payload["logStreamName"])
            for request in front.requests
        ]
    return asked, [receipt.answer is Answer.TAKEN for receipt in receipts]


@pytest.fixture
def in_lambda(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return the variables of an environment whose first process this is."""
    yield {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "TMPDIR": str(tmp_path)}
    while stream_name._kept:
        os.close(stream_name._kept.pop().descriptor)


@pytest.mark.parametrize("case", KNOWN)
def test_writer_asks_for_what_the_sink_asks_for(case: str) -> None:
    """In the same order, of the same stream, with the same outcome."""
    assert told_again(KNOWN[case], is_new=False) == of_the_product(KNOWN[case], {})


@pytest.mark.parametrize("case", NEW)
def test_writer_of_a_new_stream_asks_as_the_sink_does(case: str, in_lambda: dict[str, str]) -> None:
    """It makes the stream first."""
    assert told_again(NEW[case], is_new=True) == of_the_product(NEW[case], in_lambda)


def test_attempts_at_shutdown_are_as_many_as_the_products() -> None:
    """Where the sink throttles all of them; by two or three, since the product's take a moment themselves."""
    made = Deliveries()
    made.sink.answer = lambda _: Receipt(Answer.UNAVAILABLE, is_throttled=True)
    made.put("a")
    made.finish(within_s=1.0)
    product = made.sink.attempts
    made.close()
    # The double's chance is 0.0.
    simulated = list(attempts(0.0, 1.0 - LAST_RESORT_S, random=lambda: 0.0))

    assert abs(product - len(simulated)) <= 3
    assert product > 3


def test_crashes_are_the_same_for_a_seed() -> None:
    """Another seed draws other moments."""
    assert crashes(100, creates_per_s=5.0) == crashes(100, creates_per_s=5.0)
    assert crashes(100, creates_per_s=5.0) != crashes(100, creates_per_s=5.0, seed=2)


def test_thousand_crashes_within_a_second_are_all_delivered() -> None:
    """Of 50 streams a second most are refused, and their lines are in the overflow stream."""
    seen = crashes(1_000)

    assert seen.delivered == 1.0
    assert seen.overflowed > 0.8
    assert seen.created < 200


def test_crashes_that_no_request_can_take_are_not_delivered() -> None:
    """The time at SHUTDOWN ends."""
    seen = crashes(200, puts_per_s=20.0, latencies=QUICK)

    assert 0.0 < seen.delivered < 0.5


def test_first_failures_wait_seconds_at_most() -> None:
    """All are delivered, with a stream for one in ten."""
    seen = first_failures(1_000)

    assert seen.delivered == 1.0
    assert seen.delivered_p50_s < 1.0


def test_environment_that_crashes_again_has_one_stream() -> None:
    """Its next process finds the name again."""
    seen = crash_loop(20)

    assert seen.delivered == 1.0
    assert seen.streams == 20
