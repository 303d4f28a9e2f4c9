"""Make log groups, alarms and dashboards, and see whether the recorder has delivered something.

Promises: no log group is deleted, and the retention of one that was there changes only if it is asked for.
"""

import time
from collections.abc import Sequence
from typing import Any

from attach.cloud.command import Aws, AwsError
from attach.plan import alarms
from attach.plan.model import AttachError, Function

CLOCKS_MS = 30_000
"""This machine's clock may be so much ahead of AWS's."""

POLL_S = 2.0


def retention(aws: Aws, group: str) -> int | None:
    """Return the retention of a log group in days, 0 for one that keeps events for ever; None if there is no group."""
    answer = aws.call(
        "logs", "describe-log-groups", "--log-group-name-prefix", group, "--query", "logGroups"
    )
    for one in answer or ():
        if one["logGroupName"] == group:
            return int(one.get("retentionInDays") or 0)
    return None


def make_group(aws: Aws, group: str) -> None:
    """Make a log group, if it is not there."""
    try:
        aws.call("logs", "create-log-group", "--log-group-name", group)
    except AwsError as error:
        if error.code != "ResourceAlreadyExistsException":
            raise


def set_retention(aws: Aws, group: str, days: int) -> None:
    """Set the retention of a log group; with 0, events stay for ever."""
    if days:
        more = ["--retention-in-days", str(days)]
        aws.call("logs", "put-retention-policy", "--log-group-name", group, *more)
    else:
        aws.call("logs", "delete-retention-policy", "--log-group-name", group)


def there_are(aws: Aws, function: Function) -> list[str]:
    """Return the names of the function's alarms that are there."""
    answer = aws.call(
        "cloudwatch",
        "describe-alarms",
        "--alarm-names",
        *alarms.names(function),
        "--query",
        "MetricAlarms[].AlarmName",
    )
    return [str(name) for name in answer or ()]


def put_alarm(aws: Aws, alarm: dict[str, Any]) -> None:
    """Put an alarm."""
    aws.call("cloudwatch", "put-metric-alarm", given=alarm)


def delete_alarms(aws: Aws, names: Sequence[str]) -> None:
    """Delete alarms; those that are not there are none of AWS's business."""
    if names:
        aws.call("cloudwatch", "delete-alarms", "--alarm-names", *names)


def put_dashboard(aws: Aws, function: Function, template: str) -> None:
    """Put the function's dashboard."""
    body = alarms.dashboard(function, template)
    name = alarms.dashboard_name(function)
    aws.call("cloudwatch", "put-dashboard", given={"DashboardName": name, "DashboardBody": body})


def has_dashboard(aws: Aws, function: Function) -> bool:
    """Tell whether the function's dashboard is there."""
    name = alarms.dashboard_name(function)
    answer = aws.call(
        "cloudwatch",
        "list-dashboards",
        "--dashboard-name-prefix",
        name,
        "--query",
        "DashboardEntries[].DashboardName",
    )
    return name in (answer or ())


def delete_dashboard(aws: Aws, function: Function) -> None:
    """Delete the function's dashboard."""
    name = alarms.dashboard_name(function)
    aws.call("cloudwatch", "delete-dashboards", "--dashboard-names", name)


def now_ms() -> int:
    """Return the time from which on an event is a new one."""
    return time.time_ns() // 1_000_000 - CLOCKS_MS


def invoke(aws: Aws, function: Function, payload: bytes) -> str:
    """Invoke a function and return the kind of its error; empty for none."""
    answer = aws.call(
        "lambda",
        "invoke",
        "--function-name",
        function.name,
        "--cli-read-timeout",
        "0",
        "/dev/null",
        payload=payload,
    )
    return str((answer or {}).get("FunctionError") or "")


def wait_for_line(
    aws: Aws, group: str, since_ms: int, timeout_s: float, *, prefix: str = ""
) -> None:
    """Return when a log group has an event that is new, in a stream whose name begins with a prefix.

    Raises:
        AttachError: None came in time.
    """
    started = time.monotonic()
    told = started
    while True:
        answer = aws.call(
            "logs",
            "filter-log-events",
            "--log-group-name",
            group,
            "--start-time",
            str(since_ms),
            "--max-items",
            "1",
            *(["--log-stream-name-prefix", prefix] if prefix else []),
            "--query",
            f"events[?starts_with(logStreamName, '{prefix}')].eventId",
        )
        if answer:
            return
        now = time.monotonic()
        if now - started > timeout_s:
            raise AttachError(f"the recorder delivered nothing to {group} within {timeout_s:.0f} s")
        if now - told > POLL_S * 3:
            told = now
            aws.tell(f"nothing in {group} yet, {now - started:.0f} s")
        aws.sleep(POLL_S)
