"""Each command of aws fails once, in each way: no function is ever without the layer and denied its own log group.

The control plane is ministack, and the commands are the aws command's own code (`tests/services/aws_zygote.py`). Made up
are the failures alone. The tool runs as a process, so that a SIGKILL is one.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.services.aws_command import Run, run_tool
from tests.services.functions import PYTHONS, Made, make_function, publish_layer

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

SIDE_BY_SIDE = 8
"""Most of a run is waiting for an update."""

KILLED = -9

Scenario = tuple[str, ...]
Before = tuple[list[str], dict[str, str], dict[str, list[dict[str, Any]]]]


class Layers:
    """Two versions of the layer."""

    def __init__(self) -> None:
        self.old = publish_layer(CompatibleRuntimes=PYTHONS)
        self.new = publish_layer(CompatibleRuntimes=PYTHONS)


@pytest.fixture(scope="module")
def layers() -> Layers:
    return Layers()


def fresh(_layers: Layers) -> Made:
    """Make a function that has nothing of the recorder."""
    return make_function()


def attached(layers: Layers) -> Made:
    """Make a function that an earlier run attached; without one, because it takes two seconds."""
    name = make_function().name
    made = Made(name, Made(name, "").configuration["Role"].rpartition("/")[2])
    from tests.services.aws import ACCOUNT, REGION, control_plane
    from tests.services.functions import VERSION

    control_plane().rest(
        "PUT",
        f"{VERSION}/{name}/configuration",
        Layers=[layers.old],
        Environment={
            "Variables": {
                **made.variables,
                "FLIGHT_RECORDER_SINK": f"cloudwatch:/flight-recorder/{name}",
                "FLIGHT_RECORDER_SAMPLE_RATE": "0.1",
                "FLIGHT_RECORDER_METRICS": "5m",
            }
        },
    )
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"
    own, kept = f"{group}:/aws/lambda/{name}", f"{group}:/flight-recorder/{name}"
    writes = ["logs:CreateLogStream", "logs:PutLogEvents"]
    made.put_policy(
        f"flight-recorder-{name}",
        {
            "Effect": "Deny",
            "Action": ["logs:CreateLogGroup", *writes],
            "Resource": [own, f"{own}:*"],
        },
        {"Effect": "Allow", "Action": writes, "Resource": [kept, f"{kept}:*"]},
    )
    return made


def state(made: Made) -> Before:
    return made.layers, made.variables, made.policies


def run(made: Made, words: Scenario, fault: str = "") -> Run:
    command, *others = words
    return run_tool(command, "--functions", made.name, "--iam-wait", "0", *others, fault=fault)


def attach_words(layers: Layers) -> Scenario:
    return ("attach", layers.new)


def attach_elsewhere_words(layers: Layers) -> Scenario:
    return ("attach", layers.new, "--sink", "firehose:kept-logs")


def detach_words(_layers: Layers) -> Scenario:
    return ("detach",)


SCENARIOS: dict[str, tuple[Callable[[Layers], Made], Callable[[Layers], Scenario]]] = {
    "attach": (fresh, attach_words),
    "attach again": (attached, attach_elsewhere_words),
    "detach": (attached, detach_words),
}


def try_all(
    scenario: str, layers: Layers, fault: str, judge: Callable[[Made, Before, Run, int], None]
) -> int:
    """Run a scenario once for each of its commands, each with a fault there; return how many commands it has."""
    make, words = SCENARIOS[scenario]
    whole = run(make(layers), words(layers))
    assert whole.status == 0, whole.out
    number = len(whole.commands)
    # Made before, because a new function takes half a second until it may be changed.
    all_made = [make(layers) for _ in range(number)]

    def one(at: int) -> None:
        made = all_made[at - 1]
        before = state(made)
        done = run(made, words(layers), f"{fault}-{at}")
        assert not made.logs_nowhere, (at, done.actions, done.out, done.err)
        # An update that ended sooner takes a command less.
        if len(done.commands) >= at:
            judge(made, before, done, at)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for future in [pool.submit(one, at) for at in range(1, number + 1)]:
            future.result()
    return number


def is_as_before(made: Made, before: Before, done: Run, at: int) -> None:
    """An attach that failed has changed nothing of the function and its role."""
    assert state(made) == before, (at, done.out, done.err)
    assert done.status != 0
    assert "Nothing was changed" in done.out or "State: " in done.out or at <= LOOKS, done.out


LOOKS = 8
"""So many commands of an attach only look; when they fail, there is nothing to undo."""


@pytest.mark.parametrize("fault", ["fail", "lost"])
@pytest.mark.parametrize("scenario", ["attach", "attach again"])
def test_attach_undoes_what_it_did_when_a_command_fails(
    scenario: str, fault: str, layers: Layers
) -> None:
    """With `lost`, the command took effect, and nobody was told."""
    assert try_all(scenario, layers, fault, is_as_before) >= LOOKS


@pytest.mark.parametrize("fault", ["term", "int"])
def test_attach_undoes_what_it_did_when_a_signal_comes(fault: str, layers: Layers) -> None:
    """It comes while a command runs: the command ends, and the run does before the next one."""

    def judge(made: Made, before: Before, done: Run, at: int) -> None:
        if done.status == 0:
            # After the last command there is nothing to stop.
            assert made.is_denied
            return
        assert state(made) == before, (at, done.out, done.err)
        assert done.status == {"term": 143, "int": 130}[fault], done.out

    try_all("attach", layers, fault, judge)


@pytest.mark.parametrize("fault", ["down", "kill-before", "kill-after"])
@pytest.mark.parametrize("scenario", list(SCENARIOS))
def test_function_logs_somewhere_wherever_the_tool_is_stopped(
    scenario: str, fault: str, layers: Layers
) -> None:
    """With `down`, nothing can be undone either. `try_all` asks IAM and Lambda after each."""

    def judge(_made: Made, _before: Before, done: Run, at: int) -> None:
        assert done.status == (1 if fault == "down" else KILLED), (at, done.out, done.err)

    try_all(scenario, layers, fault, judge)


@pytest.mark.parametrize("fault", ["fail", "lost", "term"])
def test_function_logs_somewhere_when_detach_fails(fault: str, layers: Layers) -> None:
    """Nothing is put back. Detaching again does the rest."""

    def judge(made: Made, _before: Before, done: Run, at: int) -> None:
        assert done.status != 0 or fault == "term", (at, done.out)
        if at % 3 == 0:
            again = run(made, ("detach",))
            assert again.status == 0, again.out
            assert list(made.variables) == ["PASSWORD"]
            assert list(made.policies) == ["basic"]

    try_all("detach", layers, fault, judge)


@pytest.mark.parametrize("fault", ["kill-before", "kill-after"])
def test_function_logs_somewhere_when_the_undo_is_killed(fault: str, layers: Layers) -> None:
    """The answer to the Deny is lost, so all is undone, and the tool is killed at each command of that."""
    whole = run(fresh(layers), attach_words(layers))
    deny = max(at for at, action in enumerate(whole.actions, 1) if action == "put-role-policy")
    undone = run(fresh(layers), attach_words(layers), f"lost-{deny}")
    assert len(undone.commands) > deny + 3, undone.actions

    def one(at: int) -> None:
        made = fresh(layers)
        done = run(made, attach_words(layers), f"lost-{deny},{fault}-{at}")
        assert done.status == KILLED, (at, done.out, done.err)
        assert not made.logs_nowhere, (at, done.actions)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for future in [pool.submit(one, at) for at in range(deny + 1, len(undone.commands) + 1)]:
            future.result()


def test_attach_that_was_killed_is_done_by_another(layers: Layers) -> None:
    """And what it left is taken off by a detach."""

    def judge(made: Made, before: Before, _done: Run, at: int) -> None:
        if at % 2:
            again = run(made, attach_words(layers))
            assert again.status == 0, again.out
            assert made.is_denied
            assert made.layers == [layers.new]
        again = run(made, ("detach",))
        assert again.status == 0, again.out
        assert state(made) == before

    try_all("attach", layers, "kill-after", judge)
