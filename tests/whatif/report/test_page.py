import re
from dataclasses import replace
from datetime import date
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from extension import PREFIX, __version__
from tests.browser.windows import DESK, PHONE, Window, look, windows_of
from tests.doubles.studies import MISSED, study_missed, study_shop
from whatif.model.signs import SIGNS
from whatif.report.page import page
from whatif.report.view import View, view_of

VOID = frozenset({"meta", "br"})
MADE = date(2026, 11, 30)


class _Outline(HTMLParser):
    """Collects tags, and whether each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(name="view")
def shop_view() -> View:
    return view_of(study_shop())


def outline(text: str) -> _Outline:
    parsed = _Outline()
    parsed.feed(text)
    assert parsed.open == []
    return parsed


def full_view() -> View:
    """Return a view of which every section has something to show."""
    environ = {f"{PREFIX}SAMPLE_RATE": "0"}
    view = view_of(study_missed("KEEP_AT_MOST=1/h,", "SAMPLE_RATE=0,10%", environ=environ))
    return replace(view, functions=[replace(view.functions[0], name=name) for name in "ab"])


def unfolded(text: str) -> str:
    return text.replace("<details>", "<details open>")


def test_page_is_well_formed_and_its_tables_have_captions(view: View) -> None:
    """A reader who does not see it is told what each table is."""
    found = outline(page(view, made=MADE))

    tags = [tag for tag, _ in found.seen]
    assert tags.count("table") == tags.count("caption") > 5
    assert "svg" not in tags
    assert all("tabindex" not in attributes for _, attributes in found.seen)


def test_page_begins_with_whose_log_it_is_and_what_is_saved(view: View) -> None:
    """The functions, the days, the saving in words and net, and by what the page was made."""
    text = page(view, made=MADE)

    head, _, rest = text.partition("</header>")
    assert '<p class="subject">shop.log, 2026-11-20</p>' in head
    assert "\N{MINUS SIGN}57 %: $0.005 \N{RIGHTWARDS ARROW} $0.0022 a month" in head
    assert "net of all costs \N{MINUS SIGN}$5.81" in head
    assert f"Made by Flight Recorder {__version__} on 2026-11-30." in rest


def test_page_shows_failures_as_examples(view: View) -> None:
    """Each with its time, its request, and its first error line."""
    text = page(view, made=MADE)

    for one in view.examples:
        assert one.request_id in text
        assert one.time in text
    assert escape("[ERROR] KeyError: 'price'", quote=True).replace("&#x27;", "&#39;") in text


def test_page_needs_nothing_from_outside(view: View) -> None:
    """It can be sent by mail, and tells nobody that it was opened."""
    text = page(view, made=MADE)

    assert not re.search(r"""https?:|src=|href=|url\(|@import|<script|<link""", text)
    assert "default-src 'none'" in text


def test_page_escapes_text_of_logs(view: View) -> None:
    """A log may hold markup and scripts, in the names of functions and in lines too."""
    row = replace(view.rows[0], label="<b>&", failures={"<i>": 1})
    files = [("<script>alert(1)</script>", "", 0, 0)]
    example = view.examples[0]._replace(line="<em>", request_id='"><s>')
    functions = [replace(view.functions[0], name="<u>")] * 2

    text = page(
        replace(
            view,
            rows=[row, *view.rows[1:]],
            files=files,
            notes=["<u>"],
            examples=[example],
            functions=functions,
        ),
        made=MADE,
    )

    assert not {"b", "i", "u", "s", "em", "script"} & {tag for tag, _ in outline(text).seen}


def test_page_of_an_empty_log_is_well_formed(view: View) -> None:
    """It has no estimates, no failures and no examples."""
    rows = [
        replace(row, failures={}, whole=0, healthy=0, estimated=0.0, margin=0.0)
        for row in view.rows
    ]

    text = page(replace(view, rows=rows, invocations=0, lines=0, examples=[]), made=MADE)

    outline(text)
    assert "No failures were found" in text
    assert "Estimate of all invocations" not in text


def test_page_has_what_would_be_missed() -> None:
    """Signs, examples, settings and the price stand on the page as in the terminal."""
    text = page(full_view(), made=MADE)

    assert "<h2>What you would miss</h2>" in text
    assert MISSED[10] in text
    assert f"{PREFIX}ERROR_PATTERN={SIGNS[0].pattern}" in text
    assert "This keeps all of them" in text
    assert "Nothing was found" in page(view_of(study_shop()), made=MADE)


def test_page_shows_withheld_failures_and_history() -> None:
    """Withheld failures have a column only where there are any; history has a colour, a column and a sentence."""
    plain = page(view_of(study_shop()), made=MADE)
    text = page(view_of(study_shop("KEEP_AT_MOST=1/h", "HISTORY=1", "SAMPLE_RATE=0")), made=MADE)

    assert "withheld by KEEP_AT_MOST</th>" not in plain
    assert "withheld by KEEP_AT_MOST</th>" in text
    assert '<span class="key history"></span>history' in text
    assert "History lines were dropped before a failure" in text
    assert "2 failures of 5 lack lines: 2 withheld by KEEP_AT_MOST" in text


def test_page_names_the_setting_once_where_only_one_differs(view: View) -> None:
    """The bars have its values alone."""
    assert '<span class="label">10% (default)</span>' in page(view, made=MADE)
    assert "By SAMPLE_RATE." in page(view, made=MADE)
    several = page(view_of(study_shop("HISTORY=0,1", "SAMPLE_RATE=0")), made=MADE)
    assert '<span class="label">HISTORY=1 SAMPLE_RATE=0</span>' in several


LABELS = (
    "SAMPLE_RATE=0",
    "SAMPLE_RATE=0.123456 KEEP_SLOWER_THAN=800ms SAMPLE_RATE_DEBUG=100% PLATFORM_EVENTS=all" * 3,
    "W@m%" * 60,
    "il.," * 200,
    "\N{CJK UNIFIED IDEOGRAPH-6771}\N{LATIN SMALL LETTER O WITH DIAERESIS}" * 90,
)
"""As long as a grid's, and longer; of letters that take little room, and much."""


@pytest.fixture(name="pages")
def written_pages(tmp_path: Path, view: View) -> list[Path]:
    """The page of a plain log, of one with everything to show, and one with labels of any length."""
    rows = [replace(row, label=text) for row, text in zip(view.rows, LABELS, strict=True)]
    views = {"plain": view, "full": full_view(), "long": replace(view, rows=rows)}
    paths = []
    for name, one in views.items():
        path = tmp_path / f"{name}.html"
        path.write_text(unfolded(page(one, made=MADE)), encoding="utf-8")
        paths.append(path)
    return paths


@pytest.mark.services
def test_everybody_can_use_the_page(pages: list[Path]) -> None:
    """On a telephone and at a desk, in light and dark, axe-core finds nothing at all."""
    for seen in look(windows_of(pages[:2])):
        assert seen.found == [], seen.window
        assert seen.background == ("rgb(13, 17, 23)" if seen.window.dark else "rgb(255, 255, 255)")


MEASURE = """({
  hidden: [...document.querySelectorAll('thead')].every((one) => one.offsetWidth <= 1),
  columns: getComputedStyle(document.querySelector('main')).gridTemplateColumns.split(' ').length,
  smallest: Math.min(...[...document.querySelectorAll('td, th, p, dt, li')].map((one) => parseFloat(getComputedStyle(one).fontSize))),
})"""


@pytest.mark.services
@pytest.mark.parametrize(
    ("width", "cards", "columns"),
    [(PHONE, True, 1), (800, True, 2), (1021, False, 2), (DESK, False, 2)],
)
def test_page_fits_every_window(
    pages: list[Path],
    width: int,
    cards: bool,
    columns: int,
) -> None:
    """Nothing is cut and nothing scrolls sideways: where a table has no room, its rows are cards."""
    for seen in look([Window(page=one, width=width, measure=MEASURE) for one in pages]):
        assert seen.overflow == 0, seen.window
        assert seen.outside == [], seen.window
        # The titles of the columns are read aloud, and not shown.
        assert set(seen.scrolling) <= ({"thead", "tr"} if cards else set()), seen.window
        assert seen.measured["hidden"] is cards
        assert seen.measured["columns"] == columns
        assert seen.measured["smallest"] >= 12
        assert len(seen.requests) == 1
