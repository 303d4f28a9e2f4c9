"""The layer for x86_64 in root file systems that have neither Python nor anything else it could lean on.

Each has the layer under a read-only /opt, which is also what a container image has that was built with
`COPY flight-recorder/ /opt/`, and runs everything as an ordinary user.
"""

import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.cloud import LocalLambda
from emulator.machine.filesystem import RootFileSystem
from emulator.model.function import Function
from tests.end_to_end.support import (
    EXTENSION,
    Receiver,
    assert_extension_survived,
    assert_nothing_leaked,
    problems,
    registrations,
    settings,
    wrote,
)
from tests.standalone.images import GLIBC

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="this machine is not x86_64"),
]

# Needs bash alone: its own TCP is the HTTP client.
BASH_RUNTIME = r"""#!/bin/bash
api=$AWS_LAMBDA_RUNTIME_API
ask() {
  local line length=0
  exec 3<>"/dev/tcp/${api%:*}/${api##*:}"
  printf '%s /2018-06-01/runtime/%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' \
    "$1" "$2" "$api" "${#3}" "$3" >&3
  while IFS= read -r line <&3 && [ "$line" != $'\r' ]; do
    line=${line%$'\r'}
    case ${line,,} in
      lambda-runtime-aws-request-id:*) id=${line#*: } ;;
      content-length:*) length=${line#*: } ;;
    esac
  done
  IFS= read -r -N "$length" event <&3
  exec 3>&-
}
while true; do
  ask GET invocation/next
  echo "cargo-5d1f got $event"
  echo "cargo-5d1f to stderr" >&2
  case $event in
    *raise*)
      echo '{"level":"ERROR","message":"cargo-5d1f told to raise"}'
      ask POST "invocation/$id/error" '{"errorMessage":"told","errorType":"Function.Told"}' ;;
    *) ask POST "invocation/$id/response" '"done"' ;;
  esac
done
"""

# Node.js as a custom runtime: its own client is compiled for this machine's glibc, not for the image's.
NODE_RUNTIME = r"""#!/usr/bin/node
const http = require("http");
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
function ask(method, path, body) {
  return new Promise((done, failed) => {
    const options = { host, port, method, path: "/2018-06-01/runtime/" + path };
    const request = http.request(options, (answer) => {
      let text = "";
      answer.on("data", (part) => { text += part; });
      answer.on("end", () => done({ text, id: answer.headers["lambda-runtime-aws-request-id"] }));
    });
    request.on("error", failed);
    request.end(body);
  });
}
(async () => {
  for (;;) {
    const { text, id } = await ask("GET", "invocation/next");
    console.log("cargo-5d1f got " + text);
    console.error("cargo-5d1f to stderr");
    if (text.includes("raise")) {
      console.log('{"level":"ERROR","message":"cargo-5d1f told to raise"}');
      const error = '{"errorMessage":"told","errorType":"Function.Told"}';
      await ask("POST", `invocation/${id}/error`, error);
    } else {
      await ask("POST", `invocation/${id}/response`, '"done"');
    }
  }
})();
"""

RUNTIMES = {"bash": BASH_RUNTIME, "node": NODE_RUNTIME}

AGAINST_IT = {
    "LD_LIBRARY_PATH": "/var/task/lib:/nowhere",
    "PYTHONHOME": "/nowhere",
    "PYTHONPATH": "/var/task",
    "PYTHONSTARTUP": "/var/task/extension.py",
}


def _code(folder: Path, runtime: str) -> Path:
    """Write a custom runtime, and beside it what must not be taken for a part of the layer."""
    code = folder / "code"
    (code / "lib").mkdir(parents=True)
    bootstrap = code / "bootstrap"
    bootstrap.write_text(RUNTIMES[runtime])
    bootstrap.chmod(0o755)
    for name in ("extension", "httpx", "json", "encodings"):
        (code / f"{name}.py").write_text("raise RuntimeError('the wrong one')\n")
    for name in ("libz.so.1", "libssl.so.3", "libcrypto.so.3", "libpython3.13.so.1.0"):
        (code / "lib" / name).write_bytes(b"no library")
    code.chmod(0o755)
    return code


@pytest.mark.usefixtures("may_confine")
@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("release", GLIBC)
def test_layer_serves_functions_without_python(
    opt: Callable[[str], Path],
    image: Callable[[str], Path],
    tmp_path: Path,
    receiver: Receiver,
    release: str,
    runtime: str,
) -> None:
    """A failed invocation is delivered whole and a healthy one is not, on glibc 2.31 as on 2.36."""
    directory = image(release)
    if runtime == "node" and not (directory / "usr/bin/node").exists():
        pytest.skip("Node.js is not on PATH")
    receiver.listen()
    function = Function(
        code=_code(tmp_path, runtime),
        runtime="provided.al2023",
        timeout_ms=8_000,
        environment={**AGAINST_IT, **settings(sink=receiver.url)},
    )

    with LocalLambda(
        function, layers=[opt("x86_64")], root=RootFileSystem(directory=directory)
    ) as cloud:
        healthy = cloud.invoke({"kind": "ok"})
        failed = cloud.invoke({"kind": "raise"})
        pid = cloud.journal.last("spawn", EXTENSION).detail["pid"]
        executable = Path(f"/proc/{pid}/exe").readlink()
        owner = Path(f"/proc/{pid}").stat().st_uid
        cloud.shutdown()

    delivered = receiver.delivered
    assert [healthy.status, failed.status] == ["success", "error"]
    assert delivered.texts(failed.request_id) == wrote(cloud, failed.request_id)
    assert not delivered.lines(healthy.request_id)
    assert not problems(cloud)
    assert registrations(cloud) == [200]
    assert executable.as_posix().endswith("/flight-recorder/bin/python3")
    assert owner == RootFileSystem(directory=directory).user
    assert_extension_survived(cloud)
    assert_nothing_leaked(cloud)


@pytest.mark.usefixtures("may_confine")
@pytest.mark.parametrize("release", GLIBC)
def test_image_has_an_old_glibc_and_no_python(image: Callable[[str], Path], release: str) -> None:
    """Otherwise the test above would show nothing."""
    directory = image(release)

    [library] = directory.glob("**/x86_64-linux-gnu/libc.so.6")
    assert f"stable release version {GLIBC[release]}.".encode() in library.read_bytes()
    assert not list(directory.rglob("bin/*python*"))
    assert not list(directory.rglob("libz.so*"))
    assert not list(directory.rglob("libssl*"))


def test_launcher_needs_no_shell_and_no_library(opt: Callable[[str], Path]) -> None:
    """It is one static program, which an image without a shell can start."""
    data = (opt("x86_64") / "extensions" / EXTENSION).read_bytes()

    assert data.startswith(b"\x7fELF")
    assert b"ld-linux" not in data
    assert b".so." not in data


def test_interpreter_trusts_the_public_authorities(
    opt: Callable[[str], Path], run_inside: Callable[[Path, str], str]
) -> None:
    """The certificate authorities are the layer's own, whatever the image has where OpenSSL looks."""
    code = (
        "import os\n"
        "from extension.transport.client import _trust\n"
        "print(len(_trust(os.environ).get_ca_certs()))\n"
    )

    assert int(run_inside(opt("x86_64") / EXTENSION, code)) > 100
