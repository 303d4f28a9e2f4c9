from dataclasses import replace

import pytest

from extension import PREFIX
from terminal.layout import WIDTH
from tests.doubles.studies import study_shop
from whatif.report.text_costs import (
    advice_lines,
    cost_lines,
    example_lines,
    money,
    prices_text,
    upkeep_notes,
    upkeep_rows,
)
from whatif.report.view import View, view_of


@pytest.fixture(name="view")
def shop_view() -> View:
    return view_of(study_shop())


def test_costs_mark_the_best_cell(view: View) -> None:
    """One set of settings with one sink leaves most."""
    lines = cost_lines(view)

    marked = [line for line in lines if line.endswith(" *") or " * " in line]
    (best,) = [line for line in marked if line.startswith("SAMPLE_RATE")]
    assert best.startswith("SAMPLE_RATE=10% (default)")
    assert max(map(len, lines)) <= WIDTH


def test_costs_have_all_that_the_recorder_costs(view: View) -> None:
    """With the number of each, and its price."""
    assert [(cause, much) for cause, much, _ in upkeep_rows(view)] == [
        ("the environment is held", "24 of 24 invocations, 26 ms each, 512 MB"),
        ("cold starts are longer", "2, 21 ms each, 512 MB"),
        ("metrics and alarms", "18 metrics, alarms that read 4"),
        ("lines of metrics", "24"),
    ]


def test_costs_tell_what_is_assumed() -> None:
    """Metrics that are off cost nothing and are not mentioned."""
    bare = view_of(study_shop(environ={f"{PREFIX}METRICS": "off"}))
    short = replace(bare, costs=replace(bare.costs, is_monthly=False, memory_is_assumed=True))

    assert len(upkeep_rows(bare)) == 2
    assert upkeep_notes(bare) == []
    first, second = upkeep_notes(short)
    assert "Metrics and alarms are left out" in first
    assert "512 MB are assumed" in second


def test_examples_have_time_request_reason_and_line(view: View) -> None:
    """In ASCII, on lines that fit."""
    lines = example_lines(view)

    assert lines[0] == "For example, masked as REDACT asks:"
    assert "(python-exception): [ERROR]" in lines[1]
    assert max(map(len, lines)) <= WIDTH
    assert example_lines(replace(view, examples=[])) == []


def test_advice_says_whether_it_applies_here(view: View) -> None:
    """The reader need not compare figures."""
    text = "\n".join(advice_lines(view))

    assert "- Functions that write little (so here)." in text
    assert "(not so here)" in text


def test_sums_below_zero_have_a_sign() -> None:
    """A sign stands before the digits of either size."""
    assert [money(usd) for usd in (-5.812, 0.0, 0.0025, -0.0025)] == [
        "-5.81",
        "0.00",
        "0.0025",
        "-0.0025",
    ]


def test_prices_name_their_tiers() -> None:
    """All of them are told."""
    assert "Standard class, 0.5, 0.25, 0.1, 0.05 per GB" in prices_text()
