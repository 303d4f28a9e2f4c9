"""The example a user copies works as it stands."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.newest

ROOT = Path(__file__).resolve().parent.parent.parent


def test_example_passes() -> None:
    """Its readers copy it and run it with pytest."""
    example = ROOT / "emulator" / "examples" / "test_hello_extension.py"

    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(example)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=60,
    )

    assert "3 passed" in ended.stdout, ended.stdout
