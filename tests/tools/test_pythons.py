from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tools.console import CommandError
from tools.pythons import NONE_USABLE, ask_python, find_pythons

BUILD_SH = Path(__file__).parent.parent.parent / "build.sh"


def interpreter(path: Path, answer: str, *, status: int = 0) -> Path:
    """Make an executable that answers as an interpreter does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nprintf '%s\\n' '{answer}'\nexit {status}\n")
    path.chmod(0o755)
    return path


def found(environ: dict[str, str], *, uv: str | None = None) -> list[tuple[str, str]]:
    return [(python.version, str(python.path)) for python in find_pythons(environ, uv=uv)]


def test_interpreter_answers_with_its_version_and_its_path() -> None:
    """A virtual environment's Python names the one it was made from, which outlives the environment."""
    python = ask_python(sys.executable)

    assert python is not None
    assert python.version == "{}.{}".format(*sys.version_info)
    assert python.path == python.path.resolve()
    assert not (python.path.parent.parent / "pyvenv.cfg").exists()
    assert python.has_venv


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param("3.12 venv /somewhere", 1, id="it fails"),
        pytest.param("", 0, id="it says nothing, as PyPy does"),
        pytest.param("usage: python3", 0, id="it is another program"),
    ],
)
def test_program_that_is_no_python_is_passed_over(tmp_path: Path, answer: str, status: int) -> None:
    """PATH holds anything, under any name."""
    assert ask_python(str(interpreter(tmp_path / "python3", answer, status=status))) is None


def test_program_that_does_not_start_is_passed_over(tmp_path: Path) -> None:
    """A link into a folder that is gone is common after an upgrade."""
    assert ask_python(str(tmp_path / "python3")) is None


def test_pythons_are_listed_oldest_first_and_the_first_found_of_a_version_wins(
    tmp_path: Path,
) -> None:
    """Whoever puts a folder first on PATH wants its Python."""
    first, second = tmp_path / "first", tmp_path / "second"
    interpreter(first / "python3", "3.13 venv /first/13")
    interpreter(second / "python3.13", "3.13 venv /second/13")
    interpreter(second / "python3.10", "3.10 venv /second/10")
    interpreter(second / "python3.12", "3.9 venv /second/9")

    assert found({"PATH": f"{first}:{second}", "HOME": str(tmp_path)}) == [
        ("3.10", "/second/10"),
        ("3.13", "/first/13"),
    ]


def test_versions_of_pyenv_come_last_and_its_shims_are_passed_over(tmp_path: Path) -> None:
    """A shim chooses the version by the folder it is called from."""
    interpreter(tmp_path / ".pyenv" / "shims" / "python3", "3.11 venv /shim")
    interpreter(tmp_path / ".pyenv" / "versions" / "3.11.1" / "bin" / "python3", "3.11 venv /v11")
    interpreter(tmp_path / "bin" / "python3", "3.12 venv /system")
    path = f"{tmp_path / '.pyenv' / 'shims'}:{tmp_path / 'bin'}"

    assert found({"PATH": path, "HOME": str(tmp_path)}) == [("3.11", "/v11"), ("3.12", "/system")]


def test_fetched_python_comes_after_all_of_the_machines_own(tmp_path: Path) -> None:
    """Whoever has a Python of that version wants to use it. Before anything is fetched, the folder is missing."""
    fetched = tmp_path / "fetched"
    environ = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}
    interpreter(tmp_path / "bin" / "python3.13", "3.13 venv /own/13")
    before = find_pythons(environ, uv=None, fetched=fetched)
    interpreter(fetched / "bin" / "python3", "3.14 venv /fetched")
    after = find_pythons(environ, uv=None, fetched=fetched)
    interpreter(tmp_path / "bin" / "python3.14", "3.14 venv /own/14")

    owned = find_pythons(environ, uv=None, fetched=fetched)

    paths = [[str(python.path) for python in found] for found in (before, after, owned)]
    assert paths == [["/own/13"], ["/own/13", "/fetched"], ["/own/13", "/own/14"]]


def test_pyenv_root_names_the_folder_of_pyenv(tmp_path: Path) -> None:
    """It stands where pyenv was told to stand."""
    interpreter(tmp_path / "versions" / "3.11.1" / "bin" / "python3.11", "3.11 venv /v11")

    assert found({"PATH": "", "PYENV_ROOT": str(tmp_path)}) == [("3.11", "/v11")]


def test_chosen_python_is_the_only_one(tmp_path: Path) -> None:
    """FLIGHT_RECORDER_PYTHON is obeyed, whatever else is there."""
    interpreter(tmp_path / "bin" / "python3.13", "3.13 venv /path")
    interpreter(tmp_path / "fetched" / "bin" / "python3", "3.14 venv /fetched")
    chosen = interpreter(tmp_path / "mine", "3.11 venv /mine")
    environ = {"PATH": str(tmp_path / "bin"), "FLIGHT_RECORDER_PYTHON": str(chosen)}

    [python] = find_pythons(environ, uv=None, fetched=tmp_path / "fetched")

    assert (python.version, str(python.path)) == ("3.11", "/mine")


def test_link_is_asked_once(tmp_path: Path) -> None:
    """Most systems link python3 to python3.N."""
    asked = tmp_path / "asked"
    real = tmp_path / "bin" / "python3.12"
    interpreter(real, f"3.12 venv /real'; echo >>{asked}; printf '%s")
    (tmp_path / "bin" / "python3").symlink_to(real)

    assert found({"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path)}) == [("3.12", "/real")]
    assert asked.read_text() == "\n"


@pytest.mark.parametrize("uv", [None, "/usr/bin/uv"])
def test_python_without_venv_is_of_use_with_uv_only(tmp_path: Path, uv: str | None) -> None:
    """With uv no module is needed; Debian has the module in a package of its own."""
    interpreter(tmp_path / "python3", "3.12 - /bare")
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path)}

    if uv:
        assert found(environ, uv=uv) == [("3.12", "/bare")]
        return
    with pytest.raises(CommandError, match=r"^Python 3\.12 is here without its venv module: inst"):
        found(environ)


@pytest.mark.parametrize("answer", [None, "3.9 venv /old", "3.9 - /old", "3.15 venv /new"])
def test_machine_without_a_usable_python_is_told_what_to_install(
    tmp_path: Path, answer: str | None
) -> None:
    """An older Python, with venv or without, is no reason to speak of venv."""
    if answer:
        interpreter(tmp_path / "python3", answer)

    with pytest.raises(CommandError) as caught:
        found({"PATH": str(tmp_path), "HOME": str(tmp_path)})

    assert caught.value.message == NONE_USABLE


def test_build_sh_says_the_same_of_a_machine_without_python() -> None:
    """It finds the Python that runs this package, so it has to say so itself."""
    assert re.search(f'fail "{re.escape(NONE_USABLE)}"', BUILD_SH.read_text())


def test_this_machine_has_the_python_that_runs_this() -> None:
    """The real search over the real PATH finds at least one."""
    pythons = find_pythons(os.environ, uv=None)

    assert pythons
    assert all(os.access(python.path, os.X_OK) for python in pythons)
