"""Screening: exclude lines, and find what a line says of its whole invocation.

Pure. Applies EXCLUDE, CORRELATION_FIELDS and KEEP_MARKER.
"""

from extension.config.settings import Settings
from extension.model.chunk import sifted
from extension.model.segment import Segment
from extension.parsing.correlation import Correlation
from extension.recorder.invocation import Invocation
from extension.recorder.tail_sampler import TailSampler


class Screening:
    """Screen the lines of one environment.

    Attributes:
        excludes: whether any line may be excluded.
        marker: KEEP_MARKER; empty if it is not set.
    """

    __slots__ = ("_correlation", "_excluder", "_sampler", "excludes", "marker")

    def __init__(self, settings: Settings, *, sampler: TailSampler) -> None:
        self._sampler = sampler
        self._correlation = Correlation(settings.correlation_fields)
        self.marker = settings.keep_marker.encode()
        self.excludes = settings.exclude is not None
        self._excluder = None
        if settings.exclude is not None:
            # Imported here: most functions exclude nothing.
            from extension.redaction.exclusion import Excluder

            self._excluder = Excluder(settings.exclude)

    def exclude(self, segment: Segment) -> list[Segment]:
        """Return the parts of a segment that EXCLUDE leaves; count the others."""
        if self._excluder is None or not self._excluder.may_match(segment.raw):
            return [segment]
        stays, gone = sifted(segment, self._excluder.excludes)
        size_bytes = len(segment.raw) - sum(len(one.raw) for one in stays)
        self._sampler.exclude(gone, size_bytes=size_bytes)
        return stays

    def look_into(self, invocation: Invocation, segment: Segment, *, is_text: bool = False) -> None:
        """Look for the correlation id and the marker, until the invocation has them.

        Args:
            invocation: whose lines they are.
            segment: of lines.
            is_text: whether certainly no line is JSON, so that none can have a correlation id.
        """
        if not is_text and not invocation.correlation_id and not invocation.is_init:
            found = self._correlation.found_in(segment.raw, segment.count)
            if found:
                self._sampler.name(invocation, found)
        if self.marker and not invocation.signs.is_marked and self.marker in segment.raw:
            invocation.signs.is_marked = True
            self._sampler.signed(invocation)
