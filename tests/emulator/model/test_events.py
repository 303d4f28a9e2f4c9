"""Events encoded as Go's encoder does, each flavour with its own record."""

import json

import pytest
from hypothesis import given, strategies as st

from emulator.model.events import Flavour, encode, function_event, iso_time, platform_event


@pytest.mark.newest
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.text(), c),
        max_leaves=12,
    )
)
def test_encoding_keeps_the_value(value: object) -> None:
    """The escapes change the text alone."""
    assert json.loads(encode(value)) == value


def test_encoder_escapes_as_go_does() -> None:
    """Extensions that search raw bytes meet the same text in the cloud."""
    assert (
        encode("<a>&\u2028\u2029é😀\x01\n")
        == '"\\u003ca\\u003e\\u0026\\u2028\\u2029é😀\\u0001\\n"'.encode()
    )


@pytest.mark.parametrize(
    ("micro", "text"), [(False, "2023-11-14T22:13:20.123Z"), (True, "2023-11-14T22:13:20.123456Z")]
)
def test_times_are_utc_with_three_or_six_digits(micro: bool, text: str) -> None:
    """The platform cuts times, and does not round them."""
    assert iso_time(1_700_000_000_123_456_789, microseconds=micro) == text


def test_members_come_in_the_platforms_order() -> None:
    """Extensions may read the type before the record."""
    event = platform_event("start", {"requestId": "r"}, time_ns=0)

    assert event.encoded(Flavour.TELEMETRY_OBJECTS) == (
        b'{"time":"1970-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":"r"}}'
    )


def test_fault_event_suits_the_logs_api_alone() -> None:
    """The Telemetry API has no such event."""
    fault = platform_event("fault", None, logs_record="text")

    assert fault.suits(Flavour.LOGS_2020)
    assert not fault.suits(Flavour.TELEMETRY_STRINGS)
    assert fault.as_dict()["record"] == "text"


@pytest.mark.parametrize(
    "text",
    ['{"a":NaN}', '{"a":1', "[1]", '"s"', "7", "null", "plain", "{" * 100_000],
    ids=["NaN", "cut", "array", "string", "number", "null", "text", "deep"],
)
def test_lines_that_are_not_objects_are_wrapped(text: str) -> None:
    """With the JSON format every record is an object."""
    event = function_event(text + "\n", kind="function", time_ns=0, json_format=True)

    assert event.as_dict()["record"] == {
        "timestamp": "1970-01-01T00:00:00.000Z",
        "level": "INFO",
        "message": text,
    }
