"""Run AWS's own Runtime Interface Emulator, in a mount namespace of its own that leaves the machine as it is.

The binary comes from the wheel of aws-sam-cli; ./build.sh fetches it once into the cache directory.
"""

import asyncio
import contextlib
import json
import platform
import shutil
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from emulator.machine.filesystem import Mount
from emulator.machine.frames import RawRecord
from emulator.machine.installing import cache_directory
from emulator.machine.processes import Child, Processes
from emulator.machine.runtimes import PYTHON_BOOT, Interpreter, python_client
from emulator.model.journal import Journal
from tests.doubles.emulator.probe import APP, PROBE

READY_S = 10.0
TRACE_ID = "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1"


def aws_emulator_binary() -> Path:
    """Return the binary.

    Raises:
        OSError: It is not in the cache; ``./build.sh test`` puts it there.
    """
    machine = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    target = cache_directory() / f"aws-lambda-rie-{machine}"
    if not target.exists():
        raise OSError(f"{target} does not exist; ./build.sh test fetches it")
    return target


def prepare(folder: Path, settings: dict[str, str]) -> None:
    """Make function and layer so that an unprivileged user can read them, as Managed Instances mode needs."""
    folder.chmod(0o777)
    (folder / "code").mkdir()
    (folder / "code" / "app.py").write_text(APP)
    extensions = folder / "layer" / "extensions"
    extensions.mkdir(parents=True)
    (folder / "out").mkdir()
    (folder / "out").chmod(0o777)
    shutil.copy(PROBE, folder / "layer" / "probe.py")
    exports = {"PROBE_NAME": "probe", "PROBE_OUT": str(folder / "out" / "seen"), **settings}
    lines = ["#!/bin/sh", *[f"export {k}='{v}'" for k, v in exports.items()]]
    lines.append("export LD_LIBRARY_PATH=/var/lang/lib")
    launcher = extensions / "probe"
    launcher.write_text("\n".join([*lines, "exec /var/lang/bin/python3 -ISB /opt/probe.py", ""]))
    launcher.chmod(0o755)
    boot = PYTHON_BOOT.format(task="/var/task", opt="/opt", runtime="/var/runtime")
    (folder / "layer" / "boot.py").write_text(boot)
    bootstrap = folder / "layer" / "bootstrap"
    bootstrap.write_text(
        "#!/bin/sh\nexport LD_LIBRARY_PATH=/var/lang/lib\nexec /var/lang/bin/python3 -B /opt/boot.py\n"
    )
    bootstrap.chmod(0o755)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class AwsEmulator:
    """One run of the binary; an asynchronous context manager."""

    def __init__(self, folder: Path, *, managed_instances: bool, timeout_s: int = 3) -> None:
        self._folder = folder
        self._managed = managed_instances
        self._timeout_s = timeout_s
        self._port = free_port()
        self._processes = Processes(Journal(), self._record)
        self._child: Child | None = None
        self.output: list[str] = []

    def _record(self, _child: Child, _channel: str, record: RawRecord) -> None:
        self.output.append(record.data.decode("utf-8", "replace"))

    async def __aenter__(self) -> "AwsEmulator":  # noqa: PYI034 - typing.Self is not in Python 3.10
        interpreter = Interpreter.of(None)
        client = python_client(interpreter)
        mounts = [
            Mount(self._folder / "layer", "/opt"),
            Mount(self._folder / "code", "/var/task"),
            Mount(interpreter.prefix, "/var/lang"),
            Mount(client, "/var/runtime"),
        ]
        binary = self._folder / "rie"
        shutil.copy(aws_emulator_binary(), binary)
        scratch = self._folder / "mountpoint"
        scratch.mkdir()
        refused = await self._processes.start(mounts, scratch)
        if refused:
            await self._processes.stop()
            raise OSError(refused)
        argv = [str(binary), "--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"]
        argv += ["--runtime-api-address", f"127.0.0.1:{free_port()}"]
        env = {
            "PATH": "/var/lang/bin:/usr/bin:/bin",
            "_HANDLER": "app.handler",
            "AWS_LAMBDA_FUNCTION_NAME": "function",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(self._timeout_s),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "LAMBDA_TASK_ROOT": "/var/task",
        }
        if self._managed:
            env["AWS_LAMBDA_MAX_CONCURRENCY"] = "2"
        else:
            argv += ["/opt/bootstrap"]
        self._child = await self._processes.spawn("rie", argv, env=env, cwd="/var/task")
        for _ in range(int(READY_S / 0.05)):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self._port)
                writer.close()
                break
            await asyncio.sleep(0.05)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._child is not None and self._child.alive:
            self._child.signal(signal.SIGTERM)
            await self._processes.end(self._child, 5)
        await self._processes.stop()

    async def invoke(self, payload: Any) -> tuple[int, Any]:
        """Invoke; return the HTTP status and the decoded body."""
        return await asyncio.to_thread(self._invoke, payload)

    def _invoke(self, payload: Any) -> tuple[int, Any]:
        url = f"http://127.0.0.1:{self._port}/2015-03-31/functions/function/invocations"
        request = urllib.request.Request(url, json.dumps(payload).encode())
        request.add_header("Content-Type", "application/json")
        request.add_header("X-Amzn-Trace-Id", TRACE_ID)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - a local address
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
            error.close()
        try:
            return status, json.loads(body)
        except ValueError:
            return status, body.decode()
