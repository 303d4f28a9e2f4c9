"""Everything that waits, as one."""

import pytest

from extension.account import Account
from extension.backlog import Backlog
from extension.outbox import Outbox
from extension.parcels import Answer, Parcel, Receipt, Stamp
from extension.recording import Segment


def stamp(*, failed: bool = False) -> Stamp:
    return Stamp("id", "", "f", "1", "e", "reason", 1.0, failed=failed)


def segment(size: int = 1000, *, number: int = 0) -> Segment:
    return Segment(b"x" * size, count=1, first_number=number)


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def backlog(account: Account) -> Backlog:
    def outbox(tally: Account) -> Outbox:
        return Outbox(tally, random=lambda: 0.0)

    archive = Outbox(account.archive, random=lambda: 0.0)
    return Backlog(outbox(account), fallback=outbox(account), archive=archive)


def test_a_parcel_waits_for_the_sink_and_a_stored_segment_for_the_archive(backlog: Backlog) -> None:
    """The two go their own ways, and both count against the bound."""
    backlog.put(Parcel(stamp(), [segment()]))
    backlog.store(stamp(), segment())

    assert backlog.archive is not None
    assert (backlog.primary.lines, backlog.archive.lines) == (1, 1)
    assert backlog.held_bytes == backlog.primary.held_bytes + backlog.archive.held_bytes


def test_without_an_archive_nothing_is_stored(account: Account) -> None:
    """What is not set costs nothing."""
    backlog = Backlog(Outbox(account, random=lambda: 0.0))

    backlog.store(stamp(), segment())

    assert backlog.held_bytes == 0
    assert backlog.outboxes == [backlog.primary]


def test_the_archive_gives_first_then_healthy_invocations_then_failed_ones(
    backlog: Backlog, account: Account
) -> None:
    """For room, what is worth least goes first, whichever queue it waits in."""
    assert backlog.fallback is not None
    backlog.store(stamp(), segment())
    backlog.fallback.put(Parcel(stamp(failed=True), [segment()]))
    backlog.put(Parcel(stamp(), [segment()]))

    given = []
    for failed_too in (False, False, True):
        backlog.give_up(need_bytes=900, failed_too=failed_too)
        given.append((account.archive.evicted, dict(account.evicted_invocations)))

    assert given == [
        (1, {"healthy": 0, "failed": 0}),
        (1, {"healthy": 1, "failed": 0}),
        (1, {"healthy": 1, "failed": 1}),
    ]


def test_what_is_under_way_still_counts(backlog: Backlog) -> None:
    """A batch that is being sent is held until it is settled."""
    backlog.put(Parcel(stamp(), [segment()]))
    backlog.primary.begin(0.0)
    before = backlog.held_bytes

    backlog.primary.settle(Receipt(Answer.TAKEN), 0.0)

    assert (before, backlog.held_bytes) == (1160, 0)
