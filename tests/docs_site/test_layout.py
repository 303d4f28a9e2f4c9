"""Every page of the repository is on the site once, and its links lead to places on the site."""

import re
from pathlib import Path

import pytest

from docs_site import layout
from docs_site.layout import LINK, ROOT, LayoutError, lay_out
from tests.docs.test_prose import PAGES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("site") / "pages"
    lay_out(made)
    return made


def test_every_page_is_there_and_in_the_menu_once(folder: Path) -> None:
    """README.md of a folder is its index."""
    index = (folder / "index.md").read_text("utf-8")
    listed = [
        line
        for block in re.findall(r"```\{toctree\}.*?```", index, re.DOTALL)
        for line in block.splitlines()
        if line.endswith(".md")
    ]
    wanted = {
        page.relative_to(ROOT).as_posix().replace("README.md", "index.md") for page in PAGES
    } | {"reference/settings.md", "reference/reasons.md", "reference/metrics.md"}

    assert sorted(listed) == sorted(wanted - {"index.md"})
    assert listed[0] == "docs/quick-start.md"
    assert listed.index("docs/glossary.md") < listed.index("docs/architecture.md")


def test_every_link_leads_to_a_file_of_the_site(folder: Path) -> None:
    """Also those to code and to folders, which the site brings along."""
    pages = list(folder.rglob("*.md"))

    for page in pages:
        for match in LINK.finditer(page.read_text("utf-8")):
            assert (page.parent / match["path"]).is_file(), (page, match[0])
    assert (folder / "layer" / "templates" / "sam" / "files.md").exists()
    assert (folder / "docs" / "how-it-decides.svg").exists()


def test_folder_with_a_page_of_its_own_keeps_it(folder: Path) -> None:
    """A page may link to the folder, and not to its README.md."""
    for name in ("emulator", "tests", "docs"):
        first = (ROOT / name / "README.md").read_text("utf-8").splitlines()[0]
        assert (folder / name / "index.md").read_text("utf-8").splitlines()[0] == first
        assert not (folder / name / "files.md").exists()


def test_mark_of_the_tests_is_told_to_readers(folder: Path) -> None:
    page = (folder / "docs" / "quick-start.md").read_text("utf-8")

    assert "*This needs an AWS account:*\n\n    aws logs tail" in page
    assert "<!--" not in page


def test_layout_leaves_nothing_of_the_one_before(folder: Path) -> None:
    (folder / "docs" / "gone.md").write_text("# Gone\n")

    lay_out(folder)

    assert not (folder / "docs" / "gone.md").exists()


@pytest.mark.parametrize("target", ["nowhere.md", "../../outside.md"])
def test_dead_link_ends_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    root = tmp_path / "checkout"
    (root / "docs").mkdir(parents=True)
    (tmp_path / "outside.md").touch()
    (root / "docs" / "page.md").write_text(f"# Page\n\n[dead]({target})\n")
    monkeypatch.setattr(layout, "ROOT", root)
    monkeypatch.setattr(layout, "EXTRA_PAGES", ())

    with pytest.raises(LayoutError, match=re.escape(f"docs/page.md links to {target}")):
        lay_out(tmp_path / "pages")
