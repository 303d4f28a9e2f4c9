"""The whole site: Sphinx finds nothing wrong, a browser asks for nothing outside, and axe-core finds nothing serious."""

from pathlib import Path

import pytest

from docs_site.__main__ import main
from docs_site.layout import ROOT
from tests.browser.windows import Window, look, windows_of

pytestmark = [pytest.mark.services, pytest.mark.timeout(120)]

SPHINX = ROOT / ".cache" / "docs" / "python" / "bin" / "python"
LOOKED_AT = ("index", "docs/how-it-decides", "docs/attach/index")
"""The kinds of pages: wide tables and code, a picture, many links. All pages take two minutes."""

SEARCH = """new Promise((done) => {
  const until = Date.now() + 20000;
  const look = () => {
    const found = [...document.querySelectorAll("#search-results li a")].map((one) => one.textContent);
    if (found.length || Date.now() > until) done(found); else setTimeout(look, 100);
  };
  look();
})"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, made anew in a folder of its own."""
    if not SPHINX.exists():
        pytest.skip(f"Sphinx is not in {SPHINX.parents[1]}, which `./build.sh test` makes")
    folder = tmp_path_factory.mktemp("site")
    words = [
        "--sphinx",
        str(SPHINX),
        "--pages",
        str(folder / "pages"),
        "--output",
        str(folder / "out"),
    ]
    assert main(words) == 0
    return folder / "out"


def test_site_is_made_without_a_warning(site: Path) -> None:
    """A dead anchor, a page in no menu and an unknown language are warnings, and warnings end the build."""
    assert (site / "index.html").exists()
    assert "SAMPLE_RATE_DEBUG" in (site / "reference" / "settings.html").read_text("utf-8")
    assert (site / "docs" / "glossary.html").exists()


def test_dead_anchor_ends_the_build(
    site: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "docs_site.__main__.lay_out",
        lambda folder: (folder.mkdir(), (folder / "index.md").write_text("# A\n\n[b](#nowhere)\n")),
    )

    status = main(
        ["--sphinx", str(SPHINX), "--pages", str(tmp_path / "p"), "--output", str(tmp_path / "o")]
    )

    assert status == 1
    assert "nowhere" in capfd.readouterr().err


def test_everybody_can_read_the_pages_and_nothing_is_asked_outside(site: Path) -> None:
    """On a telephone and on a desk, in the light and in the dark."""
    seen = look(windows_of([site / f"{name}.html" for name in LOOKED_AT]))

    assert len(seen) == 4 * len(LOOKED_AT)
    for one in seen:
        assert one.severe == [], one.window
        assert one.overflow == 0, one.window
        assert [url for url in one.requests if not url.startswith(("file:", "data:"))] == []
    dark = {one.background for one in seen if one.window.dark}
    assert dark.isdisjoint(one.background for one in seen if not one.window.dark)


def test_search_works_without_a_server(site: Path) -> None:
    (seen,) = look([Window(page=f"{(site / 'search.html').as_uri()}?q=HISTORY", measure=SEARCH)])

    assert any("Settings" in title or "How it decides" in title for title in seen.measured)
    assert seen.severe == []
