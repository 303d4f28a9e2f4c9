"""Where kept records go: one small module a kind, behind one seam, chosen by the scheme of SINK.

A sink is handed parcels and says what became of them; it keeps no state that matters and never raises for what the
other side does. It runs on the delivery thread, so it may block, but no longer than it is told to. Its module is
imported when it is opened, after the first ``/event/next``: httpx alone takes longer than all the rest of start-up.
"""

from typing import Protocol

from extension.config import Settings
from extension.outbox import Parcel, Receipt


class Sink(Protocol):
    """The seam."""

    def send(self, parcels: list[Parcel], *, timeout_s: float) -> Receipt:
        """Delivers parcels.

        Args:
            parcels: at most about ``outbox.MAX_BATCH_BYTES`` of events.
            timeout_s: the most it may take.

        Returns:
            What became of them. An exception counts as not having been delivered.
        """

    def abort(self) -> None:
        """Ends, if it can, a delivery that takes much longer than it was given. Called from another thread."""

    def close(self) -> None:
        """Lets go of connections and files."""


def open_sink(settings: Settings) -> Sink:
    """Opens the sink that SINK names. The value has been checked by :mod:`extension.config`.

    Raises:
        OSError: it cannot be opened; to be tried again with the next delivery.
    """
    scheme, _, rest = settings.sink.partition(":")
    if scheme.lower() in {"http", "https"}:
        from .http import HttpSink

        return HttpSink(settings.sink, headers=settings.sink_headers)
    if scheme.lower() == "file":
        from .file import FileSink

        return FileSink(rest.removeprefix("//"))
    from .stdout import StdoutSink

    return StdoutSink()
