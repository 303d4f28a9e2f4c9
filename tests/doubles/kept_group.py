"""A log group in moto that has what the extension sent in a golden scenario."""

import time

from tests.doubles.golden_events import FIRST_MS, Written, written_to_cloudwatch
from tests.services.aws import AwsService
from tests.services.environment import unique

AGO_MS = 10 * 60 * 1000
"""CloudWatch takes events of the last days, and a search looks at the last hour."""

LOGS = "Logs_20140328"


def put(aws: AwsService, written: Written, *, group: str = "") -> str:
    """Write events into a stream of a group, which is made if it is new; give the group."""
    group = group or f"/flight-recorder/{unique('shop')}"
    groups = aws.call(f"{LOGS}.DescribeLogGroups", logGroupNamePrefix=group)["logGroups"]
    if not groups:
        aws.call(f"{LOGS}.CreateLogGroup", logGroupName=group)
    aws.call(f"{LOGS}.CreateLogStream", logGroupName=group, logStreamName=written.stream)
    aws.call(
        f"{LOGS}.PutLogEvents",
        logGroupName=group,
        logStreamName=written.stream,
        logEvents=sorted(written.events, key=lambda event: event["timestamp"]),
    )
    return group


def kept_group(aws: AwsService, scenario: str = "sink-cloudwatch") -> str:
    """Write a scenario's events, as of some minutes ago; give the group."""
    shift_ms = int(time.time() * 1000) - AGO_MS - FIRST_MS
    return put(aws, written_to_cloudwatch(scenario, shift_ms=shift_ms))
