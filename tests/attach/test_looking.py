"""What stands against attaching a function is found before anything is changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.aws import ACCOUNT, REGION, control_plane
from tests.services.aws_command import run_tool
from tests.services.functions import (
    PYTHONS,
    VERSION,
    make_function,
    make_role,
    publish_layer,
)

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

CHANGES = ("put-", "create-", "update-", "delete-")


@pytest.fixture
def layer() -> str:
    return publish_layer(CompatibleRuntimes=PYTHONS, CompatibleArchitectures=["x86_64", "arm64"])


@pytest.mark.parametrize(
    ("function", "words", "said"),
    [
        ({"Runtime": "nodejs22.x"}, [], "attach the standalone layer of its architecture"),
        (
            {"Architectures": ["arm64"]},
            [],
            "the layer is for x86_64, and the function runs on arm64",
        ),
        ({"Environment": {"Variables": {"A": "x" * 4000}}}, [], "and Lambda takes 4096"),
        ({}, ["--set", "ENABLED=false"], "ENABLED is false"),
        ({}, ["--sink", "stdout:"], "its lines would be nowhere"),
        (
            {"LoggingConfig": {"LogGroup": "/all"}},
            ["--sink", "cloudwatch:/all"],
            "a sink is the function's own log group /all",
        ),
        ({}, ["--set", "BUFFER_SIZE=100MiB"], "at most half of the function's memory, 64MiB"),
        ({}, ["--sink", "s3://my-logs/c", "--wait-for-line"], "can see lines in CloudWatch alone"),
    ],
    ids=str,
)
def test_obstacle_is_found_before_anything_is_changed(
    function: dict[str, Any], words: list[str], said: str
) -> None:
    """One line says what stands against it."""
    layer = publish_layer(CompatibleRuntimes=PYTHONS, CompatibleArchitectures=["x86_64"])
    made = make_function(**function)

    done = run_tool("attach", "--functions", made.name, *words, layer)

    assert done.status == 1
    assert said in done.out
    assert "Nothing was changed" in done.out
    assert not [one for one in done.actions if one.startswith(CHANGES)]


def test_sixth_layer_and_layer_of_another_region_are_refused(layer: str) -> None:
    """Both at once."""
    five = [publish_layer(f"other{number}") for number in range(5)]
    made = make_function(Layers=five)

    done = run_tool("attach", "--functions", made.name, layer.replace(REGION, "us-east-1"))

    assert "the layer is in us-east-1 and the function in eu-west-1" in done.out
    assert "a function takes 5 layers, and this one has other0:1, other1:1" in done.out


def test_container_image_is_refused(layer: str) -> None:
    """It takes no layers."""
    made = make_function(PackageType="Image", Code={"ImageUri": "a.dkr.ecr/b:1"})

    done = run_tool("attach", "--functions", made.name, layer)

    assert "a container image takes no layers" in done.out


# Versions ---------------------------------------------------------------------------------------------------------------


def test_deny_is_refused_while_an_alias_points_to_a_version_without_the_layer(layer: str) -> None:
    """The page on rollbacks has the way that the message names."""
    made = make_function()
    made.publish("live")
    words = ["attach", "--functions", made.name, layer]

    refused = run_tool(*words)
    assert refused.status == 1
    assert (
        "without the layer are version 1 (alias live): with the Deny they would log" in refused.out
    )
    assert made.layers == []

    assert run_tool(*words, "--own-log-group", "allow").status == 0
    version = made.publish()
    control_plane().rest("PUT", f"{VERSION}/{made.name}/aliases/live", FunctionVersion=version)
    done = run_tool(*words, "--own-log-group", "deny")
    assert done.status == 0, done.out
    assert made.is_denied()


def test_deny_is_put_despite_versions_if_that_is_asked_for(layer: str) -> None:
    """The share of a weighted alias is said."""
    made = make_function()
    old = made.publish("live")
    control_plane().rest("PUT", f"{VERSION}/{made.name}/configuration", Description="anew")
    new = made.publish()
    control_plane().rest(
        "PUT",
        f"{VERSION}/{made.name}/aliases/live",
        FunctionVersion=old,
        RoutingConfig={"AdditionalVersionWeights": {new: 0.1}},
    )

    done = run_tool("attach", "--functions", made.name, "--despite-versions", layer)

    assert done.status == 0, done.out
    assert (
        f"these log nowhere: version {old} (alias live 90%), version {new} (alias live 10%)"
        in done.err
    )
    assert made.is_denied()


def test_provisioned_concurrency_of_a_version_without_the_layer_is_seen(layer: str) -> None:
    """The emulator cannot list it, so that one answer is made up."""
    made = make_function()
    made.publish()
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{made.name}:1"

    done = run_tool(
        *("attach", "--functions", made.name, layer),
        aside=[("list-provisioned-concurrency-configs", "instead", [arn])],
    )

    assert done.status == 1
    assert "version 1 (provisioned concurrency of 1)" in done.out


def test_function_that_shares_role_and_log_group_is_not_silenced(layer: str) -> None:
    """A Deny on the group would be the other's too."""
    role = make_role()
    shared: dict[str, Any] = {"LoggingConfig": {"LogGroup": f"/shared/{role}"}}
    made, other = make_function(role=role, **shared), make_function(role=role, **shared)

    refused = run_tool("attach", "--functions", made.name, layer)
    assert f"{other.name} share the role and the log group /shared/{role}" in refused.out
    both = f"{made.name},{other.name}"
    assert run_tool("attach", "--functions", both, "--own-log-group", "allow", layer).status == 0
    done = run_tool("attach", "--functions", both, "--own-log-group", "deny", layer)

    assert done.status == 0, done.out
    assert made.is_denied()
    assert not other.logs_nowhere()
