from collections.abc import Callable

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from extension.account import Account
from extension.outbox import (
    FIRST_PAUSE_S,
    JITTER,
    MAX_ATTEMPTS,
    MAX_BATCH_BYTES,
    MAX_CUTS,
    MAX_PAUSE_S,
    MIN_BATCH_BYTES,
    Outbox,
)
from extension.parcels import OWN_METRICS, Answer, Parcel, Receipt, Stamp, numbers_in
from extension.recording import Kind, Segment

TAKEN = Receipt(Answer.TAKEN, sent_bytes=100)
UNAVAILABLE = Receipt(Answer.UNAVAILABLE)
REFUSED = Receipt(Answer.REFUSED)


EVENT = b'{"time":"2026-01-02T03:04:05.678Z","type":"function","record":"%s"}'


def stamp(request_id: str = "id", *, failed: bool = True, reason: str = "crash") -> Stamp:
    return Stamp(request_id, "", "f", "1", "e", reason, 1.0, failed=failed)


def lines(count: int = 1, *, size: int = 10, number: int = 0) -> Segment:
    """Makes a segment of about so many bytes."""
    text = b"x" * max(1, size // count - len(EVENT % b""))
    raw = b",".join(EVENT % text for _ in range(count))
    return Segment(raw, count=count, first_number=number)


def event(number: int = 0) -> Segment:
    return Segment(b"{}", count=1, first_number=number, kind=Kind.EVENT)


def parcel(
    request_id: str = "id", *, failed: bool = True, size: int = 10, count: int = 1
) -> Parcel:
    reason = "crash" if failed else "sampled"
    return Parcel(stamp(request_id, failed=failed, reason=reason), [lines(count, size=size)])


def ids(parcels: list[Parcel] | None) -> list[str]:
    return [one.stamp.request_id for one in parcels or []]


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def outbox(account: Account) -> Outbox:
    return Outbox(account, random=lambda: 0.0)


def test_parcels_leave_in_the_order_they_came(outbox: Outbox) -> None:
    """A batch holds what waits, in order."""
    for name in "abc":
        outbox.put(parcel(name))

    assert ids(outbox.begin(0.0)) == ["a", "b", "c"]


def test_nothing_to_deliver(outbox: Outbox) -> None:
    """An empty outbox has nothing to begin with, and nothing to wait for."""
    assert outbox.empty
    assert outbox.begin(0.0) is None
    assert outbox.wait_s(0.0) is None


def test_one_batch_at_a_time(outbox: Outbox) -> None:
    """While a batch is under way, what comes waits."""
    outbox.put(parcel("a"))
    outbox.begin(0.0)
    outbox.put(parcel("b"))

    assert outbox.busy
    assert outbox.begin(0.0, at_once=True) is None
    assert outbox.wait_s(0.0) is None
    assert outbox.lines == 2


def test_a_batch_is_bounded(outbox: Outbox) -> None:
    """A batch holds about MAX_BATCH_BYTES at most; the rest goes with the next."""
    for name in "abc":
        outbox.put(parcel(name, size=MAX_BATCH_BYTES // 2 - 200))

    first = ids(outbox.begin(0.0))
    outbox.settle(TAKEN, 0.0)

    assert first == ["a", "b"]
    assert ids(outbox.begin(0.0)) == ["c"]


def test_a_large_parcel_is_split_between_its_segments(outbox: Outbox, account: Account) -> None:
    """One invocation larger than a batch goes in several, no segment twice and none left out."""
    segments = [lines(number=number, size=300_000) for number in range(10)]
    outbox.put(Parcel(stamp(), list(segments)))
    batches = []

    while batch := outbox.begin(0.0):
        batches.append([one for each in batch for one in each.segments])
        outbox.settle(TAKEN, 0.0)

    assert [one for batch in batches for one in batch] == segments
    assert all(sum(one.cost_bytes for one in batch) <= MAX_BATCH_BYTES for batch in batches)
    assert account.kept == {"crash": 10}
    assert (outbox.held_bytes, outbox.empty) == (0, True)


def test_a_segment_larger_than_a_batch_goes_alone(outbox: Outbox) -> None:
    """A segment is not cut: larger than a batch, it is one."""
    outbox.put(parcel("a", size=3 * MAX_BATCH_BYTES))
    outbox.put(parcel("b"))

    assert ids(outbox.begin(0.0)) == ["a"]


def test_what_was_taken_is_kept(outbox: Outbox, account: Account) -> None:
    """Taken lines are counted under their reason, and the bytes as sent."""
    outbox.put(parcel("a", count=3))
    outbox.put(parcel("b", count=2, failed=False))
    outbox.begin(0.0)

    outbox.settle(TAKEN, 0.0)

    assert account.kept == {"crash": 3, "sampled": 2}
    assert account.delivered_bytes == 100
    assert (outbox.empty, outbox.failing, outbox.held_bytes) == (True, False, 0)


def test_what_was_refused_is_given_back(outbox: Outbox, account: Account) -> None:
    """A sink that says never is not asked again, and the next batch goes at once."""
    outbox.put(parcel("a", count=3))
    outbox.begin(0.0)
    outbox.put(parcel("b"))

    given_back = outbox.settle(REFUSED, 0.0)

    assert [(reason, one.lines) for reason, one in given_back] == [("refused", 3)]
    assert account.settled() == 0
    assert ids(outbox.begin(0.0)) == ["b"]


def test_what_could_not_be_delivered_waits_in_its_place(outbox: Outbox, account: Account) -> None:
    """After a failure the very same batch comes first, after a pause, before what came meanwhile."""
    outbox.put(parcel("a"))
    outbox.put(parcel("b"))
    outbox.begin(5.0)
    outbox.put(parcel("c"))

    outbox.settle(UNAVAILABLE, 5.0)

    assert outbox.failing
    assert outbox.begin(5.0) is None
    assert outbox.wait_s(5.0) == pytest.approx(FIRST_PAUSE_S)
    assert account.settled() == 0
    assert ids(outbox.begin(5.0 + FIRST_PAUSE_S)) == ["a", "b"]
    outbox.settle(TAKEN, 6.0)
    assert ids(outbox.begin(6.0)) == ["c"]


def test_the_pause_can_be_passed_over(outbox: Outbox) -> None:
    """At SHUTDOWN there is no time to wait."""
    outbox.put(parcel("a"))
    outbox.begin(0.0)
    outbox.settle(UNAVAILABLE, 0.0)

    assert ids(outbox.begin(0.0, at_once=True)) == ["a"]


def pauses(outbox: Outbox, count: int) -> list[float]:
    outbox.put(parcel("a"))
    now_s = 0.0
    found = []
    for _ in range(count):
        assert outbox.begin(now_s) is not None
        outbox.settle(UNAVAILABLE, now_s)
        found.append(outbox.wait_s(now_s) or 0.0)
        now_s += found[-1]
    return found


@pytest.mark.parametrize("random", [0.0, 0.5, 0.999])
def test_pauses_grow_up_to_the_bound(random: float, account: Account) -> None:
    """Each pause is twice the one before, shortened by the jitter, up to the longest."""
    found = pauses(Outbox(account, random=lambda: random), 15)

    full = [min(FIRST_PAUSE_S * 2**number, MAX_PAUSE_S) for number in range(15)]
    assert found == pytest.approx([one * (1 - JITTER * random) for one in full])
    assert full[-1] == MAX_PAUSE_S


def test_a_success_ends_the_pauses(outbox: Outbox) -> None:
    """After a delivery the next failure pauses as the first did."""
    pauses(outbox, 5)
    outbox.begin(1000.0)
    outbox.settle(TAKEN, 1000.0)
    outbox.put(parcel("b"))
    outbox.begin(1000.0)
    outbox.settle(UNAVAILABLE, 1000.0)

    assert outbox.wait_s(1000.0) == pytest.approx(FIRST_PAUSE_S)


@pytest.mark.parametrize(
    ("asked_s", "pause_s"),
    [(0.0, FIRST_PAUSE_S), (0.05, FIRST_PAUSE_S), (7.0, 7.0), (86_400.0, MAX_PAUSE_S)],
)
def test_a_sink_may_ask_to_be_left_alone(outbox: Outbox, asked_s: float, pause_s: float) -> None:
    """Retry-After makes a pause longer, never shorter, and not longer than our longest."""
    outbox.put(parcel("a"))
    outbox.begin(0.0)

    outbox.settle(Receipt(Answer.UNAVAILABLE, retry_after_s=asked_s), 0.0)

    assert outbox.wait_s(0.0) == pytest.approx(pause_s)


def test_attempts_are_bounded(outbox: Outbox, account: Account) -> None:
    """A batch that nobody ever takes is given back in the end, and the next one has its own attempts."""
    outbox.put(parcel("a", count=2))
    given_back = []
    for _ in range(MAX_ATTEMPTS):
        assert ids(outbox.begin(0.0, at_once=True)) == ["a"]
        given_back += outbox.settle(UNAVAILABLE, 0.0)
    outbox.put(parcel("b"))

    assert [(reason, one.lines) for reason, one in given_back] == [("unavailable", 2)]
    assert outbox.failing
    assert ids(outbox.begin(0.0, at_once=True)) == ["b"]
    outbox.settle(UNAVAILABLE, 0.0)
    assert outbox.lines == 1


def test_overdue_is_failing(outbox: Outbox) -> None:
    """A sink that kept somebody waiting counts as failing until it takes something."""
    outbox.put(parcel("a"))
    outbox.begin(0.0)

    outbox.overdue()
    overdue = outbox.failing
    outbox.settle(TAKEN, 1.0)

    assert overdue
    assert not outbox.failing


def test_healthy_parcels_are_given_up_first_and_the_oldest_of_them(
    outbox: Outbox, account: Account
) -> None:
    """For room, what was only sampled goes before any failed invocation, oldest first, no more than needed."""
    for name, failed in [("f1", True), ("h1", False), ("h2", False), ("h3", False)]:
        outbox.put(parcel(name, failed=failed, size=1000))

    freed = outbox.give_up(need_bytes=1500, failed_too=False)

    assert account.evicted == 2
    assert freed >= 1500
    kept = [one.stamp.request_id for one in outbox.begin(0.0) or [] if one.lines]
    assert kept == ["f1", "h3"]


def test_failed_parcels_are_given_up_when_told(outbox: Outbox, account: Account) -> None:
    """Failed invocations go only when asked for, and then the oldest first."""
    for name in ("f1", "f2"):
        outbox.put(parcel(name, size=1000, count=5))

    spared = outbox.give_up(need_bytes=500, failed_too=False)
    freed = outbox.give_up(need_bytes=500, failed_too=True)

    assert spared == 0
    assert freed >= 500
    assert account.evicted == 5
    assert [one.lines for one in outbox.begin(0.0) or []] == [0, 5]


def test_what_was_given_up_leaves_a_gap(outbox: Outbox) -> None:
    """In the place of a failed invocation's lines stands how many they were; its events stay."""
    outbox.put(Parcel(stamp("a"), [lines(3, size=500, number=7), event(10), lines(2, number=11)]))

    outbox.give_up(need_bytes=400, failed_too=True)

    (left,) = outbox.begin(0.0) or []
    first, kept, second = left.segments
    assert (first.kind, first.count, first.first_number, first.gone_bytes) == (Kind.GAP, 3, 7, 500)
    assert (kept.kind, kept.first_number) == (Kind.EVENT, 10)
    assert (second.kind, second.count, second.first_number) == (Kind.LINES, 2, 11)
    assert left.lines == 2


def test_of_a_failed_invocation_the_middle_is_given_up_first(outbox: Outbox) -> None:
    """Its beginning, its end and its error lines tell more."""
    outbox.put(Parcel(stamp("a"), [lines(1, size=500, number=n) for n in range(40)]))

    outbox.give_up(need_bytes=10_000, failed_too=True)

    (left,) = outbox.begin(0.0) or []
    kept = [segment.first_number for segment in left.segments if segment.kind is Kind.LINES]
    assert kept[:5] == [0, 1, 2, 3, 4]
    assert kept[-5:] == [35, 36, 37, 38, 39]


def test_what_is_under_way_is_not_given_up(outbox: Outbox, account: Account) -> None:
    """A batch that the sink is reading stays as it is."""
    outbox.put(parcel("a", size=1000))
    outbox.begin(0.0)

    freed = outbox.give_up(need_bytes=1000, failed_too=True)

    assert (freed, account.evicted) == (0, 0)


def test_a_sink_that_is_down_for_long_cannot_fill_the_memory(outbox: Outbox) -> None:
    """What gaps and summaries take is bounded as well: at last they are given up too."""
    bound = 64 * 1024

    for number in range(600):
        outbox.put(Parcel(stamp(f"{number}"), [lines(5, size=500), event()]))
        excess = outbox.held_bytes - bound
        if excess > 0:
            outbox.give_up(need_bytes=excess, failed_too=False)
            outbox.give_up(need_bytes=max(0, outbox.held_bytes - bound), failed_too=True)

    assert outbox.held_bytes <= 2 * bound


def test_all_can_be_taken_out(outbox: Outbox, account: Account) -> None:
    """At the end everything can go elsewhere: what is under way, what was tried, and what waits, in this order."""
    outbox.put(parcel("a", count=2))
    outbox.begin(0.0)
    outbox.put(parcel("b", count=3))

    taken = outbox.take_all()

    assert ids(taken) == ["a", "b"]
    assert (outbox.empty, outbox.held_bytes, outbox.lines) == (True, 0, 0)
    assert outbox.settle(TAKEN, 0.0) == []
    assert account.settled() == 0


def test_what_waits_can_be_taken_out_from_behind_a_batch_under_way(outbox: Outbox) -> None:
    """What the sink is reading stays, and is settled as ever."""
    outbox.put(parcel("a"))
    outbox.begin(0.0)
    outbox.put(parcel("b"))

    assert ids(outbox.take_waiting()) == ["b"]
    assert outbox.lines == 1
    outbox.settle(TAKEN, 0.0)
    assert (outbox.empty, outbox.held_bytes) == (True, 0)


# What is taken in part ----------------------------------------------------------------------------------------------


def numbers(parcels: list[Parcel] | None) -> list[int]:
    return [n for one in parcels or [] for segment in one.segments for n in numbers_in(segment)]


def try_all(
    outbox: Outbox, answer_to: Callable[[list[int]], Answer]
) -> tuple[list[int], list[int], int]:
    """Delivers until nothing is left; gives what was taken, what was given back, and how many attempts it took."""
    taken: list[int] = []
    back: list[int] = []
    attempts = 0
    while (batch := outbox.begin(0.0, at_once=True)) is not None:
        attempts += 1
        sent = numbers(batch)
        answer = answer_to(sent)
        back += numbers([one for _, one in outbox.settle(Receipt(answer), 0.0)])
        if answer is Answer.TAKEN:
            taken += sent
    return taken, back, attempts


@pytest.mark.parametrize("poisoned", [{0}, {5}, {99}, {3, 4}, {0, 50, 99}])
def test_a_poisoned_record_does_not_take_its_batch_along(
    outbox: Outbox, account: Account, poisoned: set[int]
) -> None:
    """A batch with something in it that is never taken is cut until that stands alone; the rest goes, in order."""
    outbox.put(Parcel(stamp(), [lines(60, size=9000), lines(40, size=6000, number=60)]))

    taken, back, attempts = try_all(
        outbox, lambda sent: Answer.UNREADABLE if poisoned & set(sent) else Answer.TAKEN
    )

    assert set(back) == poisoned
    assert taken == [number for number in range(100) if number not in poisoned]
    assert account.kept == {"crash": 100 - len(poisoned)}
    assert attempts <= 1 + 2 * 8 * len(poisoned)


def test_a_sink_that_takes_nothing_is_not_searched_for_ever(outbox: Outbox) -> None:
    """After a bounded search the whole batch is given back, and those that follow at once."""
    outbox.put(Parcel(stamp(), [lines(5000, size=500_000)]))

    _, back, attempts = try_all(outbox, lambda _: Answer.UNREADABLE)
    outbox.put(Parcel(stamp(), [lines(5000, size=500_000)]))
    _, back_again, attempts_again = try_all(outbox, lambda _: Answer.UNREADABLE)

    assert sorted(back) == sorted(back_again) == list(range(5000))
    assert attempts <= 2 * MAX_CUTS + 1
    assert attempts_again == 1


def test_a_batch_that_is_too_large_is_halved_until_it_is_not(outbox: Outbox) -> None:
    """Everything arrives, in order; what is put together afterwards is as small as what was taken."""
    limit = 100
    outbox.put(Parcel(stamp(), [lines(1000, size=800_000)]))

    taken, back, attempts = try_all(
        outbox, lambda sent: Answer.TOO_LARGE if len(sent) > limit else Answer.TAKEN
    )
    outbox.put(Parcel(stamp(), [lines(1, size=800, number=n) for n in range(1000)]))

    assert (taken, back) == (list(range(1000)), [])
    assert attempts > 1000 // limit
    assert MIN_BATCH_BYTES <= sum(one.held_bytes for one in outbox.begin(0.0) or []) < 150_000


def test_a_record_that_is_too_large_alone_is_given_back(outbox: Outbox) -> None:
    """There is nothing left to cut."""
    outbox.put(parcel("a", size=500_000))
    outbox.begin(0.0)

    given_back = outbox.settle(Receipt(Answer.TOO_LARGE), 0.0)

    assert [(reason, one.lines) for reason, one in given_back] == [("too-large", 1)]
    assert (outbox.empty, outbox.held_bytes, outbox.failing) == (True, 0, False)


def test_what_was_taken_of_a_batch_is_not_sent_again(outbox: Outbox, account: Account) -> None:
    """A sink may take some records now and the others later; each goes once."""
    outbox.put(Parcel(stamp(), [lines(10, size=1000), event(10), lines(1, size=500, number=11)]))
    outbox.begin(0.0)

    outbox.settle(Receipt(Answer.UNAVAILABLE, taken=frozenset({0, 1, 2, 7, 10})), 0.0)

    assert account.kept == {"crash": 4}
    assert numbers(outbox.begin(1.0)) == [3, 4, 5, 6, 8, 9, 11]


def test_records_may_be_refused_by_number(outbox: Outbox, account: Account) -> None:
    """What a sink names is given back with the reason it names; the rest of the batch is kept."""
    outbox.put(Parcel(stamp(), [lines(10, size=1000)]))
    outbox.begin(0.0)

    back = outbox.settle(Receipt(Answer.TAKEN, refused={2: "too-old", 3: "too-old", 9: "bad"}), 0.0)

    assert {reason: numbers([one]) for reason, one in back} == {"too-old": [2, 3], "bad": [9]}
    assert account.kept == {"crash": 7}
    assert (outbox.empty, outbox.held_bytes) == (True, 0)


def test_lines_that_are_rejected_without_being_named_are_lost(
    outbox: Outbox, account: Account
) -> None:
    """They are counted, and nothing is sent again (OTLP: partial success)."""
    outbox.put(parcel("a", count=3))
    outbox.put(parcel("b", count=3))
    outbox.begin(0.0)

    outbox.settle(Receipt(Answer.TAKEN, rejected_lines=4), 0.0)

    assert account.kept == {"crash": 2}
    assert account.lost == {"rejected": 4}
    assert outbox.empty


def test_what_is_denied_waits_for_the_longest_pause(outbox: Outbox) -> None:
    """It takes somebody to change a permission: until then asking often is of no use."""
    outbox.put(parcel("a"))
    outbox.begin(0.0)

    outbox.settle(Receipt(Answer.DENIED), 0.0)

    assert outbox.wait_s(0.0) == pytest.approx(MAX_PAUSE_S)
    assert outbox.failing
    assert ids(outbox.begin(MAX_PAUSE_S)) == ["a"]


def test_what_is_not_ripe_waits_for_more(account: Account) -> None:
    """A little goes after a while, or when it is told to; enough goes at once."""
    outbox = Outbox(account, random=lambda: 0.0, ripe_bytes=10_000, linger_s=60.0)
    outbox.put(parcel("a", size=1000))
    wait_s = outbox.wait_s(5.0)
    outbox.put(parcel("b", size=1000))

    assert wait_s == 60.0
    assert outbox.wait_s(35.0) == 30.0
    assert outbox.begin(64.0) is None
    assert ids(outbox.begin(65.0)) == ["a", "b"]
    outbox.settle(TAKEN, 65.0)
    outbox.put(parcel("c", size=1000))
    assert outbox.wait_s(70.0) == 60.0
    outbox.put(parcel("d", size=10_000))
    assert ids(outbox.begin(70.0)) == ["c", "d"]
    outbox.settle(TAKEN, 70.0)
    outbox.put(parcel("e"))
    assert ids(outbox.begin(70.0, at_once=True)) == ["e"]


def test_segments_with_one_stamp_make_one_parcel(outbox: Outbox) -> None:
    """What is archived comes a segment at a time, and costs no parcel each."""
    first, second = stamp("a"), stamp("b")

    for one, number in ((first, 0), (first, 1), (second, 2)):
        outbox.add(one, lines(2, size=100, number=number))

    batch = outbox.begin(0.0) or []
    assert [(one.stamp.request_id, one.lines) for one in batch] == [("a", 4), ("b", 2)]
    assert outbox.held_bytes == sum(one.held_bytes for one in batch)


class OutboxMachine(RuleBasedStateMachine):
    """Any order of what may happen to an outbox."""

    def __init__(self) -> None:
        super().__init__()
        self.account = Account()
        self.outbox = Outbox(self.account, random=lambda: 0.5)
        self.now_s = 0.0
        self.put_lines = 0
        self.next_number = 0
        self.batch: list[Parcel] | None = None
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
        self.outbox.put(Parcel(stamp(failed=failed), segments))
        self.put_lines += 2 * len(sizes)

    @precondition(lambda self: self.batch is None)
    @rule(at_once=st.booleans())
    def begin(self, at_once: bool) -> None:
        self.batch = self.outbox.begin(self.now_s, at_once=at_once)
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
        for reason, one in self.outbox.settle(receipt, self.now_s):
            self.account.lose(reason, one.lines)
        self.batch = None

    @rule(seconds=st.floats(0, 40))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(need_bytes=st.integers(0, 1_000_000), failed_too=st.booleans())
    def give_up(self, need_bytes: int, failed_too: bool) -> None:
        before = self.outbox.held_bytes
        freed = self.outbox.give_up(need_bytes=need_bytes, failed_too=failed_too)
        assert self.outbox.held_bytes == before - freed

    @precondition(lambda self: self.batch is None)
    @rule()
    def abandon(self) -> None:
        for one in self.outbox.take_all():
            self.account.lose("shutdown", one.lines)
        assert self.outbox.held_bytes == 0

    @invariant()
    def the_account_adds_up(self) -> None:
        assert self.put_lines == self.account.settled() + self.outbox.lines

    @invariant()
    def what_is_held_is_what_is_there(self) -> None:
        parcels = self.outbox._all()
        assert self.outbox.held_bytes == sum(
            segment.cost_bytes for one in parcels for segment in one.segments
        )
        assert all(one.lines == sum(seg.lines for seg in one.segments) for one in parcels)

    @invariant()
    def pauses_are_bounded(self) -> None:
        # A pause is added to the time and taken from it again, which rounds.
        assert 0.0 <= (self.outbox.wait_s(self.now_s) or 0.0) <= MAX_PAUSE_S + 1e-6


OutboxMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


TestOutboxMachine = OutboxMachine.TestCase
"""In any order of events the account adds up, the order holds, and the bytes held are those there."""


# The extension's own metrics -------------------------------------------------------------------------------------------


def metrics(number: int = 900) -> Parcel:
    stamp = Stamp("", "", "f", "1", "e", OWN_METRICS, 1.0, failed=False)
    raw = b'{"time":"2026-01-02T03:04:05.678Z","type":"flightRecorder.metrics","record":{}}'
    return Parcel(stamp, [Segment(raw, count=1, first_number=number, kind=Kind.EVENT)])


def test_metrics_are_no_line_of_the_account(outbox: Outbox, account: Account) -> None:
    """They are delivered, and counted as a delivery only."""
    outbox.put(metrics())

    batch = outbox.begin(0.0)
    outbox.settle(TAKEN, 0.0)

    assert batch is not None
    assert (account.kept, account.deliveries) == ({}, {"taken": 1})


def test_metrics_are_awaited_by_nobody(outbox: Outbox) -> None:
    """Whether they wait, are under way or wait to be tried again."""
    outbox.put(metrics())
    awaited = [outbox.is_awaited]
    outbox.begin(0.0)
    awaited.append(outbox.is_awaited)
    outbox.settle(UNAVAILABLE, 0.0)
    awaited.append(outbox.is_awaited)
    outbox.put(parcel("a"))
    awaited.append(outbox.is_awaited)
    outbox.begin(100.0)
    awaited.append(outbox.is_awaited)
    outbox.settle(TAKEN, 100.0)

    assert awaited == [False, False, False, True, True]
    assert outbox.is_awaited
    assert ids(outbox.begin(100.0)) == ["a"]
    assert outbox.is_awaited


def test_the_memory_bound_costs_no_metrics(outbox: Outbox) -> None:
    """They are not made a gap with whatever stands beside them."""
    for number in range(50):
        outbox.put(Parcel(stamp(f"{number}"), [event(number)]))
    outbox.put(metrics())
    for number in range(51, 100):
        outbox.put(Parcel(stamp(f"{number}"), [event(number)]))
    before_bytes = outbox.held_bytes

    freed_bytes = outbox.give_up(need_bytes=before_bytes, failed_too=True)

    left = outbox.begin(0.0)
    assert left is not None
    assert [one.is_metrics for one in left] == [False, True]
    assert before_bytes - freed_bytes == sum(one.held_bytes for one in left)
    assert outbox.held_bytes == before_bytes - freed_bytes


def test_metrics_can_be_taken_out(outbox: Outbox) -> None:
    """But for those that have been tried: that batch stays as it is."""
    outbox.put(metrics(1))
    outbox.begin(0.0)
    outbox.put(parcel("a"))
    outbox.put(metrics(2))

    taken = outbox.take_metrics()

    assert [one.segments[0].first_number for one in taken] == [2]
    assert outbox.take_metrics() == []
    outbox.settle(TAKEN, 0.0)
    assert ids(outbox.begin(0.0)) == ["a"]
    outbox.settle(TAKEN, 0.0)
    assert outbox.held_bytes == 0


def test_the_first_failure_of_metrics_is_none_of_the_sinks(outbox: Outbox) -> None:
    """They may have been frozen on their way: what is kept next is waited for all the same, and a second one counts."""
    outbox.put(metrics())
    failing = []
    for number in range(2):
        outbox.begin(100.0 * number)
        outbox.settle(UNAVAILABLE, 100.0 * number)
        failing.append(outbox.failing)

    assert failing == [False, True]


def test_the_first_failure_of_metrics_beside_lines_counts(outbox: Outbox) -> None:
    """Somebody waits for those, and should not for the next attempt."""
    outbox.put(parcel("a"))
    outbox.put(metrics())
    outbox.begin(0.0)
    outbox.settle(UNAVAILABLE, 0.0)

    assert outbox.failing
    assert outbox.begin(0.0) is None
