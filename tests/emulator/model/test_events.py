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
    )
)
def test_what_is_encoded_decodes_to_itself(value: object) -> None:
    """The escapes change the text, never the value."""
    assert json.loads(encode(value)) == value


def test_characters_are_escaped_as_go_does() -> None:
    """HTML's three and the two line separators; everything else stays UTF-8."""
    assert (
        encode("<a>&\u2028\u2029é😀\x01\n")
        == '"\\u003ca\\u003e\\u0026\\u2028\\u2029é😀\\u0001\\n"'.encode()
    )


@pytest.mark.parametrize(
    ("micro", "text"), [(False, "2023-11-14T22:13:20.123Z"), (True, "2023-11-14T22:13:20.123456Z")]
)
def test_times_are_utc_with_three_or_six_digits(micro: bool, text: str) -> None:
    """Cut, not rounded."""
    assert iso_time(1_700_000_000_123_456_789, microseconds=micro) == text


def test_members_come_in_the_platforms_order() -> None:
    """time, type, record; compact."""
    event = platform_event("start", {"requestId": "r"}, time_ns=0)

    assert event.encoded(Flavour.TELEMETRY_OBJECTS) == (
        b'{"time":"1970-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":"r"}}'
    )


def test_an_event_of_one_api_does_not_suit_the_other() -> None:
    """Faults are the Logs API's alone."""
    fault = platform_event("fault", None, logs_record="text")

    assert fault.suits(Flavour.LOGS_2020)
    assert not fault.suits(Flavour.TELEMETRY_STRINGS)
    assert fault.as_dict()["record"] == "text"


@pytest.mark.parametrize(
    "text",
    ['{"a":NaN}', '{"a":1', "[1]", '"s"', "7", "null", "plain", "{" * 100_000],
    ids=["NaN", "cut", "array", "string", "number", "null", "text", "deep"],
)
def test_what_is_not_an_object_is_wrapped(text: str) -> None:
    """With the JSON format, as message of an INFO record."""
    event = function_event(text + "\n", kind="function", time_ns=0, json_format=True)

    assert event.as_dict()["record"] == {
        "timestamp": "1970-01-01T00:00:00.000Z",
        "level": "INFO",
        "message": text,
    }
