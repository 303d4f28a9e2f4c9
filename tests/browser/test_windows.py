from pathlib import Path

import pytest

from tests.browser.windows import DESK, PHONE, Window, look, windows_of

pytestmark = pytest.mark.services

GOOD = """<!DOCTYPE html><html lang="en"><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>good</title><style>@media(prefers-color-scheme:dark){body{background:#000;color:#fff}}</style>
<main><h1>A page</h1><p>with a text</p></main>"""

BAD = """<!DOCTYPE html><html><meta charset="utf-8"><title>bad</title>
<main><h1>A page</h1><p style="color:#eee;background:#fff">faint</p><img src="data:,">
<table style="width:600px"><tr><td>cut</table>
<div style="overflow-x:auto"><p style="width:2000px">wide</p></div></main>"""


def test_look_finds_nothing_in_a_good_page_whose_policy_forbids_scripts(tmp_path: Path) -> None:
    """It is seen in both widths and both colour schemes."""
    page = tmp_path / "good.html"
    page.write_text(GOOD, encoding="utf-8")

    seen = look(windows_of([page]))

    assert [(one.window.width, one.window.dark) for one in seen] == [
        (PHONE, False),
        (PHONE, True),
        (DESK, False),
        (DESK, True),
    ]
    assert [one.found for one in seen] == [[]] * 4
    assert [one.overflow for one in seen] == [0] * 4
    assert [one.background for one in seen[:2]] == ["rgba(0, 0, 0, 0)", "rgb(0, 0, 0)"]
    assert seen[0].requests == [page.as_uri()]


def test_look_finds_what_is_wrong_with_a_bad_page(tmp_path: Path) -> None:
    """An unnamed picture, no language, faint text, and what a telephone cuts off."""
    page = tmp_path / "bad.html"
    page.write_text(BAD, encoding="utf-8")

    (seen,) = look([Window(page=page, width=PHONE, measure="document.title")])

    assert {"color-contrast", "html-has-lang", "image-alt"} <= {one.id for one in seen.severe}
    assert seen.overflow > 0
    assert "table" in seen.outside
    assert seen.scrolling == ["div"]
    assert seen.measured == "bad"
