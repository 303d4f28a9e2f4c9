"""The test run itself: it ends, and says the same every time."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HANGS = """
import time
from hypothesis import given, strategies as st

@given(st.integers())
def test_hangs(number: int) -> None:
    time.sleep(3600)
"""


def test_a_time_out_ends_a_test_that_draws_at_random(tmp_path: Path) -> None:
    """Hypothesis would run the example again to shrink it, this time without a time-out."""
    (tmp_path / "test_hangs.py").write_text(HANGS)
    (tmp_path / "conftest.py").symlink_to(ROOT / "tests" / "conftest.py")

    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=1", tmp_path],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )

    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "TimedOut" in ran.stdout
