"""The loggers of the registries, as functions use them: what they write at ERROR makes an invocation a failed one.

The function catches its error, logs it and returns normally, so nothing but the logger's line tells. `loggers/` has the
functions, and names their loggers' packages. So it does for the libraries that write metrics in CloudWatch's format.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from emulator.model.function import Function
from tests.end_to_end.support import (
    CARGO,
    INVOCATION,
    ROOMY_TIMEOUT_MS,
    Delivered,
    accounts,
    is_metrics,
    problems,
    running,
    settings,
    total,
    wrote,
)
from tests.services.aws import moto
from tests.services.environment import unique

if TYPE_CHECKING:
    from emulator.cloud import LocalLambda
    from emulator.model.invocation import InvokeResult

HERE = Path(__file__).parent / "loggers"
PACKAGES = Path(__file__).parents[2] / ".cache" / "loggers"

PYTHON = (
    "structlog",
    "structlog, colours",
    "structlog, JSONRenderer",
    "loguru",
    "loguru, serialize=True",
    "python-json-logger",
    "python-json-logger, level",
    "aws-lambda-powertools",
    "logging",
    "logging, dashes",
    "logging, brackets",
    "logging, basicConfig",
)
NODE = (
    "pino",
    "pino, ECS",
    "pino, labels",
    "winston, json",
    "winston, simple",
    "winston, json through the console",
    "winston, simple through the console",
    "bunyan",
    "log4js",
    "log4js, through the console",
    "@aws-lambda-powertools/logger",
    "console",
    "console, JSON",
)

PYTHON_METRICS = ("aws-lambda-powertools",)
NODE_METRICS = ("aws-embedded-metrics", "@aws-lambda-powertools/metrics")

FAILED = ("error", "exception")
"""An error that is logged by itself, and one with its traceback."""

FORMS = pytest.mark.parametrize(
    ("log_format", "log_api"), [("Text", "logs"), ("JSON", "logs"), ("JSON", "telemetry")]
)


OBJECTS = ("JSON", "telemetry")
"""Lambda sends a JSON line as an object; in every other form as text."""


def packages(language: str, where: str) -> Path:
    """Return the packages of a language's loggers; skip the test where they are not installed."""
    found = sorted(PACKAGES.glob(where))
    if not found:
        pytest.skip(f"{language}'s loggers are not in {PACKAGES}, which `./build.sh test` makes")
    return found[0]


@pytest.fixture
def python_code(tmp_path: Path) -> Path:
    """Return the Python function with its packages beside it, as they are in a deployment package."""
    code = tmp_path / "python"
    code.mkdir()
    shutil.copy(HERE / "app.py", code)
    for package in packages("Python", "python/lib/*/site-packages").iterdir():
        (code / package.name).symlink_to(package)
    return code


@pytest.fixture
def node_code(tmp_path: Path, node: None) -> Path:
    """Return the Node.js function with its packages beside it."""
    code = tmp_path / "node"
    code.mkdir()
    shutil.copy(HERE / "app.js", code)
    (code / "node_modules").symlink_to(packages("Node.js", "node/node_modules"))
    return code


def invoke_each(
    cloud: LocalLambda, loggers: tuple[str, ...]
) -> dict[tuple[str, str], InvokeResult]:
    """Invoke the function for each logger: once for a healthy invocation, and once for each kind of failure.

    The environment's first one is healthy: what init wrote would travel with a failed one.
    """
    return {
        (logger, kind): cloud.invoke({"logger": logger, "kind": kind})
        for logger in loggers
        for kind in ("healthy", *FAILED)
    }


def unlike(
    cloud: LocalLambda,
    delivered: Delivered,
    results: dict[tuple[str, str], InvokeResult],
    *,
    objects: bool,
) -> str:
    """Return what was not delivered as it should be: failed invocations whole, healthy ones not at all."""
    found = []
    for (logger, kind), result in results.items():
        written = wrote(cloud, result.request_id, objects=objects)
        assert result.status == "success", result.payload
        assert CARGO in json.dumps(written)
        wanted = written if kind in FAILED else []
        if delivered.texts(result.request_id) != wanted:
            shown = "\n".join(f"    {json.dumps(line)[:300]}" for line in written)
            arrived = len(delivered.texts(result.request_id))
            found.append(f"{logger}, {kind}: {arrived} of {len(wanted)} lines arrived\n{shown}")
    return "\n".join(found)


def assert_failed_ones_are_delivered(
    function: Function,
    layer: Path,
    sink_path: Path,
    loggers: tuple[str, ...],
    *,
    objects: bool,
) -> dict[tuple[str, str], Any]:
    """Run the function with all loggers in one environment, and return what its invocations returned."""
    with running(function, layers=[layer]) as cloud:
        results = invoke_each(cloud, loggers)

    delivered = Delivered.read(sink_path)
    found = unlike(cloud, delivered, results, objects=objects)
    assert not found, f"\n{found}"
    delivered.assert_unique_ids()
    for (_, kind), result in results.items():
        kinds = [record["type"] for record in delivered.of(result.request_id)]
        assert kinds.count(INVOCATION) == (kind in FAILED)
    told = accounts(cloud)
    assert total(told, "failed_invocations") == len(FAILED) * len(loggers)
    assert total(told, "evicted_lines") == total(told, "lost_lines") == 0
    assert not problems(cloud)
    return {named: result.payload for named, result in results.items()}


def function_of(
    code: Path, runtime: str, sink_path: Path, log_format: Literal["Text", "JSON"], log_api: str
) -> Function:
    return Function(
        code=code,
        runtime=runtime,
        log_format=log_format,
        memory_mb=512,
        timeout_ms=ROOMY_TIMEOUT_MS,
        environment=settings(sink=f"file:{sink_path}", log_api=log_api),
    )


@pytest.mark.timeout(120)
@FORMS
def test_what_a_python_logger_writes_at_error_is_a_failure(
    layer_dir: Path,
    python_code: Path,
    sink_path: Path,
    log_format: Literal["Text", "JSON"],
    log_api: str,
) -> None:
    """Every line of the failed ones arrives once, in order; warnings with a traceback and "0 errors" do not."""
    function = function_of(python_code, "python", sink_path, log_format, log_api)

    returned = assert_failed_ones_are_delivered(
        function, layer_dir, sink_path, PYTHON, objects=(log_format, log_api) == OBJECTS
    )

    assert all(payload == {"structlog is its own": True} for payload in returned.values())


@pytest.mark.timeout(120)
@FORMS
def test_what_a_nodejs_logger_writes_at_error_is_a_failure(
    layer_dir: Path,
    node_code: Path,
    sink_path: Path,
    log_format: Literal["Text", "JSON"],
    log_api: str,
) -> None:
    """The same for loggers that write to stdout themselves, and for those that go through the console."""
    function = function_of(node_code, "nodejs20.x", sink_path, log_format, log_api)

    assert_failed_ones_are_delivered(
        function, layer_dir, sink_path, NODE, objects=(log_format, log_api) == OBJECTS
    )


def write_metrics(
    function: Function, layer: Path, libraries: tuple[str, ...], *, objects: bool
) -> list[Any]:
    """Let each library write metrics in a healthy invocation; return the lines that hold them."""
    with running(function, layers=[layer]) as cloud:
        results = [cloud.invoke({"metrics": library}) for library in libraries]

    assert {result.status for result in results} == {"success"}
    written = [
        line
        for result in results
        for line in wrote(cloud, result.request_id, objects=objects)
        if is_metrics(line)
    ]
    assert len(written) == len(libraries)
    told = accounts(cloud)
    assert total(told, "dropped_lines") == total(told, "received_lines") - len(libraries)
    assert not problems(cloud)
    return written


@FORMS
def test_metrics_of_a_healthy_python_function_arrive_and_nothing_else(
    layer_dir: Path,
    python_code: Path,
    sink_path: Path,
    log_format: Literal["Text", "JSON"],
    log_api: str,
) -> None:
    """At rate 0, as they were written."""
    function = function_of(python_code, "python", sink_path, log_format, log_api)

    written = write_metrics(
        function, layer_dir, PYTHON_METRICS, objects=(log_format, log_api) == OBJECTS
    )

    assert Delivered.read(sink_path).texts() == written
    assert {record["type"] for record in Delivered.read(sink_path).records} == {"function"}


@FORMS
def test_metrics_of_a_healthy_nodejs_function_arrive_and_nothing_else(
    layer_dir: Path,
    node_code: Path,
    sink_path: Path,
    log_format: Literal["Text", "JSON"],
    log_api: str,
) -> None:
    """At rate 0, as they were written: one library's behind the runtime's prefix in the Text format."""
    function = function_of(node_code, "nodejs20.x", sink_path, log_format, log_api)

    written = write_metrics(
        function, layer_dir, NODE_METRICS, objects=(log_format, log_api) == OBJECTS
    )

    delivered = Delivered.read(sink_path)
    assert delivered.texts() == written
    assert {(record["type"], record["weight"]) for record in delivered.records} == {("function", 1)}
    assert ("\tINFO\t{" in str(written[0])) is (log_format == "Text")


@pytest.mark.services
@pytest.mark.parametrize("scheme", ["cloudwatch", "records+cloudwatch"])
@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_cloudwatch_gets_the_lines_that_it_takes_metrics_from(
    layer_dir: Path, node_code: Path, scheme: str, log_format: Literal["Text", "JSON"]
) -> None:
    """Its records would hide the metrics: each event is the very line."""
    group = unique("/kept")
    function = Function(
        code=node_code,
        runtime="nodejs20.x",
        log_format=log_format,
        memory_mb=512,
        timeout_ms=ROOMY_TIMEOUT_MS,
        environment={**moto().environ(), **settings(sink=f"{scheme}:{group}")},
    )

    written = write_metrics(function, layer_dir, NODE_METRICS, objects=False)

    (stream,) = moto().log_streams(group)
    events = [event["message"] for event in moto().log_events(group, stream)]
    assert events == written
