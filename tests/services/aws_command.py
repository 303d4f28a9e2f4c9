"""The aws command for tests that call it often, and can make it fail: see `aws_zygote.py`, which runs its code.

The tool under test finds an `aws` first on its path that hands its words to that process. What a test makes up is the
failure; what AWS would answer comes from ministack. `instead` is the one exception: an answer that ministack has not.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.services.aws import control_plane
from tests.services.environment import TIED_TO_PARENT, unique
from tests.templates.validators import ROOT, environ, python_tool

if TYPE_CHECKING:
    from collections.abc import Sequence

TOOL_S = 120.0
"""A run takes two seconds; on a machine that runs everything else at the same time, longer."""

# The file of a private argument belongs to the caller, so it is named by the caller's process.
AWS = """#!/bin/bash
words=("$PPID" "$AWS_LOG" "$AWS_FAULT" "$AWS_ASIDE" "${@//:\\/\\/\\/dev\\/fd\\//:///proc/$$/fd/}")
exec {socket}<>"/dev/tcp/127.0.0.1/PORT"
printf '%s\\0' "${#words[@]}" "${words[@]}" >&"$socket"
IFS= read -r -d '' out <&"$socket"
IFS= read -r -d '' err <&"$socket"
IFS= read -r -d '' status <&"$socket"
printf '%s' "$out"
printf '%s' "$err" >&2
exit "$status"
"""


@functools.cache
def aws_folder() -> Path:
    """Give the folder of this test process's `aws`, whose zygote is started when it is first asked for."""
    aws = control_plane()
    process = subprocess.Popen(
        [
            *(sys.executable, "-IS", "-c", TIED_TO_PARENT, str(python_tool("python"))),
            str(Path(__file__).with_name("aws_zygote.py")),
        ],
        env=environ(**aws.environ()),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(_end, process)
    assert process.stdout is not None
    with process.stdout as stream:
        port = stream.readline().strip()
    assert port, "the aws command did not come up"
    folder = Path(_folder.name)
    program = folder / "aws"
    program.write_text(AWS.replace("PORT", port), encoding="utf-8")
    program.chmod(0o755)
    return folder


_folder = tempfile.TemporaryDirectory()


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    _folder.cleanup()


@dataclass
class Run:
    """What came of a run of the tool.

    Attributes:
        status: negative if a signal ended it.
        commands: the words of each aws command, in order.
    """

    status: int
    out: str
    err: str
    commands: list[list[str]] = field(default_factory=list)

    @property
    def actions(self) -> list[str]:
        """The action of each command, such as `put-role-policy`."""
        return [
            next(one for one in words[3:] if not one.startswith("-")) for words in self.commands
        ]


def command_environ(fault: str = "", aside: Sequence[tuple[str, str, Any]] = ()) -> dict[str, str]:
    """Give the variables with which a process finds this `aws`, and the control plane."""
    log = Path(_folder.name) / unique("log")
    log.touch()
    return {
        **control_plane().environ(),
        "PATH": f"{aws_folder()}{os.pathsep}{os.environ.get('PATH', '')}",
        "AWS_LOG": str(log),
        "AWS_FAULT": fault,
        "AWS_ASIDE": json.dumps(list(aside)),
    }


def run_tool(
    *arguments: str,
    fault: str = "",
    aside: Sequence[tuple[str, str, Any]] = (),
    region: str = "eu-west-1",
    **more: str,
) -> Run:
    """Run `python -m attach` against the control plane.

    Args:
        arguments: its own.
        fault: what fails, in the words of `aws_zygote.py`.
        aside: what somebody else does before or after the commands of an action.
        region: given before all other options of the command; empty for none.
        more: variables.
    """
    variables = environ(**command_environ(fault, aside), **more)
    log = Path(variables["AWS_LOG"])
    command, *others = arguments
    regions = ["--region", region] if region else []
    done = subprocess.run(
        [sys.executable, "-m", "attach", command, *regions, *others],
        env=variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=TOOL_S,
    )
    lines = log.read_text(encoding="utf-8").splitlines()
    return Run(done.returncode, done.stdout, done.stderr, [json.loads(line) for line in lines])
