"""Read and change a function's configuration. A change of somebody else is never overwritten.

Assumes of AWS: UpdateFunctionConfiguration replaces all layers and all variables; with a RevisionId that is no more the
newest it fails with PreconditionFailedException; while another update runs it fails with ResourceConflictException
(AWS Lambda API reference). LastUpdateStatus is InProgress, then Successful or Failed.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from attach.cloud.command import Aws, AwsError
from attach.plan.merging import Change
from attach.plan.model import AttachError, Function, LayerVersion, read_function

UPDATE_TIMEOUT_S = 600.0
"""An update takes seconds; of a function in a VPC, up to a few minutes."""

FIRST_POLL_S, LAST_POLL_S = 0.5, 4.0
"""An update takes a second as a rule; each further look comes after twice the time."""

TELLS_EVERY_S = 5.0
"""While an update runs."""

CHANGED_S = 1.0
"""Before a function that somebody else has just changed is read again."""

MAX_CHANGES = 3
"""How often somebody else may change the function while this tool does, before it gives up."""

STALE = ("PreconditionFailedException", "ResourceConflictException")


def read(aws: Aws, function: str, qualifier: str = "") -> Function:
    """Return a function's configuration, or that of a version."""
    more = ["--qualifier", qualifier] if qualifier else []
    answer = aws.call("lambda", "get-function-configuration", "--function-name", function, *more)
    found = read_function(answer)
    aws.hide(found.variables)
    return found


def read_when_still(aws: Aws, function: str) -> Function:
    """Return the configuration when no update runs any more.

    Raises:
        AttachError: The update did not end in time.
    """
    started = time.monotonic()
    told, poll_s = started, FIRST_POLL_S
    while True:
        found = read(aws, function)
        if found.update_status != "InProgress":
            return found
        now = time.monotonic()
        if now - started > UPDATE_TIMEOUT_S:
            raise AttachError(f"an update of the function still runs after {now - started:.0f} s")
        if now - told > TELLS_EVERY_S:
            told = now
            aws.tell(f"the update of the function runs, {now - started:.0f} s")
        aws.sleep(poll_s)
        poll_s = min(poll_s * 2, LAST_POLL_S)


def change(aws: Aws, function: str, make: Callable[[Function], Change]) -> Function:
    """Change a function, wait for the end of the update, and return what Lambda has then.

    Args:
        aws: The command.
        function: Its name.
        make: Works out the change from the function as it is, and is asked again if somebody else changed it.

    Raises:
        AttachError: Lambda refused the change or the update failed, or what it has then is not what was asked for.
    """
    for left in reversed(range(MAX_CHANGES)):
        before = read_when_still(aws, function)
        wanted = make(before)
        if wanted.is_at(before):
            return _successful(before)
        try:
            _update(aws, before, wanted)
        except AwsError as error:
            if error.code not in STALE or not left:
                raise
            aws.tell(
                f"somebody else changed the function meanwhile ({error.code}): reading it again"
            )
            aws.sleep(CHANGED_S)
            continue
        after = _successful(read_when_still(aws, function))
        if not make(after).is_at(after):
            raise AttachError(
                "Lambda's configuration shows another layer or other variables than were put"
            )
        return after
    raise AttachError("the function changed all the time")


def describe(aws: Aws, layer: LayerVersion) -> Mapping[str, Any]:
    """Return what Lambda tells of a layer's version."""
    answer = aws.call(
        "lambda",
        "get-layer-version",
        "--layer-name",
        layer.layer_arn,
        "--version-number",
        layer.version,
    )
    return dict(answer or {})


def _update(aws: Aws, before: Function, wanted: Change) -> None:
    aws.hide(wanted.variables)
    given = {
        "FunctionName": before.name,
        "RevisionId": before.revision,
        "Layers": list(wanted.layers),
        "Environment": {"Variables": dict(wanted.variables)},
    }
    # The answer has all variables.
    aws.call("lambda", "update-function-configuration", "--query", "LastUpdateStatus", given=given)


def _successful(function: Function) -> Function:
    if function.update_status != "Successful":
        why = function.update_reason or "Lambda gives no reason"
        raise AttachError(f"the update of the function is {function.update_status}: {why}")
    return function
