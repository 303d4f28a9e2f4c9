"""docs/local-lambda.md: its commands and its code run with the package alone, as a stranger has it."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from emulator.machine.runtimes import Interpreter, python_client
from tests.emulator.packaged import ROOT, RUN_S, build_wheel, install, run

pytestmark = pytest.mark.newest

PAGE = (ROOT / "docs" / "local-lambda.md").read_text("utf-8")
OUTSIDE_FENCES = re.sub(r"^```.*?^```", "", PAGE, flags=re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(r"^    (\S.*)$", OUTSIDE_FENCES, re.MULTILINE)
INSTALL, EXAMPLE, FIRST_RUN, INSTALL_FROM_GIT, *HABITS = COMMANDS
(CODE,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
(SHOWN,) = re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
SAID = re.findall(r"says?\s`(\d lines)`", PAGE)
"""What the example says under each habit, in the page's order."""


class Stranger(NamedTuple):
    """Somebody who installed the package and wrote the example."""

    wheel: Path
    environment: Path
    folder: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment. It has the client for Python in its cache, as after a first run."""
        bin_folder = self.environment / "bin"
        environ = {
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "LAMBDA_EMULATOR_CACHE": str(python_client(Interpreter.of(None)).parent),
        }
        return subprocess.run(
            [str(bin_folder / words[0]), *words[1:]],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_S,
        )


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Stranger:
    """Run the first two commands. Building and installing are apart here, so that nothing is fetched."""
    top = tmp_path_factory.mktemp("stranger")
    requirement = shlex.split(INSTALL)[2]
    made = Stranger(build_wheel(requirement, top / "wheel"), top / "venv", top / "work")
    install(made.wheel, made.environment)
    made.folder.mkdir()
    done = made.run(*shlex.split(EXAMPLE))
    assert done.returncode == 0, done.stderr
    return made


def masked(text: str) -> list[str]:
    """Return the lines of a run without its deliveries, and with each number that is measured as 0."""
    lines = [line.rstrip() for line in text.splitlines() if "delivery |" not in line]
    return [re.sub(r"[\d.]+ ms", "0 ms", line) for line in lines]


def delivered(text: str) -> int:
    """Return how many lines of the function were delivered to the extension."""
    found = re.findall(
        r"delivery \| to hello: (\d+) function; \d+ bytes; 200 after [\d.]+ ms", text
    )
    return sum(map(int, found))


def test_quick_start_prints_what_the_page_shows(stranger: Stranger) -> None:
    """A slow machine may spread the four lines over more batches; all else is as shown, in that order."""
    done = stranger.run(*shlex.split(FIRST_RUN))

    assert done.returncode == 0, done.stderr
    rest = iter(masked(done.stdout.replace("relocated", "namespace")))
    assert [line for line in masked(SHOWN) if line not in rest] == []
    assert delivered(done.stdout) == delivered(SHOWN) == 4


@pytest.mark.parametrize(("command", "said"), list(zip(HABITS, SAID, strict=True)))
def test_habit_shows_in_what_the_extension_says(
    stranger: Stranger, command: str, said: str
) -> None:
    """The page's two switches have the two effects that it names."""
    done = stranger.run(*shlex.split(command))

    assert done.returncode == 0, done.stderr
    assert f"       hello | {said}\n" in done.stdout


def test_help_speaks_of_the_command_as_it_is_called(stranger: Stranger) -> None:
    """The page sends its readers there."""
    command = re.search(r"`(local-lambda [^`]*--help)`", PAGE)
    assert command is not None

    done = stranger.run(*shlex.split(command[1]))

    assert done.stdout.startswith("usage: local-lambda run ")
    assert "--deliveries" in done.stdout


def test_code_runs(stranger: Stranger) -> None:
    """Its own assertions hold."""
    done = stranger.run("python", "-c", CODE)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_code_is_typed(stranger: Stranger, tmp_path: Path) -> None:
    """A type checker reads the installed package, in its strictest mode."""
    (tmp_path / "code.py").write_text(
        CODE + "\nreveal_type(good.init_ms)\nreveal_type(ended)\n", encoding="utf-8"
    )

    python = stranger.environment / "bin" / "python"
    mypy = (sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache")
    said = run(*mypy, "--python-executable", python, "code.py", cwd=tmp_path)

    assert 'Revealed type is "float | None"' in said
    assert 'Revealed type is "emulator.phases.shutdown.ShutdownResult"' in said


def test_address_of_a_repository_installs_the_same(stranger: Stranger, tmp_path: Path) -> None:
    """The repository is cloned, and pip builds the folder, which has all that it needs."""
    repository = tmp_path / "repository"
    left_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "emulator", repository / "emulator", ignore=left_out)
    git = ("git", "-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "all")):
        run(*git, *words, cwd=repository)

    requirement = shlex.split(INSTALL_FROM_GIT)[2].replace("REPOSITORY", repository.as_uri())
    wheel = build_wheel(requirement, tmp_path / "wheel", cwd=tmp_path)

    assert wheel.name == stranger.wheel.name
    with zipfile.ZipFile(wheel) as cloned, zipfile.ZipFile(stranger.wheel) as built:
        assert sorted(cloned.namelist()) == sorted(built.namelist())
