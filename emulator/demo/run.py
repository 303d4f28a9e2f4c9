"""Run the functions under the layer, and one of them with a buffer inside its own process."""

import contextlib
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emulator.cloud import LocalLambda
from emulator.demo.check import Row
from emulator.demo.plan import TIMEOUT_MS, DemoFunction, Planned, settings_of
from emulator.demo.receiver import Receiver
from emulator.machine.frames import Line
from emulator.machine.installing import cache_directory
from emulator.machine.runtimes import Interpreter, find_node, node_client, python_client
from emulator.model.errors import ComponentMissing, EmulatorTimeout
from emulator.model.function import Function
from emulator.model.invocation import InvokeResult
from emulator.telemetry.output import EVENT_OVERHEAD_BYTES

FIRST_ORDER = 4710
# From the end of an invocation to the arrival of its lines. As a rule they have arrived: FLUSH=end holds the invocation
# until then, and a broken environment delivers before it ends. The check at the end decides.
ARRIVAL_S = 2.0


def missing_for(
    function: DemoFunction, *, say: Callable[[str], None], quick: bool = False
) -> str | None:
    """Fetch the runtime client of a function; return a line on what is missing, or None if nothing is.

    Args:
        function: The function.
        say: Told before something takes minutes.
        quick: Whether what takes minutes is missing instead.
    """
    try:
        if function.key == "python":
            python_client(Interpreter.of(None))
        elif function.key == "nodejs":
            node = find_node()
            if not any(cache_directory().glob("aws-lambda-ric-node*/node_modules/aws-lambda-ric")):
                if quick:
                    return (
                        "it is compiled once, in one to five minutes, by the demo without --quick"
                    )
                say(
                    "Compiling AWS's runtime client for Node.js, once, in one to five minutes."
                    " --functions python,bash or --quick does without it."
                )
            node_client(node)
        else:
            lacking = [tool for tool in ("bash", "curl") if shutil.which(tool) is None]
            if lacking:
                return f"not installed: {', '.join(lacking)}"
    except ComponentMissing as error:
        return str(error)
    return None


def outcome_of(result: InvokeResult) -> str:
    """Return how an invocation ended: success, error, crash, out of memory or timeout."""
    if result.status == "timeout":
        return "timeout"
    if result.runtime_done_status == "error":
        return "out of memory" if "OutOfMemory" in (result.error_type or "") else "crash"
    return result.status


def _function(function: DemoFunction, environment: dict[str, str]) -> Function:
    runtime = function.runtime
    if function.key == "python":
        runtime = "python{}.{}".format(*sys.version_info[:2])
    return Function(
        code=function.code,
        runtime=runtime,
        name=function.name,
        memory_mb=function.memory_mb,
        timeout_ms=TIMEOUT_MS,
        environment=environment,
    )


def _invoke(cloud: LocalLambda, planned: Planned) -> InvokeResult:
    event = {"order": FIRST_ORDER + planned.number, "mishap": planned.mishap}
    header = f"Root={planned.trace_id};Parent=53995c3f42cd8ad8;Sampled=0"
    result = cloud.invoke(event, trace_id=header)
    if outcome_of(result) not in ("success", "error"):
        # The next invocation starts a new environment. A restarted init would count against the function's timeout,
        # which a busy machine might exceed.
        cloud.shutdown()
    return result


def by_invocation(lines: Iterable[Line]) -> dict[str, list[Line]]:
    """Sort lines by request id; lines written between invocations, as in an init, belong to the next one."""
    found: dict[str, list[Line]] = {}
    before: list[Line] = []
    for line in lines:
        before.append(line)
        if line.request_id is not None:
            found.setdefault(line.request_id, []).extend(before)
            before.clear()
    return found


def _cloudwatch_bytes(lines: Sequence[Line]) -> int:
    return sum(len(line.text.encode()) + EVENT_OVERHEAD_BYTES for line in lines)


@dataclass(frozen=True, slots=True)
class FunctionRun:
    """One function's invocations, and the accounts that its extension processes wrote at SHUTDOWN."""

    function: DemoFunction
    rows: tuple[Row, ...]
    accounts: tuple[dict[str, object], ...]


def run_function(
    function: DemoFunction,
    plan: Sequence[Planned],
    *,
    layer: Path,
    sink: Receiver,
    show: Callable[[Row], None],
) -> FunctionRun:
    """Invoke one function as planned.

    Args:
        function: The function.
        plan: Its invocations.
        layer: The built layer.
        sink: The receiver of kept records.
        show: Called with each invocation as soon as it has ended.

    Returns:
        Each invocation with all that arrived of it, up to the end of the last environment.

    Raises:
        EmulatorError: The machine lacks something, or the emulator is stuck.
    """
    rows = []
    with LocalLambda(_function(function, settings_of(sink.url)), layers=[layer]) as cloud:
        for planned in plan:
            rows.append(_run_planned(cloud, function, planned, sink))
            show(rows[-1])
        cloud.shutdown()
        stored = by_invocation(
            [line for line in cloud.cloudwatch if line.source in ("function", "platform")]
        )
        accounts = tuple(accounts_of(cloud.extension_output))
    # Lambda's report comes with the next invocation, so the records are looked up once more.
    whole = [
        row._replace(
            delivered=tuple(sink.of(row.request_id)),
            cloudwatch_bytes=_cloudwatch_bytes(stored.get(row.request_id, [])),
        )
        for row in rows
    ]
    return FunctionRun(function, tuple(whole), accounts)


def _run_planned(
    cloud: LocalLambda, function: DemoFunction, planned: Planned, sink: Receiver
) -> Row:
    result = _invoke(cloud, planned)
    own = by_invocation(cloud.written).get(result.request_id, [])
    written = tuple(line.text for line in own)
    if planned.kept:
        _await_lines(cloud, sink, result.request_id, len(written))
    outcome = outcome_of(result)
    return Row(
        function=function.name,
        planned=planned,
        request_id=result.request_id,
        outcome=outcome,
        written=written,
        delivered=tuple(sink.of(result.request_id)),
        cloudwatch_bytes=0,
        held_ms=result.held_ms if outcome == "success" else None,
    )


def _await_lines(cloud: LocalLambda, sink: Receiver, request_id: str, count: int) -> None:
    def arrived() -> bool:
        return sum(record.is_line for record in sink.of(request_id)) >= count

    with contextlib.suppress(EmulatorTimeout):  # the check at the end then names the missing lines
        cloud.wait_for(arrived, ARRIVAL_S)


def accounts_of(lines: Sequence[Line]) -> Iterator[dict[str, object]]:
    """Find the accounts in the extension's output; it writes one at SHUTDOWN."""
    for line in lines:
        with contextlib.suppress(ValueError):
            value = json.loads(line.text)
            if isinstance(value, dict) and value.get("event") == "account":
                yield value


@dataclass(frozen=True, slots=True)
class Buffered:
    """One invocation of the function that buffers in its own process, without the layer.

    Attributes:
        mishap: Its case, a key of ``plan.CASES``.
        lines: The function's lines that got out of its process.
        platform: Lambda's own lines about it, except START, END and REPORT.
    """

    mishap: str
    lines: tuple[str, ...]
    platform: tuple[str, ...]


def run_buffered(function: DemoFunction, plan: Sequence[Planned]) -> list[Buffered]:
    """Invoke the Python function with a buffer inside its process; return the lines that got out."""
    found = []
    buffered = replace(_function(function, {}), handler="buffered.handler")
    with LocalLambda(buffered) as cloud:
        for planned in plan:
            result = _invoke(cloud, planned)
            own = [line.text for line in cloud.cloudwatch if line.request_id == result.request_id]
            lines = tuple(cloud.lines(result.request_id))
            told = tuple(
                text
                for text in own
                if text not in lines and not text.startswith(("START ", "END ", "REPORT "))
            )
            found.append(Buffered(planned.mishap, lines, told))
    return found
