from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from attach.cloud import configuration
from attach.plan.merging import Change
from attach.plan.model import AttachError, Function, read_layer_version
from tests.services.aws import REGION
from tests.services.functions import SECRET, make_function, publish_layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from attach.cloud.command import Aws

pytestmark = [pytest.mark.services, pytest.mark.timeout(120)]


def with_history(now: Function) -> Change:
    return Change(now.layers, {**now.variables, "FLIGHT_RECORDER_HISTORY": "1"})


def test_change_waits_for_the_end_of_the_update(cloud: Callable[..., Aws]) -> None:
    """A new function is not ready yet either. Done again, nothing is changed."""
    made = make_function()

    after = configuration.change(cloud(), made.name, with_history)

    assert after.update_status == "Successful"
    assert made.variables == {"PASSWORD": SECRET, "FLIGHT_RECORDER_HISTORY": "1"}
    assert configuration.change(cloud(), made.name, with_history).revision == after.revision


def test_change_is_made_anew_when_somebody_else_was_quicker(
    cloud: Callable[..., Aws], told: list[str]
) -> None:
    """Theirs stays. After three times the tool gives up."""
    made = make_function()
    text = json.dumps({"FunctionName": made.name, "MemorySize": 256})
    theirs = [
        "lambda",
        "update-function-configuration",
        "--cli-input-json",
        text,
        "--region",
        REGION,
    ]

    with pytest.raises(AttachError, match="PreconditionFailedException"):
        configuration.change(
            cloud("", ("update-function-configuration", "before", theirs)), made.name, with_history
        )

    assert len([line for line in told if "somebody else changed the function" in line]) == 2
    assert "FLIGHT_RECORDER_HISTORY" not in made.variables


def test_update_that_fails_is_a_failure(cloud: Callable[..., Aws]) -> None:
    """Lambda's reason is told; the emulator's updates never fail, so the answer is made up."""
    made = make_function()
    answer = {
        **made.configuration,
        "LastUpdateStatus": "Failed",
        "LastUpdateStatusReason": "no KMS",
    }

    with pytest.raises(AttachError, match="the update of the function is Failed: no KMS"):
        configuration.change(
            cloud("", ("get-function-configuration", "instead", answer)), made.name, with_history
        )


def test_layer_is_described(cloud: Callable[..., Aws]) -> None:
    """Its lists say which functions it is for."""
    layer = publish_layer(CompatibleRuntimes=["python3.13"])

    found = configuration.describe(cloud(), read_layer_version(layer))

    assert found["CompatibleRuntimes"] == ["python3.13"]
    assert found["Content"]["CodeSize"] > 0
