from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from attach.cloud import roles
from attach.cloud.command import Interrupted
from attach.plan.model import AttachError, read_function
from attach.plan.statements import deny_of_own_log_group, own_log_group
from extension.config.settings import read_settings
from tests.doubles.shop_function import FUNCTION
from tests.services.functions import make_function

if TYPE_CHECKING:
    from collections.abc import Callable

    from attach.cloud.command import Aws


@pytest.mark.services
def test_policy_is_put_read_and_deleted(cloud: Callable[..., Aws]) -> None:
    """One that is not there is nothing to delete."""
    made = make_function()
    function, aws = read_function(made.configuration), cloud()
    deny = own_log_group(function, "Deny")
    assert roles.read_policy(aws, function) is None

    roles.put_policy(aws, function, [deny])
    assert roles.read_policy(aws, function) == [deny]
    assert roles.decision(aws, function) == roles.DENIED
    with pytest.raises(AttachError, match="another policy of role"):
        assert roles.wait_until_undenied(aws, function, 0)

    roles.put_policy(aws, function, [])
    roles.put_policy(aws, function, [])
    assert roles.read_policy(aws, function) is None
    assert roles.decision(aws, function) == "allowed"
    assert roles.wait_until_undenied(aws, function, 0)


@pytest.mark.services
def test_deny_of_lambdas_streams_is_a_deny(cloud: Callable[..., Aws]) -> None:
    """IAM is asked about a stream that is called as Lambda's are."""
    function, aws = read_function(make_function().configuration), cloud()
    shared, _ = read_settings({"FLIGHT_RECORDER_SINK": "own+cloudwatch:"})

    roles.put_policy(aws, function, [deny_of_own_log_group(function, shared)])

    assert roles.decision(aws, function) == roles.DENIED


@pytest.mark.services
def test_error_that_says_nothing_of_absence_is_an_error(cloud: Callable[..., Aws]) -> None:
    """No policy is one thing, no answer another."""
    function = read_function(make_function().configuration)

    with pytest.raises(AttachError, match="made up"):
        roles.read_policy(cloud("fail-1"), function)
    with pytest.raises(AttachError, match="made up"):
        roles.put_policy(cloud("fail-1"), function, [])


@pytest.mark.services
def test_role_is_changed_for_one_function_at_a_time(
    cloud: Callable[..., Aws], monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    """A second one waits, and says so; a signal ends the wait."""
    monkeypatch.setattr(roles, "POLL_S", 1 / 64)
    monkeypatch.setattr(roles, "SAYS_SO_EVERY_S", 1 / 64)
    aws, inside, go_on = cloud(), threading.Event(), threading.Event()

    def other() -> None:
        with roles.alone(cloud(), FUNCTION):
            inside.set()
            go_on.wait(20)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(20)
    waiting = threading.Timer(0.2, lambda: aws.stop.ask(15))
    waiting.start()
    with pytest.raises(Interrupted), roles.alone(aws, FUNCTION):
        pass
    go_on.set()
    thread.join()

    assert "another function of role r is at work" in told[0]
