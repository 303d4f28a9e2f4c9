"""docs/prove.md: its commands are understood, and its tables are what the code has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from prove.arguments import parser, wanted_of
from prove.checking.answers import answers
from prove.plan.kinds import KINDS
from prove.plan.ways import FAILING, WAYS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "prove.md").read_text("utf-8")
MARK = "<!-- needs an AWS account -->\n"
BLOCKS = re.findall(rf"({re.escape(MARK)}\n)?((?:^    .*\n|^\n(?=    ))+)", PAGE, re.MULTILINE)
"""Each with its mark, or without one."""


def commands() -> list[tuple[str, str]]:
    """Give the commands of the page, each with its mark."""
    return [
        (mark, line.partition("#")[0].strip())
        for mark, block in BLOCKS
        for line in block.splitlines()
        if line.startswith("    ./build.sh")
    ]


def test_commands_are_understood_and_marked() -> None:
    """All of them need an account."""
    found = [command for mark, command in commands() if mark]

    assert len(found) == len(commands()) == 5
    for command in found:
        words = shlex.split(command)[1:]
        if words[0] == "prove":
            options = parser().parse_args(words[1:])
            assert set(wanted_of(options).ways) <= set(FAILING)


def test_tables_are_those_of_the_code() -> None:
    for kind in KINDS:
        assert re.search(rf"^\| `{kind.key}`.*\| {re.escape(kind.runtime)} \|$", PAGE, re.MULTILINE)
    for way in FAILING:
        assert f"| `{way}` |" in PAGE
        assert WAYS[way].fails
    for question, _ in answers([]):
        assert question in PAGE.replace("`", "")


def test_options_of_the_page_are_there() -> None:
    known = set(parser()._option_string_actions) | {"--standalone"}

    assert set(re.findall(r"`(--[a-z-]+)", PAGE)) <= known
