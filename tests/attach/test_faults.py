"""Each command of aws fails once, in each way: no function is ever without the layer and denied its own log group.

The control plane is ministack, and the commands are the aws command's own code (`tests/services/aws_zygote.py`). Made up
are the failures alone. The tool runs as a process, so that a SIGKILL is one.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.services.aws import ACCOUNT, REGION, control_plane
from tests.services.aws_command import Run, run_tool
from tests.services.functions import PYTHONS, VERSION, Made, make_function, publish_layer

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

SIDE_BY_SIDE = 8
"""Most of a run is waiting for an update."""

KILLED, SIGTERM = -9, 128 + 15

CLEAN: tuple[list[str], list[str], list[str]] = ([], ["PASSWORD"], ["basic"])
"""Layers, variables and policies of a function without the recorder."""

Scenario = tuple[str, ...]
Before = tuple[list[str], dict[str, str], dict[str, list[dict[str, Any]]]]


class Layers:
    """Two versions of the layer."""

    def __init__(self) -> None:
        self.old = publish_layer(CompatibleRuntimes=PYTHONS)
        self.new = publish_layer(CompatibleRuntimes=PYTHONS)


@pytest.fixture
def layers() -> Layers:
    return Layers()


def fresh(_layers: Layers) -> Made:
    """Make a function that has nothing of the recorder."""
    return make_function()


def attached(layers: Layers) -> Made:
    """Make a function that an earlier run attached; without one, because it takes two seconds."""
    made = make_function()
    name = made.name
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


def still(all_made: list[Made]) -> list[Made]:
    """Wait until the functions may be changed: that takes half a second after they were made."""
    for made in all_made:
        while made.configuration["LastUpdateStatus"] == "InProgress":
            time.sleep(0.02)
    return all_made


def state(made: Made) -> Before:
    return made.layers, made.variables, made.policies


def run(made: Made, words: Scenario, fault: str = "") -> Run:
    command, *others = words
    return run_tool(command, "--functions", made.name, "--iam-wait", "0", *others, fault=fault)


def attach_words(layers: Layers) -> Scenario:
    return ("attach", layers.new, "--metrics-fleet", "")


def attach_elsewhere_words(layers: Layers) -> Scenario:
    return ("attach", layers.new, "--sink", "firehose:kept-logs")


def share_words(layers: Layers) -> Scenario:
    return ("attach", layers.new, "--own-log-group", "share", "--metrics-fleet", "")


def detach_words(_layers: Layers) -> Scenario:
    return ("detach",)


SCENARIOS: dict[str, tuple[Callable[[Layers], Made], Callable[[Layers], Scenario]]] = {
    "attach": (fresh, attach_words),
    "attach again": (attached, attach_elsewhere_words),
    "share": (attached, share_words),
    "detach": (attached, detach_words),
}


LOOKS = ("get-", "list-", "describe-", "simulate-")
"""Beginnings of the actions that change nothing. One that took effect although its answer was lost is one that failed."""


def try_all(
    scenario: str,
    layers: Layers,
    fault: str,
    judge: Callable[[Made, Before, Run, int], None],
    *,
    changes_only: bool = False,
) -> None:
    """Run a scenario once for each of its commands, each with a fault there, and look where the function logs.

    Args:
        scenario: A key of SCENARIOS.
        layers: To attach.
        fault: Its kind.
        judge: Looks at what came of it.
        changes_only: Leave out the commands that only look.
    """
    make, words = SCENARIOS[scenario]
    whole = run(still([make(layers)])[0], words(layers))
    assert whole.status == 0, whole.out
    numbers = [
        at
        for at, action in enumerate(whole.actions, 1)
        if not (changes_only and action.startswith(LOOKS))
    ]
    all_made = dict(zip(numbers, still([make(layers) for _ in numbers]), strict=True))

    def one(at: int) -> bool:
        made = all_made[at]
        before = state(made)
        done = run(made, words(layers), f"{fault}-{at}")
        assert not made.logs_nowhere(), (at, done.actions, done.out, done.err)
        # Where an update ended sooner than in the first run, there is a command less.
        if len(done.commands) >= at:
            judge(made, before, done, at)
        return len(done.commands) >= at

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        tried = [future.result() for future in [pool.submit(one, at) for at in numbers]]
    print(f"{scenario}, {fault}: {sum(tried)} cases")
    assert sum(tried) >= len(numbers) - 3


def is_as_before(made: Made, before: Before, done: Run, at: int) -> None:
    """Hold an attach that failed to its promise: function and role are as they were."""
    assert state(made) == before, (at, done.out, done.err)
    assert done.status == 1
    assert "FAILED: " in done.out or done.err.startswith("attach: "), done.out


@pytest.mark.parametrize("fault", ["fail", "lost"])
@pytest.mark.parametrize("scenario", ["attach", "attach again", "share"])
def test_attach_undoes_what_it_did_when_a_command_fails(
    scenario: str, fault: str, layers: Layers
) -> None:
    """With `lost`, the command took effect, and nobody was told."""
    try_all(scenario, layers, fault, is_as_before, changes_only=fault == "lost")


def test_attach_undoes_what_it_did_when_a_signal_comes(layers: Layers) -> None:
    """It comes while a command runs: the command ends, and the run does before the next one."""

    def judge(made: Made, before: Before, done: Run, at: int) -> None:
        assert done.status == SIGTERM, done.out
        if "attached, to" in done.out:
            # It came while the last command ran.
            assert made.is_denied()
        else:
            assert state(made) == before, (at, done.out, done.err)

    try_all("attach", layers, "term", judge, changes_only=True)


@pytest.mark.parametrize(("fault", "status"), [("int", 130), ("hup", 129)])
def test_every_signal_that_ends_programs_is_taken(fault: str, status: int, layers: Layers) -> None:
    """Ctrl-C, and a terminal that is closed, after the update."""
    made = fresh(layers)
    before = state(made)

    done = run(made, attach_words(layers), f"{fault}-12")

    assert (done.status, state(made)) == (status, before), done.out


@pytest.mark.parametrize("scenario", list(SCENARIOS))
def test_function_logs_somewhere_when_nothing_works_any_more(scenario: str, layers: Layers) -> None:
    """All commands fail from one on, so nothing can be undone either."""

    def judge(_made: Made, _before: Before, done: Run, at: int) -> None:
        assert done.status == 1, (at, done.out, done.err)

    try_all(scenario, layers, "down", judge, changes_only=True)


@pytest.mark.parametrize("scenario", list(SCENARIOS))
def test_function_logs_somewhere_when_the_tool_is_killed(scenario: str, layers: Layers) -> None:
    """After each command, and so before each. Another run takes off what is left."""

    def judge(made: Made, _before: Before, done: Run, at: int) -> None:
        assert done.status == KILLED, (at, done.out, done.err)
        if at % 7:
            return
        again = run(made, SCENARIOS[scenario][1](layers))
        assert again.status == 0, again.out
        assert not made.logs_nowhere()
        again = run(made, ("detach",))
        assert again.status == 0, again.out
        assert (made.layers, list(made.variables), list(made.policies)) == CLEAN

    try_all(scenario, layers, "kill-after", judge)


def test_nothing_has_changed_when_the_tool_is_killed_at_once(layers: Layers) -> None:
    """The first kill before a command; all others are those after the one before."""
    made = fresh(layers)
    before = state(made)

    assert run(made, attach_words(layers), "kill-before-1").status == KILLED
    assert state(made) == before


@pytest.mark.parametrize("fault", ["fail", "lost"])
def test_function_logs_somewhere_when_detach_fails(fault: str, layers: Layers) -> None:
    """Nothing is put back. Detaching again does the rest."""

    def judge(made: Made, _before: Before, done: Run, at: int) -> None:
        assert done.status == 1, (at, done.out)
        if at % 6:
            return
        again = run(made, ("detach",))
        assert again.status == 0, again.out
        assert (made.layers, list(made.variables), list(made.policies)) == CLEAN

    try_all("detach", layers, fault, judge, changes_only=fault == "lost")


def test_function_logs_somewhere_when_the_undo_is_killed(layers: Layers) -> None:
    """The answer to the Deny is lost, so all is undone, and the tool is killed after each command of that."""
    whole = run(fresh(layers), attach_words(layers))
    deny = max(at for at, action in enumerate(whole.actions, 1) if action == "put-role-policy")
    undone = run(fresh(layers), attach_words(layers), f"lost-{deny}")
    numbers = range(deny + 1, len(undone.commands) + 1)
    assert len(numbers) >= 6, undone.actions

    def one(at: int) -> None:
        made = fresh(layers)
        done = run(made, attach_words(layers), f"lost-{deny},kill-after-{at}")
        assert done.status in (KILLED, 1), (at, done.out, done.err)
        assert not made.logs_nowhere(), (at, done.actions)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for future in [pool.submit(one, at) for at in numbers]:
            future.result()
    print(f"undo, kill-after: {len(numbers)} cases")
