"""The compiled launcher, in front of a program that tells what it was started with."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.scripted_server import ScriptedServer, in_pieces

SOURCE = Path(__file__).resolve().parents[3] / "layer" / "standalone" / "launcher.c"
IDENTIFIER = "0b1e2f3a-1111-4222-8333-444455556666"

TELLS = f"""#!{sys.executable} -ISB
import json, os, socket, sys
answer = ""
if sys.argv[-1].isdigit():
    with socket.socket(fileno=int(sys.argv[-1])) as connection:
        while piece := connection.recv(4096):
            answer += piece.decode()
            if answer.endswith("{{}}"):
                break
print(json.dumps([sys.argv, dict(os.environ), answer]))
"""


REGISTERED = (
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    f"lambda-extension-identifier:  {IDENTIFIER}\r\nContent-Length: 2\r\n\r\n{{}}"
).encode()


@pytest.fixture
def api() -> Iterator[ScriptedServer]:
    """Return a stand-in for Lambda's API, which is asked once."""
    with ScriptedServer() as made:
        made.answers = [in_pieces(REGISTERED, piece_bytes=1000)]
        yield made


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the launcher, compiled with this machine's compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler here")
    binary = tmp_path_factory.mktemp("launcher") / "flight-recorder"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-static"]
    done = subprocess.run(
        [compiler, *flags, "-o", binary, SOURCE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return binary


@pytest.fixture
def launcher(program: Path, tmp_path: Path) -> Path:
    """Return the launcher in its place beside a program that tells what it was started with."""
    place = tmp_path / "extensions" / "flight-recorder"
    place.parent.mkdir()
    shutil.copy(program, place)
    python = tmp_path / "flight-recorder" / "bin" / "python3"
    python.parent.mkdir(parents=True)
    python.write_text(TELLS)
    python.chmod(0o755)
    return place


def run(
    launcher: Path, *words: str, api: str, **variables: str
) -> tuple[list[str], dict[str, str], str]:
    """Run the launcher; give the extension's arguments, and the variables and the answer that the interpreter got."""
    done = subprocess.run(
        [launcher, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={"AWS_LAMBDA_RUNTIME_API": api, **variables},
    )
    assert done.returncode == 0, done.stderr
    told: tuple[list[str], dict[str, str], str] = json.loads(done.stdout)
    got, environ, answer = told[0][1:], told[1], told[2]
    root = f"{launcher.parent}/../flight-recorder"
    assert got[:4] == ["-ISB", "-Xutf8", f"{root}/start.pyc", root]
    return got[4:], environ, answer


def test_launcher_registers_and_hands_over_the_connection(
    launcher: Path, api: ScriptedServer
) -> None:
    """The identifier is in the answer, which only the interpreter reads: any process may read a command line."""
    words, environ, answer = run(launcher, api=api.address)

    [request] = api.requests
    head, body = request.head.decode(), request.body
    assert head.startswith("POST /2020-01-01/extension/register HTTP/1.1\r\n")
    assert "Lambda-Extension-Name: flight-recorder" in head.split("\r\n")
    assert f"Content-Length: {len(body)}" in head.split("\r\n")
    assert json.loads(body) == {"events": ["INVOKE", "SHUTDOWN"]}
    assert len(words) == 1
    assert answer == REGISTERED.decode()
    assert IDENTIFIER not in json.dumps([words, environ])


def test_launcher_asks_for_no_invoke_on_managed_instances(
    launcher: Path, api: ScriptedServer
) -> None:
    """To ask for INVOKE there is an error."""
    kind = {"AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances"}

    run(launcher, api=api.address, **kind)

    assert api.requests[0].body == b'{"events":["SHUTDOWN"]}'


def test_launcher_registers_by_its_files_name(launcher: Path, api: ScriptedServer) -> None:
    """Lambda refuses another name, and the parent may call it anything."""
    renamed = launcher.with_name("another-name")
    launcher.rename(renamed)
    command = ["bash", "-c", f"exec -a something-else {renamed}"]

    subprocess.run(
        command,
        env={"AWS_LAMBDA_RUNTIME_API": api.address, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
        timeout=30,
    )

    assert b"Lambda-Extension-Name: another-name\r\n" in api.requests[0].head


def test_launcher_removes_variables_of_other_interpreters(
    launcher: Path, api: ScriptedServer
) -> None:
    """Variables of other libraries go as well; the rest stays."""
    theirs = {
        "PYTHONHOME": "/nowhere",
        "PYTHONPATH": "/nowhere",
        "LD_LIBRARY_PATH": "/nowhere",
        "FLIGHT_RECORDER_SINK": "stdout:",
        "MALLOC_ARENA_MAX": "8",
    }

    _, environ, _ = run(launcher, api=api.address, **theirs)

    assert environ["FLIGHT_RECORDER_SINK"] == "stdout:"
    assert environ["MALLOC_ARENA_MAX"] == "1"
    assert not {"PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH"} & set(environ)


@pytest.mark.parametrize(
    "address", ["localhost:{port}", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999999"]
)
def test_launcher_leaves_an_unknown_address_to_python(
    launcher: Path, api: ScriptedServer, address: str
) -> None:
    """It reads IPv4 and a port; a name takes a resolver, which Python has."""
    words, _, _ = run(launcher, api=address.format(port=api.port))

    assert not api.requests
    assert not words


@pytest.mark.parametrize("variables", [{}, {"AWS_LAMBDA_RUNTIME_API": ""}])
def test_launcher_registers_nothing_outside_of_lambda(
    launcher: Path, variables: dict[str, str]
) -> None:
    """Python says what this is."""
    done = subprocess.run(
        [launcher], capture_output=True, text=True, check=True, timeout=30, env=variables
    )

    assert json.loads(done.stdout)[0][1:] == [
        *("-ISB", "-Xutf8"),
        f"{launcher.parent}/../flight-recorder/start.pyc",
        f"{launcher.parent}/../flight-recorder",
    ]


def test_launcher_registers_nothing_with_arguments(launcher: Path, api: ScriptedServer) -> None:
    """A user runs --check by hand, where there is no Lambda."""
    words, _, _ = run(launcher, "--check", "more words", api=api.address)

    assert not api.requests
    assert words == ["--check", "more words"]


def test_launcher_reports_a_missing_interpreter(launcher: Path, api: ScriptedServer) -> None:
    """Half a layer is no layer, and the log names the missing part."""
    (launcher.parent.parent / "flight-recorder" / "bin" / "python3").unlink()

    done = subprocess.run(
        [launcher],
        env={"AWS_LAMBDA_RUNTIME_API": api.address},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert done.returncode == 1
    assert "flight-recorder/bin/python3" in done.stderr
