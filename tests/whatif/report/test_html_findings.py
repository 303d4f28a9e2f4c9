from dataclasses import replace
from html import escape

import pytest

from extension import PREFIX
from tests.doubles.studies import MISSED, study_missed, study_shop
from whatif.model.signs import SIGNS
from whatif.report.findings import FunctionRow
from whatif.report.html import page
from whatif.report.html_findings import functions_html, missed_html
from whatif.report.view import View, view_of


@pytest.fixture(name="view")
def missed_view() -> View:
    return view_of(study_missed(environ={f"{PREFIX}SAMPLE_RATE": "0"}))


def test_page_has_the_section(view: View) -> None:
    """Signs, examples, settings and the price stand on the page as in the terminal."""
    text = page(view)

    assert "<h2>What you would miss</h2>" in text
    assert escape(MISSED[10]) in text
    assert escape(f"{PREFIX}ERROR_PATTERN={SIGNS[0].pattern}") in text
    assert "This keeps all of them" in text


def test_section_of_a_healthy_log_is_one_paragraph() -> None:
    """There is no empty table."""
    text = missed_html(view_of(study_shop()))

    assert text.startswith("<p>Nothing was found")
    assert "<table>" not in text


def test_section_escapes_text_of_logs(view: View) -> None:
    """A log may hold markup."""
    row = view.missed.rows[0]
    evil = [
        replace(row, examples=[one._replace(text="<script>x</script>") for one in row.examples])
    ]

    text = missed_html(replace(view, missed=replace(view.missed, rows=evil)))

    assert "&lt;script&gt;" in text
    assert "<script" not in text


def test_functions_have_a_table_where_there_are_several(view: View) -> None:
    """Their names are text of logs as well; many are added up."""
    many = [FunctionRow(f"<b>{number}", 1, 5, 1, 2, 0.2, 0.1) for number in range(60)]

    text = functions_html(replace(view, functions=many))

    assert text.count("<tr>") == 1 + 50 + 1
    assert "10 more" in text
    assert "<b>" not in text
    assert functions_html(view) == ""
    assert "<h2>By function</h2>" in page(replace(view, functions=many))
