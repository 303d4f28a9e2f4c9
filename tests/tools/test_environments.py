from __future__ import annotations

import dataclasses
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tools.console import CommandError
from tools.environments import (
    Environment,
    ensure_environment,
    ensure_environments,
    make_environment,
    remove,
)
from tools.pythons import ask_python

if TYPE_CHECKING:
    from pathlib import Path

    from tests.doubles.checkout import Checkout


def services(checkout: Checkout) -> Environment:
    return Environment(
        name="services",
        folder=checkout.root / ".cache" / "services",
        python=checkout.workspace.newest,
        requirements=checkout.root / "requirements-services.txt",
        options=("--only-binary", ":all:"),
    )


def change(checkout: Checkout, name: str) -> None:
    """Change a file of pins, and let the stand-ins make what `python -m venv` makes."""
    (checkout.root / name).write_text("# changed\n")
    for folder in (".venv/3.10", ".venv/3.13", ".cache/services"):
        python = checkout.root / folder / "bin" / "python"
        checkout.answer(f"{checkout.root / folder} ", writes={python: ""})
        checkout.answer(f"venv {checkout.root / folder}", writes={python: ""})
        checkout.answer(f"--without-pip {checkout.root / folder}", writes={python: ""})


@pytest.mark.every_python
def test_environment_is_made_once(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    """It is a real one, and another Python's pip fills it."""
    python = ask_python(sys.executable)
    assert python is not None
    pip = checkout.workspace.interpreter(checkout.workspace.newest)
    pip.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    (checkout.root / "requirements-services.txt").write_text("")
    environment = dataclasses.replace(services(checkout), python=python)

    made = make_environment(checkout.workspace, environment)

    assert made, (checkout.root / ".cache" / "environment-services.log").read_text()
    prefix = subprocess.run(
        [environment.folder / "bin" / "python", "-c", "import sys; print(sys.prefix)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert prefix.strip() == str(environment.folder)
    assert capsys.readouterr().out == f"environment .cache/services ({python.path})\n"

    make_environment(checkout.workspace, environment)

    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("reason", ["pins", "python", "interpreter", "absent"])
def test_environment_is_made_anew(checkout: Checkout, reason: str) -> None:
    """Other pins, another Python, or an interpreter whose installation is gone."""
    checkout.fetched()
    environment = services(checkout)
    assert environment.is_current()
    if reason == "pins":
        (checkout.root / "requirements-services.txt").write_text("# changed\n")
    elif reason == "python":
        environment = dataclasses.replace(environment, python=checkout.workspace.pythons[0])
    elif reason == "interpreter":
        (environment.folder / "bin" / "python").unlink()
    else:
        remove(environment.folder)

    assert not environment.is_current()


def test_uv_makes_and_fills_an_environment(checkout: Checkout) -> None:
    """It is quicker than pip, and needs no module venv."""
    uv = checkout.stand_in(checkout.root / "path" / "uv")
    workspace = dataclasses.replace(checkout.workspace, uv=str(uv))
    change(checkout, "requirements-services.txt")
    environment = services(checkout)
    python = environment.folder / "bin" / "python"
    checkout.answer("uv venv", writes={python: ""})

    assert make_environment(workspace, environment)
    made, filled = checkout.calls()
    assert made.arguments == (
        f"venv --quiet --no-project --python {workspace.newest.path} {environment.folder}".split()
    )
    assert (
        filled.arguments
        == (
            "pip install --require-hashes --only-binary :all: -r"
            f" {environment.requirements} --quiet --python {python}"
        ).split()
    )


@pytest.mark.parametrize(
    ("version", "options"), [("3.13", []), ("3.10", ["--without-pip"])], ids=["newest", "older"]
)
def test_newest_pythons_pip_fills_all_environments(
    checkout: Checkout, version: str, options: list[str]
) -> None:
    """To bring each environment its own pip takes longer than to fill it."""
    change(checkout, "requirements-dev.txt")
    python = next(one for one in checkout.workspace.pythons if one.version == version)
    folder = checkout.root / ".venv" / version
    pip = checkout.workspace.interpreter(checkout.workspace.newest)
    checkout.answer("venv", writes={folder / "bin" / "python": ""})
    if version == "3.13":  # the environment just made has no interpreter that runs
        with pytest.raises(OSError, match="Permission denied"):
            ensure_environment(checkout.workspace, python)
    else:
        ensure_environment(checkout.workspace, python)
        (filled,) = checkout.calls("-m pip")
        assert filled.program == pip
        assert filled.arguments[:4] == ["-m", "pip", "--python", str(folder / "bin" / "python")]

    (made,) = checkout.calls("-m venv")
    assert made.program == python.path
    assert made.arguments == ["-m", "venv", *options, str(folder)]


def test_environment_that_cannot_be_made_ends_the_command_with_the_end_of_its_log(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five lines say which package could not be had; the file has the rest."""
    change(checkout, "requirements-dev.txt")
    checkout.answer("-m pip", prints="".join(f"line {n}\n" for n in range(9)), status=1)

    with pytest.raises(
        CommandError, match=r"^could not make \.venv/3\.10 \(all of it: \.cache/env"
    ):
        ensure_environments(checkout.workspace, checkout.workspace.pythons[:-1])

    assert capsys.readouterr().err.startswith("line 4\nline 5\nline 6\nline 7\nline 8\n")
    assert not (checkout.root / ".venv" / "3.10" / "installed").exists()


def test_link_in_the_place_of_an_environment_is_removed_alone(tmp_path: Path) -> None:
    """Somebody's other checkout keeps its environment."""
    (tmp_path / "other" / "bin").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "other")

    remove(tmp_path / "link")
    remove(tmp_path / "absent")

    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "other" / "bin").exists()
