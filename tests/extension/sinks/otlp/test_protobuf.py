import struct
from typing import Any

import pytest
from hypothesis import given, strategies as st

from extension.levels.level import Level
from extension.sinks.otlp.protobuf import (
    Attribute,
    encode_attributes,
    encode_record,
    encode_resource,
    rejected_in,
)
from tests.doubles import otlp
from tests.services.collector import decoder

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


records = st.fixed_dictionaries(
    {
        "time_unix_ns": st.just(0) | st.integers(0, 2**64 - 1),
        "level": st.none() | st.sampled_from(Level),
        "body": texts,
        "attributes": attributes.map(encode_attributes),
        "trace_id": ids(32),
        "span_id": ids(16),
        "flags": st.integers(0, 255),
        "event_name": texts,
    }
)


def request_of(resource: dict[str, Attribute], *written: bytes) -> bytes:
    return b"".join(encode_resource(resource, [*written], scope_name="s", scope_version="1"))


def test_record_has_the_bytes_of_the_schema() -> None:
    """Each field by hand: fixed64 for times, a varint for severity, lengths before text, ids as bytes."""
    encoded = encode_record(
        time_unix_ns=1,
        level=Level.WARN,
        body="hé",
        attributes=encode_attributes({"k": "v", "n": -1, "d": 0.5}),
        trace_id=TRACE_ID,
        span_id=SPAN_ID,
        flags=1,
        event_name="e",
    )

    time = b"\x01" + bytes(7)
    assert encoded[:2] == bytes([0x12, len(encoded) - 2])
    assert encoded[2:] == b"".join(
        (
            b"\x09" + time,
            b"\x10\x0d" + b"\x1a\x04WARN",
            b"\x2a\x05" + b"\x0a\x03h\xc3\xa9",
            b"\x32\x08" + b"\x0a\x01k" + b"\x12\x03\x0a\x01v",
            b"\x32\x10" + b"\x0a\x01n" + b"\x12\x0b\x18" + b"\xff" * 9 + b"\x01",
            b"\x32\x0e" + b"\x0a\x01d" + b"\x12\x09\x21" + struct.pack("<d", 0.5),
            b"\x45\x01\x00\x00\x00",
            b"\x4a\x10" + bytes.fromhex(TRACE_ID),
            b"\x52\x08" + bytes.fromhex(SPAN_ID),
            b"\x59" + time,
            b"\x62\x01e",
        )
    )


def test_record_leaves_out_unknown_fields() -> None:
    """No time, no severity, no ids: absent, which is how protobuf says zero; an empty line is there, and empty."""
    encoded = encode_record(body="")

    assert encoded == b"\x12\x04" + b"\x2a\x02" + b"\x0a\x00"


def test_record_replaces_a_lone_surrogate() -> None:
    """A lone surrogate has no bytes in UTF-8; a question mark stands for it."""
    encoded = encode_record(body="a\ud800b")

    assert encoded.endswith(b"\x0a\x03a?b")


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 300_000])
def test_nested_lengths_add_up_where_a_varint_grows(size: int) -> None:
    """At each length at which a varint grows, the nested lengths add up to the last byte."""
    encoded = request_of({}, encode_record(body="x" * size))

    [resource] = otlp.read(encoded)["resourceLogs"]
    [scope] = resource["scopeLogs"]
    assert [one["body"]["stringValue"] for one in scope["logRecords"]] == ["x" * size]


@pytest.mark.services
@given(attributes, st.lists(records, min_size=1, max_size=4))
def test_opentelemetry_proto_reads_and_rewrites_the_same_bytes(
    resource: dict[str, Attribute], written: list[dict[str, Any]]
) -> None:
    """Whatever the record, OpenTelemetry's own code decodes it, and encodes it to the same bytes again."""
    encoded = request_of(resource, *(encode_record(**one) for one in written))

    message, again = decoder().request(encoded)

    assert again == encoded
    found = message["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    assert [one["body"]["stringValue"] for one in found] == [one["body"] for one in written]
    assert [int(one.get("timeUnixNano", 0)) for one in found] == [
        one["time_unix_ns"] for one in written
    ]
    assert [one.get("traceId", "") for one in found] == [one["trace_id"] for one in written]
    assert [one.get("eventName", "") for one in found] == [one["event_name"] for one in written]


@pytest.mark.services
def test_rejected_in_reads_the_answer_of_opentelemetry_proto() -> None:
    """A partial success as OpenTelemetry's own code encodes it."""
    answer = decoder().response(rejected=70_000, message="too old\n")

    assert rejected_in(answer) == 70_000


@pytest.mark.parametrize(
    ("answer", "rejected"),
    [
        pytest.param(b"", 0, id="a full success is an empty message"),
        pytest.param(b"\x0a\x00", 0, id="a partial success of nothing"),
        pytest.param(b"\x0a\x03\x12\x01w", 0, id="a warning alone"),
        pytest.param(b"\x0a\x05\x08\x03\x12\x01w", 3, id="three, and why"),
        pytest.param(b"\x0a\x05\x12\x01w\x08\x03", 3, id="in another order"),
        pytest.param(b"\x0a\x03\x08\xac\x02", 300, id="a number of two bytes"),
        pytest.param(
            b"\x10\x01\x19" + bytes(8) + b"\x25" + bytes(4) + b"\x2a\x01z\x0a\x02\x08\x02",
            2,
            id="among fields of another version",
        ),
        pytest.param(b"\x0a\x0b\x08" + b"\xff" * 9 + b"\x01", 0, id="less than none"),
        pytest.param(b"\x08\x03", 0, id="a number where the message should be"),
        pytest.param(b"\x0a\x03\x0a\x01w", 0, id="text where the number should be"),
        pytest.param(b"\x0a\x05\x08\x03", 0, id="cut short"),
        pytest.param(b"\x0a\x02\x08\x80", 0, id="cut short in a number"),
        pytest.param(b"\x0a", 0, id="a tag and no more"),
        pytest.param(b"\x0b\x08\x03", 0, id="a wire type of old"),
        pytest.param(b"\x08" + b"\xff" * 11, 0, id="a number without end"),
        pytest.param(b"<html>503</html>", 0, id="a page"),
    ],
)
def test_rejected_in_finds_the_count_wherever_it_stands(answer: bytes, rejected: int) -> None:
    """The count, wherever it stands; nothing where the answer is not of the protocol."""
    assert rejected_in(answer) == rejected


@given(st.binary(max_size=60))
def test_rejected_in_returns_a_count_for_any_bytes(answer: bytes) -> None:
    """Any bytes give a count."""
    assert rejected_in(answer) >= 0
