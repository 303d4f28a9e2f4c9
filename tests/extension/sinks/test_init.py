import base64
import gzip
import json
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from extension.config.parsers import CLOUDWATCH_SCHEMES
from extension.delivery.worker import SinkWorker
from extension.model.chunk import Chunk, rewritten
from extension.model.ndjson import encode
from extension.model.receipt import Answer, Receipt
from extension.model.segment import Kind, Segment
from extension.model.summary import held_back, unfinished
from extension.redaction.patterns import read_patterns
from extension.redaction.redactor import Redactor
from extension.sinks import SINKS, open_sink
from extension.sinks.base import Sink, SinkConfig
from extension.sinks.formats import FORMATS
from tests.doubles.extension.chunks import STAMP, chunk, lines
from tests.doubles.http_server import Request
from tests.doubles.lambda_events import compact, event, line, node_line
from tests.doubles.recording_receiver import RecordingReceiver
from tests.doubles.scripted_server import ScriptedServer, hang_up

WAIT_S = 5.0
ENVIRON = {
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_LAMBDA_FUNCTION_NAME": "shop",
}

# Choosing ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("cloudwatch:", "CloudWatchSink"),
        ("cloudwatch:/a/group", "CloudWatchSink"),
        ("Own+CloudWatch:", "CloudWatchSink"),
        ("Records+CloudWatch:", "CloudWatchSink"),
        ("s3://bucket/prefix", "S3Sink"),
        ("firehose:stream", "FirehoseSink"),
        ("otlp+https://127.0.0.1/", "HttpSink"),
        ("otlp-json+http://127.0.0.1/", "HttpSink"),
        ("stdout:", "StdoutSink"),
        ("file:/tmp/x", "FileSink"),
        ("FILE:/tmp/x", "FileSink"),
        ("http://127.0.0.1/", "HttpSink"),
        ("HTTPS://127.0.0.1/", "HttpSink"),
        ("json+https://127.0.0.1/", "HttpSink"),
        ("Loki+http://127.0.0.1/", "HttpSink"),
        ("splunk+https://127.0.0.1/", "HttpSink"),
        ("elasticsearch+https://127.0.0.1/", "HttpSink"),
        ("datadog+https://127.0.0.1/", "HttpSink"),
        ("logzio+https://127.0.0.1/", "HttpSink"),
        ("unusable:", "UnusableSink"),
    ],
)
def test_scheme_chooses_the_sink(url: str, kind: str) -> None:
    """Schemes are read in any case, and no sink does anything until it is used."""
    sink = open_sink(SinkConfig(url, ENVIRON))

    assert type(sink).__name__ == kind
    sink.abort()
    sink.close()


@pytest.mark.parametrize("form", ["file:{}", "file://{}"])
def test_file_has_two_forms(tmp_path: Path, form: str) -> None:
    """People write a path as such or as a URL."""
    path = tmp_path / "records"

    open_sink(SinkConfig(form.format(path), {})).send([lines("a")], timeout_s=1.0)

    assert path.read_bytes() == encode([lines("a")])


def test_sink_loads_only_its_own_modules() -> None:
    """Imports are memory: a file needs no HTTP, and one format not the others."""
    code = (
        "import sys\n"
        "from extension.sinks import open_sink\nfrom extension.sinks.base import SinkConfig\n"
        "open_sink(SinkConfig('file:/tmp/x', {}))\n"
        "assert 'httpx' not in sys.modules and 'extension.transport.client' not in sys.modules\n"
        "open_sink(SinkConfig('loki+http://127.0.0.1/', {}))\n"
        "print(*sorted(one for one in sys.modules if one.startswith('extension.sinks.formats.')))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert done.stdout == "extension.sinks.formats.base extension.sinks.formats.loki\n"


# Every sink over the network -----------------------------------------------------------------------------------------


class Opened(NamedTuple):
    """A sink, and the server it sends to."""

    sink: Sink
    server: ScriptedServer

    def send(self, timeout_s: float = WAIT_S) -> Receipt:
        return self.sink.send([lines("a", "b")], timeout_s=timeout_s)


@pytest.fixture(params=["cloudwatch:", "s3://bucket", "firehose:stream", "HOST", "otlp+HOST"])
def opened(request: pytest.FixtureRequest) -> Iterator[Opened]:
    server = ScriptedServer()
    host = f"http://127.0.0.1:{server.port}"
    url = request.param.replace("HOST", host)
    sink = open_sink(SinkConfig(url, ENVIRON | {"AWS_ENDPOINT_URL": host}))
    yield Opened(sink, server)
    sink.close()
    server.close()


def test_sink_goes_on_after_abort_and_close(opened: Opened) -> None:
    """Whoever aborts may be late, and closing twice is the same as once."""
    opened.sink.abort()
    opened.sink.close()
    opened.sink.close()

    assert opened.send().answer is Answer.TAKEN


def test_sink_says_that_a_batch_without_an_answer_may_have_arrived(opened: Opened) -> None:
    """Its repetition is a possible duplicate."""
    opened.server.answers = [hang_up]

    receipts = [opened.send() for _ in range(2)]

    lost = Receipt(Answer.UNAVAILABLE, "the connection was lost", uncertain=True)
    assert [receipts[0], receipts[1].answer] == [lost, Answer.TAKEN]


def test_sink_leaves_a_server_that_stalls_in_time(opened: Opened) -> None:
    """A delivery must not hold the function up for longer than it was given."""
    opened.server.answers = [opened.server.stall]
    began = time.monotonic()

    receipt = opened.send(timeout_s=0.3)

    assert (receipt.answer, receipt.uncertain) == (Answer.UNAVAILABLE, True)
    assert time.monotonic() - began < WAIT_S


# What no sink may send -----------------------------------------------------------------------------------------------

SECRET = "hunter2"


def failed() -> Chunk:
    """Return a chunk of an error line with a secret, and of the summary that quotes it."""
    wrong = compact(line(f"[ERROR] ValueError: password={SECRET} refused"))
    summary = event("flightRecorder.invocation", {"outcome": "error"})
    quoted = unfinished(summary, reason="level-error", error_events=[held_back(wrong)])
    return Chunk(
        STAMP,
        [
            Segment(wrong, count=1, first_number=0),
            Segment(quoted, count=1, first_number=1, kind=Kind.SUMMARY),
        ],
    )


def plain(request: Request) -> str:
    """Return a request's body without compression, and without Firehose's base64."""
    body = gzip.decompress(request.body) if request.body[:2] == b"\x1f\x8b" else request.body
    text = body.decode("utf-8", "replace")
    if "DeliveryStreamName" in text:
        packs = [base64.b64decode(one["Data"]) for one in json.loads(text)["Records"]]
        text = b"".join(packs).decode()
    return text


EVERY_SINK = pytest.mark.parametrize(
    "url",
    [
        *(
            "cloudwatch:",
            "records+cloudwatch:",
            "own+cloudwatch:",
            "records+own+cloudwatch:",
            "s3://bucket/prefix",
            "firehose:stream",
            "file:PATH",
        ),
        *(f"{name}{'+' if name else ''}HOST" for name in FORMATS),
    ],
)


def sent_by(url: str, kept: Chunk, folder: Path, redactor: Redactor) -> str:
    """Let a sink's worker deliver a chunk, and return all that left it."""
    path = folder / "records"
    receiver = RecordingReceiver()
    host = f"http://127.0.0.1:{receiver.port}"
    url = url.replace("HOST", host).replace("PATH", str(path))
    worker = SinkWorker(partial(open_sink, SinkConfig(url, ENVIRON | {"AWS_ENDPOINT_URL": host})))
    worker.rewrite = partial(rewritten, rewrite=redactor.redact_all)

    worker.send([kept], timeout_s=WAIT_S)
    assert select.select([worker.descriptor], [], [], WAIT_S)[0], "no receipt was announced"
    worker.collect()

    receiver.close()
    return "".join(map(plain, receiver.requests)) + (path.read_text() if path.exists() else "")


@EVERY_SINK
def test_summary_leaves_every_sink_masked(tmp_path: Path, url: str) -> None:
    """It quotes the line that REDACT masks, and is no line itself."""
    sent = sent_by(url, failed(), tmp_path, Redactor(read_patterns("passwords")))

    assert sent.count("password=[REDACTED:passwords]") >= 2
    assert "fingerprint" in sent
    assert SECRET not in sent


@EVERY_SINK
def test_metrics_leave_every_sink_as_they_are(tmp_path: Path, url: str) -> None:
    """The text, or the object's own JSON: as JSON text within a record, and whole for CloudWatch. REDACT finds nothing in it."""
    metrics = (
        '{"_aws":{"Timestamp":1795895159592,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":'
        '[["service"]],"Metrics":[{"Name":"orders","Unit":"Count"}]}]},"service":"checkout","orders":3}'
    )
    prefixed = node_line(metrics)
    kept = chunk([line(prefixed), line(json.loads(metrics))])

    sent = sent_by(url, kept, tmp_path, Redactor(read_patterns("all")))

    forms = [prefixed]
    for _ in range(3):
        forms.append(json.dumps(forms[-1])[1:-1])
    assert any(form in sent for form in forms)
    assert "REDACTED" not in sent


def test_every_sink_is_among_those_that_send_no_secret() -> None:
    """A new one must be added to the tests before; standard output is a file, and an unusable sink sends nothing."""
    tested = {*CLOUDWATCH_SCHEMES, "s3", "firehose", "file", "stdout"}
    assert set(SINKS) == tested | {"unusable"}
