"""The launcher's paths: bash, no bash, no Python, an API that answers oddly or not at all."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emulator.model.function import Function
from tests.doubles.recording_receiver import CLOSE, Cut, Reply
from tests.doubles.scripted_lambda import REGISTERED, ScriptedLambda
from tests.end_to_end.support import (
    EXTENSION,
    ROOMY_TIMEOUT_MS,
    assert_records,
    problems,
    recorded_function,
    registrations,
    running,
    settings,
    write_bash,
    write_python,
)

PYTHON = Path(sys.base_prefix) / "bin" / "python3"


def _slow_python(folder: Path, *, pause_s: float) -> tuple[Path, Path]:
    """Make an interpreter that takes its time; give it, and the file that is touched when it starts."""
    prefix = folder / "lang"
    (prefix / "bin").mkdir(parents=True)
    started = folder / "python-started"
    wrapper = prefix / "bin" / "python3"
    wrapper.write_text(
        "#!/bin/sh\n"
        # Asked by the emulator for its prefix and version:
        f"""case $1 in -IS) echo '["{prefix}", "{sys.version_info[0]}.{sys.version_info[1]}"]'; exit ;; esac\n"""
        # The extension's -ISB tells it from the runtime, which is to start as usual.
        f"""case $1 in -ISB) : > {started}; sleep {pause_s} ;; esac\n"""
        f"""unset LD_LIBRARY_PATH; exec {PYTHON} "$@"\n"""
    )
    wrapper.chmod(0o755)
    return wrapper, started


@pytest.mark.usefixtures("borrows_python")
def test_bash_registers_before_python_is_up(
    layer_dir: Path, tmp_path: Path, sink_path: Path
) -> None:
    """There is one register, and Lambda has it before the interpreter has so much as begun."""
    interpreter, started = _slow_python(tmp_path, pause_s=0.5)
    function = recorded_function(write_python(tmp_path), sink_path)

    cloud = assert_records(function, layer_dir, sink_path, interpreter=interpreter)

    offset_ns = time.time_ns() - time.monotonic_ns()
    registered_ns = cloud.journal.first("register", EXTENSION).at_ns + offset_ns
    assert registrations(cloud) == [200]
    # Python itself begins half a second after the wrapper, which itself is started after the register.
    assert registered_ns < started.stat().st_mtime_ns + 400_000_000


def _hiding_layer(layer: Path, folder: Path, *hidden: str) -> Path:
    """Make a copy of the layer whose extension starts with some programs hidden from it.

    The real launcher runs from a directory beside, under its own name; the wrapper only mounts and executes it.
    """
    copy = folder / "hiding"
    shutil.copytree(layer, copy)
    for path in (copy, *copy.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)
    launcher = copy / "launcher" / EXTENSION
    launcher.parent.mkdir()
    (copy / "extensions" / EXTENSION).rename(launcher)
    wrapper = copy / "extensions" / EXTENSION
    mounts = "".join(f"mount --bind /dev/null {name} || exit 9\n" for name in hidden)
    wrapper.write_text(
        "#!/bin/sh\n"
        f"""[ "$1" = inside ] || exec unshare --mount --propagation private /bin/sh "$0" inside\n"""
        f"{mounts}exec /opt/launcher/{EXTENSION}\n"
    )
    wrapper.chmod(0o755)
    return copy


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Ask for the right to make mount namespaces."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare here (util-linux), which hides programs from the launcher")
    command = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "mount",
        "--bind",
        "/dev/null",
        "/etc/hostname",
    ]
    if subprocess.run(command, capture_output=True, check=False, timeout=20).returncode != 0:
        pytest.skip("this machine refuses mount namespaces, which hide programs from the launcher")


@pytest.mark.usefixtures("borrows_python", "namespaces")
def test_python_registers_without_bash(layer_dir: Path, tmp_path: Path, sink_path: Path) -> None:
    """A shell that has no TCP leaves it to Python: one register, and everything is recorded."""
    layer = _hiding_layer(layer_dir, tmp_path, "/bin/bash")
    function = recorded_function(write_python(tmp_path), sink_path)

    cloud = assert_records(function, layer, sink_path, isolation="namespace")

    assert registrations(cloud) == [200]
    assert "lambda-extension-name" in cloud.journal.first("register").detail["headers"]


@pytest.mark.usefixtures("borrows_python", "namespaces")
@pytest.mark.parametrize("managed", [False, True], ids=["ordinary", "managed-instances"])
def test_shell_goes_on_answering_without_python(
    layer_dir: Path, tmp_path: Path, sink_path: Path, managed: bool
) -> None:
    """In a function that has no Python nothing is recorded, which is said; it runs and ends as it should."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("curl", "grep", "cut", "tr", "mktemp", "rm", "cat", "sleep", "unshare", "mount"):
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    interpreter = tmp_path / "no-python"
    empty = tmp_path / "empty"
    empty.mkdir()
    interpreter.write_text(f"""#!/bin/sh\necho '["{empty}", "3.13"]'\n""")
    interpreter.chmod(0o755)
    environment = {**settings(sink=f"file:{sink_path}"), "PATH": str(programs)}
    function = Function(
        code=write_bash(tmp_path),
        runtime="provided.al2023",
        timeout_ms=ROOMY_TIMEOUT_MS,
        environment=environment,
    )

    with running(
        function, layers=[layer_dir], interpreter=interpreter, managed_instances=managed
    ) as cloud:
        results = [cloud.invoke({"kind": kind}) for kind in ("ok", "raise", "ok", "ok")]

    assert [result.status for result in results] == ["success", "error", "success", "success"]
    assert registrations(cloud) == [200]
    assert not cloud.journal.of("subscribe", EXTENSION)
    assert not sink_path.exists()
    [said] = problems(cloud)
    assert "Python" in said["event"]


# An API that answers oddly, or not at all -----------------------------------------------------------------------------

ODD_ANSWERS: dict[str, bytes | Cut] = {
    "no identifier": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "an empty identifier": b"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: \r\nContent-Length: 0\r\n\r\n",
    "an error": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "not HTTP": b"hello\r\n\r\n",
    "bytes": b"\xff\xfe\x00\r\n\r\n",
    "a closed connection": CLOSE,
    "nothing at all": Cut(stall_s=4),
}


def _run_to_shutdown(
    command: list[str], api: ScriptedLambda, address: str
) -> subprocess.CompletedProcess[str]:
    """Run the launcher against an API whose first event is SHUTDOWN."""
    api.shut_down(timeout_s=0)
    return subprocess.run(
        command,
        env={"AWS_LAMBDA_RUNTIME_API": address, "PATH": f"{PYTHON.parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize("shell", ["bash", "dash"])
@pytest.mark.parametrize("name", ODD_ANSWERS)
def test_python_registers_again_where_an_answer_is_not_understood(
    layer_dir: Path, name: str, shell: str
) -> None:
    """Whatever comes back for the first register, a second one is made, and the extension runs to SHUTDOWN."""
    launcher = layer_dir / "extensions" / EXTENSION
    command = [str(launcher)]
    if launcher.read_bytes().startswith(b"#!"):
        found = shutil.which(shell)
        if found is None:
            pytest.skip(f"{shell} is not installed here")
        command.insert(0, found)
    elif shell != "bash":
        pytest.skip("the launcher of this layer is compiled: once is enough")
    with ScriptedLambda(register=[ODD_ANSWERS[name], REGISTERED]) as api:
        done = _run_to_shutdown(command, api, api.address)

    assert done.returncode == 0, done.stderr
    assert len(api.of("register")) == 2
    assert ["/logs" in call.detail for call in api.of("subscribe")] == [True]
    assert len(api.of("next")) == 1
    for line in done.stderr.splitlines():
        json.loads(line)


@pytest.mark.parametrize("identifier", ["a b; rm -rf", "$(touch /tmp/never)"])
def test_an_identifier_of_any_kind_is_used_as_it_is(layer_dir: Path, identifier: str) -> None:
    """Local stand-ins may give another identifier than a UUID: no shell reads it, and there is one register."""
    answer = Reply(200, b"{}", {"Lambda-Extension-Identifier": identifier})
    with ScriptedLambda(register=[answer]) as api:
        done = _run_to_shutdown([str(layer_dir / "extensions" / EXTENSION)], api, api.address)

    assert done.returncode == 0, done.stderr
    assert api.identifiers == ["", identifier, identifier]


def test_an_api_that_is_known_by_name_is_reached(layer_dir: Path) -> None:
    """Local stand-ins may give a name instead of an address: there is one register, whoever makes it."""
    command = [str(layer_dir / "extensions" / EXTENSION)]

    with ScriptedLambda() as api:
        done = _run_to_shutdown(command, api, f"localhost:{api.port}")

    assert done.returncode == 0, done.stderr
    assert len(api.of("register")) == 1
    assert len(api.of("next")) == 1


def test_no_api_at_all_is_waited_for(layer_dir: Path) -> None:
    """Nobody answers at the address: the extension does not exit, which would fail the function; it says so once."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # without listening: connections are refused
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        process = subprocess.Popen(
            [str(layer_dir / "extensions" / EXTENSION)],
            env={"AWS_LAMBDA_RUNTIME_API": address, "PATH": f"{PYTHON.parent}:/usr/bin:/bin"},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stderr is not None
            said = json.loads(process.stderr.readline())
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(1)
        finally:
            process.kill()
            _, rest = process.communicate(timeout=10)

    assert "register" in said["event"]
    assert rest == ""


def test_the_launcher_starts_no_process_of_its_own(
    layer_dir: Path, tmp_path: Path, sink_path: Path
) -> None:
    """From the launcher to the running extension it is one process, and its command line names no secret."""
    function = recorded_function(write_python(tmp_path), sink_path)

    with running(function, layers=[layer_dir]) as cloud:
        cloud.invoke({"kind": "ok"}).raise_for_status()
        pid = cloud.journal.last("spawn", EXTENSION).detail["pid"]
        children = Path(f"/proc/{pid}/task/{pid}/children")
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        descriptors = [str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir()]

        assert not children.exists() or children.read_text() == ""
        assert name.startswith("python")
        assert words[-2].isdecimal()
        # The listener, Lambda's connection to it, and ours to Lambda: the launcher's is closed.
        assert len([one for one in descriptors if one.startswith("socket:")]) <= 3
