"""Everything that waits, as one."""

import pytest

from extension.delivery.queue import Queues, SendingQueue
from extension.diagnostics.account import Account
from extension.model.chunk import Chunk, Metadata
from extension.model.receipt import Answer, Receipt
from extension.model.segment import Segment


def metadata(*, failed: bool = False) -> Metadata:
    return Metadata("id", "", "f", "1", "e", "reason", 1.0, failed=failed)


def segment(size: int = 1000, *, number: int = 0) -> Segment:
    return Segment(b"x" * size, count=1, first_number=number)


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def queues(account: Account) -> Queues:
    def queue(tally: Account) -> SendingQueue:
        return SendingQueue(tally, random=lambda: 0.0)

    archive = SendingQueue(account.archive, random=lambda: 0.0)
    return Queues(queue(account), fallback=queue(account), archive=archive)


def test_a_parcel_waits_for_the_sink_and_a_stored_segment_for_the_archive(queues: Queues) -> None:
    """The two go their own ways, and both count against the bound."""
    queues.put(Chunk(metadata(), [segment()]))
    queues.store(metadata(), segment())

    assert queues.archive is not None
    assert (queues.primary.lines, queues.archive.lines) == (1, 1)
    assert queues.held_bytes == queues.primary.held_bytes + queues.archive.held_bytes


def test_without_an_archive_nothing_is_stored(account: Account) -> None:
    """What is not set costs nothing."""
    queues = Queues(SendingQueue(account, random=lambda: 0.0))

    queues.store(metadata(), segment())

    assert queues.held_bytes == 0
    assert queues.queues == [queues.primary]


def test_the_archive_gives_first_then_healthy_invocations_then_failed_ones(
    queues: Queues, account: Account
) -> None:
    """For room, what is worth least goes first, whichever queue it waits in."""
    assert queues.fallback is not None
    queues.store(metadata(), segment())
    queues.fallback.put(Chunk(metadata(failed=True), [segment()]))
    queues.put(Chunk(metadata(), [segment()]))

    given = []
    for failed_too in (False, False, True):
        queues.give_up(need_bytes=900, failed_too=failed_too)
        given.append((account.archive.evicted, dict(account.evicted_invocations)))

    assert given == [
        (1, {"healthy": 0, "failed": 0}),
        (1, {"healthy": 1, "failed": 0}),
        (1, {"healthy": 1, "failed": 1}),
    ]


def test_what_is_under_way_still_counts(queues: Queues) -> None:
    """A batch that is being sent is held until it is settled."""
    queues.put(Chunk(metadata(), [segment()]))
    queues.primary.begin(0.0)
    before = queues.held_bytes

    queues.primary.settle(Receipt(Answer.TAKEN), 0.0)

    assert (before, queues.held_bytes) == (1160, 0)
