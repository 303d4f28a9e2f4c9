"""Test the environment variables of runtimes and extensions."""

from pathlib import Path

from tests.doubles.emulator.probe import Start, seen


def test_extensions_lack_the_variables_that_aws_withholds(start: Start, tmp_path: Path) -> None:
    """An extension that reads one works here and fails in the cloud."""
    cloud = start(probe={}, environment={"MINE": "1"})

    runtime = cloud.invoke({"do": "environment"}).payload

    extension = seen(tmp_path).of("start")[0]["environment"]
    assert extension["MINE"] == runtime["MINE"] == "1"
    assert runtime["_HANDLER"] == "app.handler"
    assert "AWS_LAMBDA_LOG_GROUP_NAME" in runtime
    missing = {"_HANDLER", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT"}
    assert not missing & set(extension)
    assert not [k for k in extension if k.startswith("_") and k != "_"]
    assert "_LAMBDA_TELEMETRY_LOG_FD" not in runtime
