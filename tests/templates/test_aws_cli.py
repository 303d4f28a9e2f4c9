from __future__ import annotations

import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.services.aws import ACCOUNT, AwsService, moto
from tests.templates.attached import (
    DASHBOARD,
    LAYER,
    SINKS,
    TOPIC,
    Attached,
    check,
    check_dashboard,
    normal,
)
from tests.templates.validators import TEMPLATES, aws_environ, publish_layer, run, run_well

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

ATTACH = TEMPLATES / "aws_cli" / "attach.sh"

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@pytest.fixture
def aws(tmp_path: Path) -> AwsService:
    """Give an AWS (moto) that has the function `recorded`, with variables of its own, and the layer."""
    service = moto()
    service.reset()
    archive = tmp_path / "function.zip"
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("index.py", "def handler(event, context): pass")
    assert publish_layer(service, archive) == LAYER
    service.query("iam", "CreateRole", RoleName="its", AssumeRolePolicyDocument=json.dumps(TRUST))
    command = ["aws", "lambda", "create-function", "--function-name", "recorded"]
    command += ["--runtime", "python3.13", "--handler", "index.handler"]
    command += ["--role", f"arn:aws:iam::{ACCOUNT}:role/its", "--zip-file", f"fileb://{archive}"]
    command += ["--environment", json.dumps({"Variables": OWN})]
    run_well(command, env=aws_environ(service))
    return service


OWN = {"TABLE": 'two words, and "quotes" \\ $HOME', "FLIGHT_RECORDER_SAMPLE_RATE": "1"}


def test_the_script_attaches_to_a_function_that_is_there_and_again_for_another_sink(
    aws: AwsService, tmp_path: Path
) -> None:
    """What AWS (moto) then has keeps the contract; variables stay, nothing is attached twice, no alarm stays that lies."""
    dashboard = tmp_path / "dashboard.json"
    dashboard.write_text(DASHBOARD, encoding="utf-8")

    more = ["--alarm-topic", TOPIC, "--dashboard", str(dashboard)]
    run_well([ATTACH, "recorded", LAYER, *more], env=aws_environ(aws))
    first = attached(aws)
    again = run([ATTACH, "recorded", LAYER, "--sink", SINKS["firehose"]], env=aws_environ(aws))
    second = attached(aws)

    assert first.environment.pop("TABLE") == second.environment.pop("TABLE") == OWN["TABLE"]
    check(first, "cloudwatch", topic=TOPIC)
    check_dashboard(first)
    assert again.returncode == 0, again.stderr
    assert "no alarms: neither the sink nor" in again.stderr
    # What was kept until now stays for as long as it was to stay.
    assert second.retention_days.pop("/flight-recorder/recorded") == 30
    check(second, "firehose")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "FUNCTION LAYER_ARN"),
        (["recorded", "flight-recorder"], "is not the ARN of a layer's version"),
        (["recorded", LAYER, "--sink", "s3:my-logs"], "--sink is cloudwatch:, s3://"),
        (["recorded", LAYER, "--sink", 's3://a"b'], "a quote"),
        (["recorded", LAYER, "--sin", "s3://a"], "there is no option --sin"),
        (["recorded", LAYER, "--sink"], "an option without a value"),
        (["recorded", LAYER, "--dashboard", "/none.json"], "there is no file /none.json"),
        (["recorded", LAYER, "--own-log-group", "no"], "deny or allow"),
    ],
)
def test_what_the_script_cannot_use_it_says_before_it_changes_anything(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    """One line tells what was wrong."""
    aws = tmp_path / "aws"
    # In place of the aws command, which would take a second each time: it answers the one question that comes first.
    aws.write_text(
        "#!/bin/sh\n"
        f'[ "$2" = get-function-configuration ] || {{ echo "$*" >>"{tmp_path}/changes"; exit 1; }}\n'
        f"echo arn:aws:lambda:eu-west-1:{ACCOUNT}:function:recorded role none Text none\n"
    )
    aws.chmod(0o755)

    done = run([ATTACH, *arguments], env={"PATH": f"{tmp_path}:/usr/bin:/bin"})

    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert not (tmp_path / "changes").exists()


def attached(aws: AwsService) -> Attached:
    """Read back what the function is attached with."""
    command = ["aws", "lambda", "get-function-configuration", "--function-name", "recorded"]
    function = json.loads(run_well(command, env=aws_environ(aws)))
    xml = aws.query("iam", "ListRolePolicies", RoleName="its")
    document = _policy(aws, re.findall(r"<member>(.*?)</member>", xml))
    groups = aws.call("Logs_20140328.DescribeLogGroups")["logGroups"]
    alarms = json.loads(run_well(["aws", "cloudwatch", "describe-alarms"], env=aws_environ(aws)))
    name = f"flight-recorder-{function['FunctionName']}"
    shown = ["aws", "cloudwatch", "get-dashboard", "--dashboard-name", name]
    return Attached(
        function=function["FunctionName"],
        environment=function["Environment"]["Variables"],
        layers=[layer["Arn"] for layer in function["Layers"]],
        statements=[normal(one) for one in document["Statement"]],
        retention_days={one["logGroupName"]: one["retentionInDays"] for one in groups},
        alarms={one["AlarmName"]: one for one in alarms["MetricAlarms"]},
        dashboards={name: json.loads(run_well(shown, env=aws_environ(aws)))["DashboardBody"]},
    )


def _policy(aws: AwsService, names: list[str]) -> dict[str, Any]:
    assert names == ["flight-recorder-recorded"]
    xml = aws.query("iam", "GetRolePolicy", RoleName="its", PolicyName=names[0])
    found = re.search(r"<PolicyDocument>(.*?)</PolicyDocument>", xml, re.DOTALL)
    assert found is not None
    from html import unescape
    from urllib.parse import unquote

    document: dict[str, Any] = json.loads(unquote(unescape(found.group(1))))
    return document
