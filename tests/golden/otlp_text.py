"""OTLP's protobuf as text: every field of a logs request, in the order in which it stands (OpenTelemetry: logs.proto)."""

import struct
from typing import NamedTuple

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

ON_A_LINE_OF_THEIR_OWN = frozenset(
    {"resource_logs", "resource", "scope_logs", "scope", "log_record"}
)


def text_of(data: bytes, message: str = "request", indent: str = "") -> str:
    """Return a message as text; a field that is not known has its number for a name, and its bytes in hex."""
    parts: list[str] = []
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
        field = MESSAGES[message].get(key >> 3, Field(str(key >> 3), "hex"))
        text = _value(value, field.kind, indent + "  ")
        if field.kind in ON_A_LINE_OF_THEIR_OWN:
            parts.append(f"\n{indent}{field.name} {text}")
        else:
            parts.append(f" {field.name}{' ' if text.startswith('{') else ': '}{text}")
    return "".join(parts).lstrip()


def _value(value: int | bytes, kind: str, indent: str) -> str:
    if isinstance(value, int):
        return str(value)
    if kind in MESSAGES:
        return "{" + text_of(value, kind, indent) + "}"
    if kind == "text":
        return '"' + value.decode("utf-8", "backslashreplace").replace("\n", "\\n") + '"'
    if kind == "number":
        return str(int.from_bytes(value, "little"))
    if kind == "double":
        return str(struct.unpack("<d", value)[0])
    return value.hex()


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at
