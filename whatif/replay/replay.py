"""Replay one environment under one set of settings: the extension's own recorder and queue, without I/O.

Assumes: the sink is always up and accepts everything, and each batch is delivered before the next one comes.
"""

from collections.abc import Mapping
from typing import Protocol

from extension.config.settings import Settings
from extension.delivery.queue import Queues, SendingQueue
from extension.diagnostics.account import Account
from extension.model.chunk import Chunk, RewriteLines
from extension.model.receipt import Answer, Receipt
from extension.recorder.recorder import REMEMBERED_INVOCATIONS, Recorder
from extension.recorder.tail_sampler import TailSampler
from whatif.replay.batches import Batch
from whatif.replay.tally import Followed, Tally

_TAKEN = Receipt(Answer.TAKEN)


class Observer(Protocol):
    """Sees what one environment delivers."""

    def deliver(self, chunks: list[Chunk]) -> None:
        """See a delivery, not masked yet."""

    def settle(self, request_id: str, one: Followed) -> None:
        """See an invocation that has no more deliveries."""


class Replay:
    """Feed a recorder with Lambda's events, and count its deliveries."""

    def __init__(
        self,
        settings: Settings,
        tally: Tally,
        *,
        environment_id: str,
        redact: RewriteLines | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Make a new environment.

        Args:
            settings: The settings in force.
            tally: The counts of all environments under these settings.
            environment_id: 16 hex digits.
            redact: Masks the JSON of one event as REDACT asks; None without REDACT.
            observer: Sees the deliveries as well.
        """
        self._tally = tally
        self._redact = redact
        self._observer = observer
        self._account = Account()
        self._queue = SendingQueue(self._account, random=_no_jitter)
        self._sampler = TailSampler(
            settings,
            queues=Queues(self._queue),
            account=self._account,
            function="function",
            version="$LATEST",
        )
        self._sampler.metadata.environment_id = environment_id
        self._recorder = Recorder(settings, sampler=self._sampler, account=self._account)
        self._followed: dict[str, Followed] = {}

    def take(self, batch: Batch) -> None:
        """Take the INVOKE events and the batch that follows them."""
        for request_id, header in batch.invokes:
            self._recorder.invoked(request_id, trace_header=header)
        self._recorder.receive(batch.body)
        self._deliver()

    @property
    def followed(self) -> Mapping[str, Followed]:
        """The invocations with a delivery that are not settled, by request id."""
        return self._followed

    def trim(self) -> None:
        """Settle invocations that are too old for another delivery: the recorder remembers so many."""
        while len(self._followed) > 2 * REMEMBERED_INVOCATIONS:
            self._settle(next(iter(self._followed)))

    def end(self) -> None:
        """End the environment, as Lambda ends an idle one. The last deliveries come."""
        self._sampler.shut_down(None)
        self._deliver()

    def close(self) -> None:
        """Count what the ended environment leaves."""
        for request_id in list(self._followed):
            self._settle(request_id)
        self._tally.close(self._account)

    def _deliver(self) -> None:
        while True:
            chunks = self._queue.begin(0.0, at_once=True)
            if chunks is None:
                break
            self._tally.take(chunks, self._followed, redact=self._redact)
            if self._observer is not None:
                self._observer.deliver(chunks)
            self._queue.settle(_TAKEN, 0.0)

    def _settle(self, request_id: str) -> None:
        one = self._followed.pop(request_id)
        self._tally.settle(request_id, one)
        if self._observer is not None:
            self._observer.settle(request_id, one)


def _no_jitter() -> float:
    return 0.0
