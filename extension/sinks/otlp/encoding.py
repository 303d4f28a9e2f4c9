"""What an OTLP logs request is made of, and its encoding in JSON; that in protobuf has a module of its own.

JSON is protobuf's own mapping with OTLP's deviations: ids in hexadecimal, enums as numbers, 64-bit integers as decimal
strings (OpenTelemetry: OTLP Specification, "JSON Protobuf Encoding").

Pure.
"""

import json
from collections.abc import Mapping
from json.encoder import encode_basestring
from typing import NamedTuple, Protocol

from extension.model.levels import Level

Attribute = str | int | float


def utf8(text: str) -> bytes:
    """Encodes text. A lone surrogate, which JSON can bring, becomes a question mark.

    protobuf has no way to write one, and receivers refuse a whole request for one in JSON.
    """
    return text.encode("utf-8", "replace")


class LogRecord(NamedTuple):
    """One log record, as OpenTelemetry's log data model has it. Empty and zero mean that it is not known.

    Attributes:
        time_unix_ns: nanoseconds since 1970, below 2**64.
        level: for SeverityNumber and SeverityText.
        body: as text.
        attributes: encoded by :meth:`Form.attributes_of_record`.
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        flags: W3C trace flags, 0 to 255.
        event_name: for what is an event, and no line.
    """

    time_unix_ns: int
    level: Level | None
    body: str
    attributes: bytes
    trace_id: str = ""
    span_id: str = ""
    flags: int = 0
    event_name: str = ""


class Form(Protocol):
    """An encoding.

    Parts are handed on in lists, and joined once: each join in between would be another copy of the whole batch.
    """

    content_type: str

    def attributes_of_record(self, attributes: Mapping[str, Attribute]) -> bytes:
        """Writes attributes of a record; those of several calls may be chained by :meth:`chain`."""

    def chain(self, first: bytes, second: bytes) -> bytes:
        """Makes one of two encoded runs of attributes, neither of them empty."""

    def record(self, record: LogRecord) -> bytes:
        """Writes one record."""

    def resource(
        self,
        attributes: Mapping[str, Attribute],
        records: list[bytes],
        *,
        scope_name: str,
        scope_version: str,
    ) -> list[bytes]:
        """Writes a resource and the records of one scope of it, of which there is at least one."""

    def request(self, resources: list[list[bytes]]) -> bytes:
        """Writes an ``ExportLogsServiceRequest``."""

    def rejected(self, answer: bytes) -> int:
        """Reads from an ``ExportLogsServiceResponse`` how many records were rejected; 0 where nothing says so."""


def _quoted(text: str) -> str:
    # Without encoding to ASCII: what is not, would be three times as long as in UTF-8.
    quoted: str = encode_basestring(text)
    return quoted


def _json_attributes(attributes: Mapping[str, Attribute]) -> str:
    return ",".join(
        f'{{"key":{_quoted(key)},"value":{_json_value(value)}}}'
        for key, value in attributes.items()
    )


def _json_value(value: Attribute) -> str:
    if isinstance(value, str):
        return f'{{"stringValue":{_quoted(value)}}}'
    if isinstance(value, float):
        return f'{{"doubleValue":{value!r}}}'
    return f'{{"intValue":"{value}"}}'


class JsonForm:
    """``application/json``."""

    content_type = "application/json"

    def attributes_of_record(self, attributes: Mapping[str, Attribute]) -> bytes:
        """See :class:`Form`."""
        return utf8(_json_attributes(attributes))

    def chain(self, first: bytes, second: bytes) -> bytes:
        """See :class:`Form`."""
        return first + b"," + second

    def record(self, record: LogRecord) -> bytes:
        """See :class:`Form`."""
        parts = []
        if record.time_unix_ns:
            parts.append(
                f'"timeUnixNano":"{record.time_unix_ns}"'
                f',"observedTimeUnixNano":"{record.time_unix_ns}",'
            )
        if record.level is not None:
            level = record.level
            parts.append(f'"severityNumber":{level.value},"severityText":"{level.name}",')
        parts.append(f'"body":{{"stringValue":{_quoted(record.body)}}},"attributes":[')
        tail = ["]"]
        if record.flags:
            tail.append(f',"flags":{record.flags}')
        if record.trace_id:
            tail.append(f',"traceId":"{record.trace_id}"')
        if record.span_id:
            tail.append(f',"spanId":"{record.span_id}"')
        if record.event_name:
            tail.append(f',"eventName":{_quoted(record.event_name)}')
        return b"{%b%b%b}" % (
            utf8("".join(parts)),
            record.attributes,
            utf8("".join(tail)),
        )

    def resource(
        self,
        attributes: Mapping[str, Attribute],
        records: list[bytes],
        *,
        scope_name: str,
        scope_version: str,
    ) -> list[bytes]:
        """See :class:`Form`."""
        head = (
            f'{{"resource":{{"attributes":[{_json_attributes(attributes)}]}},"scopeLogs":[{{"scope":'
            f'{{"name":{_quoted(scope_name)},"version":{_quoted(scope_version)}}},"logRecords":['
        )
        parts = [utf8(head)]
        for record in records:
            parts += (record, b",")
        parts[-1] = b"]}]}"
        return parts

    def request(self, resources: list[list[bytes]]) -> bytes:
        """See :class:`Form`."""
        parts = [b'{"resourceLogs":[']
        for number, resource in enumerate(resources):
            if number:
                parts.append(b",")
            parts += resource
        return b"".join([*parts, b"]}"])

    def rejected(self, answer: bytes) -> int:
        """See :class:`Form`."""
        try:
            parsed = json.loads(answer)
            partial_success = parsed["partialSuccess"]
            return max(0, int(partial_success["rejectedLogRecords"]))
        except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
            # Nothing was rejected, or the answer is none of the protocol's.
            return 0
