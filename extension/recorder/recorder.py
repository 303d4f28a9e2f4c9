"""Recorder: give every line to its invocation, and read platform events.

Promises: each line received goes to one invocation, in the order received; a batch that arrives twice is taken once.
Pure: the main loop passes in Lambda's batches and the Extensions API's events, and
:mod:`extension.recorder.tail_sampler` decides what is kept.

Assumes of AWS:

- A line belongs to the invocation whose id it names, if Lambda has told that id; else to the invocation whose
  ``platform.start`` came last. An application has ids of its own, under the same names. Lines may come after
  ``runtimeDone``, or in the next invocation (AWS: Telemetry API).
- ``platform.start`` and the INVOKE event of one invocation come in either order, because they are two streams.
- ``platform.report`` comes after Next, so with the following invocation or at SHUTDOWN.
- On Managed Instances invocations run side by side, and only the id tells them apart (AWS: Managed Instances). A line
  there begins no invocation: see :mod:`extension.recorder.managed_instances`.
- On ordinary functions one invocation runs at a time. A logger may hold on to the id of an earlier one: so an error that
  names an invocation which is over for good is one of the running invocation as well.
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from extension.config.parsers import PlatformEvents
from extension.config.settings import Settings
from extension.diagnostics.account import Account
from extension.model.segment import Kind, Segment
from extension.model.timestamps import ms_between
from extension.parsing.batch import Line, Lines, read_batch
from extension.parsing.failures import Failure, Outcome, failure_by_level
from extension.parsing.line import LineFacts, LineRules
from extension.parsing.platform_events import (
    Closed,
    Ended,
    Fault,
    Started,
)
from extension.parsing.trace_header import span_id_of, trace_id_of
from extension.recorder.environment import EnvironmentEvents
from extension.recorder.invocation import Invocation
from extension.recorder.screening import Screening
from extension.recorder.states import OVER, Event
from extension.recorder.tail_sampler import UNKNOWN, TailSampler

if TYPE_CHECKING:
    from extension.recorder.managed_instances import ManagedLines

REMEMBERED_INVOCATIONS = 64
"""Invocations that are over and may still get late lines. Each costs about half a KiB (measured), so Managed Instances have
:class:`extension.recorder.managed_instances.Past` besides."""

FORGOTTEN_TOGETHER = 16
"""Invocations are forgotten so many at a time at most: to look for one costs as much as to look for some."""

REMEMBERED_BATCHES = 64
"""Lambda repeats a batch when its 200 was lost, so soon after it (AWS: Logs API, delivery at least once)."""

DIGESTED_BYTES = 4096
"""Of each end of a batch: some fifteen lines. A digest of the whole batch would cost a fifteenth of a line's budget."""

MIN_REPEATED_BYTES = 3
"""A shorter batch is an empty array, which never counts as a repetition."""

OUT_OF_MEMORY = Failure("out-of-memory", Outcome.OUT_OF_MEMORY)

Handler = Callable[[Any], None]


class Recorder:
    """Take all that Lambda sends to one environment's extension."""

    def __init__(
        self,
        settings: Settings,
        *,
        sampler: TailSampler,
        account: Account,
        managed_instances: bool = False,
        texts_only: bool = False,
        on_restore: Callable[[], None] | None = None,
    ) -> None:
        """Begin an environment. ``on_restore`` is called once in each copy of a snapshot; None where none is taken.

        ``texts_only`` tells whether Lambda's schema makes every line a text.
        """
        self._sampler = sampler
        self._metadata = sampler.metadata
        self._account = account
        self._screening = Screening(settings, sampler=sampler, account=account)
        self._seen = _SeenBatches()
        self._current: Invocation | None = None
        self._previous: Invocation | None = None
        self._known: dict[str, Invocation] = {}
        self._announced: dict[str, tuple[str, str]] = {}
        self._managed_lines: ManagedLines | None = None
        if managed_instances:
            # Imported here: ordinary functions run one invocation at a time.
            from extension.recorder import managed_instances as managed

            self._managed_lines = managed.ManagedLines(
                sampler.release, lambda: sampler.init, self._known, self._add, self._forget
            )
            sampler.waiting = self._managed_lines.waiting
        self._form = LineRules(by_id_only=managed_instances, texts_only=texts_only)
        self.apply(settings)
        self._environment = EnvironmentEvents(
            sampler=sampler,
            account=account,
            screening=self._screening,
            running=self._running,
            on_restore=on_restore,
        )
        self._handlers: dict[type, Handler] = {
            Lines: self._take_lines,
            Line: self._take_line,
            Started: self._take_start,
            Ended: self._take_end,
            Closed: self._take_closed,
            Fault: self._take_fault,
            **self._environment.handlers,
        }

    def apply(self, settings: Settings) -> None:
        """Apply settings, the first ones or changed ones, to every batch from now on."""
        self._screening.apply(settings)
        self._platform_events = settings.platform_events
        self._rules = _rules_of(settings, self._form)
        self._metadata.level_in = self._rules.level_in

    @property
    def complete(self) -> bool:
        """Whether every invocation that began has ended, and every one that INVOKE announced has begun."""
        return not self._sampler.running and not self._announced

    def invoked(self, request_id: str, *, trace_header: str, arn: str = "") -> Invocation | None:
        """Take an INVOKE event. Its ``X-Amzn-Trace-Id`` may be empty; the ARN is as the function was invoked.

        Returns:
            The invocation, if it has begun; else None, and :meth:`expected` finds it later.
        """
        self._environment.restore()
        trace_id, span_id = trace_id_of(trace_header), span_id_of(trace_header)
        self._metadata.arn = arn
        known = self._known.get(request_id)
        if known is not None and not known.is_announced:
            known.is_announced = True
            known.trace_id = known.trace_id or trace_id
            known.span_id = known.span_id or span_id
            self._sampler.step(known, Event.INVOKE)
            return known
        # A retry has the request id of the invocation before it.
        self._announced[request_id] = trace_id, span_id
        while len(self._announced) > REMEMBERED_INVOCATIONS:
            del self._announced[next(iter(self._announced))]
        return None

    def expected(self, request_id: str) -> Invocation | None:
        """Return the invocation that an INVOKE announced; None until it has begun."""
        return None if request_id in self._announced else self._known.get(request_id)

    def receive(self, body: bytes) -> None:
        """Take one batch as it was posted. A repetition of an earlier batch is only counted."""
        if self._seen.is_repetition(body):
            self._account.duplicate_batches += 1
            return
        open_id = (self._current or self._sampler.init).request_id.encode("utf-8", "replace")
        for item in read_batch(body, rules=self._rules, open_id=open_id):
            self._handlers[type(item)](item)
        self._sampler.make_room()

    def _take_lines(self, item: Lines) -> None:
        invocation = self._current or self._sampler.init
        number = self._metadata.number(item.count)
        segment = Segment(item.raw, count=item.count, first_number=number)
        for piece in self._screening.exclude(segment):
            self._screening.look_into(invocation, piece, is_text=item.is_text)
            self._sampler.store(invocation, piece)

    def _take_line(self, item: Line) -> None:
        facts = _own(item.facts, self._rules, is_told=lambda told: self._named((told,)) is not None)
        segment = Segment(
            item.raw,
            count=1,
            first_number=self._metadata.number(),
            vital=facts.failure is not None or facts.is_emf,
            is_emf=facts.is_emf,
        )
        if not self._screening.exclude(segment):
            return
        invocation = self._named(facts.request_ids)
        if invocation is None and self._managed_lines is not None:
            self._managed_lines.take(segment, facts)
        else:
            self._add(invocation or self._current or self._sampler.init, segment, facts)

    def _named(self, request_ids: tuple[str, ...]) -> Invocation | None:
        """Return the invocation that a line names: the running one, or else the first of its ids that Lambda has told."""
        if self._current is not None and self._current.request_id in request_ids:
            return self._current
        for request_id in request_ids:
            known = self._known.get(request_id)
            if known is not None:
                return known
            if request_id in self._announced:
                return self._begin(request_id)
        return None

    def _add(self, invocation: Invocation, segment: Segment, facts: LineFacts) -> None:
        self._screening.look_into(invocation, segment, is_text=facts.is_text)
        if facts.failure is not None:
            invocation.note_error(segment.raw)
            self._sampler.fail(invocation, facts.failure)
            if invocation.is_reported and (running := self._running()) is not None:
                running.note_error(segment.raw)
                self._sampler.fail(running, facts.failure)
        self._sampler.store(invocation, segment)

    def _running(self) -> Invocation | None:
        """Return the invocation that started last, if it has not ended; None on Managed Instances."""
        return None if self._current is None or self._current.ended else self._current

    def _take_start(self, event: Started) -> None:
        known = self._known.get(event.request_id)
        if known is not None and known.started in ("", event.time):
            # A line, or the invocation's end, came before its start; or the start came twice, in different batches.
            known.started, known.trace_id = event.time, known.trace_id or event.trace_id
            known.tenant_id = known.tenant_id or event.tenant_id
            invocation = known
        else:
            invocation = self._begin(event.request_id, start=event)
        if event.span_id:
            # The function's own segment; the header's Parent is only its parent.
            invocation.span_id = event.span_id
        self._note(invocation, event)
        if self._managed_lines is None and invocation is not self._current:
            missed, self._previous, self._current = self._previous, self._current, invocation
            if missed is not None and not missed.ended:
                # Invocations follow each other, and batches nearly do: after two more starts, its end will not come.
                self._sampler.end(missed, UNKNOWN)

    def _begin(self, request_id: str, *, start: Started | None = None) -> Invocation:
        if start is None:
            invocation = Invocation(request_id)
        else:
            invocation = Invocation(request_id, started=start.time, trace_id=start.trace_id)
            invocation.span_id, invocation.tenant_id = start.span_id, start.tenant_id
        announced = self._announced.pop(request_id, None)
        if announced is not None:
            invocation.is_announced = True
            invocation.trace_id = invocation.trace_id or announced[0]
            invocation.span_id = invocation.span_id or announced[1]
        if (environment := self._environment).is_snapshot:
            environment.restore()
        signs, environment.signs_for_next = environment.signs_for_next, None
        invocation.signs = signs or invocation.signs
        is_first = invocation.signs.is_first = not self._account.invocations
        self._account.invocations += 1
        self._known.pop(request_id, None)
        self._known[request_id] = invocation
        if not len(self._known) % FORGOTTEN_TOGETHER:
            self._forget()
        self._sampler.begin(invocation, has_signs=is_first or signs is not None)
        if self._managed_lines is not None:
            self._managed_lines.join(invocation)
        return invocation

    def _forget(self) -> None:
        """Forget the oldest invocations that are over, of more than are remembered. Others have lines that are held."""
        known = self._known
        excess = len(known) - REMEMBERED_INVOCATIONS - self._sampler.undecided
        while excess > 0:
            oldest = known.pop(next(iter(known)))
            if oldest.state not in OVER:
                known[oldest.request_id] = oldest
                continue
            excess -= 1
            if self._managed_lines is not None:
                self._managed_lines.past.remember(oldest)

    def _take_end(self, event: Ended) -> None:
        invocation = self._known.get(event.request_id) or self._begin(event.request_id)
        if invocation.duration_ms is None:
            invocation.duration_ms = event.duration_ms
        invocation.tenant_id = invocation.tenant_id or event.tenant_id
        signs = invocation.signs
        if signs.duration_ms is None:
            signs.duration_ms = invocation.duration_ms
        if signs.duration_ms is None:
            # The Logs API's runtimeDone has no metrics, and the report comes with the next invocation only.
            signs.duration_ms = ms_between(invocation.started, event.time)
        signs.memory_share = event.memory_share or signs.memory_share
        self._note(invocation, event)
        failure = event.failure
        if failure is None and event.memory_share >= 1.0 and invocation.outcome is Outcome.CRASH:
            failure = OUT_OF_MEMORY
        if failure is not None:
            invocation.error_type = event.error_type or invocation.error_type
            self._sampler.fail(invocation, failure)
        elif invocation.outcome is Outcome.UNKNOWN:
            invocation.outcome = Outcome.SUCCESS
        if not (event.is_report and invocation.ended):
            self._sampler.step(invocation, Event.END)
        if event.is_report:
            invocation.is_reported = True
            self._sampler.step(invocation, Event.REPORT)

    def _take_closed(self, event: Closed) -> None:
        if invocation := self._known.get(event.request_id):
            self._note(invocation, event)
            self._sampler.step(invocation, Event.END)

    def _take_fault(self, event: Fault) -> None:
        named = event.request_id
        if invocation := self._known.get(named) if named else self._current:
            self._note(invocation, event)
            invocation.error_type = invocation.error_type or event.error_type
            self._sampler.fail(invocation, event.failure)

    def _note(self, invocation: Invocation, event: Started | Ended | Closed | Fault) -> None:
        """Let an event travel with its invocation, as PLATFORM_EVENTS asks."""
        invocation.last_time = event.time or invocation.last_time
        wanted = self._platform_events
        if wanted is PlatformEvents.ALL or (
            wanted is PlatformEvents.REPORT and isinstance(event, Ended) and event.is_report
        ):
            number = self._metadata.number()
            segment = Segment(event.raw, count=1, first_number=number, kind=Kind.EVENT, vital=True)
            self._sampler.store(invocation, segment)


def _rules_of(settings: Settings, form: LineRules) -> LineRules:
    pattern, levels = settings.error_pattern, settings.level_pattern
    return form._replace(
        error_level=settings.error_level,
        pattern=pattern.search if pattern is not None else None,
        level_in=levels.level_in if levels is not None else None,
    )


def _own(facts: LineFacts, rules: LineRules, *, is_told: Callable[[str], bool]) -> LineFacts:
    """Take away a failure of somebody else's invocation, whose log this function ships or tests."""
    failure = facts.failure
    if failure is None or not failure.request_id or is_told(failure.request_id):
        return facts
    return facts._replace(failure=failure_by_level(facts.level, error_level=rules.error_level))


class _SeenBatches:
    """Recognise a batch that came before."""

    def __init__(self) -> None:
        self._digests: deque[int] = deque(maxlen=REMEMBERED_BATCHES)

    def is_repetition(self, body: bytes) -> bool:
        """Tell whether one of the last batches was this one; remember it if not."""
        if len(body) < MIN_REPEATED_BYTES:
            return False
        digest = _digest(body)
        if digest in self._digests:
            return True
        self._digests.append(digest)
        return False


def _digest(body: bytes) -> int:
    """Digest a batch by its length and its ends.

    The ends carry the times of the first and the last lines. So two batches with one digest would have to begin in the
    same millisecond, and to hold the same text there.
    """
    if len(body) <= 2 * DIGESTED_BYTES:
        return hash(body)
    return hash((len(body), body[:DIGESTED_BYTES], body[-DIGESTED_BYTES:]))
