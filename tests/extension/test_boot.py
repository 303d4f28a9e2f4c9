import errno
import itertools
import os
import resource
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from _socket import socket as RawSocket  # noqa: N812 - a class
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO

import pytest

from extension import boot as boot_module
from extension.boot import (
    SUBSCRIBE_BUDGET_S,
    Boot,
    idle,
    listen,
    register,
    say,
    subscribe,
)
from extension.lambda_api import (
    LOGS_API,
    LOGS_SCHEMAS,
    TELEMETRY_API,
    TELEMETRY_SCHEMAS,
    ExtensionsApi,
)
from extension.lambda_api.http1 import request
from tests.doubles.recording_receiver import CLOSE, Answer, Reply
from tests.doubles.scripted_lambda import IDENTIFIER, REGISTERED, ScriptedLambda

pytestmark = pytest.mark.every_python

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 10.0

FIRST_MODULES = {
    "gc",
    "_socket",
    "extension",
    "extension.boot",
    "extension.lambda_api",
    "extension.lambda_api.http1",
}
"""All that is loaded before the extension has registered and subscribed, beside what ``python -ISB`` itself loads."""

# Before extension.light_typing is imported, which is right after it has subscribed, the names of what is loaded are
# written to a pipe: an audit hook sees the import without changing anything.
REPORTING = """
def report(event, arguments):
    if event == "import" and arguments[0] == "extension.light_typing":
        import posix
        posix.write(int(sys.argv[3]), "\\n".join(sorted(sys.modules)).encode())
        posix.close(int(sys.argv[3]))
sys.addaudithook(report)
"""
LAUNCH = """
import sys
sys.path.insert(0, sys.argv[1])
sys.path.append(sys.argv[2])
"""
START = "from extension.boot import main; main(sys.argv[4:])"


class Process:
    """``python -ISB -c``, as the launcher in the layer starts it."""

    def __init__(
        self, address: str, *arguments: str, before: str = "", inherits: int = 0, **environ: str
    ) -> None:
        reading, writing = os.pipe()
        code = LAUNCH + before + START
        site = sysconfig.get_path("purelib")
        with os.fdopen(writing, "wb"):
            self.process = subprocess.Popen(
                [sys.executable, "-ISB", "-c", code, str(ROOT), site, f"{writing}", *arguments],
                env={"AWS_LAMBDA_RUNTIME_API": address, "PATH": os.environ["PATH"], **environ},
                pass_fds=[writing, inherits] if inherits else [writing],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        self.report: IO[str] = os.fdopen(reading)

    def finish(self) -> tuple[str, str, int]:
        out, err = self.process.communicate(timeout=WAIT_S)
        return out, err, self.process.returncode

    def close(self) -> None:
        self.report.close()
        self.process.kill()
        self.process.communicate()


Run = Callable[..., Process]


@pytest.fixture
def run() -> Iterator[Run]:
    started: list[Process] = []

    def start(
        address: str, *arguments: str, before: str = "", inherits: int = 0, **environ: str
    ) -> Process:
        started.append(Process(address, *arguments, before=before, inherits=inherits, **environ))
        return started[-1]

    yield start
    for process in started:
        process.close()


# The process -------------------------------------------------------------------------------------------------------


def baseline() -> set[str]:
    code = "import sys, posix, time; print(*sys.modules)"
    python = [sys.executable, "-ISB", "-c", code]
    return set(subprocess.check_output(python, text=True, timeout=WAIT_S).split())


REGISTER = request(
    "POST",
    "/2020-01-01/extension/register",
    host="lambda",
    headers={"Lambda-Extension-Name": "flight-recorder"},
    body=b'{"events":["INVOKE","SHUTDOWN"]}',
)
"""As the launcher sends it."""


@pytest.fixture
def start(cloud: ScriptedLambda, run: Run, request: pytest.FixtureRequest) -> Run:
    """Starts the extension, with the connection on which a launcher has registered if the test asks for it."""

    def start_one(**more: str) -> Process:
        if not request.param:
            return run(cloud.address, **more)
        with socket.create_connection(("127.0.0.1", cloud.port)) as connection:
            connection.sendall(REGISTER)
            number = connection.fileno()
            return run(cloud.address, f"{number}", inherits=number, **more)

    return start_one


STARTS = pytest.mark.parametrize("start", [False, True], indirect=True, ids=["bare", "launched"])


@STARTS
def test_boot_loads_only_the_listed_modules_before_it_has_subscribed(
    cloud: ScriptedLambda, start: Run
) -> None:
    """Lambda starts the runtime when all have registered, and bills it: before that, only what is on this list is loaded."""
    process = start(before=REPORTING)
    loaded = set(process.report.read().split())
    asked = [call.kind for call in cloud.calls]
    cloud.wait_for("next", 1)
    cloud.shut_down()
    _, _, code = process.finish()

    assert loaded - baseline() == FIRST_MODULES
    assert asked == ["register", "subscribe"]
    assert code == 0


@STARTS
def test_boot_asks_in_the_documented_order(cloud: ScriptedLambda, start: Run) -> None:
    """Register unless the launcher has, then subscribe with the listener accepting already, then Next, each once."""
    accepting: list[bool] = []

    def on_call(kind: str) -> None:
        if kind == "next" and not accepting:
            with socket.create_connection(("127.0.0.1", cloud.destination), WAIT_S):
                accepting.append(True)

    cloud.on_call = on_call
    process = start()
    cloud.wait_for("next", 1)
    cloud.shut_down()
    _, err, code = process.finish()

    registered = ("register", '["INVOKE", "SHUTDOWN"]')
    subscribed = ("subscribe", f"{LOGS_API} 2021-03-18")
    assert [call[:2] for call in cloud.calls] == [registered, subscribed, ("next", "")]
    assert cloud.identifiers == ["", IDENTIFIER, IDENTIFIER]
    assert accepting == [True]
    assert code == 0
    assert '"event": "account"' in err


@pytest.mark.parametrize(
    "arrange",
    [
        pytest.param(lambda: os.open(os.devnull, os.O_RDONLY), id="no socket"),
        pytest.param(lambda: closed_connection().detach(), id="closed"),
        pytest.param(lambda: 0, id="nothing"),
    ],
)
def test_boot_registers_where_a_launcher_left_no_answer(
    cloud: ScriptedLambda, run: Run, arrange: Callable[[], int]
) -> None:
    """An extension that does not register fails the function: whatever is wrong with the descriptor, Lambda is asked."""
    descriptor = arrange()
    process = run(cloud.address, f"{descriptor or 99}", inherits=descriptor)
    if descriptor:
        os.close(descriptor)
    cloud.shut_down()
    _, _, code = process.finish()

    assert [call.kind for call in cloud.calls] == ["register", "subscribe", "next"]
    assert code == 0


def closed_connection() -> socket.socket:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = socket.create_connection(server.getsockname())
        server.accept()[0].close()
    return connection


def test_no_process_sees_what_it_could_speak_in_our_name_with(
    cloud: ScriptedLambda, run: Run
) -> None:
    """The identifier and the subscription's path are in no command line, environment, file, or line of our own log."""
    with socket.create_connection(("127.0.0.1", cloud.port)) as connection:
        connection.sendall(REGISTER)
        process = run(
            cloud.address,
            f"{connection.fileno()}",
            inherits=connection.fileno(),
            FLIGHT_RECORDER_LOG_LEVEL="debug",
        )
    cloud.wait_for("next", 1)
    proc = Path(f"/proc/{process.process.pid}")
    seen = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
    files = [str(one.readlink()) for one in (proc / "fd").iterdir()]
    cloud.shut_down()
    out, err, _ = process.finish()

    secrets = [IDENTIFIER, cloud.target[1:]]
    assert len(cloud.target) == 33
    assert not [one for one in secrets if one.encode() in seen or one in out + err]
    # Modules may be open that are being imported just then.
    harmless = ("/dev/", sys.base_prefix, str(ROOT))
    assert not [one for one in files if one.startswith("/") and not one.startswith(harmless)]


def test_the_path_of_the_subscription_is_new_in_each_environment(cloud: ScriptedLambda) -> None:
    """A path seen in one environment is worth nothing in another; repeated subscriptions name the same."""
    boots = [boot_of(cloud), boot_of(cloud)]
    targets = []
    for boot in boots:
        listen(boot)
        for _ in range(2):
            subscribe(boot)
            targets.append(cloud.target)
        assert boot.listener is not None
        boot.listener.close()

    assert targets[0] == targets[1] != targets[2] == targets[3]


def test_an_error_in_the_wiring_leads_to_the_idle_loop(cloud: ScriptedLambda, run: Run) -> None:
    """What breaks in the rest is one line on stderr, and Next goes on being answered until SHUTDOWN."""
    process = run(cloud.address, before="sys.modules['extension.config.settings'] = None\n")
    for number in range(3):
        cloud.wait_for("next", number + 1)
        cloud.invoke(f"request {number}")
    cloud.wait_for("next", 4)
    cloud.shut_down()
    out, err, code = process.finish()

    (line,) = err.splitlines()
    assert "stopped recording after an internal error (ModuleNotFoundError at " in line
    assert line.startswith('{"timestamp":"') and line.endswith('"}')  # noqa: PT018 - one shape
    assert (out, code) == ("", 0)


@pytest.mark.parametrize("value", ["false", "0", "No", " off "])
def test_disabled_extension_only_answers_next(cloud: ScriptedLambda, run: Run, value: str) -> None:
    """ENABLED=false subscribes to nothing, loads nothing and says nothing."""
    process = run(cloud.address, before=REPORTING, FLIGHT_RECORDER_ENABLED=value)
    cloud.wait_for("next", 1)
    cloud.invoke("request")
    cloud.wait_for("next", 2)
    cloud.shut_down()
    out, err, code = process.finish()

    assert [call.kind for call in cloud.calls] == ["register", "next", "next"]
    assert (process.report.read(), out, err, code) == ("", "", "", 0)


# Register ------------------------------------------------------------------------------------------------------------


def boot_of(cloud: ScriptedLambda, **environ: str) -> Boot:
    return Boot({"AWS_LAMBDA_RUNTIME_API": cloud.address, **environ})


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([Reply(403, b"{}"), Reply(500, b"{}")], id="refused"),
        pytest.param([CLOSE, CLOSE], id="closed"),
        pytest.param([Reply(200, b"{}")] * 2, id="no identifier"),
    ],
)
def test_registering_is_tried_until_it_works(
    answers: list[Answer], capfd: pytest.CaptureFixture[str]
) -> None:
    """An extension that never registers is fatal, so it is tried again, and said once."""
    with ScriptedLambda(register=[*answers, REGISTERED]) as cloud:
        boot = boot_of(cloud)

        register(boot)

        assert boot.api.identifier == IDENTIFIER
        assert len(cloud.of("register")) == 3
        assert cloud.calls[2].at_s - cloud.calls[1].at_s >= 0.1
    assert capfd.readouterr().err.count("could not register with Lambda") == 1


# Subscribe -----------------------------------------------------------------------------------------------------------


def subscriptions(
    answer: Callable[[str, str], Answer], **environ: str
) -> tuple[list[tuple[str, str]], Boot]:
    """Subscribes, and gives what was asked for as (path, schema)."""
    with ScriptedLambda(subscribe=answer) as cloud:
        boot = boot_of(cloud, **environ)
        listen(boot)
        subscribe(boot)
        assert boot.listener is not None
        boot.listener.close()
        asked = [tuple(call.detail.split(" ")) for call in cloud.of("subscribe")]
    return [(path, schema) for path, schema in asked], boot


LOGS = [(LOGS_API, schema) for schema in LOGS_SCHEMAS]
TELEMETRY = [(TELEMETRY_API, schema) for schema in TELEMETRY_SCHEMAS]
OK = Reply(200, b'"OK"')
MANAGED = {"AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, LOGS[:1]),
        ({"FLIGHT_RECORDER_LOG_API": "auto"}, LOGS[:1]),
        ({"FLIGHT_RECORDER_LOG_API": "logs"}, LOGS[:1]),
        ({"FLIGHT_RECORDER_LOG_API": "Telemetry"}, TELEMETRY[:1]),
        ({"FLIGHT_RECORDER_LOG_API": "x"}, LOGS[:1]),
        ({}, [*LOGS, *TELEMETRY]),
        ({"FLIGHT_RECORDER_LOG_API": "logs"} | MANAGED, [(TELEMETRY_API, "2025-01-29")]),
    ],
)
def test_boot_asks_for_apis_and_schemas_in_order(
    environ: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    """LOG_API decides about the first API; a 400 is asked again with an older schema of the same API first."""
    asked, boot = subscriptions(
        lambda *asks: OK if asks == expected[-1] else Reply(400, b"{}"), **environ
    )

    assert asked == expected
    assert (boot.subscription.path, boot.subscription.schema) == expected[-1]
    assert len(boot.subscription.refusals) == len(expected) - 1


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Reply(202, b'{"errorType":"Logs.NotSupported"}'), "202"),
        (Reply(403, b"{}"), "403"),
        (Reply(404, b""), "404"),
        (Reply(500, b"{}"), "500"),
        (CLOSE, "no answer"),
    ],
)
@pytest.mark.parametrize(
    ("wanted", "first", "second"),
    [("logs", LOGS[0], TELEMETRY[0]), ("telemetry", TELEMETRY[0], LOGS[0])],
)
def test_an_api_that_is_not_offered_leads_to_the_other(
    refusal: Answer, status: str, wanted: str, first: tuple[str, str], second: tuple[str, str]
) -> None:
    """202 is a refusal, as any status but 200 is; only a 400 can depend on the schema."""
    asked, boot = subscriptions(
        lambda *asks: refusal if asks == first else OK, FLIGHT_RECORDER_LOG_API=wanted
    )

    assert asked == [first, second]
    assert (boot.subscription.path, boot.subscription.schema) == second
    assert boot.subscription.refusals == [f"{first[0]} schema {first[1]}: {status}"]


def test_subscribe_stops_when_its_budget_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that is slow to refuse must not cost the rest of init."""
    clock_s = itertools.count(0.0, SUBSCRIBE_BUDGET_S * 0.4)
    monkeypatch.setattr(boot_module, "time", SimpleNamespace(monotonic=lambda: next(clock_s)))

    asked, boot = subscriptions(lambda _path, _schema: Reply(400, b"{}"))

    assert len(asked) == 2
    assert boot.subscription.path == ""


# Listen --------------------------------------------------------------------------------------------------------------


def test_a_listener_that_cannot_bind_subscribes_to_nothing(
    cloud: ScriptedLambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a port there is nothing to subscribe with; the problem is kept to be said."""

    class Unbindable(RawSocket):
        def bind(self, address: object, /) -> None:
            raise OSError(errno.EADDRINUSE, f"{address} is taken")

    monkeypatch.setattr(boot_module, "Socket", Unbindable)
    boot = boot_of(cloud)

    listen(boot)
    subscribe(boot)

    assert boot.listener is None
    assert "is taken" in boot.listener_problem
    assert cloud.calls == []


def test_a_listener_for_which_no_descriptor_is_left(cloud: ScriptedLambda) -> None:
    """A system that gives no socket at all is the same."""
    boot = boot_of(cloud)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        listen(boot)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert boot.listener is None
    assert boot.listener_problem


# Idle ----------------------------------------------------------------------------------------------------------------


def idled(cloud: ScriptedLambda) -> threading.Thread:
    def run_idle() -> None:
        api = ExtensionsApi(cloud.address, identifier=IDENTIFIER)
        idle(api)
        api.drop_connection()

    thread = threading.Thread(target=run_idle, daemon=True)
    thread.start()
    return thread


def test_idle_ends_on_shutdown_only(cloud: ScriptedLambda) -> None:
    """Whatever comes, Next is asked again, until SHUTDOWN."""
    thread = idled(cloud)

    cloud.invoke("request", invokedFunctionArn="arn:aws:lambda:eu-west-1:1:function:SHUTDOWN")
    for answer in (Reply(200, b""), Reply(200, b'{"eventType":"RESTORE"}'), Reply(200, b"\xff")):
        cloud.answer_next(answer)
    cloud.wait_for("next", 5)
    alive = thread.is_alive()
    cloud.shut_down()
    thread.join(WAIT_S)

    assert alive
    assert not thread.is_alive()
    assert len(cloud.of("next")) == 5


@pytest.mark.parametrize("answer", [Reply(403, b"{}"), Reply(500, b'"SHUTDOWN"'), CLOSE])
def test_idle_survives_refusals_at_a_pace(cloud: ScriptedLambda, answer: Answer) -> None:
    """Where Lambda refuses or hangs up, Next is asked again after pauses that grow."""
    thread = idled(cloud)

    for _ in range(3):
        cloud.answer_next(answer)
    cloud.shut_down()
    thread.join(WAIT_S)

    asked_s = [call.at_s for call in cloud.of("next")]
    assert not thread.is_alive()
    assert len(asked_s) == 4
    assert asked_s[1] - asked_s[0] >= 0.045
    assert asked_s[3] - asked_s[2] >= 0.19


def test_idle_survives_a_refused_connection() -> None:
    """Where nobody listens, it goes on trying until somebody does."""
    with socket.create_server(("127.0.0.1", 0)) as placeholder:
        port = placeholder.getsockname()[1]
    api = ExtensionsApi(f"127.0.0.1:{port}", identifier=IDENTIFIER)
    thread = threading.Thread(target=idle, args=(api,), daemon=True)
    thread.start()
    time.sleep(0.1)
    alive = thread.is_alive()

    with socket.create_server(("127.0.0.1", port)) as server:
        peer, _ = server.accept()
        with peer:
            peer.recv(4096)
            body = b'{"eventType":"SHUTDOWN"}'
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            thread.join(WAIT_S)

    assert alive
    assert not thread.is_alive()
    api.drop_connection()


def test_an_older_python_is_told(cloud: ScriptedLambda, run: Run) -> None:
    """On a Python that is too old nothing is recorded, which is said, and Next is answered."""
    cloud.invoke("request")
    cloud.shut_down()

    process = run(cloud.address, before="sys.version_info = (3, 9, 18, 'final', 0)\n")
    _, err, code = process.finish()

    assert [call.kind for call in cloud.calls] == ["register", "next", "next"]
    assert "needs Python 3.10 or newer" in err
    assert (err.count("\n"), code) == (1, 0)


def test_say_survives_a_closed_stderr() -> None:
    """A line that reaches nobody is no error."""
    saved = os.dup(2)
    try:
        os.close(2)
        say("heard by nobody")
    finally:
        os.dup2(saved, 2)
        os.close(saved)
