"""docs/release.md: its commands are run by tests, or say what they need; its names are those of the files."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from layer import publish
from layer.release import __main__ as release

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "release.md").read_text("utf-8")

RUN = {
    "./build.sh release": "tests/layer/release/test_main.py",
    "./build.sh release --standalone": "tests/standalone/test_release.py",
    "./build.sh layer": "tests/layer/function_python/test_build.py",
    "./build.sh publish --dist dist/release-0.1.0 --region eu-west-1,us-east-1": "tests/layer/test_publish.py",
    "sha256sum -c SHA256SUMS": "tests/layer/release/test_main.py",
}
"""The tests that run a command, by the module that ./build.sh starts."""


def blocks() -> list[tuple[str, list[str]]]:
    """Return each block of commands, behind what it is marked with."""
    found = []
    for mark, block in re.findall(
        r"(?:<!-- (needs .+?) -->\n\n)?((?:^ {4,}\S.*\n)+)", PAGE, re.MULTILINE
    ):
        text = re.sub(r"\\\n\s*", "", block)
        found.append((mark, [line.partition("#")[0].strip() for line in text.splitlines()]))
    return found


def test_commands_without_a_mark_are_run_by_a_test() -> None:
    """Each by the one that is named here."""
    commands = {one for mark, block in blocks() if not mark for one in block}

    assert commands == set(RUN)
    assert all((ROOT / test).is_file() for test in RUN.values())


def test_commands_that_cannot_be_run_have_options_that_exist() -> None:
    """The rest of them is with somebody else: their account, or a release."""
    marked = [one for mark, block in blocks() if mark for one in block]

    own = [shlex.split(one) for one in marked if one.startswith("./build.sh publish")]
    assert len(own) == 1
    for words in own:
        assert publish._parser().parse_args(words[2:]).yes
    assert {one.split()[0] for one in marked} == {"gh", "./build.sh", "aws"}


@pytest.mark.parametrize("option", ["--standalone", "--allow-older", "--allow-missing-pythons"])
def test_page_speaks_of_the_options(option: str) -> None:
    """Those that decide what is in a release."""
    assert f"`{option}`" in PAGE
    assert option in release._parser().format_help()
