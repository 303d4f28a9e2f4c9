import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from extension.app.run import processor_share
from extension.lambda_api.listener import REFUSED
from tests.doubles.extension.emf import is_emf, parse
from tests.doubles.http_server import Request
from tests.doubles.lambda_events import batch, event, line, runtime_done, start
from tests.doubles.recording_receiver import OK, RecordingReceiver, Reply, as_json
from tests.doubles.scripted_lambda import ScriptedLambda

pytestmark = pytest.mark.every_python

ROOT = Path(__file__).resolve().parents[3]
WAIT_S = 60.0
"""Far above what any step takes, for a machine that is busy with all other tests."""
ID = "aaaaaaaa-0000-4000-8000-00000000000{}"
ERROR = "[ERROR] ValueError: told to\nTraceback (most recent call last):\n"
SECRET = "hunter2"


class Extension:
    """``python -m extension`` from the source tree."""

    def __init__(self, cloud: ScriptedLambda, descriptors: int = 0, /, **environ: str) -> None:
        self.cloud = cloud
        limited = ["/bin/sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh"]
        given = {
            f"FLIGHT_RECORDER_{name}": value
            for name, value in ({"SINK": "stdout:"} | environ).items()
            if name[0] != "_"
        }
        lambda_environ = {
            "AWS_LAMBDA_RUNTIME_API": cloud.address,
            "AWS_LAMBDA_FUNCTION_NAME": "checkout",
            "AWS_LAMBDA_FUNCTION_VERSION": "7",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        }
        kept = {name: os.environ[name] for name in os.environ if name.startswith(("PATH", "COV"))}
        self.process = subprocess.Popen(
            [*(limited if descriptors else []), sys.executable, "-m", "extension"],
            cwd=ROOT,
            env=kept
            | lambda_environ
            | given
            | {name[1:]: value for name, value in environ.items() if name.startswith("_")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.nexts = 1
        cloud.wait_for("next", 1)

    def invoke(self, number: int, *texts: object, trace: str = "") -> None:
        """Goes through one invocation, from INVOKE to the Next after it."""
        request_id = ID.format(number)
        self.cloud.invoke(request_id, trace=trace)
        events = [start(request_id, trace=trace), *map(line, texts), runtime_done(request_id)]
        self.cloud.post(events)
        self.nexts += 1
        self.cloud.wait_for("next", self.nexts)

    def shut_down(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Ends it; gives the records on stdout and the lines on stderr."""
        self.cloud.shut_down()
        out, err = self.process.communicate(timeout=WAIT_S)
        assert self.process.returncode == 0, err
        return [json.loads(one) for one in out.splitlines()], [
            json.loads(one) for one in err.splitlines()
        ]


Begin = Callable[..., Extension]


READY = """
import sys
from extension.light_typing import stand_in_for_typing
stand_in_for_typing()
import extension.app.loop
from _socket import socket
from extension.lambda_api import LOGS_API, Subscription
subscription = Subscription("/")
subscription.path = LOGS_API
extension.app.loop.Loop.run = lambda self: print(*sys.modules)
from extension.app.run import run
run({}, api=None, subscription=subscription, listener=socket(), listener_problem="")
"""

LOADED_AT_READY = {
    "app": "flush_control loop parts run sinks",
    "config": "parsers settings variables",
    "delivery": "batch delivery exporter pacing queue standard_output worker",
    "diagnostics": "account log",
    "lambda_api": "http1 listener",
    "levels": "forms grammar level metrics objects prefixes reading",
    "model": "chunk receipt recording segment timestamps",
    "parsing": "batch correlation failures fast_path json_starts line platform_events text_starts trace_header",
    "recorder": "environment evaluator invocation metadata recorder release screening states tail_sampler",
    "sampling": "policies probability verdict",
    "sinks": "base",
}
"""All of our own modules, by room."""


@pytest.fixture
def begin(cloud: ScriptedLambda) -> Iterator[Begin]:
    begun: list[Extension] = []

    def start_one(**environ: str) -> Extension:
        begun.append(Extension(cloud, **environ))
        return begun[-1]

    yield start_one
    for extension in begun:
        extension.process.kill()
        extension.process.communicate()


def lines(records: list[dict[str, Any]]) -> list[object]:
    return [record["record"] for record in records if record["type"] == "function"]


def test_bad_settings_are_said_and_the_function_runs(cloud: ScriptedLambda, begin: Begin) -> None:
    """Each bad value is one line with what is used instead, secrets are not shown, and recording works."""
    extension = begin(
        SAMPLE_RATE="1.5",
        SINK=f"htp://user:{SECRET}@host",
        FLUSH="never",
        SINKS=SECRET,
        ERROR_PATTERN="(",
    )
    extension.invoke(1, ERROR)

    records, said = extension.shut_down()

    assert ERROR in lines(records)
    problems = [one["variable"] for one in said if one["event"] == "a setting cannot be used"]
    assert problems == [
        f"FLIGHT_RECORDER_{name}"
        for name in ("SAMPLE_RATE", "ERROR_PATTERN", "SINK", "FLUSH", "SINKS")
    ]
    assert SECRET not in json.dumps(said)


def test_log_says_once_that_otlp_in_json_is_sent_as_protobuf(
    cloud: ScriptedLambda, begin: Begin
) -> None:
    """The setting stays valid, so whoever reads the requests must learn why they changed."""
    extension = begin(FALLBACK_SINK="OTLP-JSON+http://127.0.0.1:1/")
    extension.invoke(1, ERROR)

    records, said = extension.shut_down()

    assert ERROR in lines(records)
    (told,) = [one for one in said if one["event"] != "account"]
    assert told["event"] == "OTLP is sent as protobuf; JSON is no longer written"
    assert told["variable"] == "FLIGHT_RECORDER_FALLBACK_SINK"


def test_log_says_once_what_cannot_be_read_of_no_proxy(cloud: ScriptedLambda, begin: Begin) -> None:
    """They are left out, and delivery goes on: a range or a proxy that cannot be used stops nothing."""
    environ = {"_NO_PROXY": "fc00::/7,10.0.0.0/99", "_ALL_PROXY": "socks5://127.0.0.1:1"}
    with RecordingReceiver() as sink:
        extension = begin(SINK=sink.url, **environ)
        extension.invoke(1, ERROR)

        _, said = extension.shut_down()

        delivered = [text for one in sink.requests for text in one.content.splitlines()]
    assert ERROR in lines([json.loads(text) for text in delivered])
    (told,) = [one for one in said if one["event"] != "account"]
    assert (told["variable"], told["entries"]) == ("NO_PROXY", ["10.0.0.0/99"])


def test_our_own_output_has_no_log_line_and_no_secret(cloud: ScriptedLambda, begin: Begin) -> None:
    """With a sink that is down nothing of the function is in our own log: the last resort is standard output."""
    extension = begin(
        LOG_LEVEL="debug",
        SINK=f"http://user:{SECRET}@127.0.0.1:1/{SECRET}",
        SINK_HEADERS=f"Authorization=Bearer {SECRET}",
    )
    extension.invoke(1, f"[ERROR] customer {SECRET}")
    cloud.post(b"garbage " + SECRET.encode())

    records, said = extension.shut_down()

    assert lines(records) == [f"[ERROR] customer {SECRET}"]
    assert any("the sink cannot be reached" in one["event"] for one in said)
    assert SECRET not in json.dumps(said)
    assert said[-1]["lost_lines"] == {}
    assert said[-1]["handed_to_stdout_lines"] == 1


def test_an_error_pattern_is_used_however_hostile(cloud: ScriptedLambda, begin: Begin) -> None:
    """A pattern makes a line a failure; one that other engines never finish holds nobody."""
    extension = begin(SAMPLE_RATE="0", ERROR_PATTERN="declined|(a+)+$")
    extension.invoke(1, "card declined")
    extension.invoke(2, "a" * 4000 + "!")
    extension.invoke(3, "card declined")

    records, said = extension.shut_down()

    assert lines(records) == ["card declined", "card declined"]
    assert [one for one in said if one["level"] == "warning"] == []


def test_the_last_resort_is_masked_too(cloud: ScriptedLambda, begin: Begin) -> None:
    """Also where the pattern cannot be used, which masks whole lines and is said."""
    extension = begin(REDACT="(", SINK="http://127.0.0.1:1/")
    extension.invoke(1, f"[ERROR] {SECRET}")

    records, said = extension.shut_down()

    assert lines(records) == ["[REDACTED]"]
    assert said[0]["variable"] == "FLIGHT_RECORDER_REDACT"
    assert said[0]["used"] == "every line is masked as a whole"


def test_the_function_survives_where_descriptors_run_out(cloud: ScriptedLambda) -> None:
    """If what delivery needs cannot be had, that is said in one line, and Next goes on being answered."""
    extension = Extension(cloud, 6)
    try:
        for number in range(1, 4):
            cloud.wait_for("next", number)
            cloud.invoke(ID.format(number))
        cloud.wait_for("next", 4)
        cloud.shut_down()
        out, err = extension.process.communicate(timeout=WAIT_S)
    finally:
        extension.process.kill()
        extension.process.communicate()

    (line_said,) = [json.loads(one) for one in err.splitlines()]
    assert line_said["event"].startswith("stopped recording after an internal error (OSError at ")
    assert line_said["logger"] == "flight-recorder"
    assert (out, extension.process.returncode) == ("", 0)


FORGED = {
    "the end of the invocation, and of later ones": [
        runtime_done(ID.format(1)),
        *(one(ID.format(number)) for number in range(2, 5) for one in (start, runtime_done)),
    ],
    "a new start of the invocation": [start(ID.format(1), time="2026-10-12T00:01:19.000Z")],
    "lines of others": [line(f"{ID.format(1)} forged"), line(f"{ID.format(9)} forged")],
    "many starts": [start(ID.format(1))] * 2000,
}


@pytest.mark.parametrize("path", ["/", "/0123456789abcdef0123456789abcdef"])
@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_process_of_the_function_cannot_speak_for_lambda(
    cloud: ScriptedLambda, begin: Begin, forged: list[dict[str, object]], path: str
) -> None:
    """The port is no secret, the path is: what comes by another hides no crash, holds nobody, and is nobody's line."""
    extension = begin(SAMPLE_RATE="0", FLUSH="end", PLATFORM_EVENTS="all")
    written = [f"line {number}" for number in range(20)]
    cloud.invoke(ID.format(1))
    cloud.post([start(ID.format(1)), *map(line, written)])

    body = batch(forged)
    with socket.create_connection(("127.0.0.1", cloud.destination), WAIT_S) as stranger:
        head = f"POST {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
        with contextlib.suppress(OSError):
            stranger.sendall(head.encode() + body)
            stranger.recv(4096)
    cloud.post([runtime_done(ID.format(1), status="error")])
    cloud.wait_for("next", 2)
    records, said = extension.shut_down()

    assert lines(records) == written
    assert sum(one["type"] == "platform.start" for one in records) == 1
    assert [one["event"] for one in said] == [REFUSED, "account"]
    assert said[-1]["received_lines"] == 20


@pytest.mark.parametrize("descriptors", [10, 16, 24])
def test_recording_goes_on_with_few_descriptors_and_many_idle_connections(
    cloud: ScriptedLambda, descriptors: int
) -> None:
    """Who connects and says nothing must not take the descriptors that delivery and imports need."""
    extension = Extension(cloud, descriptors)
    with contextlib.ExitStack() as stack:
        for number in range(1, 4):
            address = ("127.0.0.1", cloud.destination)
            for _ in range(descriptors):
                stack.enter_context(socket.create_connection(address, WAIT_S))
            extension.invoke(number, ERROR)

        records, said = extension.shut_down()

    assert lines(records).count(ERROR) >= 2
    assert len(said) == len({one["event"] for one in said})
    assert said[-1]["event"] == "account"


@pytest.fixture
def aws() -> Iterator[RecordingReceiver]:
    with RecordingReceiver() as receiver:
        yield receiver


def at(aws: RecordingReceiver) -> dict[str, str]:
    """Return the variables with which the extension takes the receiver for AWS."""
    return {
        "_AWS_ENDPOINT_URL": f"http://{aws.address}",
        "_AWS_REGION": "eu-west-1",
        "_AWS_ACCESS_KEY_ID": "made-up",
        "_AWS_SECRET_ACCESS_KEY": "made-up",
    }


def test_sink_that_cannot_be_used_is_replaced_by_no_other_place(
    aws: RecordingReceiver, begin: Begin
) -> None:
    """Nobody asked for the default log group. Failed invocations are printed at once, and that is said."""
    extension = begin(SINK="s3:bucket", SAMPLE_RATE="1", **at(aws))
    extension.invoke(1, "healthy")
    extension.invoke(2, ERROR)

    records, said = extension.shut_down()

    assert aws.requests == []
    assert lines(records) == [ERROR]
    told = next(one for one in said if one.get("variable") == "FLIGHT_RECORDER_SINK")
    assert "standard output" in told["used"]
    account = said[-1]
    assert (account["lost_lines"], account["handed_to_stdout_lines"]) == ({"refused": 1}, 1)


def test_lines_wait_for_a_reference_that_names_no_sink(
    aws: RecordingReceiver, begin: Begin
) -> None:
    """Somebody may mend it: nothing goes to the default log group, and failed invocations are printed at the end."""
    aws.otherwise = lambda _asked: as_json({"SecretString": "s3:bucket"})
    place = "secretsmanager:place"
    extension = begin(
        SINK=place, FALLBACK_SINK=place, ARCHIVE_SINK=place, SAMPLE_RATE="1", **at(aws)
    )
    extension.invoke(1, "healthy")
    extension.invoke(2, ERROR)

    records, said = extension.shut_down()

    assert {one.action for one in aws.requests} == {"GetSecretValue"}
    assert lines(records) == [ERROR]
    told = [one for one in said if one.get("event") == "a setting cannot be used"]
    assert len(told) == 3
    assert all("wait" in one["used"] for one in told)
    assert said[-1]["lost_lines"] == {"shutdown": 1}


THROTTLED = as_json({"__type": "ThrottlingException"}, 400)


def test_environment_that_starts_while_aws_throttles_delivers_once_it_is_told_where_to(
    aws: RecordingReceiver, begin: Begin
) -> None:
    """It holds what it has, and asks again after a random pause until it is answered, more often than three times."""
    place = as_json({"SecretString": f"http://{aws.address}/place"})
    aws.answers = [*[THROTTLED] * 4, place]
    extension = begin(SINK="secretsmanager:place", **at(aws))
    extension.invoke(1, ERROR)
    aws.wait_until(lambda: len(aws.requests) > 5, "nothing was delivered")

    records, said = extension.shut_down()

    asked = [one.target for one in aws.requests]
    assert asked[:6] == ["/"] * 5 + ["/place"]
    assert b"told to" in b"".join(one.content for one in aws.requests[5:])
    assert (records, said[-1]["lost_lines"]) == ([], {})
    told = [one for one in said if one.get("variable") == "FLIGHT_RECORDER_SINK"]
    assert [one["problem"] for one in told] == ["ThrottlingException (status 400)"]


def test_environment_that_ends_while_aws_throttles_prints_what_failed(
    aws: RecordingReceiver, begin: Begin
) -> None:
    """Nothing is lost uncounted, and SHUTDOWN waits for no pause."""
    aws.otherwise = THROTTLED
    extension = begin(SINK="secretsmanager:place", SAMPLE_RATE="1", **at(aws))
    extension.invoke(1, "healthy")
    extension.invoke(2, ERROR)

    records, said = extension.shut_down()

    assert {one.action for one in aws.requests} == {"GetSecretValue"}
    assert lines(records) == [ERROR]
    account = said[-1]
    assert (account["lost_lines"], account["handed_to_stdout_lines"]) == ({"shutdown": 1}, 1)


class Documents:
    """AWS, whose one parameter is a document, and the sinks that it names by path."""

    def __init__(self, aws: RecordingReceiver, **document: object) -> None:
        self.url = f"http://{aws.address}"
        self.document: dict[str, object] = document
        self.refused: set[str] = set()
        aws.otherwise = self.answer
        self._aws = aws

    def answer(self, request: Request) -> Reply:
        if request.action == "GetParameters":
            value = json.dumps(self.document)
            return as_json({"Parameters": [{"Name": "/shop", "Value": value}]})
        return Reply(403) if request.target in self.refused else OK

    def taken_at(self, path: str) -> list[object]:
        """Return the function's lines that were taken at a path."""
        taken = [one.content for one in self._aws.taken if one.target == path]
        return lines([json.loads(text) for text in b"".join(taken).splitlines()])


def test_one_document_sets_everything(aws: RecordingReceiver, begin: Begin) -> None:
    """The sinks too, which are made before it is known; the names have the prefix or not."""
    shop = Documents(aws)
    shop.document = {
        "SINK": f"{shop.url}/sink",
        "FLIGHT_RECORDER_FALLBACK_SINK": f"{shop.url}/fallback",
        "ARCHIVE_SINK": f"{shop.url}/archive",
        "SAMPLE_RATE": 1,
        "REDACT": "hunter[0-9]",
    }
    shop.refused = {"/sink"}
    extension = begin(SINK="", SETTINGS="ssm:/shop", **at(aws))
    extension.invoke(1, f"healthy {SECRET}")
    extension.invoke(2, ERROR)
    aws.wait_until(lambda: ERROR in shop.taken_at("/fallback"), "nothing came to FALLBACK_SINK")

    records, said = extension.shut_down()

    assert records == []
    assert shop.taken_at("/archive") == ["healthy [REDACTED]", ERROR]
    assert shop.taken_at("/fallback")[-1] == ERROR
    assert shop.taken_at("/sink") == []
    account = said[-1]
    assert (account["lost_lines"], account["archive"]["kept_lines"]) == ({}, 2)
    assert [one["variable"] for one in said[:-1]] == ["FLIGHT_RECORDER_SINK"]


def test_sink_that_the_document_does_not_name_is_not_there(
    aws: RecordingReceiver, begin: Begin
) -> None:
    """Nothing is stored for it, nothing goes over to it, and nothing counts as lost for it."""
    shop = Documents(aws)
    shop.document = {"SINK": f"{shop.url}/sink", "SAMPLE_RATE": 0}
    extension = begin(SINK="", SETTINGS="ssm:/shop", **at(aws))
    extension.invoke(1, "healthy")
    extension.invoke(2, ERROR)

    records, said = extension.shut_down()

    assert shop.taken_at("/sink")[-1] == ERROR
    assert records == []
    assert "archive" not in said[-1]
    assert (said[-1]["lost_lines"], len(said)) == ({}, 1)


def test_lines_that_leave_before_the_document_is_known_are_masked_as_a_whole(
    aws: RecordingReceiver, begin: Begin
) -> None:
    """REDACT may be in it."""
    aws.otherwise = THROTTLED
    extension = begin(SINK="", SETTINGS="ssm:/shop", **at(aws))
    extension.invoke(1, f"[ERROR] {SECRET}")

    records, said = extension.shut_down()

    assert lines(records) == ["[REDACTED]"]
    assert (said[-1]["lost_lines"], said[-1]["handed_to_stdout_lines"]) == ({}, 1)


def test_document_says_what_cannot_be_used_and_applies_the_rest(
    aws: RecordingReceiver, begin: Begin
) -> None:
    """A variable of the function goes before it; no value is shown."""
    shop = Documents(
        aws, ENABLED=False, SETTINGS="ssm:/x", SAMPLERATE=1, FLUSH=SECRET, HISTORY=None
    )
    shop.document |= {"SAMPLE_RATE": 1, "KEEP_MARKER": "keep this", "SINK": "stdout:"}
    sink = f"{shop.url}/sink"
    extension = begin(SETTINGS="ssm:/shop", SAMPLE_RATE="0", SINK=sink, **at(aws))
    numbers = iter(range(1, 10))
    aws.wait_until(lambda: bool(aws.taken), "the document is not fetched")
    while not shop.taken_at("/sink"):
        # It is applied some time after it was fetched.
        extension.invoke(next(numbers), "keep this")
        extension.invoke(next(numbers), "healthy")
        time.sleep(0.2)

    records, said = extension.shut_down()

    assert records == []
    assert {*shop.taken_at("/sink")} == {"keep this"}
    told = [one["variable"] for one in said if one["event"] == "a setting cannot be used"]
    names = ["ENABLED", "FLUSH", "HISTORY", "SAMPLERATE", "SETTINGS"]
    assert sorted(told) == [f"FLIGHT_RECORDER_{name}" for name in names]
    assert SECRET not in json.dumps(said)


CHANGING = """
from extension.app.run import Wiring
from extension.config.references import Fetched
from extension.lambda_api import Subscription
from extension.model.chunk import Chunk, Metadata
from extension.model.segment import Segment
wiring = Wiring({"FLIGHT_RECORDER_SETTINGS": "ssm:/shop"}, None, Subscription("/"), None)
delivery, queues = wiring._parts.delivery, wiring._queues

def show():
    used = [one.variable for one in delivery.exporters if one.queue.is_in_use]
    metrics = wiring.loop.reporting is not None and wiring.loop.reporting._metrics.interval_ms
    queues.store(Metadata("a", "", "f", "1", "e", "", 1.0, failed=False), Segment(b"{}", count=1, first_number=0))
    print(delivery.is_ready, len(used), delivery.fallback is not None, queues.archive.held_bytes > 0,
          wiring._parts.renewal._interval_s, metrics, wiring.log._level)

show()
for document in (
    {},
    {"ARCHIVE_SINK": "file:/tmp/never", "METRICS": "1m", "REFRESH_INTERVAL": "30s", "LOG_LEVEL": "error"},
    {"FALLBACK_SINK": "file:/tmp/never"},
    {"SINK": "ssm:/unknown"},
):
    wiring._apply(Fetched({}, [], {f"FLIGHT_RECORDER_{name}": text for name, text in document.items()}))
    show()
"""


def test_what_the_document_sets_applies_when_it_changes() -> None:
    """Ready, sinks in use, a fallback, lines held for the archive, and three settings of our own.

    What an archive was to have stays held once it is no longer named: its last sink takes it.
    """
    done = subprocess.run(
        [sys.executable, "-c", CHANGING], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == [
        "False 3 True True 300.0 False 30",
        "True 1 False False 300.0 False 30",
        "True 2 False True 30.0 60000 40",
        "True 2 True True 300.0 0 30",
        "False 1 False True 300.0 0 30",
    ]


def test_managed_instances_are_recorded_where_an_emulator_leaves_the_path_out(
    cloud: ScriptedLambda, begin: Begin
) -> None:
    """AWS's own emulator of Managed Instances posts to the root, whatever path it was given."""
    extension = begin(_AWS_LAMBDA_INITIALIZATION_TYPE="lambda-managed-instances")
    cloud.target = "/"
    cloud.post([start(ID.format(1)), line({"requestId": ID.format(1), "level": "ERROR"})])

    records, said = extension.shut_down()

    assert lines(records) == [{"requestId": ID.format(1), "level": "ERROR"}]
    assert [one["event"] for one in said] == ["account"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_end_is_taken_as_shutdown(
    cloud: ScriptedLambda, begin: Begin, number: signal.Signals
) -> None:
    """Whoever stops a container, or presses Ctrl-C, gets what is buffered, and the account."""
    extension = begin()
    cloud.invoke(ID.format(1))
    cloud.post([start(ID.format(1)), line(ERROR)])

    extension.process.send_signal(number)
    out, err = extension.process.communicate(timeout=WAIT_S)

    assert extension.process.returncode == 0
    assert lines([json.loads(one) for one in out.splitlines()]) == [ERROR]
    assert [json.loads(one)["event"] for one in err.splitlines()] == ["account"]


def test_lines_of_an_environment_that_is_never_invoked_are_judged_at_its_end() -> None:
    """Provisioned concurrency that is not needed, and an init that fails: whole with an error, else nothing at rate 0."""
    told = []
    for texts in (["starting", "ready"], ["starting", ERROR]):
        with ScriptedLambda() as cloud:
            extension = Extension(cloud, SAMPLE_RATE="0")
            cloud.post([line(text) for text in texts])
            records, _ = extension.shut_down()
            told.append(lines(records))

    assert told == [[], ["starting", ERROR]]


def test_a_signal_that_is_ignored_stays_so(cloud: ScriptedLambda, begin: Begin) -> None:
    """Under nohup a program outlives its terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        extension = begin()
    finally:
        signal.signal(signal.SIGHUP, before)
    extension.process.send_signal(signal.SIGHUP)
    extension.invoke(1, ERROR)

    records, _ = extension.shut_down()

    assert lines(records) == [ERROR]


def test_a_signal_ends_an_extension_that_has_stopped_recording(cloud: ScriptedLambda) -> None:
    """After an error of ours nothing is left to deliver, and a signal does what it does to any process."""
    broken = (
        "from extension import boot; from extension.app.loop import Loop\n"
        "Loop.run = lambda self: 1 / 0\n"
        "boot.main([])"
    )
    with subprocess.Popen(
        [sys.executable, "-c", broken],
        cwd=ROOT,
        env={"AWS_LAMBDA_RUNTIME_API": cloud.address},
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        process.send_signal(signal.SIGTERM)

        assert process.wait(WAIT_S) == -signal.SIGTERM
    assert b"stopped recording" in said


@pytest.mark.parametrize("throttled", [0, 2])
def test_a_copy_of_a_snapshot_fetches_references_before_its_first_delivery(
    cloud: ScriptedLambda, begin: Begin, throttled: int
) -> None:
    """The place that the sink had when the version was published may be nobody's today, also while AWS throttles."""
    with RecordingReceiver() as receiver:
        places = iter(("published", *[""] * throttled, "today"))

        def answer(request: Request) -> Reply:
            if request.action == "GetSecretValue":
                place = next(places)
                url = f"http://{receiver.address}/{place}"
                return as_json({"SecretString": url}) if place else THROTTLED
            return OK

        receiver.otherwise = answer
        extension = begin(
            SINK="secretsmanager:place",
            _AWS_LAMBDA_INITIALIZATION_TYPE="snap-start",
            _AWS_ENDPOINT_URL=f"http://{receiver.address}",
            _AWS_REGION="eu-west-1",
            _AWS_ACCESS_KEY_ID="made-up",
            _AWS_SECRET_ACCESS_KEY="made-up",
        )
        cloud.post([line("importing"), event("platform.initRuntimeDone", {"status": "success"})])
        receiver.wait_until(lambda: len(receiver.requests) > 1, "init is not published")
        extension.invoke(1, ERROR)
        receiver.wait_until(lambda: len(receiver.requests) > 3 + throttled, "nothing came")
        extension.shut_down()

        asked = [one.action if one.target == "/" else one.target for one in receiver.requests]
        fetches = ["GetSecretValue"] * (1 + throttled)
        assert asked[: 4 + throttled] == ["GetSecretValue", "/published", *fetches, "/today"]
        assert set(asked[4 + throttled :]) <= {"/today"}
        delivered = b"".join(one.content for one in receiver.requests[3 + throttled :])
        assert b"told to" in delivered
        assert b"importing" not in delivered


REFRESHED = """
from extension.app.run import Wiring
from extension.config.references import Fetched
from extension.delivery.delivery import Delivery
from extension.lambda_api import Subscription
applied = []
Delivery.rewrite = lambda self, rewrite: applied.append(rewrite)
names = {"FLIGHT_RECORDER_SINK": "stdout:", "FLIGHT_RECORDER_REDACT": "ssm:/shop/patterns"}
wiring = Wiring(names, None, Subscription("/"), None)
for patterns in ("all", "all", "vendor-tokens", ""):
    wiring._apply(Fetched({"FLIGHT_RECORDER_REDACT": patterns}, []))
    print(len(applied), applied[-1] is None)
"""


def test_masking_is_set_anew_only_where_a_refresh_changes_its_patterns() -> None:
    """What waits is masked by them already, and masked twice a mask would hold a mask. Before a fetch the default masks."""
    done = subprocess.run(
        [sys.executable, "-c", REFRESHED], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == ["2 False", "2 False", "3 False", "4 True"]


def test_run_says_that_lambda_accepted_no_subscription(begin: Begin) -> None:
    """Without a subscription nothing is held, nothing recorded, and that is said with the answers."""
    with ScriptedLambda(subscribe=lambda _path, _schema: Reply(202, b"{}")) as cloud:
        extension = Extension(cloud, FLUSH="end")
        cloud.invoke(ID.format(1), timeout_s=60.0)
        cloud.wait_for("next", 2, timeout_s=2.0)

        _, said = extension.shut_down()

    problem = said[0]
    assert "Lambda accepted no subscription to logs" in problem["event"]
    assert [answer.rpartition(": ")[2] for answer in problem["answers"]] == ["202", "202"]
    assert said[-1]["event"] == "account"


def test_run_loads_no_more_than_it_needs() -> None:
    """What is loaded when the main loop begins delays somebody's first request; the rest loads on first need."""
    done = subprocess.run(
        [sys.executable, "-c", READY],
        cwd=ROOT,
        # The measurement of coverage loads modules of its own.
        env={name: value for name, value in os.environ.items() if "COVERAGE" not in name},
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = set(done.stdout.split())
    ours = {name.removeprefix("extension.") for name in loaded if name.startswith("extension.")}
    expected = {
        f"{room}.{name}" for room, names in LOADED_AT_READY.items() for name in names.split()
    }
    assert ours == expected | set(LOADED_AT_READY) | {"light_typing", "stand_ins"}
    assert not loaded & {
        "annotationlib",
        "ast",
        "dataclasses",
        "inspect",
        "structlog",
        "httpx",
        "ssl",
        "socket",
    }


def test_metrics_are_printed_whole_beside_records(cloud: ScriptedLambda, begin: Begin) -> None:
    """With SINK=stdout: both go to the same place, each a line of its own; METRICS alone loads what writes them."""
    extension = begin(SAMPLE_RATE="0", METRICS="1m")
    extension.invoke(1, ERROR)
    cloud.shut_down()
    out, err = extension.process.communicate(timeout=WAIT_S)

    printed = [text for text in out.splitlines() if is_emf(text)]
    [told] = [json.loads(text) for text in err.splitlines()]
    assert [parse(text)["KeptLines"] for text in printed] == [sum(told["kept_lines"].values())]
    assert lines([json.loads(text) for text in out.splitlines() if not is_emf(text)]) == [ERROR]


@pytest.mark.parametrize(
    ("memory_mb", "share"),
    [
        ("128", 0.07236),
        ("1769", 1.0),
        ("10240", 1.0),
        ("", 1.0),
        ("many", 1.0),
        ("\u0661\u0662\u0668", 1.0),
        ("1", 0.07236),
        ("0", 0.07236),
    ],
)
def test_the_share_of_a_processor_grows_with_memory(memory_mb: str, share: float) -> None:
    """Up to a whole one; nothing that Lambda does not write breaks it."""
    environ = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory_mb}

    assert processor_share(environ) == pytest.approx(share, abs=1e-4)
    managed = environ | {"AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances"}
    assert processor_share(managed) == 1.0
