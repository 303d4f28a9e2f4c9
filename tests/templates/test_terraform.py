import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.services.aws import AwsService, moto
from tests.templates.attached import (
    DASHBOARD,
    LAYER,
    SINKS,
    TOPIC,
    Attached,
    check,
    check_dashboard,
    check_queries,
    normal,
)
from tests.templates.validators import (
    PUBLISH_LAYER,
    TEMPLATES,
    ask,
    aws_environ,
    environ,
    run,
    run_well,
)

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

PLUGINS = Path(os.environ.get("FLIGHT_RECORDER_TERRAFORM_PLUGINS", "/opt/tf-plugins"))
"""A folder of providers, as `terraform providers mirror` fills it; without one they come from Terraform's registry."""

VARIABLES: dict[str, dict[str, Any]] = {
    "cloudwatch": {},
    "firehose": {"sink": SINKS["firehose"]},
    "s3": {
        "sink": SINKS["s3"],
        "own_log_group": "allow",
        "alarm_topic_arns": [TOPIC],
        "dashboard": "dashboard.json",
        "metrics_fleet": "",
    },
    "fleet": {"metrics_fleet": "shop", "dashboard": "dashboard.json"},
    "shared": {"own_log_group": "share", "metrics_fleet": ""},
}
"""Each makes a dozen resources; of `http`, nothing but the variable differs."""


def test_terraform_configuration_keeps_the_contract_for_each_sink(
    tmp_path: Path,
) -> None:
    """It is formatted, and AWS (moto) then has the resources of each sink."""
    folder = configuration(tmp_path)
    aws = moto()
    aws.reset()
    assert ask(aws, PUBLISH_LAYER, archive=str(folder / "function.zip")) == LAYER

    run_well(["terraform", "fmt", "-check", TEMPLATES / "terraform"], env=environ())
    command = ["terraform", "apply", "-auto-approve", "-input=false", "-no-color"]
    run_well(command, env=aws_environ(aws), cwd=folder)

    # `terraform show -json` tells the same, but starts the provider once more, which takes seconds.
    state = json.loads((folder / "terraform.tfstate").read_text(encoding="utf-8"))
    modules = {
        name: [one for one in state["resources"] if one.get("module") == f"module.{name}"]
        for name in VARIABLES
    }
    check_queries(planned(folder, aws))
    check(attached(modules["cloudwatch"]), "cloudwatch")
    check(attached(modules["firehose"]), "firehose")
    check(attached(modules["s3"]), "s3", own_log_group="allow", topic=TOPIC, fleet="")
    check_dashboard(attached(modules["s3"]))
    check(attached(modules["shared"]), "cloudwatch", own_log_group="share", fleet="")
    in_fleet = attached(modules["fleet"])
    check(in_fleet, "cloudwatch", fleet="shop")
    assert in_fleet.dashboards == {}


def configuration(folder: Path) -> Path:
    """Give a folder that has the configuration as a module, once for each set of variables, and its providers.

    Skips the test where Terraform or its provider cannot be had.
    """
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not on the path")
    shutil.copytree(TEMPLATES / "terraform", folder / "template")
    with zipfile.ZipFile(folder / "function.zip", "w") as package:
        package.write(TEMPLATES / "terraform" / "index.py", "index.py")
    (folder / "dashboard.json").write_text(DASHBOARD, encoding="utf-8")
    modules = {
        name: {
            "source": "./template",
            "layer_arn": LAYER,
            "function_name": f"recorded-{name}",
            "package": "function.zip",
            # moto has none, so they are planned, and not made.
            "saved_queries": False,
            **variables,
        }
        for name, variables in VARIABLES.items()
    }
    # Terraform reads JSON as well as its own language; the provider is told by variables where AWS is.
    (folder / "main.tf.json").write_text(json.dumps({"module": modules}), encoding="utf-8")
    plugins = [f"-plugin-dir={PLUGINS}"] if PLUGINS.is_dir() else []
    done = run(
        ["terraform", "init", "-input=false", "-no-color", *plugins], env=environ(), cwd=folder
    )
    if done.returncode and "provider" in done.stderr.lower():
        pytest.skip(
            "Terraform's AWS provider cannot be had; FLIGHT_RECORDER_TERRAFORM_PLUGINS may name a mirror"
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def planned(folder: Path, aws: AwsService) -> Attached:
    """Give what a function would be attached with if its queries were saved as well."""
    file = folder / "main.tf.json"
    modules = json.loads(file.read_text(encoding="utf-8"))["module"]
    module = {**modules["cloudwatch"], "saved_queries": True}
    file.write_text(json.dumps({"module": {"cloudwatch": module}}), encoding="utf-8")
    plan = ["terraform", "plan", "-input=false", "-no-color", "-out=plan"]
    run_well(plan, env=aws_environ(aws), cwd=folder)
    shown = run_well(["terraform", "show", "-json", "plan"], env=aws_environ(aws), cwd=folder)
    (child,) = json.loads(shown)["planned_values"]["root_module"]["child_modules"]
    return attached(
        [{**one, "instances": [{"attributes": one["values"]}]} for one in child["resources"]],
        saves_queries=True,
    )


def attached(resources: list[Mapping[str, Any]], *, saves_queries: bool = False) -> Attached:
    """Give what a function is attached with, from the state that Terraform read back."""

    def values(kind: str) -> list[dict[str, Any]]:
        found = [one for one in resources if one["type"] == kind and one["mode"] == "managed"]
        return [instance["attributes"] for one in found for instance in one["instances"]]

    (function,) = values("aws_lambda_function")
    documents = [json.loads(one["policy"]) for one in values("aws_iam_role_policy")]
    statements = [normal(one) for document in documents for one in document["Statement"]]
    return Attached(
        function=function["function_name"],
        environment=function["environment"][0]["variables"],
        layers=function["layers"],
        # The state is in the order of names. The statement on what Lambda writes comes first.
        statements=sorted(
            statements,
            key=lambda one: (one["Effect"] == "Allow", "/aws/lambda/" not in one["Resource"][0]),
        ),
        managed=[arn for one in values("aws_iam_role") for arn in one["managed_policy_arns"]],
        retention_days={
            one["name"]: one["retention_in_days"] for one in values("aws_cloudwatch_log_group")
        },
        alarms={one["alarm_name"]: _alarm(one) for one in values("aws_cloudwatch_metric_alarm")},
        dashboards={
            one["dashboard_name"]: one["dashboard_body"]
            for one in values("aws_cloudwatch_dashboard")
        },
        saves_queries=saves_queries,
        queries={
            one["name"]: (one["query_string"], one["log_group_names"] or [])
            for one in values("aws_cloudwatch_query_definition")
        },
    )


def _alarm(values: Mapping[str, Any]) -> dict[str, Any]:
    alarm = {
        "Namespace": values["namespace"],
        "MetricName": values["metric_name"],
        "Dimensions": _dimensions(values["dimensions"]),
        "Statistic": values["statistic"],
        "Period": values["period"],
        "ComparisonOperator": values["comparison_operator"],
        "Threshold": values["threshold"],
        "EvaluationPeriods": values["evaluation_periods"],
        "DatapointsToAlarm": values["datapoints_to_alarm"] or values["evaluation_periods"],
        "TreatMissingData": values["treat_missing_data"],
        "AlarmDescription": values["alarm_description"],
        "AlarmActions": values["alarm_actions"],
    }
    queries = []
    for one in values["metric_query"]:
        query = {"Id": one["id"], "ReturnData": bool(one["return_data"])}
        if one["expression"]:
            query["Expression"] = one["expression"]
        for metric in one["metric"]:
            query["MetricStat"] = {
                "Metric": {
                    "Namespace": metric["namespace"],
                    "MetricName": metric["metric_name"],
                    "Dimensions": _dimensions(metric["dimensions"]),
                },
                "Period": metric["period"],
                "Stat": metric["stat"],
            }
        queries.append(query)
    return alarm | {"Metrics": queries}


def _dimensions(values: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in (values or {}).items()]
