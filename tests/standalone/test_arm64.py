"""The layer for arm64 under qemu-user: it starts, registers, and records a failed and a healthy invocation.

The programs are the zip's own. What qemu-user does not do by itself is that one of its programs becomes another, unless
the whole machine is told how to run arm64 files; so where an arm64 program is executed there is a script that starts
qemu with it. Nothing here says anything about speed.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.cloud import LocalLambda
from emulator.model.function import Function
from tests.end_to_end.support import (
    EXTENSION,
    Receiver,
    assert_extension_survived,
    problems,
    registrations,
    settings,
    write_bash,
    wrote,
)

pytestmark = pytest.mark.timeout(300)

IMPORTS = """
import anyio, certifi, httpcore, httpx, platform, ssl
assert hasattr(httpcore.AnyIOBackend, "connect_tcp")
assert len(ssl.create_default_context(cafile=certifi.where()).get_ca_certs()) > 100
httpx.Client(verify=False).close()
import extension.__main__
print(platform.machine())
"""


def _through_qemu(program: Path, arm64: tuple[str, Path], moved: Path) -> None:
    """Put a script in a program's place that starts it under qemu."""
    qemu, libraries = arm64
    moved.parent.mkdir(exist_ok=True)
    program.rename(moved)
    inside = os.path.relpath(moved, program.parent)
    start = f'exec {qemu} -L {libraries} "${{0%/*}}/{inside}" "$@"'
    program.write_text(f"#!/bin/sh\n{start}\n")
    program.chmod(0o755)


@pytest.fixture
def runnable(opt: Callable[[str], Path], arm64: tuple[str, Path], tmp_path: Path) -> Path:
    """Return the layer, unpacked, with scripts where it executes programs."""
    layer = tmp_path / "layer"
    shutil.copytree(opt("arm64"), layer)
    for path in (layer, *layer.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    launcher = layer / "extensions" / EXTENSION
    _through_qemu(launcher, arm64, layer / "launcher" / EXTENSION)
    python = layer / EXTENSION / "bin" / "python3"
    _through_qemu(python, arm64, python.with_name("python3-arm64"))
    return layer


def test_arm64_layer_records_invocations(
    runnable: Path, tmp_path: Path, receiver: Receiver
) -> None:
    """The launcher registers, Python takes over, and the failed invocation alone is delivered, whole."""
    receiver.listen()
    function = Function(
        code=write_bash(tmp_path),
        runtime="provided.al2023",
        timeout_ms=40_000,
        # Under qemu what delivery needs is loaded within seconds.
        environment=settings(sink=receiver.url, flush_timeout="30s"),
    )

    with LocalLambda(function, layers=[runnable], shutdown_ms=20_000) as cloud:
        healthy = cloud.invoke({"kind": "ok"})
        failed = cloud.invoke({"kind": "raise"})
        cloud.shutdown()

    delivered = receiver.delivered
    assert [healthy.status, failed.status] == ["success", "error"]
    assert delivered.texts(failed.request_id) == wrote(cloud, failed.request_id)
    assert not delivered.lines(healthy.request_id)
    assert not problems(cloud)
    assert registrations(cloud) == [200]
    assert_extension_survived(cloud)


def test_arm64_layer_imports_all_it_needs(
    runnable: Path, run_inside: Callable[[Path, str], str]
) -> None:
    """TLS, the authorities and anyio's modules are compiled into the interpreter."""
    assert run_inside(runnable / EXTENSION, IMPORTS) == "aarch64"
