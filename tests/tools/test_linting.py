from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.linting import MAX_SCRIPT_BYTES, lint, shell_scripts

if TYPE_CHECKING:
    from pathlib import Path

    from tests.doubles.checkout import Checkout


@pytest.mark.parametrize(
    ("first_line", "shell"),
    [
        ("#!/bin/sh", "sh"),
        ("#!/usr/bin/env bash", "bash"),
        ("#!/bin/bash -e", "bash"),
        ("#!/usr/bin/env python3", None),
        ("#!/bin/fish", None),
        ("#!/bin/shellac", None),
        ("# bash", None),
        ("", None),
    ],
)
def test_shell_script_is_known_by_its_first_line(
    tmp_path: Path, first_line: str, shell: str | None
) -> None:
    """The layer's launcher has no suffix."""
    (tmp_path / "launcher").write_text(first_line + "\n")

    found = list(shell_scripts(tmp_path))

    assert found == ([(tmp_path / "launcher", shell)] if shell else [])


def test_scripts_of_others_are_left_alone(tmp_path: Path) -> None:
    """What is installed into the checkout is not ours."""
    for folder in (".git", ".venv", ".cache", "dist", "a/node_modules"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "script").write_text("#!/bin/sh\n")
    (tmp_path / "a" / "ours").write_text("#!/bin/sh\n")
    (tmp_path / "link").symlink_to(tmp_path / "a" / "ours")
    (tmp_path / "big").write_text("#!/bin/sh\n".ljust(MAX_SCRIPT_BYTES))

    assert list(shell_scripts(tmp_path)) == [(tmp_path / "a" / "ours", "sh")]


def broken(checkout: Checkout, script: str) -> None:
    (checkout.root / "script").write_text(f"#!/bin/sh\n{script}\n")


@pytest.fixture
def linters(checkout: Checkout) -> Checkout:
    """A checkout whose linters are stand-ins, with the system's shells on its path."""
    for shell in ("sh", "bash"):
        (checkout.root / "path" / shell).symlink_to(f"/bin/{shell}")
    checkout.stand_in(checkout.workspace.python.parent / "lint-imports")
    return checkout


def test_every_check_runs(linters: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    """On all of the checkout, in the newest Python's environment."""
    broken(linters, "echo fine")

    assert lint(linters.workspace) == 0

    assert [" ".join(call.arguments) for call in linters.calls()] == [
        "-m ruff check .",
        "-m ruff format --check .",
        "-m mypy",
        "--no-logo --cache-dir .cache/import-linter",
    ]
    assert capsys.readouterr().out.splitlines()[-1] == "lint: nothing found"


@pytest.mark.parametrize("finding", ["ruff check", "ruff format", "mypy", "lint-imports", "script"])
def test_one_finding_fails_and_the_other_checks_still_run(
    linters: Checkout, capsys: pytest.CaptureFixture[str], finding: str
) -> None:
    """Whoever mends one finding wants to see the others too."""
    if finding == "script":
        broken(linters, "if")
    else:
        linters.answer(finding, status=1)

    assert lint(linters.workspace) == 1

    assert len(linters.calls()) == 4
    assert capsys.readouterr().err == "lint: see above\n"


def test_shellcheck_reads_the_scripts_where_it_is_installed(linters: Checkout) -> None:
    """It is optional."""
    linters.stand_in(linters.root / "path" / "shellcheck")
    broken(linters, "echo fine")

    lint(linters.workspace)

    read = [call.arguments for call in linters.calls("path/shellcheck ")]
    assert [str(linters.root / "script")] in read
