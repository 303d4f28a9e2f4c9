"""Release: hand kept lines to the queues, with metadata and a summary.

Promises: where lines name their transaction (CORRELATION_FIELDS), every kept record of the invocation carries that id. So
do the records before the line that names it, and one search finds them all. For that, an early release waits until the
id is known or the invocation is over. It waits with an eighth of the memory bound at most. Where an environment's lines
name no transaction, nothing waits after its first invocation.

Pure.
"""

from extension.config.settings import Settings
from extension.delivery.queue import Queues
from extension.diagnostics.account import Account
from extension.model.chunk import Chunk, Metadata
from extension.model.segment import Segment
from extension.recorder.evaluator import PolicyEvaluator
from extension.recorder.invocation import Invocation
from extension.recorder.metadata import MetadataSource
from extension.recorder.states import State
from extension.sampling import verdict
from extension.sampling.verdict import Verdict

FLOOR_SHARE = 8
"""The memory limiter leaves an eighth of the bound to each running invocation, until failed invocations that wait for the
sink have been given up. As many bytes of it may wait for the id of its transaction."""


class Release:
    """Release the recordings of one environment.

    Attributes:
        one_was_named: whether a line of any invocation has named its transaction.
        one_has_ended: whether any invocation is over.
    """

    __slots__ = (
        "_account",
        "_archived",
        "_evaluator",
        "_key",
        "_made",
        "_metadata",
        "_queues",
        "_wait_bytes",
        "_wants_ids",
        "one_has_ended",
        "one_was_named",
    )

    def __init__(
        self,
        settings: Settings,
        *,
        queues: Queues,
        account: Account,
        metadata: MetadataSource,
        evaluator: PolicyEvaluator,
    ) -> None:
        self._queues = queues
        self._account = account
        self._metadata = metadata
        self._evaluator = evaluator
        self._key: object = None
        self._made: Metadata | None = None
        self._archived: tuple[Invocation, Metadata] | None = None
        self.one_was_named = self.one_has_ended = False
        self.apply(settings)

    def apply(self, settings: Settings) -> None:
        """Apply settings, the first ones or changed ones."""
        self._wants_ids = bool(settings.correlation_fields)
        self._wait_bytes = settings.buffer_bytes // FLOOR_SHARE

    def release(
        self, invocation: Invocation, *, with_summary: bool = False, unnamed: bool = False
    ) -> None:
        """Hand over the lines that the verdict keeps.

        Args:
            invocation: one that is kept.
            with_summary: whether its summary follows. It is delivered once.
            unnamed: whether not to wait for the id of its transaction.
        """
        decided = invocation.verdict
        if decided is None or not (unnamed or with_summary or not self._may_be_named(invocation)):
            return
        if decided.weight > 1.0:
            # Metrics are kept for certain, whatever the draw, so they stand for themselves.
            self.release_metrics(invocation)
        recording = invocation.recording
        segments = recording.take() if recording.segments else []
        if invocation.withheld_lines is not None:
            segments = self._evaluator.hold_back(invocation, segments)
        weighed = [(decided.weight, segments)]
        if decided.by_level:
            weighed, left = self._evaluator.draw(invocation, segments, weight=decided.weight)
            for segment in left:
                recording.append(segment)
        if with_summary:
            summary = self.summary(invocation)
            weighed.append((decided.weight, [summary]))
            if self._queues.archive is not None:
                self.archive(invocation, summary)
        for weight, parts in weighed:
            if parts:
                self._queues.put(Chunk(self._metadata_of(invocation, decided, weight), parts))

    def release_metrics(self, invocation: Invocation) -> None:
        """Hand over the metrics among the lines; they are kept whatever the verdict."""
        segments = invocation.recording.take_emf()
        if segments:
            self._queues.put(Chunk(self._metadata.of(invocation, verdict.METRICS), segments))

    def release_history(self, invocation: Invocation) -> None:
        """Hand over dropped lines that may explain a failure behind them."""
        segments = invocation.recording.take()
        if segments:
            self._queues.put(Chunk(self._metadata.of(invocation, verdict.PAST), segments))

    def release_alone(self, init: Invocation, segment: Segment, decided: Verdict) -> None:
        """Hand over a line that belongs to no invocation."""
        self._queues.put(Chunk(self._metadata.of(init, decided), [segment]))

    def discard(self, invocation: Invocation) -> None:
        """Drop the lines that are left."""
        lines = invocation.recording.lines
        invocation.recording.take()
        if lines:
            invocation.dropped_lines += lines
            self._account.drop(verdict.NOT_SAMPLED, lines)

    def summary(self, invocation: Invocation) -> Segment:
        """Write the invocation's summary, under a number of its own."""
        number = self._metadata.next_number
        self._metadata.next_number += 1
        return invocation.summary(number)

    def archive_summary(self, invocation: Invocation) -> None:
        """Hand the summary of a dropped invocation to the archive, where there is one."""
        # Should the invocation fail late, the sink gets another summary, which knows more.
        if self._queues.archive is not None:
            self.archive(invocation, self.summary(invocation))

    def archive(self, invocation: Invocation, segment: Segment) -> None:
        """Hand a segment to ARCHIVE_SINK's queue, kept or not. Callers make sure that there is one."""
        last = self._archived
        if (
            last is None
            or last[0] is not invocation
            or last[1].trace_id != invocation.trace_id
            or last[1].correlation_id != invocation.correlation_id
        ):
            last = invocation, self._metadata.of(invocation, verdict.ARCHIVED)
            self._archived = last
        self._queues.store(last[1], segment)

    def _metadata_of(self, invocation: Invocation, decided: Verdict, weight: float) -> Metadata:
        # Chunks of one invocation share one object: sinks write what they make of it once.
        source = self._metadata
        key = (
            invocation,
            decided,
            weight,
            invocation.trace_id,
            invocation.span_id,
            invocation.correlation_id,
            source.arn,
            source.environment_id,
        )
        if self._made is None or key != self._key:
            self._key, self._made = key, source.of(invocation, decided, weight=weight)
        return self._made

    def _may_be_named(self, invocation: Invocation) -> bool:
        """Tell whether an id may still come, by what earlier invocations did."""
        return (
            self._wants_ids
            and invocation.state is State.KEPT
            and not (invocation.correlation_id or invocation.is_init)
            and (self.one_was_named or not self.one_has_ended)
            and invocation.recording.held_bytes <= self._wait_bytes
        )
