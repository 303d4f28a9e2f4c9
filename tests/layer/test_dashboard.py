"""The dashboards and the page about metrics: that they speak of metrics there are, and that CloudWatch takes them."""

import json
import re
import shlex
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from extension.diagnostics.metrics import DIMENSION, FLEET_DIMENSION, METRICS, NAMESPACE, RARE
from tests.services.aws import moto

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "layer" / "templates"
PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
NAMES = {metric.name for metric in METRICS}
COLUMNS = 24
USD_PER_METRIC = 0.30
"""A month, in us-east-1, of the first 10,000 (Amazon CloudWatch pricing, November 2026)."""
DASHBOARDS = {
    "dashboard.json": ("FUNCTION_NAME", DIMENSION),
    "fleet-dashboard.json": ("FLEET_NAME", FLEET_DIMENSION),
}
"""The word that is replaced in each, and the dimension of its metrics."""

each = pytest.mark.parametrize("name", DASHBOARDS)


def _raw(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _filled_in(name: str) -> str:
    word, _ = DASHBOARDS[name]
    return _raw(name).replace(word, "my-shop").replace("REGION", "eu-west-1")


def _widgets(name: str) -> list[dict[str, Any]]:
    widgets: list[dict[str, Any]] = json.loads(_filled_in(name))["widgets"]
    return widgets


def _metrics(name: str) -> list[list[Any]]:
    return [
        one
        for widget in _widgets(name)
        if widget["type"] == "metric"
        for one in widget["properties"]["metrics"]
    ]


@each
def test_dashboard_shows_every_metric(name: str) -> None:
    """Namespace and dimension are those of the lines."""
    _, dimension = DASHBOARDS[name]

    assert {one[1] for one in _metrics(name)} == NAMES
    assert {(one[0], one[2], one[3]) for one in _metrics(name)} == {
        (NAMESPACE, dimension, "my-shop")
    }


@each
def test_dashboard_has_two_parameters(name: str) -> None:
    """No other word looks like one."""
    word, _ = DASHBOARDS[name]

    assert {word, "REGION"} <= set(re.findall(r"[A-Z_]{6,}", _raw(name)))
    assert not set(re.findall(r"\b[A-Z_]{6,}\b", _filled_in(name))) - {"BUFFER_SIZE"}


@each
def test_dashboard_uses_fitting_statistics(name: str) -> None:
    """Counts are summed up, the buffer and the age of settings have their maximum, and times have percentiles."""
    stats: dict[str, set[str]] = {}
    for widget in _widgets(name):
        if widget["type"] == "metric":
            properties = widget["properties"]
            assert properties["region"] == "eu-west-1"
            for one in properties["metrics"]:
                stats.setdefault(one[1], set()).add(one[4].get("stat", properties["stat"]))

    assert stats.pop("DeliveryTime") == {"p50", "p99", "Maximum"}
    assert stats.pop("BufferUsed") == stats.pop("SettingsAge") == {"Maximum"}
    assert all(found == {"Sum"} for found in stats.values())


@each
def test_dashboard_places_widgets_on_the_grid(name: str) -> None:
    """It is 24 columns wide (AWS: "Dashboard Body Structure and Syntax"), and nothing overlaps."""

    def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
        return not (
            one["x"] + one["width"] <= other["x"]
            or other["x"] + other["width"] <= one["x"]
            or one["y"] + one["height"] <= other["y"]
            or other["y"] + other["height"] <= one["y"]
        )

    assert all(one["x"] + one["width"] <= COLUMNS for one in _widgets(name))
    assert not [pair for pair in combinations(_widgets(name), 2) if overlap(*pair)]


@pytest.mark.services
@each
def test_cloudwatch_accepts_the_dashboard(name: str) -> None:
    """It returns the dashboard unchanged."""
    title = name.removesuffix(".json")
    body = _filled_in(name)
    moto().query("monitoring", "PutDashboard", DashboardName=title, DashboardBody=body)

    assert title in moto().query("monitoring", "ListDashboards")
    assert "EstimatedSaving" in moto().query("monitoring", "GetDashboard", DashboardName=title)


def test_docs_list_every_metric() -> None:
    """Name, unit and meaning are those of the code, in the order of a line."""
    rows = [
        tuple(cell.strip() for cell in row.split("|")[1:-1])
        for row in PAGE.splitlines()
        if re.match(r"\| [A-Z]\w+ \| [A-Z]", row)
    ]

    assert rows == [tuple(metric) for metric in METRICS]


def test_docs_know_what_the_metrics_cost() -> None:
    """Every function has all but the age of settings; most functions have no setting that is a reference."""
    usual, all_of_them = len(METRICS) - 1, len(METRICS)
    cost = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert "SettingsAge" in RARE
    assert f"{usual} metrics a function" in PAGE
    assert f"${usual * USD_PER_METRIC:.2f} a month" in PAGE
    assert f"${all_of_them * USD_PER_METRIC:.2f}" in PAGE
    assert (
        f"{usual} [metrics](metrics.md) a function. They cost ${usual * USD_PER_METRIC:.2f}" in cost
    )
    assert f"the metrics cost ${usual * USD_PER_METRIC:.2f} a" in readme


def test_docs_ask_for_fields_that_lines_have() -> None:
    """The query that finds the function behind a figure."""
    [query] = re.findall(r"^    SOURCE .*\n(?:    .*\n)+", PAGE, re.MULTILINE)

    names = set(re.findall(r"\b[A-Z][a-z]\w+", query))
    assert {"FunctionName", "Fleet", "LostLines", "ThrottledDeliveries"} <= names
    assert names <= NAMES | {"FunctionName", "Fleet"}


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
