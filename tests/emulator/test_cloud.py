"""Test calls that make no sense, and the bounds of waits."""

from pathlib import Path
from typing import Any

import pytest

from emulator.cloud import LocalLambda
from emulator.machine.filesystem import RootFileSystem
from emulator.model.errors import EmulatorTimeout, MisuseError
from emulator.model.function import Function
from tests.doubles.emulator.probe import Start


def test_calls_outside_the_with_block_are_refused(tmp_path: Path) -> None:
    """An AttributeError would not say what to change."""
    cloud = LocalLambda(Function(code=tmp_path))

    with pytest.raises(MisuseError, match="with block"):
        cloud.invoke({})
    with pytest.raises(MisuseError, match="with block"):
        _ = cloud.written


def test_wait_that_runs_out_names_its_bound(start: Start) -> None:
    """With its bound."""
    cloud = start(probe=None)

    with pytest.raises(EmulatorTimeout, match=r"within 0\.05 s"):
        cloud.wait_for(lambda: False, timeout_s=0.05)


@pytest.mark.parametrize("wrong", [{"runtime": "python"}, {"isolation": "relocated"}])
def test_root_file_system_needs_a_custom_runtime_and_a_namespace(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    """The clients of other runtimes would need this machine's Python or Node.js."""
    function = Function(code=tmp_path, runtime=wrong.pop("runtime", "provided"))

    with pytest.raises(MisuseError, match="custom runtime"):
        LocalLambda(function, root=RootFileSystem(directory=tmp_path), **wrong)
