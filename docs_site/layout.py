"""Lay the repository's pages out for Sphinx, with every link leading to something that is on the site.

A page keeps its place in the repository, but README.md becomes index.md. A file that a page links to goes along, and a
folder that one links to gets a page that lists its files.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from docs_site.diagrams import as_table
from docs_site.reference import reference_pages

ROOT = Path(__file__).resolve().parents[1]

EXTRA_PAGES = (
    "README.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "emulator/README.md",
    "bench/results/README.md",
    "tests/README.md",
    "tests/data/README.md",
)
"""Pages outside of docs/ that its pages link to."""

LINK = re.compile(r"(?<=\]\()(?![a-z]+:)(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?(?=\))")
"""The target of a link or of a picture inside the repository; not an anchor of the same page, nor a URL."""

MARK = re.compile(r"^( *)<!-- needs an AWS account -->$", re.MULTILINE)
"""What pages say to the tests, and the site to its readers."""

FENCED = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)

MAX_LISTED_FILES = 200
"""Of a folder that a page links to; ours have some ten. A link to more is a mistake, and ends the build."""

NOT_LISTED = frozenset({"__pycache__", "node_modules", ".terraform", "cdk.out"})
"""Folders that tools make beside the templates."""

SECTIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Start",
        ("docs/quick-start.md", "docs/how-it-decides.md", "docs/how-to.md", "docs/README.md"),
    ),
    ("Attach", ("docs/attach/README.md", "docs/attach/*.md", "docs/standalone.md")),
    ("Sinks", ("docs/sinks/cloudwatch.md", "docs/sinks/*.md", "docs/delivery.md")),
    ("Decide", ("docs/whatif.md", "docs/cost.md", "docs/failures.md")),
    ("Operate", ("docs/troubleshooting.md", "docs/check.md", "docs/metrics.md", "docs/*.md")),
    ("Reference", ("reference/*.md", "docs/glossary.md")),
    ("Project", ("docs/architecture.md", "*.md", "*/*.md", "*/*/*.md")),
)
"""The menu: captions, and patterns of pages. A page stands where the first pattern finds it, README.md before others."""

LATER = frozenset({"docs/glossary.md", "docs/architecture.md", "docs/release.md"})
"""Pages that `docs/*.md` would find, and that stand further below."""


class LayoutError(Exception):
    """A page links to something that is not there."""


def lay_out(folder: Path) -> None:
    """Write all pages, and the files that they link to, into a folder that is made anew.

    Raises:
        LayoutError: a link leads nowhere.
    """
    shutil.rmtree(folder, ignore_errors=True)
    pages = [ROOT / name for name in EXTRA_PAGES]
    pages += sorted((ROOT / "docs").rglob("*.md"))
    pages += sorted((ROOT / "packages").glob("*/README.md"))
    linked: set[Path] = set()
    for page in pages:
        text, targets = _linked_anew(page, set(pages))
        linked |= targets
        _write(folder / _place(page, set(pages)), text)
    for target in sorted(linked - set(pages)):
        if target / "README.md" in pages:
            continue  # a folder with a page of its own needs no other
        if target.is_dir():
            _write(folder / _place(target, set(pages)), _listing(target, folder))
        else:
            place = folder / _place(target, set(pages))
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(target, place)
    for name, text in reference_pages(ROOT).items():
        _write(folder / "reference" / name, text)
    with (folder / "index.md").open("a", encoding="utf-8") as index:
        index.write(_menu(folder))


def _linked_anew(page: Path, pages: set[Path]) -> tuple[str, set[Path]]:
    """Return a page whose links lead to the places on the site, and what they lead to."""
    targets: set[Path] = set()
    own = _place(page, pages)

    def anew(match: re.Match[str]) -> str:
        target = (page.parent / match["path"]).resolve()
        if not target.exists() or not target.is_relative_to(ROOT):
            raise LayoutError(f"{page.relative_to(ROOT)} links to {match['path']}")
        targets.add(target)
        up = "../" * (len(own.parts) - 1)
        return f"{up}{_place(target, pages).as_posix()}{match['anchor'] or ''}"

    parts = FENCED.split(page.read_text(encoding="utf-8"))
    text = "".join(
        as_table(part) if number % 2 else LINK.sub(anew, part) for number, part in enumerate(parts)
    )
    return MARK.sub(r"\1*This needs an AWS account:*", text), targets


def _place(target: Path, pages: set[Path]) -> Path:
    """Return the place of a page, file or folder on the site, relative to its root."""
    name = target.relative_to(ROOT)
    if target.is_dir():
        return name / ("index.md" if target / "README.md" in pages else "files.md")
    if target in pages and target.name == "README.md":
        return name.with_name("index.md")
    return name


def _listing(target: Path, folder: Path) -> str:
    """Return a page that lists the files of a folder, and put them beside it.

    Raises:
        LayoutError: there are too many.
    """
    name = target.relative_to(ROOT).as_posix()
    files = list(_files(target))
    if not 0 < len(files) <= MAX_LISTED_FILES:
        raise LayoutError(f"{name} has {len(files)} files")
    lines = [
        "---",
        "orphan: true",
        "---",
        "",
        f"# Files in `{name}`",
        "",
        "These are the files of the repository.",
        "",
    ]
    for file in files:
        inner = file.relative_to(target).as_posix()
        place = folder / file.relative_to(ROOT)
        # What ends in .md would be a page of its own.
        place = place.with_name(f"{place.name}.txt") if place.suffix == ".md" else place
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
        lines.append(f"- [`{inner}`]({place.relative_to(folder / name).as_posix()})")
    return "\n".join(lines) + "\n"


def _files(target: Path) -> Iterator[Path]:
    for path in sorted(target.rglob("*")):
        if path.is_file() and not NOT_LISTED.intersection(path.relative_to(target).parts):
            yield path


def _menu(folder: Path) -> str:
    """Return the tables of contents: every page once."""
    seen = {"index.md"}
    blocks = []
    for caption, patterns in SECTIONS:
        names = []
        for pattern in patterns:
            found = pattern.replace("README.md", "index.md")
            for path in sorted(folder.glob(found), key=lambda one: (one.name != "index.md", one)):
                name = path.relative_to(folder).as_posix()
                is_later = "*" in pattern and caption == "Operate" and name in LATER
                if name not in seen and path.name != "files.md" and not is_later:
                    seen.add(name)
                    names.append(name)
        listed = "\n".join(names)
        blocks.append(f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n")
    return "".join(blocks)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
