import os
import sys
from pathlib import Path

import pytest

from bench import batches
from bench.control_plane.cpu_share import CpuGroup
from bench.control_plane.environment import Runtime, initialised
from bench.control_plane.process import CORES
from bench.control_plane.sockets import BenchError

FLOOR = (
    sys.executable,
    "-ISB",
    str(Path(__file__).resolve().parents[3] / "bench" / "programs" / "floor.py"),
)


@pytest.mark.parametrize("runtime", [Runtime(), Runtime(ready_ms=20, computes=True)])
def test_runtime_starts_when_the_extension_has_registered(runtime: Runtime) -> None:
    """As in Lambda; an extension may see it connect, and nobody is told anything before both ask."""
    with (
        CpuGroup("test") as group,
        initialised(FLOOR, dict(os.environ), runtime, cores=CORES, group=group) as plane,
    ):
        kinds = [request.kind for request in plane.requests]

    assert kinds[0] == "register"
    assert sorted(kinds) == ["next", "register", "runtime next", "subscribe"]


def test_function_runs_when_it_is_told_to() -> None:
    """Its answer ends the invocation, and it asks for the next one."""
    with (
        CpuGroup("test") as group,
        initialised(
            FLOOR, dict(os.environ), Runtime(function_ms=1), cores=CORES, group=group
        ) as plane,
    ):
        for number in range(2):
            plane.invoke(batches.request_id(number))
            plane.run_function(batches.request_id(number))
            plane.send(batches.body([*batches.init_done(), batches.start("r")]))
            plane.wait_for(lambda: plane.all_ask)
        done = plane.count("runtime done")
        plane.run_function(batches.request_id(2))

        with pytest.raises(BenchError, match="no runtime was asking"):
            plane.run_function(batches.request_id(3))

    assert done == 2


def test_extension_that_is_left_out_is_in_no_group() -> None:
    """The function alone has the whole share."""
    with CpuGroup("test") as group:
        if group.means == "stop and go":
            pytest.skip("no control group can be made here")
        with initialised(
            FLOOR, dict(os.environ), Runtime(), cores=CORES, group=group, is_alone=True
        ) as plane:
            within = Path(f"/proc/{plane.pid}/cgroup").read_text()

    assert "flight-recorder" not in within
