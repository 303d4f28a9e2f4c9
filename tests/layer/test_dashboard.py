"""The dashboard and the page about metrics: that they speak of metrics there are, and that CloudWatch takes them."""

import json
import re
import shlex
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from extension.diagnostics.metrics import DIMENSION, METRICS, NAMESPACE
from tests.services.aws import moto

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "layer" / "templates" / "dashboard.json"
PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
NAMES = {metric.name for metric in METRICS}
COLUMNS = 24


def _filled_in() -> str:
    text = DASHBOARD.read_text(encoding="utf-8")
    return text.replace("FUNCTION_NAME", "my-function").replace("REGION", "eu-west-1")


def _widgets() -> list[dict[str, Any]]:
    widgets: list[dict[str, Any]] = json.loads(_filled_in())["widgets"]
    return widgets


def _metrics() -> list[list[Any]]:
    return [
        one
        for widget in _widgets()
        if widget["type"] == "metric"
        for one in widget["properties"]["metrics"]
    ]


def test_dashboard_shows_every_metric() -> None:
    """Namespace and dimension are those of the lines."""
    assert {one[1] for one in _metrics()} == NAMES
    assert {(one[0], one[2], one[3]) for one in _metrics()} == {
        (NAMESPACE, DIMENSION, "my-function")
    }


def test_dashboard_has_two_parameters() -> None:
    """No other word looks like one."""
    raw = DASHBOARD.read_text(encoding="utf-8")

    assert {"FUNCTION_NAME", "REGION"} <= set(re.findall(r"[A-Z_]{6,}", raw))
    assert not set(re.findall(r"\b[A-Z_]{6,}\b", _filled_in())) - {"BUFFER_SIZE"}


def test_dashboard_uses_fitting_statistics() -> None:
    """Counts are summed up, the buffer has its maximum, and times have percentiles."""
    stats: dict[str, set[str]] = {}
    for widget in _widgets():
        if widget["type"] == "metric":
            properties = widget["properties"]
            assert properties["region"] == "eu-west-1"
            for one in properties["metrics"]:
                stats.setdefault(one[1], set()).add(one[4].get("stat", properties["stat"]))

    assert stats.pop("DeliveryTime") == {"p50", "p99", "Maximum"}
    assert stats.pop("BufferUsed") == {"Maximum"}
    assert all(found == {"Sum"} for found in stats.values())


def test_dashboard_places_widgets_on_the_grid() -> None:
    """It is 24 columns wide (AWS: "Dashboard Body Structure and Syntax"), and nothing overlaps."""

    def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
        return not (
            one["x"] + one["width"] <= other["x"]
            or other["x"] + other["width"] <= one["x"]
            or one["y"] + one["height"] <= other["y"]
            or other["y"] + other["height"] <= one["y"]
        )

    assert all(one["x"] + one["width"] <= COLUMNS for one in _widgets())
    assert not [pair for pair in combinations(_widgets(), 2) if overlap(*pair)]


@pytest.mark.services
def test_cloudwatch_accepts_the_dashboard() -> None:
    """It returns the dashboard unchanged."""
    moto().query("monitoring", "PutDashboard", DashboardName="recorder", DashboardBody=_filled_in())

    assert "recorder" in moto().query("monitoring", "ListDashboards")
    assert "EstimatedSaving" in moto().query("monitoring", "GetDashboard", DashboardName="recorder")


def test_docs_list_every_metric() -> None:
    """Name, unit and meaning are those of the code, in the order of a line."""
    rows = [
        tuple(cell.strip() for cell in row.split("|")[1:-1])
        for row in PAGE.splitlines()
        if re.match(r"\| [A-Z]\w+ \| [A-Z]", row)
    ]

    assert rows == [tuple(metric) for metric in METRICS]
    assert f"{len(METRICS)} metrics a function" in PAGE
    assert f"${len(METRICS) * 0.30:.2f} a month" in PAGE


def _alarms() -> list[dict[str, str]]:
    commands = re.findall(
        r"^    aws cloudwatch put-metric-alarm.*(?:(?<=\\)\n.*)*", PAGE, re.MULTILINE
    )
    found = []
    for command in commands:
        words = shlex.split(command.replace("\\\n", " "))[3:]
        found.append(dict(zip(words[::2], words[1::2], strict=True)))
    return found


@pytest.mark.services
def test_cloudwatch_accepts_the_alarms_of_the_docs() -> None:
    """They name existing metrics, with the dimension of the lines."""
    for alarm in _alarms():
        assert alarm["--namespace"] == NAMESPACE
        assert alarm["--metric-name"] in NAMES
        dimension = dict(part.split("=") for part in alarm["--dimensions"].split(","))
        moto().query(
            "monitoring",
            "PutMetricAlarm",
            AlarmName=alarm["--alarm-name"],
            Namespace=alarm["--namespace"],
            MetricName=alarm["--metric-name"],
            Statistic=alarm["--statistic"],
            Period=alarm["--period"],
            EvaluationPeriods=alarm["--evaluation-periods"],
            Threshold=alarm["--threshold"],
            ComparisonOperator=alarm["--comparison-operator"],
            TreatMissingData=alarm["--treat-missing-data"],
            **{"Dimensions.member.1.Name": dimension["Name"]},
            **{"Dimensions.member.1.Value": dimension["Value"]},
        )

    told = moto().query("monitoring", "DescribeAlarms")
    assert len(_alarms()) == 3
    assert all(alarm["--alarm-name"] in told for alarm in _alarms())
