"""Hand the events of an environment to its subscribers.

Every event is kept for inspection. A new subscriber first gets the events of its environment so far. The order is that
of ``emit``. A variation holds lines back until runtimeDone has been delivered.
"""

import asyncio
from collections import deque
from typing import Any

from emulator.model.clock import Clock
from emulator.model.events import Event, encode, platform_event
from emulator.model.journal import KEPT, Journal
from emulator.model.variations import Variations
from emulator.telemetry.batcher import Batcher, DeliveryPolicy, Subscription

# The wait of a variation that delivers one thing before another.
SETTLE_S = 1.0
# Events replayed to a late subscriber; the init phase seldom has more than a few hundred.
MAX_HISTORY = 10_000


class Telemetry:
    """The hub of events, for one environment after another; belongs to one event loop."""

    def __init__(
        self, *, clock: Clock, journal: Journal, variations: Variations, policy: DeliveryPolicy
    ) -> None:
        self.all_events: deque[Event] = deque(maxlen=KEPT)
        self._history: list[Event] = []
        self._held: list[Event] = []
        self._holding = False
        self._batchers: dict[str, Batcher] = {}
        self._once_subscribed: set[str] = set()
        self._clock = clock
        self._journal = journal
        self._variations = variations
        self._policy = policy

    @property
    def microseconds(self) -> bool:
        """Whether event times have six digits."""
        return self._variations.microsecond_timestamps

    @property
    def subscriptions(self) -> dict[str, Subscription]:
        """The subscriptions by extension name."""
        return {name: batcher.subscription for name, batcher in self._batchers.items()}

    def platform(self, kind: str, record: Any, **more: Any) -> None:
        """Emit a platform event, made with the arguments of ``platform_event``."""
        self.emit(platform_event(kind, record, microseconds=self.microseconds, **more))

    def emit(self, event: Event) -> None:
        """Hand an event to all subscribers."""
        if self._holding and event.category == "function":
            self._held.append(event)
            return
        self.all_events.append(event)
        if len(self._history) < MAX_HISTORY:
            self._history.append(event)
        for batcher in self._batchers.values():
            batcher.add(event)

    def hold_lines(self) -> None:
        """Keep function lines back from now on."""
        self._holding = True

    async def release_lines(self) -> None:
        """Deliver everything else, then emit the lines held back."""
        if self._holding:
            self._holding = False
            await self.settle()
            held, self._held = self._held, []
            for event in held:
                self.emit(event)

    def subscribe(self, subscription: Subscription) -> None:
        """Add a subscriber, and replay events to it; the same subscription again changes nothing."""
        name = subscription.name
        old = self._batchers.get(name)
        if old is not None and old.subscription == subscription:
            return
        if old is not None:
            old.close()
        batcher = Batcher(
            subscription,
            clock=self._clock,
            journal=self._journal,
            variations=self._variations,
            policy=self._policy,
        )
        for event in self._history:
            batcher.add(event)
        self._batchers[name] = batcher
        again = name in self._once_subscribed
        self._once_subscribed.add(name)
        record = {
            "name": name,
            "state": "Already subscribed" if again else "Subscribed",
            "types": list(subscription.types),
        }
        if subscription.flavour.is_logs_api:
            self.platform("logsSubscription", None, logs_record=record)
        else:
            self.platform("telemetrySubscription", record)

    async def settle(self, timeout_s: float = SETTLE_S) -> bool:
        """Flush everything and wait for all answers; return False if the time ran out."""
        results = await asyncio.gather(*(b.settle(timeout_s) for b in self._batchers.values()))
        return all(results)

    def flush(self) -> None:
        """Send all buffered events now, without waiting."""
        for batcher in self._batchers.values():
            batcher.flush()

    def freeze(self) -> None:
        """Stop the batchers' timers."""
        for batcher in self._batchers.values():
            batcher.freeze()

    def thaw(self) -> None:
        """Let the batchers' timers run on."""
        for batcher in self._batchers.values():
            batcher.thaw()

    def end_environment(self) -> None:
        """Forget the subscribers and the events so far; note the events that were never answered."""
        for name, batcher in self._batchers.items():
            lost = batcher.close()
            if lost:
                self._journal.note("lost", name, events=lost)
        self._batchers.clear()
        self._history.clear()

    async def deliver(self, body: Any, extension: str | None) -> dict[str, int | None]:
        """Post raw bytes or a list of events past the buffers; return the status by subscriber."""
        raw = bytes(body) if isinstance(body, (bytes, bytearray)) else encode(body)
        items = len(body) if isinstance(body, list) else 0
        kinds = [str(e.get("type")) for e in body if isinstance(e, dict)] if items else ["raw"]
        statuses = {}
        for name, batcher in list(self._batchers.items()):
            if extension in (None, name):
                statuses[name] = await batcher.post(raw, items=items, kinds=kinds)
        return statuses
