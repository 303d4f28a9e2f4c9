from __future__ import annotations

import json

from attach.plan.alarms import alarms, dashboard, is_dashboard, names
from tests.doubles.shop_function import FUNCTION
from tests.templates.attached import DASHBOARD


def test_alarms_have_the_names_that_are_deleted() -> None:
    """The templates' contract holds the rest of them."""
    assert [one["AlarmName"] for one in alarms(FUNCTION, "")] == names(FUNCTION)
    assert {"AlarmActions"} & {key for one in alarms(FUNCTION, "") for key in one} == set()
    assert all(one["AlarmActions"] == ["topic"] for one in alarms(FUNCTION, "topic"))


def test_dashboard_names_the_function_and_its_region() -> None:
    """The file has two words for them."""
    body = dashboard(FUNCTION, DASHBOARD)

    assert json.loads(body)["widgets"]
    assert "FUNCTION_NAME" not in body
    assert "eu-west-1" in body


def test_file_that_is_no_dashboard_is_told() -> None:
    """Before anything is changed."""
    assert is_dashboard(DASHBOARD)
    assert [is_dashboard(text) for text in ("", "[]", "{}", "{")] == [False] * 4
