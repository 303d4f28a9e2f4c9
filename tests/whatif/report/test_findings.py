import json
from pathlib import Path

import pytest

from extension import PREFIX
from tests.doubles import shop_logs
from tests.doubles.studies import study_missed, study_shop
from whatif.model.signs import SIGNS
from whatif.replay.grid import grid_of
from whatif.replay.study import study_of
from whatif.report.view import View, view_of


def view_of_two_functions(folder: Path) -> View:
    path = folder / "log"
    groups = [shop_logs.subscribed(shop_logs.shop(), group=f"/aws/lambda/{name}") for name in "ab"]
    path.write_text("".join(json.dumps(one) for group in groups for one in group))
    return view_of(study_of([str(path)], grid_of({}, [])))


def test_missed_view_prices_each_sign_and_all_of_them() -> None:
    """In the same money as the tables: what all of them cost is the difference of two of their rows."""
    view = view_of(study_missed(environ={f"{PREFIX}SAMPLE_RATE": "0"}))

    missed = view.missed
    assert [(row.sign, row.invocations, row.let_go) for row in missed.rows] == [
        ("Traceback", 1, 1),
        ("Exception or Error", 1, 1),
        ("level word", 2, 2),
        ("status 5xx", 1, 1),
    ]
    more_usd = missed.kept.usd["cloudwatch"] - view.own.usd["cloudwatch"]
    twice_usd = missed.rows[1].usd
    # Only the share that compression leaves differs between the two.
    assert sum(row.usd for row in missed.rows) - twice_usd == pytest.approx(more_usd, rel=0.05)
    assert missed.kept.failed == view.own.failed + missed.invocations


def test_missed_view_has_a_setting_for_each_sign_and_for_all() -> None:
    """A reader may want some signs only."""
    missed = view_of(study_missed()).missed

    patterns = {sign.name: sign.pattern for sign in SIGNS}
    assert all(row.settings == {"ERROR_PATTERN": patterns[row.sign]} for row in missed.rows)
    together = "|".join(patterns[row.sign] for row in missed.rows)
    assert missed.settings == {"ERROR_PATTERN": together}


def test_missed_view_names_error_level_for_levels_that_the_extension_reads() -> None:
    """No pattern is needed for these."""
    missed = view_of(study_shop(environ={f"{PREFIX}ERROR_LEVEL": "OFF"})).missed

    assert [(row.sign, dict(row.settings)) for row in missed.rows] == [
        ("a line at ERROR", {"ERROR_LEVEL": "ERROR"})
    ]


def test_missed_view_names_signs_that_it_could_not_look_for() -> None:
    """A reader must not take silence for health."""
    missed = view_of(study_shop(environ={f"{PREFIX}ERROR_PATTERN": "x{700}"})).missed

    assert "level word in JSON" in missed.unsearched
    assert view_of(study_shop()).missed.unsearched == []


def test_functions_add_up_to_the_tables(tmp_path: Path) -> None:
    """Lines, failures and money by function are those of the row of the user's own settings."""
    view = view_of_two_functions(tmp_path)

    rows = view.functions
    assert [(row.name, row.invocations, row.lines, row.failed) for row in rows] == [
        ("a", shop_logs.INVOCATIONS, shop_logs.LINES, 5),
        ("b", shop_logs.INVOCATIONS, shop_logs.LINES, 5),
    ]
    assert sum(row.kept for row in rows) == view.own.lines
    assert sum(row.usd for row in rows) == pytest.approx(view.own.usd["cloudwatch"])
    assert sum(row.today_usd for row in rows) == pytest.approx(view.costs.today_usd)
    assert sum(row.net_usd for row in rows) == pytest.approx(
        view.costs.ways(view.own).net_usd("cloudwatch")
    )


def test_functions_of_a_json_log_have_the_name_that_init_tells(tmp_path: Path) -> None:
    """Two files of one function are one row."""
    init = {"functionName": "shop", "functionVersion": "1", "phase": "init"}
    event = {"time": "2026-11-20T08:00:00.000Z", "type": "platform.initStart", "record": init}
    line = {"timestamp": shop_logs.FIRST_MS, "message": json.dumps(event)}
    files = []
    for name in "ab":
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps([{**line, "logStreamName": name}]))
        files.append(str(path))

    view = view_of(study_of(files, grid_of({}, [])))

    assert [row.name for row in view.functions] == ["shop"]
