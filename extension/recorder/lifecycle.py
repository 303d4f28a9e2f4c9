"""Lifecycle: take each invocation through its states, with one method for each action of the table.

Pure. :mod:`extension.recorder.states` holds the table and the theory of operation.
"""

from collections import deque
from collections.abc import Callable

from extension.config.settings import Settings
from extension.parsing.failures import Outcome
from extension.recorder.evaluator import PolicyEvaluator
from extension.recorder.invocation import Invocation
from extension.recorder.release import Release
from extension.recorder.states import HELD, MANAGED, ORDINARY, Event, State
from extension.sampling.verdict import Verdict

LINGERING_INVOCATIONS = 2
MANAGED_LINGERING_INVOCATIONS = 64
"""Ended invocations that are held for a late sign of failure, until the report has come. On Managed Instances the report
may come before an invocation's last lines, so more are held there than end side by side."""

Action = Callable[[Invocation], None]


class Lifecycle:
    """Take the invocations of one environment through their states.

    Attributes:
        running: invocations that are not over, in the order in which they began.
        most_history: how many invocations HISTORY remembers.
        illegal_events: how many events came in a state that has no row for them.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        release: Release,
        evaluator: PolicyEvaluator,
        managed: bool = False,
    ) -> None:
        self._to_queues = release
        self._evaluator = evaluator
        self._most_held = MANAGED_LINGERING_INVOCATIONS if managed else LINGERING_INVOCATIONS
        self._table = {
            state: {event: (after, self._action(name)) for event, (after, name) in row.items()}
            for state, row in (MANAGED if managed else ORDINARY).items()
        }
        # The containers are indexes: they tell who makes way first, and never in which state somebody is.
        self.running: dict[int, Invocation] = {}
        self._held: dict[int, Invocation] = {}
        self._history: deque[Invocation] = deque()
        self._unexplained: Invocation | None = None
        self.most_history = settings.history
        self.illegal_events = 0

    def _action(self, name: str) -> Action | None:
        action: Action | None = getattr(self, f"_{name}") if name else None
        return action

    def recorded(self) -> list[Invocation]:
        """Return all invocations that may hold lines."""
        return [*self.running.values(), *self._held.values(), *self._history]

    def begin(self, invocation: Invocation) -> None:
        """Add a running invocation."""
        self._explain_last()
        self.running[id(invocation)] = invocation

    def step(self, invocation: Invocation, event: Event) -> None:
        """Take an invocation to its next state. An event that is illegal in its state is only counted."""
        was = invocation.state
        found = self._table.get(was, {}).get(event)
        if found is None:
            self.illegal_events += 1
            return
        invocation.state, action = found
        if was in HELD and invocation.state not in HELD:
            del self._held[id(invocation)]
        if action is not None:
            action(invocation)

    def expire_oldest(self) -> int | None:
        """Let the oldest held invocation expire. Return the bytes it held; None if there is no such invocation."""
        oldest = next(iter(self._held.values()), None)
        if oldest is None:
            return None
        held_bytes = oldest.recording.held_bytes
        self.step(oldest, Event.EXPIRE)
        return held_bytes

    def forget_oldest(self) -> int | None:
        """Forget the oldest invocation of the history. Return the bytes it held; None if there is no history."""
        if not self._history:
            return None
        oldest = self._history.popleft()
        held_bytes = oldest.recording.held_bytes
        self.step(oldest, Event.FORGET)
        return held_bytes

    def shut_down(self) -> None:
        """Let go of every invocation that is over."""
        self._explain_last()
        while self.expire_oldest() is not None:
            pass
        while self.forget_oldest() is not None:
            pass

    def _explain_last(self) -> None:
        if self._unexplained is not None:
            self.step(self._unexplained, Event.EXPLAIN)

    # Decisions --------------------------------------------------------------------------------------------------

    def _decide(self, invocation: Invocation) -> None:
        """Decide at the end of an invocation, or at the INVOKE that it waited for."""
        if invocation.outcome is Outcome.CRASH:
            # The fault and the report that follow tell what killed the process: the summary comes behind them.
            self._leave_running(invocation)
            self._explain_last()
            self._unexplained = invocation
            self.step(invocation, Event.CRASH)
        elif (
            invocation.verdict is None
            and invocation.announcement is None
            and not invocation.trace_id
        ):
            # The draw needs the trace id, and with the Logs API only INVOKE has it.
            self._leave_running(invocation)
            self.step(invocation, Event.WAIT)
        else:
            self._settle(invocation)

    def _settle(self, invocation: Invocation) -> None:
        """Decide at the end of an invocation, unless a policy waits for the report."""
        self._leave_running(invocation)
        self._conclude(invocation, invocation.verdict or self._evaluator.decide(invocation))

    def _decide_finally(self, invocation: Invocation) -> None:
        """Decide on an ended invocation by what is known."""
        self._conclude(invocation, self._evaluator.decide(invocation, reported=True))

    def _evaluate(self, invocation: Invocation, *, reported: bool = False) -> None:
        """Ask the policies again. Only an answer to keep changes anything."""
        state = invocation.state
        decided = self._evaluator.decide(
            invocation,
            ended=invocation.ended,
            reported=reported or state not in (State.RUNNING, State.UNDECIDED),
        )
        if decided is not None and decided.keep:
            self._conclude(invocation, decided)

    def _close(self, invocation: Invocation) -> None:
        """Decide when the report has come: nothing is held any longer."""
        self._evaluate(invocation, reported=True)
        if invocation.state in HELD:
            self.step(invocation, Event.EXPIRE)

    def _conclude(self, invocation: Invocation, decided: Verdict | None) -> None:
        invocation.verdict = decided
        if decided is None:
            event = Event.WAIT
        elif not decided.keep:
            event = Event.DROP
        else:
            event = Event.KEEP_BY_LEVEL if decided.by_level else Event.KEEP
        self.step(invocation, event)

    def _leave_running(self, invocation: Invocation) -> None:
        self._to_queues.one_has_ended = True
        self.running.pop(id(invocation), None)

    # Failure ----------------------------------------------------------------------------------------------------

    def _fail_early(self, invocation: Invocation) -> None:
        """Release a failed invocation that runs, or whose summary is delivered."""
        if invocation.verdict is None or not invocation.verdict.failed:
            self._accept_failure(invocation)
            self._release(invocation)

    def _fail_late(self, invocation: Invocation) -> None:
        """Deliver an invocation that failed after its end."""
        self._accept_failure(invocation)
        self._to_queues.release(invocation, with_summary=True)

    def _accept_failure(self, invocation: Invocation) -> None:
        invocation.verdict = self._evaluator.decide(invocation)
        if not self.most_history or invocation.withheld_lines is not None:
            return
        past = [one for one in self._held.values() if one.verdict is not None]
        for one in [*self._history, *past][-self.most_history :]:
            self._to_queues.release_history(one)
        while self.forget_oldest() is not None:
            pass

    def _explain(self, invocation: Invocation) -> None:
        """Deliver the summary of a killed invocation."""
        self._unexplained = None
        self._to_queues.release(invocation, with_summary=True)

    # Delivery and drop ------------------------------------------------------------------------------------------

    def _keep(self, invocation: Invocation) -> None:
        """Release the lines of a healthy invocation from now on."""
        self._evaluator.kept(invocation)
        self._release(invocation)

    def _release(self, invocation: Invocation) -> None:
        self._to_queues.release(invocation)

    def _release_late(self, invocation: Invocation) -> None:
        """Release late lines; drop those that their level leaves."""
        self._release(invocation)
        self._drop_late(invocation)

    def _drop_late(self, invocation: Invocation) -> None:
        """Drop late lines, but for metrics."""
        self._to_queues.release_metrics(invocation)
        self._discard(invocation)

    def _discard(self, invocation: Invocation) -> None:
        self._to_queues.discard(invocation)

    def _deliver(self, invocation: Invocation) -> None:
        """Release the lines of an ended invocation, with its summary."""
        if invocation.failure is None:
            self._evaluator.kept(invocation)
        self._to_queues.release(invocation, with_summary=True)

    def _deliver_partly(self, invocation: Invocation) -> None:
        self._deliver(invocation)
        self._hold(invocation)

    def _deliver_and_retire(self, invocation: Invocation) -> None:
        self._deliver(invocation)
        self._retire_rest(invocation)

    def _withhold(self, invocation: Invocation) -> None:
        """Hold the lines of a dropped invocation for a late failure, but for metrics."""
        self._to_queues.release_metrics(invocation)
        self._hold(invocation)

    def _hold(self, invocation: Invocation) -> None:
        self._held.pop(id(invocation), None)
        self._held[id(invocation)] = invocation
        while len(self._held) > self._most_held:
            self.expire_oldest()

    def _retire(self, invocation: Invocation) -> None:
        """Move a dropped invocation to the history; the archive gets its summary."""
        self._to_queues.release_metrics(invocation)
        self._remember(invocation)
        self._to_queues.archive_summary(invocation)

    def _retire_rest(self, invocation: Invocation) -> None:
        """Move the lines that are left of a partly kept invocation to the history."""
        self._release(invocation)
        self._to_queues.release_metrics(invocation)
        self._remember(invocation)

    def _remember(self, invocation: Invocation) -> None:
        if self.most_history and invocation.recording.lines:
            self._history.append(invocation)
        else:
            self.step(invocation, Event.FORGET)
        while len(self._history) > self.most_history:
            self.forget_oldest()

    def _close_init(self, invocation: Invocation) -> None:
        """Deliver what is kept of init, and drop the rest."""
        invocation.verdict = invocation.verdict or self._evaluator.decide(invocation)
        if invocation.verdict is not None and invocation.verdict.keep:
            self._to_queues.release(invocation, with_summary=True)
        self._drop_late(invocation)
