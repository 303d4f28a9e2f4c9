"""A checkout in a temporary folder, whose interpreters are stand-ins that write down how they were called."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from tools.environments import Environment, Workspace
from tools.pythons import Python

REQUIREMENTS = (
    "requirements-dev.txt",
    "requirements-services.txt",
    "requirements-templates.txt",
    "requirements-loggers.txt",
    "requirements-docs.txt",
    "requirements-aws-emulator.txt",
)

# Written for sh, which starts in a millisecond: a run of ./build.sh starts twenty of them. Each call has a file of its own,
# since several run at the same time.
STAND_IN = """#!/bin/sh
{{ printf '%s\\0' "$0" "$PWD" "$#" "$@"; /usr/bin/env -0; }} >{root}/calls/$$
. {root}/answers
exit 0
"""

ANSWER = """case "$0 $*" in *{text}*)
    printf '%s' {prints}
    for argument in "$@"; do
        case $argument in --junit-xml=*) printf '%s' {report} >"${{argument#*=}}" ;; esac
    done
    {writes}
    exit {status} ;;
esac
"""


def report(*, passed: int = 0, failures: int = 0, errors: int = 0, skipped: int = 0) -> str:
    """Return pytest's results as JUnit XML."""
    tests = passed + failures + errors + skipped
    numbers = f'tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}"'
    return f'<testsuites><testsuite name="pytest" {numbers}></testsuite></testsuites>'


@dataclass(frozen=True)
class Call:
    """How a stand-in was called."""

    program: Path
    arguments: list[str]
    cwd: Path
    environ: dict[str, str]

    @classmethod
    def read(cls, file: Path) -> Call:
        """Read what a stand-in wrote down."""
        program, cwd, number, *rest = file.read_text().split("\0")
        variables = rest[int(number) : -1]
        return cls(
            program=Path(program),
            arguments=rest[: int(number)],
            cwd=Path(cwd),
            environ=dict(variable.split("=", 1) for variable in variables),
        )


class Checkout:
    """A root folder with requirements and environments that are all current."""

    def __init__(self, root: Path, *versions: str) -> None:
        self.root = root
        self._answers: list[str] = []
        (root / "answers").touch()
        (root / "calls").mkdir()
        for name in REQUIREMENTS:
            (root / name).write_text(f"# {name}\n")
        pythons = tuple(
            Python(version, self.stand_in(root / "pythons" / f"python{version}"))
            for version in versions
        )
        self.workspace = Workspace(
            root=root,
            called_from=root,
            environ={"PATH": "/usr/bin:/bin"},
            uv=None,
            pythons=pythons,
        )
        for python in pythons:
            self.stand_in(self.workspace.interpreter(python))
            self._make_current(root / ".venv" / python.version, python, "requirements-dev.txt")

    def stand_in(self, path: Path) -> Path:
        """Make an executable that writes down how it is called."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(STAND_IN.format(root=shlex.quote(str(self.root))))
        path.chmod(0o755)
        return path

    def answer(
        self,
        text: str,
        *,
        prints: str = "",
        status: int = 0,
        report: str = "",
        writes: dict[Path, str] | None = None,
    ) -> None:
        """Decide what a stand-in does if its command contains a text; the latest decision wins.

        Args:
            text: it is looked for in the program's path and its arguments, with a space between them.
            prints: what it prints.
            status: its exit status.
            report: what it writes to the file that `--junit-xml` names.
            writes: further files, with their text.
        """
        files = [
            f"/bin/mkdir -p {shlex.quote(str(path.parent))};"
            f" printf '%s' {shlex.quote(text)} >{shlex.quote(str(path))}"
            for path, text in (writes or {}).items()
        ]
        answer = ANSWER.format(
            text=shlex.quote(text),
            prints=shlex.quote(prints),
            status=status,
            report=shlex.quote(report),
            writes="\n    ".join(files),
        )
        self._answers.insert(0, answer)
        (self.root / "answers").write_text("".join(self._answers))

    def calls(self, text: str = "") -> list[Call]:
        """Return the calls whose command contains a text, in order, without those that ask if it runs."""
        files = sorted((self.root / "calls").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        calls = [Call.read(file) for file in files]
        return [
            call
            for call in calls
            if text in " ".join([str(call.program), *call.arguments])
            and call.arguments != ["-c", ""]
        ]

    def fetched(self) -> None:
        """Make current whatever tests need beside the environments."""
        newest = self.workspace.newest
        for folder, pins in (
            ("services", "requirements-services.txt"),
            ("validators/python", "requirements-templates.txt"),
            ("loggers/python", "requirements-loggers.txt"),
            ("docs/python", "requirements-docs.txt"),
        ):
            self.stand_in(self.root / ".cache" / folder / "bin" / "python")
            self._make_current(self.root / ".cache" / folder, newest, pins)
        self.answer("aws-emulator", status=1)

    def _make_current(self, folder: Path, python: Python, requirements: str) -> None:
        environment = Environment(
            name="", folder=folder, python=python, requirements=self.root / requirements
        )
        (folder / "installed").write_text(environment.stamp())
