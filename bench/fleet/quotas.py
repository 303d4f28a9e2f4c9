"""Quotas of an AWS account and region, how AWS enforces them, and what it answers in. Pure.

AWS documents rates and not bursts. Each quota here is a token bucket with a burst of one second's worth, which everybody in
the account shares.
"""

from collections import Counter
from typing import final

CREATE_LOG_STREAM_PER_S = 50.0
"""AWS: CloudWatch Logs quotas, CreateLogStream."""

PUT_LOG_EVENTS_PER_S = 5000.0
"""AWS: CloudWatch Logs quotas, PutLogEvents. There is none for a stream."""

PARAMETERS_PER_S = 40.0
PARAMETERS_HIGHER_PER_S = 1000.0
"""AWS: Systems Manager quotas, GetParameters: by default, and with higher throughput, which is paid for by the call."""

SECRETS_PER_S = 10_000.0
"""AWS: Secrets Manager quotas, GetSecretValue."""

OBJECTS_PER_S = 5500.0
"""AWS: S3, "Optimizing performance": GET a second for each prefix."""

SCALING_PER_S = 100.0
"""AWS: Lambda scaling behavior: 1,000 environments more in ten seconds, for each function."""

PUT_USD = 0.005 / 1000
"""AWS: S3 pricing, us-east-1: a PUT."""

PARAMETER_HIGHER_USD = SECRET_USD = 0.05 / 10_000
"""AWS: Systems Manager and Secrets Manager pricing: a call of the API, with higher throughput and of any secret."""

OBJECT_USD = 0.0004 / 1000
"""AWS: S3 pricing, us-east-1: a GET."""

CONNECT_S = 0.060
ANSWER_S = 0.020
REFUSAL_S = 0.008
"""Latencies of a warm function in the region (assumed): a TLS connection, a request, and a request that is refused."""


@final
class TokenBucket:
    """Let ``rate_per_s`` requests through a second, and a second's worth at once."""

    def __init__(self, rate_per_s: float) -> None:
        """Begin full."""
        self._rate_per_s = rate_per_s
        # A quota below one a second lets one through all the same.
        self._tokens = self._burst = max(rate_per_s, 1.0)
        self._at_s = 0.0

    def take(self, now_s: float) -> bool:
        """Return whether one more request may pass. Times may go back by a latency."""
        if now_s > self._at_s:
            more = (now_s - self._at_s) * self._rate_per_s
            self._tokens, self._at_s = min(self._burst, self._tokens + more), now_s
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


@final
class Requests:
    """Requests of one action against its quota, counted by the second.

    Attributes:
        asked: how many there were.
        refused: how many of them were refused.
    """

    def __init__(self, rate_per_s: float | None) -> None:
        """Take the quota; None where nobody counts."""
        self._bucket = None if rate_per_s is None else TokenBucket(rate_per_s)
        self.seconds: Counter[int] = Counter()
        self.asked = self.refused = 0

    def ask(self, now_s: float) -> bool:
        """Make one request; return whether it passes."""
        return self.count(now_s, passes=self._bucket is None or self._bucket.take(now_s))

    def count(self, now_s: float, *, passes: bool) -> bool:
        """Count a request that something else decides about."""
        self.seconds[int(now_s)] += 1
        self.asked += 1
        self.refused += not passes
        return passes

    def ask_for_others(self, now_s: float) -> bool:
        """Make a request of somebody else, which takes part in the quota and is not counted."""
        return self._bucket is None or self._bucket.take(now_s)

    @property
    def peak(self) -> int:
        """The most in one second."""
        return max(self.seconds.values(), default=0)

    @property
    def refused_share(self) -> float:
        """How much of all was refused."""
        return self.refused / self.asked if self.asked else 0.0

    def between(self, begin_s: float, end_s: float) -> list[int]:
        """Return the requests of each second from one time to another."""
        return [self.seconds[second] for second in range(int(begin_s), int(end_s))]


def percentile(values: list[float], share: float) -> float:
    """Return a value that so many are not above; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
