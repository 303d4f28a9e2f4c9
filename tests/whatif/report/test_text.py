import re
from dataclasses import replace
from pathlib import Path

from terminal.layout import WIDTH
from terminal.paint import Paint
from tests.doubles.studies import study_shop
from whatif.replay.tally import EVICTED, WITHHELD, Incomplete
from whatif.report.text import missing_text, report
from whatif.report.view import view_of

GOLDEN = Path(__file__).parent / "shop.txt"


def written(*axes: str, file: str = "shop.log") -> str:
    view = view_of(study_shop(*axes))
    named = replace(view, files=[(file, *one[1:]) for one in view.files])
    return "\n".join(report(named, Paint(enabled=False)))


def test_report_is_as_agreed() -> None:
    """The golden file is all of the output for the shop's log."""
    assert written() == GOLDEN.read_text(encoding="ascii").removesuffix("\n")


def test_report_fits_a_terminal() -> None:
    """Long labels and names of files are shortened; all of it is ASCII."""
    text = written(
        "ERROR_LEVEL=WARN,ERROR",
        "PLATFORM_EVENTS=all,none",
        "SAMPLE_RATE=0.123456",
        file=f"/{'folder/' * 20}shop.log",
    )

    assert max(len(line) for line in text.splitlines()) <= WIDTH
    assert text.isascii()


def test_report_numbers_long_labels() -> None:
    """The difference of two labels must not be cut off, so a list explains the numbers."""
    text = written("SAMPLE_RATE=0.123456", "PLATFORM_EVENTS=all,none", "ERROR_LEVEL=WARN")

    assert "#3: SAMPLE_RATE=0.123456 PLATFORM_EVENTS=" in text
    assert sum(line.startswith("#3") for line in text.splitlines()) == 5


def test_report_separates_settings_with_other_failures() -> None:
    """Reasons are listed for each set of settings that sees them differently."""
    text = written("SAMPLE_RATE=0", "ERROR_LEVEL=ERROR,OFF")

    assert "With default and SAMPLE_RATE=0 ERROR_LEVEL=ERROR:" in text
    assert "With SAMPLE_RATE=0 ERROR_LEVEL=OFF:" in text
    assert sum(line.startswith("level-error") for line in text.splitlines()) == 1


def test_report_lists_failures_that_lack_lines() -> None:
    """They come with the number and the cause, and are not called whole."""
    view = view_of(study_shop())
    missing = Incomplete("459921b5", "timeout", 3000, 2500, "evicted for BUFFER_SIZE")
    row = replace(
        view.rows[0], whole=view.rows[0].failed - 1, missing={EVICTED: 1}, incomplete=[missing]
    )

    text = "\n".join(report(replace(view, rows=[row, *view.rows[1:]]), Paint(enabled=False)))

    assert "459921b5  timeout: 2,500 of 3,000, evicted for BUFFER_SIZE" in text
    assert "Every failure is kept whole" not in text
    assert (
        "SAMPLE_RATE=10% (default): 1 failure of 5 lacks lines: 1 evicted for BUFFER_SIZE." in text
    )
    assert "4 of 5" in text


def test_report_separates_withheld_lines_from_evicted_ones() -> None:
    """Each cause has its count, and failures that are not listed are counted."""
    view = view_of(study_shop())
    row = replace(
        view.rows[0], whole=0, missing={EVICTED: 2, WITHHELD: 3}, withheld_lines=12, incomplete=[]
    )

    text = " ".join(missing_text(row).split())

    assert text == (
        "5 failures of 5 lack lines: 3 withheld by KEEP_AT_MOST (12 lines), 2 evicted for BUFFER_SIZE."
    )
    told = "\n".join(report(replace(view, rows=[row, *view.rows[1:]]), Paint(enabled=False)))
    assert "  and 5 more" in told


def test_report_has_a_column_for_history() -> None:
    """A sentence explains it."""
    text = written("HISTORY=2", "KEEP_COLD_STARTS=true", "SAMPLE_RATE=0")

    line = next(line for line in text.splitlines() if "failed" in line and "history" in line)
    assert re.split(" {2,}", line)[1:5] == ["failed", "history", "by a rule", "sampled"]
    assert "The estimates do not count them" in text


def test_report_of_a_filtered_log_has_no_tables() -> None:
    """Its figures would mean nothing."""
    view = view_of(study_shop())

    text = "\n".join(
        report(replace(view, is_refused=True, notes=["It is filtered."]), Paint(enabled=False))
    )

    assert text.endswith("- It is filtered.")
    assert "What would be kept" not in text


def test_report_of_an_empty_log_has_no_tables() -> None:
    """It has the files and the notes, and no rows of zeros."""
    view = view_of(study_shop())

    text = "\n".join(
        report(replace(view, invocations=0, lines=0, notes=["It is no log."]), Paint(enabled=False))
    )

    assert text.endswith("- It is no log.")
    assert "What would be kept" not in text
