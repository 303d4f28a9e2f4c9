"""docs/show.md: each command runs, or is marked as one that needs an AWS account."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from show.arguments import Asked, parser
from tests.doubles.kept import ndjson, record, summary
from tests.templates.validators import environ, python_tool

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "show.md").read_text("utf-8")
MARK = "<!-- needs an AWS account -->\n"
RUN_S = 60
ID = "8f0c8c4e-1b3f-4d7c-9a0e-3c5b7f1d2a6b"

BLOCKS = re.findall(rf"({re.escape(MARK)}\n)?((?:^    .*\n|^\n(?=    ))+)", PAGE, re.MULTILINE)
"""Each with its mark, or without one."""


def commands(*, marked: bool) -> list[str]:
    """Give the commands of the page, but for its first line, which is the synopsis."""
    found = [block for mark, block in BLOCKS if bool(mark) is marked]
    lines = [line[4:] for block in found for line in block.split("\n")]
    return [line for line in lines if line.startswith("./build.sh show") and "[" not in line]


@pytest.mark.parametrize("command", commands(marked=False))
def test_command_runs(command: str, tmp_path: Path) -> None:
    kept = ndjson(record(1, "a", requestId=ID), summary(2, requestId=ID, outcome="error"))
    (tmp_path / "kept.ndjson").write_text(kept, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "show", *shlex.split(command)[2:]],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_S,
    )

    assert done.returncode == 0, done.stderr
    assert ID[:8] in done.stdout


def test_marked_commands_are_understood() -> None:
    """They name a place in AWS."""
    found = [Asked(parser().parse_args(shlex.split(one)[2:])) for one in commands(marked=True)]

    assert len(found) == 3
    assert all(one.asks_aws for one in found)
    assert len(commands(marked=False)) == 3


@pytest.mark.services
@pytest.mark.timeout(120)
def test_queries_are_saved_by_the_command_of_the_page(tmp_path: Path) -> None:
    """The real aws command checks its words; it is told to send nothing."""
    (block,) = [block for _, block in BLOCKS if "put-query-definition" in block]
    aws = tmp_path / "aws"
    aws.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >> {tmp_path}/words\n'
        f'exec {python_tool("aws")} "$@" --generate-cli-skeleton output\n',
        encoding="utf-8",
    )
    aws.chmod(0o755)
    script = "\n".join(line[4:] for line in block.split("\n"))

    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=ROOT,
        env=environ(PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}"),
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_S,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("queryDefinitionId") == 8  # a name and a value each
    words = (tmp_path / "words").read_text("utf-8")
    assert "flight-recorder/checkout/totals" in words
    assert 'filter type = "flightRecorder.invocation"' in words
