"""A real OTLP collector on this machine, and OpenTelemetry's own reading of what was sent.

The collector is rotel: it runs as a process from the services' environment, is started at most once a test process,
when it is first asked for, and ends with that process. It prints every record it was given; what it printed is parsed
here, and told apart by ``service.name``, so tests use a name of their own each. :class:`Decoder` is opentelemetry-proto,
in a process of the same environment: protobuf's runtime is nothing this project depends on.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import functools
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.services.environment import READY_S, TIED_TO_PARENT, free_port, needs_services

WAIT_S = 10.0
"""For records to be printed: rotel prints a batch within milliseconds of its answer."""


class Printed(NamedTuple):
    """A log record as the collector printed it; attributes as text, such as ``Str(a)``, ``Int(1)``, ``Double(10)``."""

    resource: dict[str, str]
    scope: str
    time_unix_ns: int
    observed_time_unix_ns: int
    severity_text: str
    severity_number: int
    event_name: str
    body: str
    attributes: dict[str, str]
    trace_id: str
    span_id: str
    flags: int


class Collector:
    """A running collector. ``url`` is without a final slash."""

    def __init__(self, url: str, output: Path) -> None:
        self.url = url
        self._output = output

    def printed(self, service_name: str, *, count: int) -> list[Printed]:
        """Wait for at least ``count`` records of a service, and give all there are."""
        until = time.monotonic() + WAIT_S
        while True:
            found = self._find(service_name)
            if len(found) >= count:
                return found
            if time.monotonic() > until:
                pytest.fail(f"{len(found)} of {count} records arrived in {WAIT_S:.0f} s: {found}")
            time.sleep(0.01)

    def _find(self, service_name: str) -> list[Printed]:
        text = self._output.read_bytes().decode()
        mine = f"Str({service_name})"
        return [one for one in _printed(text) if one.resource.get("service.name") == mine]


_ATTRIBUTES = r"(?:     -> .*\n)*"
_ENTRY = re.compile(
    # One of a resource, a scope, and a record.
    rf"^ResourceLog #\d+\nResource SchemaURL: .*\n(?P<resource>(?:Resource attributes:\n{_ATTRIBUTES})?)"
    r"|^ScopeLogs #\d+\nScopeLogs SchemaURL: .*\nInstrumentationScope (?P<scope>.*)\n"
    r"|^LogRecord #\d+\nObservedTimestamp: (?P<observed>\d+)\nTimestamp: (?P<time>\d+)\n"
    r"SeverityText: (?P<text>.*)\nSeverityNumber: \w+\((?P<number>\d+)\)\n"
    r"(?:EventName: (?P<event>.*)\n)?Body: Str\((?P<body>[\s\S]*?)\)\n"
    rf"(?:Attributes:\n(?P<attributes>{_ATTRIBUTES}))?"
    r"    Trace ID       : (?P<trace>\w*)\n    Span ID        : (?P<span>\w*)\nFlags: (?P<flags>\d+)\n",
    re.MULTILINE,
)
_ATTRIBUTE = re.compile(r"     -> (.*?): (.*)\n")


def _printed(text: str) -> list[Printed]:
    """Read what was printed in full; a record of which the end is missing is left for the next time."""
    found = []
    resource: dict[str, str] = {}
    scope = ""
    for match in _ENTRY.finditer(text):
        if match["resource"] is not None:
            resource = dict(_ATTRIBUTE.findall(match["resource"]))
        elif match["scope"] is not None:
            scope = match["scope"]
        else:
            found.append(
                Printed(
                    resource=resource,
                    scope=scope,
                    time_unix_ns=int(match["time"]),
                    observed_time_unix_ns=int(match["observed"]),
                    severity_text=match["text"],
                    severity_number=int(match["number"]),
                    event_name=match["event"] or "",
                    body=match["body"],
                    attributes=dict(_ATTRIBUTE.findall(match["attributes"] or "")),
                    trace_id=match["trace"],
                    span_id=match["span"],
                    flags=int(match["flags"]),
                )
            )
    return found


@functools.cache
def collector() -> Collector:
    """Give this test process's collector, started when it is first asked for."""
    agent, libraries = _rotel()
    folder = Path(tempfile.mkdtemp(prefix="collector-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    http, grpc = free_port(), free_port()
    command = [
        *(agent, "start", "--exporter", "blackhole"),
        *("--debug-log", "logs", "--debug-log-verbosity", "detailed"),
        *("--otlp-http-endpoint", f"127.0.0.1:{http}"),
        *("--otlp-grpc-endpoint", f"127.0.0.1:{grpc}"),
        *("--pid-file", str(folder / "pid"), "--log-file", str(folder / "log")),
    ]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-IS", "-c", TIED_TO_PARENT, *command],
            # The agent is linked against the shared library of the Python that its wheel was made for.
            env={"LD_LIBRARY_PATH": libraries, "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    atexit.register(_end, process)
    if not _listens(http, process):
        said = (folder / "output").read_text("utf-8", "replace")
        pytest.fail(f"the collector did not come up within {READY_S:.0f} s:\n{said[-2000:]}")
    return Collector(f"http://127.0.0.1:{http}", folder / "output")


def _rotel() -> tuple[str, str]:
    """Give the agent, and the folder of the shared libraries of its Python."""
    found = subprocess.run(
        [needs_services("python"), "-c", FIND_ROTEL],
        capture_output=True,
        text=True,
        check=False,
        timeout=READY_S,
    )
    if found.returncode != 0:
        pytest.skip("rotel is not in the services' environment")
    agent, libraries = found.stdout.splitlines()
    return agent, libraries


FIND_ROTEL = """
import importlib.util, pathlib, sysconfig
folder = pathlib.Path(importlib.util.find_spec("rotel").origin).parent
print(folder / "rotel-agent")
print(sysconfig.get_config_var("LIBDIR"))
"""


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + READY_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        time.sleep(0.01)
    return False


def _end(process: subprocess.Popen[Any]) -> None:
    process.kill()
    process.wait()


class Decoder:
    """opentelemetry-proto, asked over a pipe."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def request(self, body: bytes) -> tuple[dict[str, Any], bytes]:
        """Decode an ``ExportLogsServiceRequest`` from protobuf.

        Returns:
            The message as OTLP's JSON has it, and the message encoded again.
        """
        message, again = self._ask("request", base64.b64encode(body).decode())
        return message, base64.b64decode(again)

    def response(self, *, rejected: int, message: str) -> bytes:
        """Encode an ``ExportLogsServiceResponse`` that tells of a partial success."""
        return base64.b64decode(self._ask("response", [rejected, message]))

    def _ask(self, what: str, argument: object) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps([what, argument]) + "\n")
        stdin.flush()
        answer = json.loads(stdout.readline() or '{"error": "the decoder has ended"}')
        if "error" in answer:
            pytest.fail(f"opentelemetry-proto: {answer['error']}")
        return answer["answer"]


@functools.cache
def decoder() -> Decoder:
    """Give this test process's decoder, started when it is first asked for."""
    process = subprocess.Popen(
        [needs_services("python"), "-c", DECODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(_end, process)
    return Decoder(process)


DECODE = """
import base64, json, sys
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as service

def each_record(message):
    for resource in message.get("resourceLogs", ()):
        for scope in resource.get("scopeLogs", ()):
            yield from scope.get("logRecords", ())

def request(body):
    message = service.ExportLogsServiceRequest.FromString(base64.b64decode(body))
    told = MessageToDict(message, use_integers_for_enums=True)
    for record in each_record(told):
        for name in ("traceId", "spanId"):
            if name in record:
                record[name] = base64.b64decode(record[name]).hex()
    return told, base64.b64encode(message.SerializeToString(deterministic=True)).decode()

def response(argument):
    message = service.ExportLogsServiceResponse()
    message.partial_success.rejected_log_records, message.partial_success.error_message = argument
    return base64.b64encode(message.SerializeToString()).decode()

for line in sys.stdin:
    what, argument = json.loads(line)
    try:
        answer = {"answer": globals()[what](argument)}
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
"""
