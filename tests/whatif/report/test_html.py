import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.doubles.studies import study_missed, study_shop
from whatif.report.html import page
from whatif.report.view import View, view_of

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
VOID = frozenset({"meta", "br", "rect", "line", "circle"})


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
    return parsed


def test_page_is_well_formed(view: View) -> None:
    """Every tag is closed, every chart has a title and a description, every id is unique."""
    found = outline(page(view))

    assert found.open == []
    charts = [attributes for tag, attributes in found.seen if tag == "svg"]
    ids = [attributes["id"] for _, attributes in found.seen if "id" in attributes]
    assert len(charts) == 4
    assert len(ids) == len(set(ids)) == 2 * len(charts)
    for chart in charts:
        assert set(str(chart["aria-labelledby"]).split()) <= set(ids)
        assert chart["role"] == "img"


def test_page_needs_nothing_from_outside(view: View) -> None:
    """It can be sent by mail, and tells nobody that it was opened."""
    text = page(view)

    assert not re.search(r"""https?:|src=|href=|url\(|@import|<script|<link""", text)
    assert "default-src 'none'" in text


def test_page_escapes_text_of_logs(view: View) -> None:
    """A log may hold markup and scripts."""
    row = replace(view.rows[0], label="<b>&", failures={"<i>": 1})
    files = [("<script>alert(1)</script>", "", 0, 0)]

    text = page(replace(view, rows=[row, *view.rows[1:]], files=files, notes=["<u>"]))

    assert "<script" not in text
    assert not {"b", "i", "u", "script"} & {tag for tag, _ in outline(text).seen}


def test_page_numbers_labels_that_a_chart_cuts(view: View) -> None:
    """By the number a reader finds the whole label in the tables."""
    rows = [replace(row, label=f"{'x' * 500} {n}") for n, row in enumerate(view.rows)]

    text = page(replace(view, rows=rows))

    assert f'<th scope="row">#2 {"x" * 500} 1</th>' in text
    assert "#2 " not in page(view)


def test_page_of_an_empty_log_is_well_formed() -> None:
    """It has no estimates and no failures."""
    view = view_of(study_shop())
    rows = [
        replace(row, failures={}, whole=0, healthy=0, estimated=0.0, margin=0.0)
        for row in view.rows
    ]

    found = outline(page(replace(view, rows=rows, invocations=0, lines=0)))

    assert found.open == []


def test_page_with_misses_and_functions_is_well_formed() -> None:
    """Every section is there at once."""
    view = view_of(study_missed())
    functions = [replace(view.functions[0], name=name) for name in "ab"]

    found = outline(page(replace(view, functions=functions)))

    assert found.open == []
    assert sum(tag == "h2" for tag, _ in found.seen) == 12


def browser() -> str:
    for name in BROWSERS:
        path = shutil.which(name)
        if path is not None:
            return path
    pytest.skip(f"no browser is installed: none of {', '.join(BROWSERS)}")


def in_browser(folder: Path, text: str, *options: str) -> str:
    """Opens the page, and gives what the probe in it wrote."""
    file = folder / "page.html"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [
            *(browser(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--no-first-run", "--disable-extensions", f"--user-data-dir={folder / 'profile'}"),
            *("--timeout=20000", "--dump-dom", *options, file.as_uri()),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


LABELS = (
    "SAMPLE_RATE=0",
    "SAMPLE_RATE=0.123456 KEEP_SLOWER_THAN=800ms SAMPLE_RATE_DEBUG=100% PLATFORM_EVENTS=all" * 3,
    "W@m%" * 60,
    "il.," * 200,
    "\N{CJK UNIFIED IDEOGRAPH-6771}\N{LATIN SMALL LETTER O WITH DIAERESIS}" * 90,
)
"""As long as a grid's, and longer; of letters that take little room, and much."""

PROBE = """
<script>
addEventListener('load', () => {
  const root = document.documentElement;
  const charts = [...document.querySelectorAll('svg')];
  const outside = charts.flatMap(svg => {
    const box = svg.parentElement.getBoundingClientRect();
    return [...svg.querySelectorAll('text,rect,circle,line')].filter(one => {
      const inner = one.getBoundingClientRect();
      return inner.left < box.left - 1 || inner.right > box.right + 1;
    }).map(one => one.textContent || one.tagName);
  });
  const sizes = charts.flatMap(svg => [...svg.querySelectorAll('text')].map(one => one.getBoundingClientRect().height));
  root.setAttribute('data-probe', JSON.stringify({
    overflow: root.scrollWidth - innerWidth, width: innerWidth, outside,
    smallest: Math.min(...sizes), background: getComputedStyle(document.body).backgroundColor,
    columns: getComputedStyle(document.querySelector('main')).gridTemplateColumns.split(' ').length,
  }));
});
</script>
"""


@pytest.mark.services
@pytest.mark.parametrize("labels", [(), LABELS], ids=["short labels", "long labels"])
@pytest.mark.parametrize(("width", "columns"), [(390, 1), (600, 1), (1280, 2)])
def test_page_fits_a_telephone_and_a_desk(
    tmp_path: Path, view: View, width: int, columns: int, labels: tuple[str, ...]
) -> None:
    """In a real browser nothing is wider than the window, no label leaves its panel, and text is readable."""
    import json
    from html import unescape

    if labels:
        rows = [replace(row, label=text) for row, text in zip(view.rows, labels, strict=True)]
        view = replace(view, rows=rows)
    # The probe is a script, which the page's own policy would forbid.
    text = re.sub(r"<meta http-equiv=[^>]*>", "", page(view)).replace("</body>", f"{PROBE}</body>")
    # A window of Chromium is never narrower than 500 units, so a narrower page is shown in a frame.
    frame = f'<iframe style="border:0;width:{width}px;height:3000px" srcdoc="{text.replace("&", "&amp;").replace(chr(34), "&quot;")}"></iframe>'
    collect = """<script>addEventListener('load', () => setTimeout(() => {
      const inner = document.querySelector('iframe').contentDocument.documentElement;
      document.documentElement.setAttribute('data-probe', inner.getAttribute('data-probe'));
    }, 50));</script>"""

    dumped = in_browser(
        tmp_path,
        f"<!DOCTYPE html><body style='margin:0'>{frame}{collect}",
        "--window-size=1400,3000",
        "--virtual-time-budget=2000",
    )

    match = re.search(r'<html[^>]* data-probe="([^"]*)"', dumped)
    assert match is not None, dumped[:500]
    told = json.loads(unescape(match.group(1)))
    assert told["width"] == width
    assert told["overflow"] <= 0
    assert told["outside"] == []
    assert told["columns"] == columns
    assert told["smallest"] >= 11


@pytest.mark.services
def test_page_follows_the_preference_for_dark(tmp_path: Path, view: View) -> None:
    """A real browser is told the preference."""
    text = re.sub(r"<meta http-equiv=[^>]*>", "", page(view)).replace("</body>", f"{PROBE}</body>")

    light = in_browser(tmp_path, text, "--virtual-time-budget=2000")
    dark = in_browser(
        tmp_path, text, "--virtual-time-budget=2000", "--blink-settings=preferredColorScheme=0"
    )

    assert "rgb(255, 255, 255)" in light
    assert "rgb(13, 17, 23)" in dark


def test_page_shows_withheld_failures_and_history() -> None:
    """Withheld failures have a column only where there are any; history has a colour, a column and a sentence."""
    plain = page(view_of(study_shop()))
    text = page(view_of(study_shop("KEEP_AT_MOST=1/h", "HISTORY=1", "SAMPLE_RATE=0")))

    assert "withheld by KEEP_AT_MOST" not in plain
    assert '<th scope="col" class="figure">withheld by KEEP_AT_MOST</th>' in text
    assert '<span class="key history"></span>history' in text
    assert "History lines were dropped before a failure" in text
    assert "2 failures of 5 lack lines: 2 withheld by KEEP_AT_MOST" in text
