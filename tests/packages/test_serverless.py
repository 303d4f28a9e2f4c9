"""The plugin, installed as anybody installs it, in a service with functions of every kind."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.packages.attached import PACKAGES, check, check_permissions, example, functions
from tests.services.aws import moto
from tests.templates.attached import LAYER, SINKS
from tests.templates.cloudformation import Stack
from tests.templates.validators import (
    PUBLISH_LAYER,
    ask,
    aws_environ,
    environ,
    lint,
    node_tool,
    run,
    run_well,
)

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]

SERVICE = Path(__file__).parent / "serverless"

ARM64 = LAYER.replace("recorder:", "recorder-arm64:")

# The framework lets a function wait for its role, which it refers to anyway.
NEEDLESS_DEPENDENCY = "W3005"

CREATE_FUNCTION = """
role = client("iam").create_role(RoleName="mail", Path="/service-role/", AssumeRolePolicyDocument="{}")
with open(archive, "rb") as content:
    client("lambda").create_function(
        FunctionName="shop-dev-mail", Runtime="python3.13", Handler="index.handler",
        Role=role["Role"]["Arn"], Code={"ZipFile": content.read()},
    )
answer = None
"""

GET_FUNCTION = """
answer = client("lambda").get_function_configuration(FunctionName="shop-dev-mail")
answer = [[one["Arn"] for one in answer.get("Layers", [])], answer["Environment"]["Variables"]]
"""


def test_plugin_attaches_functions_of_every_kind(tmp_path: Path) -> None:
    """The framework checks the options by the plugin's schema, and cfn-lint accepts the package."""
    service = installed(tmp_path)
    said, template = package(service)
    made = functions(Stack(template))

    cart, page = made["CartLambdaFunction"], made["PageLambdaFunction"]
    assert (cart.layers, page.layers) == ([LAYER], [ARM64])
    # The framework's own role is that of several functions, and so has the statements for all of them.
    assert cart.statements == page.statements
    for one in (cart, page):
        check_permissions(one, "cloudwatch")
        assert one.retention_days == {f"/flight-recorder/{one.function}": 30}
    for name, rate in (("Order", "1"), ("Mail", "0.1")):
        one = made[f"{name}LambdaFunction"]
        assert one.environment.pop("SHOP") == "1"
        # The function sets it itself.
        assert one.environment["FLIGHT_RECORDER_SAMPLE_RATE"] == rate
        one.environment["FLIGHT_RECORDER_SAMPLE_RATE"] = "0.1"
        check(one, "cloudwatch", settings={"FLUSH": "end"})
    for name in ("Unserved", "AdminDashreport", "Image", "Full"):
        one = made[f"{name}LambdaFunction"]
        assert (one.environment, one.retention_days) == ({"SHOP": "1"}, {})
    assert made["FullLambdaFunction"].layers == [f"{LAYER[:-1]}7"]
    assert "not attached to unserved: no layer serves nodejs22.x on x86_64" in said
    _check_order(template)
    output = service / "out" / "cloudformation-template-update-stack.json"
    assert lint(output, without=[NEEDLESS_DEPENDENCY]) == ""


def test_plugin_takes_another_sink_and_refuses_what_is_wrong(tmp_path: Path) -> None:
    """A wrong value ends with the framework's own words, and without a stack trace."""
    service = installed(tmp_path)
    file = service / "serverless.yml"
    text = file.read_text("utf-8")
    elsewhere = f"    sink: {SINKS['s3']}\n    ownLogGroup: allow\n    exclude:"
    file.write_text(text.replace("    exclude:", elsewhere), encoding="utf-8")
    _, template = package(service)
    file.write_text(
        text.replace("    exclude:", "    sink: bucket\n    exclude:"), encoding="utf-8"
    )
    wrong = run([node_tool("osls"), "package"], env=environ(), cwd=service)
    file.write_text(
        re.sub(r"(?s)    layer: .*    exclude: ", "    exclude: ", text), encoding="utf-8"
    )
    nothing = run([node_tool("osls"), "package"], env=environ(), cwd=service)

    order = functions(Stack(template))["MailLambdaFunction"]
    del order.environment["SHOP"]
    check(order, "s3", settings={"FLUSH": "end"}, own_log_group="allow")
    assert (wrong.returncode, nothing.returncode) == (1, 1)
    assert "'custom.flightRecorder.sink': must match pattern" in " ".join(wrong.stdout.split())
    assert "set custom.flightRecorder.layer to the ARN of the layer's version" in nothing.stdout
    assert "at FlightRecorder" not in nothing.stdout


def test_example_of_the_page_is_a_whole_configuration(tmp_path: Path) -> None:
    """With functions of one's own in front of it."""
    service = installed(tmp_path)
    functions_of_ones_own = (
        "functions: {cart: {handler: index.handler}, admin-x: {handler: index.handler}}"
    )
    provider = "provider: {name: aws, runtime: python3.13, region: eu-west-1}"
    head = f"service: shop\nconfigValidationMode: error\n{provider}\n{functions_of_ones_own}\n"
    text = head + example("serverless.md", "yaml")
    (service / "serverless.yml").write_text(text, encoding="utf-8")

    _, template = package(service)

    made = functions(Stack(template))
    check(made["CartLambdaFunction"], "cloudwatch")
    assert made["AdminDashxLambdaFunction"].layers == []


def test_deploying_one_function_keeps_the_layer(tmp_path: Path) -> None:
    """`deploy function` writes all layers anew. Without the layer, the Deny would leave the function without a log."""
    service = installed(tmp_path)
    archive = shutil.make_archive(str(tmp_path / "index"), "zip", SERVICE, "index.py")
    aws = moto()
    aws.reset()
    assert ask(aws, PUBLISH_LAYER + CREATE_FUNCTION, archive=archive) is None

    run_well(
        [node_tool("osls"), "deploy", "function", "--function", "mail"],
        env=aws_environ(aws),
        cwd=service,
    )

    layers, variables = ask(aws, GET_FUNCTION)
    assert layers == [LAYER]
    assert variables["FLIGHT_RECORDER_SINK"] == "cloudwatch:/flight-recorder/shop-dev-mail"


def installed(folder: Path) -> Path:
    """Give a service whose plugin npm has installed from its package."""
    osls = node_tool("osls")
    service = shutil.copytree(SERVICE, folder / "service")
    npm = environ(npm_config_cache=str(folder / "npm"), npm_config_offline="true")
    pack: list[str | Path] = ["npm", "pack", "--silent", "--pack-destination", folder]
    run_well(pack, env=npm, cwd=PACKAGES / "serverless-plugin")
    (archive,) = folder.glob("*.tgz")
    (service / "package.json").write_text('{"private": true}', encoding="utf-8")
    # The peer is the framework that runs the plugin.
    install: list[str | Path] = ["npm", "install", "--legacy-peer-deps", "--ignore-scripts"]
    install += ["--no-audit", archive]
    run_well(install, env=npm, cwd=service)
    assert osls.exists()
    return service


def package(service: Path) -> tuple[str, dict[str, Any]]:
    """Give what the framework says, and the template that it makes."""
    done = run([node_tool("osls"), "package", "--package", "out"], env=environ(), cwd=service)
    assert done.returncode == 0, done.stdout + done.stderr
    file = service / "out" / "cloudformation-template-update-stack.json"
    template: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return done.stdout + done.stderr, template


def _check_order(template: dict[str, Any]) -> None:
    """Hold the Deny to come after all its functions, and the rest before."""
    resources = template["Resources"]
    for identifier, resource in resources.items():
        if identifier.startswith("FlightRecorderOwnLogGroups"):
            after = [resources[one]["DependsOn"] for one in resource["DependsOn"]]
            sink = identifier.replace("OwnLogGroups", "Sink")
            assert after
            assert all(sink in one for one in after)
        if identifier.endswith("FlightRecorderLogGroup"):
            function = identifier.removesuffix("FlightRecorderLogGroup")
            assert identifier in resources[function]["DependsOn"]
            assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
