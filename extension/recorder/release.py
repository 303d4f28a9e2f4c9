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
from extension.parsing.line import LineFacts
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
    """Release the recordings of one environment. Some methods are actions of the table of states.

    Attributes:
        evaluator: decides; the tail sampler asks it too.
        one_was_named: whether a line of any invocation has named its transaction.
        one_has_ended: whether any invocation is over.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        queues: Queues,
        account: Account,
        metadata: MetadataSource,
    ) -> None:
        self._queues = queues
        self._account = account
        self._metadata = metadata
        self.evaluator = PolicyEvaluator(settings, account=account, metadata=metadata)
        self._made: dict[bool, tuple[object, Metadata]] = {}
        self.settings = settings
        self.one_was_named = self.one_has_ended = False

    def apply(self, settings: Settings) -> None:
        """Apply settings, the first ones or changed ones, to every decision from now on."""
        self.settings = settings
        self.evaluator.apply(settings)

    def keep(self, invocation: Invocation) -> None:
        """Release the lines of a healthy invocation from now on."""
        self.evaluator.kept(invocation)
        self.release(invocation)

    def deliver(self, invocation: Invocation) -> None:
        """Release the lines of an ended invocation, with its summary."""
        if invocation.failure is None:
            self.evaluator.kept(invocation)
        self.release(invocation, with_summary=True)

    def release(
        self, invocation: Invocation, *, with_summary: bool = False, unnamed: bool = False
    ) -> None:
        """Hand over the lines that the verdict keeps; ``unnamed`` tells not to wait for the id of the transaction."""
        decided = invocation.verdict
        if decided is None or not decided.keep:
            return
        if not (unnamed or with_summary or not self._may_be_named(invocation)):
            return
        if decided.weight > 1.0:
            # Metrics are kept for certain, whatever the draw, so they stand for themselves.
            self.release_metrics(invocation)
        recording = invocation.recording
        segments = recording.take() if recording.segments else []
        invocation.note_times(segments)
        if invocation.withheld_lines is not None:
            segments = self.evaluator.hold_back(invocation, segments)
        weighed = [(decided.weight, segments)]
        if decided.by_level:
            weighed, left = self.evaluator.draw(invocation, segments, weight=decided.weight)
            for segment in left:
                recording.append(segment)
        if with_summary:
            summary = invocation.summary(self._metadata.number())
            weighed.append((decided.weight, [summary]))
            self.archive(invocation, summary)
        for weight, parts in weighed:
            if parts:
                self._queues.put(Chunk(self._metadata_of(invocation, decided, weight), parts))

    def close_init(self, init: Invocation) -> None:
        """Deliver what is kept of init."""
        init.verdict = init.verdict or self.evaluator.decide(init)
        self.release(init, with_summary=True)

    def release_metrics(self, invocation: Invocation) -> None:
        """Hand over the metrics among the lines; they are kept whatever the verdict."""
        self.put(invocation, verdict.METRICS, invocation.recording.take_emf())

    def put(self, invocation: Invocation, decided: Verdict, segments: list[Segment]) -> None:
        """Hand over segments, if there are any, under a verdict of their own."""
        if segments:
            self._queues.put(Chunk(self._metadata.of(invocation, decided), segments))

    def put_alone(self, init: Invocation, segment: Segment, facts: LineFacts) -> None:
        """Decide at once on a line that belongs to no invocation: it is a transaction of its own."""
        self._account.receive(lines=segment.lines, size_bytes=len(segment.raw))
        self.archive(init, segment)
        name = f"{self._metadata.environment_id}-{segment.first_number}"
        decided = self.evaluator.decide_alone(facts, name)
        if facts.is_emf and (decided is None or not decided.keep or decided.weight > 1.0):
            # As in an invocation: kept whatever the draw, so they stand for themselves.
            decided = verdict.METRICS
        if decided is not None and decided.keep:
            self.put(init, decided, [segment])
        else:
            self._account.drop(verdict.NOT_SAMPLED, segment.lines)

    def discard(self, invocation: Invocation) -> None:
        """Drop the lines that are left."""
        lines = invocation.recording.lines
        invocation.recording.take()
        if lines:
            invocation.dropped_lines += lines
            self._account.drop(verdict.NOT_SAMPLED, lines)

    def archive_summary(self, invocation: Invocation) -> None:
        """Hand the summary of a dropped invocation to the archive, where there is one."""
        # Should the invocation fail late, the sink gets another summary, which knows more.
        if self._queues.is_archived:
            self.archive(invocation, invocation.summary(self._metadata.number()))

    def archive(self, invocation: Invocation, segment: Segment) -> None:
        """Hand a segment to ARCHIVE_SINK's queue, where there is one, kept or not."""
        archive = self._queues.archive
        # Asked here and not in a method: every line comes this way, and most environments have no archive.
        if archive is not None and archive.is_in_use:
            metadata = self._metadata_of(invocation, verdict.ARCHIVED, 1.0)
            self._queues.store(metadata, segment)

    def _metadata_of(self, invocation: Invocation, decided: Verdict, weight: float) -> Metadata:
        # Chunks of one invocation share one object: sinks write what they make of it once.
        source = self._metadata
        is_archived = decided is verdict.ARCHIVED
        more = () if is_archived else (invocation.span_id, source.arn, source.environment_id)
        named = (
            invocation.trace_id,
            invocation.correlation_id,
            invocation.tenant_id,
            source.instance_id,
        )
        key = (invocation, decided, weight, named, more)
        made_for, made = self._made.get(is_archived, (None, None))
        if made is None or made_for != key:
            made = source.of(invocation, decided, weight=weight)
            self._made[is_archived] = key, made
        return made

    def _may_be_named(self, invocation: Invocation) -> bool:
        """Tell whether an id may still come, by what earlier invocations did."""
        settings = self.settings
        return (
            bool(settings.correlation_fields)
            and invocation.state is State.KEPT
            and not (invocation.correlation_id or invocation.is_init)
            and (self.one_was_named or not self.one_has_ended)
            and invocation.recording.held_bytes <= settings.buffer_bytes // FLOOR_SHARE
        )
