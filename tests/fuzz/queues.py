"""A sending queue: bytes are exact, lines leave in order, each once, and each is accounted for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extension.delivery.pacing import MAX_PAUSE_S
from extension.delivery.queue import SendingQueue
from extension.diagnostics.account import Account
from extension.model.chunk import CHUNK_COST_BYTES, Chunk, Metadata, numbers_in
from extension.model.receipt import Answer, Receipt
from extension.model.segment import SEGMENT_COST_BYTES, Kind, Segment
from tests.doubles.extension.accounts import settled
from tests.doubles.extension.queues import chunks_in, lines_in
from tests.fuzz.running import Fuzzer, pick

if TYPE_CHECKING:
    from random import Random

QueueStep = tuple[str, int, int, int]
"""What happens, and three numbers that say how."""

EVENT = b'{"time":"2026-01-02T03:04:05.678Z","type":"function","record":"%b"}'
METADATA = [
    Metadata("id", "", "f", "1", "e", "crash", 1.0, failed=failed) for failed in (False, True)
]
ANSWERS = tuple(Answer)
STEPS = (
    "put",
    "put",
    "put",
    "begin",
    "begin",
    "begin",
    "settle",
    "settle",
    "settle",
    "time",
    "evict",
    "take",
)
SIZES = (0, 10, 300, 5_000, 20_000, 400_000)


class Queue(Fuzzer):
    """Do to a queue what may happen to it, in any order."""

    def draw(self, random: Random) -> list[QueueStep]:
        return [
            (
                pick(random, STEPS),
                int(random.random() * 6),
                int(random.random() * 6),
                int(random.random() * 8),
            )
            for _ in range(5 + int(random.random() * 40))
        ]

    def check(self, case: list[QueueStep]) -> int:
        played = _Play()
        for kind, one, two, three in case:
            getattr(played, f"_{kind}")(one, two, three)
            played.assert_sound()
        return len(case)


class _Play:
    def __init__(self) -> None:
        self._account = Account()
        self._queue = SendingQueue(self._account, random=lambda: 0.5)
        self._now_s = 0.0
        self._put_lines = self._number = 0
        self._batch: list[Chunk] | None = None
        self._last_taken = -1
        self._asked_alone: set[int] = set()

    def _put(self, size: int, segments: int, kind: int) -> None:
        made = []
        for _ in range(1 + segments // 2):
            raw = EVENT % (b"x" * SIZES[size])
            count = 1 + kind % 4 if size < len(SIZES) - 1 else 1
            made.append(Segment(b",".join([raw] * count), count=count, first_number=self._number))
            self._number += count
            self._put_lines += count
        if kind > 5:
            made.append(Segment(b"{}", count=1, first_number=self._number, kind=Kind.EVENT))
            self._number += 1
        self._queue.put(Chunk(METADATA[kind % 2], made))

    def _begin(self, at_once: int, _two: int, _three: int) -> None:
        if self._batch is None:
            self._batch = self._queue.begin(self._now_s, at_once=at_once > 3)
            assert self._batch is None or any(one.segments for one in self._batch)

    def _settle(self, answer: int, some: int, wait: int) -> None:
        if self._batch is None:
            return
        given = ANSWERS[answer % len(ANSWERS)]
        sent = [
            n for chunk in self._batch for segment in chunk.segments for n in numbers_in(segment)
        ]
        taken = frozenset(sent[::3]) if given is Answer.UNAVAILABLE and some > 3 else frozenset()
        refused = (
            dict.fromkeys(sent[1::5], "bad") if some % 2 and given is not Answer.REFUSED else {}
        )
        refused = {number: reason for number, reason in refused.items() if number not in taken}
        if given is Answer.TAKEN:
            in_turn = [number for number in sent if number not in self._asked_alone]
            assert in_turn == sorted(in_turn)
            assert not in_turn or in_turn[0] > self._last_taken
            self._last_taken = max([self._last_taken, *in_turn])
        receipt = Receipt(
            given,
            retry_after_s=float(wait * 20) if wait > 4 else None,
            taken=taken,
            refused=refused,
        )
        if given in (Answer.UNREADABLE, Answer.DENIED) and len(sent) == 1:
            # A sink that has taken nothing gets the next record before it.
            self._asked_alone.update(sent)
        receipt = self._queue.judged(receipt)
        for reason, one in self._queue.settle(receipt, self._now_s) or []:
            self._account.lose(reason, one.lines)
        self._batch = None

    def _time(self, seconds: int, _two: int, _three: int) -> None:
        self._now_s += seconds * 8.5

    def _evict(self, need: int, _two: int, failed_too: int) -> None:
        before = self._queue.held_bytes
        freed = self._queue.give_up(need_bytes=need * 1_700, failed_too=failed_too > 3)
        assert self._queue.held_bytes == before - freed

    def _take(self, really: int, _two: int, _three: int) -> None:
        if really or self._batch is not None:
            return
        for one in self._queue.take_all():
            self._account.lose("shutdown", one.lines)
        assert self._queue.held_bytes == 0

    def assert_sound(self) -> None:
        queue = self._queue
        chunks = chunks_in(queue)
        assert self._put_lines == settled(self._account) + lines_in(queue)
        costs = [
            len(segment.raw) + SEGMENT_COST_BYTES for one in chunks for segment in one.segments
        ]
        assert queue.held_bytes == sum(costs) + len(chunks) * CHUNK_COST_BYTES
        assert all(one.lines == sum(segment.lines for segment in one.segments) for one in chunks)
        # A pause is added to the time and taken from it again, which rounds.
        assert 0.0 <= (queue.wait_s(self._now_s) or 0.0) <= 2 * MAX_PAUSE_S + 1e-6
