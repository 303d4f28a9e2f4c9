import json
from functools import cache
from pathlib import Path

import pytest

from tests.templates.attached import LAYER, SINKS, TOPIC, check, check_queries
from tests.templates.cloudformation import Stack
from tests.templates.validators import TEMPLATES, environ, lint, python_tool, run_well

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]

TEMPLATE = TEMPLATES / "sam" / "template.yaml"

# What AWS does with the template when it is deployed; the functions are those of its own translator.
TRANSFORM = """
import json, sys
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse
with open(sys.argv[1], encoding="utf-8") as template:
    print(json.dumps(transform(yaml_parse(template.read()), {}, None)))
"""

NAMES = {
    "cloudwatch": "",
    "s3": "my-logs/lambda",
    "firehose": "kept-logs",
    "http": SINKS["http"],
}


@cache
def transformed() -> str:
    """Give the CloudFormation that SAM makes of the template."""
    return run_well([python_tool("python"), "-c", TRANSFORM, TEMPLATE], env=environ())


def test_sam_template_keeps_the_contract_for_each_sink(tmp_path: Path) -> None:
    """cfn-lint accepts the template, and the CloudFormation that SAM makes of it."""
    output = tmp_path / "transformed.json"
    output.write_text(transformed(), encoding="utf-8")

    assert lint(TEMPLATE, output) == ""
    for sink, name in NAMES.items():
        for own_log_group in ("deny", "allow"):
            parameters = {
                "LayerArn": LAYER,
                "Sink": sink,
                "SinkName": name,
                "OwnLogGroup": own_log_group,
            }
            attached = Stack(json.loads(transformed()), parameters).attached()
            check(attached, sink, own_log_group=own_log_group)
    given = {"LayerArn": LAYER, "OwnLogGroup": "share", "MetricsFleet": ""}
    shared = Stack(json.loads(transformed()), given).attached()
    check(shared, "cloudwatch", own_log_group="share", fleet="")


def test_sam_template_has_alarms_only_with_metrics() -> None:
    """A topic is each alarm's action; without metrics no alarm and no variable remains, in a fleet no alarm."""
    template = json.loads(transformed())

    notified = Stack(
        template, {"LayerArn": LAYER, "AlarmTopicArn": TOPIC, "MetricsFleet": ""}
    ).attached()
    unmeasured = Stack(template, {"LayerArn": LAYER, "Metrics": "off"}).attached()

    check(notified, "cloudwatch", topic=TOPIC, fleet="")
    fleet = {"MetricsFleet": "shop", "AlarmTopicArn": TOPIC}
    check(Stack(template, {"LayerArn": LAYER, **fleet}).attached(), "cloudwatch", fleet="shop")
    elsewhere = {"Sink": "firehose", "SinkName": "kept-logs"}
    check(Stack(template, {"LayerArn": LAYER, **fleet, **elsewhere}).attached(), "firehose")
    assert unmeasured.alarms == {}
    assert "FLIGHT_RECORDER_METRICS" not in unmeasured.environment


def test_sam_template_saves_the_queries() -> None:
    """They are those of queries.json; without the kept group, or where they are not wanted, there are none."""
    template = json.loads(transformed())

    saved = Stack(template, {"LayerArn": LAYER}).attached()
    unwanted = Stack(template, {"LayerArn": LAYER, "SavedQueries": "no"}).attached()
    elsewhere = {"LayerArn": LAYER, "Sink": "s3", "SinkName": "my-logs", "OwnLogGroup": "allow"}

    check_queries(saved)
    check_queries(unwanted, saved=False)
    check_queries(Stack(template, elsewhere).attached(), saved=False)
