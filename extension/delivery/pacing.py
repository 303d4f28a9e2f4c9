"""Pacing: when the next batch may leave for one sink, and when it should. No I/O.

:class:`Backoff` says when it may: after failures, while the sink says that too many requests come, and after an outage.
:class:`Linger` says when it should: at once, or with what comes after it, where each request has a price.

A sink may have thousands of environments. What one may do at any time, all of them must not do at the same time: so each pause
has a random part.
"""

from collections.abc import Callable, Iterable

from extension.model.chunk import WARNING, Chunk
from extension.model.receipt import Answer, Receipt
from extension.model.segment import Kind

FIRST_PAUSE_S = 0.1

MAX_PAUSE_S = 30.0
"""Between attempts while the sink is down: soon after a hiccup, then rarely enough to cost a function nothing. A sink
that denied access is tried again after the longest pause only: somebody has to change something first. A sink may ask for as
much, and then each environment waits up to twice that long."""

JITTER = 0.5
"""Shortens a pause by up to this share, so that many environments do not come back at the same moment."""

PATIENCE_ATTEMPTS = 5
"""Failures in a row before a sink counts as down: three seconds of pauses, longer than a hiccup."""

PATIENCE_S = 3.0
"""A sink that still fails so long after its first failure is down as well. Where each attempt takes its whole time-out, as
without DNS, five of them would take most of a minute."""

PRESSURE_S = 5.0
"""Between deliveries, once the sink has said that too many requests come: what gathers meanwhile goes in one request. Ten
thousand environments then ask 2,000 times a second, of the 5,000 that PutLogEvents allows (AWS: CloudWatch Logs quotas)."""

RELIEF = 0.95
"""Each delivery that is taken shortens that time to this share. Halved, ten thousand environments that fail all the time would
be back at the quota after three answers, and 19 % of their requests refused; this way 4 % are (``bench --only fleet``)."""

LEAST_PRESSURE_S = 0.1
"""A shorter time is none: a request takes about as long itself."""

SLOW_START_BATCHES = 8
"""After an outage one batch goes, then two, then four, each lot after a pause; then pauses end. Eight are all that the
default buffer of a function of 512 MB can hold."""

SLOW_START_PAUSE_S = 1.0
"""Between those, shortened by the jitter: several times what a request takes."""

FAILURE_GRACE_S = 2.0
"""How long lines of a failed invocation wait for its end and its report, where a batch lingers, unless the environment may
freeze before. The report comes with the next invocation, which is near if it comes within 1.5 s (see FLUSH)."""


WARNINGS_LINGER_S = 60.0
"""How long the extension's own warnings wait for lines to go with: in a fleet a wrong variable is wrong everywhere."""


class Backoff:
    """Pace the attempts at one sink.

    Attributes:
        failures: how many attempts in a row have failed.
        is_denied: whether the last answer denied access.
        is_down: whether the sink denied access, or failed too often or for too long, and has taken nothing since.
        is_late: whether an invocation was held for as long as it may be, since the sink's last answer.
        random: returns numbers in [0, 1), for the jitter.
        pressure_s: between deliveries, because the sink has said that too many requests come; 0.0 for no pause.
        try_at_s: when the pause ends.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        """Start without a pause."""
        self.random = random
        self._pause_s = FIRST_PAUSE_S
        self._failing_since_s = 0.0
        self._lot = self._left_of_lot = 0
        self.pressure_s = 0.0
        self.try_at_s = 0.0
        self.failures = 0
        self.is_denied = False
        self.is_down = False
        self.is_late = False

    @property
    def is_failing(self) -> bool:
        """Whether no invocation should wait for the next attempt."""
        return self.failures > 0 or self.is_late

    def answered(self, receipt: Receipt, now_s: float) -> None:
        """Start the pause that an answer calls for, or end all pauses."""
        was_denied, self.is_denied = self.is_denied, receipt.answer is Answer.DENIED
        self.is_late = False
        if receipt.answer in (Answer.UNAVAILABLE, Answer.DENIED):
            self._failed(receipt, now_s)
            return
        lasted_s = now_s - self._failing_since_s
        was_out = self.failures and not was_denied and (self.is_down or lasted_s >= PATIENCE_S)
        self._succeeded(receipt, now_s, was_out=bool(was_out))

    def _failed(self, receipt: Receipt, now_s: float) -> None:
        if not self.failures:
            self._failing_since_s = now_s
        self.failures += 1
        if self.is_denied:
            self._pause_s = MAX_PAUSE_S
            self.is_down = True
        elif self.failures >= PATIENCE_ATTEMPTS or now_s - self._failing_since_s >= PATIENCE_S:
            self.is_down = True
        # What makes streams has a quota of its own. The next attempt writes to one that another environment makes.
        if receipt.is_throttled and not receipt.refused_streams:
            self.pressure_s = PRESSURE_S
        # All environments were told the same, so each waits up to twice as long.
        asked_s = min(receipt.retry_after_s or 0.0, MAX_PAUSE_S) * (1.0 + self.random())
        pause_s = self._shortened(max(self._pause_s, self.pressure_s))
        self.try_at_s = now_s + max(asked_s, pause_s)
        self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)

    def _succeeded(self, receipt: Receipt, now_s: float, *, was_out: bool) -> None:
        self._pause_s, self.failures = FIRST_PAUSE_S, 0
        pause_s = SLOW_START_PAUSE_S if self._begins_lot(was_out=was_out) else 0.0
        if receipt.answer is Answer.TAKEN:
            self.is_down = False
            self.pressure_s *= RELIEF
            if self.pressure_s < LEAST_PRESSURE_S:
                self.pressure_s = 0.0
        pause_s = max(pause_s, self.pressure_s)
        self.try_at_s = now_s + self._shortened(pause_s) if pause_s else 0.0

    def _begins_lot(self, *, was_out: bool) -> bool:
        """Count a batch of the slow start; tell whether the next one begins a lot, which has a pause before it."""
        if was_out:
            self._lot = 1
        elif self._left_of_lot > 1:
            self._left_of_lot -= 1
            return False
        else:
            self._lot = 2 * self._lot if 2 * self._lot < SLOW_START_BATCHES else 0
        self._left_of_lot = self._lot
        return self._lot > 0

    def _shortened(self, pause_s: float) -> float:
        return pause_s * (1.0 - JITTER * self.random())


class Linger:
    """Say when what waits for one sink should leave.

    Lines of healthy invocations wait for more, for ``linger_s`` at most, or until they are ``ripe_bytes``. Lines of failed ones
    leave as soon as the invocation is over, and take along what waits. Our own warnings go with either.

    Attributes:
        linger_s: for how long; may be changed at any time.
        holds_failed: whether lines of failed invocations wait.
        holds_warnings_only: whether nothing but our own warnings waits.
    """

    def __init__(self, *, linger_s: float = 0.0, ripe_bytes: int = 0) -> None:
        self.linger_s = linger_s
        self._ripe_bytes = ripe_bytes
        self._since_s: float | None = None
        self._failed_since_s: float | None = None
        self.holds_failed = False
        self.holds_warnings_only = True
        self._must_leave = False

    @property
    def is_awaited(self) -> bool:
        """Whether an invocation may be held for what waits."""
        return self.holds_failed or not (self.linger_s or self.holds_warnings_only)

    def came(self, chunk: Chunk) -> None:
        """Note what has come. The report of a failed invocation alone may wait: the failure has been delivered."""
        self.holds_failed = self.holds_failed or is_urgent(chunk)
        self.holds_warnings_only = self.holds_warnings_only and is_warning(chunk)

    def left(self, waiting: Iterable[Chunk]) -> None:
        """Note that a batch has left, and what still waits."""
        self._since_s = self._failed_since_s = None
        self.holds_failed = self.holds_failed and any(is_urgent(chunk) for chunk in waiting)
        self.holds_warnings_only = all(is_warning(chunk) for chunk in waiting)
        self._must_leave = self._must_leave and self.holds_failed

    def flush(self) -> bool:
        """Let lines of failed invocations leave now, since the environment may freeze; tell whether that changes anything."""
        was_waiting, self._must_leave = not self._must_leave, self.holds_failed
        return was_waiting and self._must_leave and self.linger_s > 0.0

    def wait_s(self, now_s: float, held_bytes: int) -> float:
        """Return for how many seconds what waits should wait for more."""
        linger_s = (
            max(self.linger_s, WARNINGS_LINGER_S) if self.holds_warnings_only else self.linger_s
        )
        if not linger_s or self._must_leave or (held_bytes >= self._ripe_bytes and self.linger_s):
            return 0.0
        if self._since_s is None:
            self._since_s = now_s
        until_s = self._since_s + linger_s
        if self.holds_failed:
            if self._failed_since_s is None:
                self._failed_since_s = now_s
            until_s = min(until_s, self._failed_since_s + FAILURE_GRACE_S)
        return max(0.0, until_s - now_s)


def is_urgent(chunk: Chunk) -> bool:
    """Tell whether a chunk holds more of a failed invocation than platform events."""
    return chunk.metadata.failed and any(one.kind is not Kind.EVENT for one in chunk.segments)


def is_warning(chunk: Chunk) -> bool:
    """Tell whether a chunk is a warning of the extension itself."""
    return chunk.metadata.reason == WARNING
