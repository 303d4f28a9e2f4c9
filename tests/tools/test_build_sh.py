from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from extension import __version__
from tests.doubles.git import commit_all
from tools.__main__ import COMMANDS
from tools.pythons import VERSIONS

ROOT = Path(__file__).parent.parent.parent
BUILD_SH = ROOT / "build.sh"


def build_sh(*arguments: str, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", str(BUILD_SH), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", **environ},
        timeout=50,
    )


@pytest.fixture
def called(tmp_path: Path) -> Path:
    """A stand-in for a usable Python that prints how it is called."""
    python = tmp_path / "bin" / "python3.12"
    python.parent.mkdir()
    python.write_text('#!/bin/sh\n[ "$1" = -I ] || { pwd; printf "%s\\n" "$@"; }\n')
    python.chmod(0o755)
    return python


@pytest.mark.parametrize("arguments", [[], ["help"], ["-h"], ["--help"]])
def test_help_needs_no_python(tmp_path: Path, arguments: list[str]) -> None:
    """It says what is needed."""
    done = build_sh(*arguments, PATH=_coreutils(tmp_path), HOME=str(tmp_path))

    assert done.stdout.startswith("./build.sh layer   "), done.stderr
    assert done.returncode == 0


def test_help_names_every_command() -> None:
    """A command that nobody knows of is of no use."""
    named = re.findall(r"^\./build\.sh (\w+)", build_sh("help").stdout, re.MULTILINE)

    assert sorted(set(named) - {"help", "pythons", "version"}) == sorted(COMMANDS)


def test_unknown_command_is_named_in_one_line() -> None:
    """On standard error, with where all of them are listed."""
    done = build_sh("frobnicate")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("build.sh: there is no command frobnicate; ./build.sh help lists them\n")


@pytest.mark.parametrize("word", ["version", "--version"])
def test_version_needs_no_python(tmp_path: Path, word: str) -> None:
    """It is the extension's; without git it has no commit."""
    done = build_sh(word, PATH=_coreutils(tmp_path), HOME=str(tmp_path))

    assert (done.returncode, done.stdout) == (0, f"flight-recorder {__version__}\n"), done.stderr


def test_version_names_the_commit(tmp_path: Path) -> None:
    """As whoever reports a fault can copy it."""
    checkout = tmp_path / "checkout"
    (checkout / "extension").mkdir(parents=True)
    for name in ("build.sh", "extension/__init__.py"):
        shutil.copy(ROOT / name, checkout / name)
    commit = commit_all(checkout)

    said = subprocess.run(
        [str(checkout / "build.sh"), "--version"], capture_output=True, text=True, check=True
    )

    assert said.stdout == f"flight-recorder {__version__} (commit {commit[:7]})\n"


def test_version_is_that_of_the_project_file() -> None:
    """Two places name it, and one is what people read."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert f'version = "{__version__}"' in project.splitlines()


@pytest.mark.parametrize("name", sorted({*COMMANDS, "pythons"}))
def test_command_is_handed_on_word_for_word(called: Path, tmp_path: Path, name: str) -> None:
    """Called from anywhere, it starts in the checkout and knows where it was called."""
    done = build_sh(name, "a b", "", "*", cwd=tmp_path, FLIGHT_RECORDER_PYTHON=str(called))

    assert done.stdout.split("\n") == [
        str(ROOT),
        *("-m", "tools", "--called-from", str(tmp_path), name, "a b", "", "*", ""),
    ]


@pytest.mark.parametrize(
    "folder", ["bin", ".pyenv/versions/3.12.1/bin"], ids=["on PATH", "of pyenv"]
)
def test_python_is_found(called: Path, tmp_path: Path, folder: str) -> None:
    """On PATH, else where pyenv keeps them; its shims are passed over."""
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    called.rename(tmp_path / folder / "python3.12")
    shims = tmp_path / ".pyenv" / "shims"
    shims.mkdir(parents=True)
    (shims / "python3").write_text("#!/bin/sh\nexit 0\n")
    (shims / "python3").chmod(0o755)
    path = f"{shims}:{tmp_path / 'bin'}:{_coreutils(tmp_path)}"

    done = build_sh("lint", PATH=path, HOME=str(tmp_path))

    assert done.stdout.startswith(f"{ROOT}\n-m\ntools\n"), done.stderr


@pytest.mark.parametrize("chosen", ["", "/bin/false", "/nonexistent/python3"])
def test_machine_without_a_usable_python_is_told_in_one_line(tmp_path: Path, chosen: str) -> None:
    """Also where a Python was chosen that is none."""
    done = build_sh(
        "layer", PATH=_coreutils(tmp_path), HOME=str(tmp_path), FLIGHT_RECORDER_PYTHON=chosen
    )

    assert done.returncode == 1
    assert re.fullmatch(r"build\.sh: no usable Python 3\.10 to 3\.14: install .+\n", done.stderr)


def test_version_bounds_are_those_of_tools() -> None:
    """A Python that starts tools and is then refused would be a riddle."""
    first, last = (version.replace(".", ", ") for version in (VERSIONS[0], VERSIONS[-1]))

    assert f"({first}) <= sys.version_info[:2] <= ({last})" in BUILD_SH.read_text()


def _coreutils(folder: Path) -> str:
    """Return a folder with what build.sh needs of the system, and without its Pythons."""
    (folder / "system").mkdir()
    (folder / "system" / "dirname").symlink_to("/usr/bin/dirname")
    (folder / "system" / "cat").symlink_to("/bin/cat")
    return str(folder / "system")
