"""Where the tools are that validate layer/templates/: `./build.sh test` makes .cache/validators, Terraform is on the path.

No test imports a package of them; each runs as a process, as it does for whoever deploys.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.services.aws import REGION, AwsService, Keys

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = ROOT / "layer" / "templates"
VALIDATORS = ROOT / ".cache" / "validators"

TOOL_S = 150.0
"""A tool takes 2 to 15 s; a machine that runs everything else at the same time takes longer."""

SAYS_NOTHING = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "CHECKPOINT_DISABLE": "1",
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    "SLS_NOTIFICATIONS_MODE": "off",
    "SLS_TELEMETRY_DISABLED": "1",
}
"""No tool asks whether it is the newest, or tells anybody that it ran."""


def python_tool(name: str) -> Path:
    """Give a program of the validators' Python environment; skip the test where it is not installed."""
    return _there(VALIDATORS / "python" / "bin" / name)


def node_tool(name: str) -> Path:
    """Give a program of the validators' Node.js packages; skip the test where it is not installed."""
    if shutil.which("node") is None:
        pytest.skip("Node.js is not on the path")
    return _there(VALIDATORS / "node" / "node_modules" / ".bin" / name)


def _there(program: Path) -> Path:
    if not program.exists():
        pytest.skip(f"{program.name} is not in {VALIDATORS}, which `./build.sh test` makes")
    return program


def environ(**more: str) -> dict[str, str]:
    """Give what a tool needs of the environment, and nothing that could reach a real account."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, **SAYS_NOTHING, "AWS_DEFAULT_REGION": REGION, **more}


def aws_environ(aws: AwsService, keys: Keys | None = None) -> dict[str, str]:
    """Give the environment in which the aws command, and Terraform, speak to an emulator, by default with its own keys."""
    path = f"{python_tool('aws').parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return environ(**aws.environ(keys), PATH=path)


def ask(aws: AwsService, code: str, keys: Keys | None = None, **values: Any) -> Any:
    """Run code that speaks to an emulator with boto3, in one process: the aws command takes a second for each call.

    Args:
        aws: The emulator.
        code: Python, in which `client(service)` and the values are there; it leaves its `answer`, which has to be JSON.
        keys: Whose credentials it has; None for the emulator's own.
        values: JSON too.
    """
    program = BOTO3.replace("{code}", code)
    command: list[str | Path] = [python_tool("python"), "-c", program, json.dumps(values)]
    return json.loads(run_well(command, env=aws_environ(aws, keys)))


BOTO3 = """
import json, sys
from boto3 import client
globals().update(json.loads(sys.argv[1]))
{code}
print(json.dumps(answer, default=str))
"""

PUBLISH_LAYER = """
with open(archive, "rb") as content:
    answer = client("lambda").publish_layer_version(
        LayerName="flight-recorder", Content={"ZipFile": content.read()}
    )["LayerVersionArn"]
"""
"""Of `archive`: a function can only have a layer that is there."""


def run(
    command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a tool to its end; its status is for the caller to look at."""
    return subprocess.run(
        [str(part) for part in command],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=TOOL_S,
    )


def run_well(
    command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path | None = None
) -> str:
    """Run a tool that has to succeed, and give what it printed."""
    done = run(command, env=env, cwd=cwd)
    assert done.returncode == 0, f"{command[0]}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def lint(*templates: Path, without: Sequence[str] = ()) -> str:
    """Give what cfn-lint has to say of CloudFormation and SAM templates; nothing, if all is well.

    Args:
        templates: The files.
        without: Rules that are not asked.
    """
    ignored = ["--ignore-checks", *without] if without else []
    command: list[str | Path] = [
        python_tool("cfn-lint"),
        "--regions",
        REGION,
        *ignored,
        "--",
        *templates,
    ]
    done = run(command, env=environ())
    return done.stdout + done.stderr
