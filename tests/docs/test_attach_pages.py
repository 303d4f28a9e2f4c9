"""docs/attach/: every command of the pages on existing functions runs, in the page's order, on an emulator of AWS."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from attach.arguments import parser
from tests.services.aws import ACCOUNT, REGION, control_plane
from tests.services.aws_command import command_environ, run_tool
from tests.services.functions import PYTHONS, Made, make_function, publish_layer
from tests.templates.validators import environ

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

PAGES = Path(__file__).resolve().parents[2] / "docs" / "attach"
LAYER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:flight-recorder:1"
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}} | {
    "Action": "sts:AssumeRole"
}


def commands_of(page: str, *, beginning: str = r"(?:\./build\.sh|aws)") -> list[str]:
    """Return the lines of a page that are commands."""
    text = (PAGES / page).read_text("utf-8")
    return re.findall(rf"^    ({beginning} .*)$", text, re.MULTILINE)


@pytest.fixture
def function(tmp_path: Path) -> Made:
    """Give the pages' function, in an AWS of its own, with the pages' layer."""
    control_plane().reset()
    assert publish_layer(CompatibleRuntimes=PYTHONS) == LAYER
    (tmp_path / "trust.json").write_text(
        json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    )
    return make_function("my-function")


def run(command: str, folder: Path) -> str:
    """Run a command as the page has it, and return what it printed."""
    program, *words = shlex.split(command)
    if program == "aws":
        at_home = command.replace("file://trust.json", f"file://{folder}/trust.json")
        done = subprocess.run(
            ["bash", "-c", at_home],
            env=environ(**command_environ()),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout
    # A real IAM takes seconds, and a real recorder writes a line; both are left out here.
    words += ["--iam-wait", "0"] if words[0] != "status" else []
    ran = run_tool(*words, aside=a_line() if "--invoke" in words else ())
    assert ran.status == 0, f"{command}\n{ran.out}{ran.err}"
    return ran.out + ran.err


def a_line() -> list[tuple[str, str, list[str]]]:
    """Give what the recorder does when the function is invoked: it writes a line to its group."""
    group = ["--log-group-name", "/flight-recorder/my-function", "--log-stream-name", "s"]
    event = json.dumps([{"timestamp": time.time_ns() // 1_000_000, "message": "a line"}])
    return [
        ("invoke", "after", ["logs", "create-log-stream", *group, "--region", REGION]),
        (
            "invoke",
            "after",
            ["logs", "put-log-events", *group, "--log-events", event, "--region", REGION],
        ),
    ]


@pytest.mark.parametrize("page", ["aws-cli.md", "rollbacks.md", "README.md"])
def test_options_of_the_page_are_there(page: str) -> None:
    """In its prose and tables; those of its commands are used below."""
    text = (PAGES / page).read_text("utf-8")
    commands = next(one for one in parser()._actions if one.dest == "command").choices
    assert isinstance(commands, dict)
    known = {word for one in commands.values() for word in one._option_string_actions}
    of_others = {
        "--layers",
        "--environment",
        "--organization",
        "--public",
        "--name",
        "--standalone",
    }

    named = set(re.findall(r"`(--[a-z-]+)", text)) - of_others

    assert named <= known
    assert named or page == "README.md"


def test_commands_of_the_page_on_the_aws_command_run(function: Made, tmp_path: Path) -> None:
    """The output that the page shows is what they print."""
    tags = {"team": "shop", "stage": "prod"}
    shop = [make_function(name, Tags=tags) for name in ("shop-orders", "shop-basket")]
    commands = commands_of("aws-cli.md")
    printed = [run(command, tmp_path) for command in commands]

    assert len(commands) >= 9
    shown = [
        line.strip().replace("my-role", function.role)
        for line in (PAGES / "aws-cli.md").read_text("utf-8").splitlines()
        if line.startswith("    my-function: ")
    ]
    assert len(shown) == 6
    for line in shown:
        assert line.removesuffix("…") in printed[1]
    assert "would deny role" in printed[0]
    table = printed[commands.index("./build.sh status --functions my-function")].splitlines()
    assert [f"    {line}" for line in table[:3]] == re.findall(
        r"^    (?:function|---|my-function  ).*$",
        (PAGES / "aws-cli.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert [one.layers for one in shop] == [[], []]
    assert function.is_denied()


def test_commands_of_the_page_on_rollbacks_run(function: Made, tmp_path: Path) -> None:
    """After each command, the version behind the alias logs somewhere."""
    assert function.publish("live") == "1"
    first_role = function.role
    commands = commands_of("rollbacks.md")
    assert len(commands) >= 14
    for command in commands:
        run(command, tmp_path)
        alias = json.loads(
            run("aws lambda get-alias --function-name my-function --name live", tmp_path)
        )
        live = json.loads(
            run(
                f"aws lambda get-function-configuration --function-name my-function --qualifier {alias['FunctionVersion']}",
                tmp_path,
            )
        )
        role = Made("my-function", live["Role"].rpartition("/")[2])
        group = live["LoggingConfig"]["LogGroup"]
        assert live.get("Layers") or not role.may_not_write_to(group), command

    assert function.configuration["Role"].endswith("/my-role-recorded")
    assert Made("my-function", "my-role-recorded").is_denied()
    assert not Made("my-function", first_role).may_not_write_to("/aws/lambda/my-function")


def test_commands_to_take_it_off_run(function: Made, tmp_path: Path) -> None:
    """They are at the end of the page on all tools."""
    role = function.role
    recorded = make_function("recorded", role=role)
    run(f"./build.sh attach --functions recorded {LAYER}", tmp_path)

    commands = commands_of("README.md", beginning=r"\./build\.sh (?:detach|status)")
    for command in commands:
        run(command, tmp_path)

    assert len(commands) == 2
    assert recorded.layers == []
    assert not recorded.is_denied()
