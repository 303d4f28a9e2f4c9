"""The account: what became of every line that was received.

At any moment ``received = kept + dropped + evicted + lost + still buffered``. *Record* means taken by a sink, *dropped*
means decided against, *evicted* means given up for the memory bound, *lost* means wanted but not delivered. Counts are
of lines (``function`` records) and of nothing else, so that the sum can be checked against what the function wrote.
What goes to ARCHIVE_SINK goes there besides, and is counted apart.
"""

from collections import deque

REMEMBERED_EVICTIONS = 64
"""Invocations of which it is known that the bound cost them something, so that each counts once: it is the oldest that
give, one after another."""


class Tally:
    """What became of lines that were on their way to sinks. Plain counters; only the main loop writes them.

    Attributes:
        kept: lines that a sink has taken, by the reason for which they were kept.
        lost: lines that were wanted and could not be delivered, by what stood in the way.
        evicted: lines given up for the memory bound.
        evicted_invocations: invocations that lost lines to it: healthy ones, and failed ones.
        deliveries: answers of sinks, by their kind.
        delivered_bytes: on the wire.
    """

    __slots__ = (
        "_evicted_ids",
        "delivered_bytes",
        "deliveries",
        "evicted",
        "evicted_invocations",
        "kept",
        "lost",
    )

    def __init__(self) -> None:
        self.kept: dict[str, int] = {}
        self.lost: dict[str, int] = {}
        self.evicted = 0
        self.evicted_invocations = {"healthy": 0, "failed": 0}
        self.deliveries: dict[str, int] = {}
        self.delivered_bytes = 0
        self._evicted_ids: deque[tuple[str, bool]] = deque(maxlen=REMEMBERED_EVICTIONS)

    def keep(self, reason: str, lines: int) -> None:
        """Counts lines that a sink has taken."""
        self.kept[reason] = self.kept.get(reason, 0) + lines

    def lose(self, reason: str, lines: int) -> None:
        """Counts lines that were wanted and could not be delivered."""
        self.lost[reason] = self.lost.get(reason, 0) + lines

    def evict(self, lines: int, *, request_id: str, failed: bool) -> None:
        """Counts lines given up for the memory bound, and the invocation that they are of."""
        self.evicted += lines
        if lines and (request_id, failed) not in self._evicted_ids:
            self._evicted_ids.append((request_id, failed))
            self.evicted_invocations["failed" if failed else "healthy"] += 1

    def count_delivery(self, answer: str, *, sent_bytes: int) -> None:
        """Counts a sink's answer."""
        self.deliveries[answer] = self.deliveries.get(answer, 0) + 1
        self.delivered_bytes += sent_bytes


class Account(Tally):
    """The counters of one environment.

    Attributes:
        received: lines that Lambda delivered; ``received_bytes`` of their events.
        buffered: lines whose fate is open; set when the account is drawn up.
        dropped: lines that were decided against, by reason.
        fallback: of the lines kept, those that FALLBACK_SINK took.
        last_resort: of the lines kept, those that went to standard output at SHUTDOWN for want of a sink.
        held_ms: for how long Next was not asked for although the function was done, by what was waited for.
        archive: what became of lines on their way to ARCHIVE_SINK.
    """

    __slots__ = (
        "archive",
        "buffered",
        "dropped",
        "duplicate_batches",
        "failed_invocations",
        "fallback",
        "held_ms",
        "invocations",
        "last_resort",
        "platform_dropped",
        "received",
        "received_bytes",
        "unreadable_bytes",
    )

    def __init__(self) -> None:
        super().__init__()
        self.archive = Tally()
        self.received = 0
        self.buffered = 0
        self.received_bytes = 0
        self.dropped: dict[str, int] = {}
        self.fallback = 0
        self.last_resort = 0
        self.duplicate_batches = 0
        self.unreadable_bytes = 0
        self.platform_dropped = 0
        self.invocations = 0
        self.failed_invocations = 0
        self.held_ms = {"outcome": 0.0, "delivery": 0.0}

    def receive(self, *, lines: int, size_bytes: int) -> None:
        """Counts lines that Lambda delivered, with the bytes of their events."""
        self.received += lines
        self.received_bytes += size_bytes

    def drop(self, reason: str, lines: int) -> None:
        """Counts lines that were decided against."""
        self.dropped[reason] = self.dropped.get(reason, 0) + lines

    def settled(self) -> int:
        """Lines whose fate is known: all that were received but those still buffered."""
        return (
            sum(self.kept.values())
            + sum(self.dropped.values())
            + self.evicted
            + sum(self.lost.values())
        )

    def summary(self) -> dict[str, object]:
        """The account as the one line at SHUTDOWN shows it. What only some settings bring about is left out at zero."""
        told: dict[str, object] = {
            "received_lines": self.received,
            "received_bytes": self.received_bytes,
            "kept_lines": self.kept,
            "dropped_lines": self.dropped,
            "evicted_lines": self.evicted,
            "lost_lines": self.lost,
            "buffered_lines": self.buffered,
            "delivered_bytes": self.delivered_bytes,
            "deliveries": self.deliveries,
            "invocations": self.invocations,
            "failed_invocations": self.failed_invocations,
            "held_ms": {reason: round(held, 1) for reason, held in self.held_ms.items()},
            "duplicate_batches": self.duplicate_batches,
            "unreadable_bytes": self.unreadable_bytes,
            "lines_dropped_by_lambda": self.platform_dropped,
        }
        if self.evicted:
            told["evicted_invocations"] = self.evicted_invocations
        if self.fallback:
            told["fallback_lines"] = self.fallback
        if self.last_resort:
            told["last_resort_lines"] = self.last_resort
        archive = self.archive
        if archive.kept or archive.lost or archive.evicted:
            told["archive"] = {
                "kept_lines": sum(archive.kept.values()),
                "evicted_lines": archive.evicted,
                "lost_lines": archive.lost,
                "delivered_bytes": archive.delivered_bytes,
                "deliveries": archive.deliveries,
            }
        return told
