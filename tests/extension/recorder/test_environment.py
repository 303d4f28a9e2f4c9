"""What Lambda tells of the environment: its init, and what was lost on the way."""

from typing import Any

import pytest

from extension.model.chunk import WARNING, Chunk, Metadata
from extension.model.segment import Kind, Segment
from tests.doubles.extension.environment import Environment
from tests.doubles.extension.queues import chunks_in, lines_in
from tests.extension.recorder.script import Case, play, told

SNAP_START: dict[str, Any] = {"snap_start": True}

CASES: dict[str, Case] = {
    "an init that failed": Case("import init-failed", "import", {}, "init-error"),
    "an init that failed within the running invocation": Case(
        "invoke start again | init-failed-again", "again", {"correlation_fields": ()}, "init-error"
    ),
    "an init that failed behind an invocation": Case(
        "invoke start a done | report again init-failed-again", "", {}, "init-error"
    ),
    "lost logs of the running invocation": Case(
        "invoke start a logs-dropped done | report", "a", {}, "logs-dropped"
    ),
    "lost logs before an invocation": Case(
        "invoke start a done | report logs-dropped | invoke2 start2 b2 done2",
        "b2/2",
        {},
        "logs-dropped",
    ),
    "a failed extension": Case(
        "extension-failed | invoke start a done | report", "a", {}, "extension-failed"
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_event_of_the_environment_is_a_sign_or_a_failure(case: Case) -> None:
    """It names no invocation: it is the running one's, or the next one's, or init's."""
    case.check()


# Init runs once, when a version is published; each environment begins as a copy of what was in memory then. The events have
# the documented shapes, and the copy is this very process: nothing here takes a snapshot.
SNAPSHOTS: dict[str, Case] = {
    "init is published": Case("import connect init-done", "import connect", reasons="init"),
    "init is published once": Case(
        "import init-done init-report sent | restore restored restored-report | invoke start a error done",
        "import a error",
        reasons="init level-error",
    ),
    "lines behind init's end go with its report": Case(
        "import init-done late init-report", "import late", reasons="init"
    ),
    "an init with an error is published whole": Case(
        "import error init-done", "import error", reasons="level-error"
    ),
    "an init that fails at publication": Case("import init-failed", "import", reasons="init-error"),
    "lines that the snapshot held": Case(
        "import | restore restored | invoke start a error done | report",
        "a error",
        reasons="level-error",
        dropped={"snapshot": 1},
    ),
    "lines that the snapshot held, INVOKE first": Case(
        "import | invoke | restore restored start a error done",
        "a error",
        dropped={"snapshot": 1},
    ),
    "lines that the snapshot held, told behind INVOKE": Case(
        "invoke | import restore restored start a error done", "a error", dropped={"snapshot": 1}
    ),
    "lines that the snapshot held, without a word of the restore": Case(
        "import start a error done", "a error", dropped={"snapshot": 1}
    ),
    "what hooks write at a restore goes with the first invocation": Case(
        "import init-done sent | restore hook restored | invoke start a error done",
        "import hook a error",
        reasons="init level-error",
    ),
    "a restore that failed": Case(
        "import init-done sent | restore hook unrestored unrestored-report",
        "import hook",
        reasons="init restore-error",
    ),
    "a restore that failed, with more to say": Case(
        "import init-done sent | restore unrestored | why unrestored-report", "import why"
    ),
    "a restore of a function that was not prepared for it": Case(
        "import | restore unrestored | spindown", "", SNAP_START | {"snap_start": False}
    ),
}


@pytest.mark.parametrize("case", SNAPSHOTS.values(), ids=SNAPSHOTS)
def test_init_before_a_snapshot_is_delivered_once(case: Case) -> None:
    """Every copy of a snapshot delivered the lines of init again, and counted them as received."""
    case._replace(settings={**SNAP_START, "correlation_fields": (), **case.settings}).check()


def test_a_copy_drops_what_waited_for_the_sinks() -> None:
    """The snapshot may have been taken before the sink answered; each copy would send the same lines again."""
    env = Environment(snap_start=True, archive=True)
    play(env, "import init-done")
    assert env.archive is not None
    waited = lines_in(env.queue), lines_in(env.archive)

    play(env, "restore restored | invoke start a error done")

    assert waited == (1, 1)
    assert told(env) == "a error"
    assert env.account.dropped == {"snapshot": 1}
    assert env.account.archive.lost == {"snapshot": 1}
    assert env.accounted_for


def test_a_copy_tells_again_what_our_own_warnings_told() -> None:
    """A setting that cannot be used is as wrong in each copy as it was when the snapshot was taken."""
    env = Environment(snap_start=True)
    warning = Metadata("", "", "f", "1", "e", WARNING, 1.0, failed=False)
    env.queue.put(Chunk(warning, [Segment(b"{}", count=1, first_number=0, kind=Kind.EVENT)]))

    play(env, "restore restored")

    (kept,) = chunks_in(env.queue)
    assert kept.metadata == warning._replace(environment_id="copy1")
    assert env.account.dropped == {"snapshot": 0}


@pytest.mark.parametrize(
    "script",
    ["restore restored | invoke start a", "invoke | restore restored start a", "start a | invoke"],
)
def test_a_copy_has_an_identity_of_its_own(script: str) -> None:
    """Records of two copies must not have the same ids; whichever event is the first to tell."""
    env = Environment(snap_start=True, sample_rate=1.0, correlation_fields=())
    play(env, "import init-done").deliver()

    play(env, script).deliver()

    assert env.restores == 1
    assert [one["id"].partition("-")[0] for one in env.delivered] == ["e", "e", "copy1"]


NAMED: dict[str, list[tuple[str, str]]] = {
    "init": [("init-begun import init-done | invoke start a error done", "init-1")],
    "init, INVOKE first": [("invoke | init-begun start a error done", "init-1")],
    "a second init, which tells nothing": [
        ("init-begun init-unnamed start a error done", "init-1")
    ],
    "an init that tells nothing": [("init-unnamed start a error done", "")],
    "a copy": [
        ("init-begun import init-done", "init-1"),
        ("restore-named restored start a error done", "copy-1"),
    ],
    "a copy, INVOKE first": [("invoke | init-begun restore-named start a error done", "copy-1")],
    "a copy of which nothing is told": [("init-begun | restore restored start a error done", "")],
    "a copy, the snapshot's init behind INVOKE": [("invoke | init-begun start a error done", "")],
}


@pytest.mark.parametrize("name", NAMED)
def test_records_know_what_lambda_calls_their_environment(name: str) -> None:
    """A copy of a snapshot takes the id that its restore tells, and never the snapshot's."""
    env = Environment(snap_start="copy" in name, archive=True, correlation_fields=())
    assert env.archive is not None

    for script, instance_id in NAMED[name]:
        play(env, script)
        queued = [*env.queue.take_all(), *env.archive.take_all()]

        assert {chunk.metadata.instance_id for chunk in queued} == {instance_id}


@pytest.mark.parametrize("hook", ["hook", "ERROR"])
def test_a_failed_restore_is_one_outcome(hook: str) -> None:
    """Two events tell of it, and a count of failures must not have it twice; a line of the hook may come first."""
    env = play(Environment(snap_start=True), f"restore {hook} unrestored unrestored-report")

    (summary,) = env.summaries()
    assert summary["outcome"] == "init-error"
