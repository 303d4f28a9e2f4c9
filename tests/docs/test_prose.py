"""README, docs/ and the other pages: sentences that are read once, links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_WORDS = 25
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        ROOT / "SECURITY.md",
        ROOT / "emulator" / "README.md",
        ROOT / "bench" / "results" / "README.md",
        ROOT / "tests" / "README.md",
        ROOT / "tests" / "data" / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "packages").glob("*/README.md"),
    ]
)
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]*)\)")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')*_]*\s+(?=[\"'(*_`]*[A-Z0-9`])")
_ABBREVIATIONS = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf)\.")


def _blocks(text: str) -> list[str]:
    """Return paragraphs, list items and table cells, without code blocks and pictures."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    blocks: list[str] = []
    for part in re.split(r"\n\s*\n", text):
        lines = [line for line in part.splitlines() if not line.startswith("    ")]
        paragraph: list[str] = []
        for line in lines:
            if line.startswith("|"):
                blocks += [cell for cell in line.strip("|").split(" | ") if cell.strip(" -|")]
            elif line.startswith("#"):
                blocks.append(line.lstrip("# "))
            elif re.match(r"\s*(?:[-*]|\d+\.)\s", line):
                blocks.append(" ".join(paragraph))
                paragraph = [re.sub(r"^\s*(?:[-*]|\d+\.)\s+", "", line)]
            else:
                paragraph.append(line)
        blocks.append(" ".join(paragraph))
    return [block for block in blocks if block.strip()]


def _sentences(block: str) -> list[str]:
    block = _LINK.sub(r"\1", block)
    block = re.sub(r"`[^`]*`", "`code`", block)
    block = _ABBREVIATIONS.sub("abbreviation", block)
    return _SENTENCE_END.split(block)


def _words(sentence: str) -> int:
    return len(re.findall(r"[\w`$%][\w`'\u2019.,/%$+-]*", sentence))


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+\s+(.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_has_no_sentence_that_must_be_read_twice(page: Path) -> None:
    """People read these pages during an incident."""
    sentences = [one for block in _blocks(page.read_text("utf-8")) for one in _sentences(block)]

    assert sentences
    assert [one for one in sentences if _words(one) > MAX_WORDS] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_has_no_dead_link(page: Path) -> None:
    """A link into the repository leads to a file, and to a heading that is there."""
    for _, target in _LINK.findall(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        if anchor and found.suffix == ".md":
            assert anchor in _anchors(found), target


def test_index_names_every_page() -> None:
    """docs/README.md is where a reader starts."""
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    linked = {
        (ROOT / "docs" / target.partition("#")[0]).resolve() for _, target in _LINK.findall(index)
    }

    assert {page for page in PAGES if ROOT / "docs" in page.parents} - linked == {
        ROOT / "docs" / "README.md"
    }
