"""The account: count what became of every line that was received.

At any moment ``received = kept + handed to standard output + dropped + evicted + lost + still buffered``. *Kept* means
taken by a sink, *handed to standard output* means that no sink took them and nobody knows whether Lambda may, *dropped*
means decided against, *evicted* means given up for the memory bound, *lost* means wanted but not delivered. Counts are
of lines (``function`` records) and of nothing else, so that the sum can be checked against the function's own output.
Copies of lines that go to ARCHIVE_SINK are counted apart.
"""

from collections import deque

REMEMBERED_EVICTIONS = 64
"""Invocations that lost lines to the bound, remembered so that each counts once. The oldest lose lines first."""

MAX_LOSSES = 64
"""Reasons of losses that are counted apart. Some sinks name the kind of a refusal, and might name ever new ones."""

OTHER_LOSSES = "other"
"""Counts the losses of every further reason."""


class Tally:
    """Count lines on their way to sinks. Only the main loop writes the counters.

    Attributes:
        kept: lines, by the reason for which they were kept; ``lost``, by the reason of the loss.
        evicted_invocations: invocations that lost lines to the memory bound: healthy ones, and failed ones.
        deliveries: answers of sinks, by their kind; ``delivered_bytes`` on the wire.
        throttled: answers that said that too many requests come.
        refused_streams: log streams that could not be made for the same reason.
    """

    def __init__(self) -> None:
        self.kept: dict[str, int] = {}
        self.lost: dict[str, int] = {}
        self.evicted = 0
        self.evicted_invocations = {"healthy": 0, "failed": 0}
        self.deliveries: dict[str, int] = {}
        self.delivered_bytes = 0
        self.throttled = 0
        self.refused_streams = 0
        self._evicted_ids: deque[tuple[str, bool]] = deque(maxlen=REMEMBERED_EVICTIONS)

    def keep(self, reason: str, lines: int) -> None:
        """Count lines that a sink has taken."""
        self.kept[reason] = self.kept.get(reason, 0) + lines

    def lose(self, reason: str, lines: int) -> None:
        """Count lines that were wanted and could not be delivered."""
        if reason not in self.lost and len(self.lost) >= MAX_LOSSES:
            reason = OTHER_LOSSES
        self.lost[reason] = self.lost.get(reason, 0) + lines

    def evict(self, lines: int, *, request_id: str, failed: bool) -> None:
        """Count lines given up for the memory bound, and their invocation."""
        self.evicted += lines
        if lines and (request_id, failed) not in self._evicted_ids:
            self._evicted_ids.append((request_id, failed))
            self.evicted_invocations["failed" if failed else "healthy"] += 1

    def count_delivery(self, answer: str, *, sent_bytes: int) -> None:
        """Count a sink's answer."""
        self.deliveries[answer] = self.deliveries.get(answer, 0) + 1
        self.delivered_bytes += sent_bytes


class Account(Tally):
    """Count the lines of one environment.

    Attributes:
        received: lines that Lambda delivered; ``received_bytes`` of their events.
        buffered: lines that are still undecided; set when the account is logged.
        fallback: of the lines kept, those that FALLBACK_SINK took.
        handed_to_stdout: lines written to standard output because no sink took them. Lambda sends them to the
            function's own log group, and drops them without a word where a Deny forbids that.
        held_ms: how long Next was held although the function had ended, by what it waited for.
        archive: counts the lines for ARCHIVE_SINK.
    """

    def __init__(self) -> None:
        super().__init__()
        self.archive = Tally()
        self.received = 0
        self.buffered = 0
        self.received_bytes = 0
        self.dropped: dict[str, int] = {}
        self.fallback = 0
        self.handed_to_stdout = 0
        self.duplicate_batches = 0
        self.unreadable_bytes = 0
        self.platform_dropped = 0
        self.invocations = 0
        self.failed_invocations = 0
        self.held_ms = {"outcome": 0.0, "delivery": 0.0}

    def receive(self, *, lines: int, size_bytes: int) -> None:
        """Count lines that Lambda delivered, with the bytes of their events."""
        self.received += lines
        self.received_bytes += size_bytes

    def drop(self, reason: str, lines: int) -> None:
        """Count lines that were decided against."""
        self.dropped[reason] = self.dropped.get(reason, 0) + lines

    def summary(self) -> dict[str, object]:
        """Return the fields of the account line. Counters that only some settings move are left out at zero."""
        fields: dict[str, object] = {
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
        rare = {
            "evicted_invocations": self.evicted_invocations if self.evicted else 0,
            "fallback_lines": self.fallback,
            "handed_to_stdout_lines": self.handed_to_stdout,
        }
        fields |= {name: value for name, value in rare.items() if value}
        archive = self.archive
        if archive.kept or archive.lost or archive.evicted:
            fields["archive"] = {
                "kept_lines": sum(archive.kept.values()),
                "evicted_lines": archive.evicted,
                "lost_lines": archive.lost,
                "delivered_bytes": archive.delivered_bytes,
                "deliveries": archive.deliveries,
            }
        return fields
