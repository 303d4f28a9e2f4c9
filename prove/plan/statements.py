"""Write the policies of a run's roles. Pure.

Each has what docs/sinks/ tells to give a role and no more: the Deny on the function's own log group, and the sink's Allow.
The names of functions end in `*`, because the functions of one sink share a role.
"""

from typing import Any

from attach.plan.model import Function
from attach.plan.statements import deny_of_own_log_group, document, of_sinks
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
    settings, _ = read_settings({"FLIGHT_RECORDER_SINK": sink.url(deployment.prefix)})
    return document([deny_of_own_log_group(function, settings), *of_sinks(function, settings)])
