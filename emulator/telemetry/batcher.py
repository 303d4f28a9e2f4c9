"""Buffer events for one subscriber, and send them in batches.

Events keep their order. A batch goes out when it has ``maxItems`` events or more than ``maxBytes`` bytes, when its first
event is ``timeoutMs`` old, or when the platform flushes. One batch is in flight at a time. An HTTP batch is repeated
until it is answered 200 (at-least-once). Events that do not fit are dropped, counted, and told in
``platform.logsDropped``. All of it stands still while the environment is frozen.

Source: AWS "Lambda Logs API", "Lambda Telemetry API", buffering. That a batch goes out once its size is *over* maxBytes
was seen with AWS's own agent code in its Managed Instances emulator.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from emulator.model.clock import Clock
from emulator.model.errors import EmulatorTimeout
from emulator.model.events import Event, Flavour, platform_event
from emulator.model.http1 import BadMessage
from emulator.model.journal import Journal
from emulator.model.variations import Variations
from emulator.telemetry.delivery import Destination, Sender, sender_for
from emulator.telemetry.malformed import garbage_body


@dataclass(frozen=True, slots=True)
class Buffering:
    """The bounds of a subscriber's batches."""

    max_items: int = 10_000
    max_bytes: int = 262_144
    timeout_ms: int = 1_000


@dataclass(frozen=True, slots=True)
class Subscription:
    """One extension's subscription."""

    name: str
    flavour: Flavour
    types: tuple[str, ...]
    buffering: Buffering
    destination: Destination


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """Bounds that AWS does not publish; the values make tests of retries quick.

    Attributes:
        reply_timeout_ms: How long an answer may take before the batch is sent again.
        first_retry_ms, last_retry_ms: Pause after the first failure, doubled up to the last.
        max_pending_bytes: The bytes that may wait for a slow subscriber before events are dropped.
    """

    reply_timeout_ms: int = 5_000
    first_retry_ms: int = 50
    last_retry_ms: int = 1_000
    max_pending_bytes: int = 8 * 1024 * 1024


@dataclass(slots=True)
class _Batch:
    events: list[bytes] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    size: int = 0


class Batcher:
    """Collect events for one subscription and send them; belongs to one event loop."""

    def __init__(
        self,
        subscription: Subscription,
        *,
        clock: Clock,
        journal: Journal,
        variations: Variations,
        policy: DeliveryPolicy,
    ) -> None:
        self.subscription = subscription
        self._clock = clock
        self._journal = journal
        self._variations = variations
        self._policy = policy
        self._sender: Sender = sender_for(subscription.destination)
        self._current = _Batch()
        self._since_ns = 0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: deque[_Batch] = deque()
        self._pending_bytes = 0
        self._dropped = [0, 0]
        self._invocations = 0
        self._garbage_turn = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._send_lock = asyncio.Lock()
        self._task = asyncio.ensure_future(self._run())

    def add(self, event: Event) -> None:
        """Add an event, if the subscription wants it."""
        wanted = self.subscription
        if event.category not in wanted.types or not event.suits(wanted.flavour):
            return
        data = event.encoded(wanted.flavour)
        if self._pending_bytes + len(data) > self._policy.max_pending_bytes:
            self._dropped[0] += 1
            self._dropped[1] += len(data)
            return
        self._append(data, event.kind)
        if self._variations.merge_invocations and event.kind == "platform.runtimeDone":
            self._invocations += 1
            if self._invocations >= self._variations.merge_invocations:
                self.flush()

    def _append(self, data: bytes, kind: str) -> None:
        batch = self._current
        if not batch.events:
            self._since_ns = self._clock.now_ns()
            self._arm()
        batch.events.append(data)
        batch.kinds.append(kind)
        batch.size += len(data) + 1
        self._pending_bytes += len(data)
        self._idle.clear()
        bounds = self.subscription.buffering
        if len(batch.events) >= bounds.max_items or batch.size > bounds.max_bytes:
            self.flush()

    def _arm(self) -> None:
        if self._variations.merge_invocations or self._clock.frozen:
            return
        age_ms = (self._clock.now_ns() - self._since_ns) / 1e6
        left_ms = self.subscription.buffering.timeout_ms - age_ms
        self._timer = asyncio.get_running_loop().call_later(max(0.0, left_ms) / 1e3, self.flush)

    def flush(self) -> None:
        """Close the current batch, unless it is empty, and queue it for sending."""
        self.freeze()
        self._invocations = 0
        if self._current.events:
            self._waiting.append(self._current)
            self._current = _Batch()
            self._wake.set()

    def freeze(self) -> None:
        """Stop the timer; the clock is frozen by its owner."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def thaw(self) -> None:
        """Let the timer run on from where it stopped."""
        if self._current.events and self._timer is None:
            self._arm()

    async def settle(self, timeout_s: float) -> bool:
        """Flush and wait for all answers; return False if the time ran out."""
        self.flush()
        try:
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        except asyncio.TimeoutError:
            return False
        return True

    def close(self) -> int:
        """Stop sending; return the number of events that were never answered."""
        self.freeze()
        self._task.cancel()
        self._sender.close()
        return len(self._current.events) + sum(len(b.events) for b in self._waiting)

    async def post(
        self, body: bytes, *, items: int, kinds: list[str], attempt: int = 1
    ) -> int | None:
        """Send one body now; return the status, or None without an answer."""
        where = self.subscription
        async with self._send_lock:
            await self._clock.running()
            begun_ns = time.monotonic_ns()
            problem: str | None = None
            status: int | None = None
            try:
                seconds = self._policy.reply_timeout_ms / 1e3
                status = await self._clock.bounded(self._sender.send(body), seconds)
            except (OSError, BadMessage, EmulatorTimeout) as error:
                problem = f"{type(error).__name__}: {error}"
                self._sender.close()
            self._journal.note(
                "batch",
                where.name,
                status=status,
                problem=problem,
                bytes=len(body),
                items=items,
                types=kinds,
                attempt=attempt,
                sent_ns=begun_ns,
                duration_ms=(time.monotonic_ns() - begun_ns) / 1e6,
            )
        return status

    async def _run(self) -> None:
        while True:
            if not self._waiting:
                if not self._current.events:
                    self._idle.set()
                self._wake.clear()
                await self._wake.wait()
                continue
            batch = self._waiting[0]
            await self._send(batch)
            self._waiting.popleft()
            self._pending_bytes -= sum(map(len, batch.events))
            self._tell_dropped()

    async def _send(self, batch: _Batch) -> None:
        if self.subscription.destination.protocol == "TCP":
            body = b"\n".join(batch.events) + b"\n"
        else:
            body = b"[" + b",".join(batch.events) + b"]"
        await self._send_garbage(batch)
        pause_ms = self._policy.first_retry_ms
        attempt = 1
        kinds, items = batch.kinds, len(batch.events)
        # Unbounded on purpose: AWS retries until the environment ends; memory is bounded by max_pending_bytes.
        while await self.post(body, items=items, kinds=kinds, attempt=attempt) != 200:  # noqa: PLR2004 - an HTTP status is its own name
            attempt += 1
            await self._clock.sleep(pause_ms / 1e3)
            pause_ms = min(pause_ms * 2, self._policy.last_retry_ms)
        if self._variations.duplicate_batches and self._sender.acknowledges:
            await self.post(body, items=items, kinds=kinds, attempt=attempt + 1)

    async def _send_garbage(self, batch: _Batch) -> None:
        kinds = self._variations.garbage
        if kinds:
            kind = kinds[self._garbage_turn % len(kinds)]
            self._garbage_turn += 1
            body = garbage_body(kind, batch.events, max_bytes=self.subscription.buffering.max_bytes)
            await self.post(body, items=0, kinds=[f"garbage.{kind}"])

    def _tell_dropped(self) -> None:
        records, size = self._dropped
        if not records:
            return
        self._dropped = [0, 0]
        reason = (
            "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."
            if self.subscription.flavour.is_logs_api
            else "Some logs were dropped because the downstream consumer is slower than the logs production rate"
        )
        record = {"reason": reason, "droppedRecords": records, "droppedBytes": size}
        event = platform_event(
            "logsDropped",
            record,
            logs_record=record,
            microseconds=self._variations.microsecond_timestamps,
        )
        self._append(event.encoded(self.subscription.flavour), event.kind)
