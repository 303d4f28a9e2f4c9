"""Lines on Managed Instances that come before their invocation is known, or long after it is over.

There invocations run side by side, so a line tells its invocation by an id alone.

**Too early.** A line may come before the ``platform.start`` of its id: lines and platform events come from two places in
Lambda. And an application writes ids of its own under the same names, which never start. So a line with an id that Lambda
has not told waits for two more batches, and is then judged as a line without an id.

**Too late.** An environment may end thousands of invocations a second, and code goes on to write after its answer or its
timeout (AWS: Managed Instances). Such a line gets its invocation's verdict, long after the invocation's object is gone. The
verdict comes back as an invocation that is over, so :mod:`extension.recorder.states` says what becomes of the line:

- The invocation was kept: the line is delivered, with the same reason, weight, trace id and correlation id.
- It was dropped: the line is dropped and counted. Metrics are delivered all the same.
- It was dropped, and the line is an error: the line is delivered, with a summary that counts the lines that are gone.

Pure. Loaded on Managed Instances alone.
"""

from collections.abc import Callable
from typing import NamedTuple

from extension.model.segment import Segment
from extension.parsing.line import LineFacts
from extension.recorder.invocation import Invocation
from extension.recorder.release import Release
from extension.recorder.states import State
from extension.sampling.verdict import Verdict

WAITING_BATCHES = 2
"""A line waits until so many more have come. Lambda sends a batch 25 ms after its first event (the subscribed
timeoutMs), and the events of one moment are in one batch or in two that follow each other."""

WAITING_SHARE = 8
"""An eighth of BUFFER_SIZE may wait. In a flood of an application's own ids, the oldest lines are judged earlier."""

WAITING_COST_BYTES = 440
"""Of a waiting line, beside its segment: its facts, its ids, and its place in two indexes (measured)."""

BYTES_A_VERDICT = 2048
"""A verdict is remembered for each two KiB of BUFFER_SIZE, so that all of them are a sixth of it at most."""

REMEMBERED_VERDICTS = 8192
"""Of the invocations that ended last. Together they take 1.2 MB if all were dropped, and 2.9 MB if all were kept (measured);
a function on Managed Instances has 2 GB or more."""

Remembered = tuple[Verdict, int, str, str, str]
"""Of a kept invocation: its verdict, its lines, its trace id, its correlation id and its tenant."""


class WaitingLine(NamedTuple):
    """Hold a line, its facts, and the number of the batch that brought it."""

    segment: Segment
    facts: LineFacts
    batch: int


class WaitingLines:
    """Hold lines until their invocation starts, or until it is too late. ``held_bytes`` includes the cost of waiting."""

    def __init__(self, judge: Callable[[Segment, LineFacts], None]) -> None:
        """Hold nothing yet. ``judge`` takes a line whose invocation did not start."""
        self._judge = judge
        self._lines: dict[int, WaitingLine] = {}
        self._numbers: dict[str, list[int]] = {}
        self._batch = 0
        self.held_bytes = 0

    def __len__(self) -> int:
        """Return how many lines wait."""
        return len(self._lines)

    def add(self, segment: Segment, facts: LineFacts) -> None:
        """Let a line wait for any of the ids that it names."""
        number = segment.first_number
        self._lines[number] = WaitingLine(segment, facts, self._batch)
        self.held_bytes += segment.cost_bytes + WAITING_COST_BYTES
        for request_id in facts.request_ids:
            self._numbers.setdefault(request_id, []).append(number)

    def take(self, request_id: str) -> list[WaitingLine]:
        """Return the lines that waited for an invocation, in the order received, and forget them."""
        return [self._remove(number) for number in self._numbers.get(request_id, ())[:]]

    def next_batch(self, bound_bytes: int) -> None:
        """Judge the lines that have waited long enough, and the oldest ones beyond a share of BUFFER_SIZE."""
        self._batch += 1
        excess = self.held_bytes - bound_bytes // WAITING_SHARE
        due = []
        for number, line in self._lines.items():
            if line.batch + WAITING_BATCHES >= self._batch and excess <= 0:
                break
            excess -= line.segment.cost_bytes + WAITING_COST_BYTES
            due.append(number)
        self._judge_each(due)

    def judge_all(self) -> None:
        """Judge every line now: memory is short, nothing more is told, or the environment ends."""
        self._judge_each([*self._lines])

    def _judge_each(self, numbers: list[int]) -> None:
        for number in numbers:
            line = self._remove(number)
            self._judge(line.segment, line.facts)

    def _remove(self, number: int) -> WaitingLine:
        line = self._lines.pop(number)
        self.held_bytes -= line.segment.cost_bytes + WAITING_COST_BYTES
        for request_id in line.facts.request_ids:
            numbers = self._numbers[request_id]
            numbers.remove(number)
            if not numbers:
                del self._numbers[request_id]
        return line


class Past:
    """Remember verdicts by request id: a dropped invocation's as the number of its lines alone."""

    def __init__(self, release: Release) -> None:
        self._release = release
        # By the hash of the id: an integer takes half of the room. Two of some thousand share one by no chance to speak of.
        self._verdicts: dict[int, int | Remembered] = {}
        self._kinds: dict[Verdict, Verdict] = {}

    def remember(self, invocation: Invocation) -> None:
        """Remember the verdict on an invocation that is DELIVERED or DROPPED; forget the oldest one beyond the bound."""
        key = hash(invocation.request_id)
        self._verdicts.pop(key, None)
        verdict = invocation.verdict
        if verdict is None or invocation.state is State.DROPPED:
            self._verdicts[key] = invocation.lines
        else:
            # Many share one reason and weight. The kinds are few, because the rates are.
            self._verdicts[key] = (
                self._kinds.setdefault(verdict, verdict),
                invocation.lines,
                invocation.trace_id,
                invocation.correlation_id,
                invocation.tenant_id,
            )
        share = self._release.settings.buffer_bytes // BYTES_A_VERDICT
        while len(self._verdicts) > min(REMEMBERED_VERDICTS, share):
            del self._verdicts[next(iter(self._verdicts))]

    def recall(self, request_id: str) -> Invocation | None:
        """Return an invocation that is over, as far as it is remembered; None if it is not. It is then forgotten here."""
        found = self._verdicts.pop(hash(request_id), None)
        if found is None:
            return None
        invocation = Invocation(request_id)
        if isinstance(found, int):
            invocation.state = State.DROPPED
            invocation.lines = invocation.dropped_lines = found
        else:
            invocation.state = State.DELIVERED
            invocation.verdict, invocation.lines, invocation.trace_id = found[:3]
            invocation.correlation_id, invocation.tenant_id = found[3:]
        return invocation


class ManagedLines:
    """Take the lines of one environment that name no invocation at hand.

    Attributes:
        past: the verdicts on invocations that the recorder has forgotten.
        waiting: lines whose invocation may still start.
    """

    def __init__(
        self,
        release: Release,
        init: Callable[[], Invocation],
        known: dict[str, Invocation],
        add: Callable[[Invocation, Segment, LineFacts], None],
        forget: Callable[[], None],
    ) -> None:
        """Begin an environment. ``known`` are the recorder's invocations; ``forget`` bounds them, ``add`` adds a line."""
        self._release = release
        self._init = init
        self._known = known
        self._add = add
        self._forget = forget
        self.past = Past(release)
        self.waiting = WaitingLines(self._take_alone)

    def take(self, segment: Segment, facts: LineFacts) -> None:
        """Take a line: of a past invocation, of one that may still start, or of none."""
        for request_id in facts.request_ids:
            invocation = self.past.recall(request_id)
            if invocation is not None:
                # Nobody knows when it ended, and limits in time go on from the last event.
                invocation.last_time = next(reversed(self._known.values())).last_time
                self._known[request_id] = invocation
                self._add(invocation, segment, facts)
                self._forget()
                return
        if facts.request_ids:
            self.waiting.add(segment, facts)
        else:
            self._take_alone(segment, facts)

    def join(self, invocation: Invocation) -> None:
        """Add the lines that came before the first event of their invocation."""
        for line in self.waiting.take(invocation.request_id):
            self._add(invocation, line.segment, line.facts)

    def _take_alone(self, segment: Segment, facts: LineFacts) -> None:
        """Take a line that names no invocation. After init it is a transaction of its own."""
        if self._known:
            self._release.put_alone(self._init(), segment, facts)
        else:
            self._add(self._init(), segment, facts)
