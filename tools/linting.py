"""Run the checks that need no test: ruff, mypy, the import contracts, and the shell scripts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from terminal.waiting import still
from tools.console import say, warn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.environments import Workspace

MAX_SCRIPT_BYTES = 100 * 1024
"""No shell script of ours comes near; larger files are data, and are not read."""

NOT_OURS = frozenset({".git", ".venv", ".cache", "dist", "node_modules"})

_SHELL = re.compile(rb"#!.*[/ ](?P<shell>(?:ba)?sh)(?: |$)")


def lint(workspace: Workspace) -> int:
    """Run every check, and return 0 if all found nothing, else 1."""
    bin_folder = workspace.python.parent
    python = str(workspace.python)
    contracts = [str(bin_folder / "lint-imports"), "--no-logo"]
    contracts += ["--cache-dir", ".cache/import-linter"]
    checks = [
        ("ruff check", [python, "-m", "ruff", "check", "."]),
        ("ruff format --check", [python, "-m", "ruff", "format", "--check", "."]),
        ("mypy --strict", [python, "-m", "mypy"]),
        ("lint-imports", contracts),
    ]
    succeeded = True
    for name, command in checks:
        say(name)
        with still(f"checking ({name})"):
            succeeded &= _succeeds(workspace, command)
    say("shell scripts")
    has_shellcheck = shutil.which("shellcheck") is not None
    for script, shell in shell_scripts(workspace.root):
        succeeded &= _succeeds(workspace, [shell, "-n", str(script)])
        if has_shellcheck:
            succeeded &= _succeeds(workspace, ["shellcheck", str(script)])
    if succeeded:
        say("lint: nothing found")
    else:
        warn("lint: see above")
    return 0 if succeeded else 1


def shell_scripts(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield the repository's shell scripts and their shell, `bash` or `sh`, by their first line, whatever their name."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - NOT_OURS)
        for name in sorted(files):
            path = root / folder / name
            if path.is_symlink() or path.stat().st_size >= MAX_SCRIPT_BYTES:
                continue
            with path.open("rb") as file:
                match = _SHELL.match(file.readline().rstrip(b"\n"))
            if match is not None:
                yield path, match["shell"].decode()


def _succeeds(workspace: Workspace, command: list[str]) -> bool:
    return subprocess.run(command, check=False, cwd=workspace.root).returncode == 0
