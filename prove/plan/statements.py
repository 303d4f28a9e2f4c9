"""Write the policies of a run's roles. Pure.

Each has what docs/sinks/ tells to give a role and no more: the Deny on the function's own log group, and the sink's Allow.
The names of functions end in `*`, because the functions of one sink share a role.
"""

from typing import Any

from attach.plan.model import Function
from attach.plan.statements import document, of_sinks, own_log_group
from extension.config.settings import read_settings
from prove.plan.deployment import Deployment
from prove.plan.kinds import Sink

TRUST = document(
    [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ]
)
"""Lambda may use the role."""


def policy_of(
    deployment: Deployment, sink: Sink, *, partition: str, region: str, account: str
) -> dict[str, Any]:
    """Return the policy of the role of a sink."""
    name = f"{deployment.prefix}-*"
    function = Function(
        name=name,
        arn=f"arn:{partition}:lambda:{region}:{account}:function:{name}",
        role_arn="",
        log_group=f"/aws/lambda/{name}",
    )
    if sink.key == "own":
        return document(_in_own_group(function.arn_of_group(function.log_group)))
    settings, _ = read_settings({"FLIGHT_RECORDER_SINK": sink.url(deployment.prefix)})
    return document([own_log_group(function, "Deny"), *of_sinks(function, settings)])


def _in_own_group(arn: str) -> list[dict[str, Any]]:
    """Return the statements for `own+cloudwatch:`. Lambda's streams begin with the year, and the recorder's do not."""
    writes = ["logs:CreateLogStream", "logs:PutLogEvents"]
    return [
        {"Effect": "Deny", "Action": writes, "Resource": [f"{arn}:log-stream:20*"]},
        {
            "Effect": "Allow",
            "Action": writes,
            "Resource": [arn, f"{arn}:log-stream:flight-recorder/*"],
        },
    ]
