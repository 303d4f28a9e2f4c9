import json
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from show.reading.invocations import invocations_of
from show.report.page import list_page, whole_page
from show.report.view import list_view, whole_view
from tests.doubles.kept import entries, record, summary

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
VOID = frozenset({"meta", "br"})
NASTY = "<script>alert(1)</script> & \x1b[31mred\x1b[0m"
TOLD = {"errorType": "ValueError", "errorMessage": NASTY, "errorLine": f"{NASTY}\n  at line 2"}

FOUND = invocations_of(
    entries(
        record(1, "before", request=9, reason="history", weight=0),
        record(10, NASTY, level="ERROR", correlationId="c"),
        record(11, {"evictedLines": 3, "evictedBytes": 20}, kind="flightRecorder.gap"),
        record(12, "a line with a very long word: " + "x" * 300),
        summary(15, outcome="error", told=TOLD, correlationId="c"),
        summary(30, request=2, correlationId="c", function="payment"),
    )
)


def pages() -> dict[str, str]:
    return {
        "list": list_page(list_view(FOUND, looked="the group", with_healthy=False)),
        "whole": whole_page(whole_view(FOUND[:1], FOUND[1:], only_failed=False)),
    }


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
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", ["list", "whole"])
def test_pages_are_well_formed(name: str) -> None:
    """Each table has a caption, and what scrolls has a name and can be reached with the keyboard."""
    outline = _Outline()
    outline.feed(pages()[name])

    assert outline.open == []
    tags = [tag for tag, _ in outline.seen]
    assert tags.count("caption") == tags.count("table") > 1
    regions = [given for _, given in outline.seen if "tabindex" in given]
    assert regions
    assert all(given["role"] == "region" and given["aria-label"] for given in regions)
    assert "script" not in tags


@pytest.mark.parametrize("name", ["list", "whole"])
def test_text_of_the_log_is_text(name: str) -> None:
    """Neither markup nor a colour of a terminal."""
    page = pages()[name]

    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; red" in page
    assert "\x1b" not in page


def test_an_invocation_has_its_parts() -> None:
    """The gap at its place, the history and the transaction."""
    page = re.sub(r"<[^>]*>", "\n", pages()["whole"])

    parts = ["Every line and event that was kept", "gap: 3 lines", "a line with", "end: error"]
    parts += ["Lines of 1 earlier", "before", "The transaction", "payment"]
    places = [page.index(part) for part in parts]
    assert places == sorted(places)


PROBE = """<script>
const root = document.documentElement;
const wide = [...document.querySelectorAll('header, section, dl, dd, p')]
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1);
root.setAttribute('data-probe', JSON.stringify({
  width: innerWidth, overflow: root.scrollWidth - innerWidth, wide: wide.map((one) => one.tagName),
  back: getComputedStyle(document.body).backgroundColor,
}));
</script>"""


def seen(folder: Path, page: str, *options: str, width: int) -> dict[str, object]:
    """Open a page in a frame of a width, and give what a probe in it measured. Skip without a browser."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip("no Chromium on the path")
    # The probe is a script, which the page's own policy forbids.
    text = re.sub(r"<meta http-equiv=[^>]*>", "", page).replace("</body>", f"{PROBE}</body>")
    quoted = text.replace("&", "&amp;").replace('"', "&quot;")
    (folder / "page.html").write_text(
        "<!DOCTYPE html><body style='margin:0'>"
        f'<iframe style="border:0;width:{width}px;height:3000px" srcdoc="{quoted}"></iframe>'
        """<script>addEventListener('load', () => setTimeout(() => {
          const inner = document.querySelector('iframe').contentDocument.documentElement;
          document.documentElement.setAttribute('data-probe', inner.getAttribute('data-probe'));
        }, 50));</script>""",
        encoding="utf-8",
    )
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += ["--window-size=1400,3000", "--virtual-time-budget=2000"]
    command += [f"--user-data-dir={folder}/profile", *options, f"file://{folder}/page.html"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    match = re.search(r'<html[^>]* data-probe="([^"]*)"', done.stdout)
    assert match is not None, done.stderr[-500:]
    found: dict[str, object] = json.loads(unescape(match[1]))
    return found


@pytest.mark.services
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", ["list", "whole"])
@pytest.mark.parametrize("width", [360, 1300])
def test_pages_fit_telephones_and_screens(name: str, width: int, tmp_path: Path) -> None:
    """Only tables scroll, within themselves."""
    found = seen(tmp_path, pages()[name], width=width)

    assert (found["width"], found["wide"]) == (width, [])
    assert found["overflow"] == 0
    assert found["back"] == "rgb(255, 255, 255)"


@pytest.mark.services
@pytest.mark.timeout(180)
def test_pages_are_dark_where_that_is_preferred(tmp_path: Path) -> None:
    option = "--blink-settings=preferredColorScheme=0"

    assert seen(tmp_path, pages()["whole"], option, width=500)["back"] == "rgb(13, 17, 23)"
