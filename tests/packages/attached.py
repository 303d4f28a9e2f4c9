"""What a package attaches to a function that is not its own, and what has to be true of that."""

import re
from collections.abc import Mapping

from tests.services.aws import ACCOUNT, REGION
from tests.templates.attached import (
    BASIC_EXECUTION,
    FLEET,
    LAYER,
    NEEDS,
    OWN_LOG,
    SINKS,
    Attached,
    _check_alarms,
    allows,
    least,
    normal,
)
from tests.templates.cloudformation import Stack
from tests.templates.validators import ROOT

PACKAGES = ROOT / "packages"

PAGES = ROOT / "docs" / "attach"


def example(page: str, language: str) -> str:
    """Give the first block of code in a language that a page of docs/attach/ has."""
    text = (PAGES / page).read_text(encoding="utf-8")
    return text.split(f"```{language}\n", 1)[1].split("```\n", 1)[0]


def check(
    attached: Attached,
    sink: str,
    *,
    settings: Mapping[str, str] | None = None,
    own_log_group: str = "deny",
    topic: str = "",
    fleet: str = FLEET,
) -> None:
    """Hold what a package attached to the same promises as the templates (tests/templates/attached.py).

    A package leaves a function's own log group, and the permissions for it, alone where it does not deny them.

    Args:
        attached: The function.
        sink: A key of SINKS.
        settings: Other settings, without their prefix.
        own_log_group: `deny` or `allow`.
        topic: The topic that alarms notify.
        fleet: The fleet whose metrics the function's are; empty for no fleet.
    """
    function = attached.function
    kept = f"/flight-recorder/{function}"
    to_cloudwatch = sink == "cloudwatch"
    assert attached.layers == [LAYER]
    rings = to_cloudwatch or own_log_group == "allow"
    assert attached.environment == {
        "FLIGHT_RECORDER_SINK": f"cloudwatch:{kept}" if to_cloudwatch else SINKS[sink],
        "FLIGHT_RECORDER_SAMPLE_RATE": "0.1",
        **({"FLIGHT_RECORDER_METRICS": "5m"} if rings else {}),
        **({"FLIGHT_RECORDER_METRICS_FLEET": fleet} if rings and fleet else {}),
        **{f"FLIGHT_RECORDER_{name}": value for name, value in (settings or {}).items()},
    }
    assert attached.retention_days == ({kept: 30} if to_cloudwatch else {})
    wanted = least(sink, function, own_log_group=own_log_group)
    if own_log_group == "allow":
        del wanted[0]
    assert attached.statements == wanted
    check_permissions(attached, sink, own_log_group=own_log_group)
    _check_alarms(attached, rings=rings and not fleet, topic=topic)


def check_permissions(attached: Attached, sink: str, *, own_log_group: str = "deny") -> None:
    """Hold the role of a function, with AWSLambdaBasicExecutionRole beside, to what a sink needs."""
    basic = [*attached.statements, BASIC_EXECUTION]
    own = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{attached.function}"
    for action in OWN_LOG:
        for resource in (own, f"{own}:*", f"{own}:log-stream:2026/11/25/[$LATEST]0123"):
            assert allows(basic, action, resource) is (own_log_group == "allow"), (action, resource)
    for name, needs in NEEDS.items():
        for action, resource in needs:
            place = resource.replace("FUNCTION", attached.function)
            assert allows(attached.statements, action, place) is (name == sink), (action, place)


def functions(stack: Stack) -> dict[str, Attached]:
    """Give what each function of a stack is attached with, by its logical id without CDK's hash.

    A function that CloudFormation names has its logical id for a name.
    """
    found = {}
    groups = {
        str(one["LogGroupName"]): int(one["RetentionInDays"])
        for one in stack.resources("AWS::Logs::LogGroup").values()
        if str(one["LogGroupName"]).startswith("/flight-recorder/")
    }
    policies = [
        *stack.resources("AWS::IAM::Policy").values(),
        *stack.resources("AWS::IAM::ManagedPolicy").values(),
    ]
    for logical_id, one in stack.resources("AWS::Lambda::Function").items():
        name = one.get("FunctionName", logical_id)
        role = str(one["Role"]).partition(".")[0].rpartition("/")[2]
        statements = [
            normal(statement)
            for policy in policies
            if role in policy.get("Roles", [])
            for statement in policy["PolicyDocument"]["Statement"]
        ]
        found[re.sub(r"[0-9A-F]{8}$", "", logical_id)] = Attached(
            function=name,
            environment=one.get("Environment", {}).get("Variables", {}),
            layers=one.get("Layers", []),
            statements=sorted(statements, key=lambda one: "/aws/lambda/" not in one["Resource"][0]),
            retention_days={
                group: days for group, days in groups.items() if group.endswith(f"/{name}")
            },
        )
    return found
