"""Screening: exclude lines, and find what a line says of its whole invocation.

Pure. Applies EXCLUDE, CORRELATION_FIELDS and KEEP_MARKER.
"""

from extension.config.settings import Settings
from extension.diagnostics.account import Account
from extension.model.chunk import sifted
from extension.model.segment import Segment
from extension.parsing.correlation import Correlation
from extension.recorder.invocation import Invocation
from extension.recorder.tail_sampler import TailSampler
from extension.sampling.verdict import EXCLUDED


class Screening:
    """Screen the lines of one environment."""

    def __init__(self, settings: Settings, *, sampler: TailSampler, account: Account) -> None:
        self._sampler = sampler
        self._account = account
        self._correlation = Correlation(settings.correlation_fields)
        self._marker = settings.keep_marker.encode()
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
        self._account.receive(lines=gone, size_bytes=size_bytes)
        self._account.drop(EXCLUDED, gone)
        return stays

    def look_into(self, invocation: Invocation, segment: Segment, *, is_text: bool) -> None:
        """Look for the correlation id and the marker, until the invocation has them."""
        if not invocation.correlation_id and not invocation.is_init:
            found = self._correlation.found_in(
                segment.raw, segment.count, is_text=is_text, is_beginning=not invocation.lines
            )
            if found:
                invocation.correlation_id = found
                self._sampler.release.one_was_named = True
        if self._marker and not invocation.signs.is_marked and self._marker in segment.raw:
            invocation.signs.is_marked = True
            self._sampler.signed(invocation)
