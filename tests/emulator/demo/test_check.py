"""Test the comparison of the lines that were written with those that arrived."""

import pytest

from emulator.demo.check import Row, account_total, faults, faults_of
from tests.doubles.emulator.demo_rows import SAMPLED, make_record, make_row

AGREEING = {
    "failed": make_row(),
    "dropped": make_row(mishap="fine", kept=()),
    "sampled": make_row(mishap="fine", trace_id=SAMPLED),
    "kept by a rule": make_row(mishap="slow"),
    "kept by a rule, not the sample": make_row(mishap="asked", trace_id=SAMPLED),
}


@pytest.mark.parametrize("row", AGREEING.values(), ids=AGREEING)
def test_check_accepts_rows_that_agree_with_their_plan(row: Row) -> None:
    """The demo must not cry wolf."""
    assert faults_of(row) == []


FAULTS = {
    "line missing": (
        make_row(kept=("a\n",)),
        "2 lines written, 1 kept; the first missing line: 'b\\n'",
    ),
    "all missing": (make_row(kept=()), "2 lines written, 0 kept; the first missing line: 'a\\n'"),
    "order differs": (make_row(kept=("b\n", "a\n")), "line 1 was 'a\\n' and arrived as 'b\\n'"),
    "line came twice": (make_row(kept=("a\n", "b\n", "b\n")), "the first extra line: 'b\\n'"),
    "byte missing": (make_row(kept=("a", "b\n")), "line 1 was 'a\\n' and arrived as 'a'"),
    "healthy kept": (
        make_row(mishap="fine"),
        "no rule keeps it and it was not sampled, yet 2 records",
    ),
    "sampled lost": (make_row(mishap="fine", trace_id=SAMPLED, kept=()), "2 lines written, 0 kept"),
    "rule's lost": (make_row(mishap="slow", kept=()), "2 lines written, 0 kept"),
    "reason": (
        make_row(mishap="slow", reason="sampled"),
        "says sampled, for 1.0; it must say slow",
    ),
    "rule's weight": (
        make_row(mishap="asked", weight=10.0),
        "says marker, for 10.0; it must say marker",
    ),
    "failure's weight": (
        make_row(weight=10.0),
        "says timeout, for 10.0; it must say timeout, for 1.",
    ),
    "sample's weight": (
        make_row(mishap="fine", trace_id=SAMPLED, weight=1.0),
        "must say sampled, for 10.",
    ),
    "other end": (make_row(outcome="success"), "expected timeout, it ended as success"),
    "no line": (make_row(written=(), kept=()), "wrote no line"),
}


@pytest.mark.parametrize(("row", "words"), FAULTS.values(), ids=FAULTS)
def test_check_names_each_kind_of_fault(row: Row, words: str) -> None:
    """A reader must learn from one sentence which invocation differs, and how."""
    (fault,) = faults_of(row)

    assert fault.startswith("orders #5 ")
    assert words in fault


def test_check_names_faults_of_the_whole_delivery() -> None:
    """Duplicates, strays and a wrong account belong to no single invocation."""
    row = make_row()
    stray = make_record("x", 1, requestId="r-9")
    account: dict[str, object] = {
        "received_lines": 2,
        "kept_lines": {"timeout": 1},
        "handed_to_stdout_lines": 1,
    }

    found = faults(
        [row], [*row.delivered, stray], refused=["a body of 3 bytes: no"], accounts=[account]
    )

    assert [fault.split(":")[0] for fault in found] == [
        "The sink got a record of an unknown invocation",
        "The record with the id e-1 came 2 times.",
        "The sink could not read a body of 3 bytes",
        "The extension's account says kept_lines 1, but 2 were seen.",
        "The extension's account says handed_to_stdout_lines 1, but 0 were seen.",
    ]


def test_account_total_adds_counters_by_reason() -> None:
    """Each extension process writes an account of its own."""
    accounts: list[dict[str, object]] = [{"n": 1}, {"n": {"a": 2, "b": 3}}, {}]

    assert account_total(accounts, "n") == 6
