"""Make an event of the extension's own, such as the record of the self-check."""

from collections.abc import Mapping
from datetime import datetime, timezone

from extension.model.chunk import Chunk, Metadata
from extension.model.record import dumps
from extension.model.segment import Kind, Segment


def own_event(  # noqa: PLR0913 - the parts of an event
    kind: str,
    record: Mapping[str, object],
    *,
    at_s: float,
    number: int,
    function: str,
    version: str,
    environment_id: str,
    reason: str,
    instance_id: str = "",
) -> Chunk:
    """Return a chunk of one event of no invocation; ``at_s`` is its time in seconds since 1970."""
    moment = datetime.fromtimestamp(at_s, timezone.utc)
    time = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    metadata = Metadata(
        *("", "", function, version, environment_id, reason),
        weight=1.0,
        failed=False,
        instance_id=instance_id,
    )
    raw = dumps({"time": time, "type": kind, "record": record}).encode("utf-8", "replace")
    return Chunk(metadata, [Segment(raw, count=1, first_number=number, kind=Kind.EVENT)])
