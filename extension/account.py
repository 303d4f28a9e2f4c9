"""The account: what became of every line that was received.

At any moment ``received = kept + dropped + evicted + lost + still buffered``. *Kept* means taken by a sink, *dropped*
means decided against, *evicted* means given up for the memory bound, *lost* means wanted but not delivered. Counts are
of lines (``function`` records) and of nothing else, so that the sum can be checked against what the function wrote.
"""


class Account:
    """The counters of one environment. Plain integers; only the main loop writes them."""

    __slots__ = (
        "buffered",
        "delivered_bytes",
        "dropped",
        "duplicate_batches",
        "evicted",
        "failed_invocations",
        "held_ms",
        "invocations",
        "kept",
        "lost",
        "platform_dropped",
        "received",
        "received_bytes",
        "unreadable_bytes",
    )

    def __init__(self) -> None:
        self.received = 0
        self.buffered = 0
        self.received_bytes = 0
        self.kept: dict[str, int] = {}
        self.dropped: dict[str, int] = {}
        self.evicted = 0
        self.lost: dict[str, int] = {}
        self.delivered_bytes = 0
        self.duplicate_batches = 0
        self.unreadable_bytes = 0
        self.platform_dropped = 0
        self.invocations = 0
        self.failed_invocations = 0
        self.held_ms = 0.0

    def receive(self, *, lines: int, size_bytes: int) -> None:
        """Counts lines that Lambda delivered, with the bytes of their events."""
        self.received += lines
        self.received_bytes += size_bytes

    def keep(self, reason: str, lines: int) -> None:
        """Counts lines that a sink has taken."""
        self.kept[reason] = self.kept.get(reason, 0) + lines

    def drop(self, reason: str, lines: int) -> None:
        """Counts lines that were decided against."""
        self.dropped[reason] = self.dropped.get(reason, 0) + lines

    def lose(self, reason: str, lines: int) -> None:
        """Counts lines that were wanted and could not be delivered."""
        self.lost[reason] = self.lost.get(reason, 0) + lines

    def settled(self) -> int:
        """Lines whose fate is known: all that were received but those still buffered."""
        return (
            sum(self.kept.values())
            + sum(self.dropped.values())
            + self.evicted
            + sum(self.lost.values())
        )

    def summary(self) -> dict[str, object]:
        """The account as the one line at SHUTDOWN shows it."""
        return {
            "received_lines": self.received,
            "received_bytes": self.received_bytes,
            "kept_lines": self.kept,
            "dropped_lines": self.dropped,
            "evicted_lines": self.evicted,
            "lost_lines": self.lost,
            "buffered_lines": self.buffered,
            "delivered_bytes": self.delivered_bytes,
            "invocations": self.invocations,
            "failed_invocations": self.failed_invocations,
            "held_ms": round(self.held_ms, 1),
            "duplicate_batches": self.duplicate_batches,
            "unreadable_bytes": self.unreadable_bytes,
            "lines_dropped_by_lambda": self.platform_dropped,
        }
