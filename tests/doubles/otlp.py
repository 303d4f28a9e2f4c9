"""Read OTLP's protobuf, from the schema and not with the product's code (OpenTelemetry: ``logs.proto``, ``common.proto``).

A test compares what is read with OpenTelemetry's own reading.
"""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class Field(NamedTuple):
    """A field's name, and how it is read: the name of a message, or of a type."""

    name: str
    kind: str


MESSAGES: dict[str, dict[int, Field]] = {
    "request": {1: Field("resource_logs", "resource_logs")},
    "resource_logs": {
        1: Field("resource", "resource"),
        2: Field("scope_logs", "scope_logs"),
        3: Field("schema_url", "text"),
    },
    "resource": {1: Field("attribute", "key_value")},
    "scope_logs": {
        1: Field("scope", "scope"),
        2: Field("log_record", "log_record"),
        3: Field("schema_url", "text"),
    },
    "scope": {1: Field("name", "text"), 2: Field("version", "text")},
    "log_record": {
        1: Field("time_unix_nano", "number"),
        2: Field("severity_number", "number"),
        3: Field("severity_text", "text"),
        5: Field("body", "any_value"),
        6: Field("attribute", "key_value"),
        8: Field("flags", "number"),
        9: Field("trace_id", "hex"),
        10: Field("span_id", "hex"),
        11: Field("observed_time_unix_nano", "number"),
        12: Field("event_name", "text"),
    },
    "key_value": {1: Field("key", "text"), 2: Field("value", "any_value")},
    "any_value": {
        1: Field("string", "text"),
        2: Field("bool", "number"),
        3: Field("int", "number"),
        4: Field("double", "double"),
        7: Field("bytes", "hex"),
    },
}

LISTS = {"attribute": "attributes", "log_record": "logRecords"} | {
    "resource_logs": "resourceLogs",
    "scope_logs": "scopeLogs",
}
"""Repeated fields, with their names in OTLP's JSON."""


def fields_of(data: bytes, message: str) -> Iterator[tuple[Field, int | bytes]]:
    """Yield the fields of a message in order; an unknown field has its number for a name."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value: int | bytes
        if key & 7 == VARINT:
            value, at = _varint(data, at)
        else:
            size = {FIXED64: 8, FIXED32: 4}.get(key & 7, 0)
            if key & 7 == BYTES:
                size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        assert at <= len(data), "a length beyond the end"
        yield MESSAGES[message].get(key >> 3, Field(str(key >> 3), "hex")), value


def read(data: bytes, message: str = "request") -> dict[str, Any]:
    """Return a message as OTLP's JSON has it: ids in hexadecimal, 64-bit numbers as strings."""
    found: dict[str, Any] = {}
    for (name, kind), raw in fields_of(data, message):
        value: Any = raw
        if isinstance(raw, bytes):
            if kind in MESSAGES:
                value = read(raw, kind)
            elif kind == "number":
                value = int.from_bytes(raw, "little")
            elif kind == "double":
                (value,) = struct.unpack("<d", raw)
            else:
                value = raw.decode() if kind == "text" else raw.hex()
        if name in LISTS:
            found.setdefault(LISTS[name], []).append(value)
            continue
        if name == "int":
            value -= (value >> 63) << 64
        first, *others = f"{name}_value".split("_") if message == "any_value" else name.split("_")
        is_64_bits = name == "int" or name.endswith("_nano")
        found[first + "".join(map(str.title, others))] = str(value) if is_64_bits else value
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at
