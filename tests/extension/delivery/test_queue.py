"""What waits for a sink: order, batches, answers, and the memory bound."""

import gc
import weakref
from collections.abc import Callable

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from extension.delivery.batch import MAX_CUTS
from extension.delivery.pacing import (
    FAILURE_GRACE_S,
    FIRST_PAUSE_S,
    MAX_PAUSE_S,
    WARNINGS_LINGER_S,
    Linger,
)
from extension.delivery.queue import (
    MAX_ATTEMPTS,
    MAX_BATCH_BYTES,
    MIN_BATCH_BYTES,
    SLICE_BYTES,
    Queues,
    SendingQueue,
)
from extension.diagnostics.account import Account
from extension.model.chunk import CHUNK_COST_BYTES, WARNING, Chunk, Metadata, numbers_in
from extension.model.receipt import Answer, Receipt
from extension.model.segment import Kind, Segment
from tests.doubles.extension.accounts import settled
from tests.doubles.extension.queues import chunks_in, lines_in

TAKEN = Receipt(Answer.TAKEN, sent_bytes=100)
UNAVAILABLE = Receipt(Answer.UNAVAILABLE)
DENIED = Receipt(Answer.DENIED)
REFUSED = Receipt(Answer.REFUSED)

EVENT = b'{"time":"2026-01-02T03:04:05.678Z","type":"function","record":"%s"}'


def metadata(request_id: str = "id", *, failed: bool = True) -> Metadata:
    reason = "crash" if failed else "sampled"
    return Metadata(request_id, "", "f", "1", "e", reason, 1.0, failed=failed)


def lines(count: int = 1, *, size: int = 10, number: int = 0) -> Segment:
    """Make a segment of about so many bytes."""
    text = b"x" * max(1, size // count - len(EVENT % b""))
    raw = b",".join(EVENT % text for _ in range(count))
    return Segment(raw, count=count, first_number=number)


def event(number: int = 0) -> Segment:
    return Segment(b"{}", count=1, first_number=number, kind=Kind.EVENT)


def chunk(request_id: str = "id", *, failed: bool = True, size: int = 10, count: int = 1) -> Chunk:
    return Chunk(metadata(request_id, failed=failed), [lines(count, size=size)])


class Watched(Chunk):
    """A chunk that tells when it is gone."""


def ids(chunks: list[Chunk] | None) -> list[str]:
    return [one.metadata.request_id for one in chunks or []]


def numbers(chunks: list[Chunk] | None) -> list[int]:
    return [n for one in chunks or [] for segment in one.segments for n in numbers_in(segment)]


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def queue(account: Account) -> SendingQueue:
    return SendingQueue(account, random=lambda: 0.0)


def test_an_empty_queue_has_nothing_to_begin_with(queue: SendingQueue) -> None:
    """Nothing is due, and nothing is waited for."""
    assert queue.empty
    assert queue.begin(0.0) is None
    assert queue.wait_s(0.0) is None
    assert queue.settle(TAKEN, 0.0) is None


def test_one_batch_is_under_way_at_a_time(queue: SendingQueue) -> None:
    """A batch holds what waits, in order; what comes meanwhile waits."""
    for name in "abc":
        queue.put(chunk(name))
    batch = queue.begin(0.0)
    queue.put(chunk("d"))

    assert ids(batch) == ["a", "b", "c"]
    assert queue.busy
    assert queue.begin(0.0, at_once=True) is None
    assert queue.wait_s(0.0) is None
    assert lines_in(queue) == 4


@pytest.mark.parametrize(
    ("sizes", "first"),
    [
        ([MAX_BATCH_BYTES // 2 - 600] * 3, ["0", "1"]),
        ([3 * MAX_BATCH_BYTES, 10], ["0"]),
    ],
    ids=["the rest goes with the next", "a segment larger than a batch goes alone"],
)
def test_a_batch_is_bounded(queue: SendingQueue, sizes: list[int], first: list[str]) -> None:
    """A batch holds about MAX_BATCH_BYTES at most, and at least one segment."""
    for number, size in enumerate(sizes):
        queue.put(chunk(f"{number}", size=size))

    assert ids(queue.begin(0.0)) == first
    queue.settle(TAKEN, 0.0)
    assert ids(queue.begin(0.0)) == [f"{number}" for number in range(len(first), len(sizes))]


def test_a_large_chunk_is_split_between_its_segments(queue: SendingQueue, account: Account) -> None:
    """One invocation larger than a batch goes in several, no segment twice and none left out."""
    segments = [lines(number=number, size=300_000) for number in range(10)]
    queue.put(Chunk(metadata(), list(segments)))
    batches = []

    while batch := queue.begin(0.0):
        batches.append([one for each in batch for one in each.segments])
        queue.settle(TAKEN, 0.0)

    assert [one for batch in batches for one in batch] == segments
    assert all(sum(len(one.raw) + 160 for one in batch) <= MAX_BATCH_BYTES for batch in batches)
    assert account.kept == {"crash": 10}
    assert (queue.held_bytes, queue.empty) == (0, True)


def test_segments_with_the_same_metadata_make_one_chunk(queue: SendingQueue) -> None:
    """What is archived comes a segment at a time, and costs no chunk each."""
    first, second = metadata("a"), metadata("b")

    for one, number in ((first, 0), (first, 1), (second, 2)):
        queue.add(one, lines(2, size=100, number=number))

    batch = queue.begin(0.0) or []
    assert [(one.metadata.request_id, one.lines) for one in batch] == [("a", 4), ("b", 2)]
    assert queue.held_bytes == sum(one.held_bytes for one in batch)


def lingering(account: Account) -> SendingQueue:
    linger = Linger(linger_s=60.0, ripe_bytes=10_000)
    return SendingQueue(account, random=lambda: 0.0, linger=linger)


def test_little_waits_for_more(account: Account) -> None:
    """A little goes after a while, or when it is told to; enough goes at once."""
    queue = lingering(account)
    queue.put(chunk("a", failed=False, size=1000))
    wait_s = queue.wait_s(5.0)
    queue.put(chunk("b", failed=False, size=1000))

    assert wait_s == 60.0
    assert queue.wait_s(35.0) == 30.0
    assert queue.begin(64.0) is None
    assert ids(queue.begin(65.0)) == ["a", "b"]
    queue.settle(TAKEN, 65.0)
    queue.put(chunk("c", failed=False, size=1000))
    assert queue.wait_s(70.0) == 60.0
    queue.put(chunk("d", failed=False, size=10_000))
    assert ids(queue.begin(70.0)) == ["c", "d"]
    queue.settle(TAKEN, 70.0)
    queue.put(chunk("e", failed=False))
    assert ids(queue.begin(70.0, at_once=True)) == ["e"]


def report(request_id: str = "a") -> Chunk:
    return Chunk(metadata(request_id), [event(number=9)])


def test_a_failure_waits_for_its_end_and_takes_along_what_waits(account: Account) -> None:
    """One request then has the failure with its report, and the healthy lines before it."""
    queue = lingering(account)
    queue.put(chunk("healthy", failed=False))
    assert queue.wait_s(0.0) == 60.0
    queue.put(chunk("a"))

    assert queue.wait_s(10.0) == FAILURE_GRACE_S
    queue.put(report())
    assert ids(queue.begin(10.0 + FAILURE_GRACE_S)) == ["healthy", "a", "a"]


def test_a_failure_leaves_at_once_where_the_environment_may_freeze(account: Account) -> None:
    """A frozen environment sends nothing until it thaws."""
    queue = lingering(account)
    queue.put(chunk("healthy", failed=False))
    queue.put(chunk("a"))

    queue.linger.flush()

    assert ids(queue.begin(0.0)) == ["healthy", "a"]
    queue.settle(TAKEN, 0.0)
    queue.put(chunk("b", failed=False))
    assert queue.wait_s(0.0) == 60.0


def test_a_report_that_follows_its_failure_lingers(account: Account) -> None:
    """It is no failure of its own, so it goes with what comes next."""
    queue = lingering(account)
    queue.put(chunk("a"))
    queue.linger.flush()
    queue.begin(0.0)
    queue.settle(TAKEN, 0.0)

    queue.put(report())
    queue.linger.flush()

    assert queue.wait_s(0.0) == 60.0


def test_failures_that_do_not_fit_a_batch_leave_one_after_the_other(account: Account) -> None:
    """What is left of them is as urgent as what went."""
    queue = lingering(account)
    for name in "ab":
        queue.put(chunk(name, size=MAX_BATCH_BYTES - 1000))
    queue.put(chunk("healthy", failed=False))
    queue.linger.flush()

    assert ids(queue.begin(0.0)) == ["a"]
    queue.settle(TAKEN, 0.0)
    assert ids(queue.begin(0.0)) == ["b"]
    queue.settle(TAKEN, 0.0)
    assert queue.wait_s(0.0) == 60.0


@pytest.mark.parametrize(
    ("failed", "linger_s", "is_awaited"),
    [(True, 60.0, True), (False, 60.0, False), (True, 0.0, True), (False, 0.0, True)],
)
def test_an_invocation_waits_for_nothing_that_lingers(
    account: Account, failed: bool, linger_s: float, is_awaited: bool
) -> None:
    """Healthy lines linger in a frozen environment too; a failure is delivered before it freezes."""
    queue = lingering(account)
    queue.linger.linger_s = linger_s
    queue.put(chunk("a", failed=failed))

    assert queue.is_awaited(0.0) is is_awaited
    queue.begin(0.0, at_once=True)
    assert queue.is_awaited(0.0) is is_awaited
    queue.settle(TAKEN, 0.0)
    assert not queue.is_awaited(0.0)


def warning(number: int = 9) -> Chunk:
    told = metadata("", failed=False)._replace(reason=WARNING)
    return Chunk(told, [event(number)])


def test_our_own_warnings_wait_for_lines_to_go_with(queue: SendingQueue) -> None:
    """A variable that is wrong in thousands of environments must not make a request in each of them at once."""
    queue.put(warning())

    assert queue.wait_s(0.0) == WARNINGS_LINGER_S
    assert not queue.is_awaited(0.0)
    queue.put(chunk("a"))
    assert queue.is_awaited(0.0)
    assert ids(queue.begin(0.0)) == ["", "a"]
    queue.settle(TAKEN, 0.0)
    assert queue.tally.kept == {WARNING: 0, "crash": 1}


def test_our_own_warnings_leave_alone_after_a_while_or_at_the_end(queue: SendingQueue) -> None:
    """Somebody has to see them, also where every invocation is well."""
    queue.put(warning())
    queue.wait_s(0.0)
    after_a_while = queue.begin(WARNINGS_LINGER_S)
    queue.settle(TAKEN, WARNINGS_LINGER_S)
    queue.put(warning())
    at_the_end = queue.begin(WARNINGS_LINGER_S, at_once=True)

    assert [len(batch or []) for batch in (after_a_while, at_the_end)] == [1, 1]


def test_an_invocation_does_not_wait_while_a_sink_is_left_alone(queue: SendingQueue) -> None:
    """The pause of a sink that throttles is longer than an invocation may be held."""
    queue.put(chunk("a"))
    queue.begin(0.0)
    queue.put(chunk("b"))
    queue.backoff.pressure_s = 5.0
    queue.settle(TAKEN, 0.0)

    assert not queue.is_awaited(1.0)
    assert queue.is_awaited(5.0)


# Answers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("receipt", "kept", "given_back", "left", "wait_s"),
    [
        (TAKEN, 10, {}, [], None),
        (Receipt(Answer.REFUSED), 0, {"refused": [*range(10)]}, [], None),
        (UNAVAILABLE, 0, {}, [*range(10)], FIRST_PAUSE_S),
        (Receipt(Answer.UNAVAILABLE, retry_after_s=7.0), 0, {}, [*range(10)], 7.0),
        (Receipt(Answer.DENIED), 0, {}, [*range(10)], MAX_PAUSE_S),
        (Receipt(Answer.TOO_LARGE), 0, {}, [*range(5)], 0.0),
        (Receipt(Answer.UNREADABLE), 0, {}, [*range(5)], 0.0),
        (
            Receipt(Answer.TAKEN, refused={2: "too-old", 3: "too-old", 9: "bad"}),
            7,
            {"too-old": [2, 3], "bad": [9]},
            [],
            None,
        ),
        (
            Receipt(Answer.UNAVAILABLE, taken=frozenset({0, 1, 2, 7})),
            4,
            {},
            [3, 4, 5, 6, 8, 9],
            FIRST_PAUSE_S,
        ),
        (
            Receipt(Answer.UNAVAILABLE, taken=frozenset({0, 1}), refused={9: "bad"}),
            2,
            {"bad": [9]},
            [2, 3, 4, 5, 6, 7, 8],
            FIRST_PAUSE_S,
        ),
        (
            Receipt(Answer.REFUSED, taken=frozenset({0, 1})),
            2,
            {"refused": [2, 3, 4, 5, 6, 7, 8, 9]},
            [],
            None,
        ),
    ],
)
def test_an_answer_decides_what_is_left(
    queue: SendingQueue,
    account: Account,
    receipt: Receipt,
    kept: int,
    given_back: dict[str, list[int]],
    left: list[int],
    wait_s: float | None,
) -> None:
    """Each record is kept, given back or left, and the rest comes first next time, before what came meanwhile."""
    queue.put(Chunk(metadata(), [lines(10, size=1000)]))
    queue.begin(0.0)

    back = queue.settle(receipt, 0.0) or []

    found: dict[str, list[int]] = {}
    for reason, one in back:
        found.setdefault(reason, []).extend(numbers([one]))
    assert (account.kept.get("crash", 0), found) == (kept, given_back)
    assert queue.wait_s(0.0) == (None if wait_s is None else pytest.approx(wait_s))
    assert account.deliveries == {receipt.answer.value: 1}
    assert account.delivered_bytes == receipt.sent_bytes
    assert (queue.begin(0.0) is None) == (wait_s is None or wait_s > 0)
    if wait_s:
        queue.put(chunk("late", count=1))
        assert numbers(queue.begin(wait_s)) == left
    elif left:
        queue.take_all()
    assert queue.held_bytes == sum(one.held_bytes for one in chunks_in(queue))


def test_refused_records_are_given_back_with_their_reasons(queue: SendingQueue) -> None:
    """A gap is one record, whatever it stands for; a number that another queue's records have is not there."""
    gap = Segment(b"", count=5, first_number=3, kind=Kind.GAP)
    queue.put(Chunk(metadata(), [lines(2, number=1)]))
    queue.put(Chunk(metadata(), [gap]))
    queue.begin(0.0)

    refused = {1: "bad", 3: "too-old", 9: "bad"}
    back = queue.settle(Receipt(Answer.TAKEN, refused=refused), 0.0) or []

    assert [(reason, numbers([one])) for reason, one in back] == [("bad", [1]), ("too-old", [3])]


def test_lines_are_counted_under_their_reasons(queue: SendingQueue, account: Account) -> None:
    """The account says why each line was kept."""
    queue.put(chunk("a", count=3))
    queue.put(chunk("b", count=2, failed=False))
    queue.begin(0.0)

    queue.settle(TAKEN, 0.0)

    assert account.kept == {"crash": 3, "sampled": 2}
    assert (queue.empty, queue.held_bytes) == (True, 0)


def test_a_batch_that_failed_comes_again_as_it_was(queue: SendingQueue) -> None:
    """A repetition has the same bytes, whatever came meanwhile."""
    queue.put(chunk("a"))
    queue.put(chunk("b"))
    queue.begin(5.0)
    queue.put(chunk("c"))

    queue.settle(UNAVAILABLE, 5.0)

    assert queue.begin(5.0) is None
    assert ids(queue.begin(5.0 + FIRST_PAUSE_S)) == ["a", "b"]
    queue.settle(TAKEN, 6.0)
    assert ids(queue.begin(6.0)) == ["c"]


def test_attempts_are_bounded(queue: SendingQueue) -> None:
    """A batch that nobody ever takes is given back in the end, and the next one has its own attempts."""
    queue.put(chunk("a", count=2))
    given_back = []
    for _ in range(MAX_ATTEMPTS):
        assert ids(queue.begin(0.0, at_once=True)) == ["a"]
        given_back += queue.settle(UNAVAILABLE, 0.0) or []
    queue.put(chunk("b"))

    assert [(reason, one.lines) for reason, one in given_back] == [("unavailable", 2)]
    assert ids(queue.begin(0.0, at_once=True)) == ["b"]
    queue.settle(UNAVAILABLE, 0.0)
    assert lines_in(queue) == 1


def test_unnamed_rejected_lines_are_lost(queue: SendingQueue, account: Account) -> None:
    """They are counted, and nothing is sent again (OTLP: partial success)."""
    queue.put(chunk("a", count=3))
    queue.put(chunk("b", count=3))
    queue.begin(0.0)

    queue.settle(Receipt(Answer.TAKEN, rejected_lines=4), 0.0)

    assert account.kept == {"crash": 2}
    assert account.lost == {"rejected": 4}
    assert queue.empty


def try_all(
    queue: SendingQueue, answer_to: Callable[[list[int]], Answer]
) -> tuple[list[int], list[int], int]:
    """Deliver until nothing is left or the sink pauses; return what was taken and given back, and the attempts."""
    taken: list[int] = []
    back: list[int] = []
    attempts = 0
    while (batch := queue.begin(0.0, at_once=not attempts)) is not None:
        attempts += 1
        sent = numbers(batch)
        answer = answer_to(sent)
        receipt = queue.judged(Receipt(answer))
        back += numbers([one for _, one in queue.settle(receipt, 0.0) or []])
        if answer is Answer.TAKEN:
            taken += sent
    return taken, back, attempts


@pytest.mark.parametrize("poisoned", [{0}, {5}, {99}, {3, 4}, {0, 50, 99}])
def test_a_poisoned_record_does_not_take_its_batch_along(
    queue: SendingQueue, account: Account, poisoned: set[int]
) -> None:
    """A batch with something in it that is never taken is cut until that stands alone; the rest goes, in order."""
    queue.put(Chunk(metadata(), [lines(60, size=9000), lines(40, size=6000, number=60)]))

    taken, back, attempts = try_all(
        queue, lambda sent: Answer.UNREADABLE if poisoned & set(sent) else Answer.TAKEN
    )

    assert set(back) == poisoned
    assert taken == [number for number in range(100) if number not in poisoned]
    assert account.kept == {"crash": 100 - len(poisoned)}
    assert attempts <= 1 + 2 * 8 * len(poisoned)


def take_one(queue: SendingQueue) -> None:
    """Let the sink take a record, so that it is known to work."""
    queue.put(chunk("first"))
    queue.begin(0.0)
    queue.settle(TAKEN, 0.0)


def test_a_sink_that_stops_taking_is_not_searched_for_ever(queue: SendingQueue) -> None:
    """After a bounded search the whole batch is given back, and those that follow at once."""
    take_one(queue)
    queue.put(Chunk(metadata(), [lines(5000, size=500_000)]))

    _, back, attempts = try_all(queue, lambda _: Answer.UNREADABLE)
    queue.put(Chunk(metadata(), [lines(5000, size=500_000)]))
    _, back_again, attempts_again = try_all(queue, lambda _: Answer.UNREADABLE)

    assert sorted(back) == sorted(back_again) == list(range(5000))
    assert attempts <= 2 * MAX_CUTS + 1
    assert attempts_again == 1


def test_a_sink_that_never_took_anything_is_denied_and_not_searched(
    queue: SendingQueue, account: Account
) -> None:
    """Its settings are to blame, so everything waits until somebody mends them, at one request a pause."""
    queue.put(Chunk(metadata(), [lines(1001, size=100_000)]))

    _, back, attempts = try_all(queue, lambda _: Answer.UNREADABLE)
    pauses = [try_all(queue, lambda _: Answer.UNREADABLE)[1:] for _ in range(10)]

    assert (back, attempts) == ([], 3)
    assert pauses == [([], 1)] * 10
    assert account.deliveries == {"unreadable": 2, "denied": 11}
    assert queue.backoff.is_down
    assert lines_in(queue) == 1001
    assert queue.held_bytes == sum(one.held_bytes for one in chunks_in(queue))
    taken, back, _ = try_all(queue, lambda _: Answer.TAKEN)
    # One more was asked about alone in each pause; they come right behind the first that is taken.
    assert (taken, back) == ([12, *range(12), *range(13, 1001)], [])


def test_poisoned_records_at_the_beginning_do_not_stop_a_sink_for_long(queue: SendingQueue) -> None:
    """A sink that takes the others is denied for as many pauses as unreadable records stand together at most."""
    poisoned = {0, 1, 2}
    queue.put(Chunk(metadata(), [lines(100, size=9000)]))

    def answer_to(sent: list[int]) -> Answer:
        return Answer.UNREADABLE if poisoned & set(sent) else Answer.TAKEN

    tries = [try_all(queue, answer_to) for _ in range(4)]

    assert sorted(number for taken, _, _ in tries for number in taken) == [*range(3, 100)]
    assert sorted(number for _, back, _ in tries for number in back) == [0, 1, 2]
    assert queue.empty


def test_a_single_poisoned_record_lets_the_next_one_pass(queue: SendingQueue) -> None:
    """It waits for another, which shows whether the sink works."""
    queue.put(chunk("a"))
    back, attempts = try_all(queue, lambda _: Answer.UNREADABLE)[1:]
    queue.put(Chunk(metadata("b"), [lines(number=1)]))

    taken, back_later, _ = try_all(
        queue, lambda sent: Answer.UNREADABLE if sent == [0] else Answer.TAKEN
    )

    assert (back, attempts, queue.backoff.is_failing) == ([], 1, False)
    assert (taken, back_later) == ([1], [0])


def test_attempts_at_a_sink_that_never_takes_anything_are_bounded(queue: SendingQueue) -> None:
    """A record that nobody ever reads is given back in the end."""
    queue.put(chunk("a"))

    tries = [try_all(queue, lambda _: Answer.UNREADABLE) for _ in range(MAX_ATTEMPTS)]

    assert [back for _, back, _ in tries if back] == [[0]]
    assert queue.empty


def test_a_batch_that_is_too_large_is_halved_until_it_is_not(queue: SendingQueue) -> None:
    """Everything arrives, in order; later batches are as small as those that were taken."""
    limit = 100
    queue.put(Chunk(metadata(), [lines(1000, size=800_000)]))

    taken, back, attempts = try_all(
        queue, lambda sent: Answer.TOO_LARGE if len(sent) > limit else Answer.TAKEN
    )
    queue.put(Chunk(metadata(), [lines(1, size=800, number=n) for n in range(1000)]))

    assert (taken, back) == (list(range(1000)), [])
    assert attempts > 1000 // limit
    assert MIN_BATCH_BYTES <= sum(one.held_bytes for one in queue.begin(0.0) or []) < 150_000


def test_a_record_that_is_too_large_alone_is_given_back(queue: SendingQueue) -> None:
    """There is nothing left to cut."""
    queue.put(chunk("a", size=500_000))
    queue.begin(0.0)

    given_back = queue.settle(Receipt(Answer.TOO_LARGE), 0.0) or []

    assert [(reason, one.lines) for reason, one in given_back] == [("too-large", 1)]
    assert (queue.empty, queue.held_bytes, queue.backoff.is_failing) == (True, 0, False)


@pytest.mark.parametrize(
    ("take", "taken", "left"),
    [(SendingQueue.take_all, ["a", "b"], 0), (SendingQueue.take_waiting, ["b"], 2)],
    ids=["everything", "what waits"],
)
def test_chunks_can_be_taken_out(
    queue: SendingQueue,
    account: Account,
    take: Callable[[SendingQueue], list[Chunk]],
    taken: list[str],
    left: int,
) -> None:
    """At the end all goes elsewhere, in order, and an answer that still comes is ignored; else the batch stays."""
    queue.put(chunk("a", count=2))
    queue.begin(0.0)
    queue.put(chunk("b", count=3))

    assert ids(take(queue)) == taken
    assert (lines_in(queue), queue.empty) == (left, not left)
    queue.settle(TAKEN, 0.0)
    assert (queue.empty, queue.held_bytes, settled(account)) == (True, 0, left)


def test_failed_chunks_come_before_healthy_ones_also_before_a_batch_that_was_tried(
    queue: SendingQueue,
) -> None:
    """Among themselves they keep their order, and batches have the size that is asked for."""
    queue.put(chunk("tried", failed=False))
    queue.begin(0.0)
    queue.settle(UNAVAILABLE, 0.0)
    for name, failed in (("a", False), ("b", True), ("c", False), ("d", True), ("e", True)):
        queue.put(chunk(name, failed=failed, size=40_000, count=10))
    held_bytes = queue.held_bytes

    queue.put_failed_first(max_batch_bytes=100_000)
    sent = []
    while batch := queue.begin(0.0, at_once=True):
        sent.append(ids(batch))
        queue.settle(TAKEN, 0.0)

    assert [list(dict.fromkeys(batch)) for batch in sent] == [
        ["b", "d"],
        ["e"],
        ["tried"],
        ["a", "c"],
    ]
    assert held_bytes > queue.held_bytes == 0


def test_failed_lines_are_found_wherever_they_are(queue: SendingQueue) -> None:
    """In a batch under way, in one that is tried again, and among what waits."""
    found = [bool(queue.failed_chunks())]
    queue.put(chunk("a"))
    queue.begin(0.0)
    found.append(bool(queue.failed_chunks()))
    queue.settle(UNAVAILABLE, 0.0)
    found.append(bool(queue.failed_chunks()))
    queue.put(chunk("b", failed=False))
    queue.put(chunk("c"))

    assert found == [False, True, True]
    assert ids(queue.failed_chunks()) == ["a", "c"]


def test_a_batch_is_cut_into_slices(queue: SendingQueue) -> None:
    """So that whoever goes through it can be stopped; the bytes held stay true."""
    queue.put(chunk(size=4 * SLICE_BYTES, count=300))

    batch = queue.begin(0.0)

    assert batch is not None
    assert len(batch) == 5
    assert sum(one.lines for one in batch) == 300
    assert queue.held_bytes == sum(one.held_bytes for one in batch)


def test_a_repetition_has_what_was_rewritten(queue: SendingQueue) -> None:
    """As much of it as there is, and bytes are counted as they are now."""
    queue.put(chunk("a"))
    queue.put(chunk("b"))
    queue.begin(0.0)
    masked = chunk("masked", size=500)

    queue.replace_under_way([masked])
    queue.settle(UNAVAILABLE, 0.0)
    again = queue.begin(0.0, at_once=True)

    assert ids(again) == ["masked", "b"]
    assert queue.held_bytes == sum(one.held_bytes for one in again or [])


def test_chunks_beyond_the_batch_replace_nothing(queue: SendingQueue) -> None:
    """They are the extension's own metrics; and nothing is replaced where nothing is under way."""
    queue.replace_under_way([chunk("x")])
    queue.put(chunk("a"))
    queue.begin(0.0)

    queue.replace_under_way([chunk("masked"), chunk("metrics")])

    assert ids(queue.take_all()) == ["masked"]
    assert queue.held_bytes == 0


def test_no_segment_is_added_to_a_chunk_that_was_rewritten(queue: SendingQueue) -> None:
    """It would pass for rewritten, and leave with its secrets."""
    same = metadata()
    queue.put(Chunk(same, [lines()], rewritten_by="patterns"))

    queue.add(same, lines(number=1))

    assert [one.rewritten_by for one in queue.take_all()] == ["patterns", None]


# The memory bound ---------------------------------------------------------------------------------------------------


def test_healthy_chunks_are_given_up_first_and_the_oldest_of_them(
    queue: SendingQueue, account: Account
) -> None:
    """For room, what was only sampled goes before any failed invocation, oldest first, no more than needed."""
    for name, failed in [("f1", True), ("h1", False), ("h2", False), ("h3", False)]:
        queue.put(chunk(name, failed=failed, size=1000))

    freed = queue.give_up(need_bytes=1500, failed_too=False)

    assert account.evicted == 2
    assert freed >= 1500
    assert [one.metadata.request_id for one in queue.begin(0.0) or [] if one.lines] == ["f1", "h3"]


def test_failed_chunks_are_given_up_when_told(queue: SendingQueue, account: Account) -> None:
    """Failed invocations go only when asked for, and then the oldest first."""
    for name in ("f1", "f2"):
        queue.put(chunk(name, size=1000, count=5))

    spared = queue.give_up(need_bytes=500, failed_too=False)
    freed = queue.give_up(need_bytes=500, failed_too=True)

    assert spared == 0
    assert freed >= 500
    assert account.evicted == 5
    assert [one.lines for one in queue.begin(0.0) or []] == [0, 5]


def test_the_batch_under_way_is_not_given_up(queue: SendingQueue, account: Account) -> None:
    """A batch that the sink is reading stays as it is."""
    queue.put(chunk("a", size=1000))
    queue.begin(0.0)

    freed = queue.give_up(need_bytes=1000, failed_too=True)

    assert (freed, account.evicted) == (0, 0)


def test_a_sink_that_is_down_for_long_cannot_fill_the_memory(queue: SendingQueue) -> None:
    """What gaps and summaries take is bounded as well: at last they are given up too."""
    bound = 64 * 1024

    for number in range(600):
        queue.put(Chunk(metadata(f"{number}"), [lines(5, size=500), event()]))
        excess = queue.held_bytes - bound
        if excess > 0:
            queue.give_up(need_bytes=excess, failed_too=False)
            queue.give_up(need_bytes=max(0, queue.held_bytes - bound), failed_too=True)

    assert queue.held_bytes <= 2 * bound


class QueueMachine(RuleBasedStateMachine):
    """Any order of what may happen to a queue."""

    def __init__(self) -> None:
        super().__init__()
        self.account = Account()
        self.queue = SendingQueue(self.account, random=lambda: 0.5)
        self.now_s = 0.0
        self.put_lines = 0
        self.next_number = 0
        self.batch: list[Chunk] | None = None
        self.last_taken = -1

    @rule(
        sizes=st.lists(st.integers(0, 400_000), min_size=1, max_size=5),
        failed=st.booleans(),
        with_event=st.booleans(),
    )
    def put(self, sizes: list[int], failed: bool, with_event: bool) -> None:
        segments = []
        for size in sizes:
            segments.append(lines(2, size=size, number=self.next_number))
            self.next_number += 2
        if with_event:
            segments.append(event(self.next_number))
            self.next_number += 1
        self.queue.put(Chunk(metadata(failed=failed), segments))
        self.put_lines += 2 * len(sizes)

    @precondition(lambda self: self.batch is None)
    @rule(at_once=st.booleans())
    def begin(self, at_once: bool) -> None:
        self.batch = self.queue.begin(self.now_s, at_once=at_once)
        assert self.batch is None or any(one.segments for one in self.batch)

    @precondition(lambda self: self.batch is not None)
    @rule(answer=st.sampled_from(list(Answer)), retry_after_s=st.none() | st.floats(0, 100))
    def settle(self, answer: Answer, retry_after_s: float | None) -> None:
        sent = numbers(self.batch)
        some = frozenset(sent[::3]) if answer is Answer.UNAVAILABLE else frozenset()
        refused = dict.fromkeys(sent[1::5], "bad") if answer is not Answer.REFUSED else {}
        refused = {number: reason for number, reason in refused.items() if number not in some}
        receipt = Receipt(answer, retry_after_s=retry_after_s, taken=some, refused=refused)
        if answer is Answer.TAKEN:
            assert sent == sorted(sent)
            assert sent[0] > self.last_taken
            self.last_taken = sent[-1]
        for reason, one in self.queue.settle(receipt, self.now_s) or []:
            self.account.lose(reason, one.lines)
        self.batch = None

    @precondition(lambda self: self.batch is not None)
    @rule(share=st.floats(0, 1))
    def rewrite(self, share: float) -> None:
        assert self.batch is not None
        some = self.batch[: round(share * len(self.batch))]
        self.queue.replace_under_way([one.of([*one.segments]) for one in some])
        self.batch = [*some, *self.batch[len(some) :]]

    @rule(seconds=st.floats(0, 40))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(need_bytes=st.integers(0, 1_000_000), failed_too=st.booleans())
    def give_up(self, need_bytes: int, failed_too: bool) -> None:
        before = self.queue.held_bytes
        freed = self.queue.give_up(need_bytes=need_bytes, failed_too=failed_too)
        assert self.queue.held_bytes == before - freed

    @precondition(lambda self: self.batch is None)
    @rule()
    def abandon(self) -> None:
        for one in self.queue.take_all():
            self.account.lose("shutdown", one.lines)
        assert self.queue.held_bytes == 0

    @invariant()
    def the_account_adds_up(self) -> None:
        assert self.put_lines == settled(self.account) + lines_in(self.queue)

    @invariant()
    def what_is_held_is_what_is_there(self) -> None:
        chunks = chunks_in(self.queue)
        segments = sum(len(segment.raw) + 160 for one in chunks for segment in one.segments)
        assert self.queue.held_bytes == sum(one.held_bytes for one in chunks)
        assert self.queue.held_bytes == segments + len(chunks) * CHUNK_COST_BYTES
        assert all(one.lines == sum(seg.lines for seg in one.segments) for one in chunks)

    @invariant()
    def pauses_are_bounded(self) -> None:
        # A pause is added to the time and taken from it again, which rounds.
        assert 0.0 <= (self.queue.wait_s(self.now_s) or 0.0) <= 2 * MAX_PAUSE_S + 1e-6


QueueMachine.TestCase.settings = settings(
    max_examples=max(30, settings().max_examples), stateful_step_count=30, deadline=None
)


TestQueueMachine = QueueMachine.TestCase
"""In any order of events the account adds up, the order holds, and the bytes held are those there."""


# All queues of an environment ---------------------------------------------------------------------------------------


@pytest.fixture
def queues(account: Account) -> Queues:
    def one(tally: Account) -> SendingQueue:
        return SendingQueue(tally, random=lambda: 0.0)

    archive = SendingQueue(account.archive, random=lambda: 0.0)
    return Queues(one(account), fallback=one(account), archive=archive)


def test_chunks_wait_for_the_sink_and_segments_for_the_archive(queues: Queues) -> None:
    """The two go their own ways, and both count against the bound, until they are settled."""
    queues.put(chunk("a"))
    queues.store(metadata(), lines())
    queues.primary.begin(0.0)

    assert queues.archive is not None
    assert (lines_in(queues.primary), lines_in(queues.archive)) == (1, 1)
    assert queues.held_bytes == queues.primary.held_bytes + queues.archive.held_bytes
    queues.primary.settle(TAKEN, 0.0)
    assert queues.held_bytes == queues.archive.held_bytes


def test_without_an_archive_nothing_is_stored(account: Account) -> None:
    """What is not set costs nothing."""
    queues = Queues(SendingQueue(account, random=lambda: 0.0))

    queues.store(metadata(), lines())

    assert queues.held_bytes == 0
    assert queues.fallback is None


def test_the_archive_gives_first_then_healthy_invocations_then_failed_ones(
    queues: Queues, account: Account
) -> None:
    """For room, what is worth least goes first, whichever queue it waits in."""
    assert queues.fallback is not None
    queues.store(metadata(failed=False), lines(size=1000))
    queues.fallback.put(chunk("f", size=1000))
    queues.put(chunk("h", failed=False, size=1000))

    given = []
    for failed_too in (False, False, True):
        queues.give_up(need_bytes=900, failed_too=failed_too)
        given.append((account.archive.evicted, dict(account.evicted_invocations)))

    assert given == [
        (1, {"healthy": 0, "failed": 0}),
        (1, {"healthy": 1, "failed": 0}),
        (1, {"healthy": 1, "failed": 1}),
    ]


@pytest.mark.parametrize(
    ("buffer_mib", "most_bytes"), [(64, MAX_BATCH_BYTES), (16, MAX_BATCH_BYTES), (4, 256 * 1024)]
)
def test_a_batch_is_a_share_of_the_buffer(
    account: Account, buffer_mib: int, most_bytes: int
) -> None:
    """A sink's form of it may be four times as large, beside all that waits."""
    queue = SendingQueue(account, random=lambda: 0.0, buffer_bytes=buffer_mib * 1024 * 1024)
    for number in range(40):
        queue.put(chunk(f"{number}", size=50_000))

    sizes = sum(one.held_bytes for one in queue.begin(0.0) or [])

    assert most_bytes - 51_000 < sizes <= most_bytes


@pytest.mark.parametrize(
    "answers", [[TAKEN], [UNAVAILABLE, TAKEN], [Receipt(Answer.TOO_LARGE), TAKEN, TAKEN]]
)
def test_what_was_delivered_is_freed_at_once(answers: list[Receipt]) -> None:
    # Few objects hold many bytes here, so the garbage collector would come megabytes later.
    queue = SendingQueue(Account(), random=lambda: 0.0)
    watched = [Watched(metadata(name), [lines()]) for name in "ab"]
    gone = [weakref.ref(one) for one in watched]
    gc.disable()
    try:
        for one in watched:
            queue.put(one)
        watched.clear()
        del one
        for answer in answers:
            queue.begin(0.0, at_once=True)
            queue.settle(answer, 0.0)
        assert queue.empty
        assert [one() for one in gone] == [None, None]
    finally:
        gc.enable()
