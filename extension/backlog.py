"""Everything that waits for a sink: SINK's queue, and FALLBACK_SINK's and ARCHIVE_SINK's where they are set.

Pure. To :mod:`extension.keeping` it is one thing, with one size, so that BUFFER_SIZE covers it all.
"""

from .outbox import Outbox
from .parcels import Parcel, Stamp
from .recording import Segment


class Backlog:
    """The queues of one environment."""

    __slots__ = ("archive", "fallback", "primary")

    def __init__(
        self, primary: Outbox, *, fallback: Outbox | None = None, archive: Outbox | None = None
    ) -> None:
        self.primary = primary
        self.fallback = fallback
        self.archive = archive

    @property
    def held_bytes(self) -> int:
        """Bytes that wait or are under way. What waits for two sinks counts twice, though it is there once."""
        return sum(outbox.held_bytes for outbox in self.outboxes)

    @property
    def outboxes(self) -> list[Outbox]:
        """Those that there are."""
        every = (self.primary, self.fallback, self.archive)
        return [outbox for outbox in every if outbox is not None]

    def put(self, parcel: Parcel) -> None:
        """Leaves a parcel to be delivered."""
        self.primary.put(parcel)

    def store(self, stamp: Stamp, segment: Segment) -> None:
        """Leaves a segment to be archived, whatever else becomes of it."""
        if self.archive is not None:
            self.archive.add(stamp, segment)

    def give_up(self, *, need_bytes: int, failed_too: bool) -> int:
        """Gives up what waits: what is to be archived, healthy invocations, and failed ones if it must be.

        Returns:
            How many bytes that freed.
        """
        freed = 0
        if self.archive is not None:
            freed += self.archive.give_up(need_bytes=need_bytes, failed_too=failed_too)
        for outbox in (self.fallback, self.primary):
            if outbox is not None and freed < need_bytes:
                freed += outbox.give_up(need_bytes=need_bytes - freed, failed_too=failed_too)
        return freed
