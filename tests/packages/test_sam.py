"""The Globals of a SAM template, and the policy that its functions name."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from extension.model.receipt import Answer
from extension.sinks.base import SinkConfig
from extension.sinks.cloudwatch import CloudWatchSink
from tests.doubles.extension.chunks import lines
from tests.packages.attached import PACKAGES, PAGES, check_permissions, functions
from tests.services.aws import ministack
from tests.services.environment import unique
from tests.templates.attached import BASIC_EXECUTION, LAYER, Attached, normal
from tests.templates.cloudformation import Stack
from tests.templates.test_roles import WAIT_S, keys_with
from tests.templates.test_sam import TRANSFORM
from tests.templates.validators import environ, lint, python_tool, run_well

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]

APPLICATION = PACKAGES / "sam" / "template.yaml"
POLICY = PACKAGES / "sam" / "policy.yaml"

# cfn-lint reads YAML with CloudFormation's short forms of functions.
READ = """
import json, sys
from samtranslator.yaml_helper import yaml_parse
with open(sys.argv[1], encoding="utf-8") as template:
    print(json.dumps(yaml_parse(template.read())))
"""

NAMES = {"cloudwatch": "", "s3": "my-logs/lambda", "firehose": "kept-logs", "http": ""}


@cache
def policy_template() -> str:
    """Give the template of the policy as JSON."""
    return run_well([python_tool("python"), "-c", READ, POLICY], env=environ())


def statements(**parameters: str) -> list[dict[str, Any]]:
    """Give the statements of the policy for functions whose names begin with `shop-`."""
    stack = Stack(json.loads(policy_template()), {"FunctionPrefix": "shop-", **parameters})
    (policy,) = stack.resources("AWS::IAM::ManagedPolicy").values()
    return [normal(one) for one in policy["PolicyDocument"]["Statement"]]


def test_globals_give_layer_and_variables_to_all_functions(tmp_path: Path) -> None:
    """cfn-lint accepts both templates, and the CloudFormation that SAM makes; a function's own variable wins."""
    transformed = run_well([python_tool("python"), "-c", TRANSFORM, APPLICATION], env=environ())
    output = tmp_path / "transformed.json"
    output.write_text(transformed, encoding="utf-8")
    assert lint(APPLICATION, POLICY, output) == ""

    template = json.loads(transformed)
    made = functions(Stack(template, {"FlightRecorderLayerArn": LAYER}))
    assert made.keys() == {"Cart", "Order"}
    for name, rate in (("Cart", "0.1"), ("Order", "1")):
        assert made[name].layers == [LAYER]
        assert made[name].environment == {
            "FLIGHT_RECORDER_SINK": "cloudwatch:",
            "FLIGHT_RECORDER_SAMPLE_RATE": rate,
            "FLIGHT_RECORDER_RETENTION_DAYS": "30",
            "FLIGHT_RECORDER_METRICS": "5m",
            "FLIGHT_RECORDER_METRICS_FLEET": "flight-recorder",
        }
        managed = template["Resources"][f"{name}Role"]["Properties"]["ManagedPolicyArns"]
        exported = {"Fn::Sub": "${FlightRecorderPolicyStack}-PolicyArn"}
        assert {"Fn::ImportValue": exported} in managed


def test_examples_of_the_page_are_in_the_template() -> None:
    """But for a comment, word for word."""
    lines = APPLICATION.read_text("utf-8").splitlines()
    page = (PAGES / "sam.md").read_text("utf-8")
    blocks = page.partition("## A whole stack to try")[0].split("```yaml\n")[1:]
    assert len(blocks) == 2
    for block in blocks:
        for line in block.partition("```")[0].splitlines():
            assert line in lines


# With http and allow there is no policy, and the template refuses to be one.
@pytest.mark.parametrize(
    ("sink", "own_log_group"),
    [
        (sink, own)
        for sink in NAMES
        for own in ("deny", "allow")
        if (sink, own) != ("http", "allow")
    ],
)
def test_policy_allows_what_the_sink_needs(sink: str, own_log_group: str) -> None:
    """Of functions with the prefix, beside the policy that SAM gives to all roles."""
    made = statements(Sink=sink, SinkName=NAMES[sink], OwnLogGroup=own_log_group)
    attached = Attached(function="shop-Cart-1A2B", environment={}, layers=[], statements=made)
    check_permissions(attached, sink, own_log_group=own_log_group)
    assert len(made) == (sink != "http") + (own_log_group == "deny")


def test_recorder_makes_its_group_with_a_retention_by_the_policy() -> None:
    """The sink itself writes with the role, to an AWS that checks permissions; the own group stays empty."""
    function = unique("shop")
    role = keys_with([*statements(), BASIC_EXECUTION])
    receipts = {}
    for group in ("", f"/aws/lambda/{function}"):
        config = SinkConfig(
            f"cloudwatch:{group}",
            ministack().environ(role, AWS_LAMBDA_FUNCTION_NAME=function),
            retention_days=30,
        )
        sink = CloudWatchSink(config)
        receipts[group] = sink.send([lines("a line")], timeout_s=WAIT_S)
        sink.close()

    assert [one.answer for one in receipts.values()] == [Answer.TAKEN, Answer.DENIED]
    described = ministack().call(
        "Logs_20140328.DescribeLogGroups", logGroupNamePrefix=f"/flight-recorder/{function}"
    )
    assert [one["retentionInDays"] for one in described["logGroups"]] == [30]
