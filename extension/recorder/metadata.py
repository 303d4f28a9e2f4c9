"""Make the metadata of delivered records, and number the records of one environment.

Pure.
"""

from extension.levels.level import LevelReader
from extension.model.chunk import Metadata
from extension.recorder.invocation import Invocation
from extension.sampling.verdict import Verdict


class MetadataSource:
    """Make metadata for one environment.

    Attributes:
        function: the function's name.
        version: the function's version.
        environment_id: 16 hex digits, which no other process has.
        instance_id: Lambda's name for the environment, as :class:`Metadata` has it; empty until known.
        arn: as the function was invoked last; empty until known.
        level_in: LEVEL_PATTERN's reading of a line's level; None without one.
    """

    def __init__(self, *, function: str = "", version: str = "", environment_id: str = "") -> None:
        self.function = function
        self.version = version
        self.environment_id = environment_id
        self.instance_id = ""
        self.arn = ""
        self.level_in: LevelReader | None = None
        self.next_number = 0

    def number(self, count: int = 1) -> int:
        """Return the first of ``count`` numbers that no other record of this environment has."""
        number = self.next_number
        self.next_number += count
        return number

    def of(
        self, invocation: Invocation, decided: Verdict, *, weight: float | None = None
    ) -> Metadata:
        """Return the metadata of what is delivered of an invocation; the verdict's weight may not apply."""
        return Metadata(
            request_id=invocation.request_id,
            trace_id=invocation.trace_id,
            function=self.function,
            version=self.version,
            environment_id=self.environment_id,
            reason=decided.reason,
            weight=decided.weight if weight is None else weight,
            failed=decided.failed,
            correlation_id=invocation.correlation_id,
            span_id=invocation.span_id,
            arn=self.arn,
            tenant_id=invocation.tenant_id,
            level_in=self.level_in,
            instance_id=self.instance_id,
        )
