"""The table of functions, and what it calls wrong."""

from __future__ import annotations

import pytest

from tests.services.aws import ACCOUNT, REGION
from tests.services.aws_command import run_tool
from tests.services.functions import PYTHONS, Made, make_function, publish_layer

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]


def deny(made: Made) -> None:
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{made.name}"
    made.put_policy(
        "deny", {"Effect": "Deny", "Action": "logs:PutLogEvents", "Resource": f"{group}:*"}
    )


def test_status_shows_layer_sink_and_own_log_group() -> None:
    """Nothing is wrong with one that is attached, and with one that is not."""
    layer = publish_layer(CompatibleRuntimes=PYTHONS)
    made, plain = make_function(), make_function()
    words = [
        "attach",
        "--functions",
        made.name,
        "--sink",
        "https://me:secret@logs.example.com/in?t=1",
    ]
    assert run_tool(*words, layer).status == 0

    done = run_tool("status", "--functions", f"{made.name},{plain.name}")

    assert done.status == 0, done.out
    rows = [line.split() for line in done.out.splitlines()]
    version = layer.partition(":layer:")[2]
    assert rows[0] == ["function", "layer", "sink", "own", "log", "group"]
    assert rows[2] == [made.name, version, "https://logs.example.com", "denied"]
    assert rows[3] == [plain.name, "-", "-", "written"]


def test_deny_without_layer_is_wrong() -> None:
    """The exit status says so to a job that runs each day."""
    made = make_function()
    deny(made)

    done = run_tool("status", "--functions", made.name)

    assert done.status == 1
    assert (
        f"! {made.name}: its own log group is denied, and it has no layer: it logs nowhere"
        in done.out
    )


def test_version_without_layer_is_wrong_with_the_deny() -> None:
    """The role is the same for all versions."""
    layer = publish_layer()
    made = make_function()
    made.publish("live")
    words = ["attach", "--functions", made.name, "--despite-versions"]
    assert run_tool(*words, layer).status == 0

    done = run_tool("status", "--functions", made.name)

    assert done.status == 1
    assert "version 1 (alias live) has no layer, and its log group is denied" in done.out


def test_settings_that_cannot_be_used_are_wrong() -> None:
    """In the extension's words; and a recorder that is switched off, behind a Deny."""
    layer = publish_layer()
    variables = {"FLIGHT_RECORDER_ENABLED": "false", "FLIGHT_RECORDER_SAMPEL_RATE": "1"}
    made = make_function(Layers=[layer], Environment={"Variables": variables})
    deny(made)

    done = run_tool("status", "--functions", made.name)

    assert done.status == 1
    assert "FLIGHT_RECORDER_SAMPEL_RATE: perhaps FLIGHT_RECORDER_SAMPLE_RATE was meant" in done.out
    assert "ENABLED is false: with the Deny the function would log nowhere" in done.out


def test_function_that_cannot_be_read_is_said() -> None:
    """The others are shown."""
    made = make_function()

    done = run_tool("status", "--functions", f"{made.name},no-such-function")

    assert done.status == 1
    assert "status: no-such-function: aws lambda get-function-configuration" in done.err
    assert made.name in done.out
