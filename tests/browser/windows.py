"""Look at pages in a real browser: what axe-core finds in them, and how they fit a window.

Promises: a page is seen as it is, its own policy aside, and nothing outside this machine is asked. `./build.sh test` installs
axe-core and what drives the browser into .cache/browser; Chromium and Node.js are on the path. Where one of the three is
missing, the test that asks is skipped.
"""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / ".cache" / "browser" / "node"
PROGRAM = Path(__file__).with_name("look.mjs")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

PHONE, DESK = 390, 1280
"""Widths in CSS pixels: of a common telephone, and of a small laptop."""

HEIGHT = 900
LOOK_S = 55
"""A window takes a second, and the browser one to start; a busy machine takes several times that."""

SEVERE = ("serious", "critical")
"""What axe-core says of a finding that keeps somebody from using a page."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A page to look at.

    Attributes:
        page: A file, or the URL of a page on this machine.
        width: In CSS pixels.
        dark: Whether the reader prefers dark.
        measure: A JavaScript expression whose value is wanted too; empty for none.
        picture: A file for a picture of the whole page; None for none.
    """

    page: Path | str
    width: int = DESK
    dark: bool = False
    measure: str = ""
    picture: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A rule of axe-core that a page breaks, and where."""

    id: str
    impact: str | None
    help: str
    places: list[str]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen in a window.

    Attributes:
        window: It.
        found: What axe-core found.
        overflow: By how much the page is wider than the window.
        outside: Elements that reach beyond the window's right edge.
        scrolling: Elements with more in them than they show, which have to be scrolled sideways or are cut.
        focusable: Elements with a tabindex.
        background: The page's colour.
        requests: The URLs that were asked for, the page's own first.
        measured: The value of the expression.
    """

    window: Window
    overflow: int
    outside: list[str]
    scrolling: list[str]
    focusable: list[str]
    background: str
    requests: list[str]
    measured: Any = None
    found: list[Finding] = field(default_factory=list)

    @property
    def severe(self) -> list[Finding]:
        """The findings that keep somebody from using the page."""
        return [one for one in self.found if one.impact in SEVERE]


def windows_of(
    pages: Sequence[Path | str], *, widths: Sequence[int] = (PHONE, DESK)
) -> list[Window]:
    """Return a window for each page, width and colour scheme."""
    return [
        Window(page=page, width=width, dark=dark)
        for page in pages
        for width in widths
        for dark in (False, True)
    ]


def look(windows: Sequence[Window]) -> list[Seen]:
    """Open all windows in one browser, one after the other; return what was seen in each."""
    asked = {"browser": _browser(), "windows": [_asked(one) for one in windows]}
    done = subprocess.run(
        ["node", PROGRAM],
        cwd=_packages(),
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        timeout=LOOK_S,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads(done.stdout)
    return [
        Seen(window=window, **(answer | {"found": [Finding(**one) for one in answer["found"]]}))
        for window, answer in zip(windows, answers, strict=True)
    ]


def _asked(window: Window) -> dict[str, Any]:
    page = window.page
    return {
        "page": page.resolve().as_uri() if isinstance(page, Path) else page,
        "width": window.width,
        "height": HEIGHT,
        "dark": window.dark,
        "measure": window.measure,
        "picture": str(window.picture) if window.picture else "",
    }


def _browser() -> str:
    for name in BROWSERS:
        path = shutil.which(name)
        if path is not None:
            return path
    pytest.skip(f"no browser is installed: none of {', '.join(BROWSERS)}")


def _packages() -> Path:
    if shutil.which("node") is None:
        pytest.skip("Node.js is not on the path")
    if not (PACKAGES / "installed").exists():
        pytest.skip(f"axe-core is not in {PACKAGES}, which `./build.sh test` makes")
    return PACKAGES
