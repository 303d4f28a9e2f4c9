"""The stack that publishes a release's layers: cfn-lint reads it, and ministack's CloudFormation makes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.services.aws import ministack
from tests.services.environment import unique
from tests.templates.cloudformation import Stack
from tests.templates.validators import (
    TEMPLATES,
    ask,
    environ,
    lint,
    python_tool,
    run_well,
)

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]

TEMPLATE = TEMPLATES / "publish" / "template.yaml"
EMPTY_ZIP = "504b0506" + "00" * 18
ORGANIZATION = "o-a1b2c3d4e5"

# As JSON, for it has short forms of functions that only CloudFormation's own readers know.
AS_JSON = """
import json, sys
from samtranslator.yaml_helper import yaml_parse
with open(sys.argv[1], encoding="utf-8") as template:
    print(json.dumps(yaml_parse(template.read())))
"""

DEPLOY = """
import time
s3, formation, functions = client("s3"), client("cloudformation"), client("lambda")
s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
for key in ("python.zip", "arm64.zip"):
    s3.put_object(Bucket=bucket, Key=key, Body=bytes.fromhex(content))
listed = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
with open(path, encoding="utf-8") as template:
    formation.create_stack(StackName=bucket, TemplateBody=template.read(), Parameters=listed)
until = time.monotonic() + 60
while True:
    (stack,) = formation.describe_stacks(StackName=bucket)["Stacks"]
    if not stack["StackStatus"].endswith("_IN_PROGRESS") or time.monotonic() > until:
        break
    time.sleep(0.1)
outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
answer = {
    "status": stack["StackStatus"],
    "reason": stack.get("StackStatusReason"),
    "outputs": outputs,
    "versions": {name: functions.get_layer_version_by_arn(Arn=arn) for name, arn in outputs.items()},
    "policies": {
        name: functions.get_layer_version_policy(
            LayerName=arn.split(":")[-2], VersionNumber=int(arn.rpartition(":")[2])
        )["Policy"]
        for name, arn in outputs.items()
    },
}
"""


def template() -> dict[str, Any]:
    text = run_well([python_tool("python"), "-c", AS_JSON, TEMPLATE], env=environ())
    found: dict[str, Any] = json.loads(text)
    return found


def test_cfn_lint_accepts_the_stack() -> None:
    """In every respect that it knows."""
    assert lint(TEMPLATE) == ""


def test_stack_publishes_the_layers_whose_zips_are_named() -> None:
    """With the parameters as a person types them; the outputs are ARNs that exist, and the organization may use them."""
    aws, bucket = ministack(), unique("release")
    name = unique("layer")
    parameters = {
        "Bucket": bucket,
        "PythonKey": "python.zip",
        "Arm64Key": "arm64.zip",
        "Version": "0.1.0",
        "LayerName": name,
        "OrganizationId": ORGANIZATION,
    }

    made = ask(
        aws,
        DEPLOY,
        keys=aws.user_keys(),
        bucket=bucket,
        content=EMPTY_ZIP,
        parameters=parameters,
        path=str(TEMPLATE),
    )

    assert made["status"] == "CREATE_COMPLETE", made["reason"]
    arns = {key: arn.split(":layer:")[1] for key, arn in made["outputs"].items()}
    assert arns == {"PythonLayerArn": f"{name}:1", "Arm64LayerArn": f"{name}-arm64:1"}
    python, arm64 = (made["versions"][one] for one in ("PythonLayerArn", "Arm64LayerArn"))
    assert python["Description"] == "Flight Recorder 0.1.0, python"
    assert python["CompatibleRuntimes"] == [f"python3.{minor}" for minor in range(10, 15)]
    assert arm64["CompatibleArchitectures"] == ["arm64"]
    for policy in made["policies"].values():
        (statement,) = json.loads(policy)["Statement"]
        assert statement["Action"] == "lambda:GetLayerVersion"
        assert ORGANIZATION in json.dumps(statement)


def test_stack_shares_with_an_organization_what_it_publishes() -> None:
    """Only then, and only those that it publishes."""
    found = template()
    parameters = {"Bucket": "b", "X86Key": "x86_64.zip", "Version": "0.1.0"}

    private = Stack(found, parameters)
    shared = Stack(found, {**parameters, "OrganizationId": ORGANIZATION})

    assert list(private.resources("AWS::Lambda::LayerVersion")) == ["X86Layer"]
    assert private.resources("AWS::Lambda::LayerVersionPermission") == {}
    assert shared.resources("AWS::Lambda::LayerVersionPermission") == {
        "X86LayerPermission": {
            "Action": "lambda:GetLayerVersion",
            "LayerVersionArn": "X86Layer",
            "OrganizationId": ORGANIZATION,
            "Principal": "*",
        }
    }


def test_stack_keeps_what_functions_may_have() -> None:
    """A version that is deleted can be attached no more, and an update of the stack replaces it."""
    for one in template()["Resources"].values():
        assert (one["DeletionPolicy"], one["UpdateReplacePolicy"]) == ("Retain", "Retain")
