"""Test calls that make no sense, and the bounds of waits."""

from pathlib import Path
from typing import Any

import pytest

from emulator.cloud import LocalLambda
from emulator.machine.filesystem import RootFileSystem
from emulator.model.errors import EmulatorTimeout, MisuseError
from emulator.model.function import Function
from tests.doubles.probe import Start


def test_calls_outside_the_with_block_are_a_misuse(tmp_path: Path) -> None:
    """Said so, not an AttributeError."""
    cloud = LocalLambda(Function(code=tmp_path))

    with pytest.raises(MisuseError, match="with block"):
        cloud.invoke({})
    with pytest.raises(MisuseError, match="with block"):
        _ = cloud.written


def test_a_wait_that_runs_out_says_so(start: Start) -> None:
    """With its bound."""
    cloud = start(probe=None)

    with pytest.raises(EmulatorTimeout, match=r"within 0\.05 s"):
        cloud.wait_for(lambda: False, timeout_s=0.05)


@pytest.mark.parametrize("wrong", [{"runtime": "python"}, {"isolation": "relocated"}])
def test_a_root_file_system_takes_a_custom_runtime_and_a_namespace(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    """The clients of the other runtimes would need this machine's Python or Node.js; what is asked for is refused."""
    function = Function(code=tmp_path, runtime=wrong.pop("runtime", "provided"))

    with pytest.raises(MisuseError, match="custom runtime"):
        LocalLambda(function, root=RootFileSystem(directory=tmp_path), **wrong)
