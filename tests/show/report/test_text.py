import pytest

from show.reading.invocations import invocations_of
from show.report.text import list_lines, whole_lines
from show.report.view import list_view, whole_view
from terminal.paint import Paint
from tests.doubles.kept import entries, record, request_id, summary

TOLD = {"errorType": "ValueError", "errorMessage": "no price for the blue bicycle of order 17"}
FAILURES = invocations_of(
    entries(
        summary(10, reason="python-exception", outcome="error", told=TOLD),
        summary(20, request=2, function="payment"),
    )
)
PLAIN = Paint(enabled=False)


def listed(width: int, *, paint: Paint = PLAIN) -> list[str]:
    view = list_view(FAILURES, looked="the group", with_healthy=False)
    return list_lines(view, paint, width=width)


@pytest.mark.parametrize("width", [80, 100, 160])
def test_tables_are_as_wide_as_the_terminal(width: int) -> None:
    """Each error is there whole, if not in a column then below its row."""
    lines = listed(width)

    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "00000001" in text
    assert "bicycle of order 17" in text
    assert "payment" in text


def test_failures_are_coloured_where_colours_are_wanted() -> None:
    lines = listed(120, paint=Paint(enabled=True))

    assert any(line.startswith("\x1b[31m2026-11-24") for line in lines)
    assert not any("\x1b" in line for line in listed(120))


def test_an_invocation_has_every_line_whole() -> None:
    """Cut at the width of a terminal, and one line elsewhere, where somebody may search it."""
    long = "x" * 150
    found = invocations_of(
        entries(
            record(1, "two\n  lines"),
            record(2, long, level="WARN"),
            record(59_000, "late", at_ms=59_000),
            summary(59_001, at_ms=59_001),
        )
    )
    view = whole_view(found, FAILURES[1:], only_failed=False)

    piped = whole_lines(view, PLAIN, width=80, wraps=False)
    shown = whole_lines(view, PLAIN, width=80, wraps=True)

    assert piped[0] == f"shop {request_id(1)}"
    assert "12:00:00.001       two" in piped
    assert f"{' ' * 19}  lines" in piped
    assert f"12:00:00.002 WARN  {long}" in piped
    assert max(map(len, shown)) <= 80
    assert "".join(line[19:] for line in shown if set(line[19:]) == {"x"}) == long
    assert "The transaction" in piped


def test_the_day_is_told_where_it_begins() -> None:
    found = invocations_of(
        entries(record(1, "a"), {**record(2, "b"), "time": "2026-11-25T00:00:00.000Z"})
    )

    lines = whole_lines(whole_view(found, [], only_failed=False), PLAIN, width=80, wraps=False)

    assert [line for line in lines if line.startswith("2026")] == ["2026-11-24", "2026-11-25"]
