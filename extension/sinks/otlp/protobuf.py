"""Write OTLP logs in protobuf, by hand: eight messages and two dozen fields, in one direction.

protobuf's own runtime is a compiled library several times the size of this layer. Fields are written in the order of
their numbers and absent fields are left out, as protobuf's own encoders do, so the bytes are the same as theirs
(opentelemetry-proto: ``logs.proto``, ``common.proto``, ``resource.proto``, ``logs_service.proto``).

Pure.
"""

import struct
from collections.abc import Mapping

from extension.levels.level import Level

Attribute = str | int | float

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
"""Wire types: with the field's number they make its tag (protobuf.dev, "Encoding")."""

_MAX_INT64 = 2**63 - 1
_MAX_UINT64 = 2**64 - 1
_MAX_VARINT_BITS = 64

_ONE_BYTE = tuple(bytes((value,)) for value in range(0x80))
"""Varints that are one byte long: most lengths are."""


def _utf8(text: str) -> bytes:
    """Encode text. A lone surrogate, which JSON can bring and protobuf cannot write, becomes a question mark."""
    return text.encode("utf-8", "replace")


def _varint(value: int) -> bytes:
    """Write an unsigned integer, seven bits a byte, lowest first."""
    if value < 0x80:  # noqa: PLR2004 - what one byte holds
        return _ONE_BYTE[value]
    written = bytearray()
    while value >= 0x80:  # noqa: PLR2004 - the same
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _tag(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


_AS_FIXED64 = struct.Struct("<Q")
_AS_FIXED32 = struct.Struct("<I")
_AS_DOUBLE = struct.Struct("<d")

# Tags of the fields that each message has at this number.
_FIRST, _SECOND = _tag(1, _LENGTH), _tag(2, _LENGTH)
_INT_VALUE, _DOUBLE_VALUE = _tag(3, _VARINT), _tag(4, _FIXED64)
_TIME, _OBSERVED_TIME = _tag(1, _FIXED64), _tag(11, _FIXED64)
_SEVERITY_NUMBER, _SEVERITY_TEXT = _tag(2, _VARINT), _tag(3, _LENGTH)
_BODY, _ATTRIBUTES, _FLAGS = _tag(5, _LENGTH), _tag(6, _LENGTH), _tag(8, _FIXED32)
_TRACE_ID, _SPAN_ID, _EVENT_NAME = _tag(9, _LENGTH), _tag(10, _LENGTH), _tag(12, _LENGTH)


def _of_length(tag: bytes, data: bytes) -> bytes:
    return b"%b%b%b" % (tag, _varint(len(data)), data)


def _message(tag: bytes, *parts: bytes) -> list[bytes]:
    """Return the parts of an embedded message with tag and length before them."""
    return [tag, _varint(sum(map(len, parts))), *parts]


def _key_value(tag: bytes, key: str, value: Attribute) -> bytes:
    if isinstance(value, str):
        any_value = _of_length(_FIRST, _utf8(value))
    elif isinstance(value, float):
        any_value = _DOUBLE_VALUE + _AS_DOUBLE.pack(value)
    else:
        any_value = _INT_VALUE + _varint(value & _MAX_UINT64)
    return _of_length(tag, _of_length(_FIRST, _utf8(key)) + _of_length(_SECOND, any_value))


_SEVERITIES: dict[Level | None, bytes] = {None: b""}
for _level in Level:
    _text = _of_length(_SEVERITY_TEXT, _level.name.encode())
    _SEVERITIES[_level] = _SEVERITY_NUMBER + _varint(_level) + _text


def encode_attributes(attributes: Mapping[str, Attribute]) -> bytes:
    """Write attributes of a record."""
    return b"".join([_key_value(_ATTRIBUTES, key, value) for key, value in attributes.items()])


def encode_record(  # noqa: PLR0913 - a record's fields
    *,
    time_unix_ns: int = 0,
    level: Level | None = None,
    body: str,
    attributes: bytes = b"",
    trace_id: str = "",
    span_id: str = "",
    flags: int = 0,
    event_name: str = "",
) -> bytes:
    """Write one record of OpenTelemetry's log data model. Empty and zero mean unknown.

    Args:
        time_unix_ns: nanoseconds since 1970, below 2**64.
        level: for SeverityNumber and SeverityText.
        body: as text.
        attributes: encoded by :func:`encode_attributes`; several runs may be concatenated.
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        flags: W3C trace flags, 0 to 255.
        event_name: of an event; empty for a line.
    """
    text = _utf8(body)
    text_size = _varint(len(text))
    time = _AS_FIXED64.pack(time_unix_ns) if time_unix_ns else b""
    parts = [_TIME, time] if time else []
    parts.append(_SEVERITIES[level])
    parts += (_BODY, _varint(1 + len(text_size) + len(text)), _FIRST, text_size, text)
    parts.append(attributes)
    if flags:
        parts += (_FLAGS, _AS_FIXED32.pack(flags))
    if trace_id:
        parts.append(_of_length(_TRACE_ID, bytes.fromhex(trace_id)))
    if span_id:
        parts.append(_of_length(_SPAN_ID, bytes.fromhex(span_id)))
    if time:
        parts += (_OBSERVED_TIME, time)
    if event_name:
        parts.append(_of_length(_EVENT_NAME, _utf8(event_name)))
    return b"".join(_message(_SECOND, *parts))


def encode_resource(
    resource: Mapping[str, Attribute], records: list[bytes], *, scope_name: str, scope_version: str
) -> list[bytes]:
    """Write a resource and the records of its one scope, as a part of an ``ExportLogsServiceRequest``.

    The parts are to be joined once: each join in between would copy the whole batch.
    """
    attributes = [_key_value(_FIRST, key, value) for key, value in resource.items()]
    name, version = _of_length(_FIRST, _utf8(scope_name)), _of_length(_SECOND, _utf8(scope_version))
    scope_logs = _message(_SECOND, *_message(_FIRST, name, version), *records)
    return _message(_FIRST, *_message(_FIRST, *attributes), *scope_logs)


def rejected_in(answer: bytes) -> int:
    """Read from an ``ExportLogsServiceResponse`` how many records were rejected; 0 where it does not say."""
    try:
        partial_success = _fields(answer).get(1)
        count = _fields(partial_success).get(1) if isinstance(partial_success, bytes) else 0
    except ValueError:
        return 0
    return count if isinstance(count, int) and count <= _MAX_INT64 else 0


def _fields(message: bytes) -> dict[int, int | bytes]:
    """Parse the fields of a message by their numbers; the last one of a number counts.

    Raises:
        ValueError: it is not a message.
    """
    fields: dict[int, int | bytes] = {}
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        wire_type = tag & 0x07
        if wire_type == _VARINT:
            fields[tag >> 3], at = _read_varint(message, at)
            continue
        if wire_type == _LENGTH:
            size, at = _read_varint(message, at)
        elif wire_type in {_FIXED64, _FIXED32}:
            size = 8 if wire_type == _FIXED64 else 4
        else:
            raise ValueError
        if at + size > len(message):
            raise ValueError
        fields[tag >> 3] = message[at : at + size]
        at += size
    return fields


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < _MAX_VARINT_BITS:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the last byte
            return value, at
        shift += 7
    raise ValueError
