"""Read and change the tool's policy in a function's role, and ask IAM whether the function may log.

Assumes of AWS: SimulatePrincipalPolicy judges by all policies of a role, its boundary too, and says `explicitDeny` where
one denies (IAM API reference). A change of a policy reaches all of IAM within seconds (IAM User Guide, "Changes that I
make are not always immediately visible").
"""

import contextlib
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from attach.cloud.command import SAYS_SO_EVERY_S, Aws, AwsError, is_absent
from attach.plan.model import AttachError, Function
from attach.plan.statements import Statement, document, statements_of

ALLOWED, DENIED = "allowed", "explicitDeny"
ABSENT = ("NoSuchEntity", "NoSuchEntityException")

LAMBDAS_STREAM = "2026/01/01/any"
"""Called as Lambda calls its streams: a Deny may name them alone."""

POLL_S = 1.0

_locks: dict[str, threading.Lock] = {}
_guard = threading.Lock()


@contextlib.contextmanager
def alone(aws: Aws, function: Function) -> Iterator[None]:
    """Let no other function of this run change the role meanwhile: IAM refuses changes at the same time."""
    with _guard:
        lock = _locks.setdefault(function.role_arn, threading.Lock())
    waited_s = 0.0
    while not lock.acquire(timeout=POLL_S):
        aws.stop.check()
        waited_s += POLL_S
        if not waited_s % SAYS_SO_EVERY_S:
            aws.tell(f"another function of role {function.role} is at work, {waited_s:.0f} s")
    try:
        yield
    finally:
        lock.release()


def read_policy(aws: Aws, function: Function) -> list[Statement] | None:
    """Return the statements of the tool's policy for a function; None if there is no policy."""
    try:
        answer = aws.call(
            "iam",
            "get-role-policy",
            "--role-name",
            function.role,
            "--policy-name",
            function.policy,
        )
    except AwsError as error:
        if is_absent(error, ABSENT):
            return None
        raise
    found: Mapping[str, Any] | str = answer["PolicyDocument"]
    return statements_of(json.loads(unquote(found)) if isinstance(found, str) else found)


def put_policy(aws: Aws, function: Function, statements: Sequence[Statement]) -> None:
    """Put the tool's policy; without a statement, delete it."""
    names = ["--role-name", function.role, "--policy-name", function.policy]
    if statements:
        text = json.dumps(document(statements))
        aws.call("iam", "put-role-policy", *names, "--policy-document", text)
        return
    try:
        aws.call("iam", "delete-role-policy", *names)
    except AwsError as error:
        if not is_absent(error, ABSENT):
            raise


def decision(aws: Aws, function: Function) -> str:
    """Return IAM's word on a line in the function's own log group: allowed, implicitDeny or explicitDeny."""
    answer = aws.call(
        "iam",
        "simulate-principal-policy",
        "--policy-source-arn",
        function.role_arn,
        "--action-names",
        "logs:PutLogEvents",
        "--resource-arns",
        f"{function.arn_of_group(function.log_group)}:log-stream:{LAMBDAS_STREAM}",
    )
    results = answer["EvaluationResults"]
    return str(results[0]["EvalDecision"]) if results else "implicitDeny"


def wait_until_undenied(aws: Aws, function: Function, timeout_s: float) -> bool:
    """Return when nothing denies the function its own log group: True if something allows it.

    Args:
        aws: The command.
        function: The function.
        timeout_s: The most that IAM may take to tell of a change.

    Raises:
        AttachError: Something else denies it.
    """
    started = told = time.monotonic()
    while (found := decision(aws, function)) == DENIED:
        if time.monotonic() - started > timeout_s:
            raise AttachError(
                f"another policy of role {function.role} denies {function.log_group}. Without the layer the function would"
                " log nowhere, so the layer stays. Take that Deny away with the tool that put it there"
            )
        if time.monotonic() - told > SAYS_SO_EVERY_S - POLL_S:
            told = time.monotonic()
            aws.tell(f"IAM still tells of a Deny on {function.log_group}")
        aws.sleep(POLL_S)
    return found == ALLOWED
