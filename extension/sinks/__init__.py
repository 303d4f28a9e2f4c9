"""Where kept records go: one small module a kind, behind one seam, chosen by the scheme of SINK.

A sink is handed parcels and says what became of them; it keeps no state that matters and never raises for what the
other side does. It runs on a delivery thread, so it may block, but no longer than it is told to. Its module is
imported when it is opened, after the first ``/event/next``: httpx alone takes longer than all the rest of start-up.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from extension.parcels import Parcel, Receipt


class Sink(Protocol):
    """The seam."""

    def send(self, parcels: list[Parcel], *, timeout_s: float) -> Receipt:
        """Delivers parcels.

        Args:
            parcels: at most about ``outbox.MAX_BATCH_BYTES`` of events. The same records come again, alone or with
                others, if they were not taken.
            timeout_s: the most it may take.

        Returns:
            What became of them. An exception counts as not having been delivered.
        """

    def abort(self) -> None:
        """Ends, if it can, a delivery that takes much longer than it was given. Called from another thread."""

    def close(self) -> None:
        """Lets go of connections and files."""


class SinkPlan(NamedTuple):
    """What a sink is opened with.

    Attributes:
        url: as SINK, FALLBACK_SINK or ARCHIVE_SINK names it; checked by :mod:`extension.config`.
        environ: the process's environment: region, credentials, endpoints, what the function is called.
        headers: for sinks that speak plain HTTP.
        retention_days: for log groups; 0 to leave it alone.
    """

    url: str
    environ: Mapping[str, str]
    headers: tuple[tuple[str, str], ...] = ()
    retention_days: int = 0


def open_sink(plan: SinkPlan) -> Sink:  # noqa: PLR0911 - one a scheme
    """Opens a sink.

    Raises:
        OSError: it cannot be opened; to be tried again with the next delivery.
    """
    scheme, _, rest = plan.url.partition(":")
    scheme = scheme.lower()
    if scheme in {"cloudwatch", "records+cloudwatch"}:
        from .cloudwatch import CloudWatchSink

        return CloudWatchSink(plan, group=rest, as_records=scheme != "cloudwatch")
    if scheme == "s3":
        from .s3 import S3Sink

        return S3Sink(plan)
    if scheme == "firehose":
        from .firehose import FirehoseSink

        return FirehoseSink(plan, stream=rest)
    if scheme.startswith("otlp"):
        from .otlp import OtlpSink

        return OtlpSink(plan)
    if scheme == "file":
        from .file import FileSink

        return FileSink(rest.removeprefix("//"))
    if scheme == "stdout":
        from .stdout import StdoutSink

        return StdoutSink()
    from .http import HttpSink

    return HttpSink(plan)
