"""What a function is attached with, whichever tool did it, and what has to be true of that.

Promises: :func:`check` holds every way to the same contract; what a role may do is decided as AWS does it for policies of
one identity without conditions: a Deny wins over any Allow, and what nothing allows is denied (IAM User Guide, "Policy
evaluation logic").
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.services.aws import ACCOUNT, REGION
from tests.templates.validators import ROOT, TEMPLATES

LAYER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:flight-recorder:1"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:on-call"

SINKS = {
    "cloudwatch": "cloudwatch:",
    "s3": "s3://my-logs/lambda",
    "firehose": "firehose:kept-logs",
    "http": "otlp+https://collector.example.com:4318",
}
"""A value for each kind of sink, as docs/sinks/ has them in its examples."""

DASHBOARD = (TEMPLATES / "dashboard.json").read_text(encoding="utf-8")
"""With two words that are replaced: FUNCTION_NAME and REGION."""

QUERIES = {
    name: "\n".join(one["query"])
    for name, one in json.loads((TEMPLATES / "queries.json").read_text("utf-8")).items()
}
"""The one place of the saved queries, which every template repeats."""

MAX_DESCRIPTION_CHARS = 1024
"""AWS: PutMetricAlarm, AlarmDescription."""

OWN_LOG = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")

BASIC_EXECUTION = {"Effect": "Allow", "Action": list(OWN_LOG), "Resource": "*"}
"""What the managed policy AWSLambdaBasicExecutionRole has (AWS managed policy reference)."""

ALARMS = {
    "delivery-failing": ("FailedDeliveries", "Sum", 1, 3, 2),
    "lines-lost": ("LostLines", "Sum", 0, 1, 1),
    "buffer-full": ("BufferUsed", "Maximum", 90, 3, 2),
}
"""Metric, statistic, threshold, periods, and how many of those have to be over it."""

FLEET = "flight-recorder"
"""The fleet of functions whose template is given none."""

SILENCE = "IF(FILL(invoked, 0) > 0 AND FILL(recorded, 0) == 0, 1, 0)"


@dataclass(kw_only=True)
class Attached:
    """A function, and what was made beside it.

    Attributes:
        function: Its name.
        environment: Its variables.
        layers: ARNs.
        statements: Of all the policies of its role that were made for it.
        managed: Managed policies of its role.
        retention_days: By log group.
        alarms: By name, in CloudFormation's terms.
        dashboards: Bodies by name.
        queries: Texts and log groups by name.
        saves_queries: Whether the way saves them, if there is a log group for them.
    """

    function: str
    environment: dict[str, str]
    layers: list[str]
    statements: list[dict[str, Any]]
    managed: list[str] = field(default_factory=list)
    retention_days: dict[str, int] = field(default_factory=dict)
    alarms: dict[str, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, str] = field(default_factory=dict)
    queries: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    saves_queries: bool = False


def check(
    attached: Attached,
    sink: str,
    *,
    own_log_group: str = "deny",
    topic: str = "",
    fleet: str = FLEET,
) -> None:
    """Hold what a tool made to what every way promises.

    Args:
        attached: What it made.
        sink: A key of SINKS.
        own_log_group: `deny`, `allow` or `share`.
        topic: The topic that alarms notify.
        fleet: The fleet whose metrics the function's are, and whose alarms are made elsewhere; empty for no fleet.
    """
    function = attached.function
    kept = f"/flight-recorder/{function}"
    own = f"/aws/lambda/{function}"
    to_cloudwatch = sink == "cloudwatch"
    assert attached.layers == [LAYER]
    if attached.saves_queries:
        check_queries(
            attached, saved=to_cloudwatch, group=own if own_log_group == "share" else kept
        )
    # With the sink elsewhere and the own log group denied, the recorder's metrics reach nobody.
    rings = to_cloudwatch or own_log_group == "allow"
    is_shared = own_log_group == "share"
    named = f"own+cloudwatch:{own}" if is_shared else f"cloudwatch:{kept}"
    assert {"FLIGHT_RECORDER_METRICS": "off"} | attached.environment == {
        "FLIGHT_RECORDER_SINK": named if to_cloudwatch else SINKS[sink],
        "FLIGHT_RECORDER_SAMPLE_RATE": "0.1",
        "FLIGHT_RECORDER_METRICS": "5m" if rings else "off",
        **({"FLIGHT_RECORDER_METRICS_FLEET": fleet} if rings and fleet else {}),
    }
    groups = {kept} if to_cloudwatch and not is_shared else set()
    groups |= set() if own_log_group == "deny" else {own}
    assert attached.retention_days == dict.fromkeys(groups, 30)
    _check_role(attached, sink, own_log_group=own_log_group)
    _check_alarms(attached, rings=rings and not fleet, topic=topic)


def check_queries(attached: Attached, *, saved: bool = True, group: str = "") -> None:
    """Hold the saved queries to the file that has them, and the alarms to what is saved.

    Args:
        attached: What a tool made.
        saved: Whether there are queries.
        group: The log group of the kept lines, if it is not the default.
    """
    prefix = f"flight-recorder/{attached.function}/"
    kept = group or f"/flight-recorder/{attached.function}"
    wanted = {
        prefix + name: (text, [] if name == "transaction" else [kept])
        for name, text in QUERIES.items()
    }
    assert attached.queries == (wanted if saved else {})
    for alarm in attached.alarms.values():
        description = alarm["AlarmDescription"]
        assert len(description) <= MAX_DESCRIPTION_CHARS
        page, _, anchor = re.findall(r"\((docs/[a-z]+\.md)(#([a-z-]+))?\)", description)[0]
        headings = re.findall(r"^#+ (.*)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
        assert not anchor or anchor in [one.lower().replace(" ", "-") for one in headings]
        named = re.findall(r"Run the query (\S+): (\S+)", description)
        assert [name in attached.queries for name, _ in named] == ([True] if saved else [])
        assert [link for _, link in named] == ([_insights_link(kept)] if saved else [])


def _insights_link(group: str) -> str:
    """Write the console's address of Logs Insights with a group chosen, in the console's own escapes.

    AWS documents them nowhere. A text has a quote before it, and asterisks in its escapes. The detail is escaped twice, and
    dollars stand in place of percent signs.
    """
    detail = f"~(source~(~'{group.replace('/', '*2f')}))"
    for character in "~()'":
        detail = detail.replace(character, f"$25{ord(character):02X}")
    console = f"https://{REGION}.console.aws.amazon.com/cloudwatch/home?region={REGION}"
    return f"{console}#logsV2:logs-insights$3FqueryDetail$3D{detail}"


def check_dashboard(attached: Attached) -> None:
    """Hold a dashboard that was made of DASHBOARD to what it has to say of the function."""
    wanted = DASHBOARD.replace("FUNCTION_NAME", attached.function).replace("REGION", REGION)
    bodies = {name: json.loads(body) for name, body in attached.dashboards.items()}
    assert bodies == {f"flight-recorder-{attached.function}": json.loads(wanted)}


def least(sink: str, function: str, *, own_log_group: str = "deny") -> list[dict[str, Any]]:
    """Give the statements of a role that may do what a sink needs and no more, as the sink's page has them."""
    if own_log_group == "share":
        return documented("cloudwatch", "In the function's own log group", function)
    page = sink if sink in ("cloudwatch", "s3", "firehose") else "otlp"
    [own] = documented(page, "Stop paying for the rest", function)
    statements = [own | {"Effect": own_log_group.capitalize()}]
    if sink != "http":
        [allowed] = documented(page, "Permissions", function)
        # The group is made with the function, so that its retention is set before the first line.
        actions = [one for one in allowed["Action"] if one != "logs:CreateLogGroup"]
        statements.append(allowed | {"Action": actions})
    return statements


def _check_role(attached: Attached, sink: str, *, own_log_group: str) -> None:
    assert attached.statements == least(sink, attached.function, own_log_group=own_log_group)
    assert attached.managed == []

    own = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{attached.function}"
    is_shared = own_log_group == "share"
    stream = f"{own}:log-stream:2026/11/25/[$LATEST]0123"
    for action in OWN_LOG[1:] if is_shared else OWN_LOG:
        for resource in (stream,) if is_shared else (own, f"{own}:*", stream):
            may = allows(attached.statements, action, resource)
            assert may is (own_log_group == "allow"), (action, resource)
            if own_log_group != "allow":
                # The trap: who attaches the managed policy as well does not take the Deny away.
                assert not allows([*attached.statements, BASIC_EXECUTION], action, resource)
    needing = "shared" if is_shared else sink
    for name, needs in NEEDS.items():
        if name == "shared" and own_log_group == "allow":
            continue
        for action, resource in needs:
            place = resource.replace("FUNCTION", attached.function)
            assert allows(attached.statements, action, place) is (name == needing), (action, place)
    elsewhere = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{attached.function}-2:*"
    assert not allows(attached.statements, "logs:PutLogEvents", elsewhere)


NEEDS = {
    "cloudwatch": (
        (
            "logs:CreateLogStream",
            f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/flight-recorder/FUNCTION",
        ),
        (
            "logs:PutLogEvents",
            f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/flight-recorder/FUNCTION:log-stream:2026/11/25/[1]ab",
        ),
    ),
    "shared": tuple(
        (
            action,
            f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/FUNCTION:log-stream:flight-recorder/2026/11/25/[1]ab",
        )
        for action in ("logs:CreateLogStream", "logs:PutLogEvents")
    ),
    "s3": (
        ("s3:PutObject", "arn:aws:s3:::my-logs/lambda/function=FUNCTION/year=2026/a.ndjson.gz"),
    ),
    "firehose": (
        (
            "firehose:PutRecordBatch",
            f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/kept-logs",
        ),
    ),
}
"""The calls that each sink makes, and on what (extension/sinks/); `shared` is `cloudwatch` in the function's own log group."""


def _check_alarms(attached: Attached, *, rings: bool, topic: str) -> None:
    if not rings:
        assert attached.alarms == {}
        return
    prefix = f"{attached.function}-flight-recorder-"
    assert sorted(attached.alarms) == sorted(prefix + name for name in (*ALARMS, "silent"))
    dimensions = [{"Name": "FunctionName", "Value": attached.function}]
    for name, (metric, statistic, threshold, periods, points) in ALARMS.items():
        alarm = attached.alarms[prefix + name]
        assert (alarm["Namespace"], alarm["MetricName"]) == ("FlightRecorder", metric)
        assert alarm["Dimensions"] == dimensions
        assert (alarm["Statistic"], alarm["Period"]) == (statistic, 300)
        assert alarm["Threshold"] == threshold
        assert alarm["EvaluationPeriods"] == periods
        assert alarm.get("DatapointsToAlarm", periods) == points
    silent = attached.alarms[prefix + "silent"]
    by_id = {one["Id"]: one for one in silent["Metrics"]}
    returned = [one for one in silent["Metrics"] if one.get("ReturnData", True)]
    assert [one.get("Expression") for one in returned] == [SILENCE]
    for key, namespace in (("invoked", "AWS/Lambda"), ("recorded", "FlightRecorder")):
        counted = by_id[key]["MetricStat"]
        assert (counted["Stat"], counted["Period"]) == ("Sum", 3600)
        assert counted["Metric"] == {
            "Namespace": namespace,
            "MetricName": "Invocations",
            "Dimensions": dimensions,
        }
    assert (silent["EvaluationPeriods"], silent["Threshold"]) == (2, 0)
    for alarm in attached.alarms.values():
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmDescription"]
        assert (alarm.get("AlarmActions") or []) == ([topic] if topic else [])


def allows(statements: Iterable[dict[str, Any]], action: str, resource: str) -> bool:
    """Tell whether a role with these statements may do that."""
    verdict = False
    for statement in statements:
        if not any(_matches(one, action) for one in _list(statement["Action"])):
            continue
        if any(_matches(one, resource) for one in _list(statement["Resource"])):
            if statement["Effect"] == "Deny":
                return False
            verdict = True
    return verdict


def normal(statement: dict[str, Any]) -> dict[str, Any]:
    """Give a statement with lists for actions and resources."""
    return {
        "Effect": statement["Effect"],
        "Action": _list(statement["Action"]),
        "Resource": _list(statement["Resource"]),
    }


@cache
def documented(sink: str, section: str, function: str) -> list[dict[str, Any]]:
    """Give the statements that a sink's page has in a section, for a function."""
    page = (ROOT / "docs" / "sinks" / f"{sink}.md").read_text(encoding="utf-8")
    text = page.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert found is not None, f"no statement in {sink}.md under {section}"
    statements = found.group(1)
    for name, value in (("REGION", REGION), ("ACCOUNT", ACCOUNT), ("FUNCTION", function)):
        statements = statements.replace(name, value)
    read = json.loads(statements)
    return [normal(one) for one in (read if isinstance(read, list) else [read])]


def _matches(pattern: str, value: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _list(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
