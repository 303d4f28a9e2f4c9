"""Count the results of one set of settings, from the very chunks that a sink would get.

Promises: memory grows with the number of reasons, and up to a bound with incomplete failures and transactions. It does
not grow with the log. Pure.
"""

import math
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from extension.diagnostics.account import Account
from extension.model.chunk import Chunk, Metadata, RewriteLines, rewritten
from extension.model.ndjson import lines_of
from extension.model.record import GAP_TYPE, Record, records_in
from extension.model.segment import Kind, Segment
from extension.sampling import probability, verdict
from extension.sinks.cloudwatch_events import Form, message_of
from whatif.model.prices import EVENT_BYTES, Volume
from whatif.model.variance import Clusters

SUMMARY_TYPE = "flightRecorder.invocation"
MAX_INCOMPLETE = 200
"""Failures in the list; all are counted."""

MAX_EXAMPLES = 3
"""Failures that are shown of each reason."""

MAX_EXAMPLE_CHARS = 512
"""The most of an error line that is held for an example. The report shows less of it."""

MEASURED_BYTES = 4 * 1024 * 1024
MEASURED_SHARE = 8
"""The first bytes are encoded as a sink would, and compressed; of the rest, one chunk in eight. The sizes of the others
are estimated from them. To encode everything would take longer than all the rest."""

COMPRESSION_LEVEL = 6
"""The level that sinks use."""

WITHHELD = "withheld by KEEP_AT_MOST"
EVICTED = "evicted for BUFFER_SIZE"
LATE = "dropped before the first sign of failure"
UNDELIVERED = "not delivered for another reason"
CAUSES = (WITHHELD, EVICTED, LATE, UNDELIVERED)
"""Causes of missing lines. Of several causes the first counts, since it alone would suffice."""

_TYPE_WITHIN_BYTES = 80
_OURS = "flightRecorder."
_STREAM = "2026/11/24/[$LATEST]0123456789abcdef"
"""As long as the name of any log stream that the sink writes to, where the function has no versions."""


class Incomplete(NamedTuple):
    """A failed invocation that lacks lines, for one of :data:`CAUSES`."""

    request_id: str
    reason: str
    written: int
    missing: int
    why: str


class Failure(NamedTuple):
    """A failed invocation to show, as its summary tells of it: masked by REDACT.

    Attributes:
        request_id: Empty for an init.
        time: When it began, as Lambda writes it.
        reason: By what it was found.
        line: Its first error line, or what Lambda told of its end.
    """

    request_id: str
    time: str
    reason: str
    line: str


class Followed:
    """An invocation with a delivery, until no more deliveries are expected.

    Attributes:
        cloudwatch_bytes: The size of its deliveries, as CloudWatch counts; without history.
    """

    __slots__ = (
        "cloudwatch_bytes",
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
        self.cloudwatch_bytes = 0.0
        self.delivered = self.written = self.evicted = self.dropped = self.withheld = 0

    def incomplete(self, request_id: str) -> Incomplete | None:
        """Return the missing lines of a failed invocation; None if it is whole."""
        missing = max(self.written - self.delivered, self.evicted + self.dropped + self.withheld)
        if not self.failed_by or missing <= 0:
            return None
        causes = zip(CAUSES, (self.withheld, self.evicted, self.dropped), strict=False)
        why = next((cause for cause, lines in causes if lines), UNDELIVERED)
        return Incomplete(request_id, self.failed_by, self.written, missing, why)


def _charge(followed: dict[str, Followed], metadata: Metadata, cloudwatch_bytes: float) -> None:
    """Add a size to that of its invocation. History is a cost of the failure that it explains."""
    one = followed.get(metadata.request_id)
    if one is not None and metadata.reason != verdict.HISTORY:
        one.cloudwatch_bytes += cloudwatch_bytes


def _is_ours(segment: Segment) -> bool:
    """Return whether a segment comes from the extension itself, not from Lambda."""
    return segment.kind in (Kind.GAP, Kind.SUMMARY) or (
        segment.kind is Kind.EVENT
        and b'"type":"flightRecorder.' in segment.raw[:_TYPE_WITHIN_BYTES]
    )


def _raw_bytes(chunk: Chunk) -> int:
    """Return the size of a chunk's events as Lambda sent them."""
    return sum(len(segment.raw) for segment in chunk.segments if not _is_ours(segment))


@dataclass
class _Sizes:
    """Sizes of the encoded records: as received, for CloudWatch and as NDJSON; and of the compressed ones."""

    raw_bytes: int = 0
    cloudwatch_bytes: int = 0
    record_bytes: int = 0
    plain_bytes: int = 0
    compressed_bytes: int = 0


@dataclass
class Tally:
    """The counts of one set of settings over all environments.

    Attributes:
        lines: Delivered lines, by reason.
        failures: Failed invocations, by reason.
        kept: Kept healthy invocations, by reason.
        incomplete: The first failed invocations that lack lines.
        missing: The number of failed invocations that lack lines, by cause.
        examples: The first failed invocations of each reason.
        estimated: The number of invocations, as the sum of weights.
        estimated_lines: The number of lines, as the sum of weights.
        received: Received lines.
        invocations: Seen invocations.
        dropped: Dropped lines.
        withheld: Those of the dropped lines that belong to failed invocations above KEEP_AT_MOST.
        evicted: Lines evicted for the memory bound.
        unreadable_bytes: Bytes of batches that the extension could not read; 0 is expected.
        requests: To a sink that bills them.
    """

    lines: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    incomplete: list[Incomplete] = field(default_factory=list)
    missing: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Failure]] = field(default_factory=dict)
    estimated: float = 0.0
    estimated_lines: float = 0.0
    received: int = 0
    invocations: int = 0
    dropped: int = 0
    withheld: int = 0
    evicted: int = 0
    unreadable_bytes: int = 0
    requests: int = 0
    _cloudwatch_bytes: float = 0
    _record_bytes: float = 0
    _chunks: int = 0
    _sizes: _Sizes = field(default_factory=_Sizes)
    _clusters: Clusters = field(default_factory=Clusters)

    @property
    def kept_lines(self) -> int:
        """The number of delivered lines."""
        return sum(self.lines.values())

    @property
    def failed(self) -> int:
        """The number of failed invocations."""
        return sum(self.failures.values())

    @property
    def incomplete_count(self) -> int:
        """The number of failed invocations that lack lines."""
        return sum(self.missing.values())

    @property
    def history(self) -> int:
        """The number of lines delivered as history of a later failure."""
        return self.lines[verdict.HISTORY]

    @property
    def variance(self) -> float:
        """The variance of :attr:`estimated`. Invocations of one transaction are sampled together."""
        return self._clusters.sum_of_squares

    @property
    def volume(self) -> Volume:
        """The size of all deliveries."""
        sizes = self._sizes
        share = sizes.compressed_bytes / sizes.plain_bytes if sizes.plain_bytes else 0.0
        return Volume(self._cloudwatch_bytes, self._record_bytes, share, self.requests)

    def take(
        self,
        chunks: list[Chunk],
        followed: dict[str, Followed],
        *,
        redact: RewriteLines | None = None,
    ) -> None:
        """Count one delivery of one environment.

        Args:
            chunks: The delivered chunks, not masked yet.
            followed: The environment's invocations, by request id; new ones are added.
            redact: Masks the JSON of events; None without REDACT.
        """
        measured = []
        for chunk in chunks:
            metadata = chunk.metadata
            self.lines[metadata.reason] += chunk.lines
            self.estimated_lines += metadata.weight * chunk.lines
            if metadata.request_id and metadata.reason != verdict.HISTORY:
                one = followed.get(metadata.request_id)
                if one is None:
                    one = followed[metadata.request_id] = Followed()
                one.delivered += chunk.lines
                if metadata.failed:
                    one.failed_by = one.failed_by or metadata.reason
            measured.append(self._sampled(chunk, followed))
        for kept in self._measure(measured, redact, followed):
            if kept.is_line or not isinstance(kept.record, dict):
                continue
            told = followed.get(kept.metadata.request_id)
            if kept.type == SUMMARY_TYPE:
                self._take_summary(kept.metadata, kept.record, told)
            elif kept.type == GAP_TYPE and told is not None:
                told.evicted += int(kept.record["evictedLines"])

    def _sampled(self, chunk: Chunk, followed: dict[str, Followed]) -> Chunk:
        """Return the part of a chunk to encode: all of it, or all but its lines, whose sizes are estimated."""
        self._chunks += 1
        sizes = self._sizes
        if sizes.raw_bytes < MEASURED_BYTES or not self._chunks % MEASURED_SHARE:
            return chunk
        told = [segment for segment in chunk.segments if _is_ours(segment)]
        raw_bytes = _raw_bytes(chunk)
        estimated_bytes = raw_bytes * sizes.cloudwatch_bytes / sizes.raw_bytes
        self._cloudwatch_bytes += estimated_bytes
        _charge(followed, chunk.metadata, estimated_bytes)
        self._record_bytes += raw_bytes * sizes.record_bytes / sizes.raw_bytes
        return Chunk(chunk.metadata, told)

    def _measure(
        self,
        chunks: list[Chunk],
        redact: RewriteLines | None,
        followed: dict[str, Followed],
    ) -> list[Record]:
        sizes = self._sizes
        # By the sizes before masking, since estimated chunks are not masked.
        sizes.raw_bytes += sum(_raw_bytes(chunk) for chunk in chunks)
        records = list(records_in(chunks if redact is None else rewritten(chunks, redact)))
        encoded = list(lines_of(records))
        for kept, line in zip(records, encoded, strict=True):
            message = message_of(kept, form=Form.TEXT, stream=_STREAM)
            text_bytes = len(message.encode("utf-8", "replace")) + EVENT_BYTES
            self._cloudwatch_bytes += text_bytes
            _charge(followed, kept.metadata, text_bytes)
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
        if metadata.failed:
            self._show(metadata, summary)
        if told is None:
            return  # An init is not an invocation.
        # A retry has the same id. If it comes to the same environment, both are followed as one.
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

    def _show(self, metadata: Metadata, summary: dict[str, Any]) -> None:
        shown = self.examples.setdefault(metadata.reason, [])
        if len(shown) < MAX_EXAMPLES:
            line = summary.get("errorLine") or summary.get("errorType") or summary.get("outcome")
            time = str(summary.get("started", ""))
            text = str(line)[:MAX_EXAMPLE_CHARS]
            shown.append(Failure(metadata.request_id, time, metadata.reason, text))

    def settle(self, request_id: str, one: Followed) -> None:
        """Count an invocation that has no more deliveries."""
        if one.failed_by and one.counted_as in self.kept:
            # It had been sampled before its first sign of failure.
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
