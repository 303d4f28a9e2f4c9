"""Write requirements-*.txt anew from the ranges in pyproject.toml, with uv."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from terminal.waiting import still
from tools.console import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.environments import Workspace

OPTIONS = (
    "--quiet",
    "--universal",
    "--python-version=3.10",
    "--fork-strategy=fewest",
    "--generate-hashes",
    "--no-header",
)

ONLY_WHEELS = ("--only-binary", ":all:")

# The file, what to resolve and how, and the requirements on standard input. The layer's pins come first, and the tests'
# are held to them: the tests then run with exactly what the layer carries.
FILES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("requirements-layer.txt", ("pyproject.toml",), ""),
    (
        "requirements-dev.txt",
        ("pyproject.toml", "--group", "dev", "-c", "requirements-layer.txt"),
        "",
    ),
    ("requirements-templates.txt", (*ONLY_WHEELS, "--group", "templates"), ""),
    ("requirements-services.txt", (*ONLY_WHEELS, "--group", "services"), ""),
    ("requirements-loggers.txt", (*ONLY_WHEELS, "--group", "loggers"), ""),
    ("requirements-docs.txt", (*ONLY_WHEELS, "--group", "docs"), ""),
    ("requirements-workflows.txt", (*ONLY_WHEELS, "--group", "workflows"), ""),
    (
        "requirements-standalone.txt",
        ("--no-deps", "--no-annotate", *ONLY_WHEELS, "-"),
        "ziglang\n",
    ),
    ("requirements-aws-emulator.txt", ("--no-deps", "--no-annotate", "-"), "aws-sam-cli\n"),
)


NODE_FOLDERS = ("tests/browser", "tests/templates", "tests/end_to_end/loggers")
"""Each has a package.json, and gets the lock file beside it."""


def lock(workspace: Workspace, arguments: Sequence[str]) -> None:
    """Write all pins anew.

    Args:
        workspace: the checkout.
        arguments: passed on to `uv pip compile`; `--upgrade` takes the newest versions that the ranges allow.

    Raises:
        subprocess.CalledProcessError: something could not be resolved, and uv or npm has said why.
    """
    uv = _uv(workspace)
    for name, resolved, given in FILES:
        say(name)
        with still(f"resolving {name}"):
            subprocess.run(
                [uv, "pip", "compile", *OPTIONS, *arguments, *resolved, "-o", name],
                check=True,
                cwd=workspace.root,
                input=given,
                text=True,
            )
    if shutil.which("npm") is not None:
        for folder in NODE_FOLDERS:
            _lock_node_packages(workspace, folder, arguments)


def _lock_node_packages(workspace: Workspace, folder: str, arguments: Sequence[str]) -> None:
    say(f"{folder}/package-lock.json")
    change = "update" if "--upgrade" in arguments else "install"
    options = ["--package-lock-only", "--omit-lockfile-registry-resolved", "--ignore-scripts"]
    with still(f"resolving {folder}/package-lock.json"):
        subprocess.run(
            ["npm", change, *options, "--no-audit", "--no-fund", "--silent"],
            check=True,
            cwd=workspace.root / folder,
        )


def _uv(workspace: Workspace) -> str:
    """Return uv's path; without uv on PATH, fetch it into .cache/uv."""
    if workspace.uv is not None:
        return workspace.uv
    say("uv, which writes the files")
    target = workspace.cache / "uv"
    command = [str(workspace.python), "-m", "pip", "install", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--target", str(target), "uv"]
    with still("fetching uv"):
        subprocess.run(command, check=True, cwd=workspace.root)
    return str(target / "bin" / "uv")
