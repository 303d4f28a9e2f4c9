"""Define the interface of a sink."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from extension.model.chunk import Chunk
from extension.model.receipt import Receipt


class Sink(Protocol):
    """The seam."""

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
        """Delivers chunks.

        Args:
            chunks: at most about ``queue.MAX_BATCH_BYTES`` of events. The same records come again, alone or with
                others, if they were not taken.
            timeout_s: the most it may take.

        Returns:
            What became of them. An exception counts as not having been delivered.
        """

    def abort(self) -> None:
        """Ends, if it can, a delivery that takes much longer than it was given. Called from another thread."""

    def close(self) -> None:
        """Lets go of connections and files."""


class SinkConfig(NamedTuple):
    """What a sink is opened with.

    Attributes:
        url: as SINK, FALLBACK_SINK or ARCHIVE_SINK names it; checked by :mod:`extension.config.settings`.
        environ: the process's environment: region, credentials, endpoints, what the function is called.
        headers: for sinks that speak plain HTTP.
        retention_days: for log groups; 0 to leave it alone.
    """

    url: str
    environ: Mapping[str, str]
    headers: tuple[tuple[str, str], ...] = ()
    retention_days: int = 0
