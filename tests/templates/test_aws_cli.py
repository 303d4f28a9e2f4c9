import zipfile
from pathlib import Path

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
from tests.templates.validators import PUBLISH_LAYER, TEMPLATES, ask, aws_environ, run, run_well

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

ATTACH = TEMPLATES / "aws_cli" / "attach.sh"

TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}} | {
    "Action": "sts:AssumeRole"
}


OWN = {"TABLE": 'two words, and "quotes" \\ $HOME', "FLIGHT_RECORDER_SAMPLE_RATE": "1"}

MAKE_FUNCTION = (
    PUBLISH_LAYER
    + """
layer = answer
role = client("iam").create_role(RoleName="its", AssumeRolePolicyDocument=json.dumps(trust))
with open(archive, "rb") as content:
    client("lambda").create_function(
        FunctionName="recorded", Runtime="python3.13", Handler="index.handler",
        Role=role["Role"]["Arn"], Code={"ZipFile": content.read()}, Environment={"Variables": own},
    )
"""
)

READ_BACK = """
names = client("iam").list_role_policies(RoleName="its")["PolicyNames"]
cloudwatch = client("cloudwatch")
answer = {
    "function": client("lambda").get_function_configuration(FunctionName="recorded"),
    "policies": {
        name: client("iam").get_role_policy(RoleName="its", PolicyName=name)["PolicyDocument"]
        for name in names
    },
    "groups": client("logs").describe_log_groups()["logGroups"],
    "alarms": cloudwatch.describe_alarms()["MetricAlarms"],
    "dashboards": {
        one["DashboardName"]: cloudwatch.get_dashboard(DashboardName=one["DashboardName"])["DashboardBody"]
        for one in cloudwatch.list_dashboards()["DashboardEntries"]
    },
}
"""


@pytest.fixture
def aws(tmp_path: Path) -> AwsService:
    """Give an AWS (moto) that has the function `recorded`, with variables of its own, and the layer."""
    service = moto()
    service.reset()
    archive = tmp_path / "function.zip"
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("index.py", "def handler(event, context): pass")
    assert (
        ask(
            service,
            MAKE_FUNCTION,
            archive=str(archive),
            trust={"Version": "2012-10-17", "Statement": [TRUST]},
            own=OWN,
        )
        == LAYER
    )
    return service


def test_script_attaches_a_function_for_one_sink_and_then_another(
    aws: AwsService, tmp_path: Path
) -> None:
    """The function's variables stay, nothing is attached twice, and no alarm remains that cannot ring."""
    dashboard = tmp_path / "dashboard.json"
    dashboard.write_text(DASHBOARD, encoding="utf-8")

    more = ["--alarm-topic", TOPIC, "--dashboard", str(dashboard), "--metrics-fleet", ""]
    run_well([ATTACH, "recorded", LAYER, *more], env=aws_environ(aws))
    first = attached(aws)
    again = run([ATTACH, "recorded", LAYER, "--sink", SINKS["firehose"]], env=aws_environ(aws))
    second = attached(aws)

    assert first.environment.pop("TABLE") == second.environment.pop("TABLE") == OWN["TABLE"]
    for one in (first, second):
        # An empty variable is like none.
        assert one.environment.pop("FLIGHT_RECORDER_METRICS_FLEET") == ""
    check(first, "cloudwatch", topic=TOPIC, fleet="")
    check_dashboard(first)
    assert again.returncode == 0, again.stderr
    assert "no alarms: neither the sink nor" in again.stderr
    # What was kept until now stays for as long as it was to stay.
    assert second.retention_days.pop("/flight-recorder/recorded") == 30
    check(second, "firehose")


def test_script_puts_a_function_into_a_fleet_and_takes_it_out(aws: AwsService) -> None:
    """A new function joins the default fleet. It stays where it is when the script runs again without the option."""
    made: list[Attached] = []
    for options in ([], ["--metrics-fleet", ""], [], ["--metrics-fleet", "shop"], []):
        done = run([ATTACH, "recorded", LAYER, *options], env=aws_environ(aws))
        assert done.returncode == 0, done.stderr
        assert ("no alarms: the metrics are those of the fleet" in done.stderr) is (
            len(made) in (0, 3, 4)
        )
        made.append(attached(aws))
        assert made[-1].environment.pop("TABLE") == OWN["TABLE"]

    first, *alone, joined, again = made
    check(first, "cloudwatch")
    for one in alone:
        # An empty variable is like none.
        assert one.environment.pop("FLIGHT_RECORDER_METRICS_FLEET") == ""
        check(one, "cloudwatch", fleet="")
    check(joined, "cloudwatch", fleet="shop")
    check(again, "cloudwatch", fleet="shop")


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
        (["recorded", LAYER, "--metrics-fleet", "a b"], "--metrics-fleet is a name of"),
    ],
)
def test_script_refuses_arguments_before_it_changes_anything(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    """One line says which argument is wrong."""
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
    found = ask(aws, READ_BACK)
    assert list(found["policies"]) == ["flight-recorder-recorded"]
    (document,) = found["policies"].values()
    return Attached(
        function=found["function"]["FunctionName"],
        environment=found["function"]["Environment"]["Variables"],
        layers=[layer["Arn"] for layer in found["function"]["Layers"]],
        statements=[normal(one) for one in document["Statement"]],
        retention_days={one["logGroupName"]: one["retentionInDays"] for one in found["groups"]},
        alarms={one["AlarmName"]: one for one in found["alarms"]},
        dashboards=found["dashboards"],
    )
