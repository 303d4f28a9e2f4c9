from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from attach.cloud import watching
from attach.plan.alarms import alarms, names
from attach.plan.model import AttachError, read_function
from tests.services.aws import control_plane
from tests.services.environment import unique
from tests.services.functions import make_function
from tests.templates.attached import DASHBOARD

if TYPE_CHECKING:
    from collections.abc import Callable

    from attach.cloud.command import Aws

pytestmark = [pytest.mark.services, pytest.mark.timeout(120)]


def test_log_group_is_made_once_and_keeps_what_it_has(cloud: Callable[..., Aws]) -> None:
    """A retention of 0 days means for ever."""
    aws, group = cloud(), unique("/kept")
    assert watching.retention(aws, group) is None

    watching.make_group(aws, group)
    watching.make_group(aws, group)
    watching.make_group(aws, f"{group}-2")
    assert watching.retention(aws, group) == 0
    watching.set_retention(aws, group, 7)
    assert watching.retention(aws, group) == 7
    watching.set_retention(aws, group, 0)
    assert watching.retention(aws, group) == 0


def test_error_of_a_log_group_is_an_error(cloud: Callable[..., Aws]) -> None:
    """But for one that is there."""
    with pytest.raises(AttachError, match="made up"):
        watching.make_group(cloud("fail-1"), unique("/kept"))


def test_alarms_and_dashboard_come_and_go(cloud: Callable[..., Aws]) -> None:
    """Deleting none is no call."""
    function, aws = read_function(make_function().configuration), cloud()
    assert watching.there_are(aws, function) == []
    assert not watching.has_dashboard(aws, function)

    for alarm in alarms(function, ""):
        watching.put_alarm(aws, alarm)
    watching.put_dashboard(aws, function, DASHBOARD)
    assert sorted(watching.there_are(aws, function)) == sorted(names(function))
    assert watching.has_dashboard(aws, function)

    watching.delete_alarms(aws, names(function))
    watching.delete_alarms(aws, [])
    watching.delete_dashboard(aws, function)
    assert watching.there_are(aws, function) == []
    assert not watching.has_dashboard(aws, function)


def test_wait_for_a_line_is_bounded(
    cloud: Callable[..., Aws], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that it waits."""
    monkeypatch.setattr(watching, "POLL_S", 0.01)
    aws, group = cloud(), unique("/kept")
    watching.make_group(aws, group)

    with pytest.raises(AttachError, match=f"the recorder delivered nothing to {group} within 0 s"):
        watching.wait_for_line(aws, group, watching.now_ms(), 0.3)

    assert f"nothing in {group} yet" in told[0]


def test_wait_looks_at_streams_with_the_prefix_alone(
    cloud: Callable[..., Aws], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a shared group, what Lambda writes before the Deny is no sign of the recorder."""
    monkeypatch.setattr(watching, "POLL_S", 0.01)
    aws, group, since_ms = cloud(), unique("/aws/lambda/shop"), watching.now_ms()
    watching.make_group(aws, group)

    def write(stream: str, at_ms: int) -> None:
        names = {"logGroupName": group, "logStreamName": stream}
        control_plane().call("Logs_20140328.CreateLogStream", **names)
        event = {"timestamp": at_ms, "message": "a line"}
        control_plane().call("Logs_20140328.PutLogEvents", **names, logEvents=[event])

    write("2026/11/30/[$LATEST]a", since_ms + 2)
    watching.wait_for_line(aws, group, since_ms, 0.3)
    with pytest.raises(AttachError, match="the recorder delivered nothing"):
        watching.wait_for_line(aws, group, since_ms, 0.3, prefix="flight-recorder/")
    write("flight-recorder/2026/11/30/[$LATEST]a", since_ms + 1)
    watching.wait_for_line(aws, group, since_ms, 20, prefix="flight-recorder/")
