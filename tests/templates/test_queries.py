"""The saved queries, over what the extension wrote; see insights.py for what this can show and what it cannot."""

import pytest

from tests.doubles.golden_events import request_id, trace_id, written_to_cloudwatch
from tests.templates.attached import QUERIES
from tests.templates.insights import Row, rows_of, run

SCENARIOS = ["sink-cloudwatch", "sink-cloudwatch-records"]


def rows(scenario: str) -> list[Row]:
    written = written_to_cloudwatch(scenario)
    return rows_of(written.events, stream=written.stream)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_failures_are_counted_by_reason_and_error(scenario: str) -> None:
    """Each row has an example, whose id the next query takes."""
    found = run(QUERIES["failures"], rows(scenario))

    assert {(row["reason"], row["record.errorType"], row["failures"]) for row in found} == {
        ("python-exception", "ValueError", 1),
        ("level-fatal", "Runtime.ExitError", 1),
    }
    assert {row["example"] for row in found} == {request_id(1), request_id(4)}
    assert all(row["record.fingerprint"] and row["last"] for row in found)


def test_an_invocation_written_as_records_is_found_by_its_id() -> None:
    """All that names the id comes: its lines, its end and its report."""
    found = run(
        QUERIES["invocation"].replace("REQUEST_ID", request_id(1)), rows("sink-cloudwatch-records")
    )

    kinds = [row["type"] for row in found if "type" in row]
    assert kinds.count("function") == 9
    assert kinds[-2:] == ["flightRecorder.invocation", "platform.report"]


def test_an_invocation_written_as_lines_is_found_in_two_steps() -> None:
    """The first answer names the stream and the times that the second filter takes."""
    everything = rows("sink-cloudwatch")
    first = run(QUERIES["invocation"].replace("REQUEST_ID", request_id(1)), everything)
    (end,) = [row for row in first if row.get("type") == "flightRecorder.invocation"]

    lines = QUERIES["invocation"].split("\n")
    at = next(at for at, line in enumerate(lines) if line.startswith("filter "))
    lines[at : at + 2] = [lines[at + 1].removeprefix("# | ")]
    second = "\n".join(lines).replace("STREAM", end["logStream"])
    second = second.replace("FIRST", str(end["record.firstTimestamp"]))
    found = run(second.replace("LAST", str(end["record.lastTimestamp"])), everything)

    texts = [row["@message"] for row in found]
    assert texts[0] == "loading the shop\n"
    assert "two\nlines, one record\n" in texts
    assert sum("type" not in row for row in found) == 10


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_transaction_is_found_by_both_of_its_ids(scenario: str) -> None:
    """Where lines are as written, the ends of its invocations come."""
    for wanted in (trace_id(1), "cart-17"):
        found = run(QUERIES["transaction"].replace("TRANSACTION_ID", wanted), rows(scenario))
        ends = [row for row in found if row["type"] == "flightRecorder.invocation"]

        assert [row["requestId"] for row in ends] == [request_id(1)]
        assert [row["record.outcome"] for row in ends] == ["error"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_totals_are_the_sums_of_the_weights(scenario: str) -> None:
    """A kept invocation stands for as many as its weight says, and so do its lines."""
    everything = rows(scenario)
    ends = [row for row in everything if row.get("type") == "flightRecorder.invocation"]

    found = {row["record.outcome"]: row for row in run(QUERIES["totals"], everything)}

    assert found.keys() == {row["record.outcome"] for row in ends}
    for outcome, row in found.items():
        kept = [one for one in ends if one["record.outcome"] == outcome]
        assert row["kept"] == len(kept)
        assert row["invocations"] == sum(one["weight"] for one in kept)
        assert row["lines"] == sum(one["weight"] * one["record.lines"] for one in kept)
        assert row["function"] == "shop"
    assert sum(row["invocations"] for row in found.values()) > len(ends)
