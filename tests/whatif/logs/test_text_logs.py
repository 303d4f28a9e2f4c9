import re

import pytest

from tests.doubles import shop_logs
from whatif.logs.text_logs import csv_columns, form_of, read_csv, read_text, stream_of_path, time_of
from whatif.model.events import Logged, Reading

STREAM = "2026/11/20/[$LATEST]aa"
TIME = "2026-11-20T08:00:01.123"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (f"{TIME}000+00:00 {STREAM} hello", "aws logs tail"),
        (f"{TIME}000+00:00 2026/11/20/shop[7]aa hello", "aws logs tail"),
        (f"{TIME}Z hello", "CloudWatch Logs export"),
        (f"{TIME}Z [ERROR] ValueError: x", "CloudWatch Logs export"),
        ("2026-11-20T08:00:01 hello", "aws logs tail --format short"),
        (f"{STREAM} {TIME}000 hello", "sam logs"),
    ],
)
def test_form_of_tells_a_text_by_its_lines(line: str, name: str) -> None:
    """Each command's output begins differently, and a level in brackets is no stream."""
    form = form_of(f"{line}\n")

    assert form is not None
    assert form.name == name


@pytest.mark.parametrize("text", ["", "hello\n", "2026-11-20 hello\n", "START RequestId: 1\n"])
def test_form_of_is_none_for_other_text(text: str) -> None:
    """Text without times cannot be replayed."""
    assert form_of(text) is None


def test_read_text_joins_lines_without_a_time() -> None:
    """A traceback stays in one piece with its empty lines; lines before the first event are unreadable."""
    text = f"continued\n\n{TIME}Z one\n  two\n\n  three\n\n{TIME}Z four\r\n"
    form = form_of(text)
    reading = Reading("x")
    assert form is not None

    events = list(read_text(text.splitlines(keepends=True), form, reading, stream="s"))

    assert events == [
        Logged("s", f"{TIME}Z", "one\n  two\n\n  three"),
        Logged("s", f"{TIME}Z", "four"),
    ]
    assert reading.unreadable == 1


def test_read_text_bounds_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines beyond CloudWatch's largest event are counted, not collected."""
    monkeypatch.setattr("whatif.logs.text_logs.MAX_EVENT_CHARS", 10)
    text = f"{TIME}Z one\nnine nine\ntoo many\ntoo many\n"
    form = form_of(text)
    reading = Reading("x")
    assert form is not None

    events = list(read_text(text.splitlines(), form, reading))

    assert [event.message for event in events] == ["one\nnine nine"]
    assert reading.unreadable == 2


def test_read_text_compacts_pretty_printed_json() -> None:
    """``aws logs tail --format json`` indents messages; the function wrote them on one line."""
    lines = shop_logs.tail_json(
        [shop_logs.Event(STREAM, shop_logs.FIRST_MS, '{"a":{"b":[1,2]},"c":"é"}')]
    )
    form = form_of(lines)
    assert form is not None

    events = list(read_text(lines.splitlines(), form, Reading("x")))

    assert [event.message for event in events] == ['{"a":{"b":[1,2]},"c":"é"}']


def test_stream_of_path_takes_the_exports_folder() -> None:
    """The lines of an exported object name no environment."""
    assert stream_of_path("x/2026-11-20-[$LATEST]aa/000000.gz") == "2026-11-20-[$LATEST]aa"
    assert stream_of_path("logs/000000.gz") == ""


def test_csv_columns_tell_a_table_by_its_titles() -> None:
    """The console downloads Insights results and log events with different titles."""
    insights, events = csv_columns("@timestamp,@message\n"), csv_columns("timestamp,message\n")

    assert insights is not None
    assert events is not None
    assert (insights.message, events.message) == ("@message", "message")
    assert csv_columns("a,b\n") is None


def test_read_csv_counts_rows_that_are_no_events() -> None:
    """A row without a time gets no invented one."""
    text = 'timestamp,message\n1795161600000,"one\ntwo"\nnever,three\n1795161600001\n'
    columns = csv_columns(text)
    reading = Reading("x")
    assert columns is not None

    events = list(read_csv(text.splitlines(keepends=True), columns, reading))

    assert [(event.time, event.message) for event in events] == [
        ("2026-11-20T08:00:00.000Z", "one\ntwo")
    ]
    assert reading.unreadable == 2


def test_read_csv_takes_the_log_group() -> None:
    """A query over several groups may ask for @log."""
    text = "@timestamp,@message,@log\n2026-11-20 08:00:00.000,one,1234:/aws/lambda/shop\n"
    columns = csv_columns(text)
    assert columns is not None

    events = list(read_csv(text.splitlines(keepends=True), columns, Reading("x")))

    assert [event.group for event in events] == ["1234:/aws/lambda/shop"]


@pytest.mark.parametrize("text", ["a\rb\n", "hello\rworld", '"\0', '"'])
def test_csv_columns_take_any_first_line(text: str) -> None:
    """What the csv module refuses is no table."""
    assert csv_columns(text) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_795_161_600_000, "2026-11-20T08:00:00.000Z"),
        ("1795161600000", "2026-11-20T08:00:00.000Z"),
        ("2026-11-20 08:00:00.000", "2026-11-20T08:00:00.000Z"),
        ("2026-11-20T08:00:00.5+00:00", "2026-11-20T08:00:00.5Z"),
        *((bad, "") for bad in (None, True, "", "soon", "²", 10**40, float("nan"), float("inf"))),
    ],
)
def test_time_of_reads_every_spelling(value: object, expected: str) -> None:
    """Milliseconds and dates are times; anything else is no error."""
    assert time_of(value) == expected


def test_form_of_tells_the_shops_forms_apart() -> None:
    """A file taken for another form would lose its streams."""
    written = {
        "aws logs tail": shop_logs.tail,
        "aws logs tail --format short": shop_logs.tail_short,
        "sam logs": shop_logs.sam,
    }

    found = {name: form_of(write(shop_logs.shop())) for name, write in written.items()}

    assert all(form is not None and form.name == name for name, form in found.items())
    assert re.search("\x1b", shop_logs.tail_coloured(shop_logs.shop()))
