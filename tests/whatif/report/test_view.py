from pathlib import Path

import pytest

from extension import PREFIX
from tests.doubles import shop_logs
from tests.doubles.studies import study_shop
from whatif.model.events import Reading
from whatif.model.log import Log
from whatif.replay.grid import grid_of
from whatif.replay.study import Study, study_of
from whatif.replay.tally import Failure, Tally
from whatif.report.rows import KINDS
from whatif.report.view import view_of


def test_view_scales_a_long_log_to_a_month() -> None:
    """Two hours become thirty days, and no sample costs more than everything."""
    view = view_of(study_shop())

    assert view.per == "a month at this pace"
    assert view.span_s == pytest.approx(6902, abs=1)
    assert all(
        row.usd["cloudwatch"] < view.costs.today_usd for row in view.rows if "100%" not in row.label
    )
    assert (view.subject, view.dates) == ("shop.log", "2026-11-20")


def test_view_puts_the_best_settings_first() -> None:
    """They keep every failure whole, then estimate all invocations, then leave most net of all costs."""
    view = view_of(study_shop())

    assert [row.label for row in view.rows][:2] == ["SAMPLE_RATE=10% (default)", "SAMPLE_RATE=100%"]
    assert [row.estimates for row in view.rows] == [True, True, False, False, False]
    net = [view.costs.ways(row).net_usd("firehose") for row in view.rows]
    assert net[0] > net[1]


def test_view_has_failures_of_several_reasons_as_examples() -> None:
    """One of each reason comes before a second one of any, masked as REDACT asks."""
    view = view_of(study_shop(environ={f"{PREFIX}REDACT": "(warehouse)"}))

    assert [one.reason for one in view.examples] == ["python-exception", "timeout", "level-error"]
    assert view.examples[0].line.startswith("[ERROR] KeyError: 'price'")
    assert view.examples[1] == Failure(
        shop_logs.request_id_of(8), "2026-11-20T08:40:02.000000Z", "timeout", "timeout"
    )
    assert "warehouse" not in view.examples[2].line
    assert view.examples[2].line.endswith("says no")


def test_view_scales_a_short_log_to_a_million_invocations() -> None:
    """Some minutes say nothing of a month, and an empty log says nothing at all."""
    points = grid_of({}, [])
    tallies = [Tally(invocations=200) for _ in points]
    log = Log(first_time="2026-11-20T08:00:00.000Z", last_time="2026-11-20T08:01:00.000Z")

    assert view_of(Study(points, tallies, [], log)).per == "a million invocations"
    assert view_of(Study(points, [Tally() for _ in points], [], Log())).per == "this log"


def test_view_sorts_kept_lines_by_kind() -> None:
    """The kinds add up to all kept lines."""
    view = view_of(study_shop(environ={f"{PREFIX}HISTORY": "1"}))

    for row in view.rows:
        assert set(row.lines_by_kind) == set(KINDS)
        assert sum(row.lines_by_kind.values()) == row.lines
    assert view.own.lines_by_kind["failed"] == 5 * sum(shop_logs.FAILURES.values())
    assert view.own.lines_by_kind["history"] > 0
    assert view.own.lines_by_kind["by a rule"] == 0


def test_view_counts_an_unknown_reason_as_a_rule() -> None:
    """A new policy of the extension needs no entry here."""
    points = grid_of({}, [])
    tallies = [Tally() for _ in points]
    tallies[0].lines["slow"] = 7

    view = view_of(Study(points, tallies, [], Log()))

    assert view.rows[0].lines_by_kind["by a rule"] == 7


def test_view_notes_every_gap_of_the_log() -> None:
    """A reader must know what the figures do not cover, and how often."""
    reading = Reading("a.log")
    reading.note("It ends early.")
    points = grid_of({}, [])
    log = Log(cut=2, outside=3, disordered=4, sampled=5)
    tallies = [Tally(unreadable_bytes=6) for _ in points]

    notes = view_of(Study(points, tallies, [reading], log)).notes

    assert notes[0] == "a.log: It ends early."
    assert [note.split()[0] for note in notes[1:5]] == ["2", "3", "4", "5"]
    assert len(notes) == 6


def test_view_refuses_a_filtered_log(tmp_path: Path) -> None:
    """Without START and REPORT no outcome can be told, and the note says so in one sentence."""
    path = tmp_path / "errors.log"
    errors = [event for event in shop_logs.shop() if "ERROR" in event.message]
    path.write_text(shop_logs.tail(errors), encoding="utf-8")

    view = view_of(study_of([str(path)], grid_of({}, [])))

    assert view.is_refused
    (note,) = view.notes
    assert note.startswith("errors.log: it has lines, but not the START and REPORT lines")


@pytest.mark.parametrize("kept", [("START", "order"), ("REPORT", "order")])
def test_view_refuses_a_log_with_half_of_its_frames(tmp_path: Path, kept: tuple[str, ...]) -> None:
    """A filter may leave some of Lambda's lines."""
    path = tmp_path / "some.log"
    some = [event for event in shop_logs.shop() if any(word in event.message for word in kept)]
    path.write_text(shop_logs.tail(some), encoding="utf-8")

    assert view_of(study_of([str(path)], grid_of({}, []))).is_refused


def test_view_names_the_filtered_log_among_others(tmp_path: Path) -> None:
    """The others are replayed."""
    errors, whole = tmp_path / "errors.log", tmp_path / "whole.log"
    lines = [event for event in shop_logs.shop() if "ERROR" in event.message]
    renamed = [event._replace(stream="2026/11/20/[$LATEST]cc") for event in lines]
    errors.write_text(shop_logs.tail(renamed), encoding="utf-8")
    whole.write_text(shop_logs.tail(shop_logs.shop()), encoding="utf-8")

    view = view_of(study_of([str(errors), str(whole)], grid_of({}, [])))

    assert not view.is_refused
    assert [note.partition(":")[0] for note in view.notes if "START and REPORT" in note] == [
        "errors.log"
    ]


@pytest.mark.parametrize(
    ("given", "note"),
    [
        ({"REDACT": "ssm:/r", "HISTORY": "ssm:/h"}, "Defaults replace HISTORY and REDACT"),
        ({"ENABLED": "false"}, "ENABLED is false"),
    ],
)
def test_view_notes_settings_that_the_figures_ignore(given: dict[str, str], note: str) -> None:
    """The values of references are unknown, so a REDACT masks nothing; a disabled recorder counts as enabled."""
    view = view_of(study_shop(environ={f"{PREFIX}{name}": value for name, value in given.items()}))

    assert note in view.notes[0]
    assert view.own.cloudwatch_bytes == view_of(study_shop()).own.cloudwatch_bytes


def test_view_has_no_estimate_without_a_sample() -> None:
    """With everything kept the estimate is exact."""
    view = view_of(study_shop())

    none, everything = (
        next(row for row in view.rows if row.label == f"SAMPLE_RATE={rate}")
        for rate in ("0", "100%")
    )
    assert not none.estimates
    assert (everything.estimated, everything.margin) == (shop_logs.INVOCATIONS, 0)
