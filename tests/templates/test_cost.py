"""What a function costs a month by the defaults of each template: alarms of its own, and a share of a fleet's metrics."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.templates.attached import FLEET, LAYER, Attached
from tests.templates.cloudformation import Stack
from tests.templates.test_fleet import template as fleet_template
from tests.templates.test_sam import transformed
from tests.templates.validators import TEMPLATES
from whatif.model.net import FLEET_ALARMS, FUNCTION_ALARMS, METRICS_OF_ONE, Watching
from whatif.model.prices import PRICES

pytestmark = pytest.mark.services

MOST_USD = 0.50
"""A month, for a function whose owner has set nothing."""


def metrics_of(alarm: dict[str, Any]) -> int:
    """Return the number of metrics that CloudWatch bills an alarm for."""
    read = [one for one in alarm.get("Metrics", []) if "MetricStat" in one]
    return len(read) or 1


def own_usd(attached: Attached) -> float:
    """Return what a function pays alone: its alarms, and its metrics unless a fleet shares them."""
    alarms = sum(map(metrics_of, attached.alarms.values()))
    is_measured = attached.environment.get("FLIGHT_RECORDER_METRICS", "off") != "off"
    shares = bool(attached.environment.get("FLIGHT_RECORDER_METRICS_FLEET"))
    metrics = METRICS_OF_ONE if is_measured and not shares else 0
    return (
        alarms * PRICES["alarm"].usd
        + metrics * PRICES["metric"].usd
        + 3.0 * len(attached.dashboards)
    )


def sam(**parameters: str) -> Attached:
    return Stack(json.loads(transformed()), {"LayerArn": LAYER, **parameters}).attached()


def test_function_costs_less_than_half_a_dollar_by_default() -> None:
    """Of SAM's template, and of every other, which the contract holds to the same resources."""
    assert own_usd(sam()) == 0 < MOST_USD
    assert own_usd(sam(Sink="s3", SinkName="b")) == 0
    assert own_usd(sam(MetricsFleet="")) == pytest.approx(
        Watching(METRICS_OF_ONE, FUNCTION_ALARMS).whole_usd
    )


DEFAULTS = {
    "sam/template.yaml": r"MetricsFleet:\n    Type: String\n    Description: .*\n    Default: (\S+)",
    "terraform/main.tf": r'variable "metrics_fleet" \{\n.*\n.*\n  default     = "(\S+)"',
    "serverless/serverless.yml": r"\n    metricsFleet: (\S+)",
    "cdk_python/flight_recorder.py": r'metrics_fleet: str = "(\S+)"',
    "cdk_typescript/flight-recorder.ts": r'metricsFleet \?\? "(\S+)"',
}


@pytest.mark.parametrize("file", DEFAULTS)
def test_every_template_has_the_same_fleet_by_default(file: str) -> None:
    """The contract of each is tested with it; here is its name."""
    text = (TEMPLATES / Path(file)).read_text(encoding="utf-8")

    assert re.findall(DEFAULTS[file], text) == [FLEET]


def test_fleet_costs_what_whatif_counts() -> None:
    """Its alarms, and the metrics of its functions: once, however many they are."""
    alarms = Stack(fleet_template(), {"FleetName": FLEET}).resources("AWS::CloudWatch::Alarm")

    assert sum(map(metrics_of, alarms.values())) == FLEET_ALARMS
    assert Watching(shared_by=20).usd < MOST_USD
