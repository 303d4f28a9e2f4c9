"""The transaction's name in a function's own lines."""

import json
from pathlib import Path

import pytest

from extension.parsing.correlation import (
    BEGINNING_BYTES,
    CURIOUS_BYTES,
    MAX_ID_CHARS,
    Correlation,
)
from tests.doubles.lambda_events import lines

CAPTURED = Path(__file__).with_name("correlated.ndjson")
"""One line of each program in the version it names, as Lambda delivers it with the log format named."""

BEHIND_A_PREFIX = '2026-11-28T19:50:36.123Z\tid\tINFO\t{"correlation_id":"a-1"}\n'
DEFAULT = ("x-correlation-id", "correlation_id", "correlationId")


def raw(*records: object) -> tuple[bytes, int]:
    return lines(*records), len(records)


@pytest.mark.parametrize(
    "captured",
    [json.loads(line) for line in CAPTURED.read_text(encoding="utf-8").splitlines()],
    ids=lambda one: f"{one['program']} {one['version']}, {one['config']}, {one['log_format']}",
)
def test_each_logger_s_own_form_names_the_transaction(captured: dict[str, object]) -> None:
    """Lines that real loggers wrote: at the top, one level down, behind a runtime's prefix, and in its ``message``."""
    is_text = isinstance(captured["record"], str) and not captured["record"].startswith("{")

    found = Correlation(DEFAULT).found_in(
        *raw("before", captured["record"], "after"), is_text=is_text
    )

    assert found == "c-7f3a"


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"correlation_id": "a-1"}, "a-1"),
        ({"x-correlation-id": "a-1", "correlationId": "b"}, "a-1"),
        ({"labels": {"x-correlation-id": "a-1"}, "correlationId": "b"}, "a-1"),
        ({"correlationId": "a-1", "mdc": {"correlation_id": "b"}}, "a-1"),
        ({"Properties": {"CorrelationId": "a-1"}}, "a-1"),
        ({"record": {"extra": {"correlation_id": "a-1"}}}, "a-1"),
        ({"span": {"correlation_id": "a-1"}}, "a-1"),
        ('{"level":"info","correlationId":"a-1"}\n', "a-1"),
        ({"correlation_id": 17}, "17"),
        ({"correlation_id": ""}, ""),
        ({"correlation_id": None}, ""),
        ({"correlation_id": True}, ""),
        ({"correlation_id": {"nested": "a"}}, ""),
        ({"request": {"correlation_id": "a-1"}}, ""),
        ({"mdc": {"inner": {"correlation_id": "a-1"}}}, ""),
        ({"decorrelation_id": "a-1"}, ""),
        ("no JSON, but correlation_id", ""),
        ("no JSON, but {'correlation_id': 'a'}", ""),
        ({"message": "correlation_id"}, ""),
        ('{broken "correlation_id"', ""),
        (17, ""),
    ],
)
def test_field_names_the_transaction(record: object, name: str) -> None:
    """Object or text, a string or a number; the first field in the order of the setting counts."""
    assert Correlation(DEFAULT).found_in(*raw("before", record, "after")) == name


@pytest.mark.parametrize(
    "key",
    [
        "correlation_id",
        "correlation-id",
        "correlationId",
        "correlationID",
        "CorrelationId",
        "Correlation-ID",
        "CORRELATION_ID",
        "correlationid",
        "_correlation_id",
        "X-Correlation-Id",
        "x_correlation_id",
        "xCorrelationId",
        "X-CORRELATION-ID",
    ],
)
def test_names_are_alike_but_for_case_and_separators(key: str) -> None:
    """Headers, environments and languages spell one name differently; GELF puts an underscore before it."""
    assert Correlation(DEFAULT).found_in(*raw({key: "a-1"})) == "a-1"


def test_first_line_that_names_the_transaction_counts() -> None:
    """Wherever in the batch it stands."""
    events = raw("a", {"correlation_id": None}, {"correlationId": "one"}, {"correlationId": "two"})

    assert Correlation(DEFAULT).found_in(*events) == "one"


def test_correlation_cuts_a_long_name() -> None:
    """It is carried by every record, so it is bounded."""
    found = Correlation(DEFAULT).found_in(*raw({"correlationId": "x" * 10_000}))

    assert found == "x" * MAX_ID_CHARS


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        (("order", "customer.id"), ("order", "Order", "ORDER", "customer.id", "Customer.Id")),
        (("traceparent",), ("traceparent", "traceParent", "trace_parent", "TRACEPARENT")),
        (("orderId",), ("orderId", "order_id", "ORDER-ID", "OrderID")),
        (("orderid",), ("orderId", "order_id", "orderid")),
        (("a", "b"), ("a", "B")),
        (("id",), ("id", "ID", "Id")),
    ],
)
def test_any_field_can_be_named(fields: tuple[str, ...], keys: tuple[str, ...]) -> None:
    """Names that have nothing in common are searched for one by one, and each in every spelling."""
    for key in keys:
        assert Correlation(fields).found_in(*raw({key: "x"})) == "x", key


def told(correlation: Correlation, *records: object, is_beginning: bool = False) -> str:
    return correlation.found_in(
        *raw("text", *records, "text"), is_text=True, is_beginning=is_beginning
    )


def test_lines_that_never_name_a_transaction_are_searched_less() -> None:
    """After a thousand lines, JSON behind a prefix is looked for at the beginning of an invocation, and in a line alone."""
    correlation = Correlation(DEFAULT)
    before = told(Correlation(DEFAULT), BEHIND_A_PREFIX)
    correlation.found_in(*raw(*["x" * 1024] * (CURIOUS_BYTES // 1024)), is_text=True)

    assert before == "a-1"
    assert told(correlation, BEHIND_A_PREFIX) == ""
    assert told(correlation, "x" * BEGINNING_BYTES, BEHIND_A_PREFIX, is_beginning=True) == ""
    assert correlation.found_in(*raw({"correlation_id": "a-2"}, "after")) == "a-2"


@pytest.mark.parametrize("alone", [True, False], ids=["a line alone", "the beginning"])
def test_one_that_is_found_makes_the_search_thorough_again(alone: bool) -> None:
    """A function that writes its names so writes them so again."""
    correlation = Correlation(DEFAULT)
    correlation.found_in(*raw(*["x" * 1024] * (CURIOUS_BYTES // 1024)), is_text=True)

    first = (
        correlation.found_in(*raw(BEHIND_A_PREFIX), is_text=True)
        if alone
        else told(correlation, BEHIND_A_PREFIX, is_beginning=True)
    )

    assert first == "a-1"
    assert told(correlation, "x" * BEGINNING_BYTES, BEHIND_A_PREFIX) == "a-1"


def test_correlation_finds_nothing_without_fields() -> None:
    """`none` turns it off."""
    assert Correlation(()).found_in(*raw({"correlation_id": "a"})) == ""


@pytest.mark.parametrize(
    "event", [b'{"correlation_id":', b'["correlation_id"]', b'"correlation_id"']
)
def test_what_is_no_event_names_nothing(event: bytes) -> None:
    """A batch may be garbage."""
    assert Correlation(DEFAULT).found_in(event, 1) == ""
