"""What goes to the queues, and when it waits for the id of its transaction."""

from typing import Any

import pytest

from extension.config.settings import Settings
from extension.delivery.queue import Queues, SendingQueue
from extension.diagnostics.account import Account
from extension.model.segment import Segment
from extension.recorder.invocation import Invocation
from extension.recorder.metadata import MetadataSource
from extension.recorder.release import Release
from extension.recorder.states import State
from extension.sampling.verdict import Verdict
from tests.doubles.lambda_events import FIRST

KEPT = Verdict(keep=True, reason="crash", weight=1.0, failed=True)
BUFFER_BYTES = 8000


class World:
    """A release to one queue."""

    def __init__(self, *, fields: tuple[str, ...] = ("id",)) -> None:
        settings = Settings()._replace(correlation_fields=fields, buffer_bytes=BUFFER_BYTES)
        account = Account()
        self.metadata = MetadataSource(environment_id="e")
        self.queue = SendingQueue(account, random=lambda: 0.0)
        self.release = Release(
            settings,
            queues=Queues(self.queue),
            account=account,
            metadata=self.metadata,
        )

    def waits(self, *, request_id: str = FIRST, size_bytes: int = 10, **known: Any) -> bool:
        """Release one line of a kept invocation; tell whether it waits."""
        invocation = Invocation(request_id)
        invocation.verdict, invocation.state = KEPT, State.KEPT
        for name, value in known.items():
            setattr(invocation, name, value)
        invocation.recording.append(Segment(b"x" * size_bytes, count=1, first_number=0))
        self.release.release(invocation)
        return self.queue.empty


@pytest.mark.parametrize(
    ("fields", "one_has_ended", "one_was_named", "waits"),
    [
        (("id",), False, False, True),
        (("id",), True, False, False),
        (("id",), True, True, True),
        ((), False, False, False),
    ],
    ids=["first invocations", "later ones", "named before, however long ago", "no fields"],
)
def test_release_waits_for_a_name_by_what_earlier_invocations_did(
    fields: tuple[str, ...], one_has_ended: bool, one_was_named: bool, waits: bool
) -> None:
    """In an environment's first invocations nothing is known yet of what this function's lines name."""
    world = World(fields=fields)
    world.release.one_has_ended, world.release.one_was_named = one_has_ended, one_was_named

    assert world.waits() is waits


@pytest.mark.parametrize(
    "known",
    [
        {"correlation_id": "order-7"},
        {"state": State.DELIVERED},
        {"request_id": ""},
        {"size_bytes": BUFFER_BYTES // 8},
    ],
    ids=["named", "over", "init", "too much"],
)
def test_release_waits_for_no_name_that_cannot_come(known: dict[str, Any]) -> None:
    """Nor for one that would hold more bytes than may wait."""
    assert not World().waits(**known)


def test_chunks_of_one_invocation_share_their_metadata() -> None:
    """Sinks write it once for all records that have the same; a changed ARN or name is another."""
    world = World(fields=())
    invocation = Invocation(FIRST)
    invocation.verdict, invocation.state = KEPT, State.KEPT
    for number, arn in enumerate(("a", "a", "b")):
        world.metadata.arn = arn
        invocation.recording.append(Segment(b"x", count=1, first_number=number))
        world.release.release(invocation)

    first, second, third = (chunk.metadata for chunk in world.queue.take_all())

    assert first is second
    assert (first.arn, third.arn) == ("a", "b")
