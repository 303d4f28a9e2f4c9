import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from extension.model.levels import Level
from extension.sinks.otlp.encoding import Attribute, JsonForm, LogRecord
from extension.sinks.otlp.protobuf import ProtobufForm
from tests.services.collector import decoder

FORM = JsonForm()
TRACE_ID = "5f35ae120c0fec141ab77a00bc047aa2"
SPAN_ID = "2be948a625588e32"

texts = st.text(st.characters(exclude_categories=["Cs"]))
attributes = st.dictionaries(
    texts.filter(bool),
    texts | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False),
    max_size=4,
)


def ids(digits: int) -> st.SearchStrategy[str]:
    return st.just("") | st.integers(1, 16**digits - 1).map(lambda number: f"{number:0{digits}x}")


def parsed(record: LogRecord) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(FORM.record(record))
    return told


def test_a_record_is_written_as_otlp_wants_it_in_json() -> None:
    """Times are strings, the severity is a number, ids are hexadecimal, integers strings, names in lowerCamelCase."""
    record = LogRecord(
        time_unix_ns=1_700_000_000_123_000_000,
        level=Level.WARN,
        body='hé "quoted"\n\0',
        attributes=FORM.attributes_of_record({"k": "v", "n": 2**40, "d": 10.0}),
        trace_id=TRACE_ID,
        span_id=SPAN_ID,
        flags=1,
        event_name="e",
    )

    told = parsed(record)

    assert told == {
        "timeUnixNano": "1700000000123000000",
        "observedTimeUnixNano": "1700000000123000000",
        "severityNumber": 13,
        "severityText": "WARN",
        "body": {"stringValue": 'hé "quoted"\n\0'},
        "attributes": [
            {"key": "k", "value": {"stringValue": "v"}},
            {"key": "n", "value": {"intValue": str(2**40)}},
            {"key": "d", "value": {"doubleValue": 10.0}},
        ],
        "flags": 1,
        "traceId": TRACE_ID,
        "spanId": SPAN_ID,
        "eventName": "e",
    }


def test_what_is_not_known_is_left_out() -> None:
    """No time, no severity, no ids: no such fields; an empty line is there, and empty."""
    told = parsed(LogRecord(0, None, "", b""))

    assert told == {"body": {"stringValue": ""}, "attributes": []}


def test_what_is_not_ascii_is_not_escaped() -> None:
    """Escapes would make three times the bytes of it."""
    assert "ü☃".encode() in FORM.record(LogRecord(0, None, "ü☃", b""))


def test_a_text_that_is_no_unicode_can_be_sent_all_the_same() -> None:
    """A lone surrogate makes receivers refuse the whole request; a question mark stands for it."""
    assert parsed(LogRecord(0, None, "a\ud800b", b""))["body"] == {"stringValue": "a?b"}


def test_a_request_holds_resources_and_their_records() -> None:
    """Each resource with its attributes and one scope, whose records are in order."""
    written = [FORM.record(LogRecord(0, None, body, b"")) for body in ("a", "b")]
    one = FORM.resource({"r": 1}, written, scope_name="s", scope_version="1")
    other = FORM.resource({"r": 2}, written[:1], scope_name="s", scope_version="1")

    told = json.loads(FORM.request([one, other]))

    resources = told["resourceLogs"]
    assert [r["resource"]["attributes"][0]["value"] for r in resources] == [
        {"intValue": "1"},
        {"intValue": "2"},
    ]
    assert [[s["scope"] for s in r["scopeLogs"]] for r in resources] == [
        [{"name": "s", "version": "1"}]
    ] * 2
    bodies = [
        [record["body"]["stringValue"] for record in r["scopeLogs"][0]["logRecords"]]
        for r in resources
    ]
    assert bodies == [["a", "b"], ["a"]]


@pytest.mark.services
@given(
    attributes,
    attributes,
    st.builds(
        LogRecord,
        time_unix_ns=st.just(0) | st.integers(0, 2**64 - 1),
        level=st.none() | st.sampled_from(Level),
        body=texts,
        attributes=st.just(b""),
        trace_id=ids(32),
        span_id=ids(16),
        flags=st.integers(0, 255),
        event_name=texts,
    ),
)
def test_both_encodings_say_the_same(
    resource: dict[str, Attribute], own: dict[str, Attribute], record: LogRecord
) -> None:
    """OpenTelemetry's own code reads the JSON, strictly, as the message that the protobuf is."""
    json_form, protobuf_form = JsonForm(), ProtobufForm()

    def written(form: JsonForm | ProtobufForm) -> bytes:
        with_own = record._replace(attributes=form.attributes_of_record(own))
        parts = form.resource(resource, [form.record(with_own)], scope_name="s", scope_version="1")
        return form.request([parts])

    assert decoder().request_from_json(written(json_form)) == written(protobuf_form)


@pytest.mark.parametrize(
    ("answer", "rejected"),
    [
        pytest.param(b"{}", 0, id="a full success"),
        pytest.param(b"", 0, id="no body"),
        pytest.param(b'{"partialSuccess":null}', 0, id="null"),
        pytest.param(b'{"partialSuccess":{}}', 0, id="a partial success of nothing"),
        pytest.param(b'{"partialSuccess":{"errorMessage":"w"}}', 0, id="a warning alone"),
        pytest.param(b'{"partialSuccess":{"rejectedLogRecords":"3"}}', 3, id="a string"),
        pytest.param(b'{"partialSuccess":{"rejectedLogRecords":3}}', 3, id="a number"),
        pytest.param(b'{"partialSuccess":{"rejectedLogRecords":3.0}}', 3, id="a whole float"),
        pytest.param(b'{"partialSuccess":{"rejectedLogRecords":null}}', 0, id="a null number"),
        pytest.param(b'{"partialSuccess":{"rejectedLogRecords":"-3"}}', 0, id="less than none"),
        pytest.param(b'{"partialSuccess":{"rejectedLogRecords":"x"}}', 0, id="no number"),
        pytest.param(b'{"partialSuccess":{"rejectedLogRecords":1e999}}', 0, id="infinity"),
        pytest.param(b'{"partialSuccess":{"rejectedLogRecords":[3]}}', 0, id="a list"),
        pytest.param(b'{"partialSuccess":[3]}', 0, id="a list in its place"),
        pytest.param(b"[]", 0, id="no object"),
        pytest.param(b"3", 0, id="not even a list"),
        pytest.param(b'{"partialSuccess":{"rejec', 0, id="cut short"),
        pytest.param(b"\xff", 0, id="no UTF-8"),
        pytest.param(b"[" * 200_000, 0, id="deep nesting"),
    ],
)
def test_an_answer_tells_how_many_were_rejected(answer: bytes, rejected: int) -> None:
    """A number or a string, as protobuf's JSON may have it; nothing where the answer is not of the protocol."""
    assert FORM.rejected(answer) == rejected
