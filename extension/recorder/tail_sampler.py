"""Tail sampler: hold each invocation's lines until its outcome is known, then release or drop them.

Promises:

- Lines of a failed invocation are released as soon as the failure is known, while the function still runs.
- Lines of a healthy one are dropped only when its report has come, because a late error still saves them.
- The bytes held exceed the bound for one batch at most. The account and the delivery count the lines that costs.

Pure: it reads no clock and does no I/O. :mod:`extension.recorder.states` holds the table of an invocation's states, and the
theory of operation.
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from extension.config.settings import Settings
from extension.delivery.queue import Queues
from extension.diagnostics.account import Account
from extension.model.segment import Segment
from extension.parsing.failures import Failure, Outcome
from extension.recorder.invocation import Invocation
from extension.recorder.metadata import MetadataSource
from extension.recorder.release import Release
from extension.recorder.states import HELD, MANAGED, ORDINARY, Event, State
from extension.sampling import verdict
from extension.sampling.verdict import Verdict

if TYPE_CHECKING:
    from extension.recorder.managed_instances import WaitingLines

MAX_OPEN_INVOCATIONS = 2048
"""Running ones on Managed Instances, where an environment runs up to 1,600 at a time (AWS: Managed Instances, maximum
concurrency). The others are those whose report was lost; beyond the bound, the oldest counts as ended. An invocation costs
0.6 KB beside its lines (measured), so all of them 1.3 MB."""

LINGERING_INVOCATIONS = 2
MANAGED_LINGERING_INVOCATIONS = 64
"""Ended invocations that are held for a late sign of failure, until the report has come. On Managed Instances the report
may come before an invocation's last lines. So these are held there, and all others that ended in the last batches, however
many ran side by side: MAX_OPEN_INVOCATIONS at most."""

LINGERING_BATCHES = 3
"""The batch with the report, and two more: a line is as late as it may be early, see
:mod:`extension.recorder.managed_instances`."""

LINGERING_SHARE = 4
"""A quarter of BUFFER_SIZE may hold lines of these, since most of them are dropped in the end. The rest is for lines that
are still to be decided on."""

UNKNOWN = Failure(verdict.UNKNOWN_OUTCOME, Outcome.UNKNOWN)
"""Neither an end nor a failure was seen: it may be the very invocation that somebody looks for."""

_INIT_ERROR = Failure("init-error", Outcome.INIT_ERROR)

_DEATHS = (Outcome.TIMEOUT, Outcome.CRASH, Outcome.OUT_OF_MEMORY)


Action = Callable[[Invocation], None]


class Lingering:
    """Index the invocations that are over and hold lines: those that are held for a late failure, and the history.

    An index tells who makes way first, and never in which state somebody is. Some methods are actions of the table.

    Attributes:
        held: by identity, in the order in which they ended.
        history: in the order in which they were let go of.
    """

    def __init__(
        self,
        step: Callable[[Invocation, Event], None],
        release: Release,
        *,
        managed_instances: bool,
    ) -> None:
        self._step = step
        self._release = release
        self._most = MAX_OPEN_INVOCATIONS if managed_instances else LINGERING_INVOCATIONS
        self._ended = deque([0], maxlen=LINGERING_BATCHES)
        self.held: dict[int, Invocation] = {}
        self.history: deque[Invocation] = deque()

    def hold(self, invocation: Invocation) -> None:
        """Hold the lines that are left for a late failure."""
        self.held.pop(id(invocation), None)
        self.held[id(invocation)] = invocation
        self._ended[-1] += 1
        while len(self.held) > self._most:
            self.expire_oldest()

    def remember(self, invocation: Invocation) -> None:
        """Move the lines that are left to the history."""
        if invocation.recording.lines:
            self.history.append(invocation)
        else:
            self._step(invocation, Event.FORGET)
        while len(self.history) > self._release.settings.history:
            self.forget_oldest()

    def next_batch(self) -> None:
        """Let those expire that ended some batches ago."""
        most = max(MANAGED_LINGERING_INVOCATIONS, sum(self._ended))
        self._ended.append(0)
        while len(self.held) > most:
            self.expire_oldest()

    def bound(self, most_bytes: int) -> None:
        """Let the oldest ones expire, until the held lines take no more than so many bytes."""
        excess = sum(one.recording.held_bytes for one in self.held.values()) - most_bytes
        while excess > 0 and (freed := self.expire_oldest()) is not None:
            excess -= freed

    def expire_oldest(self) -> int | None:
        """Let the oldest held invocation expire. Return the bytes it held; None if there is no such invocation."""
        return self._let_go(next(iter(self.held.values()), None), Event.EXPIRE)

    def forget_oldest(self) -> int | None:
        """Forget the oldest invocation of the history. Return the bytes it held; None if there is no history."""
        return self._let_go(self.history.popleft() if self.history else None, Event.FORGET)

    def end(self) -> None:
        """Let go of all of them."""
        while self.expire_oldest() is not None or self.forget_oldest() is not None:
            pass

    def _let_go(self, invocation: Invocation | None, event: Event) -> int | None:
        if invocation is None:
            return None
        held_bytes = invocation.recording.held_bytes
        self._step(invocation, event)
        return held_bytes


class TailSampler:
    """Take the invocations of one environment through their states.

    Attributes:
        init: the environment's init, to which lines before the first invocation belong.
        metadata: names the environment and numbers its records.
        lingering: the invocations that are over and hold lines.
        release: hands kept lines to the queues, and holds the settings.
        queues: what waits for the sinks.
        running: invocations that are not over, in the order in which they began.
        waiting: lines that name an invocation which has not begun; the recorder sets it, on Managed Instances alone.
        illegal_events: how many events came in a state that has no row for them.
    """

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
        self.metadata = MetadataSource(function=function, version=version)
        self.release = Release(settings, queues=queues, account=account, metadata=self.metadata)
        self._evaluator = self.release.evaluator
        self.queues = queues
        self._account = account
        self._managed = managed_instances
        self.lingering = Lingering(self.step, self.release, managed_instances=managed_instances)
        self._table = {
            (state, event): (after, _methods(names, self))
            for state, row in (MANAGED if managed_instances else ORDINARY).items()
            for event, (after, names) in row.items()
        }
        self.init = Invocation("")
        # An index, as those of Lingering: in which state somebody is, the invocation alone tells.
        self.running: dict[int, Invocation] = {}
        self._unexplained: Invocation | None = None
        self.waiting: WaitingLines | None = None
        self.illegal_events = 0

    def apply(self, settings: Settings) -> None:
        """Apply settings, the first ones or changed ones, to every decision from now on."""
        self.release.apply(settings)

    def _with_recordings(self) -> tuple[Invocation, ...]:
        ended = self.lingering
        return (self.init, *self.running.values(), *ended.held.values(), *ended.history)

    @property
    def held_bytes(self) -> int:
        """Bytes in recordings. The queues count their own."""
        held_bytes = 0 if self.waiting is None else self.waiting.held_bytes
        for one in self._with_recordings():  # No generator: every batch asks.
            held_bytes += one.recording.held_bytes
        return held_bytes

    @property
    def buffered_lines(self) -> int:
        """Lines received and not yet decided on. The queues count their own."""
        return sum(one.recording.lines for one in self._with_recordings())

    @property
    def undecided(self) -> int:
        """At least as many as there are invocations of which something is held, or may yet be asked for."""
        return len(self.running) + len(self.lingering.held) + len(self.lingering.history) + 1

    def step(self, invocation: Invocation, event: Event) -> None:
        """Take an invocation to its next state. An event that is illegal in its state is only counted."""
        was = invocation.state
        found = self._table.get((was, event))
        if found is None:
            self.illegal_events += 1
            return
        invocation.state, actions = found
        if was in HELD and invocation.state not in HELD:
            del self.lingering.held[id(invocation)]
        for action in actions:
            action(invocation)

    def begin(self, invocation: Invocation, *, has_signs: bool = False) -> None:
        """Add a new invocation, with the signs known of it. Lines of init come first in its recording."""
        self._explain_last()
        self.running[id(invocation)] = invocation
        if len(self.running) > MAX_OPEN_INVOCATIONS:
            self.end(next(iter(self.running.values())), UNKNOWN)
        if self.init.failure is not None:
            self.end_init()
        elif not self._managed and self.init.recording.segments:
            invocation.take_over(self.init)
        if has_signs or invocation.signs.is_marked or self._evaluator.keeps_all:
            self.signed(invocation)

    def store(self, invocation: Invocation, segment: Segment) -> None:
        """Add lines to an invocation, however late, or a platform event that travels with it."""
        if segment.lines:
            self._account.received += segment.lines
            self._account.received_bytes += len(segment.raw)
            invocation.lines += segment.lines
        self.release.archive(invocation, segment)
        invocation.recording.append(segment)
        self.step(invocation, Event.LINES)

    def signed(self, invocation: Invocation) -> None:
        """Ask the policies again, because a sign has been seen."""
        # Lines of init go with the first invocation, and are decided with it.
        if self._managed or not invocation.is_init:
            self.step(invocation, Event.SIGN)

    def fail(self, invocation: Invocation, failure: Failure) -> None:
        """Add a sign of failure. The first one is the reason; a later one may tell the outcome better."""
        if invocation.failure is None:
            invocation.failure = failure
            self._account.failed_invocations += 0 if invocation.is_init else 1
            self._evaluator.admit(invocation)
        if invocation.outcome in (Outcome.UNKNOWN, Outcome.SUCCESS) or failure.outcome in _DEATHS:
            invocation.outcome = failure.outcome
        self.step(invocation, Event.FAILURE)

    def end(self, invocation: Invocation, failure: Failure) -> None:
        """End an invocation whose own end will not come."""
        self.fail(invocation, failure)
        self.step(invocation, Event.END)

    def end_init(self) -> None:
        """Settle the lines before any invocation, and begin a new init."""
        init, self.init = self.init, Invocation("")
        if init.recording.segments or init.failure is not None:
            self.step(init, Event.INIT_END)

    def shut_down(self, failure: Failure | None) -> None:
        """Decide on everything. A failure is of whatever still runs, by SHUTDOWN's reason; a spin-down has none."""
        self.judge_waiting()
        for invocation in list(self.running.values()):
            self.end(invocation, failure or UNKNOWN)
        if failure is not None and self.init.recording.segments:
            self.fail(self.init, _INIT_ERROR)
        self.end_init()
        self._explain_last()
        self.lingering.end()

    def judge_waiting(self) -> None:
        """Judge lines that wait for an invocation to begin, where lines wait: no more is told, or memory is short."""
        if self.waiting is not None:
            self.waiting.judge_all()

    def make_room(self) -> None:
        """Keep what is held within BUFFER_SIZE."""
        bound_bytes = self.release.settings.buffer_bytes
        if self.waiting is not None:
            self.waiting.next_batch(bound_bytes)
            self.lingering.next_batch()
        held_bytes = self.held_bytes + self.queues.held_bytes
        if self.waiting is not None and held_bytes > bound_bytes // LINGERING_SHARE:
            self.lingering.bound(bound_bytes // LINGERING_SHARE)
            if held_bytes > bound_bytes:
                self.judge_waiting()
            held_bytes = self.held_bytes + self.queues.held_bytes
        if 2 * held_bytes > bound_bytes:
            for invocation in self.running.values():
                # Lines are worth more than the name of their transaction.
                self.release.release(invocation, unnamed=True)
        if held_bytes > bound_bytes:
            # Imported here: most environments never reach the bound.
            from extension.recorder.memory_limiter import make_room

            make_room(
                bound_bytes,
                excess_bytes=held_bytes - bound_bytes,
                queues=self.queues,
                account=self._account,
                recorded_bytes=lambda: self.held_bytes,
                running=[self.init, *self.running.values()],
                oldest=(self.lingering.forget_oldest, self.lingering.expire_oldest),
            )

    def _explain_last(self) -> None:
        if self._unexplained is not None:
            self.step(self._unexplained, Event.EXPLAIN)

    # Actions of the table, with those of Release ----------------------------------------------------------------

    def _decide(self, invocation: Invocation) -> None:
        """Decide at the end of an invocation, or at the INVOKE that it waited for."""
        if invocation.outcome is Outcome.CRASH:
            # The fault and the report that follow tell what killed the process: the summary comes behind them.
            self._explain_last()
            self._unexplained = invocation
            self.step(invocation, Event.CRASH)
        elif invocation.verdict or invocation.is_announced or invocation.trace_id:
            self._settle(invocation)
        else:
            # The draw needs the trace id, and with the Logs API only INVOKE has it.
            self.step(invocation, Event.WAIT)

    def _settle(self, invocation: Invocation) -> None:
        """Decide at the end of an invocation, unless a policy waits for the report."""
        self._conclude(invocation, invocation.verdict or self._evaluator.decide(invocation))

    def _leave_running(self, invocation: Invocation) -> None:
        self.release.one_has_ended = True
        self.running.pop(id(invocation), None)

    def _decide_finally(self, invocation: Invocation) -> None:
        """Decide on an ended invocation by what is known."""
        self._conclude(invocation, self._evaluator.decide(invocation, reported=True))

    def _evaluate(self, invocation: Invocation, *, reported: bool = False) -> None:
        """Ask the policies again. Only an answer to keep changes anything."""
        reported = reported or invocation.state not in (State.RUNNING, State.UNDECIDED)
        decided = self._evaluator.decide(invocation, ended=invocation.ended, reported=reported)
        if decided is not None and decided.keep:
            self._conclude(invocation, decided)

    def _close(self, invocation: Invocation) -> None:
        """Decide when the report has come: nothing is held any longer."""
        self._evaluate(invocation, reported=True)
        if invocation.state in HELD:
            self.step(invocation, Event.EXPIRE)

    def _conclude(self, invocation: Invocation, decided: Verdict | None) -> None:
        invocation.verdict = decided
        self.step(invocation, _event_of(decided))

    def _fail_early(self, invocation: Invocation) -> None:
        """Release a failed invocation that runs, or whose summary is delivered."""
        if invocation.verdict is None or not invocation.verdict.failed:
            self._accept_failure(invocation)
            self.release.release(invocation)

    def _accept_failure(self, invocation: Invocation) -> None:
        """Decide to keep a failed invocation, and deliver the history before it."""
        invocation.verdict = self._evaluator.decide(invocation)
        most = self.release.settings.history
        if most and invocation.withheld_lines is None:
            past = [one for one in self.lingering.held.values() if one.verdict is not None]
            for one in [*self.lingering.history, *past][-most:]:
                self.release.put(one, verdict.PAST, one.recording.take())
            while self.lingering.forget_oldest() is not None:
                pass

    def _explain(self, invocation: Invocation) -> None:
        """Deliver the summary of a killed invocation."""
        self._unexplained = None
        self.release.deliver(invocation)


def _methods(names: str, sampler: TailSampler) -> list[Action]:
    others = (sampler.lingering, sampler.release)
    return [
        getattr(sampler, f"_{name}", None)
        or next(getattr(one, name) for one in others if hasattr(one, name))
        for name in names.split()
    ]


def _event_of(decided: Verdict | None) -> Event:
    if decided is None:
        return Event.WAIT
    if not decided.keep:
        return Event.DROP
    return Event.KEEP_BY_LEVEL if decided.by_level else Event.KEEP
