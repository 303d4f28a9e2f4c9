"""What becomes of what was recorded: owed to the sink, kept at hand for a while, or let go; within the memory bound.

Promises: what a failed invocation wrote is owed as soon as the failure is known, while the function still runs; a
healthy one's is let go only when its report has come, since a late error still saves it; the bytes held exceed the
bound for no longer than one batch, and what that costs is counted, in the account and in the delivery.
Pure: it reads no clock and does no I/O; times are those of Lambda's events. Longer than most modules, because the states of
an invocation and the ways between them are best seen at one place; what each state rests on is elsewhere.
"""

from collections import deque

from extension.config.settings import Settings
from extension.delivery.queue import Queues
from extension.diagnostics.account import Account
from extension.model.chunk import Chunk, Metadata
from extension.model.segment import Segment
from extension.parsing.failures import Failure, Outcome
from extension.parsing.line import LineFacts
from extension.recorder.evaluator import Flood, PolicyEvaluator, now_ms
from extension.recorder.invocation import Invocation
from extension.recorder.metadata import MetadataSource
from extension.sampling import verdict
from extension.sampling.by_level import draw
from extension.sampling.verdict import Verdict

LINGERING_INVOCATIONS = 2
MANAGED_LINGERING_INVOCATIONS = 64
"""Healthy recordings kept at hand for a late sign of failure, until the report has come. On Managed Instances the
report may come before an invocation's last lines, so there some more are kept than end side by side."""

MAX_OPEN_INVOCATIONS = 1024
"""Ids on Managed Instances that never report. An environment runs some dozens at a time at most (AWS: Managed
Instances); beyond this, the oldest is taken for ended."""

SLACK_SHARE = 16
"""A sixteenth of the bound is given up beyond what must be, so that the cost of doing so is linear in the lines."""

FLOOR_SHARE = 8
"""An eighth of the bound is left to each open recording until failed invocations that wait have been given up. So much of
it may also wait to learn by what id its lines name the transaction."""

UNKNOWN = Failure(verdict.UNKNOWN_OUTCOME, Outcome.UNKNOWN)
"""Neither an end nor a failure was seen: it may be the very invocation that is looked for."""

_DEATHS = (Outcome.TIMEOUT, Outcome.CRASH, Outcome.OUT_OF_MEMORY)


class TailSampler:
    """The recordings of one environment, from the first line to their delivery or their end."""

    def __init__(
        self,
        settings: Settings,
        *,
        queues: Queues,
        account: Account,
        function: str = "",
        version: str = "",
        managed_instances: bool = False,
    ) -> None:
        self._flood = Flood(account)
        self._evaluator = PolicyEvaluator(settings)
        self._metadata = MetadataSource(function=function, version=version)
        self.apply(settings)
        self._queues = queues
        self._account = account
        self._managed = managed_instances
        self._next_number = 0
        self._lingering: deque[Invocation] = deque()
        self._unexplained: Invocation | None = None
        self._open: dict[int, Invocation] = {}
        self._history: deque[Invocation] = deque()
        self._archive_stamp: tuple[Invocation, Metadata] | None = None
        self.init = Invocation("")

    def apply(self, settings: Settings) -> None:
        """Takes settings, at first or when they have changed, for every decision from now on."""
        self._settings = settings
        self._evaluator.apply(settings)
        self._metadata.apply(settings)
        self._flood.apply(settings.keep_at_most)

    def identify(self, environment_id: str) -> None:
        """Takes the name of this environment, 16 hex digits; a new one when it turns out to be a clone."""
        self._evaluator.environment_id = self._metadata.environment_id = environment_id

    @property
    def environment_id(self) -> str:
        """The name of this environment."""
        return self._metadata.environment_id

    def invoked_as(self, arn: str) -> None:
        """Takes the ARN by which the function is invoked from now on."""
        self._metadata.arn = arn

    @property
    def held_bytes(self) -> int:
        """Bytes in recordings; what waits in the queue is counted there."""
        return sum(one.recording.held_bytes for one in self._flush_control())

    @property
    def buffered_lines(self) -> int:
        """Lines received whose fate is not known yet; those in the queue are counted there."""
        return sum(one.recording.lines for one in self._flush_control())

    @property
    def open_count(self) -> int:
        """How many invocations have begun and not ended."""
        return len(self._open)

    def number(self, count: int) -> int:
        """Gives the first of ``count`` numbers that no other record of this environment has."""
        number = self._next_number
        self._next_number += count
        return number

    def _flush_control(self) -> list[Invocation]:
        return [self.init, *self._open.values(), *self._lingering, *self._history]

    # An invocation's life ---------------------------------------------------------------------------------------

    def begin(self, invocation: Invocation) -> None:
        """Takes on an invocation; what init wrote goes with the first one, before its own lines."""
        self._explain()
        self._open[id(invocation)] = invocation
        if len(self._open) > MAX_OPEN_INVOCATIONS:
            oldest = next(iter(self._open.values()))
            self.fail(oldest, UNKNOWN)
            self.end(oldest)
        if self.init.failure is not None:
            self.end_init()
        elif not self._managed:
            for segment in self.init.recording.take():
                invocation.recording.append(segment)
            invocation.lines += self.init.lines
            invocation.signs.is_marked = invocation.signs.is_marked or self.init.signs.is_marked
            self.init.lines = 0
            self.init.signs.is_marked = False
        self.signed(invocation)

    def store(self, invocation: Invocation, segment: Segment) -> None:
        """Takes lines of an invocation, however late."""
        self._account.receive(lines=segment.lines, size_bytes=len(segment.raw))
        invocation.lines += segment.lines
        self._archive(invocation, segment)
        self._append(invocation, segment)

    def store_event(self, invocation: Invocation, segment: Segment) -> None:
        """Takes a platform event that is to travel with the invocation if that is kept."""
        self._archive(invocation, segment)
        self._append(invocation, segment)

    def store_alone(self, segment: Segment, facts: LineFacts) -> None:
        """Takes a line that nothing ties to an invocation: it is a transaction of its own, and judged at once."""
        self._account.receive(lines=segment.lines, size_bytes=len(segment.raw))
        self._archive(self.init, segment)
        name = f"{self._metadata.environment_id}-{segment.first_number}"
        decided = self._evaluator.decide_alone(facts, name)
        if decided is not None and decided.keep:
            self._queues.put(Chunk(self._metadata.of(self.init, decided), [segment]))
        elif facts.is_emf:
            self._queues.put(Chunk(self._metadata.of(self.init, verdict.METRICS), [segment]))
        else:
            self._account.drop(verdict.NOT_SAMPLED, segment.lines)

    def exclude(self, lines: int, *, size_bytes: int) -> None:
        """Counts lines that are not recorded at all (EXCLUDE)."""
        self._account.receive(lines=lines, size_bytes=size_bytes)
        self._account.drop(verdict.EXCLUDED, lines)

    def signed(self, invocation: Invocation) -> None:
        """Takes note that more is known of an invocation: a rule may speak for it, while it runs or when it is over."""
        if invocation.is_kept or (invocation.is_init and not self._managed):
            return  # What init wrote goes with the first invocation, and is decided with it.
        decided = self._evaluator.decide(invocation)
        if decided is not None and decided.keep:
            if invocation in self._lingering:
                self._lingering.remove(invocation)
            self._conclude(invocation, decided)

    def named(self, invocation: Invocation, correlation_id: str) -> None:
        """Takes note of the id by which a line names the transaction; what waited for it goes when the line is stored."""
        self._metadata.named(invocation, correlation_id)

    def fail(self, invocation: Invocation, failure: Failure) -> None:
        """Notes a sign of failure. The first one is the reason; a later one may still tell the outcome better."""
        if invocation.failure is None:
            invocation.failure = failure
            self._account.failed_invocations += 0 if invocation.is_init else 1
            self._flood.admit(invocation, now_ms=now_ms(invocation))
        if invocation.outcome in (Outcome.UNKNOWN, Outcome.SUCCESS) or failure.outcome in _DEATHS:
            invocation.outcome = failure.outcome
        if invocation.verdict is None or not invocation.verdict.failed:
            invocation.verdict = self._evaluator.decide(invocation)
            if invocation in self._lingering:
                self._lingering.remove(invocation)
            self._owe_history(invocation)
            self._owe(invocation)

    def end(self, invocation: Invocation) -> None:
        """Notes that an invocation is over: decides, and leaves owed what is owed."""
        if invocation.ended:
            return
        invocation.ended = True
        self._metadata.ended()
        self._open.pop(id(invocation), None)
        if invocation.outcome is Outcome.CRASH and not self._managed:
            # What killed the process is told by the fault and the report that follow: sum up behind them.
            self._explain()
            self._unexplained = invocation
        if (
            invocation.verdict is None
            and not self._managed
            and not invocation.expected
            and not invocation.trace_id
        ):
            # The draw needs the trace id, and with the Logs API only INVOKE has it: wait for that, which is near.
            self._linger(invocation)
        else:
            self._settle(invocation)

    def trace_known(self, invocation: Invocation) -> None:
        """Takes note that INVOKE has come, for which the draw of an ended invocation may have waited."""
        if invocation.ended and invocation.verdict is None and invocation in self._lingering:
            self._lingering.remove(invocation)
            self._settle(invocation)

    def reported(self, invocation: Invocation) -> None:
        """Takes note that the report has come: nothing more is to be expected of the invocation."""
        invocation.reported = True
        if invocation is self._unexplained:
            self._explain()
        self.signed(invocation)
        if invocation not in self._lingering:
            return
        if not self._managed:
            self._lingering.remove(invocation)
            self._dismiss(invocation)
        elif invocation.verdict is None:
            self._lingering.remove(invocation)
            self._settle(invocation)

    def end_init(self) -> None:
        """Settles what was written before any invocation, and begins anew."""
        init, self.init = self.init, Invocation("")
        if init.recording.segments or init.failure is not None:
            init.ended = True
            init.verdict = init.verdict or self._evaluator.decide(init)
            self._owe(init)
            self._owe_metrics(init)
            self._discard(init)

    def shut_down(self, failure: Failure | None) -> None:
        """Decides everything that is undecided.

        Args:
            failure: what SHUTDOWN's reason says of whatever was running, if anything.
        """
        for invocation in list(self._open.values()):
            self.fail(invocation, failure or UNKNOWN)
            self.end(invocation)
        if failure is not None and self.init.recording.segments:
            self.fail(self.init, Failure("init-error", Outcome.INIT_ERROR))
        self.end_init()
        self._explain()
        while self._lingering:
            self._dismiss(self._lingering.popleft())
        while self._history:
            self._discard(self._history.popleft())

    # Verdicts ---------------------------------------------------------------------------------------------------

    def _append(self, invocation: Invocation, segment: Segment) -> None:
        invocation.recording.append(segment)
        if invocation.is_kept:
            self._owe(invocation)
        if (
            invocation.ended
            and invocation not in self._lingering
            and invocation not in self._history
        ):
            # Late, and its verdict was to let go of it: metrics are kept even so.
            self._owe_metrics(invocation)
            self._discard(invocation)

    def _conclude(self, invocation: Invocation, decided: Verdict) -> None:
        """Takes a verdict, and does what it says."""
        invocation.verdict = decided
        if decided.keep:
            if not decided.failed:
                self._evaluator.kept(invocation)
            self._owe(invocation)
            if decided.by_level and invocation.ended:
                # What is left of it may still be wanted, if it turns out to have failed.
                self._linger(invocation)
        else:
            self._owe_metrics(invocation)
            self._linger(invocation)

    def _explain(self) -> None:
        """Sums up the invocation whose process was killed, now that it is known by what, or never will be."""
        killed, self._unexplained = self._unexplained, None
        if killed is not None:
            self._owe(killed)

    def _settle(self, invocation: Invocation) -> None:
        decided = invocation.verdict or self._evaluator.decide(invocation)
        if decided is None:
            # A rule waits for what the report will tell.
            self._linger(invocation)
        else:
            self._conclude(invocation, decided)

    def _linger(self, invocation: Invocation) -> None:
        self._lingering.append(invocation)
        most = MANAGED_LINGERING_INVOCATIONS if self._managed else LINGERING_INVOCATIONS
        while len(self._lingering) > most:
            self._dismiss(self._lingering.popleft())

    def _dismiss(self, invocation: Invocation) -> None:
        """Lets go of an invocation that was kept at hand."""
        if invocation.verdict is None:
            invocation.verdict = self._evaluator.decide(invocation, reported=True)
            if invocation.is_kept:
                self._evaluator.kept(invocation)
        self._owe(invocation)
        self._owe_metrics(invocation)
        if self._settings.history and invocation.recording.lines:
            self._history.append(invocation)
        else:
            self._discard(invocation)
        while len(self._history) > self._settings.history:
            self._discard(self._history.popleft())
        if self._queues.archive is not None and not invocation.summarised:
            # The archive's summary is not one for the sink: should it fail late, it is summed up again there.
            self._archive(invocation, invocation.summary(self.number(1)))

    def _owe(self, invocation: Invocation, *, unnamed: bool = False) -> None:
        """Hands everything to the queue, if the invocation is kept; when it is over, with its summary.

        Args:
            invocation: any.
            unnamed: whether it goes even if it may still be learned by what id its lines name the transaction.
        """
        decided = invocation.verdict
        if decided is None or not decided.keep:
            return
        most_bytes = self._settings.buffer_bytes // FLOOR_SHARE
        if not unnamed and self._metadata.may_be_named(invocation, most_bytes=most_bytes):
            return
        if decided.weight > 1.0:
            # Metrics are kept for certain, whatever the draw, so they stand for themselves.
            self._owe_metrics(invocation)
        segments = invocation.recording.take()
        if invocation.is_withheld:
            segments = self._flood.hold_back(invocation, segments)
        weighed = [(decided.weight, segments)]
        if decided.by_level:
            weigh = self._evaluator.weigher(invocation)
            weighed, left = draw(segments, weigh=weigh, weight=decided.weight)
            for segment in left:
                invocation.recording.append(segment)
        if invocation.ended and not invocation.summarised and invocation is not self._unexplained:
            invocation.summarised = True
            summary = invocation.summary(self.number(1))
            weighed.append((decided.weight, [summary]))
            self._archive(invocation, summary)
        for weight, parts in weighed:
            if parts:
                self._queues.put(
                    Chunk(self._metadata.of(invocation, decided, weight=weight), parts)
                )

    def _owe_unnamed(self) -> None:
        """Hands over what waits to be named, in time: it is worth more than its name."""
        for invocation in self._open.values():
            self._owe(invocation, unnamed=True)

    def _owe_history(self, failed: Invocation) -> None:
        """Hands over what was let go of before a failure, if there is any: it may tell how it came to that."""
        if not self._settings.history or failed.is_withheld:
            return
        past = [one for one in self._lingering if one.verdict is not None]
        for invocation in [*self._history, *past][-self._settings.history :]:
            segments = invocation.recording.take()
            if segments:
                self._queues.put(Chunk(self._metadata.of(invocation, verdict.PAST), segments))
        while self._history:
            self._discard(self._history.popleft())

    def _owe_metrics(self, invocation: Invocation) -> None:
        segments = invocation.recording.take_emf()
        if segments:
            self._queues.put(Chunk(self._metadata.of(invocation, verdict.METRICS), segments))

    def _discard(self, invocation: Invocation) -> None:
        lines = invocation.recording.lines
        invocation.recording.take()
        if lines:
            invocation.dropped_lines += lines
            self._account.drop(verdict.NOT_SAMPLED, lines)

    def _archive(self, invocation: Invocation, segment: Segment) -> None:
        """Leaves a segment to be archived, where there is an archive."""
        if self._queues.archive is None:
            return
        last = self._archive_stamp
        if (
            last is None
            or last[0] is not invocation
            or last[1].trace_id != invocation.trace_id
            or last[1].correlation_id != invocation.correlation_id
        ):
            self._archive_stamp = last = (
                invocation,
                self._metadata.of(invocation, verdict.ARCHIVED),
            )
        self._queues.store(last[1], segment)

    # The bound --------------------------------------------------------------------------------------------------

    def make_room(self) -> None:
        """Gives up what matters least until all that is held is within BUFFER_SIZE.

        In this order: history; recordings that are only at hand for a late error; what waits for the archive, and healthy
        invocations that wait for the sink, oldest first; of recordings that are still open, the middle; failed invocations
        that wait, oldest first; what is left of the open ones.
        """
        bound = self._settings.buffer_bytes
        excess = self.held_bytes + self._queues.held_bytes - bound
        if excess > -bound // 2:
            self._owe_unnamed()
        if excess <= 0:
            return
        while excess > 0 and self._history:
            excess -= self._history[0].recording.held_bytes
            self._discard(self._history.popleft())
        while excess > 0 and self._lingering:
            excess -= self._lingering[0].recording.held_bytes
            self._dismiss(self._lingering.popleft())
        excess = self.held_bytes + self._queues.held_bytes - bound
        if excess > 0:
            self._queues.give_up(need_bytes=excess, failed_too=False)
        for floor_bytes in (bound // FLOOR_SHARE, 0):
            for invocation in sorted(
                (self.init, *self._open.values()), key=_held_bytes, reverse=True
            ):
                excess = self.held_bytes + self._queues.held_bytes - bound
                spare = invocation.recording.held_bytes - floor_bytes
                if excess > 0 and spare > 0:
                    self._evict(invocation, need_bytes=min(excess + bound // SLACK_SHARE, spare))
            excess = self.held_bytes + self._queues.held_bytes - bound
            if excess > 0 and floor_bytes:
                self._queues.give_up(need_bytes=excess + bound // SLACK_SHARE, failed_too=True)

    def _evict(self, invocation: Invocation, *, need_bytes: int) -> None:
        recording = invocation.recording
        before_bytes = recording.held_bytes
        lines = recording.give_up(need_bytes=need_bytes)
        invocation.evicted_lines += lines
        invocation.evicted_bytes += before_bytes - recording.held_bytes
        self._account.evict(
            lines, request_id=invocation.request_id, failed=invocation.failure is not None
        )


def _held_bytes(invocation: Invocation) -> int:
    return invocation.recording.held_bytes
