"""Test the freeze between invocations, and what stands still meanwhile."""

import time
from pathlib import Path
from statistics import median

from emulator.cloud import LocalLambda
from tests.doubles.emulator.probe import Start, seen


def states(cloud: LocalLambda) -> set[str]:
    """Return the kernel's word for the environment's processes, T when stopped."""
    environment = cloud.running_lifecycle.environment
    assert environment is not None
    found = set()
    for child in environment.children.values():
        found.add(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0])
    return found


def test_environment_is_frozen_between_invocations(start: Start) -> None:
    """An extension that works after Next must meet the freeze in its tests."""
    cloud = start(probe={})

    cloud.invoke({})
    # The signal is sent before Next is answered; when it takes effect is the system's business.
    cloud.wait_for(lambda: states(cloud) == {"T"})
    stopped = states(cloud)
    again = cloud.invoke({})

    assert stopped == {"T"}
    assert again.status == "success"
    assert [e.kind for e in cloud.journal if e.kind in ("freeze", "thaw")][:3] == [
        "freeze",
        "thaw",
        "freeze",
    ]


def test_freeze_can_be_switched_off_and_done_by_hand(start: Start) -> None:
    """A debugger needs processes that run."""
    cloud = start(probe={}, freeze=False)

    cloud.invoke({})
    running = states(cloud)
    cloud.freeze()
    cloud.wait_for(lambda: states(cloud) == {"T"})  # a processor may be a moment late to stop
    cloud.thaw()
    cloud.invoke({}).raise_for_status()

    assert "T" not in running


def test_batches_stand_still_while_frozen(start: Start, tmp_path: Path) -> None:
    """A batch that was not due at the freeze comes after the thaw, however late that is."""
    cloud = start(probe={"PROBE_TIMEOUT_MS": "100"})

    cloud.invoke({})
    before = len(seen(tmp_path).of("batch"))
    time.sleep(0.3)
    frozen = len(seen(tmp_path).of("batch"))
    cloud.thaw()
    cloud.wait_for(lambda: "platform.runtimeDone" in seen(tmp_path).types(), timeout_s=2)

    assert before == frozen


def test_emulators_own_share_of_an_invocation_is_small(start: Start) -> None:
    """Measurements of extensions would drown in it; the bound is generous for a loaded machine."""
    cloud = start(probe={})
    cloud.invoke({})

    times = [cloud.invoke({}).duration_ms for _ in range(20)]

    assert median(t for t in times if t is not None) < 20
