"""Map records to OpenTelemetry's log data model.

Promises: the body is the line as the function wrote it; records stay in order; the same batch makes the same bytes, so
the time a record was observed is the record's own. Names are those of OpenTelemetry's semantic conventions where there
is one ("Function as a Service", "Cloud", "General logs attributes"); others begin with ``flight_recorder.``.

Pure: the environment is passed in. Assumes of AWS: a trace id is X-Ray's, which in W3C's form is the same digits
without version and dashes (AWS: "Elastic Load Balancing and AWS X-Ray"); an ARN is one of a function, with or without
a qualifier (AWS: "Using aliases to manage function versions").
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import NamedTuple
from urllib.parse import unquote

from extension import EXTENSION_NAME, __version__
from extension.model.chunk import Metadata
from extension.model.record import Record
from extension.model.timestamps import epoch_ns
from extension.sinks.otlp.protobuf import (
    Attribute,
    encode_attributes,
    encode_record,
    encode_resource,
)

UNKNOWN_SERVICE = "unknown_service"
"""``service.name`` where no name is known (OpenTelemetry: semantic conventions, "Service")."""

BYTES_PER_MB = 1024 * 1024
"""AWS_LAMBDA_FUNCTION_MEMORY_SIZE is multiplied by it (semantic conventions, ``faas.max_memory``)."""

MAX_UNIX_NS = 2**64 - 1
"""The most that the field holds: until the year 2554."""

TRACE_ID_KEYS = ("trace_id", "traceId", "otelTraceID")
SPAN_ID_KEYS = ("span_id", "spanId", "otelSpanID")
TRACE_FLAGS_KEYS = ("trace_flags", "traceFlags")
"""Fields at the top of a JSON line: the first of each as OpenTelemetry wants it ("Trace Context in non-OTLP Log
Formats"), then as its bridges for other loggers write it."""

_SAMPLED_KEY = "otelTraceSampled"
_XRAY_TRACE_ID = re.compile(r"1-([0-9a-f]{8})-([0-9a-f]{24})", re.IGNORECASE)
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}", re.IGNORECASE)
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}", re.IGNORECASE)
_TRACE_FLAGS = re.compile(r"[0-9a-f]{2}", re.IGNORECASE)
_MEGABYTES = re.compile(r"[0-9]{1,9}")
_NO_PERCENT_ENCODING = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Context(NamedTuple):
    """Name the span that a record belongs to; empty where unknown."""

    trace_id: str
    span_id: str
    flags: int = 0


def attributes_of(metadata: Metadata, environ: Mapping[str, str]) -> dict[str, Attribute]:
    """Return the attributes that tell where the records of one environment come from."""
    function = metadata.function or environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    memory = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    parts = metadata.arn.split(":")
    arn_region, account = parts[3:5] if len(parts) > 5 else ("", "")  # noqa: PLR2004 - of an ARN
    own: dict[str, Attribute] = {
        "service.name": function or UNKNOWN_SERVICE,
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "cloud.region": environ.get("AWS_REGION", "") or arn_region,
        "cloud.account.id": account,
        "cloud.resource_id": resource_id(metadata.arn, metadata.version),
        "faas.name": function,
        "faas.version": metadata.version,
        # The conventions ask for the log stream's name, which Lambda hides from extensions (Lambda: "Using the
        # Lambda Extensions API to create extensions", on environment variables).
        "faas.instance": metadata.environment_id,
        "faas.max_memory": int(memory) * BYTES_PER_MB if _MEGABYTES.fullmatch(memory) else "",
    }
    theirs = resource_attributes(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    service = environ.get("OTEL_SERVICE_NAME", "")
    named: dict[str, Attribute] = {"service.name": service} if service else {}
    return {name: value for name, value in own.items() if value != ""} | theirs | named


def resource_attributes(text: str) -> dict[str, Attribute]:
    """Parse OTEL_RESOURCE_ATTRIBUTES: ``key=value`` pairs, separated by commas, percent-encoded.

    If anything is wrong, no pair is used (OpenTelemetry: Resource SDK, "Specifying resource information via an
    environment variable"). An equals sign in a value is accepted: it can mean one thing only.
    """
    attributes: dict[str, Attribute] = {}
    for pair in filter(str.strip, text.split(",")):
        key, equals, value = pair.partition("=")
        if not equals or not key.strip() or _NO_PERCENT_ENCODING.search(pair):
            return {}
        try:
            name = unquote(key.strip(), errors="strict")
            attributes[name] = unquote(value.strip(), errors="strict")
        except UnicodeDecodeError:
            return {}
    return attributes


def resource_id(arn: str, version: str) -> str:
    """Return the function's ARN with its version, from the ARN that was invoked.

    An alias is replaced by the version it led to, since one environment may be reached by several (semantic
    conventions, ``cloud.resource_id``). The ARN of the unpublished version has no qualifier.
    """
    parts = arn.split(":")
    if len(parts) < 7 or parts[5] != "function":  # noqa: PLR2004 - arn:partition:lambda:region:account:function:name
        return arn
    function = ":".join(parts[:7])
    return f"{function}:{version}" if version.isdecimal() else function


def encode(records: Iterable[Record], environ: Mapping[str, str]) -> list[bytes]:
    """Write records as one ``ExportLogsServiceRequest``, in parts to be joined.

    The records of one environment share a resource and stay in order. In practice there is one environment.
    """
    environments: dict[tuple[str, str, str], tuple[Metadata, list[bytes]]] = {}
    for metadata, run in groupby(records, key=lambda record: record.metadata):
        key = metadata.environment_id, metadata.function, metadata.version
        first, written = environments.setdefault(key, (metadata, []))
        if not first.arn:
            environments[key] = (first._replace(arn=metadata.arn), written)
        written += _encode_run(metadata, run)
    parts: list[bytes] = []
    for metadata, written in environments.values():
        attributes = attributes_of(metadata, environ)
        parts += encode_resource(
            attributes, written, scope_name=EXTENSION_NAME, scope_version=__version__
        )
    return parts


def _encode_run(metadata: Metadata, records: Iterable[Record]) -> Iterator[bytes]:
    """Write the records of one metadata, whose attributes are encoded once."""
    # A log record has no tracestate of its own as a span has; collectors look for this attribute in its place
    # (OpenTelemetry Collector: probabilistic sampler processor, "Log record attributes").
    threshold = threshold_text(metadata.weight)
    told: dict[str, Attribute] = {
        "faas.invocation_id": metadata.request_id,
        "flight_recorder.reason": metadata.reason,
        "flight_recorder.weight": float(metadata.weight),
        "flight_recorder.correlation_id": metadata.correlation_id,
        "flight_recorder.tenant_id": metadata.tenant_id,
        "sampling.threshold": threshold,
        "tracestate": f"ot=th:{threshold}" if threshold else "",
    }
    shared = encode_attributes({k: v for k, v in told.items() if v != ""})
    of_invocation = context_of(metadata)
    for record in records:
        context = context_named_by(record.parsed, of_invocation=of_invocation)
        time_ns = epoch_ns(record.time) or 0
        yield encode_record(
            time_unix_ns=time_ns if 0 <= time_ns <= MAX_UNIX_NS else 0,
            level=record.level,
            body=record.text,
            attributes=encode_attributes({"log.record.uid": record.id}) + shared,
            trace_id=context.trace_id,
            span_id=context.span_id,
            flags=context.flags,
            event_name="" if record.is_line else record.type,
        )


def context_of(metadata: Metadata) -> Context:
    """Return the span of an invocation."""
    match = _XRAY_TRACE_ID.fullmatch(metadata.trace_id)
    trace_id = "".join(match.groups()).lower() if match else ""
    # A span without its trace is of no use (OpenTelemetry: Logs Data Model, "Field: SpanId").
    span_id = metadata.span_id.lower() if trace_id and _SPAN_ID.fullmatch(metadata.span_id) else ""
    return Context(trace_id, span_id)


def context_named_by(line: dict[str, object] | None, *, of_invocation: Context) -> Context:
    """Return the span that a JSON line names, or else the invocation's.

    A tracer in the function knows best which span the line was in.
    """
    if line is None:
        return of_invocation
    trace_id = _first_match(line, TRACE_ID_KEYS, _TRACE_ID)
    span_id = _first_match(line, SPAN_ID_KEYS, _SPAN_ID)
    if not trace_id:
        is_useful = span_id and of_invocation.trace_id
        return of_invocation._replace(span_id=span_id) if is_useful else of_invocation
    if not span_id and trace_id == of_invocation.trace_id:
        span_id = of_invocation.span_id
    flags = _first_match(line, TRACE_FLAGS_KEYS, _TRACE_FLAGS)
    return Context(
        trace_id, span_id, int(flags, 16) if flags else int(line.get(_SAMPLED_KEY) is True)
    )


def _first_match(line: dict[str, object], keys: tuple[str, ...], form: re.Pattern[str]) -> str:
    for key in keys:
        value = line.get(key)
        if isinstance(value, str) and form.fullmatch(value):
            return value.lower()
    return ""


THRESHOLD_DIGITS = 7
"""Of 14: to within a millionth for rates from a thousandth on. The specification leaves the precision to writers."""


def threshold_text(weight: float) -> str:
    """Write the threshold of a weight, as OpenTelemetry's tracestate has it behind ``th:``.

    Hexadecimal without zeros at the end, ``0`` where everything is kept; empty for a weight below 1, which stands for
    no invocation (OpenTelemetry: "TraceState: Probability Sampling", "Rejection Threshold").
    """
    if weight < 1.0:
        return ""
    digits = f"{round((1.0 - 1.0 / weight) * (1 << 56)):014x}"
    shift = 4 * (len(digits) - THRESHOLD_DIGITS)
    rounded = (int(digits, 16) + (1 << (shift - 1))) >> shift
    return f"{min(rounded, 16**THRESHOLD_DIGITS - 1):0{THRESHOLD_DIGITS}x}".rstrip("0") or "0"
