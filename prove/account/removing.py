"""Take down what a run made, and say what could not be taken down.

Promises: each thing is tried, whatever becomes of the others. What is not there any more is as good as removed. What
could not be removed stays in the journal.

Assumes of AWS: an environment that ends after its function was deleted makes no log group anew. Its role does not allow it.
"""

import contextlib
import json

from attach.cloud.command import Aws, AwsError, is_absent
from attach.plan.model import told
from prove.account.journal import Journal, Thing
from prove.plan.deployment import NAME

ABSENT = (
    "ResourceNotFoundException",
    "NoSuchEntity",
    "NoSuchEntityException",
    "NoSuchBucket",
    "404",
)

DELETED_AT_A_TIME = 1000
"""The most objects of one request (AWS: DeleteObjects)."""

TRIES = 5
"""An environment that ends may write an object after the bucket was emptied: Lambda gives it two seconds."""

BETWEEN_TRIES_S = 2.0


def remove_all(aws: Aws, journal: Journal) -> list[str]:
    """Remove everything in the journal; return what is left, in sentences.

    Args:
        aws: The command, which no signal ends.
        journal: What the run made.
    """
    left = []
    for thing in journal.things:
        aws.tell(f"removing the {thing.kind} {thing.name}")
        why = _removed(aws, thing)
        if why:
            left.append(f"the {thing.kind} {thing.name} is left: {why}")
        else:
            # A journal that cannot be written says too much: the next --clean finds nothing there.
            with contextlib.suppress(OSError):
                journal.remove(thing)
    return left


def _removed(aws: Aws, thing: Thing) -> str:
    """Remove a thing; return why it could not be removed, or nothing."""
    if NAME not in thing.name:  # somebody has edited the journal
        return f"its name has no {NAME}"
    remove = {
        "function": _function,
        "bucket": _bucket,
        "group": _group,
        "role": _role,
        "layer": _layer,
    }[thing.kind]
    try:
        remove(aws, thing.name)
    except AwsError as error:
        return "" if is_absent(error, ABSENT) else str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other things are removed
        return told(error)
    return ""


def _function(aws: Aws, name: str) -> None:
    aws.call("lambda", "delete-function", "--function-name", name)


def _group(aws: Aws, name: str) -> None:
    aws.call("logs", "delete-log-group", "--log-group-name", name)


def _role(aws: Aws, name: str) -> None:
    try:
        aws.call("iam", "delete-role-policy", "--role-name", name, "--policy-name", name)
    except AwsError as error:
        if not is_absent(error, ABSENT):
            raise
    aws.call("iam", "delete-role", "--role-name", name)


def _layer(aws: Aws, name: str) -> None:
    answer = aws.call("lambda", "list-layer-versions", "--layer-name", name)
    for one in (answer or {}).get("LayerVersions") or []:
        aws.call(
            *("lambda", "delete-layer-version", "--layer-name", name),
            *("--version-number", str(one["Version"])),
        )


def _bucket(aws: Aws, name: str) -> None:
    for attempt in range(1, TRIES + 1):
        _empty(aws, name)
        try:
            aws.call("s3api", "delete-bucket", "--bucket", name)
        except AwsError as error:
            if error.code != "BucketNotEmpty" or attempt == TRIES:
                raise
            aws.sleep(BETWEEN_TRIES_S)
        else:
            return


def _empty(aws: Aws, name: str) -> None:
    answer = aws.call("s3api", "list-objects-v2", "--bucket", name)
    keys = [{"Key": one["Key"]} for one in (answer or {}).get("Contents") or []]
    for begin in range(0, len(keys), DELETED_AT_A_TIME):
        some = {"Objects": keys[begin : begin + DELETED_AT_A_TIME], "Quiet": True}
        aws.call("s3api", "delete-objects", "--bucket", name, "--delete", json.dumps(some))
