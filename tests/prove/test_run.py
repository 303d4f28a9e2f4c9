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
    from collections.abc import Sequence
    from pathlib import Path

    from tests.prove.bridge import Bridge
    from tests.services.aws_command import Run

pytestmark = [pytest.mark.services, pytest.mark.end_to_end, pytest.mark.timeout(240)]

SIDE_BY_SIDE = 4
KILLED, OF_SIGINT = -9, 130

WORDS = ("--region", "eu-west-1", "--only", "bash", "--arch", "x86_64", "--sink", "s3")
QUICKLY = (
    "--way",
    "exception",
    "--iam-wait",
    "0",
    "--settle",
    "0",
    "--timeout",
    "4",
    "--wait",
    "5",
)

BEFORE = (
    "fail-get-caller-identity",
    "fail-publish-layer-version",
    "lost-publish-layer-version",
    "fail-create-role",
    "lost-create-role",
    "fail-put-role-policy",
    "fail-create-bucket",
    "lost-create-bucket",
    "fail-put-bucket-tagging",
)
"""Each ends the run before a function is made."""

TRYING = (
    "fail-create-function,fail-invoke",
    "lost-create-function,fail-list-objects-v2",
    "fail-get-function-configuration,fail-get-object",
    "fail-describe-log-streams",
)
"""The first befalls one function, and the second the other."""

UNDOING = (
    ("delete-function", "delete-log-group", "delete-role-policy", "list-layer-versions"),
    ("list-objects-v2", "delete-role", "delete-layer-version"),
    ("delete-bucket",),
)


@pytest.fixture
def words(dist: Path) -> tuple[str, ...]:
    return (*WORDS, *QUICKLY, "--yes", "--dist", str(dist))


def each(bridge: Bridge, words: tuple[str, ...], faults: Sequence[str]) -> list[Run]:
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(lambda fault: run_prove(bridge, *words, fault=fault), faults))


def test_whatever_step_fails_everything_is_taken_down(
    bridge: Bridge, words: tuple[str, ...]
) -> None:
    """With `lost`, the command took effect, and nobody was told."""
    runs = each(bridge, words, (*BEFORE, *TRYING))

    for run in runs:
        assert run.status == 1, run.out + run.err
        assert "made up" in run.out + run.err
        assert "is left" not in run.out
    assert left_over() == {}
    assert not list((bridge.folder / "journals").glob("*"))


def test_log_group_that_cannot_be_made_leaves_nothing(
    bridge: Bridge, words: tuple[str, ...]
) -> None:
    """Each function of the default sink has one, and the other function is tried."""
    in_group = tuple("cloudwatch" if word == "s3" else word for word in words)

    faults = ["fail-create-log-group,fail-put-retention-policy", "lost-create-log-group"]
    runs = each(bridge, in_group, faults)

    for run in runs:
        assert run.status == 1, run.out + run.err
        assert "! flight-recorder-prove-" in run.out
    assert left_over() == {}


def test_what_cannot_be_taken_down_is_told_and_taken_down_later(
    bridge: Bridge, words: tuple[str, ...]
) -> None:
    """A signal ends the run early. The other things are gone all the same, and the journal has what is left."""
    early = "int-get-function-configuration"

    runs = each(
        bridge, words, [",".join((early, *(f"fail-{one}" for one in some))) for some in UNDOING]
    )

    for run, some in zip(runs, UNDOING, strict=True):
        assert run.status == OF_SIGINT, run.out + run.err
        # A signal that comes late finds the run reading the bucket, which lists it first.
        assert run.out.count("made up") == len(some), run.out
        assert "is left: aws" in run.out
        assert "./build.sh prove --clean tries again" in run.out
    assert len(runs_in(left_over())) == len(runs)
    again = run_prove(bridge, "--clean")
    assert again.status == 0, again.out + again.err
    assert f"{len(runs)} journals" in again.out
    assert left_over() == {}
    assert not list((bridge.folder / "journals").glob("*"))


def test_signal_takes_everything_down_and_a_kill_leaves_a_journal(
    bridge: Bridge, words: tuple[str, ...]
) -> None:
    """Ctrl-C comes before the making and at an invocation; nobody can do anything about a kill, but `--clean`."""
    steps = ("create-bucket", "invoke")
    stopped = each(bridge, words, [f"int-{one}" for one in steps])

    for run in stopped:
        assert run.status == OF_SIGINT, run.out + run.err
        assert "All that the run made is taken down." in run.out
    # A signal at an invocation may come when all others are over, and then nothing was cut short.
    assert "the run ended early" in stopped[0].out
    assert left_over() == {}

    killed = each(bridge, words, [f"kill-{one}" for one in steps])

    assert [run.status for run in killed] == [KILLED, KILLED]
    assert len(runs_in(left_over())) == 2
    assert run_prove(bridge, "--clean").status == 0
    assert left_over() == {}


def test_what_is_kept_on_purpose_stays_until_it_is_cleaned(
    bridge: Bridge, words: tuple[str, ...]
) -> None:
    """`--keep` is for looking. Objects that lie there are no obstacle."""
    run = run_prove(bridge, *words, "--keep")

    assert run.status == 0, run.out + run.err
    assert "--clean takes them down" in run.out
    assert set(left_over()) == {"functions", "layers", "roles", "buckets"}
    again = run_prove(bridge, "--clean")
    assert "delete-objects" in again.actions
    assert again.status == 0, again.out + again.err
    assert left_over() == {}
