"""A new user's way: from a clone to ten functions of theirs, one failed invocation looked at, and back.

The control plane and the log groups are ministack's, and the `aws` command is its own code. Invocations are the local Lambda's:
it runs the function with the variables and the layer that Lambda's configuration has after each step.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from emulator.model.function import Function
from layer.archive import unpack
from tests.end_to_end.support import ROOMY_TIMEOUT_MS, running, write_python, wrote
from tests.services.aws import REGION, control_plane
from tests.services.aws_command import command_environ
from tests.services.environment import unique
from tests.services.functions import Made, make_function
from tests.templates.validators import ROOT, environ

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.cloud import LocalLambda

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]

COMMAND_S = 200.0
TEN = 10

APP = """
import logging
log = logging.getLogger()
log.setLevel("INFO")

def handler(event, context):
    log.info("cargo-5d1f order %s", event["order"])
    if event["order"] == 3:
        raise ValueError("cargo-5d1f no price")
"""


class Checkout:
    """A fresh clone, with what it would fetch or make already there: environments and wheels."""

    def __init__(self, folder: Path) -> None:
        self._root = folder
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
        (folder / ".venv").symlink_to(ROOT / ".venv")
        (folder / ".cache").mkdir()
        shutil.copytree(ROOT / ".cache" / "layer", folder / ".cache" / "layer", symlinks=True)
        self.zip = folder / "dist" / "flight-recorder-python.zip"

    def build(self, *words: str, status: int = 0) -> str:
        """Run a command of build.sh, and give what it prints."""
        done = subprocess.run(
            ["./build.sh", *words],
            cwd=self._root,
            env=environ(**command_environ()),
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def arn(self) -> str:
        """The layer's, from the table that publish wrote."""
        found = json.loads((self._root / "dist" / "layers.json").read_text(encoding="utf-8"))
        text = json.dumps(found)
        (arn,) = {one for one in text.split('"') if one.startswith("arn:")}
        return arn


def function_of(made: Made, code: Path) -> Function:
    """Give the function to the local Lambda as Lambda's configuration has it."""
    aws = control_plane()
    return Function(
        code=code,
        name=made.name,
        timeout_ms=ROOMY_TIMEOUT_MS,
        region=REGION,
        environment={**made.variables, **aws.environ()},
    )


def invoked(made: Made, code: Path, layers: list[Path]) -> tuple[LocalLambda, list[str]]:
    """Invoke a function four times; its third order fails."""
    with running(function_of(made, code), layers=layers) as cloud:
        results = [cloud.invoke({"order": order}) for order in (1, 2, 3, 4)]
    return cloud, [str(one.request_id) for one in results]


def test_ten_functions_are_attached_one_failure_is_shown_and_all_are_detached(
    tmp_path: Path,
) -> None:
    """Each step is a command of build.sh, as the README has it."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    mine, code = unique("mine"), write_python(tmp_path, APP)
    functions = [make_function(f"{mine}-{number}") for number in range(TEN)]
    every = ("--functions-regex", f"^{mine}-", "--region", REGION)
    before = [(one.layers, one.variables, one.policies) for one in functions]

    checkout = Checkout(tmp_path / "clone")
    checkout.build("layer")
    checkout.build("publish", "--yes", "--region", REGION)
    layer = checkout.arn()
    dry = checkout.build("attach", *every, "--dry-run", layer)
    assert "nothing was changed" in dry
    assert [(one.layers, one.variables, one.policies) for one in functions] == before

    attached = checkout.build("attach", *every, "--sample-rate", "0", layer)
    assert f"{TEN} of {TEN} functions done" in attached
    assert all(one.layers == [layer] and one.is_denied() for one in functions)
    assert checkout.build("status", *every).count("denied") == TEN

    chosen = functions[3]
    unpack(checkout.zip, tmp_path / "layer")
    cloud, ids = invoked(chosen, code, [tmp_path / "layer"])
    group = f"/flight-recorder/{chosen.name}"
    listed = checkout.build("show", "--group", group, "--region", REGION)
    assert "1 failure" in listed
    assert "ValueError: cargo-5d1f no price" in listed
    whole = checkout.build("show", "--group", group, "--region", REGION, ids[2])
    assert "cargo-5d1f order 3" in whole
    assert f"{len(wrote(cloud, ids[2]))} of {len(wrote(cloud, ids[2]))} that it wrote" in whole
    assert "cargo-5d1f order 2" not in whole

    detached = checkout.build("detach", *every, "--iam-wait", "0")
    assert f"{TEN} of {TEN} functions done" in detached
    assert [(one.layers, one.variables, one.policies) for one in functions] == before
    assert "denied" not in checkout.build("status", *every)
    assert os.path.lexists(checkout.zip)
