"""Take subscription data out of the events that carry it: of Lambda, Kinesis and Firehose.

Assumes of AWS: a subscription filter hands Lambda ``{"awslogs": {"data": ...}}``; a Kinesis stream hands it ``{"Records":
[{"kinesis": {"data": ...}}]}``, and ``aws kinesis get-records`` answers ``{"Records": [{"Data": ...}]}``; Firehose hands a
transforming function ``{"records": [{"data": ...}]}``. The data is JSON, gzipped and in base64 (AWS: Real-time processing of
log data with subscriptions).

Pure.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from whatif.model.events import Reading

GZIP_AS_BASE64 = "H4sI"
"""How a gzip begins in base64."""

MAX_DATA_BYTES = 64 * 1024 * 1024
"""The most that one event's data may hold. A record of Kinesis has 10 MB at most (AWS: Kinesis Data Streams quotas), and
logs compress by less than this in a whole one."""

_KEYS = ("data", "Data")


def data_of(value: dict[str, Any]) -> str | None:
    """Return the encoded data of an event or of a record; None where it is none."""
    for name in ("awslogs", "kinesis"):
        inner = value.get(name)
        if isinstance(inner, dict) and isinstance(inner.get("data"), str):
            return str(inner["data"])
    found = [value[key] for key in _KEYS if isinstance(value.get(key), str)]
    return found[0] if found and found[0].startswith(GZIP_AS_BASE64) else None


def unpacked(data: str) -> object:
    """Return the JSON value that encoded data holds.

    Raises:
        ValueError: It is no base64, no gzip, or no JSON, or larger than :data:`MAX_DATA_BYTES`.
    """
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        text = member.decompress(base64.b64decode(data), MAX_DATA_BYTES)
        value: object = json.loads(text.decode("utf-8", "replace"))
    except (binascii.Error, zlib.error, RecursionError) as error:
        raise ValueError(str(error)) from error
    return value


def values_in_base64(lines: Iterable[str], reading: Reading) -> Iterator[object]:
    """Yield the JSON values of bare data, separated by white space; count what cannot be read."""
    for line in lines:
        for data in line.split():
            try:
                value = unpacked(data)
            except ValueError:  # noqa: PERF203 - what is unreadable is counted, one by one
                reading.unreadable += 1
            else:
                yield value
