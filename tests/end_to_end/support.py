"""What the end-to-end tests share: functions to run, running them, and reading what arrived."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.cloud import LocalLambda
from emulator.machine.runtimes import find_node, node_client
from emulator.model.errors import ComponentMissing
from emulator.model.function import Function
from tests.doubles.recording_receiver import RecordingReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from emulator.model.invocation import InvokeResult

EXTENSION = "flight-recorder"

CARGO = "cargo-5d1f"
"""Stands in every line that a function here writes; the extension's own output must never hold it."""

SECRET = "hush-9c41"
"""Stands in every header value that is a secret."""

INVOCATION, GAP = "flightRecorder.invocation", "flightRecorder.gap"

# Lines of every kind a Python function can write; then the end that the event asks for.
PYTHON_APP = """
import json, logging, os, sys, time

CARGO = "cargo-5d1f"
log = logging.getLogger()
log.setLevel("INFO")
print(CARGO, "written during init")

METRICS = {"Timestamp": 1574109732004, "CloudWatchMetrics": [{"Namespace": "shop", "Dimensions": [["f"]],
           "Metrics": [{"Name": "orders", "Unit": "Count"}]}]}


def write_all_sorts(tag):
    log.info("%s %s through logging", CARGO, tag)
    log.warning("%s %s a warning\\nin two lines", CARGO, tag)
    print(CARGO, tag, "through print")
    print(CARGO, tag, "first of three\\n" + CARGO, tag, "second of three\\n" + CARGO, tag, "third of three")
    print()
    print(CARGO, tag, "\\u00fcmlaut \\u20ac \\u65e5\\u672c\\u8a9e \\U0001f680 <&> \\\\ \\" \\t \\u2028 end")
    print(CARGO, tag, "to stderr", file=sys.stderr)
    os.write(1, f"{CARGO} {tag} through os.write\\n".encode())
    print(json.dumps({"level": "info", "message": f"{CARGO} {tag} is JSON", "n": 1.50, "error": None}))
    print(json.dumps({"_aws": METRICS, "f": "$LATEST", "orders": 3, "tag": f"{CARGO} {tag} metrics"}))
    print(CARGO, tag, "x" * 300_000)
    log.info("%s %s closing words", CARGO, tag)


def handler(event, context):
    kind = event.get("kind", "ok")
    if event.get("sorts"):
        write_all_sorts(event["sorts"])
    for number in range(event.get("lines", 0)):
        log.info("%s line %d %s", CARGO, number, "y" * event.get("width", 0))
    print(CARGO, kind)
    time.sleep(event.get("sleep", 0))
    if kind == "error":
        log.error("%s told to write an error", CARGO)
        print(CARGO, "after the error")
    if kind == "raise":
        raise ValueError(f"{CARGO} told to raise")
    if kind == "exit":
        sys.exit(3)
    if kind == "os_exit":
        os._exit(4)
    if kind == "kill":
        os.kill(os.getpid(), 9)
    if kind == "timeout":
        time.sleep(60)
    if kind == "memory":
        hoard = []
        while True:
            hoard.append(bytearray(4_000_000))
            time.sleep(0.002)
    return kind
"""

BASH_APP = """#!/bin/bash
# A custom runtime: an event's text says how the invocation ends.
api="http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime"
headers=$(mktemp)
while true; do
  event=$(curl -sS -D "$headers" "$api/invocation/next")
  id=$(grep -i '^lambda-runtime-aws-request-id:' "$headers" | tr -d '\\r' | cut -d' ' -f2)
  [ -n "$id" ] || exit 1
  echo "cargo-5d1f got $event"
  echo "cargo-5d1f to stderr" >&2
  case $event in
    *raise*)
      echo '{"level":"ERROR","message":"cargo-5d1f told to raise"}'
      curl -sS -o /dev/null -H "Lambda-Runtime-Function-Error-Type: Function.Told" \\
        -d '{"errorMessage":"told","errorType":"Function.Told"}' "$api/invocation/$id/error" ;;
    *error*)
      echo '{"level":"error","message":"cargo-5d1f told to write an error"}'
      curl -sS -o /dev/null -d "$event" "$api/invocation/$id/response" ;;
    *exit*) exit 7 ;;
    *timeout*) exec sleep 60 ;;
    *) curl -sS -o /dev/null -d "$event" "$api/invocation/$id/response" ;;
  esac
done
"""

NODE_APP = """
const CARGO = "cargo-5d1f";
exports.handler = async (event) => {
  console.log(`${CARGO} through console.log`);
  console.info(`${CARGO} two\\nlines \\u20ac`);
  process.stdout.write(`${CARGO} straight to stdout\\n`);
  if (event.kind === "error") console.error(`${CARGO} told to write an error`);
  if (event.kind === "raise") throw new TypeError(`${CARGO} told to raise`);
  if (event.kind === "exit") process.exit(5);
  if (event.kind === "timeout") await new Promise((done) => setTimeout(done, 60000));
  return event.kind;
};
"""


def write_python(folder: Path, text: str = PYTHON_APP) -> Path:
    """Write a Python function; give its directory."""
    code = folder / "python"
    code.mkdir(exist_ok=True)
    (code / "app.py").write_text(text)
    return code


def write_bash(folder: Path, text: str = BASH_APP) -> Path:
    """Write a custom runtime; give its directory."""
    code = folder / "bash"
    code.mkdir(exist_ok=True)
    bootstrap = code / "bootstrap"
    bootstrap.write_text(text)
    bootstrap.chmod(0o755)
    return code


def write_node(folder: Path) -> Path:
    """Write a Node.js function; give its directory."""
    code = folder / "node"
    code.mkdir(exist_ok=True)
    (code / "app.js").write_text(NODE_APP)
    return code


def why_no_node() -> str:
    """Give the reason why Node.js functions cannot be run here; empty if they can."""
    try:
        node_client(find_node(), install=False)  # ./build.sh test makes it first
    except ComponentMissing as missing:
        return str(missing)
    return ""


# What arrived ---------------------------------------------------------------------------------------------------


@dataclass
class Delivered:
    """Records read back from a sink, in the order they arrived."""

    records: list[dict[str, Any]]

    @classmethod
    def parse(cls, data: bytes) -> Delivered:
        """Read NDJSON; every line must be one JSON object."""
        assert not data or data.endswith(b"\n")
        # Not splitlines(): a record may hold U+2028 or \\x85, which end a line of text but not of NDJSON.
        return cls([json.loads(line) for line in data.split(b"\n")[:-1]])

    @classmethod
    def read(cls, path: Path) -> Delivered:
        """Read a file sink; one that was never opened is empty."""
        return cls.parse(path.read_bytes() if path.exists() else b"")

    def of(self, request_id: str) -> list[dict[str, Any]]:
        """Give all records of one request."""
        return [record for record in self.records if record.get("requestId") == request_id]

    def lines(self, request_id: str | None = None) -> list[dict[str, Any]]:
        """Give the function's own records, of one request if named."""
        found = self.records if request_id is None else self.of(request_id)
        return [record for record in found if record["type"] == "function"]

    def texts(self, request_id: str | None = None) -> list[Any]:
        """Give the lines of those."""
        return [record["record"] for record in self.lines(request_id)]

    def reasons(self, request_id: str) -> set[str]:
        """Give every reason that the records of one request carry."""
        return {record["reason"] for record in self.of(request_id)}

    def assert_unique_ids(self) -> None:
        """No two records have the same id."""
        ids = [record["id"] for record in self.records]

        assert len(set(ids)) == len(ids)


class Receiver(RecordingReceiver):
    """An ``http://`` sink, whose refusals hold a secret."""

    url_path = "/in"

    def __init__(self, *, listening: bool = False) -> None:
        """Take a port; connections are refused until the receiver listens."""
        super().__init__(listening=listening, refusal=f"not to be shown: {SECRET}".encode())

    @property
    def delivered(self) -> Delivered:
        """Return the records that were answered with success."""
        return Delivered.parse(b"".join(one.content for one in self.taken))


def wrote(cloud: LocalLambda, request_id: str | None, *, objects: bool = False) -> list[Any]:
    """Give what the function wrote in one invocation, as Lambda delivers it.

    Args:
        cloud: the emulator, whose own record is what CloudWatch would have.
        request_id: of the invocation; None for what was written outside of any.
        objects: whether the subscriber gets JSON lines as objects (JSON format on the Telemetry API).
    """
    events = [event for event in cloud.events if event["type"] == "function"]
    written = cloud.written
    assert len(events) == len(written)
    return [
        event["record"] if objects else line.text
        for line, event in zip(written, events, strict=True)
        if line.request_id == request_id
    ]


def is_metrics(record: Any) -> bool:
    """Tell whether a line is in CloudWatch's embedded metric format."""
    return "CloudWatchMetrics" in (record if isinstance(record, str) else json.dumps(record))


def own_log(cloud: LocalLambda) -> list[dict[str, Any]]:
    """Give the extension's own log: every line of its stderr, each of which must be one JSON object."""
    lines = [line for line in cloud.extension_output if line.channel == "stderr"]
    return [json.loads(line.text) for line in lines if line.text.strip()]


def problems(cloud: LocalLambda) -> list[dict[str, Any]]:
    """Give what it complained about."""
    return [entry for entry in own_log(cloud) if entry["event"] != "account"]


def accounts(cloud: LocalLambda) -> list[dict[str, Any]]:
    """Give the account of every environment that has ended, each checked to add up."""
    found = [entry for entry in own_log(cloud) if entry["event"] == "account"]
    for account in found:
        known = sum(account["kept_lines"].values()) + sum(account["dropped_lines"].values())
        known += account["evicted_lines"] + sum(account["lost_lines"].values())
        # Left out at zero.
        known += account.get("handed_to_stdout_lines", 0)

        assert account["received_lines"] == known + account["buffered_lines"], account
    return found


def total(accounts_: list[dict[str, Any]], counter: str) -> int:
    """Add one counter up over environments, and over reasons where it has any."""
    values = [account[counter] for account in accounts_]
    return sum(sum(value.values()) if isinstance(value, dict) else value for value in values)


ROOMY_TIMEOUT_MS = 10_000
"""Of functions whose end is not the point: a busy machine must not make them time out."""

# Running --------------------------------------------------------------------------------------------------------


def assert_extension_survived(cloud: LocalLambda) -> None:
    """The extension ended on SHUTDOWN only, by itself, with exit code 0, in time."""
    told = False
    for entry in cloud.journal:
        if entry.who != EXTENSION:
            continue
        if entry.kind == "spawn":
            told = False
        elif entry.kind == "event":
            told = entry.detail["event"]["eventType"] == "SHUTDOWN"
        elif entry.kind == "exit":
            assert told, "the extension exited although it was not told to"
            assert entry.detail["code"] == 0, entry
            assert not entry.detail["killed"], "the extension was still running at the deadline"

    assert not cloud.journal.of("kill", EXTENSION)
    assert not cloud.journal.of("init_error", EXTENSION)
    assert not cloud.journal.of("exit_error", EXTENSION)


def assert_nothing_leaked(cloud: LocalLambda) -> None:
    """The extension's own log holds no line of the function and no secret."""
    said = "".join(line.text for line in cloud.extension_output if line.channel == "stderr")

    assert CARGO not in said
    assert SECRET not in said


@contextlib.contextmanager
def running(function: Function, **emulator: Any) -> Iterator[LocalLambda]:
    """Run a function under the layer; once its environment has ended, check what holds of every run."""
    with LocalLambda(function, **emulator) as cloud:
        yield cloud
        cloud.shutdown()
    assert_extension_survived(cloud)
    assert_nothing_leaked(cloud)
    own_log(cloud)


def settings(
    *, sink: str, rate: float = 0, flush: str = "end", **others: str | float
) -> dict[str, str]:
    """Make the variables that configure the extension; names are without their prefix, in any case."""
    named = {"SINK": sink, "SAMPLE_RATE": rate, "FLUSH": flush, **others}
    return {f"FLIGHT_RECORDER_{name.upper()}": str(value) for name, value in named.items()}


class Run:
    """Runs Python functions under the built layer, with a file sink unless another is set."""

    def __init__(self, layer: Path, folder: Path, sink_path: Path) -> None:
        self._layer, self._folder, self._sink_path = layer, folder, sink_path

    def __call__(
        self,
        app: str = PYTHON_APP,
        *,
        timeout_ms: int = ROOMY_TIMEOUT_MS,
        function: Mapping[str, Any] | None = None,
        emulator: Mapping[str, Any] | None = None,
        variables: Mapping[str, str] | None = None,
        **given: str | float,
    ) -> AbstractContextManager[LocalLambda]:
        """Run a function; once its environment has ended, check what holds of every run.

        Args:
            app: the function's text.
            timeout_ms: the function's.
            function: what else is said of the function.
            emulator: what is said of the local Lambda.
            variables: the function's variables beside the settings.
            given: the extension's settings, as :func:`settings` takes them.
        """
        named: dict[str, Any] = {"sink": f"file:{self._sink_path}", **given}
        made = Function(
            code=write_python(self._folder, app),
            timeout_ms=timeout_ms,
            environment={**settings(**named), **(variables or {})},
            **(function or {}),
        )
        return running(made, layers=[self._layer], **(emulator or {}))


def assert_kept_whole(
    delivered: Delivered,
    cloud: LocalLambda,
    result: InvokeResult,
    *,
    reasons: set[str],
    objects: bool,
) -> None:
    """Every line of an invocation arrived, in order, for one of the reasons, with a summary that counts them."""
    expected = wrote(cloud, result.request_id, objects=objects)
    records = delivered.of(result.request_id)

    assert expected
    assert delivered.texts(result.request_id) == expected
    assert len({record["reason"] for record in records}) == 1
    assert {record["reason"] for record in records} <= reasons
    assert {record["weight"] for record in records} == {1}
    assert {record["traceId"] for record in records} == {result.trace_id[5:40]}
    assert [record["record"]["lines"] for record in records if record["type"] == INVOCATION] == [
        len(expected)
    ]


def registrations(cloud: LocalLambda) -> list[int]:
    """Give the statuses of the extension's register calls, in order."""
    return [entry.detail["status"] for entry in cloud.journal.of("register", EXTENSION)]


def assert_records(
    function: Function, layer: Path, sink_path: Path, **emulator: Any
) -> LocalLambda:
    """Run one healthy and one failed invocation; the failed one is kept whole, and nothing is complained about."""
    with running(function, layers=[layer], **emulator) as cloud:
        healthy = cloud.invoke({"kind": "ok"})
        failed = cloud.invoke({"kind": "error"})

    assert [healthy.status, failed.status] == ["success", "success"]
    delivered = Delivered.read(sink_path)
    assert cloud.lines(failed.request_id)
    assert delivered.texts(failed.request_id) == wrote(cloud, failed.request_id)
    assert not delivered.lines(healthy.request_id)
    assert not problems(cloud)
    assert len(accounts(cloud)) == 1
    return cloud


def recorded_function(code: Path, sink_path: Path, **environment: str) -> Function:
    """Make a function whose failed invocations go to a file, with more variables of its own."""
    variables = {**settings(sink=f"file:{sink_path}"), **environment}
    return Function(code=code, timeout_ms=ROOMY_TIMEOUT_MS, environment=variables)
