"""One AWS account for a fleet: moto's server behind a front that refuses what comes beyond the quotas."""

from __future__ import annotations

import contextlib
import threading
import time
from random import Random
from typing import TYPE_CHECKING

from tests.services.aws import running_moto
from tests.services.limits import OK, LimitsFront
from tests.services.throttling import Throttling, TokenBucket

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.services.aws import AwsService

GROUP = "/kept"

LINE = "["
"""Begins each line that an environment writes, and no summary."""


class Account:
    """An account.

    Attributes:
        aws: moto's server, asked directly, beside all quotas.
        throttling: counts what was asked and what was refused, by action.
        others: how many requests of everybody else there were, and ``others_refused`` how many of them were refused.
    """

    def __init__(self, aws: AwsService, front: LimitsFront, quotas: Mapping[str, float]) -> None:
        self.aws = aws
        self._front = front
        self._buckets: dict[str, TokenBucket] = {}
        self.press(quotas)
        self.throttling = front.then = Throttling(self._buckets)
        self.others = self.others_refused = 0
        aws.call("Logs_20140328.CreateLogGroup", logGroupName=GROUP)

    def press(self, quotas: Mapping[str, float]) -> None:
        """Hold actions to quotas from now on, with a burst of one second's worth."""
        for action, per_s in quotas.items():
            self._buckets[action] = TokenBucket(per_s, max(per_s, 1.0))

    def variables(self, **settings: str) -> dict[str, str]:
        """Return an environment's variables: where AWS is, and settings without their prefix."""
        named = {f"FLIGHT_RECORDER_{name}": value for name, value in settings.items()}
        return {**self.aws.environ(), "AWS_ENDPOINT_URL": self._front.url, **named}

    def asked(self, action: str) -> int:
        """Return how often an action was asked for."""
        return self.throttling.asked[action]

    def refused(self, action: str) -> int:
        """Return how often an action was refused."""
        return self.throttling.refused[action]

    def ages_s(self, *, since_s: float) -> list[float]:
        """Return how old each function's line was that PutLogEvents took, of those written after a monotonic time."""
        wall_s = time.time() - time.monotonic()
        return [
            request.at_s + wall_s - event["timestamp"] / 1000
            for request in self._front.of("PutLogEvents")
            if request.status == OK
            for event in request.payload["logEvents"]
            if event["timestamp"] / 1000 - wall_s >= since_s and event["message"].startswith(LINE)
        ]

    def messages(self) -> dict[str, list[str]]:
        """Return the messages of each stream of the group."""
        return {
            stream: [event["message"] for event in self.aws.log_events(GROUP, stream)]
            for stream in self._streams()
        }

    def _streams(self) -> list[str]:
        names: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = self.aws.call("Logs_20140328.DescribeLogStreams", logGroupName=GROUP, **token)
            names += [stream["logStreamName"] for stream in page["logStreams"]]
            if not page.get("nextToken"):
                return names
            token = {"nextToken": page["nextToken"]}

    @contextlib.contextmanager
    def with_others(self, action: str, per_s: float, *, seed: int) -> Iterator[None]:
        """Let everybody else in the account ask for an action meanwhile."""
        ended = threading.Event()
        rng = Random(seed)

        def ask() -> None:
            while not ended.wait(rng.expovariate(per_s)):
                self.others += 1
                self.others_refused += not self._buckets[action].take()

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@contextlib.contextmanager
def account(quotas: Mapping[str, float]) -> Iterator[Account]:
    """Run an account with quotas a second, by action."""
    with running_moto() as aws, LimitsFront(aws.url) as front:
        yield Account(aws, front, quotas)
