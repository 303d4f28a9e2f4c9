"""The Terraform module, beside functions that are not its own."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.packages.attached import PACKAGES, check, example
from tests.services.aws import ACCOUNT, REGION, AwsService, moto
from tests.templates.attached import LAYER, SINKS, TOPIC, Attached
from tests.templates.test_terraform import PLUGINS, attached
from tests.templates.validators import (
    PUBLISH_LAYER,
    TEMPLATES,
    ask,
    aws_environ,
    environ,
    run,
    run_well,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"

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

APPLY = ("terraform", "apply", "-auto-approve", "-input=false", "-no-color")

VARIABLES: dict[str, dict[str, Any]] = {
    "cloudwatch": {
        "layer_arn": LAYER,
        "kms_key_arn": KEY,
        "tags": {"team": "shop"},
        "memory_size": 512,
        # moto has no saved queries, so these are planned below, and not made.
        "saved_queries": False,
        "settings": {"FLUSH": "end", "BUFFER_SIZE": "8MiB"},
    },
    "firehose": {
        "layer_arns": {"arm64": LAYER, "x86_64": LAYER.replace("recorder:", "recorder-x86:")},
        "architecture": "arm64",
        "sink": SINKS["firehose"],
    },
    "s3": {
        "layer_arn": LAYER,
        "sink": SINKS["s3"],
        "own_log_group": "allow",
        "alarm_topic_arns": [TOPIC],
        "metrics_fleet": "",
    },
}

RECORDS = "records+cloudwatch:/shop/kept"
"""A group that is there already, for several functions."""


def test_module_attaches_functions_of_ones_own(tmp_path: Path) -> None:
    """AWS (moto) has the layer beside the function's other layer, and each policy only with it."""
    aws = moto()
    modules = {**VARIABLES, "records": {"layer_arn": LAYER, "sink": RECORDS}}
    folder = folder_with(tmp_path, configuration(modules), aws)
    said = run_well(APPLY, env=aws_environ(aws), cwd=folder)

    assert "Warning" not in said
    for name, variables in VARIABLES.items():
        check(
            _function(folder, name),
            name,
            settings=variables.get("settings"),
            own_log_group=variables.get("own_log_group", "deny"),
            topic=TOPIC if name == "s3" else "",
            fleet=variables.get("metrics_fleet", "flight-recorder"),
        )
    (group,) = _resources(folder, "module.cloudwatch", "aws_cloudwatch_log_group")
    assert (group["kms_key_id"], group["tags"]) == (KEY, {"team": "shop"})
    records = _function(folder, "records")
    assert records.environment["FLIGHT_RECORDER_SINK"] == RECORDS
    assert records.retention_days == {}
    kept = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/shop/kept"
    assert records.statements[1]["Resource"] == [kept, f"{kept}:*"]
    policy = "module.cloudwatch.aws_iam_role_policy"
    made = "aws_lambda_function.cloudwatch: Creati"
    _check_order(said, f"{policy}.sink[0]: Creation complete", f"{made}ng")
    _check_order(said, f"{made}on complete", f"{policy}.own_log_group[0]: Creating")

    # Taken off: the function stays, without its layer.
    write(folder, configuration({}, functions=list(modules)))
    said = run_well(APPLY, env=aws_environ(aws), cwd=folder)
    deny = f"{policy}.own_log_group[0]: Destruction complete"
    _check_order(said, deny, "aws_lambda_function.cloudwatch: Modifying")


def test_module_refuses_what_would_leave_a_function_blind(tmp_path: Path) -> None:
    """Values that are none, and a Deny for a function that does not get the layer."""
    wrong: dict[str, dict[str, Any]] = {
        "arn": {"layer_arn": LAYER.rpartition(":")[0]},
        "sink": {"layer_arn": LAYER, "sink": "bucket"},
        "rate": {"layer_arn": LAYER, "sample_rate": 12},
        "prefix": {"layer_arn": LAYER, "settings": {"FLIGHT_RECORDER_FLUSH": "end"}},
    }
    aws = moto()
    folder = folder_with(tmp_path, configuration(wrong), aws)
    plan = ("terraform", "plan", "-input=false", "-no-color")
    values = run(plan, env=aws_environ(aws), cwd=folder)
    # Under names that the folder knows already: to install a module takes a second.
    blind = configuration({"arn": {"layer_arn": LAYER}, "sink": {}})
    blind["resource"]["aws_lambda_function"]["arn"]["layers"] = []
    write(folder, blind)
    layers = run(plan, env=aws_environ(aws), cwd=folder)
    # The page's own example, whose module is where `terraform init` has put this one.
    page = example("terraform.md", "hcl").replace('module "recorder"', 'module "rate"')
    page = page.replace("./packages/terraform", "./module").replace(
        "module.recorder", "module.rate"
    )
    (folder / "main.tf.json").unlink()
    (folder / "main.tf").write_text(page, encoding="utf-8")
    well = run_well(plan, env=aws_environ(aws), cwd=folder)

    assert "has not got the layer" not in well
    for name in _saved_queries():
        assert f'"flight-recorder/shop/{name}"' in well
    assert (values.returncode, layers.returncode) == (1, 1)
    said = " ".join(values.stderr.replace("\u2502", " ").split())
    assert "This is not the ARN of a layer's version" in said
    assert "The sink is cloudwatch:" in said
    assert "A share between 0 and 1." in said
    assert "Leave out the prefix FLIGHT_RECORDER_." in said
    said = " ".join(layers.stderr.replace("\u2502", " ").split())
    assert "The function shop-arn has not got the layer" in said
    assert "Set layer_arn, or layer_arns with a layer for the architecture x86_64." in said


def configuration(
    modules: dict[str, dict[str, Any]], functions: list[str] | None = None
) -> dict[str, Any]:
    """Give functions with roles, and the module for some of them, in Terraform's JSON.

    Args:
        modules: The module's variables by the name of a function.
        functions: All functions, with a module or without.
    """
    names = functions or list(modules)
    return {
        "module": {
            name: {
                "source": "./module",
                "function_name": f"shop-{name}",
                "role_name": f"${{aws_iam_role.{name}.{'arn' if name == 'firehose' else 'name'}}}",
                "function_layers": f"${{aws_lambda_function.{name}.layers}}",
                **variables,
            }
            for name, variables in modules.items()
        },
        "resource": {
            "aws_iam_role": {
                name: {"name": f"shop-{name}", "assume_role_policy": json.dumps(TRUST)}
                for name in names
            },
            "aws_lambda_function": {
                name: {
                    "function_name": f"shop-{name}",
                    "role": f"${{aws_iam_role.{name}.arn}}",
                    "runtime": "python3.12",
                    "handler": "index.handler",
                    "filename": "function.zip",
                    "memory_size": 512,
                    **(
                        {
                            "layers": f"${{module.{name}.layers}}",
                            "environment": {
                                "variables": f'${{merge(module.{name}.environment, {{ SHOP = "1" }})}}'
                            },
                        }
                        if name in modules
                        else {}
                    ),
                }
                for name in names
            },
        },
    }


def folder_with(folder: Path, content: dict[str, Any], aws: AwsService) -> Path:
    """Give a folder with the module, a configuration and its providers; AWS has the layer.

    Skips the test where Terraform or its provider cannot be had.
    """
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not on the path")
    run_well(["terraform", "fmt", "-check", PACKAGES / "terraform"], env=environ())
    shutil.copytree(PACKAGES / "terraform", folder / "module")
    with zipfile.ZipFile(folder / "function.zip", "w") as package:
        package.write(TEMPLATES / "terraform" / "index.py", "index.py")
    write(folder, content)
    aws.reset()
    assert ask(aws, PUBLISH_LAYER, archive=str(folder / "function.zip")) == LAYER
    plugins = [f"-plugin-dir={PLUGINS}"] if PLUGINS.is_dir() else []
    init = ["terraform", "init", "-input=false", "-no-color", *plugins]
    done = run(init, env=environ(), cwd=folder)
    if done.returncode and "provider" in done.stderr.lower():
        pytest.skip("Terraform's AWS provider cannot be had")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def write(folder: Path, content: dict[str, Any]) -> None:
    # A kind of block without a block is an error.
    filled = {name: blocks for name, blocks in content.items() if blocks}
    (folder / "main.tf.json").write_text(json.dumps(filled), encoding="utf-8")


def _state(folder: Path) -> list[dict[str, Any]]:
    state = json.loads((folder / "terraform.tfstate").read_text(encoding="utf-8"))
    resources: list[dict[str, Any]] = state["resources"]
    return resources


def _resources(folder: Path, module: str, kind: str) -> list[dict[str, Any]]:
    found = [one for one in _state(folder) if one.get("module") == module and one["type"] == kind]
    return [instance["attributes"] for one in found for instance in one["instances"]]


def _function(folder: Path, name: str) -> Attached:
    of_one: list[Mapping[str, Any]] = [
        one
        for one in _state(folder)
        if one.get("module") == f"module.{name}" or one["name"] == name
    ]
    found = attached(of_one)
    assert found.environment.pop("SHOP") == "1"
    return found


def _saved_queries() -> dict[str, Any]:
    path = PACKAGES / "terraform" / "queries.json"
    queries: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert queries == json.loads((TEMPLATES / "queries.json").read_text(encoding="utf-8"))
    return queries


def _check_order(said: str, first: str, then: str) -> None:
    lines = said.splitlines()
    at = [next(n for n, line in enumerate(lines) if part in line) for part in (first, then)]
    assert at == sorted(at), said[-5000:]
