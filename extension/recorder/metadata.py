"""What every delivered record says of its invocation, and whether all of that is known already.

Promises: every kept record of an invocation whose lines name a transaction (CORRELATION_FIELDS) carries that id, those
written before the line that names it as well, so that one search finds them all. For that, what is owed early waits: until
the id is known or the invocation is over, and for no more bytes than :mod:`extension.recorder.tail_sampler` allows. Where an
environment's lines name none, nothing waits after its first invocation.

Pure.
"""

from extension.config.settings import Settings
from extension.model.chunk import Metadata
from extension.recorder.invocation import Invocation
from extension.sampling.verdict import Verdict


class MetadataSource:
    """Makes stamps, for one environment.

    Attributes:
        environment_id: 16 hex digits.
        arn: as the function was invoked last; empty until known.
    """

    __slots__ = (
        "_function",
        "_one_ended",
        "_one_was_named",
        "_version",
        "_wanted",
        "arn",
        "environment_id",
    )

    def __init__(self, *, function: str = "", version: str = "", environment_id: str = "") -> None:
        """Takes what is the same for all invocations."""
        self._function = function
        self._version = version
        self._wanted = self._one_was_named = self._one_ended = False
        self.environment_id = environment_id
        self.arn = ""

    def apply(self, settings: Settings) -> None:
        """Takes CORRELATION_FIELDS, at first or when they may have changed."""
        self._wanted = bool(settings.correlation_fields)

    def named(self, invocation: Invocation, correlation_id: str) -> None:
        """Takes note of the id by which a line names the transaction."""
        invocation.correlation_id = correlation_id
        self._one_was_named = True

    def ended(self) -> None:
        """Takes note that an invocation is over."""
        self._one_ended = True

    def may_be_named(self, invocation: Invocation, *, most_bytes: int) -> bool:
        """Tells whether an id is worth waiting for, by what the environment's invocations have done so far.

        Args:
            invocation: any; one that is over is not named any more.
            most_bytes: of its recording that may wait.
        """
        return (
            self._wanted
            and not (invocation.correlation_id or invocation.ended or invocation.is_init)
            and (self._one_was_named or not self._one_ended)
            and invocation.recording.held_bytes <= most_bytes
        )

    def of(
        self, invocation: Invocation, decided: Verdict, *, weight: float | None = None
    ) -> Metadata:
        """Gives the stamp of what is delivered of an invocation.

        Args:
            invocation: as far as it is known.
            decided: why it is delivered.
            weight: what it stands for, if not what the verdict says.
        """
        return Metadata(
            request_id=invocation.request_id,
            trace_id=invocation.trace_id,
            function=self._function,
            version=self._version,
            environment_id=self.environment_id,
            reason=decided.reason,
            weight=decided.weight if weight is None else weight,
            failed=decided.failed,
            correlation_id=invocation.correlation_id,
            span_id=invocation.span_id,
            arn=self.arn,
        )
