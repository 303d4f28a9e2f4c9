"""Screening: exclude lines, and find what a line says of its whole invocation.

Pure. Applies EXCLUDE, CORRELATION_FIELDS and KEEP_MARKER, and reads the lines of a durable function's SDK.
"""

from typing import TYPE_CHECKING

from extension.config.settings import Settings
from extension.diagnostics.account import Account
from extension.model.chunk import sifted
from extension.model.segment import Segment
from extension.parsing.correlation import Correlation
from extension.recorder.invocation import Invocation
from extension.recorder.tail_sampler import TailSampler
from extension.sampling.verdict import EXCLUDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from extension.parsing.durable import ExecutionFacts

_DEFAULT_FIELDS = Settings().correlation_fields


class Screening:
    """Screen the lines of one environment."""

    def __init__(self, settings: Settings, *, sampler: TailSampler, account: Account) -> None:
        self._sampler = sampler
        self._account = account
        self._execution_in: Callable[[bytes, int], ExecutionFacts] | None = None
        self.apply(settings)

    def apply(self, settings: Settings) -> None:
        """Apply settings, the first ones or changed ones, to every line from now on."""
        self._fields = settings.correlation_fields
        self._correlation = Correlation(self._fields)
        if self._execution_in is not None:
            self.read_executions()
        self._marker = settings.keep_marker.encode()
        self._excluder = None
        if settings.exclude is not None:
            # Imported here: most functions exclude nothing.
            from extension.redaction.exclusion import Excluder

            self._excluder = Excluder(settings.exclude)

    def read_executions(self) -> None:
        """Read what lines say of a durable execution from now on: it is the transaction, unless a setting names others."""
        # Imported here: few functions are durable.
        from extension.parsing.durable import EXECUTION_FIELDS, execution_in

        self._execution_in = execution_in
        fields = self._fields
        if fields == _DEFAULT_FIELDS:
            self._correlation = Correlation(EXECUTION_FIELDS + fields)
        elif fields:
            self._correlation = Correlation(fields + EXECUTION_FIELDS)

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
        if self._execution_in is not None and not is_text and not invocation.is_init:
            self._note(invocation, self._execution_in(segment.raw, segment.count))
        if self._marker and not invocation.signs.is_marked and self._marker in segment.raw:
            invocation.signs.is_marked = True
            self._sampler.signed(invocation)

    def _note(self, invocation: Invocation, facts: "ExecutionFacts") -> None:
        invocation.execution_arn = invocation.execution_arn or facts.execution_arn
        invocation.operation_name = facts.operation_name or invocation.operation_name
        if facts.is_retry and not invocation.signs.is_retry:
            invocation.signs.is_retry = True
            self._sampler.signed(invocation)
