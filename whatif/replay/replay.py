"""Replay one environment under one set of settings: the extension's own recorder and queue, without I/O.

Assumes: the sink is always up and accepts everything, and each batch is delivered before the next one comes. A sink that bills
requests gets a failed invocation once it is over, before the environment freezes, so the report comes with the next request.
All else waits for LINGER, for a full batch, or for the end of the environment.
"""

from collections.abc import Mapping
from typing import Protocol

from extension.config.settings import Settings, SinkSettings, linger_s
from extension.delivery.pacing import Linger
from extension.delivery.queue import LINGERING_SHARE, MAX_BATCH_BYTES, Queues, SendingQueue
from extension.diagnostics.account import Account
from extension.model.chunk import Chunk, RewriteLines
from extension.model.receipt import Answer, Receipt
from extension.model.segment import Kind
from extension.model.timestamps import epoch_ns
from extension.recorder.recorder import REMEMBERED_INVOCATIONS, Recorder
from extension.recorder.tail_sampler import TailSampler
from whatif.replay.batches import Batch
from whatif.replay.tally import Followed, Tally

TIME_BEGIN = b'{"time":"'
TIME_CHARS = len("2022-10-12T00:00:15.064123Z")
"""The longest form, in microseconds. Python 3.10 parses no cut one."""

_TAKEN = Receipt(Answer.TAKEN)
_BILLING = SinkSettings("SINK", "s3://bucket")


class Observer(Protocol):
    """Sees what one environment delivers."""

    def deliver(self, chunks: list[Chunk]) -> None:
        """See a delivery, not masked yet."""

    def settle(self, request_id: str, one: Followed) -> None:
        """See an invocation that has no more deliveries."""


class Requests:
    """Count the requests of one environment to a sink that bills them, as the extension's own queue would send them."""

    def __init__(self, settings: Settings) -> None:
        """Start empty, with LINGER as for ``s3:`` and ``firehose:``."""
        ripe_bytes = min(MAX_BATCH_BYTES, settings.buffer_bytes // LINGERING_SHARE)
        self._queue = SendingQueue(
            Account(),
            random=_no_jitter,
            linger=Linger(linger_s=linger_s(settings, _BILLING), ripe_bytes=ripe_bytes),
            buffer_bytes=settings.buffer_bytes,
        )
        self._now_s = 0.0

    def take(self, chunk: Chunk) -> int:
        """Take what is kept next; return the number of requests that were sent because of it, or before it."""
        self._now_s = max(self._now_s, _time_s(chunk))
        sent = self._send()
        # A copy: the queue may cut it.
        self._queue.put(chunk.of([*chunk.segments]))
        if chunk.metadata.failed and any(one.kind is Kind.SUMMARY for one in chunk.segments):
            self._queue.linger.flush()
        return sent + self._send()

    def end(self) -> int:
        """End the environment; return the number of requests with what is left."""
        return self._send(at_once=True)

    def _send(self, *, at_once: bool = False) -> int:
        count = 0
        while self._queue.begin(self._now_s, at_once=at_once) is not None:
            self._queue.settle(_TAKEN, self._now_s)
            count += 1
        return count


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
        self._requests = Requests(settings)

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
        self._tally.requests += self._requests.end()

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
            self._tally.requests += sum(map(self._requests.take, chunks))
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


def _time_s(chunk: Chunk) -> float:
    """Return the time of the last event that tells one, in seconds since 1970; 0.0 if none does."""
    for segment in reversed(chunk.segments):
        begin = segment.raw.rfind(TIME_BEGIN)
        if begin >= 0:
            begin += len(TIME_BEGIN)
            text = segment.raw[begin : begin + TIME_CHARS].decode("ascii", "replace")
            time_ns = epoch_ns(text.partition('"')[0])
            if time_ns is not None:
                return time_ns / 1_000_000_000
    return 0.0
