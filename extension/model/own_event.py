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
) -> Chunk:
    """Return a chunk of one event that belongs to no invocation.

    Args:
        kind: type of the event.
        record: its record.
        at_s: its time, in seconds since 1970.
        number: its number in the environment.
        function: name of the function.
        version: version of the function.
        environment_id: id of the environment.
        reason: reason for its delivery.
    """
    moment = datetime.fromtimestamp(at_s, timezone.utc)
    time = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    metadata = Metadata(
        request_id="",
        trace_id="",
        function=function,
        version=version,
        environment_id=environment_id,
        reason=reason,
        weight=1.0,
        failed=False,
    )
    raw = dumps({"time": time, "type": kind, "record": record}).encode("utf-8", "replace")
    return Chunk(metadata, [Segment(raw, count=1, first_number=number, kind=Kind.EVENT)])
