"""Chunks for the tests of sinks: events as Lambda writes them, with the metadata that the recorder adds."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone

from extension.model.chunk import Chunk, Metadata
from extension.model.segment import Kind, Segment
from tests.doubles.lambda_events import FIRST, compact, line

ENVIRONMENT = "0123456789abcdef"
STAMP = Metadata(
    FIRST, "1-5f35ae12-0c0fec141ab77a00bc047aa2", "shop", "$LATEST", ENVIRONMENT, "crash", 1.0, True
)


def at(base: datetime, **delta: float) -> str:
    """Return a time as Lambda writes it, so much after another."""
    moment = base + timedelta(**delta)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def now() -> datetime:
    """Return the time, to the millisecond."""
    moment = datetime.now(timezone.utc)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def milliseconds(time: str) -> int:
    """Return the same time as CloudWatch has it."""
    moment = datetime.fromisoformat(time.replace("Z", "+00:00"))
    return round(moment.timestamp() * 1000)


def each(rewrite: Callable[[bytes], bytes]) -> Callable[[list[bytes]], list[bytes]]:
    """Return what rewrites many events, each by itself."""
    return lambda events: [rewrite(event) for event in events]


def chunk(events: Sequence[object], *, first_number: int = 0, metadata: Metadata = STAMP) -> Chunk:
    """Make a chunk of one segment; an event may be given as the bytes that came."""
    raw = [event if isinstance(event, bytes) else compact(event) for event in events]
    segment = Segment(b",".join(raw), count=len(raw), first_number=first_number)
    return Chunk(metadata, [segment])


def lines(*texts: object, first_number: int = 0, metadata: Metadata = STAMP) -> Chunk:
    """Make a chunk of lines, all of one time."""
    return chunk([line(text) for text in texts], first_number=first_number, metadata=metadata)


def gap(
    number: int, *, lines_gone: int = 7, bytes_gone: int = 70, metadata: Metadata = STAMP
) -> Chunk:
    """Make a chunk of one gap."""
    segment = Segment(
        b"", count=lines_gone, first_number=number, kind=Kind.GAP, gone_bytes=bytes_gone
    )
    return Chunk(metadata, [segment])
