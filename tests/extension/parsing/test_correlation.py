"""The transaction's name in a function's own lines."""

import pytest

from extension.parsing.correlation import MAX_ID_CHARS, Correlation
from tests.doubles.lambda_events import lines

DEFAULT = ("x-correlation-id", "correlation_id", "correlationId")


def raw(*records: object) -> tuple[bytes, int]:
    return lines(*records), len(records)


@pytest.mark.parametrize(
    ("record", "name"),
    [
        ({"correlation_id": "a-1"}, "a-1"),
        ({"x-correlation-id": "a-1", "correlationId": "b"}, "a-1"),
        ('{"level":"info","correlationId":"a-1"}\n', "a-1"),
        ({"correlation_id": 17}, "17"),
        ({"correlation_id": ""}, ""),
        ({"correlation_id": None}, ""),
        ({"correlation_id": True}, ""),
        ({"correlation_id": {"nested": "a"}}, ""),
        ({"request": {"correlation_id": "a-1"}}, ""),
        ("no JSON, but correlation_id", ""),
        ({"message": "correlation_id"}, ""),
        ("{broken correlation_id", ""),
        (17, ""),
    ],
)
def test_top_level_field_names_the_transaction(record: object, name: str) -> None:
    """Object or text, a string or a number; the first field in the order of the setting counts."""
    assert Correlation(DEFAULT).found_in(*raw("before", record, "after")) == name


def test_first_line_that_names_the_transaction_counts() -> None:
    """Wherever in the batch it stands."""
    events = raw("a", {"correlation_id": None}, {"correlationId": "one"}, {"correlationId": "two"})

    assert Correlation(DEFAULT).found_in(*events) == "one"


def test_correlation_cuts_a_long_name() -> None:
    """It is carried by every record, so it is bounded."""
    found = Correlation(DEFAULT).found_in(*raw({"correlationId": "x" * 10_000}))

    assert found == "x" * MAX_ID_CHARS


@pytest.mark.parametrize("fields", [("order", "customer.id"), ("traceparent",), ("a", "b")])
def test_any_field_can_be_named(fields: tuple[str, ...]) -> None:
    """Names that have nothing in common are searched for one by one."""
    for field in fields:
        assert Correlation(fields).found_in(*raw({field: "x"})) == "x"


def test_correlation_finds_nothing_without_fields() -> None:
    """`none` turns it off."""
    assert Correlation(()).found_in(*raw({"correlation_id": "a"})) == ""
