"""Quotas of requests a second, as AWS enforces them for an account: a token bucket for each action.

AWS tells the rates of its quotas and not the bursts, so both are given here. What is refused gets the answer that
CloudWatch Logs gives (AWS: CloudWatch Logs, common errors). Put it into a front: ``front.then = Throttling(...)``.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from tests.services.limits import Behaviour, fail, then_pass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.doubles.http_server import Request
    from tests.doubles.recording_receiver import Reply

CREATE_LOG_STREAM_PER_S = 50.0
"""AWS: CloudWatch Logs quotas, CreateLogStream."""
CREATE_LOG_GROUP_PER_S = 10.0
"""AWS: CloudWatch Logs quotas, CreateLogGroup."""
PUT_LOG_EVENTS_PER_S = 5000.0
"""AWS: CloudWatch Logs quotas, PutLogEvents."""

REFUSAL = fail("ThrottlingException")


class TokenBucket:
    """Let ``rate_per_s`` requests through a second, and ``burst`` at once. Used by several threads."""

    def __init__(
        self,
        rate_per_s: float,
        burst: float | None = None,
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin full. Without a burst, it holds what comes in within one second."""
        self._rate_per_s = rate_per_s
        self._burst = rate_per_s if burst is None else burst
        self._monotonic_s = monotonic_s
        self._tokens = self._burst
        self._at_s = monotonic_s()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Return whether one more request may pass."""
        with self._lock:
            now_s = self._monotonic_s()
            more = (now_s - self._at_s) * self._rate_per_s
            self._tokens, self._at_s = min(self._burst, self._tokens + more), now_s
            if self._tokens < 1.0:
                return False
            self._tokens -= 1.0
            return True


class Throttling:
    """Refuse what comes beyond a quota, and do with the rest as another behaviour says.

    Attributes:
        asked: how many requests came, by action; of all actions, also those without a quota.
        refused: how many of them were refused, by action.
    """

    def __init__(
        self,
        buckets: Mapping[str, TokenBucket],
        *,
        then: Behaviour = then_pass,
        refusal: Behaviour = REFUSAL,
    ) -> None:
        """Take the buckets by action, such as ``CreateLogStream``, what is done with requests that pass, and with others."""
        self._buckets = buckets
        self._then, self._refusal = then, refusal
        self._lock = threading.Lock()
        self.asked: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def __call__(self, request: Request, pass_on: Callable[[], Reply]) -> Reply | None:
        """Answer one request: a behaviour of a front."""
        action = request.action
        bucket = self._buckets.get(action)
        is_refused = bucket is not None and not bucket.take()
        with self._lock:
            self.asked[action] += 1
            self.refused[action] += is_refused
        return (self._refusal if is_refused else self._then)(request, pass_on)
