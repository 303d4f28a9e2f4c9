"""A stand-in for Lambda's data plane: `aws lambda invoke` reaches the local Lambda, with the code and layer that were uploaded.

What is real: the aws command's own code for all other commands, the control plane's answers (ministack), the functions'
code as `create-function` uploaded it, the built layer as `publish-layer-version` uploaded it, its sockets, and its signed
requests to ministack's CloudWatch Logs and S3. What stands in: ministack for AWS, whose logs and buckets ask nobody's
permission, so the Deny is not tried; the local Lambda (emulator/) for Lambda; this module for `invoke`, and for the end of
the environments at `delete-function`; and the layer for Python for the standalone ones, which takes the local Lambda's
Python. No function is on arm64, and none is in Ruby: the local Lambda has neither.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import threading
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from emulator import Function, LocalLambda
from tests.services.aws import REGION, control_plane
from tests.services.aws_command import Run, command_environ
from tests.templates.validators import ROOT, environ

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOL_S = 150.0
"""A whole run takes half a minute; on a machine that runs everything else at the same time, longer."""

# A fault is such as `fail-create-role`, and befalls the first command of that action: `fail` does nothing and answers with
# an error, `lost` does it and answers with an error, `int` sends the caller a SIGINT and `kill` a SIGKILL before it.
AWS = """#!/bin/bash
for action in "$@"; do
  [[ $action != *-* && $action != invoke || $action == --* || $action == "${2:-}" ]] || break
done
error() {
  echo "An error occurred (ServiceException) when calling: made up" >&2
  exit 254
}
answer="exec" all="$*"
for fault in ${PROVE_FAULT//,/ }; do
  if [[ ${fault#*-} == "$action" ]] && mkdir "$AWS_LOG.$fault" 2>&-; then
    case ${fault%%-*} in
      fail) error ;;
      lost) answer=lose ;;
      int) kill -INT "$PPID" ;;
      kill) kill -KILL "$PPID"; exit 1 ;;
    esac
  fi
done
tell() {
  exec {socket}<>"/dev/tcp/127.0.0.1/PORT"
  printf '%s\\0' "$@" >&"$socket"
  IFS= read -r -d '' said <&"$socket"
  IFS= read -r -d '' content <&"$socket"
  exec {socket}>&-
}
if [[ $action == delete-function ]]; then
  name=${all#*--function-name }
  tell delete "${name%% *}" ""
fi
if [[ $action != invoke ]]; then
  [[ $answer == lose ]] || exec "REAL" "$@"
  "REAL" "$@" >&-
  error
fi
words=("$@")
for ((at = 0; at < $#; at++)); do
  case ${words[at]} in
    --function-name) name=${words[at + 1]} ;;
    --payload) payload=$(<"${words[at + 1]#fileb://}") ;;
    --cli-read-timeout) file=${words[at + 2]} ;;
  esac
done
tell invoke "$name" "$payload"
printf '%s' "$content" >"$file"
printf '%s' "$said"
"""


@dataclass
class Bridge:
    """The local Lambdas of a test, one for each function that was invoked.

    Attributes:
        folder: of the `aws`, and of what was downloaded.
        lose: a text; the layer of a function whose name has it gets no place to deliver to.
    """

    folder: Path
    lose: str = ""
    clouds: dict[str, LocalLambda] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)

    def invoke(self, name: str, payload: bytes) -> tuple[str, str]:
        """Invoke a function; return what the aws command prints, and what it writes to the file."""
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self.clouds:
                self.clouds[name] = self._started(name)
            result = self.clouds[name].invoke(payload)
        tail = f"REPORT RequestId: {result.request_id}\tDuration: ...".encode()
        answer = {"StatusCode": 200, "LogResult": base64.b64encode(tail).decode()}
        if result.status != "success":
            answer["FunctionError"] = result.function_error or "Unhandled"
        return json.dumps(answer), json.dumps(result.payload)

    def end(self, name: str) -> None:
        """End a function's environment, as Lambda does with the function; the layer then delivers what it has."""
        cloud = self.clouds.pop(name, None)
        if cloud is not None:
            cloud.__exit__(None, None, None)

    def close(self) -> None:
        """End all environments."""
        for name in list(self.clouds):
            self.end(name)

    def _started(self, name: str) -> LocalLambda:
        aws = control_plane()
        made = aws.rest("GET", f"/2015-03-31/functions/{name}")
        config = made["Configuration"]
        code = self._unpacked(made["Code"]["Location"], f"{name}-code")
        layers = []
        for one in config["Layers"]:
            layer, version = one["Arn"].split(":")[6:]
            found = aws.rest("GET", f"/2018-10-31/layers/{layer}/versions/{version}")
            layers.append(self.folder / f"{name}-{layer}.zip")
            layers[-1].write_bytes(_fetched(found["Content"]["Location"]))
        runtime = str(config["Runtime"])
        if runtime.startswith("python"):
            runtime = "python{}.{}".format(*sys.version_info[:2])
        lost = self.lose and self.lose in name
        function = Function(
            code=code,
            handler=config["Handler"],
            runtime=runtime,
            name=name,
            memory_mb=config["MemorySize"],
            timeout_ms=config["Timeout"] * 1000,
            environment=config["Environment"]["Variables"],
            region=REGION,
        )
        ambient = aws.environ() | ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"} if lost else {})
        cloud = LocalLambda(function, layers=layers, environ=ambient)
        return cloud.__enter__()

    def _unpacked(self, url: str, name: str) -> Path:
        """Unpack a zip file of code, with its modes."""
        folder = self.folder / name
        with zipfile.ZipFile(io.BytesIO(_fetched(url))) as archive:
            archive.extractall(folder)
            for entry in archive.infolist():
                (folder / entry.filename).chmod(entry.external_attr >> 16)
        return folder


def _fetched(url: str) -> bytes:
    # ministack tells its own default address, whatever the port it was given.
    path = url.partition("://")[2].partition("/")[2]
    response = httpx.get(f"{control_plane().url}/{path}", trust_env=False, timeout=20)
    response.raise_for_status()
    return response.content


def _serve(bridge: Bridge, connection: socket.socket) -> None:
    with connection, connection.makefile("rb") as stream:
        action, name, payload = (_word(stream) for _ in range(3))
        answer = "", ""
        if action == b"delete":
            bridge.end(name.decode())
        else:
            answer = bridge.invoke(name.decode(), payload)
        connection.sendall(b"".join(part.encode() + b"\0" for part in answer))


def _word(stream: Any) -> bytes:
    read = bytearray()
    while (byte := stream.read(1)) not in (b"\0", b""):
        read += byte
    return bytes(read)


@contextlib.contextmanager
def bridged(folder: Path, *, lose: str = "") -> Iterator[Bridge]:
    """Give a bridge whose `aws` is in the folder."""
    bridge = Bridge(folder, lose=lose)
    server = socket.create_server(("127.0.0.1", 0), backlog=16)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                threading.Thread(target=_serve, args=(bridge, connection), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    real = command_environ()["PATH"].partition(os.pathsep)[0]
    program = folder / "bin" / "aws"
    program.parent.mkdir()
    script = AWS.replace("REAL", f"{real}/aws").replace("PORT", str(server.getsockname()[1]))
    program.write_text(script, encoding="utf-8")
    program.chmod(0o755)
    try:
        yield bridge
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)
        bridge.close()


def run_prove(bridge: Bridge, *arguments: str, fault: str = "") -> Run:
    """Run `python -m prove`, with the bridge's `aws`; its journals are in the bridge's folder.

    Args:
        bridge: the bridge.
        arguments: of the program.
        fault: what fails, in the words of :data:`AWS`; several are separated by commas.
    """
    variables = environ(**command_environ(), PROVE_FAULT=fault)
    variables["PATH"] = f"{bridge.folder / 'bin'}{os.pathsep}{variables['PATH']}"
    command = [sys.executable, "-m", "prove", "--journals", str(bridge.folder / "journals")]
    done = subprocess.run(
        [*command, *arguments],
        env={**variables, "PYTHONPATH": str(ROOT)},
        cwd=bridge.folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=TOOL_S,
    )
    lines = Path(variables["AWS_LOG"]).read_text("utf-8").splitlines()
    commands = [json.loads(line) for line in lines]
    return Run(done.returncode, done.stdout, done.stderr, commands)
