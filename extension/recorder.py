"""The recorder: which line belongs to which invocation, what is known of each, and what is owed to the sink.

Promises: order within an invocation is the order received; what a failed invocation wrote is owed whole, or the hole
is told; the bytes held never exceed the bound for longer than one batch; every line received is accounted for.
Pure: it is told what Lambda delivered and what the Extensions API said, and gives back parcels. It reads no clock.

Assumes of AWS:

- A line belongs to the invocation whose id it names, if that is one we know; else to the one whose ``platform.start``
  came last. Lines may come after ``runtimeDone``, and in the next invocation still (AWS: Telemetry API).
- ``platform.start`` and the INVOKE event of one invocation come in either order.
- A retry has the same request id: an invocation is a request id and a start (AWS: Runtime API).
- ``platform.report`` comes after Next, so with the following invocation or at SHUTDOWN. Until then a healthy recording
  is kept at hand if there is room: a late error still saves it.
- On Managed Instances invocations run side by side, and only the id tells them apart (AWS: Managed Instances).
"""

import json
from collections import OrderedDict, deque

from . import sampling, verdict
from .account import Account
from .config import PlatformEvents, Settings
from .failures import Failure, Outcome, failure_by_fault, failure_by_status
from .lines import LineRules
from .outbox import Outbox, Parcel, Stamp
from .recording import Kind, Recording, Segment
from .records import Line, Lines, PlatformEvent, Unreadable, read_batch
from .verdict import Verdict

REMEMBERED_INVOCATIONS = 64
"""Ended invocations whose verdict is still known to late lines. Each costs about 1 KiB."""

MAX_OPEN_INVOCATIONS = 1024
"""On Managed Instances, ids that never report. An environment runs at most some dozens at a time (AWS: Managed
Instances); beyond this, the oldest is taken for ended."""

LINGERING_INVOCATIONS = 2
MANAGED_LINGERING_INVOCATIONS = 64
"""Healthy recordings kept at hand for a late sign of failure, until the report has come. On Managed Instances the
report may come before an invocation's last lines, so there some more are kept than ended side by side."""

REMEMBERED_BATCHES = 64
"""A batch is repeated when its 200 was lost, so soon after (AWS: Logs API, delivery at least once)."""

MIN_DUPLICATE_BYTES = 3
"""An empty array is not a batch that could be a repetition."""


class Invocation:
    """What is known of one invocation."""

    __slots__ = (
        "dropped_lines",
        "duration_ms",
        "ended",
        "evicted_bytes",
        "evicted_lines",
        "expected",
        "failure",
        "last_time",
        "lines",
        "outcome",
        "recording",
        "request_id",
        "started",
        "summarised",
        "trace_id",
        "verdict",
    )

    def __init__(self, request_id: str, *, started: str = "", trace_id: str = "") -> None:
        self.request_id = request_id
        self.started = started
        self.trace_id = trace_id
        self.expected = False
        self.ended = False
        self.summarised = False
        self.outcome = Outcome.UNKNOWN
        self.failure: Failure | None = None
        self.verdict: Verdict | None = None
        self.recording = Recording()
        self.lines = self.evicted_lines = self.evicted_bytes = self.dropped_lines = 0
        self.last_time = started
        self.duration_ms: float | None = None


class Recorder:
    """Everything that one environment has received and not yet settled."""

    def __init__(
        self,
        settings: Settings,
        *,
        outbox: Outbox,
        account: Account,
        function: str = "",
        version: str = "",
        managed_instances: bool = False,
    ) -> None:
        self._settings = settings
        self._outbox = outbox
        self._account = account
        self._function = function
        self._version = version
        self._managed = managed_instances
        self._rules = LineRules(
            error_level=settings.error_level,
            pattern=settings.error_pattern.search if settings.error_pattern is not None else None,
            by_id_only=managed_instances,
        )
        self._environment_id = ""
        self._next_number = 0
        self._seen_batches: deque[int] = deque(maxlen=REMEMBERED_BATCHES)
        self._init = Invocation("")
        self._current: Invocation | None = None
        self._previous: Invocation | None = None
        self._known: OrderedDict[str, Invocation] = OrderedDict()
        self._lingering: deque[Invocation] = deque()
        self._open: dict[int, Invocation] = {}
        self._announced: dict[str, str] = {}
        self.runtime_version = ""

    def identify(self, environment_id: str) -> None:
        """Names this environment, for the ids of its records. Call it again after a restored snapshot."""
        self._environment_id = environment_id

    @property
    def held_bytes(self) -> int:
        """Bytes in recordings; what waits in the outbox is counted there."""
        held = self._init.recording.held_bytes + sum(one.recording.held_bytes for one in self._open.values())
        return held + sum(one.recording.held_bytes for one in self._lingering)

    @property
    def buffered_lines(self) -> int:
        """Lines received whose fate is not known yet, those in the outbox not counted."""
        lines = self._init.recording.lines + sum(one.recording.lines for one in self._open.values())
        return lines + sum(one.recording.lines for one in self._lingering)

    @property
    def complete(self) -> bool:
        """Whether every invocation that began has ended, and none that was announced is still to begin."""
        return not self._open and not self._announced

    # What Lambda tells ------------------------------------------------------------------------------------------

    def invoked(self, request_id: str, *, trace_header: str) -> Invocation | None:
        """Takes an INVOKE event.

        Returns:
            The invocation, if its ``platform.start`` has come already; else None until :meth:`expected` finds it.
        """
        trace_id = sampling.trace_id_of(trace_header)
        known = self._known.get(request_id)
        if known is not None and not known.expected:
            known.expected = True
            known.trace_id = known.trace_id or trace_id
            if known.ended and known.verdict is None:
                self._lingering.remove(known)
                self._settle(known)
            return known
        self._announced[request_id] = trace_id
        while len(self._announced) > REMEMBERED_INVOCATIONS:
            del self._announced[next(iter(self._announced))]
        return None

    def expected(self, request_id: str) -> Invocation | None:
        """Finds the invocation that an INVOKE announced, once its ``platform.start`` has come."""
        known = self._known.get(request_id)
        return known if known is not None and request_id not in self._announced else None

    def receive(self, body: bytes) -> None:
        """Takes one batch as it was posted. A repetition of an earlier one is counted and left alone."""
        if len(body) >= MIN_DUPLICATE_BYTES:
            digest = hash(body)
            if digest in self._seen_batches:
                self._account.duplicate_batches += 1
                return
            self._seen_batches.append(digest)
        open_id = self._current.request_id.encode() if self._current is not None else b""
        for item in read_batch(body, rules=self._rules, open_id=open_id):
            if isinstance(item, Lines):
                self._take_lines(item)
            elif isinstance(item, PlatformEvent):
                self._take_event(item)
            elif isinstance(item, Line):
                self._take_line(item)
            else:
                self._take_unreadable(item)
        self._make_room()

    def shut_down(self, failure: Failure | None) -> None:
        """Decides everything that is undecided.

        Args:
            failure: what the SHUTDOWN event's reason says of the invocation that was running, if anything.
        """
        for invocation in list(self._open.values()):
            if failure is not None:
                self._fail(invocation, failure)
            elif not invocation.ended and invocation.verdict is None:
                # Neither its end nor a failure was seen: it may be the one line that is looked for.
                self._fail(invocation, Failure(verdict.UNKNOWN_OUTCOME, Outcome.UNKNOWN))
            self._end(invocation)
        if failure is not None and self._init.recording.segments:
            self._fail(self._init, Failure("init-error", Outcome.INIT_ERROR))
        self._end_init()
        while self._lingering:
            self._dismiss(self._lingering.popleft())

    # Lines ------------------------------------------------------------------------------------------------------

    def _number(self, count: int) -> int:
        number = self._next_number
        self._next_number += count
        return number

    def _take_lines(self, item: Lines) -> None:
        segment = Segment(item.raw, count=item.count, first_number=self._number(item.count))
        self._store(self._current or self._init, segment)

    def _take_line(self, item: Line) -> None:
        facts = item.facts
        segment = Segment(
            item.raw,
            count=1,
            first_number=self._number(1),
            vital=facts.failure is not None or facts.is_emf,
            is_emf=facts.is_emf,
        )
        invocation = self._attributed(facts.request_id)
        if invocation is None:
            self._take_unattributed(item, segment)
            return
        if facts.failure is not None:
            self._fail(invocation, facts.failure)
        self._store(invocation, segment)

    def _attributed(self, request_id: str) -> Invocation | None:
        if request_id:
            known = self._known.get(request_id)
            if known is not None:
                return known
            if request_id in self._announced or self._managed:
                return self._begin(request_id, started="", trace_id="")
        if self._managed:
            return None
        return self._current or self._init

    def _take_unattributed(self, item: Line, segment: Segment) -> None:
        """Settles a line that nothing ties to an invocation: on Managed Instances it is a transaction of its own."""
        self._account.receive(lines=1, size_bytes=len(segment.raw))
        if not self._known and not self._announced:
            self._init.lines += 1
            self._init.recording.append(segment)
            return
        own = verdict.decide(
            failure=item.facts.failure,
            ended=True,
            randomness=sampling.randomness_of(
                trace_id="", request_id=f"{self._environment_id}-{segment.first_number}"
            ),
            rate=self._settings.sample_rate,
        )
        if item.facts.is_emf and own is not None and not own.keep:
            own = Verdict(keep=True, reason=verdict.EMF, weight=1.0, failed=False)
        if own is None or not own.keep:
            self._account.drop(verdict.NOT_SAMPLED, 1)
            return
        self._outbox.put(Parcel(self._stamp(self._init, own), [segment]))

    def _take_unreadable(self, item: Unreadable) -> None:
        self._account.unreadable_bytes += len(item.raw)

    def _store(self, invocation: Invocation, segment: Segment) -> None:
        self._account.receive(lines=segment.count, size_bytes=len(segment.raw))
        invocation.lines += segment.count
        invocation.recording.append(segment)
        if invocation.verdict is not None:
            self._settle_late(invocation)

    def _settle_late(self, invocation: Invocation) -> None:
        """Handles what came after the verdict: kept goes the way of the rest, and so does dropped, once forgotten."""
        decided = invocation.verdict
        if decided is not None and decided.keep:
            self._owe(invocation)
        elif invocation.ended and invocation not in self._lingering:
            self._owe_emf(invocation)
            self._discard(invocation)

    # Platform events --------------------------------------------------------------------------------------------

    def _take_event(self, event: PlatformEvent) -> None:
        name = event.type
        if name == "platform.start":
            self._take_start(event)
        elif name == "platform.runtimeDone":
            self._take_end(event, reported=False)
        elif name == "platform.report":
            self._take_end(event, reported=True)
        elif name == "platform.end":
            self._take_logs_api_end(event)
        elif name == "platform.fault":
            self._take_fault(event)
        elif name in ("platform.initRuntimeDone", "platform.initReport"):
            self._take_init_end(event)
        elif name == "platform.initStart":
            version = event.field("runtimeVersion")
            self.runtime_version = version if isinstance(version, str) else ""
        elif name == "platform.logsDropped":
            dropped = event.field("droppedRecords")
            self._account.platform_dropped += dropped if isinstance(dropped, int) else 0

    def _take_start(self, event: PlatformEvent) -> None:
        tracing = event.field("tracing")
        header = tracing.get("value") if isinstance(tracing, dict) else ""
        trace_id = sampling.trace_id_of(header) if isinstance(header, str) else ""
        known = self._known.get(event.request_id)
        if known is not None and not known.started:
            # A line, or the invocation's end, came before its start.
            known.started, known.trace_id = event.time, known.trace_id or trace_id
            invocation = known
        else:
            invocation = self._begin(event.request_id, started=event.time, trace_id=trace_id)
        self._note(invocation, event)
        if not self._managed:
            missed, self._previous, self._current = self._previous, self._current, invocation
            if missed is not None and not missed.ended:
                # Invocations follow each other, and batches nearly do: after two more, its end will not come.
                self._fail(missed, Failure(verdict.UNKNOWN_OUTCOME, Outcome.UNKNOWN))
                self._end(missed)

    def _begin(self, request_id: str, *, started: str, trace_id: str) -> Invocation:
        invocation = Invocation(request_id, started=started, trace_id=trace_id)
        if request_id in self._announced:
            invocation.trace_id = trace_id or self._announced[request_id]
            invocation.expected = True
            del self._announced[request_id]
        self._account.invocations += 1
        self._known.pop(request_id, None)
        self._known[request_id] = invocation
        while len(self._known) > REMEMBERED_INVOCATIONS + len(self._open):
            oldest = next(iter(self._known.values()))
            if not oldest.ended:
                break
            del self._known[oldest.request_id]
        self._open[id(invocation)] = invocation
        if len(self._open) > MAX_OPEN_INVOCATIONS:
            forgotten = next(iter(self._open.values()))
            self._fail(forgotten, Failure(verdict.UNKNOWN_OUTCOME, Outcome.UNKNOWN))
            self._end(forgotten)
        if self._init.failure is not None:
            self._end_init()
        elif self._init.recording.segments and not self._managed:
            # What init wrote belongs to the first invocation, before its own lines.
            for segment in self._init.recording.take():
                invocation.recording.append(segment)
            invocation.lines += self._init.lines
            self._init.lines = 0
        if self._settings.sample_rate >= 1.0:
            invocation.verdict = self._decide(invocation)
            self._owe(invocation)
        return invocation

    def _take_end(self, event: PlatformEvent, *, reported: bool) -> None:
        invocation = self._known.get(event.request_id)
        if invocation is None:
            invocation = self._begin(event.request_id, started="", trace_id="")
        duration_ms = _metric(event, "durationMs")
        if invocation.duration_ms is None:
            invocation.duration_ms = duration_ms
        self._note(invocation, event)
        failure = failure_by_status(event.field("status"), event.field("errorType"), reported=reported)
        if failure is None and reported and _used_all_memory(event) and invocation.outcome is Outcome.CRASH:
            failure = Failure("out-of-memory", Outcome.OUT_OF_MEMORY)
        if failure is not None:
            self._fail(invocation, failure)
        elif invocation.outcome is Outcome.UNKNOWN and invocation.failure is None:
            invocation.outcome = Outcome.SUCCESS
        self._end(invocation)
        if reported and not self._managed and invocation in self._lingering:
            self._lingering.remove(invocation)
            self._dismiss(invocation)

    def _take_logs_api_end(self, event: PlatformEvent) -> None:
        # The Logs API's first schema has no runtimeDone; ``end`` is the first sign that the invocation is over.
        invocation = self._known.get(event.request_id)
        if invocation is not None and not invocation.ended:
            self._note(invocation, event)
            self._end(invocation)

    def _take_fault(self, event: PlatformEvent) -> None:
        text = event.record if isinstance(event.record, str) else ""
        named = text.partition("RequestId: ")[2].split(None, 1)
        invocation = self._known.get(named[0]) if named else self._current
        if invocation is not None:
            self._note(invocation, event)
            self._fail(invocation, failure_by_fault(text))

    def _take_init_end(self, event: PlatformEvent) -> None:
        if failure_by_status(event.field("status"), event.field("errorType")) is None:
            return
        failed = self._current if event.field("phase") == "invoke" and self._current is not None else self._init
        self._fail(failed, Failure("init-error", Outcome.INIT_ERROR))
        if failed is self._init:
            self._end_init()

    def _note(self, invocation: Invocation, event: PlatformEvent) -> None:
        invocation.last_time = event.time or invocation.last_time
        wanted = self._settings.platform_events
        if wanted is PlatformEvents.ALL or (
            wanted is PlatformEvents.REPORT and event.type == "platform.report"
        ):
            segment = Segment(event.raw, count=1, first_number=self._number(1), kind=Kind.EVENT, vital=True)
            invocation.recording.append(segment)
            if invocation.verdict is not None:
                self._settle_late(invocation)

    # Verdicts ---------------------------------------------------------------------------------------------------

    def _decide(self, invocation: Invocation) -> Verdict | None:
        name = invocation.request_id or self._environment_id
        randomness = sampling.randomness_of(trace_id=invocation.trace_id, request_id=name)
        return verdict.decide(
            failure=invocation.failure,
            ended=invocation.ended,
            randomness=randomness,
            rate=self._settings.sample_rate,
        )

    def _fail(self, invocation: Invocation, failure: Failure) -> None:
        """Notes a sign of failure. The first one is the reason; a later one may still tell the outcome better."""
        if invocation.failure is None:
            invocation.failure = failure
            self._account.failed_invocations += 1
        if invocation.outcome in (Outcome.UNKNOWN, Outcome.SUCCESS) or failure.outcome in _DEATHS:
            invocation.outcome = failure.outcome
        if invocation.verdict is None or not invocation.verdict.failed:
            invocation.verdict = self._decide(invocation)
            if invocation in self._lingering:
                self._lingering.remove(invocation)
            self._owe(invocation)

    def _end(self, invocation: Invocation) -> None:
        """Notes that the invocation is over, decides, and leaves owed what is owed."""
        if invocation.ended:
            return
        invocation.ended = True
        self._open.pop(id(invocation), None)
        if invocation.verdict is None and not self._managed and not invocation.expected and not invocation.trace_id:
            # The draw needs the trace id, and with the Logs API only INVOKE has it: wait for that, which is near.
            self._linger(invocation)
        else:
            self._settle(invocation)

    def _settle(self, invocation: Invocation) -> None:
        if invocation.verdict is None:
            invocation.verdict = self._decide(invocation)
        if invocation.verdict is not None and invocation.verdict.keep:
            self._owe(invocation)
        else:
            self._owe_emf(invocation)
            self._linger(invocation)

    def _linger(self, invocation: Invocation) -> None:
        self._lingering.append(invocation)
        most = MANAGED_LINGERING_INVOCATIONS if self._managed else LINGERING_INVOCATIONS
        while len(self._lingering) > most:
            self._dismiss(self._lingering.popleft())

    def _dismiss(self, invocation: Invocation) -> None:
        """Lets go of an invocation that was kept at hand."""
        if invocation.verdict is None:
            invocation.verdict = self._decide(invocation)
            if invocation.verdict is not None and invocation.verdict.keep:
                self._owe(invocation)
                return
            self._owe_emf(invocation)
        self._discard(invocation)

    def _end_init(self) -> None:
        """Settles what was written before any invocation, once it is known whether anything went wrong."""
        init, self._init = self._init, Invocation("")
        if not init.recording.segments and init.failure is None:
            return
        init.ended = True
        init.verdict = self._decide(init)
        if init.verdict is not None and init.verdict.keep:
            self._owe(init)
        else:
            self._owe_emf(init)
            self._discard(init)

    def _owe(self, invocation: Invocation) -> None:
        decided = invocation.verdict
        if decided is None or not decided.keep:
            return
        segments = invocation.recording.take()
        if invocation.ended and not invocation.summarised:
            invocation.summarised = True
            segments.append(self._summary(invocation, decided))
        if segments:
            self._outbox.put(Parcel(self._stamp(invocation, decided), segments))

    def _owe_emf(self, invocation: Invocation) -> None:
        segments = invocation.recording.take_emf()
        if segments:
            metrics = Verdict(keep=True, reason=verdict.EMF, weight=1.0, failed=False)
            self._outbox.put(Parcel(self._stamp(invocation, metrics), segments))

    def _discard(self, invocation: Invocation) -> None:
        lines = invocation.recording.lines
        invocation.recording.take()
        if lines:
            invocation.dropped_lines += lines
            reason = invocation.verdict.reason if invocation.verdict is not None else verdict.NOT_SAMPLED
            self._account.drop(reason, lines)

    def _stamp(self, invocation: Invocation, decided: Verdict) -> Stamp:
        return Stamp(
            request_id=invocation.request_id,
            trace_id=invocation.trace_id,
            function=self._function,
            version=self._version,
            environment_id=self._environment_id,
            reason=decided.reason,
            weight=decided.weight,
            failed=decided.failed,
        )

    def _summary(self, invocation: Invocation, decided: Verdict) -> Segment:
        """The record that tells what was decided of an invocation and what is missing from it."""
        told = {
            "outcome": invocation.outcome.value,
            "started": invocation.started,
            "lines": invocation.lines,
            "evictedLines": invocation.evicted_lines,
            "evictedBytes": invocation.evicted_bytes,
            "droppedLines": invocation.dropped_lines,
            "durationMs": invocation.duration_ms,
        }
        record = {"time": invocation.last_time, "type": "flightRecorder.invocation", "record": told}
        raw = json.dumps(record, separators=(",", ":")).encode()
        return Segment(raw, count=1, first_number=self._number(1), kind=Kind.EVENT)

    # The bound --------------------------------------------------------------------------------------------------

    def _make_room(self) -> None:
        """Gives up what matters least until all that is held is within BUFFER_SIZE.

        In this order: recordings that are only at hand for a late error; healthy invocations that wait for the sink,
        oldest first; the middle of the recordings that are still open, healthy ones before failed ones are touched;
        failed invocations that wait, oldest first.
        """
        excess = self.held_bytes + self._outbox.held_bytes - self._settings.buffer_bytes
        if excess <= 0:
            return
        while excess > 0 and self._lingering:
            invocation = self._lingering.popleft()
            excess -= invocation.recording.held_bytes
            self._dismiss(invocation)
        if excess > 0:
            excess -= self._outbox.give_up(need_bytes=excess, failed_too=False)
        # More than must be is given up at a time, so that the cost of doing so is linear in what is received.
        slack = self._settings.buffer_bytes // 16
        for invocation in sorted((*self._open.values(), self._init), key=_held_bytes, reverse=True):
            if excess <= 0:
                return
            floor = self._settings.buffer_bytes // 8
            need = min(excess + slack, invocation.recording.held_bytes - floor)
            if need > 0:
                excess -= self._evict(invocation, need_bytes=need)
        if excess > 0:
            excess -= self._outbox.give_up(need_bytes=excess + slack, failed_too=True)
        for invocation in (*self._open.values(), self._init):
            if excess > 0:
                excess -= self._evict(invocation, need_bytes=excess + slack)

    def _evict(self, invocation: Invocation, *, need_bytes: int) -> int:
        recording = invocation.recording
        before = recording.held_bytes
        lines = recording.give_up(need_bytes=need_bytes)
        freed = before - recording.held_bytes
        invocation.evicted_lines += lines
        invocation.evicted_bytes += freed
        self._account.evicted += lines
        return freed


_DEATHS = (Outcome.TIMEOUT, Outcome.CRASH, Outcome.OUT_OF_MEMORY)


def _held_bytes(invocation: Invocation) -> int:
    return invocation.recording.held_bytes


def _metric(event: PlatformEvent, name: str) -> float | None:
    metrics = event.field("metrics")
    value = metrics.get(name) if isinstance(metrics, dict) else None
    return float(value) if isinstance(value, (int, float)) else None


def _used_all_memory(event: PlatformEvent) -> bool:
    used, size = _metric(event, "maxMemoryUsedMB"), _metric(event, "memorySizeMB")
    return used is not None and size is not None and used >= size > 0
