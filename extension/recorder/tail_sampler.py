"""Tail sampler: hold each invocation's lines until its outcome is known, then release or drop them.

Promises:

- Lines of a failed invocation are released as soon as the failure is known, while the function still runs.
- Lines of a healthy one are dropped only when its report has come, because a late error still saves them.
- The bytes held exceed the bound for one batch at most. The account and the delivery count the lines that costs.

Pure: it reads no clock and does no I/O. The states of an invocation are a table, in :mod:`extension.recorder.states`.
"""

from extension.config.settings import Settings
from extension.delivery.queue import Queues
from extension.diagnostics.account import Account
from extension.model.segment import Segment
from extension.parsing.failures import Failure, Outcome
from extension.parsing.line import LineFacts
from extension.recorder.evaluator import PolicyEvaluator
from extension.recorder.invocation import Invocation
from extension.recorder.lifecycle import Lifecycle
from extension.recorder.metadata import MetadataSource
from extension.recorder.release import Release
from extension.recorder.states import Event
from extension.sampling import verdict

MAX_OPEN_INVOCATIONS = 1024
"""Running ones on Managed Instances, where an id may never report. An environment runs some dozens at a time (AWS:
Managed Instances); beyond this, the oldest counts as ended."""

UNKNOWN = Failure(verdict.UNKNOWN_OUTCOME, Outcome.UNKNOWN)
"""Neither an end nor a failure was seen: it may be the very invocation that somebody looks for."""

_INIT_ERROR = Failure("init-error", Outcome.INIT_ERROR)

_DEATHS = (Outcome.TIMEOUT, Outcome.CRASH, Outcome.OUT_OF_MEMORY)


class TailSampler:
    """Hold and release the recordings of one environment.

    Attributes:
        init: the environment's init, to which lines before the first invocation belong.
        metadata: names the environment and numbers its records.
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
        self._evaluator = PolicyEvaluator(settings, account=account, metadata=self.metadata)
        self._release = Release(
            settings,
            queues=queues,
            account=account,
            metadata=self.metadata,
            evaluator=self._evaluator,
        )
        self._life = Lifecycle(
            settings, release=self._release, evaluator=self._evaluator, managed=managed_instances
        )
        self.step = self._life.step
        self._settings = settings
        self._queues = queues
        self._account = account
        self._managed = managed_instances
        self.init = Invocation("")

    def apply(self, settings: Settings) -> None:
        """Apply settings, the first ones or changed ones, to every decision from now on."""
        self._settings = settings
        self._evaluator.apply(settings)
        self._release.apply(settings)
        self._life.most_history = settings.history

    def identify(self, environment_id: str) -> None:
        """Name this environment, with 16 hex digits. A restored snapshot gets a new name."""
        self.metadata.environment_id = environment_id

    @property
    def environment_id(self) -> str:
        """The name of this environment."""
        return self.metadata.environment_id

    def number(self, count: int) -> int:
        """Return the first of ``count`` numbers that no other record of this environment has."""
        number = self.metadata.next_number
        self.metadata.next_number += count
        return number

    @property
    def held_bytes(self) -> int:
        """Bytes in recordings. The queues count their own."""
        return sum(one.recording.held_bytes for one in (self.init, *self._life.recorded()))

    @property
    def buffered_lines(self) -> int:
        """Lines received and not yet decided on. The queues count their own."""
        return sum(one.recording.lines for one in (self.init, *self._life.recorded()))

    @property
    def open_count(self) -> int:
        """How many invocations are running."""
        return len(self._life.running)

    @property
    def illegal_events(self) -> int:
        """How many events came in a state that has no row for them."""
        return self._life.illegal_events

    # What the recorder sees -------------------------------------------------------------------------------------

    def begin(self, invocation: Invocation, *, has_signs: bool = False) -> None:
        """Add an invocation. Lines of init come first in its recording.

        Args:
            invocation: new.
            has_signs: whether anything is known of it that a policy may speak of.
        """
        self._life.begin(invocation)
        running = self._life.running
        if len(running) > MAX_OPEN_INVOCATIONS:
            oldest = next(iter(running.values()))
            self.fail(oldest, UNKNOWN)
            self.step(oldest, Event.END)
        init = self.init
        if init.failure is not None:
            self.end_init()
        elif not self._managed and init.recording.segments:
            for segment in init.recording.take():
                invocation.recording.append(segment)
            invocation.lines += init.lines
            if init.signs.is_marked:
                invocation.signs.is_marked = has_signs = True
            init.lines, init.signs.is_marked = 0, False
        if has_signs or self._evaluator.keeps_all:
            self.signed(invocation)

    def store(self, invocation: Invocation, segment: Segment) -> None:
        """Add lines to an invocation, however late, or a platform event that travels with it."""
        if segment.lines:
            self._account.received += segment.lines
            self._account.received_bytes += len(segment.raw)
            invocation.lines += segment.lines
        if self._queues.archive is not None:
            self._release.archive(invocation, segment)
        invocation.recording.append(segment)
        self.step(invocation, Event.LINES)

    def store_alone(self, segment: Segment, facts: LineFacts) -> None:
        """Decide at once on a line that belongs to no invocation: it is a transaction of its own."""
        self._account.receive(lines=segment.lines, size_bytes=len(segment.raw))
        if self._queues.archive is not None:
            self._release.archive(self.init, segment)
        name = f"{self.metadata.environment_id}-{segment.first_number}"
        decided = self._evaluator.decide_alone(facts, name)
        if decided is not None and decided.keep:
            self._release.release_alone(self.init, segment, decided)
        elif facts.is_emf:
            self._release.release_alone(self.init, segment, verdict.METRICS)
        else:
            self._account.drop(verdict.NOT_SAMPLED, segment.lines)

    def exclude(self, lines: int, *, size_bytes: int) -> None:
        """Count lines that are not recorded (EXCLUDE)."""
        self._account.receive(lines=lines, size_bytes=size_bytes)
        self._account.drop(verdict.EXCLUDED, lines)

    def signed(self, invocation: Invocation) -> None:
        """Ask the policies again, because a sign has been seen."""
        # Lines of init go with the first invocation, and are decided with it.
        if self._managed or not invocation.is_init:
            self.step(invocation, Event.SIGN)

    def name(self, invocation: Invocation, correlation_id: str) -> None:
        """Set the id by which a line names the transaction."""
        invocation.correlation_id = correlation_id
        self._release.one_was_named = True

    def fail(self, invocation: Invocation, failure: Failure) -> None:
        """Add a sign of failure. The first one is the reason; a later one may tell the outcome better."""
        if invocation.failure is None:
            invocation.failure = failure
            self._account.failed_invocations += 0 if invocation.is_init else 1
            self._evaluator.admit(invocation)
        if invocation.outcome in (Outcome.UNKNOWN, Outcome.SUCCESS) or failure.outcome in _DEATHS:
            invocation.outcome = failure.outcome
        self.step(invocation, Event.FAILURE)

    def end_init(self) -> None:
        """Settle the lines before any invocation, and begin a new init."""
        init, self.init = self.init, Invocation("")
        if init.recording.segments or init.failure is not None:
            self.step(init, Event.INIT_END)

    def shut_down(self, failure: Failure | None) -> None:
        """Decide on everything.

        Args:
            failure: of whatever still runs, by SHUTDOWN's reason; None for a spin-down.
        """
        for invocation in list(self._life.running.values()):
            self.fail(invocation, failure or UNKNOWN)
            self.step(invocation, Event.END)
        if failure is not None and self.init.recording.segments:
            self.fail(self.init, _INIT_ERROR)
        self.end_init()
        self._life.shut_down()

    def make_room(self) -> None:
        """Keep what is held within BUFFER_SIZE."""
        bound = self._settings.buffer_bytes
        held_bytes = self.held_bytes + self._queues.held_bytes
        life = self._life
        if 2 * held_bytes > bound:
            for invocation in life.running.values():
                # Lines are worth more than the name of their transaction.
                self._release.release(invocation, unnamed=True)
        if held_bytes > bound:
            # Imported here: most environments never reach the bound.
            from extension.recorder.memory_limiter import MemoryLimiter

            MemoryLimiter(
                queues=self._queues,
                account=self._account,
                held_bytes=lambda: self.held_bytes,
                running=lambda: (self.init, *life.running.values()),
                oldest=(life.forget_oldest, life.expire_oldest),
            ).make_room(bound, excess_bytes=held_bytes - bound)
