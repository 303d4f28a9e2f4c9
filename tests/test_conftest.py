"""The test run itself: it ends, and says the same every time."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HANGS = """
import time
from hypothesis import given, strategies as st

@given(st.integers())
def test_hangs(number: int) -> None:
    time.sleep(3600)
"""
TWO = """
import extension.levels.level

def test_one() -> None:
    pass

def test_two() -> None:
    pass
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


@pytest.mark.newest
def test_one_process_for_all_tests_measures_coverage_to_the_end(tmp_path: Path) -> None:
    """A pause before tests that are not measured is no error, though the files to measure are imported by then."""
    (tmp_path / "test_two.py").write_text(TWO)
    (tmp_path / "conftest.py").symlink_to(ROOT / "tests" / "conftest.py")
    settings = [f"--rcfile={ROOT / 'pyproject.toml'}", f"--data-file={tmp_path / 'data'}"]
    tests = ["pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(tmp_path)]

    ran = subprocess.run(
        [sys.executable, "-m", "coverage", "run", *settings, "-m", *tests],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 passed" in ran.stdout
