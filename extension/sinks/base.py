"""Define a sink: one destination of records."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from extension.model.chunk import Chunk
from extension.model.receipt import Receipt


class Sink(Protocol):
    """Send chunks to one destination."""

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
        """Send chunks, and wait for the answer.

        Args:
            chunks: at most about ``queue.MAX_BATCH_BYTES`` of events. Records that were not taken come again, alone or
                with others.
            timeout_s: the most that it may take.

        Returns:
            How the destination answered. An exception counts as not delivered.
        """

    def abort(self) -> None:
        """End, if possible, a delivery that takes much longer than its time-out. Called from another thread."""

    def close(self) -> None:
        """Close connections and files."""


class SinkConfig(NamedTuple):
    """Describe a sink to open.

    Attributes:
        url: as SINK, FALLBACK_SINK or ARCHIVE_SINK names it; checked by :mod:`extension.config.settings`.
        environ: the process's environment: region, credentials, endpoints, the function's name.
        headers: for sinks over HTTP outside AWS.
        retention_days: for log groups; 0 to leave it alone.
    """

    url: str
    environ: Mapping[str, str]
    headers: tuple[tuple[str, str], ...] = ()
    retention_days: int = 0
