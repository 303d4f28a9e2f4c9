"""The example that a user begins with."""

import os
from pathlib import Path

import pytest

from emulator.__main__ import main
from emulator.example import write_example
from emulator.model.errors import MisuseError


def test_extension_can_be_started(tmp_path: Path) -> None:
    """Lambda starts no file that is not executable, and an installer may have dropped the bit."""
    function, layer = write_example(tmp_path / "hello")

    assert (function / "app.py").is_file()
    assert os.access(layer / "extensions" / "hello", os.X_OK)


def test_directory_that_exists_is_left_alone(tmp_path: Path) -> None:
    """It may hold what the user made of the last example."""
    with pytest.raises(MisuseError, match="name a directory that does not"):
        write_example(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_command_tells_how_to_run_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The next command is there to copy."""
    status = main(["example", str(tmp_path / "hello")])

    told = capsys.readouterr().out
    assert status == 0
    assert f"run --code {tmp_path}/hello/function --layer {tmp_path}/hello/layer" in told
