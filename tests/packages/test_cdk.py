"""The CDK packages, installed as anybody installs them, in applications with functions of every kind."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.packages.attached import PACKAGES, check, check_permissions, example, functions
from tests.services.aws import ACCOUNT, REGION
from tests.templates.attached import LAYER, Attached
from tests.templates.cloudformation import Stack
from tests.templates.validators import (
    TOOL_S,
    VALIDATORS,
    environ,
    lint,
    node_tool,
    python_tool,
    run_well,
)

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

APPLICATIONS = Path(__file__).parent / "cdk"

ARM64 = LAYER.replace("recorder:", "recorder-arm64:")

# The library's own validation takes four seconds; cfn-lint looks for as much.
ENVIRON = environ(CDK_VALIDATION="false")

NEEDLESS_DEPENDENCY = "W3005"
"""CDK itself lets a function wait for its role, which it refers to anyway."""


def test_aspect_and_construct_attach_functions_of_every_kind(tmp_path: Path) -> None:
    """Both packages make the same templates, which cfn-lint accepts, and the same annotations."""
    # What may skip the test comes first: a process that has begun must be waited for.
    by_node = typescript(tmp_path / "typescript")
    for process in (*python(tmp_path / "python"), *by_node):
        _ended_well(process)

    outputs = tmp_path / "python" / "cdk.out"
    template = _template(outputs / "Shop.template.json")
    assert _template(tmp_path / "typescript" / "cdk.out" / "Shop.template.json") == template
    made = functions(Stack(template))
    _check_attached(made, template)
    for name in ("Unserved", "Excluded", "Image"):
        assert (made[name].layers, made[name].statements) == ([], [])
    # It had the layer already.
    assert (made["Full"].layers, made["Full"].environment, made["Full"].statements) == (
        [LAYER],
        {},
        [],
    )
    edge = functions(Stack(_template(outputs / "Edge.template.json")))
    assert (edge["Viewer"].layers, edge["Viewer"].statements) == ([], [])
    assert lint(outputs / "Shop.template.json", without=[NEEDLESS_DEPENDENCY]) == ""
    for language in ("python", "typescript"):
        _check_annotations(tmp_path / language)
        page = functions(Stack(_template(tmp_path / language / "page.out" / "Shop.template.json")))
        order = page["Order"]
        assert order.layers == [LAYER]
        assert order.environment["FLIGHT_RECORDER_SINK"] == "s3://my-logs/lambda"
        check_permissions(order, "s3")


def _check_attached(made: dict[str, Attached], template: dict[str, Any]) -> None:
    """Hold what was attached to the contract, and the order in which CloudFormation makes it."""
    check(made["Named"], "cloudwatch")
    unnamed = made["Unnamed"]
    assert unnamed.environment.pop("SHOP") == "1"
    assert unnamed.environment["FLIGHT_RECORDER_SINK"] == "cloudwatch:"
    # Without a name, the recorder takes the same group by itself.
    unnamed.environment["FLIGHT_RECORDER_SINK"] += f"/flight-recorder/{unnamed.function}"
    check(unnamed, "cloudwatch")
    assert made["Node"].layers == [ARM64]
    check_permissions(made["Node"], "cloudwatch")
    (bucket,) = (
        name for name, one in template["Resources"].items() if one["Type"] == "AWS::S3::Bucket"
    )
    for name in ("First", "Second"):
        one = made[name]
        assert one.layers == [LAYER]
        assert one.environment == {
            "FLIGHT_RECORDER_SINK": f"s3://{bucket}/lambda",
            "FLIGHT_RECORDER_SAMPLE_RATE": "0.5",
            "FLIGHT_RECORDER_FLUSH": "end",
        }
        # The role is one, so it has the statements for both.
        effects = [statement["Effect"] for statement in one.statements]
        assert effects == ["Deny", "Deny", "Allow", "Allow"]
    # The group is there already, for several functions.
    records = made["Records"]
    assert records.environment["FLIGHT_RECORDER_SINK"] == "records+cloudwatch:/shop/kept"
    assert records.environment["FLIGHT_RECORDER_METRICS"] == "5m"
    assert records.retention_days == {}
    kept = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/shop/kept"
    assert records.statements[1]["Resource"] == [kept, f"{kept}:*"]

    resources = template["Resources"]
    for identifier, resource in resources.items():
        if resource["Type"] == "AWS::IAM::Policy" and "OwnLogGroup" in identifier:
            (function,) = resource["DependsOn"]
            assert resources[function]["Type"] == "AWS::Lambda::Function"
        if resource["Type"] == "AWS::Logs::LogGroup":
            assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (
                "Retain",
                "Retain",
            )
            assert resource["Properties"]["KmsKeyId"].startswith(f"arn:aws:kms:{REGION}:{ACCOUNT}:")
    named = next(one for name, one in resources.items() if name.startswith("NamedD"))
    for what in ("KeptLogGroup", "Sink"):
        assert any(what in one for one in named["DependsOn"])


def _check_annotations(folder: Path) -> None:
    """Hold what the application says, each thing where it belongs, and without a stack trace."""
    shop = _said(folder / "cdk.out" / "Shop.metadata.json")
    assert {path: level for path, (level, _) in shop.items()} == {
        "/Shop/Unserved": "aws:cdk:warning",
        "/Shop/Imported": "aws:cdk:warning",
    }
    assert "no layer serves nodejs22.x on x86_64" in shop["/Shop/Unserved"][1]
    assert "this function is imported" in shop["/Shop/Imported"][1]
    wrong = _said(folder / "wrong.out" / "Wrong.metadata.json")
    assert list(wrong) == ["/Wrong/Recorder"]
    level, said = wrong["/Wrong/Recorder"]
    assert level == "aws:cdk:error"
    assert "Name the layer: layer" in said
    assert "The sink bucket is none of cloudwatch:" in said
    level, said = _said(folder / "wrong.out" / "Aspect.metadata.json")["/Aspect"]
    assert level == "aws:cdk:error"
    assert "flight-recorder is not the ARN of a layer's version." in said
    assert "The sample rate 12 is not between 0 and 1." in said
    refused = _said(folder / "wrong.out" / "Refused.metadata.json")
    for name, level, words in (
        ("Crowded", "error", "the function has 5 layers, and Lambda takes 5"),
        ("Unserved", "error", "no layer serves nodejs22.x"),
        ("Image", "error", "a container image takes no layers"),
        ("Imported", "warning", "this function is imported"),
    ):
        assert refused[f"/Refused/{name}"][0] == f"aws:cdk:{level}"
        assert words in refused[f"/Refused/{name}"][1]
    template = _template(folder / "wrong.out" / "Refused.template.json")
    assert not any("FlightRecorder" in name for name in template["Resources"])


def _said(metadata: Path) -> dict[str, tuple[str, str]]:
    """Give the level and the text of each construct's annotations, by path."""
    found = {}
    for path, entries in json.loads(metadata.read_text("utf-8")).items():
        ours = [one for one in entries if "Flight Recorder" in str(one.get("data"))]
        if ours:
            found[path] = (ours[0]["type"], " ".join(one["data"] for one in ours))
    return found


def python(folder: Path) -> list[subprocess.Popen[str]]:
    """Install the package into an environment of its own, and begin to synthesize app.py and the page's example."""
    environment = folder / "environment"
    run_well([python_tool("python"), "-m", "venv", "--without-pip", environment], env=ENVIRON)
    (packages,) = (environment / "lib").glob("python*/site-packages")
    (validators,) = (VALIDATORS / "python" / "lib").glob("python*/site-packages")
    # What the package needs is there already, and no registry is asked.
    (packages / "validators.pth").write_text(f"{validators}\n", encoding="utf-8")
    source = shutil.copytree(PACKAGES / "cdk-python", folder / "source")
    interpreter = environment / "bin" / "python"
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", interpreter, "install"]
    pip += ["--quiet", "--no-index", "--no-build-isolation", "--no-cache-dir", source]
    run_well(pip, env=ENVIRON)
    shutil.copy(APPLICATIONS / "app.py", folder)
    (folder / "page.py").write_text(example("cdk.md", "python"), encoding="utf-8")
    return _begin_both(str(interpreter), "py", cwd=folder)


def typescript(folder: Path) -> list[subprocess.Popen[str]]:
    """Pack and install the package, and begin to synthesize app.ts and the page's example, compiled with it."""
    tsc = node_tool("tsc")
    modules = tsc.parent.parent
    source = shutil.copytree(PACKAGES / "cdk-typescript", folder / "source")
    (source / "node_modules").symlink_to(modules)
    npm = {**ENVIRON, "npm_config_cache": str(folder / "npm"), "npm_config_offline": "true"}
    npm["PATH"] = f"{tsc.parent}:{npm['PATH']}"
    run_well(["npm", "pack", "--silent", "--pack-destination", folder], env=npm, cwd=source)
    (archive,) = folder.glob("*.tgz")
    (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
    install: list[str | Path] = ["npm", "install", "--legacy-peer-deps", "--ignore-scripts"]
    install += ["--no-audit", archive]
    run_well(install, env=npm, cwd=folder)
    # The peers are those of the validators: npm would fetch them.
    for name in ("aws-cdk-lib", "constructs", "@types"):
        (folder / "node_modules" / name).symlink_to(modules / name)
    shutil.copy(APPLICATIONS / "app.ts", folder)
    (folder / "page.ts").write_text(example("cdk.md", "ts"), encoding="utf-8")
    options = ["--strict", "--target", "es2022", "--module", "commonjs", "--skipLibCheck"]
    run_well([tsc, *options, "app.ts", "page.ts"], env=environ(), cwd=folder)
    return _begin_both("node", "js", cwd=folder)


def _begin_both(program: str, suffix: str, *, cwd: Path) -> list[subprocess.Popen[str]]:
    return [
        subprocess.Popen(
            [program, f"{name}.{suffix}"],
            env={**ENVIRON, "CDK_OUTDIR": output},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, output in (("app", "cdk.out"), ("page", "page.out"))
    ]


def _ended_well(process: subprocess.Popen[str]) -> None:
    with process:
        said, _ = process.communicate(timeout=TOOL_S)
    assert process.returncode == 0, said[-3000:]


def _template(file: Path) -> dict[str, Any]:
    template: dict[str, Any] = json.loads(file.read_text("utf-8"))
    # What the library says of itself differs by the library's own language and version.
    template["Resources"].pop("CDKMetadata", None)
    for name in ("Conditions", "Rules", "Parameters"):
        template.pop(name, None)
    return template
