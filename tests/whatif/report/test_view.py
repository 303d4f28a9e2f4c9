from pathlib import Path

import pytest

from extension import PREFIX
from tests.doubles import shop_logs
from tests.doubles.studies import study_shop
from whatif.model.events import Reading
from whatif.replay.grid import grid_of
from whatif.replay.log import Log
from whatif.replay.study import Study
from whatif.replay.tally import Tally
from whatif.report.view import KINDS, view_of


def test_costs_are_of_a_month_where_the_log_is_long_enough(tmp_path: Path) -> None:
    """Two hours are scaled to thirty days; what is kept costs less than everything, but for a rate of one."""
    view = view_of(study_shop(tmp_path))

    assert view.per == "a month at this pace"
    assert view.span_s == pytest.approx(6902, abs=1)
    costs = [row.usd["cloudwatch"] for row in view.rows]
    assert costs == sorted(costs)
    assert costs[0] < view.today_usd["cloudwatch"]


def test_a_short_log_s_costs_are_of_a_million_invocations() -> None:
    """Some minutes say nothing of a month; an empty log says nothing at all."""
    points = grid_of({}, [])
    tallies = [Tally(invocations=200) for _ in points]
    log = Log(first_time="2026-11-20T08:00:00.000Z", last_time="2026-11-20T08:01:00.000Z")

    assert view_of(Study(points, tallies, [], log)).per == "a million invocations"
    assert view_of(Study(points, [Tally() for _ in points], [], Log())).per == "this log"


def test_lines_are_sorted_by_why_they_are_kept(tmp_path: Path) -> None:
    """Failed, history, by a rule, sampled, metrics: together they are all that is kept."""
    view = view_of(study_shop(tmp_path, environ={f"{PREFIX}HISTORY": "1"}))

    for row in view.rows:
        assert set(row.lines_by_kind) == set(KINDS)
        assert sum(row.lines_by_kind.values()) == row.lines
    assert view.own.lines_by_kind["failed"] == 5 * sum(shop_logs.FAILURES.values())
    assert view.own.lines_by_kind["history"] > 0
    assert view.own.lines_by_kind["by a rule"] == 0


def test_reasons_that_are_not_known_yet_are_rules() -> None:
    """A keep rule of the extension's needs no entry here."""
    points = grid_of({}, [])
    tallies = [Tally() for _ in points]
    tallies[0].lines["slow"] = 7

    view = view_of(Study(points, tallies, [], Log()))

    assert view.rows[0].lines_by_kind["by a rule"] == 7


def test_what_makes_figures_doubtful_is_said() -> None:
    """Whatever the log lacks is a sentence, with how often."""
    reading = Reading("a.log")
    reading.note("It ends early.")
    points = grid_of({}, [])
    log = Log(cut=2, outside=3, disordered=4, sampled=5)
    tallies = [Tally(unreadable_bytes=6) for _ in points]

    notes = view_of(Study(points, tallies, [reading], log)).notes

    assert notes[0] == "a.log: It ends early."
    assert [note.split()[0] for note in notes[1:5]] == ["2", "3", "4", "5"]
    assert len(notes) == 6


def test_references_are_said_to_stand_for_defaults(tmp_path: Path) -> None:
    """What they name is not known here: a REDACT masks nothing then, instead of all that there is."""
    view = view_of(
        study_shop(
            tmp_path,
            environ={
                f"{PREFIX}REDACT": "ssm:/shop/redact",
                f"{PREFIX}HISTORY": "ssm:/shop/history",
            },
        )
    )

    assert "Defaults replace HISTORY and REDACT" in view.notes[0]
    own, plain = view.own, view_of(study_shop(tmp_path)).own
    assert own.cloudwatch_bytes == plain.cloudwatch_bytes


def test_a_recorder_that_is_off_is_said_to_be(tmp_path: Path) -> None:
    """The figures are those of one that is on."""
    view = view_of(study_shop(tmp_path, environ={f"{PREFIX}ENABLED": "false"}))

    assert view.notes[0].startswith("ENABLED is false")


def test_the_truth_lies_within_the_margin(tmp_path: Path) -> None:
    """An estimate without a sample is none; with everything it is exact."""
    view = view_of(study_shop(tmp_path))

    assert not view.rows[0].estimates
    assert (view.rows[-1].estimated, view.rows[-1].margin) == (shop_logs.INVOCATIONS, 0)
