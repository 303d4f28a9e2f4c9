import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.templates.attached import (
    DASHBOARD,
    LAYER,
    SINKS,
    TOPIC,
    check,
    check_dashboard,
    check_queries,
)
from tests.templates.cloudformation import Stack
from tests.templates.validators import (
    TEMPLATES,
    TOOL_S,
    environ,
    lint,
    node_tool,
    python_tool,
    run_well,
)

pytestmark = [pytest.mark.services, pytest.mark.timeout(240)]

# `cdk synth` runs the application, whose folder and context are in these two variables; here one process makes it once for
# each context, since to load the library takes most of the time.
PYTHON = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import app
from aws_cdk import App
for name, context in json.loads(sys.argv[3]).items():
    application = App(outdir=os.path.join(sys.argv[2], name), context=context)
    app.build(application)
    application.synth()
"""
NODE = """
const [folder, output, contexts] = process.argv.slice(1);
const path = require("path");
const application = path.join(folder, "app.js");
for (const [name, context] of Object.entries(JSON.parse(contexts))) {
    process.env.CDK_OUTDIR = path.join(output, name);
    process.env.CDK_CONTEXT_JSON = JSON.stringify(context);
    delete require.cache[require.resolve(application)];
    const listeners = process.listeners("beforeExit");
    require(application);
    // The application is synthesized when the process would end.
    for (const synthesize of process.listeners("beforeExit")) {
        if (!listeners.includes(synthesize)) synthesize();
    }
    process.removeAllListeners("beforeExit");
}
"""

NEEDLESS_DEPENDENCY = "W3005"
"""CDK itself lets a function wait for its role, which it refers to anyway."""

CONTEXTS: dict[str, dict[str, Any]] = {
    "unqueried": {"layerArn": LAYER, "savedQueries": "no"},
    **{sink: {"layerArn": LAYER, "sink": value} for sink, value in SINKS.items()},
    "allowed": {"layerArn": LAYER, "sink": SINKS["s3"], "ownLogGroup": "allow"},
    "shared": {"layerArn": LAYER, "ownLogGroup": "share", "metricsFleet": "none"},
    "notified": {
        "layerArn": LAYER,
        "alarmTopicArn": TOPIC,
        "dashboard": "dashboard.json",
        "metricsFleet": "none",
    },
    "unmeasured": {"layerArn": LAYER, "metrics": "off"},
    "in a fleet": {"layerArn": LAYER, "metricsFleet": "shop", "dashboard": "dashboard.json"},
}


def test_cdk_applications_keep_the_contract_for_each_sink(tmp_path: Path) -> None:
    """Python and TypeScript give the same templates, which cfn-lint accepts."""
    (tmp_path / "dashboard.json").write_text(DASHBOARD, encoding="utf-8")
    # What may skip the test comes first: a process that has begun must be waited for.
    by_node = typescript(tmp_path / "typescript")
    by_python = python(tmp_path / "python")

    _ended_well(by_python)
    _ended_well(by_node)
    made = {name: _template(tmp_path / "python" / name) for name in CONTEXTS}
    assert {name: _template(tmp_path / "typescript" / name) for name in CONTEXTS} == made
    outputs = [
        tmp_path / "python" / name / "Recorded.template.json" for name in ("cloudwatch", "s3")
    ]
    assert lint(*outputs, without=[NEEDLESS_DEPENDENCY]) == ""
    check_queries(Stack(made["unqueried"]).attached(), saved=False)
    for sink in SINKS:
        check(Stack(made[sink]).attached(), sink)
    check(Stack(made["allowed"]).attached(), "s3", own_log_group="allow")
    check(Stack(made["shared"]).attached(), "cloudwatch", own_log_group="share", fleet="")
    notified = Stack(made["notified"]).attached()
    check(notified, "cloudwatch", topic=TOPIC, fleet="")
    check_dashboard(notified)
    in_fleet = Stack(made["in a fleet"]).attached()
    check(in_fleet, "cloudwatch", fleet="shop")
    assert in_fleet.dashboards == {}
    unmeasured = Stack(made["unmeasured"]).attached()
    assert unmeasured.alarms == {}
    assert "FLIGHT_RECORDER_METRICS" not in unmeasured.environment


def python(output: Path) -> subprocess.Popen[str]:
    """Begin to synthesize a copy of the Python application for all contexts: next to it, Python keeps its bytecode."""
    application = shutil.copytree(TEMPLATES / "cdk_python", output.parent / "application")
    command = [python_tool("python"), "-c", PYTHON, application, output]
    return _begin([str(part) for part in command], cwd=output.parent)


def typescript(output: Path) -> subprocess.Popen[str]:
    """Type-check and compile the TypeScript application, and begin to synthesize it for all contexts."""
    tsc = node_tool("tsc")
    application = output / "application"
    application.mkdir(parents=True)
    for file in (TEMPLATES / "cdk_typescript").glob("*.*"):
        (application / file.name).write_bytes(file.read_bytes())
    (application / "node_modules").symlink_to(tsc.parent.parent)
    run_well([tsc], env=environ(), cwd=application)
    command = ["node", "-e", NODE, str(application / "build"), str(output)]
    return _begin(command, cwd=output.parent)


def _begin(command: list[str], *, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*command, json.dumps(CONTEXTS)],
        # The library's own validation takes four seconds; cfn-lint, which looks for as much, validates both at once.
        env=environ(CDK_VALIDATION="false"),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _ended_well(process: subprocess.Popen[str]) -> None:
    with process:
        said, _ = process.communicate(timeout=TOOL_S)
    assert process.returncode == 0, said[-3000:]


def _template(folder: Path) -> dict[str, Any]:
    template: dict[str, Any] = json.loads((folder / "Recorded.template.json").read_text("utf-8"))
    # What the library says of itself differs by the library's own language and version.
    template["Resources"].pop("CDKMetadata", None)
    for name in ("Conditions", "Rules", "Parameters"):
        template.pop(name, None)
    return template
