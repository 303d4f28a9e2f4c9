"""Sum up the test runs of several Pythons: a table, and the totals in the last line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NO_TESTS = 5
"""pytest's exit status if it found none of the tests asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How pytest ended on one Python.

    Attributes:
        version: the Python's.
        status: pytest's exit status.
        seconds: how long it took, in whole seconds.
        report: its results as JUnit XML; the file is absent where pytest did not start.
    """

    version: str
    status: int
    seconds: int
    report: Path

    @property
    def succeeded(self) -> bool:
        """Return whether no test failed; a Python for which none of the tests is meant has not failed."""
        return self.status in {0, NO_TESTS}


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of tests."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )


def count(run: Run) -> Counts:
    """Return the numbers of a run's tests; 1 failed if pytest did not start or was stopped."""
    suites = list(ET.parse(run.report).iter("testsuite")) if run.report.exists() else []  # noqa: S314 - our own file
    tests, failures, errors, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites)
        for name in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    if not run.succeeded and not failed:
        failed = 1
    return Counts(max(tests - failures - errors - skipped, 0), failed, skipped)


def summarise(runs: Sequence[Run]) -> tuple[str, Counts]:
    """Return the table of runs, oldest Python first and with the totals at its end, and the totals."""
    ordered = sorted(runs, key=lambda run: int(run.version.partition(".")[2]))
    lines = ["", "Python   passed  failed  skipped  seconds"]
    total = Counts()
    for run in ordered:
        of_run = count(run)
        total += of_run
        lines.append(
            f"{run.version:<7} {of_run.passed:>7} {of_run.failed:>7} {of_run.skipped:>8} {run.seconds:>8}"
        )
    # The last line is what CI's readers look for: nothing else stands on it.
    lines += ["", f"total: {total.passed} passed, {total.failed} failed, {total.skipped} skipped"]
    return "\n".join(lines), total
