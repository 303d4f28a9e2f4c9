import re
from dataclasses import replace
from pathlib import Path

import pytest

from extension import PREFIX
from terminal.layout import WIDTH
from tests.doubles import shop_logs
from tests.doubles.studies import MISSED, study_missed, study_shop
from whatif.report.findings import FunctionRow
from whatif.report.text_findings import functions_lines, missed_lines, missed_text, rest_of
from whatif.report.view import View, view_of

GOLDEN = Path(__file__).parent / "missed.txt"


@pytest.fixture(name="view")
def missed_view() -> View:
    return view_of(study_missed(environ={f"{PREFIX}SAMPLE_RATE": "0"}))


def function(name: str, invocations: int = 1) -> FunctionRow:
    return FunctionRow(name, invocations, 5, 1, 2, 0.2, 0.1, -0.1)


def without_money(text: str) -> str:
    """Leave sums of money out, which change with the size of a summary."""
    return re.sub(" +", " ", re.sub(r"0\.\d+", "0.#", text))


def test_section_is_as_agreed(view: View) -> None:
    """The golden file is all of the section; test_findings.py has the money."""
    found = "\n".join(missed_lines(view))

    expected = GOLDEN.read_text(encoding="ascii").removesuffix("\n")
    assert without_money(found) == without_money(expected)


def test_section_fits_a_terminal_but_for_what_is_copied(view: View) -> None:
    """A setting that is wrapped cannot be copied, and an example is shortened."""
    row = view.missed.rows[0]
    long = [replace(row, examples=[one._replace(text="\N{SNOWMAN}" * 150) for one in row.examples])]

    lines = missed_lines(replace(view, missed=replace(view.missed, rows=long)))

    assert all(len(line) <= WIDTH or line.startswith(f"  {PREFIX}") for line in lines)
    assert all(line.isascii() for line in lines)


def test_section_has_what_was_looked_for_where_nothing_was_found() -> None:
    """Silence says nothing; this says which signs are not there."""
    text = missed_text(view_of(study_shop()))

    assert text.startswith("Nothing was found")
    assert "Traceback, Exception or Error" in text


def test_section_names_signs_without_room(view: View) -> None:
    """They were not looked for."""
    text = missed_text(replace(view, missed=replace(view.missed, unsearched=["status 5xx"])))

    assert "no room in ERROR_PATTERN to look for status 5xx" in text


def test_section_counts_and_shares(view: View) -> None:
    """Four of 24 invocations, all let go."""
    text = missed_text(view)

    assert text.startswith(f"{len(MISSED)} invocations of {shop_logs.INVOCATIONS} (17%)")
    assert "4 of 4 would be let go" in text


def test_functions_are_listed_where_there_are_several(view: View) -> None:
    """One function is what the other tables show."""
    many = [function(f"f{number}") for number in range(25)]

    lines = functions_lines(replace(view, functions=many))

    assert functions_lines(replace(view, functions=many[:1])) == []
    assert sum(line.startswith("f") for line in lines) == 1 + 20
    assert any(line.startswith("5 more") for line in lines)
    assert max(map(len, lines)) <= WIDTH


def test_rest_of_functions_is_added_up() -> None:
    """Nothing is left out of the sums."""
    assert rest_of([]) == []
    (rest,) = rest_of([function("a", 2), function("b", 3)])
    assert rest == FunctionRow("2 more", 5, 10, 2, 4, 0.4, 0.2, -0.2)
