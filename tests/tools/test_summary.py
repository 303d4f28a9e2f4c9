from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.doubles.checkout import report
from tools.summary import Counts, Run, count, summarise

if TYPE_CHECKING:
    from pathlib import Path


def run(folder: Path, version: str, *, status: int = 0, xml: str | None = None) -> Run:
    path = folder / f"{version}.xml"
    if xml is not None:
        path.write_text(xml)
    return Run(version=version, status=status, seconds=7, report=path)


@pytest.mark.parametrize(
    ("status", "xml", "counts"),
    [
        pytest.param(0, report(passed=3, skipped=2), Counts(3, 0, 2), id="all passed"),
        pytest.param(1, report(passed=3, failures=1, errors=2), Counts(3, 3, 0), id="some failed"),
        pytest.param(5, report(), Counts(), id="none is for this Python"),
        pytest.param(4, None, Counts(0, 1, 0), id="pytest did not start"),
        pytest.param(-9, report(passed=2), Counts(2, 1, 0), id="pytest was killed"),
    ],
)
def test_tests_of_a_run_are_counted(
    tmp_path: Path, status: int, xml: str | None, counts: Counts
) -> None:
    """A run that broke off counts as a failure, whatever its report says."""
    assert count(run(tmp_path, "3.12", status=status, xml=xml)) == counts


def test_table_has_the_oldest_first_and_the_total_last(tmp_path: Path) -> None:
    """CI reads the last line, so it stands alone."""
    runs = [
        run(tmp_path, "3.13", xml=report(passed=20, skipped=1)),
        run(tmp_path, "3.9", status=1, xml=report(passed=4, failures=1)),
        run(tmp_path, "3.10", status=5),
    ]

    table, total = summarise(runs)

    assert total == Counts(24, 1, 1)
    assert table.splitlines() == [
        "",
        "Python   passed  failed  skipped  seconds",
        "3.9           4       1        0        7",
        "3.10          0       0        0        7",
        "3.13         20       0        1        7",
        "",
        "total: 24 passed, 1 failed, 1 skipped",
    ]
