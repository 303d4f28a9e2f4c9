import json
from typing import Any

import pytest

from extension import __version__
from extension.model.chunk import Chunk, Metadata, without
from extension.model.record import records_in
from extension.sinks.otlp.mapping import (
    Context,
    context_named_by,
    context_of,
    encode,
    resource_attributes,
    resource_id,
)
from tests.doubles import otlp
from tests.doubles.extension.chunks import ENVIRONMENT, STAMP, chunk, gap, lines
from tests.doubles.lambda_events import FIRST, TIME, event, line, python_line, report

TRACE_ID = "5f35ae120c0fec141ab77a00bc047aa2"
SPAN_ID = "2be948a625588e32"
OTHER_TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
OTHER_SPAN_ID = "b7ad6b7169203331"
OF_INVOCATION = Context(TRACE_ID, SPAN_ID)
TIME_NS = 1_791_763_275_123_000_000
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:shop"
ENVIRON = {
    "AWS_REGION": "eu-west-1",
    "AWS_LAMBDA_FUNCTION_NAME": "shop",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
}


def told(chunks: list[Chunk], environ: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Return the resources as a receiver reads them."""
    body = body_of(chunks, ENVIRON if environ is None else environ)
    found: list[dict[str, Any]] = otlp.read(body)["resourceLogs"]
    return found


def body_of(chunks: list[Chunk], environ: dict[str, str]) -> bytes:
    return b"".join(encode(records_in(chunks), environ))


def records(chunks: list[Chunk]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        record
        for resource in told(chunks)
        for scope in resource["scopeLogs"]
        for record in scope["logRecords"]
    ]
    return found


def plain(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in attributes}


def resource(metadata: Metadata = STAMP, environ: dict[str, str] | None = None) -> dict[str, Any]:
    [only] = told([lines("a", metadata=metadata)], environ)
    return plain(only["resource"]["attributes"])


def stamped(**fields: Any) -> Metadata:
    return STAMP._replace(**fields)


# records -----------------------------------------------------------------------------------------------------------


def test_line_becomes_a_log_record() -> None:
    """Its text is the body; time, level and trace have fields of their own; the rest are attributes."""
    metadata = stamped(reason="sampled", weight=10.0, span_id=SPAN_ID, tenant_id="blue")
    text = python_line("ünder\nway", level="WARNING")

    [record] = records([lines(text, first_number=41, metadata=metadata)])

    attributes = record.pop("attributes")
    assert record == {
        "timeUnixNano": str(TIME_NS),
        "observedTimeUnixNano": str(TIME_NS),
        "severityNumber": 13,
        "severityText": "WARN",
        "body": {"stringValue": text},
        "traceId": TRACE_ID,
        "spanId": SPAN_ID,
    }
    assert plain(attributes) == {
        "log.record.uid": f"{ENVIRONMENT}-41",
        "faas.invocation_id": FIRST,
        "flight_recorder.reason": "sampled",
        "flight_recorder.weight": 10.0,
        "flight_recorder.tenant_id": "blue",
        "sampling.threshold": "e666666",
        "tracestate": "ot=th:e666666",
    }


def test_body_of_an_object_is_its_json_byte_for_byte() -> None:
    """With the JSON log format Lambda hands objects on: the body is their text, byte for byte."""
    record_json = b'{"level":"ERROR", "message":"\\u00fc","n":1.50}'
    raw = b'{"time":"%b","type":"function","record":%b}' % (TIME.encode(), record_json)

    [record] = records([chunk([raw])])

    assert record["body"] == {"stringValue": record_json.decode()}
    assert record["severityNumber"] == 17


def test_platform_event_summary_and_gap_have_event_names() -> None:
    """Platform events, our own summaries and gaps: the type is the event's name, the record its body."""
    summary = event("flightRecorder.invocation", {"outcome": "crash"})

    found = records([chunk([report(), summary]), gap(9, lines_gone=3, bytes_gone=30)])

    assert [one["eventName"] for one in found] == [
        "platform.report",
        "flightRecorder.invocation",
        "flightRecorder.gap",
    ]
    bodies = [json.loads(one["body"]["stringValue"]) for one in found]
    assert bodies[0]["requestId"] == FIRST
    assert bodies[1:] == [{"outcome": "crash"}, {"evictedLines": 3, "evictedBytes": 30}]
    assert {one["traceId"] for one in found} == {TRACE_ID}


TIMES = {"timeUnixNano", "observedTimeUnixNano"}


@pytest.mark.parametrize(
    ("batch", "absent"),
    [
        pytest.param(lines("a"), {"eventName", "severityNumber", "severityText"}, id="a print"),
        pytest.param(chunk([line("a", time="")]), TIMES, id="no time"),
        pytest.param(chunk([line("a", time="yesterday")]), TIMES, id="another time"),
        pytest.param(chunk([line("a", time="1969-12-31T23:59:59.000Z")]), TIMES, id="before 1970"),
        pytest.param(chunk([line("a", time="9999-12-31T23:59:59.000Z")]), TIMES, id="64 bits"),
        pytest.param(
            lines("a", metadata=stamped(request_id="", trace_id="", reason="init")),
            {"faas.invocation_id", "traceId", "spanId"},
            id="the initialisation",
        ),
    ],
)
def test_record_leaves_out_unknown_fields(batch: Chunk, absent: set[str]) -> None:
    """Absence says that something is not known, where zero or an empty text would be read as a value."""
    [record] = records([batch])

    assert not absent & {*record, *plain(record["attributes"])}


def test_records_of_one_environment_are_in_order() -> None:
    """Across invocations too: one environment is one resource."""
    second = stamped(request_id="other")

    [only] = told([lines("a", "b"), lines("c", metadata=second), lines("d")])

    [scope] = only["scopeLogs"]
    assert [one["body"]["stringValue"] for one in scope["logRecords"]] == ["a", "b", "c", "d"]
    assert scope["scope"] == {"name": "flight-recorder", "version": __version__}


def test_same_records_make_the_same_bytes() -> None:
    """A batch sent again is the same, and a part of it has the same records."""
    batch = [lines("a", "b", "c")]

    assert body_of(batch, ENVIRON) == body_of(batch, ENVIRON)
    assert records(without(batch, {1})) == [records(batch)[n] for n in (0, 2)]


def test_body_of_a_malformed_event_is_its_text() -> None:
    """An event cut short has what can be read of it as its body."""
    [record] = records([chunk([b'{"time":"2026'])])

    assert record["body"] == {"stringValue": '{"time":"2026'}


# the resource ------------------------------------------------------------------------------------------------------


def test_resource_tells_where_records_come_from() -> None:
    """By the names of the semantic conventions for clouds and for functions."""
    told_of = resource(stamped(version="7", arn=f"{ARN}:live"))

    assert told_of == {
        "service.name": "shop",
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "cloud.region": "eu-west-1",
        "cloud.account.id": "123456789012",
        "cloud.resource_id": f"{ARN}:7",
        "faas.name": "shop",
        "faas.version": "7",
        "faas.instance": ENVIRONMENT,
        "faas.max_memory": str(512 * 1024 * 1024),
    }


def test_lines_without_an_arn_share_the_resource_of_lines_with_one() -> None:
    """An environment learns its ARN from its first invocation; what it logged before is of the same function."""
    batch = [lines("init", metadata=stamped(request_id="")), lines("a", metadata=stamped(arn=ARN))]

    [only] = told(batch)

    assert plain(only["resource"]["attributes"])["cloud.resource_id"] == ARN


def test_each_environment_is_a_resource() -> None:
    """If a batch ever holds the records of two, each has its own."""
    found = told([lines("a"), lines("b", metadata=stamped(environment_id="f" * 16)), lines("c")])

    instances = [plain(one["resource"]["attributes"])["faas.instance"] for one in found]
    assert instances == [ENVIRONMENT, "f" * 16]
    assert [len(one["scopeLogs"][0]["logRecords"]) for one in found] == [2, 1]


@pytest.mark.parametrize(
    ("arn", "version", "expected"),
    [
        pytest.param(ARN, "$LATEST", ARN, id="as it is"),
        pytest.param(f"{ARN}:live", "7", f"{ARN}:7", id="by an alias"),
        pytest.param(f"{ARN}:7", "7", f"{ARN}:7", id="by its version"),
        pytest.param(f"{ARN}:$LATEST", "$LATEST", ARN, id="as the unpublished version"),
        pytest.param(f"{ARN}:dev", "$LATEST", ARN, id="by an alias of the unpublished version"),
        pytest.param(f"{ARN}:live", "", ARN, id="by an alias of an unknown version"),
        pytest.param("", "7", "", id="none"),
        pytest.param("arn:else", "7", "arn:else", id="of something else"),
    ],
)
def test_resource_id_is_the_functions_arn_by_version(arn: str, version: str, expected: str) -> None:
    """One environment may be reached by several aliases, and has one resource id all the same."""
    assert resource_id(arn, version) == expected


def test_attributes_of_the_user_win() -> None:
    """OTEL_RESOURCE_ATTRIBUTES replaces our attributes, and OTEL_SERVICE_NAME, unless empty, its service.name."""
    environ = ENVIRON | {
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=a,cloud.region=mars,deployment.environment.name=prod",
        "OTEL_SERVICE_NAME": "checkout",
    }

    told_of = resource(environ=environ)

    assert told_of["service.name"] == "checkout"
    assert resource(environ=environ | {"OTEL_SERVICE_NAME": ""})["service.name"] == "a"
    assert told_of["cloud.region"] == "mars"
    assert told_of["deployment.environment.name"] == "prod"
    assert told_of["faas.name"] == "shop"


UNKNOWN = {
    "service.name": "unknown_service",
    "cloud.provider": "aws",
    "cloud.platform": "aws_lambda",
    "faas.instance": ENVIRONMENT,
}
CHINA = {"cloud.region": "cn-north-1", "cloud.account.id": "1"}


@pytest.mark.parametrize(
    ("arn", "environ", "more"),
    [
        ("", {}, {}),
        ("arn:aws-cn:lambda:cn-north-1:1:layer", {}, CHINA),
        *(
            ("", {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": size}, {})
            for size in ("", "lots", "-1", "1.5")
        ),
        ("", {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "9" * 5000}, {}),
    ],
)
def test_resource_leaves_out_unknown_attributes(
    arn: str, environ: dict[str, str], more: dict[str, str]
) -> None:
    """Outside of Lambda, as in an emulator, variables may be missing; the ARN's region serves then."""
    metadata = stamped(function="", version="", arn=arn)

    told_of = resource(metadata, environ)

    assert told_of == UNKNOWN | more | ({"cloud.resource_id": arn} if arn else {})


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("a=1,b=2", {"a": "1", "b": "2"}, id="pairs"),
        pytest.param(" a = 1 ,\tb=2 ", {"a": "1", "b": "2"}, id="with blanks around"),
        pytest.param("a=1,,b=2,", {"a": "1", "b": "2"}, id="with a comma too many"),
        pytest.param("a=%2C%3D%20%C3%BC", {"a": ",= ü"}, id="percent-encoded"),
        pytest.param("a%2Cb=1", {"a,b": "1"}, id="with a percent-encoded key"),
        pytest.param("a=1+1", {"a": "1+1"}, id="a plus is a plus"),
        pytest.param("a=", {"a": ""}, id="an empty value"),
        pytest.param("a=b=c", {"a": "b=c"}, id="an equals sign let pass"),
        pytest.param("a=1,a=2", {"a": "2"}, id="the last of two"),
        pytest.param("a=1,b", {}, id="a pair that is none"),
        pytest.param("a=1,=2", {}, id="no key"),
        pytest.param("a=1,b=%zz", {}, id="no percent-encoding"),
        pytest.param("a=1,b=%", {}, id="a percent sign alone"),
        pytest.param("a=1,b=%ff", {}, id="no UTF-8"),
    ],
)
def test_resource_attributes_are_read_as_opentelemetry_says(
    text: str, attributes: dict[str, str]
) -> None:
    """Pairs by commas, percent-decoded; where anything is wrong, none of it is used."""
    assert resource_attributes(text) == attributes


# the span ----------------------------------------------------------------------------------------------------------


XRAY_ID = "1-5f35ae12-0c0fec141ab77a00bc047aa2"


@pytest.mark.parametrize(
    ("trace_id", "span_id", "expected"),
    [
        pytest.param(XRAY_ID, SPAN_ID, OF_INVOCATION, id="both"),
        pytest.param(XRAY_ID.upper(), SPAN_ID.upper(), OF_INVOCATION, id="in capitals"),
        pytest.param(XRAY_ID, "", Context(TRACE_ID, ""), id="no span"),
        pytest.param(XRAY_ID, "0" * 16, Context(TRACE_ID, ""), id="zero span"),
        pytest.param("", SPAN_ID, Context("", ""), id="a span without its trace"),
        pytest.param("2" + XRAY_ID[1:], "", Context("", ""), id="version 2"),
        pytest.param("1-5f35ae12-0c0fec", "", Context("", ""), id="cut short"),
    ],
)
def test_context_of_reads_x_rays_ids(trace_id: str, span_id: str, expected: Context) -> None:
    """X-Ray's trace id is W3C's with dashes and a version."""
    assert context_of(stamped(trace_id=trace_id, span_id=span_id)) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param(
            {"trace_id": OTHER_TRACE_ID, "span_id": OTHER_SPAN_ID, "trace_flags": "01"},
            Context(OTHER_TRACE_ID, OTHER_SPAN_ID, 1),
            id="OpenTelemetry's names",
        ),
        pytest.param(
            {"traceId": OTHER_TRACE_ID, "spanId": OTHER_SPAN_ID},
            Context(OTHER_TRACE_ID, OTHER_SPAN_ID),
            id="in lowerCamelCase",
        ),
        pytest.param(
            {"otelTraceID": OTHER_TRACE_ID, "otelSpanID": OTHER_SPAN_ID, "otelTraceSampled": True},
            Context(OTHER_TRACE_ID, OTHER_SPAN_ID, 1),
            id="Python's instrumentation of logging",
        ),
        pytest.param(
            {"trace_id": OTHER_TRACE_ID.upper()}, Context(OTHER_TRACE_ID, ""), id="another trace"
        ),
        pytest.param({"trace_id": TRACE_ID}, Context(TRACE_ID, SPAN_ID), id="the same trace"),
        pytest.param(
            {"span_id": OTHER_SPAN_ID}, Context(TRACE_ID, OTHER_SPAN_ID), id="a span of the trace"
        ),
        pytest.param(
            {"trace_id": XRAY_ID, "traceId": OTHER_TRACE_ID},
            Context(OTHER_TRACE_ID, ""),
            id="the first that is one",
        ),
        pytest.param({"otelTraceID": "0", "otelSpanID": "0"}, OF_INVOCATION, id="no span"),
        pytest.param({"trace_id": "0" * 32}, OF_INVOCATION, id="the invalid id"),
        pytest.param({"trace_id": 7, "span_id": None}, OF_INVOCATION, id="no texts"),
        pytest.param({"trace_id": OTHER_TRACE_ID + "\n"}, OF_INVOCATION, id="a newline behind it"),
        pytest.param({"message": "trace_id"}, OF_INVOCATION, id="the word as a value"),
        pytest.param(["trace_id"], OF_INVOCATION, id="no object"),
        pytest.param(None, OF_INVOCATION, id="null"),
    ],
)
def test_json_line_names_its_span(record: object, expected: Context) -> None:
    """A valid id at the top of an object, or of a text line that is one, is believed before the invocation's."""
    as_text = json.dumps(record)
    named = [one.parsed for one in records_in([lines(record, as_text, as_text + "\n")])]

    contexts = [context_named_by(one, of_invocation=OF_INVOCATION) for one in named]

    assert contexts == [expected] * 3


def test_span_without_a_trace_is_ignored() -> None:
    """Where the invocation has no trace, a line's span belongs to none."""
    nowhere = Context("", "")

    assert context_named_by({"span_id": OTHER_SPAN_ID}, of_invocation=nowhere) == nowhere


@pytest.mark.parametrize(
    ("happened", "ids"),
    [
        (line(f'retrying "trace_id": "{OTHER_TRACE_ID}"'), (TRACE_ID, None)),
        (
            line({"message": "m", "trace_id": OTHER_TRACE_ID, "span_id": OTHER_SPAN_ID}),
            (OTHER_TRACE_ID, OTHER_SPAN_ID),
        ),
        (event("platform.report", {"trace_id": OTHER_TRACE_ID}), (TRACE_ID, None)),
    ],
    ids=["a text that mentions a trace", "an object", "a platform event"],
)
def test_record_has_the_span_that_its_line_names(
    happened: object, ids: tuple[str, str | None]
) -> None:
    """Only a JSON line names its span; a platform event tells of X-Ray's tracing, which is known already."""
    [record] = records([chunk([happened])])

    assert (record["traceId"], record.get("spanId")) == ids
