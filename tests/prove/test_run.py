"""A step fails, a signal comes, or the program is killed: everything is taken down, or it is said what is not.

The stand-ins are those of `bridge.py`. Made up are the failures alone.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.prove.bridge import run_prove
from tests.prove.left_over import left_over, runs_in

if TYPE_CHECKING:
    from pathlib import Path

    from tests.prove.bridge import Bridge
    from tests.services.aws_command import Run

pytestmark = [pytest.mark.services, pytest.mark.end_to_end, pytest.mark.timeout(240)]

SIDE_BY_SIDE = 4
KILLED, OF_SIGINT = -9, 130

WORDS = (
    "--region",
    "eu-west-1",
    "--only",
    "bash",
    "--arch",
    "x86_64",
    "--sink",
    "s3",
    "--way",
    "exception",
)
QUICKLY = ("--iam-wait", "0", "--settle", "0", "--timeout", "4", "--wait", "5", "--yes")

UNDOES = ("delete-", "list-layer-versions")
"""What the actions begin with that take something down."""


@pytest.fixture
def words(dist: Path) -> tuple[str, ...]:
    return (*WORDS, *QUICKLY, "--dist", str(dist))


@pytest.fixture
def actions(bridge: Bridge, words: tuple[str, ...]) -> list[str]:
    """Give the actions of a run that goes well, in their order."""
    run = run_prove(bridge, *words)
    assert run.status == 0, run.out + run.err
    return run.actions


def first_of(actions: list[str], *, undoing: bool) -> list[int]:
    """Give the number of the first command of each action."""
    return [
        actions.index(one) + 1
        for one in dict.fromkeys(actions)
        if one.startswith(UNDOES) is undoing
    ]


def each(bridge: Bridge, words: tuple[str, ...], faults: list[str]) -> list[Run]:
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(lambda fault: run_prove(bridge, *words, fault=fault), faults))


def test_whatever_step_fails_everything_is_taken_down(
    bridge: Bridge, words: tuple[str, ...], actions: list[str]
) -> None:
    """With `lost`, the command took effect, and nobody was told."""
    steps = first_of(actions, undoing=False)
    made = [at for at in steps if actions[at - 1].startswith(("create-", "publish-"))]
    assert {"invoke", "get-object", "create-function", "put-role-policy"} <= {
        actions[at - 1] for at in steps
    }
    assert len(made) == 4

    runs = each(bridge, words, [f"fail-{at}" for at in steps] + [f"lost-{at}" for at in made])

    for run in runs:
        assert run.status == 1, run.out + run.err
        assert "is left" not in run.out
    assert left_over() == {}
    assert not list((bridge.folder / "journals").glob("*"))


def test_what_cannot_be_taken_down_is_told_and_taken_down_later(
    bridge: Bridge, words: tuple[str, ...], actions: list[str]
) -> None:
    """The other things are gone all the same, and the journal has what is left."""
    steps = first_of(actions, undoing=True)
    assert len(steps) >= 6

    runs = each(bridge, words, [f"fail-{at}" for at in steps])

    for run in runs:
        assert run.status == 1, run.out + run.err
        assert "is left: aws" in run.out
        assert "./build.sh prove --clean tries again" in run.out
    left = left_over()
    assert len(runs_in(left)) == len(runs)
    again = run_prove(bridge, "--clean")
    assert again.status == 0, again.out + again.err
    assert left_over() == {}
    assert not list((bridge.folder / "journals").glob("*"))


def test_signal_takes_everything_down_and_a_kill_leaves_a_journal(
    bridge: Bridge, words: tuple[str, ...], actions: list[str]
) -> None:
    """Ctrl-C comes at the making and at an invocation; nobody can do anything about a kill, but `--clean`."""
    at = [actions.index(one) + 1 for one in ("create-function", "invoke")]
    stopped = each(bridge, words, [f"int-{number}" for number in at])

    for run in stopped:
        assert run.status == OF_SIGINT, run.out + run.err
        assert "the run ended early" in run.out
        assert "All that the run made is taken down." in run.out
    assert left_over() == {}

    killed = each(bridge, words, [f"kill-before-{number}" for number in at])

    assert [run.status for run in killed] == [KILLED, KILLED]
    assert len(runs_in(left_over())) == 2
    assert run_prove(bridge, "--clean").status == 0
    assert left_over() == {}


def test_what_is_kept_on_purpose_stays_until_it_is_cleaned(
    bridge: Bridge, words: tuple[str, ...]
) -> None:
    """`--keep` is for looking."""
    run = run_prove(bridge, *words, "--keep")

    assert run.status == 0, run.out + run.err
    assert "--clean takes them down" in run.out
    assert set(left_over()) == {"functions", "layers", "roles", "buckets"}
    assert run_prove(bridge, "--clean").status == 0
    assert left_over() == {}
