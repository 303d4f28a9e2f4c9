import json
import shutil
from pathlib import Path

import pytest

from tests.templates.attached import LAYER, TOPIC, check
from tests.templates.cloudformation import Stack
from tests.templates.validators import TEMPLATES, environ, lint, node_tool, run_well

pytestmark = [pytest.mark.services, pytest.mark.timeout(180)]

# Conditions compare what the framework has put in already (W8003), so that some branches never apply (W1028). It lets a
# function wait for its role, which it refers to anyway (W3005).
WITHOUT = ("W1028", "W3005", "W8003")

PARAMETERS = {
    "cloudwatch": {"alarmTopicArn": TOPIC, "metricsFleet": "none"},
    "s3": {"sink": "s3", "sinkName": "my-logs/lambda", "ownLogGroup": "allow"},
    "firehose": {"sink": "firehose", "sinkName": "kept-logs", "metricsFleet": "shop"},
    "fleet": {"metricsFleet": "shop"},
    "shared": {"ownLogGroup": "share", "metricsFleet": "none"},
}
"""Of `http`, nothing but the values in its variables differs."""


def test_serverless_service_keeps_the_contract_for_each_sink(tmp_path: Path) -> None:
    """The framework checks the file by its schema, and cfn-lint accepts the package."""
    service = shutil.copytree(TEMPLATES / "serverless", tmp_path / "service")
    outputs = {}
    for sink, parameters in PARAMETERS.items():
        folder = tmp_path / sink
        given = [f"--param={name}={value}" for name, value in parameters.items()]
        command: list[str | Path] = [node_tool("osls"), "package", "--package", folder, *given]
        run_well(command, env=environ(LAYER_ARN=LAYER), cwd=service)
        outputs[sink] = folder / "cloudformation-template-update-stack.json"

    assert lint(*outputs.values(), without=WITHOUT) == ""
    stacks = {sink: Stack(json.loads(file.read_text())) for sink, file in outputs.items()}
    check(stacks["cloudwatch"].attached(), "cloudwatch", topic=TOPIC, fleet="")
    check(stacks["s3"].attached(), "s3", own_log_group="allow")
    # With the sink elsewhere and the own log group denied, a fleet gets no metrics either.
    check(stacks["firehose"].attached(), "firehose")
    check(stacks["fleet"].attached(), "cloudwatch", fleet="shop")
    check(stacks["shared"].attached(), "cloudwatch", own_log_group="share", fleet="")
