"""Detaching a function: exactly what attach put goes, and only when the function may log without it."""

from __future__ import annotations

import pytest

from tests.services.aws import ACCOUNT, REGION, control_plane
from tests.services.aws_command import run_tool
from tests.services.functions import (
    PYTHONS,
    SECRET,
    Made,
    make_function,
    make_role,
    publish_layer,
)

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]


@pytest.fixture
def layer() -> str:
    return publish_layer(CompatibleRuntimes=PYTHONS)


def attach(made: Made, layer: str, *more: str) -> None:
    done = run_tool("attach", "--functions", made.name, *more, layer)
    assert done.status == 0, done.out


def detach(made: Made, *more: str) -> tuple[int, str, str]:
    done = run_tool("detach", "--functions", made.name, "--iam-wait", "0", *more)
    return done.status, done.out, done.err


def test_detach_removes_what_is_the_recorders_alone(layer: str) -> None:
    """Other layers, variables, policies and functions of the role stay."""
    other = publish_layer("others")
    made = make_function(Layers=[other])
    neighbour = make_function(role=made.role)
    attach(made, layer)
    attach(neighbour, layer)
    assert made.is_denied()
    assert neighbour.is_denied()

    status, out, _ = detach(made)

    assert status == 0, out
    assert "detached; what was kept stays at cloudwatch:/flight-recorder/" in out
    assert (made.layers, made.variables) == ([other], {"PASSWORD": SECRET})
    assert sorted(made.policies) == ["basic", f"flight-recorder-{neighbour.name}"]
    assert not made.is_denied()
    assert neighbour.is_denied()
    groups = control_plane().call(
        "Logs_20140328.DescribeLogGroups", logGroupNamePrefix=f"/flight-recorder/{made.name}"
    )
    assert len(groups["logGroups"]) == 1


def test_layer_stays_while_another_policy_denies(layer: str) -> None:
    """A template's Deny is the template's to take away."""
    made = make_function()
    attach(made, layer)
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{made.name}"
    deny = {"Effect": "Deny", "Action": "logs:PutLogEvents", "Resource": f"{group}:*"}
    made.put_policy("of-a-template", deny)

    done = run_tool(*("detach", "--functions", made.name, "--iam-wait", "0", "--iam-timeout", "1"))

    assert done.status == 1
    assert f"another policy of role {made.role} denies /aws/lambda/{made.name}" in done.out
    assert "State: the function has the layer, and may not write to" in done.out
    assert made.layers == [layer]


def test_layer_stays_while_nothing_allows_the_own_log_group(layer: str) -> None:
    """As with the roles of the templates. The attach with `allow` was the only thing that did."""
    made = make_function()
    attach(made, layer, "--own-log-group", "allow")
    control_plane().query("iam", "DeleteRolePolicy", RoleName=made.role, PolicyName="basic")

    status, out, _ = detach(made)
    assert status == 1
    assert f"nothing allows role {made.role} to write to /aws/lambda/{made.name}" in out
    assert made.layers == [layer]

    status, out, _ = detach(made, "--despite-role")
    assert status == 0, out
    assert made.layers == []


def test_versions_that_keep_the_layer_keep_its_permissions(layer: str) -> None:
    """A version never changes, and its recorder goes on delivering."""
    made = make_function()
    attach(made, layer)
    made.publish("live")

    status, out, err = detach(made)

    assert status == 0, out
    assert "version 1 (alias live) keep the layer" in err
    assert made.layers == []
    effects = [one["Effect"] for one in made.policies[f"flight-recorder-{made.name}"]]
    assert effects == ["Allow"]
    assert not made.is_denied()


def test_function_without_the_recorder_is_left_alone() -> None:
    """Two commands that look."""
    made = make_function()

    status, out, _ = detach(made)

    assert status == 0
    assert "nothing of the recorder is there" in out


def test_dry_run_names_what_would_go(layer: str) -> None:
    """And changes nothing."""
    made = make_function()
    attach(made, layer)

    status, out, err = detach(made, "--dry-run")

    assert status == 0, out
    assert f"would look that the role may write to /aws/lambda/{made.name}" in err
    assert f"would take the Deny on /aws/lambda/{made.name} out of role {made.role}" in err
    assert f"would take off {layer}" in err
    assert "would remove FLIGHT_RECORDER_METRICS, FLIGHT_RECORDER_METRICS_FLEET, " in err
    assert made.is_denied()


def test_layer_of_another_name_is_told(layer: str) -> None:
    """The Deny goes all the same, and the layer with `--layer-name`."""
    role = make_role()
    made = make_function(role=role)
    mine = publish_layer("observer", CompatibleRuntimes=PYTHONS)
    attach(made, mine)
    assert made.is_denied()

    status, out, err = detach(made)
    assert status == 0, out
    assert "no layer of observer:1 is called flight-recorder" in err
    assert (made.layers, made.is_denied()) == ([mine], False)

    assert detach(made, "--layer-name", "observer")[0] == 0
    assert made.layers == []
