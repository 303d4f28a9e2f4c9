"""Backoff: pace the attempts at one sink, with pauses that grow while it fails. No I/O."""

from collections.abc import Callable

from extension.model.receipt import Answer, Receipt

FIRST_PAUSE_S = 0.1

MAX_PAUSE_S = 30.0
"""Between attempts while the sink is down: soon after a hiccup, then rarely enough to cost a function nothing. A sink
that denied access is tried again after the longest pause only: somebody has to change something first."""

JITTER = 0.5
"""Shortens a pause by up to this share, so that many environments do not come back at the same moment."""

PATIENCE_ATTEMPTS = 5
"""Failures in a row before a sink counts as down: three seconds of pauses, longer than a hiccup."""

PATIENCE_S = 3.0
"""A sink that still fails so long after its first failure is down as well. Where each attempt takes its whole time-out, as
without DNS, five of them would take most of a minute."""


class Backoff:
    """Pace the attempts at one sink.

    Attributes:
        failures: how many attempts in a row have failed.
        is_denied: whether the last answer denied access.
        is_down: whether the sink denied access, or failed too often or for too long, and has taken nothing since.
        is_late: whether an invocation was held for as long as it may be, since the sink's last answer.
        try_at_s: when the pause ends.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        """Start without a pause. ``random`` returns numbers in [0, 1), for the jitter."""
        self._random = random
        self._pause_s = FIRST_PAUSE_S
        self._failing_since_s = 0.0
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
        self.is_late = False
        self.is_denied = receipt.answer is Answer.DENIED
        if receipt.answer not in (Answer.UNAVAILABLE, Answer.DENIED):
            self._pause_s, self.try_at_s, self.failures = FIRST_PAUSE_S, 0.0, 0
            if receipt.answer is Answer.TAKEN:
                self.is_down = False
            return
        if not self.failures:
            self._failing_since_s = now_s
        self.failures += 1
        if self.is_denied:
            self._pause_s = MAX_PAUSE_S
            self.is_down = True
        elif self.failures >= PATIENCE_ATTEMPTS or now_s - self._failing_since_s >= PATIENCE_S:
            self.is_down = True
        asked_s = min(receipt.retry_after_s or 0.0, MAX_PAUSE_S)
        self.try_at_s = now_s + max(asked_s, self._pause_s * (1.0 - JITTER * self._random()))
        self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)
