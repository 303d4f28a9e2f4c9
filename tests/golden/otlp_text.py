"""OTLP's protobuf as text: every field of a logs request, in the order in which it stands (OpenTelemetry: logs.proto)."""

import struct

from tests.doubles.otlp import MESSAGES, fields_of

ON_A_LINE_OF_THEIR_OWN = frozenset(
    {"resource_logs", "resource", "scope_logs", "scope", "log_record"}
)


def text_of(data: bytes, message: str = "request", indent: str = "") -> str:
    """Return a message as text; a field that is not known has its number for a name, and its bytes in hex."""
    parts: list[str] = []
    for field, value in fields_of(data, message):
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
