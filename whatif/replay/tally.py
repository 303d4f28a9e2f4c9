"""What becomes of everything under one set of settings: counted from the very chunks that a sink would get.

Promises: what is held grows with the number of reasons, and up to a bound with those of incomplete failures and of
transactions, not with the log.
Pure.
"""

import math
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from extension.diagnostics.account import Account
from extension.model.chunk import Chunk, Metadata, rewritten
from extension.model.ndjson import lines_of
from extension.model.record import GAP_TYPE, Record, records_in
from extension.model.segment import Kind, Segment
from extension.sampling import probability, verdict
from extension.sinks.cloudwatch_events import EVENT_BYTES, Form, message_of
from whatif.model.prices import Volume
from whatif.replay.variance import Clusters

SUMMARY_TYPE = "flightRecorder.invocation"
MAX_INCOMPLETE = 200
"""Failures that are listed one by one; all are counted."""

MEASURED_BYTES = 4 * 1024 * 1024
MEASURED_SHARE = 8
"""So much is written out as a sink would, and compressed; beyond it an eighth, by whose sizes the others are
reckoned. All of it would take longer than the rest together."""

COMPRESSION_LEVEL = 6
"""As sinks compress."""

WITHHELD = "withheld by KEEP_AT_MOST"
EVICTED = "given up for BUFFER_SIZE"
LATE = "let go before there was a sign of failure"
UNDELIVERED = "not delivered for another reason"
CAUSES = (WITHHELD, EVICTED, LATE, UNDELIVERED)
"""Why lines of a failure are missing. Of several, the first counts: it alone would have been enough."""

_TYPE_WITHIN_BYTES = 80
_OURS = "flightRecorder."


class Incomplete(NamedTuple):
    """A failed invocation of which lines are missing, and why: one of :data:`CAUSES`."""

    request_id: str
    reason: str
    written: int
    missing: int
    why: str


class Followed:
    """An invocation of which something was delivered, until nothing more is to be expected of it."""

    __slots__ = (
        "counted_as",
        "delivered",
        "dropped",
        "evicted",
        "failed_by",
        "withheld",
        "written",
    )

    def __init__(self) -> None:
        self.counted_as = ""
        self.failed_by = ""
        self.delivered = self.written = self.evicted = self.dropped = self.withheld = 0

    def incomplete(self, request_id: str) -> Incomplete | None:
        """Tell what is missing of a failed invocation; None if nothing is."""
        missing = max(self.written - self.delivered, self.evicted + self.dropped + self.withheld)
        if not self.failed_by or missing <= 0:
            return None
        causes = zip(CAUSES, (self.withheld, self.evicted, self.dropped), strict=False)
        why = next((cause for cause, lines in causes if lines), UNDELIVERED)
        return Incomplete(request_id, self.failed_by, self.written, missing, why)


def _is_ours(segment: Segment) -> bool:
    """Tell whether a segment is what the extension says itself, and not what it had from Lambda."""
    return segment.kind is Kind.GAP or (
        segment.kind is Kind.EVENT
        and b'"type":"flightRecorder.' in segment.raw[:_TYPE_WITHIN_BYTES]
    )


def _raw_bytes(chunk: Chunk) -> int:
    """Give the bytes of a chunk as they came from Lambda."""
    return sum(len(segment.raw) for segment in chunk.segments if not _is_ours(segment))


@dataclass
class _Sizes:
    """Of the records that were written out: as they came, for CloudWatch, as NDJSON; and of what was compressed."""

    raw_bytes: int = 0
    cloudwatch_bytes: int = 0
    record_bytes: int = 0
    plain_bytes: int = 0
    compressed_bytes: int = 0


@dataclass
class Tally:
    """One set of settings, over all environments.

    Attributes:
        lines: Delivered, by the reason they were kept for.
        failures: Failed invocations, by reason.
        kept: Healthy invocations that were kept, by reason.
        incomplete: Failed invocations of which lines are missing, the first of them.
        missing: How many those are, by why.
        estimated: Invocations, as the sum of weights.
        estimated_lines: Lines, as the sum of weights.
        received: Lines that were taken in.
        invocations: That were seen.
        dropped: Lines that were decided against.
        withheld: Lines of failed invocations that were decided against because too many failed, which are among those.
        evicted: Lines that were given up for the memory bound.
        unreadable_bytes: Of batches; there should be none.
    """

    lines: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    incomplete: list[Incomplete] = field(default_factory=list)
    missing: Counter[str] = field(default_factory=Counter)
    estimated: float = 0.0
    estimated_lines: float = 0.0
    received: int = 0
    invocations: int = 0
    dropped: int = 0
    withheld: int = 0
    evicted: int = 0
    unreadable_bytes: int = 0
    _cloudwatch_bytes: float = 0
    _record_bytes: float = 0
    _deliveries: int = 0
    _chunks: int = 0
    _sizes: _Sizes = field(default_factory=_Sizes)
    _clusters: Clusters = field(default_factory=Clusters)

    @property
    def kept_lines(self) -> int:
        """Lines that a sink gets."""
        return sum(self.lines.values())

    @property
    def failed(self) -> int:
        """Invocations that failed, as far as anybody can tell."""
        return sum(self.failures.values())

    @property
    def incomplete_count(self) -> int:
        """Failed invocations of which lines are missing."""
        return sum(self.missing.values())

    @property
    def history(self) -> int:
        """Lines of what went well, delivered for the sake of a failure that came after them."""
        return self.lines[verdict.HISTORY]

    @property
    def variance(self) -> float:
        """Of :attr:`estimated`: invocations of one transaction are drawn together, transactions each for itself."""
        return self._clusters.sum_of_squares

    @property
    def volume(self) -> Volume:
        """What is delivered."""
        sizes = self._sizes
        share = sizes.compressed_bytes / sizes.plain_bytes if sizes.plain_bytes else 0.0
        return Volume(self._cloudwatch_bytes, self._record_bytes, share, self._deliveries)

    def take(
        self,
        chunks: list[Chunk],
        followed: dict[str, Followed],
        *,
        redact: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """Take what one environment delivers at once.

        Args:
            chunks: As they are delivered, before anything in them is masked.
            followed: The environment's invocations, by request id; new ones are added.
            redact: Masks what is to be masked in the JSON of one event; None if nothing is.
        """
        measured = []
        for chunk in chunks:
            metadata = chunk.metadata
            self.lines[metadata.reason] += chunk.lines
            self.estimated_lines += metadata.weight * chunk.lines
            self._deliveries += metadata.reason == verdict.EMF
            if metadata.request_id and metadata.reason != verdict.HISTORY:
                one = followed.get(metadata.request_id)
                if one is None:
                    one = followed[metadata.request_id] = Followed()
                one.delivered += chunk.lines
                if metadata.failed:
                    one.failed_by = one.failed_by or metadata.reason
            measured.append(self._sampled(chunk))
        for kept in self._measure(measured, redact):
            if kept.is_line or not isinstance(kept.record, dict):
                continue
            told = followed.get(kept.metadata.request_id)
            if kept.type == SUMMARY_TYPE:
                self._take_summary(kept.metadata, kept.record, told)
            elif kept.type == GAP_TYPE and told is not None:
                told.evicted += int(kept.record["evictedLines"])

    def _sampled(self, chunk: Chunk) -> Chunk:
        """Give what is to be measured of a chunk: all of it, or all but its lines, which are reckoned then."""
        self._chunks += 1
        sizes = self._sizes
        if sizes.raw_bytes < MEASURED_BYTES or not self._chunks % MEASURED_SHARE:
            return chunk
        told = [segment for segment in chunk.segments if _is_ours(segment)]
        raw_bytes = _raw_bytes(chunk)
        self._cloudwatch_bytes += raw_bytes * sizes.cloudwatch_bytes / sizes.raw_bytes
        self._record_bytes += raw_bytes * sizes.record_bytes / sizes.raw_bytes
        return Chunk(chunk.metadata, told)

    def _measure(
        self, chunks: list[Chunk], redact: Callable[[bytes], bytes] | None
    ) -> list[Record]:
        sizes = self._sizes
        # By what they were before they were masked: what is only reckoned is not masked.
        sizes.raw_bytes += sum(_raw_bytes(chunk) for chunk in chunks)
        records = list(records_in(chunks if redact is None else rewritten(chunks, redact)))
        encoded = lines_of(records)
        for kept, line in zip(records, encoded, strict=True):
            message = message_of(kept, form=Form.TEXT)
            text_bytes = len(message.encode("utf-8", "replace")) + EVENT_BYTES
            self._cloudwatch_bytes += text_bytes
            self._record_bytes += len(line)
            if not kept.type.startswith(_OURS):
                sizes.cloudwatch_bytes += text_bytes
                sizes.record_bytes += len(line)
        if sizes.plain_bytes < MEASURED_BYTES:
            body = b"".join(encoded)
            sizes.plain_bytes += len(body)
            sizes.compressed_bytes += len(zlib.compress(body, COMPRESSION_LEVEL))
        return records

    def _take_summary(
        self, metadata: Metadata, summary: dict[str, Any], told: Followed | None
    ) -> None:
        (self.failures if metadata.failed else self.kept)[metadata.reason] += 1
        self._deliveries += 1
        if told is None:
            return  # Of an init, which is no invocation.
        # A retry has the same id, and may come to the same environment: then both are followed as one.
        told.written += int(summary["lines"])
        told.dropped += int(summary["droppedLines"])
        told.withheld += int(summary.get("withheldLines", 0))
        told.counted_as = metadata.reason
        self.estimated += metadata.weight
        if metadata.weight > 1.0:
            transaction = probability.randomness_of(
                trace_id=metadata.trace_id,
                request_id=metadata.request_id,
                correlation_id=metadata.correlation_id,
            )
            self._clusters.add(transaction, math.sqrt(metadata.weight * (metadata.weight - 1.0)))

    def settle(self, request_id: str, one: Followed) -> None:
        """Take note that nothing more will come of an invocation."""
        if one.failed_by and one.counted_as in self.kept:
            # It had been sampled before there was a sign of failure.
            self.kept[one.counted_as] -= 1
            self.failures[one.failed_by] += 1
        missing = one.incomplete(request_id)
        if missing is not None:
            self.missing[missing.why] += 1
            if len(self.incomplete) < MAX_INCOMPLETE:
                self.incomplete.append(missing)

    def close(self, account: Account) -> None:
        """Add one environment's account."""
        self.received += account.received
        self.invocations += account.invocations
        self.dropped += sum(account.dropped.values())
        self.withheld += account.dropped.get(verdict.FLOOD, 0)
        self.evicted += account.evicted
        self.unreadable_bytes += account.unreadable_bytes
