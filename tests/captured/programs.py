"""The functions that real runtime clients run: how each invocation is made to end, and what tells its failure.

`capture.py` writes down what they write, and `tests/end_to_end/test_runtimes.py` runs them under the built layer.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from emulator.machine.programs import build
from emulator.machine.runtimes import (
    JAVA_CLIENT,
    JAVA_CLIENT_VERSION,
    find_java,
    find_node,
    java_client,
    node_client,
)
from emulator.model.function import Function

if TYPE_CHECKING:
    from collections.abc import Mapping

LogFormat = Literal["Text", "JSON"]
BOTH: tuple[LogFormat, ...] = ("Text", "JSON")

FUNCTIONS = Path(__file__).parent / "functions"

MEMORY_MB = 512
"""Java and Node.js take more than Lambda's least."""

TIMEOUT_MS = 10_000


@dataclass(frozen=True, slots=True)
class Case:
    """One way for an invocation to end.

    Attributes:
        kind: the word in the event, and the name of the case.
        reason: for which a failed invocation is kept; None if it is healthy.
        telling: what stands in the line that tells the failure; empty if no line tells it.
        also: other reasons, in the log formats whose line does not say who wrote it: the function or its client.
        begins: whether the invocation begins. If not, both attempts at init fail before.
    """

    kind: str
    reason: str | None = None
    telling: str = ""
    also: Mapping[LogFormat, tuple[str, ...]] = field(default_factory=dict)
    begins: bool = True

    def reasons(self, log_format: LogFormat) -> set[str]:
        """Return the reasons that a reader of the line can give."""
        return {self.reason, *self.also.get(log_format, ())} if self.reason else set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A function that writes with certain loggers.

    Attributes:
        name: of the runtime, and of its folder in `functions/`.
        logger: what the function writes with.
        runtime: as Lambda calls it.
        cases: in the order in which they are tried in one environment.
        handler: as Lambda has it.
        environment: the function's variables.
        formats: the log formats in which it runs.
        levels: the level of a line by what stands in it. The first that stands in it counts.
    """

    name: str
    logger: str
    runtime: str
    cases: tuple[Case, ...]
    handler: str = "app.handler"
    environment: Mapping[str, str] = field(default_factory=dict)
    formats: tuple[LogFormat, ...] = BOTH
    levels: Mapping[str, str | None] = field(default_factory=dict)

    def function(
        self, log_format: LogFormat, environment: Mapping[str, str] | None = None
    ) -> Function:
        """Make the emulator's function, from what was built before."""
        folder = FUNCTIONS / self.name
        built = self.name in {"go", "rust", "java"}
        return Function(
            code=build(folder, install=False) if built else folder,
            handler=self.handler,
            runtime=self.runtime,
            memory_mb=MEMORY_MB,
            timeout_ms=TIMEOUT_MS,
            log_format=log_format,
            environment={**self.environment, **(environment or {})},
        )

    def __str__(self) -> str:
        words = [self.name, self.logger, *([] if self.handler == "app.handler" else [self.handler])]
        return ", ".join(words)


HEALTHY = Case("healthy")
HANDLED = Case("handled", "level-error", "cargo-5d1f told to write an error")
WARNED = {"stock is low": "WARN", "told to write an error": "ERROR"}

# Go -------------------------------------------------------------------------------------------------------------

_GO_ERROR = Case("error", "go-exception", "errorString")
_GO_PANIC = Case("panic", "go-exception", "plainError")

GO = (
    Program(
        name="go",
        logger="log, log/slog",
        runtime="provided.al2023",
        cases=(
            HEALTHY,
            HANDLED,
            _GO_ERROR,
            Case("own error", "go-exception", "wrapError"),
            Case("own type", "go-exception", "refusal"),
            _GO_PANIC,
            Case("exit", "crash"),
            Case("fatal", "crash"),
        ),
        levels={**WARNED, "cargo-5d1f": None},
    ),
    *(
        Program(
            name="go",
            logger=logger,
            runtime="provided.al2023",
            environment={"LOGGER": variable},
            cases=(HEALTHY, HANDLED, _GO_ERROR, _GO_PANIC),
            levels={**WARNED, "begins": "INFO", "ends": None},
        )
        for variable, logger in (
            ("json", "log/slog's JSONHandler, also behind log"),
            ("lambdacontext", "lambdacontext.NewLogger, also behind log"),
        )
    ),
)

# Rust -----------------------------------------------------------------------------------------------------------

_RUST = "rust-exception"
_RUST_CASES = (
    HEALTHY,
    # Within an invocation, the function's lines begin as the client's do.
    replace(HANDLED, also={"Text": (_RUST,), "JSON": (_RUST,)}),
    Case("error", _RUST, "told to fail"),
    Case("own type", _RUST, "Refusal { order: 17 }"),
    Case("panic", _RUST, "user handler panicked"),
    Case("exit", "crash"),
)
# A JSON line of the client's has the form of one of the function's, and its level alone may tell.
_RUST_CASES_OF_THE_CLIENT = tuple(
    replace(case, also={"JSON": ("level-error",)}) if case.reason == _RUST else case
    for case in _RUST_CASES
)
_RUST_LEVELS = {**WARNED, "begins": "INFO", "ends": None}

RUST = (
    Program(
        name="rust",
        logger="lambda_runtime::tracing",
        runtime="provided.al2023",
        environment={"NO_COLOR": "1"},
        cases=_RUST_CASES_OF_THE_CLIENT,
        levels=_RUST_LEVELS,
    ),
    Program(
        name="rust",
        logger="lambda_runtime::tracing, with colours",
        runtime="provided.al2023",
        cases=_RUST_CASES,
        formats=("Text",),
        levels=_RUST_LEVELS,
    ),
    Program(
        name="rust",
        logger="tracing_subscriber::fmt",
        runtime="provided.al2023",
        environment={"SUBSCRIBER": "fmt", "NO_COLOR": "1"},
        cases=_RUST_CASES,
        levels=_RUST_LEVELS,
    ),
    Program(
        name="rust",
        logger="tracing_subscriber::fmt, with colours",
        runtime="provided.al2023",
        environment={"SUBSCRIBER": "fmt"},
        cases=_RUST_CASES,
        levels=_RUST_LEVELS,
    ),
    Program(
        name="rust",
        logger="none",
        runtime="provided.al2023",
        environment={"SUBSCRIBER": "none"},
        cases=(HEALTHY, Case("panic", _RUST, "panicked at"), Case("exit", "crash")),
        levels={"ends": None},
    ),
)

# Java -----------------------------------------------------------------------------------------------------------

_JAVA_ERRORS = (
    Case("error", "java-exception", "IllegalStateException: cargo-5d1f told to fail"),
    Case("caused", "java-exception", "Caused by: java.util.concurrent.TimeoutException"),
    Case(
        "no message",
        "java-exception",
        "java.lang.IllegalStateException: java.lang.IllegalStateException",
    ),
    Case("no frames", "java-exception", "cargo-5d1f not found: shop.Ending$Frameless"),
    Case("own text", "java-exception", "Refusal{order=17}"),
)
_JAVA_EXIT = Case("exit", "crash")
_JAVA_LEVELS = {"begins": "INFO", "retry 1": "WARN", "told to write an error": "ERROR"}

JAVA = (
    Program(
        name="java",
        logger="LambdaLogger, System.out",
        runtime="java17",
        handler="shop.Plain",
        cases=(
            HEALTHY,
            HANDLED,
            *_JAVA_ERRORS,
            Case("long", "java-exception", "xxxx"),
            _JAVA_EXIT,
        ),
        levels={
            **WARNED,
            "begins": "INFO",
            "without a level": None,
            "to standard": None,
        },
    ),
    Program(
        name="java",
        logger="aws-lambda-java-log4j2",
        runtime="java17",
        handler="shop.WithLog4j",
        cases=(
            HEALTHY,
            HANDLED,
            Case(
                "caught",
                "level-error",
                "cargo-5d1f caught",
                also={"JSON": ("java-exception", "error-object")},
            ),
            Case("fatal", "level-fatal", "cargo-5d1f giving up"),
            *_JAVA_ERRORS,
            _JAVA_EXIT,
        ),
        levels={**_JAVA_LEVELS, "caught": "ERROR", "giving up": "FATAL"},
    ),
    Program(
        name="java",
        logger="logback-classic",
        runtime="java17",
        handler="shop.WithLogback",
        cases=(
            HEALTHY,
            HANDLED,
            Case("caught", "level-error", "ERROR shop.WithLogback -- cargo-5d1f caught"),
            *_JAVA_ERRORS,
            _JAVA_EXIT,
        ),
        levels={**_JAVA_LEVELS, "-- cargo-5d1f caught": "ERROR"},
    ),
    *(
        Program(
            name="java",
            logger="none",
            runtime="java17",
            handler=handler,
            cases=(case,),
        )
        for handler, case in (
            (
                "shop.Missing",
                Case("class not found", "java-exception", "Class not found: shop.Missing"),
            ),
            (
                "shop.Plain::missing",
                Case(
                    "method not found",
                    "java-exception",
                    "No public method named missing",
                    also={"JSON": ("level-error",)},
                ),
            ),
            (
                "shop.Unmade",
                Case(
                    "constructor fails",
                    "java-exception",
                    "cargo-5d1f no configuration: java",
                    begins=False,
                ),
            ),
        )
    ),
)

# Python ---------------------------------------------------------------------------------------------------------

PYTHON = (
    Program(
        name="python",
        logger="logging, print",
        runtime="python3.13",
        cases=(
            HEALTHY,
            HANDLED,
            Case(
                "caught",
                "level-error",
                "cargo-5d1f caught",
                also={"JSON": ("python-exception", "error-object")},
            ),
            Case("error", "python-exception", "ValueError"),
            Case("own type", "python-exception", "Refusal"),
            Case("exit", "crash"),
            Case("os exit", "crash"),
        ),
        levels={**WARNED, "begins": "INFO", "caught": "ERROR", "ends": None},
    ),
    *(
        Program(
            name="python",
            logger="none",
            runtime="python3.13",
            handler=handler,
            cases=(Case(kind, "python-exception", telling, begins=False),),
            levels={"LAMBDA_WARNING": "WARN"},
        )
        for kind, handler, telling in (
            ("handler not found", "app.missing", "HandlerNotFound"),
            ("import error", "missing.handler", "ImportModuleError"),
        )
    ),
)

# Node.js --------------------------------------------------------------------------------------------------------

_NODE_ENDS: dict[LogFormat, tuple[str, ...]] = {"Text": ("crash",), "JSON": ("crash",)}
"""From version 4 on, the client leaves these to Node.js, which writes no record of a certain form, and ends."""

NODEJS = (
    Program(
        name="nodejs",
        logger="console, process.stdout, process.emitWarning",
        runtime="nodejs20.x",
        cases=(
            HEALTHY,
            HANDLED,
            Case(
                "caught",
                "level-error",
                "cargo-5d1f caught",
                also={"JSON": ("nodejs-exception", "error-object")},
            ),
            Case("error", "nodejs-exception", "told to fail"),
            Case("own type", "nodejs-exception", '"errorType":"Refusal"'),
            Case("no error", "nodejs-exception", "told to fail with a text"),
            Case("rejection", "nodejs-exception", "UnhandledPromiseRejection", _NODE_ENDS),
            HEALTHY,  # for what the client writes when it starts again
            Case("uncaught", "nodejs-exception", '"errorType":"Refusal"', _NODE_ENDS),
            HEALTHY,
            Case("exit", "crash"),
        ),
        levels={
            **WARNED,
            "begins": "INFO",
            "is old": "WARN",
            "DeprecationWarning": "WARN",
            "caught": "ERROR",
            "ends": None,
            "Executing": None,
        },
    ),
    *(
        Program(
            name="nodejs",
            logger="none",
            runtime="nodejs20.x",
            handler=handler,
            cases=(Case(kind, "nodejs-exception", telling, begins=False),),
            levels={"Executing": None},
        )
        for kind, handler, telling in (
            ("handler not found", "app.missing", '"errorType":"'),
            ("import error", "missing.handler", '"errorType":"'),
        )
    ),
)

PROGRAMS: dict[str, tuple[Program, ...]] = {
    "go": GO,
    "java": JAVA,
    "nodejs": NODEJS,
    "python": PYTHON,
    "rust": RUST,
}

# Versions -------------------------------------------------------------------------------------------------------


def _pinned(name: str, pins: str, pattern: str) -> str:
    found = re.search(pattern, (FUNCTIONS / name / pins).read_text(encoding="utf-8"))
    assert found, pattern
    return found[1]


def _answer(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).strip()


def client_of(name: str, node: Path | None = None) -> str:
    """Return the name and the version of a runtime's client; ``node`` is the Node.js that is run."""
    if name == "go":
        return "aws-lambda-go " + _pinned(name, "go.mod", r"aws-lambda-go v([\d.]+)")
    if name == "rust":
        return "lambda_runtime " + _pinned(name, "Cargo.toml", r'lambda_runtime = "=([\d.]+)"')
    if name == "java":
        return f"{JAVA_CLIENT} {JAVA_CLIENT_VERSION}"
    if name == "python":
        return f"awslambdaric {metadata.version('awslambdaric')}"
    package = node_client(find_node(node)) / "node_modules/aws-lambda-ric/package.json"
    found = re.search(r'"version": "([\d.]+)"', package.read_text(encoding="utf-8"))
    assert found, package
    return f"aws-lambda-ric {found[1]}"


def language_of(name: str, node: Path | None = None) -> str:
    """Return the version of a runtime's language."""
    if name == "go":
        return _answer("go", "env", "GOVERSION")
    if name == "rust":
        return " ".join(_answer("rustc", "--version").split()[:2])
    if name == "java":
        return f"java {_answer(str(find_java()), '--version').split()[1]}"
    if name == "python":
        import platform

        return f"python {platform.python_version()}"
    return f"node {_answer(str(find_node(node)), '--version').lstrip('v')}"


@cache
def why_not(name: str) -> str:
    """Give the reason why a runtime's functions cannot be run here; empty if they can."""
    from emulator.model.errors import ComponentMissing

    try:  # ./build.sh test makes them first
        if name in {"go", "rust", "java"}:
            build(FUNCTIONS / name, install=False)
        if name == "java":
            find_java()
            java_client(install=False)
        if name == "nodejs":
            node_client(find_node(), install=False)
    except ComponentMissing as missing:
        return str(missing)
    return ""
