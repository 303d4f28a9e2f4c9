from dataclasses import replace

import pytest

from extension import PREFIX
from tests.doubles.studies import study_missed, study_shop
from whatif.report.findings import FunctionRow
from whatif.report.page_tables import tables_of
from whatif.report.view import View, view_of


@pytest.fixture(name="view")
def missed_view() -> View:
    return view_of(study_missed(environ={f"{PREFIX}SAMPLE_RATE": "0"}))


def test_tables_have_a_cell_for_each_column(view: View) -> None:
    """Each has a caption, and says what it shows."""
    functions = [replace(view.functions[0], name=name) for name in "ab"]

    for name, made in tables_of(replace(view, functions=functions)).items():
        if name != "incomplete":
            assert made is not None, name
            assert made.caption
            assert {len(row.cells) for row in made.rows} == {len(made.columns)}, name


def test_tables_mark_the_best_settings_and_one_sink(view: View) -> None:
    """The badge stands in one row, and one cell of the net."""
    net = tables_of(view)["net"]

    assert net is not None
    assert [row.badge for row in net.rows].count("best") == 1
    assert net.rows[1].badge == "best"
    assert [bool(row.best) for row in net.rows].count(True) == 1


def test_tables_without_rows_are_none() -> None:
    """One function needs no table, nor does a healthy log one of misses."""
    made = tables_of(view_of(study_shop()))

    assert made["functions"] is None
    assert made["missed"] is None
    assert made["missed_price"] is None
    assert made["incomplete"] is None


def test_functions_beyond_fifty_are_added_up(view: View) -> None:
    """A page has an end."""
    many = [FunctionRow(f"f{number}", 1, 5, 1, 2, 0.2, 0.1, 0.1) for number in range(60)]

    made = tables_of(replace(view, functions=many))["functions"]

    assert made is not None
    assert len(made.rows) == 51
    assert made.rows[-1].cells[0] == "10 more"


def test_withheld_failures_have_a_column_where_there_are_any() -> None:
    """KEEP_AT_MOST is rare."""
    plain = tables_of(view_of(study_shop()))["figures"]
    withheld = tables_of(view_of(study_shop("KEEP_AT_MOST=1/h", "SAMPLE_RATE=0")))["figures"]

    assert plain is not None
    assert withheld is not None
    titles = [title for title, _ in withheld.columns]
    assert "withheld by KEEP_AT_MOST" in titles
    assert len(titles) == len(plain.columns) + 1
