"""The alarms and the dashboard of a fleet, which its functions' templates leave out."""

import json
from typing import Any

import pytest

from extension.diagnostics.metrics import FLEET_DIMENSION, METRICS
from tests.services.aws import REGION, moto
from tests.templates.attached import ALARMS, TOPIC
from tests.templates.cloudformation import Stack
from tests.templates.validators import TEMPLATES, ask, lint, python_tool, run_well

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]

TEMPLATE = TEMPLATES / "fleet" / "template.yaml"
DIMENSIONS = [{"Name": FLEET_DIMENSION, "Value": "shop"}]

PUT = """
cloudwatch = client("cloudwatch")
for alarm in alarms:
    cloudwatch.put_metric_alarm(**alarm)
cloudwatch.put_dashboard(**dashboard)
answer = {
    "alarms": cloudwatch.describe_alarms(AlarmNames=[one["AlarmName"] for one in alarms])["MetricAlarms"],
    "dashboard": cloudwatch.get_dashboard(DashboardName=dashboard["DashboardName"])["DashboardBody"],
}
"""
"""The properties in the template have the names of the API's parameters."""

READ = """
import json, sys
from samtranslator.yaml_helper import yaml_parse
with open(sys.argv[1], encoding="utf-8") as template:
    print(json.dumps(yaml_parse(template.read())))
"""


def template() -> dict[str, Any]:
    """Give the template, with the long forms of CloudFormation's functions."""
    found: dict[str, Any] = json.loads(
        run_well([python_tool("python"), "-c", READ, TEMPLATE], env={})
    )
    return found


def body_of(stack: Stack) -> Any:
    (dashboard,) = stack.resources("AWS::CloudWatch::Dashboard").values()
    assert dashboard["DashboardName"] == "flight-recorder-fleet-shop"
    return json.loads(dashboard["DashboardBody"])


def wanted_body() -> Any:
    text = (TEMPLATES / "fleet-dashboard.json").read_text(encoding="utf-8")
    return json.loads(text.replace("FLEET_NAME", "shop").replace("REGION", REGION))


def test_cfn_lint_accepts_the_template_of_a_fleet() -> None:
    """As it does those of functions."""
    assert lint(TEMPLATE) == ""


@pytest.mark.parametrize("topic", ["", TOPIC], ids=["silent", "notified"])
def test_fleet_has_the_alarms_of_a_function_but_for_their_dimension(topic: str) -> None:
    """Of deliveries it takes the share that failed, since a few of a whole fleet are no reason for an alarm."""
    stack = Stack(template(), {"FleetName": "shop", "AlarmTopicArn": topic})

    alarms = {
        one["AlarmName"].removeprefix("flight-recorder-fleet-shop-"): one
        for one in stack.resources("AWS::CloudWatch::Alarm").values()
    }
    assert set(alarms) == set(ALARMS)
    failing = alarms.pop("delivery-failing")
    for name, alarm in alarms.items():
        metric, statistic, threshold, periods, points = ALARMS[name]
        assert (alarm["MetricName"], alarm["Statistic"]) == (metric, statistic)
        assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (threshold, periods)
        assert alarm.get("DatapointsToAlarm", periods) == points
        assert alarm["Dimensions"] == DIMENSIONS
    share, *counted = failing["Metrics"]
    assert share["Expression"] == "IF(deliveries > 0, 100 * failed / deliveries, 0)"
    assert failing["Threshold"] == 5
    metrics = {one["Id"]: one["MetricStat"]["Metric"] for one in counted}
    assert {key: one["MetricName"] for key, one in metrics.items()} == {
        "deliveries": "Deliveries",
        "failed": "FailedDeliveries",
    }
    assert all(one["Dimensions"] == DIMENSIONS for one in metrics.values())
    for alarm in (failing, *alarms.values()):
        assert alarm["TreatMissingData"] == "notBreaching"
        assert (alarm.get("AlarmActions") or []) == ([topic] if topic else [])


def test_template_of_a_fleet_holds_the_dashboard_as_it_is() -> None:
    """CloudFormation includes no file, so the template has a copy."""
    assert body_of(Stack(template(), {"FleetName": "shop"})) == wanted_body()


def test_cloudwatch_accepts_the_alarms_and_the_dashboard_of_a_fleet() -> None:
    """It returns them as they were given, and the metrics are those of the lines."""
    stack = Stack(template(), {"FleetName": "shop", "AlarmTopicArn": TOPIC})
    alarms = list(stack.resources("AWS::CloudWatch::Alarm").values())
    (dashboard,) = stack.resources("AWS::CloudWatch::Dashboard").values()

    made = ask(moto(), PUT, alarms=alarms, dashboard=dashboard)

    assert json.loads(made["dashboard"]) == wanted_body()
    assert len(made["alarms"]) == len(ALARMS)
    names = {one["MetricName"] for one in made["alarms"] if one.get("MetricName")}
    assert names < {metric.name for metric in METRICS}
    assert all(one["AlarmActions"] == [TOPIC] for one in made["alarms"])
