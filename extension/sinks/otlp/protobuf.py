"""Write OTLP logs in protobuf, by hand: eight messages and two dozen fields, in one direction.

protobuf's own runtime is a compiled library several times the size of this layer. Fields are written in the order of
their numbers and absent fields are left out, as protobuf's own encoders do, so the bytes are the same as theirs
(opentelemetry-proto: ``logs.proto``, ``common.proto``, ``resource.proto``, ``logs_service.proto``).

Pure.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from extension.model.levels import Level

Attribute = str | int | float

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
"""Wire types: with the field's number they make its tag (protobuf.dev, "Encoding")."""

_PARTIAL_SUCCESS = 1
_REJECTED_LOG_RECORDS = 1

_MAX_INT64 = 2**63 - 1
_MAX_UINT64 = 2**64 - 1
_MAX_VARINT_BITS = 64

_ONE_BYTE = tuple(bytes((value,)) for value in range(0x80))
"""Varints that are one byte long: most lengths are."""


class LogRecord(NamedTuple):
    """Describe one log record of OpenTelemetry's log data model. Empty and zero mean unknown.

    Attributes:
        time_unix_ns: nanoseconds since 1970, below 2**64.
        level: for SeverityNumber and SeverityText.
        body: as text.
        attributes: encoded by :func:`encode_attributes`; several runs may be concatenated.
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        flags: W3C trace flags, 0 to 255.
        event_name: of an event; empty for a line.
    """

    time_unix_ns: int
    level: Level | None
    body: str
    attributes: bytes
    trace_id: str = ""
    span_id: str = ""
    flags: int = 0
    event_name: str = ""


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

# Tags by message and field.
_REQUEST_RESOURCE_LOGS = _tag(1, _LENGTH)
_RESOURCE_LOGS_RESOURCE = _tag(1, _LENGTH)
_RESOURCE_LOGS_SCOPE_LOGS = _tag(2, _LENGTH)
_RESOURCE_ATTRIBUTES = _tag(1, _LENGTH)
_SCOPE_LOGS_SCOPE = _tag(1, _LENGTH)
_SCOPE_LOGS_LOG_RECORDS = _tag(2, _LENGTH)
_SCOPE_NAME = _tag(1, _LENGTH)
_SCOPE_VERSION = _tag(2, _LENGTH)
_RECORD_TIME = _tag(1, _FIXED64)
_RECORD_SEVERITY_NUMBER = _tag(2, _VARINT)
_RECORD_SEVERITY_TEXT = _tag(3, _LENGTH)
_RECORD_BODY = _tag(5, _LENGTH)
_RECORD_ATTRIBUTES = _tag(6, _LENGTH)
_RECORD_FLAGS = _tag(8, _FIXED32)
_RECORD_TRACE_ID = _tag(9, _LENGTH)
_RECORD_SPAN_ID = _tag(10, _LENGTH)
_RECORD_OBSERVED_TIME = _tag(11, _FIXED64)
_RECORD_EVENT_NAME = _tag(12, _LENGTH)
_KEY = _tag(1, _LENGTH)
_VALUE = _tag(2, _LENGTH)
_STRING_VALUE = _tag(1, _LENGTH)
_INT_VALUE = _tag(3, _VARINT)
_DOUBLE_VALUE = _tag(4, _FIXED64)


def _of_length(tag: bytes, data: bytes) -> bytes:
    return b"%b%b%b" % (tag, _varint(len(data)), data)


def _message(tag: bytes, parts: list[bytes]) -> list[bytes]:
    """Return the parts of an embedded message with tag and length before them."""
    return [tag, _varint(sum(map(len, parts))), *parts]


def _key_value(tag: bytes, key: str, value: Attribute) -> bytes:
    if isinstance(value, str):
        any_value = _of_length(_STRING_VALUE, _utf8(value))
    elif isinstance(value, float):
        any_value = _DOUBLE_VALUE + _AS_DOUBLE.pack(value)
    else:
        any_value = _INT_VALUE + _varint(value & _MAX_UINT64)
    return _of_length(tag, _of_length(_KEY, _utf8(key)) + _of_length(_VALUE, any_value))


_SEVERITIES: dict[Level | None, bytes] = {
    None: b"",
    **{
        level: _RECORD_SEVERITY_NUMBER
        + _varint(level)
        + _of_length(_RECORD_SEVERITY_TEXT, level.name.encode())
        for level in Level
    },
}


def encode_attributes(attributes: Mapping[str, Attribute]) -> bytes:
    """Write attributes of a record."""
    return b"".join(
        [_key_value(_RECORD_ATTRIBUTES, key, value) for key, value in attributes.items()]
    )


def encode_record(record: LogRecord) -> bytes:
    """Write one record."""
    text = _utf8(record.body)
    text_size = _varint(len(text))
    time = _AS_FIXED64.pack(record.time_unix_ns) if record.time_unix_ns else b""
    parts = [
        _RECORD_TIME if time else b"",
        time,
        _SEVERITIES[record.level],
        _RECORD_BODY,
        _varint(len(_STRING_VALUE) + len(text_size) + len(text)),
        _STRING_VALUE,
        text_size,
        text,
        record.attributes,
    ]
    if record.flags:
        parts += (_RECORD_FLAGS, _AS_FIXED32.pack(record.flags))
    if record.trace_id:
        parts.append(_of_length(_RECORD_TRACE_ID, bytes.fromhex(record.trace_id)))
    if record.span_id:
        parts.append(_of_length(_RECORD_SPAN_ID, bytes.fromhex(record.span_id)))
    if time:
        parts += (_RECORD_OBSERVED_TIME, time)
    if record.event_name:
        parts.append(_of_length(_RECORD_EVENT_NAME, _utf8(record.event_name)))
    return b"".join(_message(_SCOPE_LOGS_LOG_RECORDS, parts))


def encode_resource(
    attributes: Mapping[str, Attribute],
    records: list[bytes],
    *,
    scope_name: str,
    scope_version: str,
) -> list[bytes]:
    """Write a resource and the records of its one scope, as a part of an ``ExportLogsServiceRequest``.

    Returns:
        Parts to be joined once: each join in between would copy the whole batch.
    """
    resource = [_key_value(_RESOURCE_ATTRIBUTES, key, value) for key, value in attributes.items()]
    scope = [
        _of_length(_SCOPE_NAME, _utf8(scope_name)),
        _of_length(_SCOPE_VERSION, _utf8(scope_version)),
    ]
    scope_logs = [*_message(_SCOPE_LOGS_SCOPE, scope), *records]
    return _message(
        _REQUEST_RESOURCE_LOGS,
        [
            *_message(_RESOURCE_LOGS_RESOURCE, resource),
            *_message(_RESOURCE_LOGS_SCOPE_LOGS, scope_logs),
        ],
    )


def rejected_in(answer: bytes) -> int:
    """Read from an ``ExportLogsServiceResponse`` how many records were rejected; 0 where it does not say."""
    count = 0
    try:
        for number, partial_success in _fields(answer):
            if number == _PARTIAL_SUCCESS and isinstance(partial_success, bytes):
                for inner, value in _fields(partial_success):
                    if inner == _REJECTED_LOG_RECORDS and isinstance(value, int):
                        count = value
    except ValueError:
        return 0
    return count if count <= _MAX_INT64 else 0


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Parse the fields of a message.

    Raises:
        ValueError: it is not a message.
    """
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        wire_type = tag & 0x07
        if wire_type == _VARINT:
            value, at = _read_varint(message, at)
            yield tag >> 3, value
            continue
        if wire_type == _LENGTH:
            size, at = _read_varint(message, at)
        elif wire_type in {_FIXED64, _FIXED32}:
            size = 8 if wire_type == _FIXED64 else 4
        else:
            raise ValueError
        if at + size > len(message):
            raise ValueError
        yield tag >> 3, message[at : at + size]
        at += size


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
