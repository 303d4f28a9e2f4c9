"""Test the restore behind a snapshot, with the real runtime client and its hooks."""

from pathlib import Path

from emulator.model.variations import Variations
from tests.doubles.emulator.probe import Start, records, seen

APP = """
import snapshot_restore_py

@snapshot_restore_py.register_before_snapshot
def before():
    print("before")

@snapshot_restore_py.register_after_restore
def after():
    print("after")
    {}

def handler(event, context):
    return "restored"
"""


def test_hooks_run_on_both_sides_of_the_snapshot(start: Start, tmp_path: Path) -> None:
    """The runtime waits for its restore; events of it come once, before the first invocation."""
    cloud = start(probe={}, app=APP.format("pass"), variations=Variations(snap_start=True))

    first = cloud.initialise()
    before = [line.text for line in cloud.written]
    results = [cloud.invoke({}), cloud.invoke({})]
    cloud.shutdown()

    assert (first.status, before) == ("success", ["before\n"])
    assert [one.payload for one in results] == ["restored", "restored"]
    kinds = seen(tmp_path).types()
    begin = kinds.index("platform.restoreStart")
    restore = ["restoreStart", "restoreRuntimeDone", "restoreReport"]
    told = [kind for kind in kinds[begin:] if kind != "function"]
    assert told[:4] == [f"platform.{kind}" for kind in [*restore, "start"]]
    assert kinds.count("platform.restoreStart") == 1
    assert [line.text for line in cloud.written] == ["before\n", "after\n"]


def test_a_failed_hook_ends_the_environment(start: Start) -> None:
    """The caller gets the error, and the records of the restore have its type."""
    cloud = start(
        probe={},
        app=APP.format("raise ConnectionError('gone')"),
        variations=Variations(snap_start=True),
    )

    result = cloud.invoke({})

    assert (result.status, result.payload["errorMessage"]) == ("error", "gone")
    (done,) = records(cloud.events, "platform.restoreRuntimeDone")
    (report,) = records(cloud.events, "platform.restoreReport")
    assert done["status"] == report["status"] == "error"
    assert done["errorType"] == report["errorType"] == "Runtime.AfterRestoreError"
    assert not records(cloud.events, "platform.start")
