"""Scripts: what Lambda tells the extension, in order, with fixed times, request ids, trace ids and ARNs."""

from typing import NamedTuple

from tests.doubles import lambda_events
from tests.doubles.lambda_events import Event

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:shop:live"
NOW_S = 1_795_522_200
"""What the extension's clock shows throughout: 2026-11-24T12:10:00Z."""
NOW_MS = NOW_S * 1000
PAST_MS = 1_795_521_600_000
"""The first event's time: 12:00:00, so that each script has ten minutes."""

IN = "ffffffffffffff"
"""The last 56 bits of a trace id that is kept at any rate but 0."""
HALF = "80000000000000"
"""One that is kept from a rate of one half on."""
OUT = "00000000000000"
"""One that is kept at a rate of 1 only."""


class Tell(NamedTuple):
    """The answer to Next, given when it is asked for."""

    event: Event


class Post(NamedTuple):
    """A batch of the Logs or the Telemetry API.

    Attributes:
        body: of the POST.
        delivers: whether to wait until something of it has arrived at a sink, where Next does not say so.
        after_next: whether to wait before, until Next is asked for: when reports come.
    """

    body: bytes
    delivers: bool = False
    after_next: bool = False


Step = Tell | Post


def id_of(number: int) -> str:
    """Return the request id of an invocation."""
    return f"{number:08x}-68aa-4c96-beb0-81e0aa58{number:04x}"


def trace_of(number: int, randomness: str = OUT) -> str:
    """Return the tracing header of an invocation."""
    return f"Root=1-6924{number:04x}-{number:010x}{randomness};Parent=53995c3f42cd{number:04x};Sampled=1"


class Script:
    """Puts steps together. Every event gets a time of its own, a millisecond after the one before.

    Attributes:
        steps: so far.
    """

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._at_ms = 0
        self._report: list[Event] = []

    # Events -------------------------------------------------------------------------------------------------------

    def event(self, kind: str, record: object) -> Event:
        """Return one event of a batch."""
        self._at_ms += 1
        minutes, ms = divmod(self._at_ms, 60_000)
        time = f"2026-11-24T12:{minutes:02d}:{ms // 1000:02d}.{ms % 1000:03d}Z"
        return lambda_events.event(kind, record, time=time)

    def pass_ms(self, passed_ms: int) -> "Script":
        """Let the events that follow come later."""
        self._at_ms += passed_ms
        return self

    def lines(self, *records: object) -> list[Event]:
        """Return events of lines."""
        return [self.event("function", record) for record in records]

    def start(self, number: int, **more: object) -> Event:
        """Return ``platform.start``."""
        record = {"requestId": id_of(number), "version": "7", **more}
        return self.event("platform.start", record)

    def done(self, number: int, status: str = "success", **more: object) -> Event:
        """Return ``platform.runtimeDone``."""
        record = {"requestId": id_of(number), "status": status, **more}
        return self.event("platform.runtimeDone", record)

    def report(self, number: int, *, used_mb: int = 40, **more: object) -> Event:
        """Return ``platform.report``."""
        metrics = {"durationMs": 12.5, "billedDurationMs": 13, "memorySizeMB": 128}
        record = {
            "requestId": id_of(number),
            "metrics": {**metrics, "maxMemoryUsedMB": used_mb},
            **more,
        }
        return self.event("platform.report", record)

    # Steps --------------------------------------------------------------------------------------------------------

    def invoke(
        self, number: int, randomness: str = OUT, *, left_ms: int = 900_000, trace: bool = True
    ) -> "Script":
        """Tell INVOKE."""
        traced = trace_of(number, randomness) if trace else ""
        event = lambda_events.invoke(
            id_of(number), deadline_ms=NOW_MS + left_ms, arn=ARN, trace=traced
        )
        self.steps.append(Tell(event))
        return self

    def post(self, *events: Event, delivers: bool = False, after_next: bool = False) -> "Script":
        """Post a batch, as Go's encoder writes it."""
        self.steps.append(Post(lambda_events.batch(events), delivers, after_next))
        return self

    def post_raw(self, body: bytes) -> "Script":
        """Post any bytes."""
        self.steps.append(Post(body))
        return self

    def invocation(
        self,
        number: int,
        *records: object,
        randomness: str = OUT,
        status: str = "success",
        error_type: str = "",
        used_mb: int = 40,
        took_ms: int = 0,
        amid: tuple[str, object] | None = None,
        reports: bool = True,
    ) -> "Script":
        """Tell INVOKE, and post everything of that invocation as one batch; its report comes with the next one's.

        Args:
            number: names the request.
            records: the function's lines.
            randomness: of the trace id.
            status: how it ended.
            error_type: the same, closer.
            used_mb: of memory.
            took_ms: beside a millisecond an event.
            amid: type and record of a platform event between the lines and the end.
            reports: whether the report tells the status as well, which the Logs API's does not.
        """
        self.invoke(number, randomness)
        before, self._report = self._report, []
        told: Event = {"status": status}
        if error_type:
            told["errorType"] = error_type
        events = [*before, self.start(number), *self.lines(*records)]
        if amid is not None:
            events.append(self.event(*amid))
        self.pass_ms(took_ms)
        self.post(*events, self.done(number, **told))  # type: ignore[arg-type]
        self._report = [self.report(number, used_mb=used_mb, **(told if reports else {}))]
        return self

    def flush_report(self, *, delivers: bool = False) -> "Script":
        """Post the last invocation's report by itself."""
        if self._report:
            self.post(*self._report, delivers=delivers, after_next=True)
            self._report = []
        return self

    def shut_down(self, reason: str = "spindown", *, left_ms: int = 2000) -> list[Step]:
        """Post the report that is left, and tell SHUTDOWN; return all steps."""
        self.flush_report()
        event = lambda_events.shutdown(reason, deadline_ms=NOW_MS + left_ms)
        self.steps.append(Tell(event))
        return self.steps
