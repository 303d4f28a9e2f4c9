"""Read OTLP log requests from protobuf, as OTLP's JSON has them: ids in hexadecimal, 64-bit numbers as strings.

Written from the schema (opentelemetry-proto), not with the product's code. A test compares it with OpenTelemetry's own.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Any

_VALUE = {1: ("stringValue", "text"), 3: ("intValue", "int64"), 4: ("doubleValue", "double")}
_ATTRIBUTE = {1: ("key", "text"), 2: ("value", _VALUE)}
_SCOPE = {1: ("name", "text"), 2: ("version", "text")}
_RECORD = {
    1: ("timeUnixNano", "fixed64"),
    2: ("severityNumber", "number"),
    3: ("severityText", "text"),
    5: ("body", _VALUE),
    6: ("attributes[]", _ATTRIBUTE),
    8: ("flags", "fixed32"),
    9: ("traceId", "id"),
    10: ("spanId", "id"),
    11: ("observedTimeUnixNano", "fixed64"),
    12: ("eventName", "text"),
}
_SCOPE_LOGS = {1: ("scope", _SCOPE), 2: ("logRecords[]", _RECORD)}
_RESOURCE_LOGS = {
    1: ("resource", {1: ("attributes[]", _ATTRIBUTE)}),
    2: ("scopeLogs[]", _SCOPE_LOGS),
}
_REQUEST = {1: ("resourceLogs[]", _RESOURCE_LOGS)}

_READ: dict[str, Callable[[Any], object]] = {
    "text": lambda raw: raw.decode(),
    "id": lambda raw: raw.hex(),
    "number": lambda raw: raw,
    "int64": lambda raw: str(raw - (1 << 64) if raw >> 63 else raw),
    "fixed64": lambda raw: str(int.from_bytes(raw, "little")),
    "fixed32": lambda raw: int.from_bytes(raw, "little"),
    "double": lambda raw: struct.unpack("<d", raw)[0],
}


def read_request(body: bytes) -> dict[str, Any]:
    """Read an ``ExportLogsServiceRequest``.

    Raises:
        KeyError: the schema has no such field.
    """
    return _message(body, _REQUEST)


def _message(data: bytes, schema: dict[int, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, raw in _fields(data):
        name, kind = schema[number]
        value = _message(raw, kind) if isinstance(kind, dict) else _READ[kind](raw)
        if name.endswith("[]"):
            found.setdefault(name[:-2], []).append(value)
        else:
            found[name] = value
    return found


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        size = {1: 8, 5: 4}.get(tag & 7)
        if size is None:
            size, at = _varint(data, at)
        assert at + size <= len(data)
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
