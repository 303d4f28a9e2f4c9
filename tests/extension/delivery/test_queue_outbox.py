from collections.abc import Callable

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from extension.delivery.queue import (
    FIRST_PAUSE_S,
    JITTER,
    MAX_ATTEMPTS,
    MAX_BATCH_BYTES,
    MAX_CUTS,
    MAX_PAUSE_S,
    MIN_BATCH_BYTES,
    SendingQueue,
)
from extension.diagnostics.account import Account
from extension.model.chunk import OWN_METRICS, Chunk, Metadata, numbers_in
from extension.model.receipt import Answer, Receipt
from extension.model.segment import Kind, Segment

TAKEN = Receipt(Answer.TAKEN, sent_bytes=100)
UNAVAILABLE = Receipt(Answer.UNAVAILABLE)
REFUSED = Receipt(Answer.REFUSED)


EVENT = b'{"time":"2026-01-02T03:04:05.678Z","type":"function","record":"%s"}'


def metadata(request_id: str = "id", *, failed: bool = True, reason: str = "crash") -> Metadata:
    return Metadata(request_id, "", "f", "1", "e", reason, 1.0, failed=failed)


def lines(count: int = 1, *, size: int = 10, number: int = 0) -> Segment:
    """Makes a segment of about so many bytes."""
    text = b"x" * max(1, size // count - len(EVENT % b""))
    raw = b",".join(EVENT % text for _ in range(count))
    return Segment(raw, count=count, first_number=number)


def event(number: int = 0) -> Segment:
    return Segment(b"{}", count=1, first_number=number, kind=Kind.EVENT)


def chunk(request_id: str = "id", *, failed: bool = True, size: int = 10, count: int = 1) -> Chunk:
    reason = "crash" if failed else "sampled"
    return Chunk(metadata(request_id, failed=failed, reason=reason), [lines(count, size=size)])


def ids(chunks: list[Chunk] | None) -> list[str]:
    return [one.metadata.request_id for one in chunks or []]


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def queue(account: Account) -> SendingQueue:
    return SendingQueue(account, random=lambda: 0.0)


def test_parcels_leave_in_the_order_they_came(queue: SendingQueue) -> None:
    """A batch holds what waits, in order."""
    for name in "abc":
        queue.put(chunk(name))

    assert ids(queue.begin(0.0)) == ["a", "b", "c"]


def test_nothing_to_deliver(queue: SendingQueue) -> None:
    """An empty queue has nothing to begin with, and nothing to wait for."""
    assert queue.empty
    assert queue.begin(0.0) is None
    assert queue.wait_s(0.0) is None


def test_one_batch_at_a_time(queue: SendingQueue) -> None:
    """While a batch is under way, what comes waits."""
    queue.put(chunk("a"))
    queue.begin(0.0)
    queue.put(chunk("b"))

    assert queue.busy
    assert queue.begin(0.0, at_once=True) is None
    assert queue.wait_s(0.0) is None
    assert queue.lines == 2


def test_a_batch_is_bounded(queue: SendingQueue) -> None:
    """A batch holds about MAX_BATCH_BYTES at most; the rest goes with the next."""
    for name in "abc":
        queue.put(chunk(name, size=MAX_BATCH_BYTES // 2 - 200))

    first = ids(queue.begin(0.0))
    queue.settle(TAKEN, 0.0)

    assert first == ["a", "b"]
    assert ids(queue.begin(0.0)) == ["c"]


def test_a_large_parcel_is_split_between_its_segments(
    queue: SendingQueue, account: Account
) -> None:
    """One invocation larger than a batch goes in several, no segment twice and none left out."""
    segments = [lines(number=number, size=300_000) for number in range(10)]
    queue.put(Chunk(metadata(), list(segments)))
    batches = []

    while batch := queue.begin(0.0):
        batches.append([one for each in batch for one in each.segments])
        queue.settle(TAKEN, 0.0)

    assert [one for batch in batches for one in batch] == segments
    assert all(sum(one.cost_bytes for one in batch) <= MAX_BATCH_BYTES for batch in batches)
    assert account.kept == {"crash": 10}
    assert (queue.held_bytes, queue.empty) == (0, True)


def test_a_segment_larger_than_a_batch_goes_alone(queue: SendingQueue) -> None:
    """A segment is not cut: larger than a batch, it is one."""
    queue.put(chunk("a", size=3 * MAX_BATCH_BYTES))
    queue.put(chunk("b"))

    assert ids(queue.begin(0.0)) == ["a"]


def test_what_was_taken_is_kept(queue: SendingQueue, account: Account) -> None:
    """Taken lines are counted under their reason, and the bytes as sent."""
    queue.put(chunk("a", count=3))
    queue.put(chunk("b", count=2, failed=False))
    queue.begin(0.0)

    queue.settle(TAKEN, 0.0)

    assert account.kept == {"crash": 3, "sampled": 2}
    assert account.delivered_bytes == 100
    assert (queue.empty, queue.failing, queue.held_bytes) == (True, False, 0)


def test_what_was_refused_is_given_back(queue: SendingQueue, account: Account) -> None:
    """A sink that says never is not asked again, and the next batch goes at once."""
    queue.put(chunk("a", count=3))
    queue.begin(0.0)
    queue.put(chunk("b"))

    given_back = queue.settle(REFUSED, 0.0)

    assert [(reason, one.lines) for reason, one in given_back] == [("refused", 3)]
    assert account.settled() == 0
    assert ids(queue.begin(0.0)) == ["b"]


def test_what_could_not_be_delivered_waits_in_its_place(
    queue: SendingQueue, account: Account
) -> None:
    """After a failure the very same batch comes first, after a pause, before what came meanwhile."""
    queue.put(chunk("a"))
    queue.put(chunk("b"))
    queue.begin(5.0)
    queue.put(chunk("c"))

    queue.settle(UNAVAILABLE, 5.0)

    assert queue.failing
    assert queue.begin(5.0) is None
    assert queue.wait_s(5.0) == pytest.approx(FIRST_PAUSE_S)
    assert account.settled() == 0
    assert ids(queue.begin(5.0 + FIRST_PAUSE_S)) == ["a", "b"]
    queue.settle(TAKEN, 6.0)
    assert ids(queue.begin(6.0)) == ["c"]


def test_the_pause_can_be_passed_over(queue: SendingQueue) -> None:
    """At SHUTDOWN there is no time to wait."""
    queue.put(chunk("a"))
    queue.begin(0.0)
    queue.settle(UNAVAILABLE, 0.0)

    assert ids(queue.begin(0.0, at_once=True)) == ["a"]


def pauses(queue: SendingQueue, count: int) -> list[float]:
    queue.put(chunk("a"))
    now_s = 0.0
    found = []
    for _ in range(count):
        assert queue.begin(now_s) is not None
        queue.settle(UNAVAILABLE, now_s)
        found.append(queue.wait_s(now_s) or 0.0)
        now_s += found[-1]
    return found


@pytest.mark.parametrize("random", [0.0, 0.5, 0.999])
def test_pauses_grow_up_to_the_bound(random: float, account: Account) -> None:
    """Each pause is twice the one before, shortened by the jitter, up to the longest."""
    found = pauses(SendingQueue(account, random=lambda: random), 15)

    full = [min(FIRST_PAUSE_S * 2**number, MAX_PAUSE_S) for number in range(15)]
    assert found == pytest.approx([one * (1 - JITTER * random) for one in full])
    assert full[-1] == MAX_PAUSE_S


def test_a_success_ends_the_pauses(queue: SendingQueue) -> None:
    """After a delivery the next failure pauses as the first did."""
    pauses(queue, 5)
    queue.begin(1000.0)
    queue.settle(TAKEN, 1000.0)
    queue.put(chunk("b"))
    queue.begin(1000.0)
    queue.settle(UNAVAILABLE, 1000.0)

    assert queue.wait_s(1000.0) == pytest.approx(FIRST_PAUSE_S)


@pytest.mark.parametrize(
    ("asked_s", "pause_s"),
    [(0.0, FIRST_PAUSE_S), (0.05, FIRST_PAUSE_S), (7.0, 7.0), (86_400.0, MAX_PAUSE_S)],
)
def test_a_sink_may_ask_to_be_left_alone(
    queue: SendingQueue, asked_s: float, pause_s: float
) -> None:
    """Retry-After makes a pause longer, never shorter, and not longer than our longest."""
    queue.put(chunk("a"))
    queue.begin(0.0)

    queue.settle(Receipt(Answer.UNAVAILABLE, retry_after_s=asked_s), 0.0)

    assert queue.wait_s(0.0) == pytest.approx(pause_s)


def test_attempts_are_bounded(queue: SendingQueue, account: Account) -> None:
    """A batch that nobody ever takes is given back in the end, and the next one has its own attempts."""
    queue.put(chunk("a", count=2))
    given_back = []
    for _ in range(MAX_ATTEMPTS):
        assert ids(queue.begin(0.0, at_once=True)) == ["a"]
        given_back += queue.settle(UNAVAILABLE, 0.0)
    queue.put(chunk("b"))

    assert [(reason, one.lines) for reason, one in given_back] == [("unavailable", 2)]
    assert queue.failing
    assert ids(queue.begin(0.0, at_once=True)) == ["b"]
    queue.settle(UNAVAILABLE, 0.0)
    assert queue.lines == 1


def test_overdue_is_failing(queue: SendingQueue) -> None:
    """A sink that kept somebody waiting counts as failing until it takes something."""
    queue.put(chunk("a"))
    queue.begin(0.0)

    queue.overdue()
    overdue = queue.failing
    queue.settle(TAKEN, 1.0)

    assert overdue
    assert not queue.failing


def test_healthy_parcels_are_given_up_first_and_the_oldest_of_them(
    queue: SendingQueue, account: Account
) -> None:
    """For room, what was only sampled goes before any failed invocation, oldest first, no more than needed."""
    for name, failed in [("f1", True), ("h1", False), ("h2", False), ("h3", False)]:
        queue.put(chunk(name, failed=failed, size=1000))

    freed = queue.give_up(need_bytes=1500, failed_too=False)

    assert account.evicted == 2
    assert freed >= 1500
    kept = [one.metadata.request_id for one in queue.begin(0.0) or [] if one.lines]
    assert kept == ["f1", "h3"]


def test_failed_parcels_are_given_up_when_told(queue: SendingQueue, account: Account) -> None:
    """Failed invocations go only when asked for, and then the oldest first."""
    for name in ("f1", "f2"):
        queue.put(chunk(name, size=1000, count=5))

    spared = queue.give_up(need_bytes=500, failed_too=False)
    freed = queue.give_up(need_bytes=500, failed_too=True)

    assert spared == 0
    assert freed >= 500
    assert account.evicted == 5
    assert [one.lines for one in queue.begin(0.0) or []] == [0, 5]


def test_what_was_given_up_leaves_a_gap(queue: SendingQueue) -> None:
    """In the place of a failed invocation's lines stands how many they were; its events stay."""
    queue.put(Chunk(metadata("a"), [lines(3, size=500, number=7), event(10), lines(2, number=11)]))

    queue.give_up(need_bytes=400, failed_too=True)

    (left,) = queue.begin(0.0) or []
    first, kept, second = left.segments
    assert (first.kind, first.count, first.first_number, first.gone_bytes) == (Kind.GAP, 3, 7, 500)
    assert (kept.kind, kept.first_number) == (Kind.EVENT, 10)
    assert (second.kind, second.count, second.first_number) == (Kind.LINES, 2, 11)
    assert left.lines == 2


def test_of_a_failed_invocation_the_middle_is_given_up_first(queue: SendingQueue) -> None:
    """Its beginning, its end and its error lines tell more."""
    queue.put(Chunk(metadata("a"), [lines(1, size=500, number=n) for n in range(40)]))

    queue.give_up(need_bytes=10_000, failed_too=True)

    (left,) = queue.begin(0.0) or []
    kept = [segment.first_number for segment in left.segments if segment.kind is Kind.LINES]
    assert kept[:5] == [0, 1, 2, 3, 4]
    assert kept[-5:] == [35, 36, 37, 38, 39]


def test_what_is_under_way_is_not_given_up(queue: SendingQueue, account: Account) -> None:
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


def test_all_can_be_taken_out(queue: SendingQueue, account: Account) -> None:
    """At the end everything can go elsewhere: what is under way, what was tried, and what waits, in this order."""
    queue.put(chunk("a", count=2))
    queue.begin(0.0)
    queue.put(chunk("b", count=3))

    taken = queue.take_all()

    assert ids(taken) == ["a", "b"]
    assert (queue.empty, queue.held_bytes, queue.lines) == (True, 0, 0)
    assert queue.settle(TAKEN, 0.0) == []
    assert account.settled() == 0


def test_what_waits_can_be_taken_out_from_behind_a_batch_under_way(queue: SendingQueue) -> None:
    """What the sink is reading stays, and is settled as ever."""
    queue.put(chunk("a"))
    queue.begin(0.0)
    queue.put(chunk("b"))

    assert ids(queue.take_waiting()) == ["b"]
    assert queue.lines == 1
    queue.settle(TAKEN, 0.0)
    assert (queue.empty, queue.held_bytes) == (True, 0)


# What is taken in part ----------------------------------------------------------------------------------------------


def numbers(chunks: list[Chunk] | None) -> list[int]:
    return [n for one in chunks or [] for segment in one.segments for n in numbers_in(segment)]


def try_all(
    queue: SendingQueue, answer_to: Callable[[list[int]], Answer]
) -> tuple[list[int], list[int], int]:
    """Delivers until nothing is left; gives what was taken, what was given back, and how many attempts it took."""
    taken: list[int] = []
    back: list[int] = []
    attempts = 0
    while (batch := queue.begin(0.0, at_once=True)) is not None:
        attempts += 1
        sent = numbers(batch)
        answer = answer_to(sent)
        back += numbers([one for _, one in queue.settle(Receipt(answer), 0.0)])
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


def test_a_sink_that_takes_nothing_is_not_searched_for_ever(queue: SendingQueue) -> None:
    """After a bounded search the whole batch is given back, and those that follow at once."""
    queue.put(Chunk(metadata(), [lines(5000, size=500_000)]))

    _, back, attempts = try_all(queue, lambda _: Answer.UNREADABLE)
    queue.put(Chunk(metadata(), [lines(5000, size=500_000)]))
    _, back_again, attempts_again = try_all(queue, lambda _: Answer.UNREADABLE)

    assert sorted(back) == sorted(back_again) == list(range(5000))
    assert attempts <= 2 * MAX_CUTS + 1
    assert attempts_again == 1


def test_a_batch_that_is_too_large_is_halved_until_it_is_not(queue: SendingQueue) -> None:
    """Everything arrives, in order; what is put together afterwards is as small as what was taken."""
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

    given_back = queue.settle(Receipt(Answer.TOO_LARGE), 0.0)

    assert [(reason, one.lines) for reason, one in given_back] == [("too-large", 1)]
    assert (queue.empty, queue.held_bytes, queue.failing) == (True, 0, False)


def test_what_was_taken_of_a_batch_is_not_sent_again(queue: SendingQueue, account: Account) -> None:
    """A sink may take some records now and the others later; each goes once."""
    queue.put(Chunk(metadata(), [lines(10, size=1000), event(10), lines(1, size=500, number=11)]))
    queue.begin(0.0)

    queue.settle(Receipt(Answer.UNAVAILABLE, taken=frozenset({0, 1, 2, 7, 10})), 0.0)

    assert account.kept == {"crash": 4}
    assert numbers(queue.begin(1.0)) == [3, 4, 5, 6, 8, 9, 11]


def test_records_may_be_refused_by_number(queue: SendingQueue, account: Account) -> None:
    """What a sink names is given back with the reason it names; the rest of the batch is kept."""
    queue.put(Chunk(metadata(), [lines(10, size=1000)]))
    queue.begin(0.0)

    back = queue.settle(Receipt(Answer.TAKEN, refused={2: "too-old", 3: "too-old", 9: "bad"}), 0.0)

    assert {reason: numbers([one]) for reason, one in back} == {"too-old": [2, 3], "bad": [9]}
    assert account.kept == {"crash": 7}
    assert (queue.empty, queue.held_bytes) == (True, 0)


def test_lines_that_are_rejected_without_being_named_are_lost(
    queue: SendingQueue, account: Account
) -> None:
    """They are counted, and nothing is sent again (OTLP: partial success)."""
    queue.put(chunk("a", count=3))
    queue.put(chunk("b", count=3))
    queue.begin(0.0)

    queue.settle(Receipt(Answer.TAKEN, rejected_lines=4), 0.0)

    assert account.kept == {"crash": 2}
    assert account.lost == {"rejected": 4}
    assert queue.empty


def test_what_is_denied_waits_for_the_longest_pause(queue: SendingQueue) -> None:
    """It takes somebody to change a permission: until then asking often is of no use."""
    queue.put(chunk("a"))
    queue.begin(0.0)

    queue.settle(Receipt(Answer.DENIED), 0.0)

    assert queue.wait_s(0.0) == pytest.approx(MAX_PAUSE_S)
    assert queue.failing
    assert ids(queue.begin(MAX_PAUSE_S)) == ["a"]


def test_what_is_not_ripe_waits_for_more(account: Account) -> None:
    """A little goes after a while, or when it is told to; enough goes at once."""
    queue = SendingQueue(account, random=lambda: 0.0, ripe_bytes=10_000, linger_s=60.0)
    queue.put(chunk("a", size=1000))
    wait_s = queue.wait_s(5.0)
    queue.put(chunk("b", size=1000))

    assert wait_s == 60.0
    assert queue.wait_s(35.0) == 30.0
    assert queue.begin(64.0) is None
    assert ids(queue.begin(65.0)) == ["a", "b"]
    queue.settle(TAKEN, 65.0)
    queue.put(chunk("c", size=1000))
    assert queue.wait_s(70.0) == 60.0
    queue.put(chunk("d", size=10_000))
    assert ids(queue.begin(70.0)) == ["c", "d"]
    queue.settle(TAKEN, 70.0)
    queue.put(chunk("e"))
    assert ids(queue.begin(70.0, at_once=True)) == ["e"]


def test_segments_with_one_stamp_make_one_parcel(queue: SendingQueue) -> None:
    """What is archived comes a segment at a time, and costs no chunk each."""
    first, second = metadata("a"), metadata("b")

    for one, number in ((first, 0), (first, 1), (second, 2)):
        queue.add(one, lines(2, size=100, number=number))

    batch = queue.begin(0.0) or []
    assert [(one.metadata.request_id, one.lines) for one in batch] == [("a", 4), ("b", 2)]
    assert queue.held_bytes == sum(one.held_bytes for one in batch)


class OutboxMachine(RuleBasedStateMachine):
    """Any order of what may happen to an queue."""

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
        for reason, one in self.queue.settle(receipt, self.now_s):
            self.account.lose(reason, one.lines)
        self.batch = None

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
        assert self.put_lines == self.account.settled() + self.queue.lines

    @invariant()
    def what_is_held_is_what_is_there(self) -> None:
        chunks = self.queue._all()
        assert self.queue.held_bytes == sum(
            segment.cost_bytes for one in chunks for segment in one.segments
        )
        assert all(one.lines == sum(seg.lines for seg in one.segments) for one in chunks)

    @invariant()
    def pauses_are_bounded(self) -> None:
        # A pause is added to the time and taken from it again, which rounds.
        assert 0.0 <= (self.queue.wait_s(self.now_s) or 0.0) <= MAX_PAUSE_S + 1e-6


OutboxMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


TestOutboxMachine = OutboxMachine.TestCase
"""In any order of events the account adds up, the order holds, and the bytes held are those there."""


# The extension's own metrics -------------------------------------------------------------------------------------------


def metrics(number: int = 900) -> Chunk:
    metadata = Metadata("", "", "f", "1", "e", OWN_METRICS, 1.0, failed=False)
    raw = b'{"time":"2026-01-02T03:04:05.678Z","type":"flightRecorder.metrics","record":{}}'
    return Chunk(metadata, [Segment(raw, count=1, first_number=number, kind=Kind.EVENT)])


def test_metrics_are_no_line_of_the_account(queue: SendingQueue, account: Account) -> None:
    """They are delivered, and counted as a delivery only."""
    queue.put(metrics())

    batch = queue.begin(0.0)
    queue.settle(TAKEN, 0.0)

    assert batch is not None
    assert (account.kept, account.deliveries) == ({}, {"taken": 1})


def test_metrics_are_awaited_by_nobody(queue: SendingQueue) -> None:
    """Whether they wait, are under way or wait to be tried again."""
    queue.put(metrics())
    awaited = [queue.is_awaited]
    queue.begin(0.0)
    awaited.append(queue.is_awaited)
    queue.settle(UNAVAILABLE, 0.0)
    awaited.append(queue.is_awaited)
    queue.put(chunk("a"))
    awaited.append(queue.is_awaited)
    queue.begin(100.0)
    awaited.append(queue.is_awaited)
    queue.settle(TAKEN, 100.0)

    assert awaited == [False, False, False, True, True]
    assert queue.is_awaited
    assert ids(queue.begin(100.0)) == ["a"]
    assert queue.is_awaited


def test_the_memory_bound_costs_no_metrics(queue: SendingQueue) -> None:
    """They are not made a gap with whatever stands beside them."""
    for number in range(50):
        queue.put(Chunk(metadata(f"{number}"), [event(number)]))
    queue.put(metrics())
    for number in range(51, 100):
        queue.put(Chunk(metadata(f"{number}"), [event(number)]))
    before_bytes = queue.held_bytes

    freed_bytes = queue.give_up(need_bytes=before_bytes, failed_too=True)

    left = queue.begin(0.0)
    assert left is not None
    assert [one.is_metrics for one in left] == [False, True]
    assert before_bytes - freed_bytes == sum(one.held_bytes for one in left)
    assert queue.held_bytes == before_bytes - freed_bytes


def test_metrics_can_be_taken_out(queue: SendingQueue) -> None:
    """But for those that have been tried: that batch stays as it is."""
    queue.put(metrics(1))
    queue.begin(0.0)
    queue.put(chunk("a"))
    queue.put(metrics(2))

    taken = queue.take_metrics()

    assert [one.segments[0].first_number for one in taken] == [2]
    assert queue.take_metrics() == []
    queue.settle(TAKEN, 0.0)
    assert ids(queue.begin(0.0)) == ["a"]
    queue.settle(TAKEN, 0.0)
    assert queue.held_bytes == 0


def test_the_first_failure_of_metrics_is_none_of_the_sinks(queue: SendingQueue) -> None:
    """They may have been frozen on their way: what is kept next is waited for all the same, and a second one counts."""
    queue.put(metrics())
    failing = []
    for number in range(2):
        queue.begin(100.0 * number)
        queue.settle(UNAVAILABLE, 100.0 * number)
        failing.append(queue.failing)

    assert failing == [False, True]


def test_the_first_failure_of_metrics_beside_lines_counts(queue: SendingQueue) -> None:
    """Somebody waits for those, and should not for the next attempt."""
    queue.put(chunk("a"))
    queue.put(metrics())
    queue.begin(0.0)
    queue.settle(UNAVAILABLE, 0.0)

    assert queue.failing
    assert queue.begin(0.0) is None
