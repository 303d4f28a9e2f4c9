import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import pytest

from extension import __version__
from extension.model.chunk import Chunk, Metadata
from extension.model.receipt import Answer, Receipt
from extension.sinks import open_sink
from extension.sinks.base import SinkConfig
from extension.sinks.otlp.encoding import JsonForm
from extension.sinks.otlp.mapping import Resources, request_of
from extension.sinks.otlp.protobuf import ProtobufForm
from extension.sinks.otlp.sink import OtlpSink, url_of
from tests.doubles.extension.chunks import ENVIRONMENT, chunk, gap, lines
from tests.doubles.lambda_events import FIRST, TIME, event, line, python_line, report
from tests.services.collector import Printed, collector, decoder
from tests.services.environment import free_port, unique

WAIT_S = 5.0
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
TRACE_ID = "5f35ae120c0fec141ab77a00bc047aa2"
SPAN_ID = "2be948a625588e32"
OTHER_TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
OTHER_SPAN_ID = "b7ad6b7169203331"
TIME_NS = 1_791_763_275_123_000_000
ARN = "arn:aws:lambda:eu-west-1:123456789012:function"
ENVIRON = {"AWS_REGION": "eu-west-1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}


class Reply(NamedTuple):
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Request(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """An HTTP server that answers as it is told.

    Attributes:
        replies: taken from the front; after the last one, 200 with no body.
        before_reply: called before each; the connection is closed instead if it returns False.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.replies: list[Reply] = []
        self.before_reply: Callable[[], bool] = lambda: True
        self._released = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Without delay: head and body of an answer are two writes.
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append(Request(self.path, headers, body))
                if not receiver.before_reply():
                    self.close_connection = True
                    return
                reply = receiver.replies.pop(0) if receiver.replies else Reply()
                self.send_response(reply.status)
                for name, value in reply.headers:
                    self.send_header(name, value)
                if not any(name == "Content-Length" for name, _ in reply.headers):
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.address = f"127.0.0.1:{self._server.server_port}"

    def stall(self) -> bool:
        """Say nothing until the test is over."""
        return not self._released.wait(WAIT_S)

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    opened = Receiver()
    yield opened
    opened.close()


def open_otlp(url: str, *, headers: tuple[tuple[str, str], ...] = ()) -> OtlpSink:
    sink = open_sink(SinkConfig(url, ENVIRON, headers))
    assert isinstance(sink, OtlpSink)
    return sink


@pytest.fixture
def sink(receiver: Receiver) -> Iterator[OtlpSink]:
    opened = open_otlp(f"otlp+http://{receiver.address}")
    yield opened
    opened.close()


@pytest.fixture
def json_sink(receiver: Receiver) -> Iterator[OtlpSink]:
    opened = open_otlp(f"otlp-json+http://{receiver.address}")
    yield opened
    opened.close()


def metadata(function: str = "shop") -> Metadata:
    return Metadata(
        FIRST,
        "1-5f35ae12-0c0fec141ab77a00bc047aa2",
        function,
        "7",
        ENVIRONMENT,
        "crash",
        1.0,
        failed=True,
        span_id=SPAN_ID,
        arn=f"{ARN}:{function}:live",
    )


# requests ----------------------------------------------------------------------------------------------------------


def test_a_batch_is_posted_in_protobuf(receiver: Receiver, sink: OtlpSink) -> None:
    """One POST to the path for logs, gzipped, with headers that say what it is."""
    batch = [lines("first", "naïve ☃")]

    receipt = sink.send(batch, timeout_s=WAIT_S)

    [request] = receiver.requests
    expected, _ = request_of(batch, ProtobufForm(), Resources(ENVIRON))
    assert request.path == "/v1/logs"
    assert gzip.decompress(request.body) == expected
    assert request.headers["content-type"] == PROTOBUF
    assert request.headers["content-encoding"] == "gzip"
    assert request.headers["user-agent"] == f"flight-recorder/{__version__}"
    assert receipt == Receipt(Answer.TAKEN, sent_bytes=len(request.body))


def test_a_batch_is_posted_in_json_where_that_is_asked_for(
    receiver: Receiver, json_sink: OtlpSink
) -> None:
    """The scheme chooses the encoding."""
    batch = [lines("first", "naïve ☃")]

    receipt = json_sink.send(batch, timeout_s=WAIT_S)

    [request] = receiver.requests
    expected, _ = request_of(batch, JsonForm(), Resources(ENVIRON))
    assert gzip.decompress(request.body) == expected
    assert request.headers["content-type"] == JSON
    assert receipt.answer is Answer.TAKEN


def test_headers_of_the_user_are_sent(receiver: Receiver) -> None:
    """SINK_HEADERS go with every request, and may replace ours."""
    headers = (("Authorization", "Bearer s3cret"), ("content-type", "application/protobuf"))
    sink = open_otlp(f"otlp+http://{receiver.address}", headers=headers)

    sink.send([lines("a")], timeout_s=WAIT_S)
    sink.close()

    [request] = receiver.requests
    assert request.headers["authorization"] == "Bearer s3cret"
    assert request.headers["content-type"] == "application/protobuf"


def test_compression_can_be_turned_off(receiver: Receiver) -> None:
    """Some receivers refuse gzip: a header that names another encoding says so, and identity goes without saying."""
    headers = (("Content-Encoding", "Identity"),)
    sink = open_otlp(f"otlp-json+http://{receiver.address}", headers=headers)

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)
    sink.close()

    [request] = receiver.requests
    assert "content-encoding" not in request.headers
    assert "resourceLogs" in json.loads(request.body)
    assert receipt.sent_bytes == len(request.body)


def test_a_batch_sent_again_has_the_same_bytes(receiver: Receiver, sink: OtlpSink) -> None:
    """Nothing in a request depends on when it is sent."""
    for _ in range(2):
        sink.send([lines("a", "b")], timeout_s=WAIT_S)

    assert receiver.requests[0].body == receiver.requests[1].body


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("https://host", "https://host/v1/logs"),
        ("https://host:4318/", "https://host:4318/v1/logs"),
        ("http://[::1]:4318", "http://[::1]:4318/v1/logs"),
        ("https://host/otlp/v1/logs", "https://host/otlp/v1/logs"),
        ("https://host/api/", "https://host/api/"),
        ("https://host?key=a/b", "https://host/v1/logs?key=a/b"),
        ("https://host/?key=a", "https://host/v1/logs?key=a"),
        ("https://host/in?key=a?b", "https://host/in?key=a?b"),
        ("https://host#part", "https://host/v1/logs"),
        ("HTTPS://user:pass@host", "HTTPS://user:pass@host/v1/logs"),
    ],
)
def test_the_path_is_that_for_logs_unless_another_is_given(address: str, url: str) -> None:
    """An empty path, or a slash alone, is no path of one's own."""
    assert url_of(address) == url


def test_the_scheme_is_read_in_any_case(receiver: Receiver) -> None:
    """As schemes of URLs are."""
    sink = open_otlp(f"OTLP-JSON+HTTP://{receiver.address}/in")

    sink.send([lines("a")], timeout_s=WAIT_S)
    sink.close()

    [request] = receiver.requests
    assert (request.path, request.headers["content-type"]) == ("/in", JSON)


# answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_is_success(receiver: Receiver, sink: OtlpSink, status: int) -> None:
    """OTLP says 200; backends answer 201, 202 and 204 as well."""
    # An answer of 204 has no body, and so no length of one.
    receiver.replies = [Reply(status, (("Content-Length", "0"),) if status != 204 else ())]

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)

    assert receipt.answer is Answer.TAKEN
    assert receipt.sent_bytes == len(receiver.requests[0].body)


@pytest.mark.parametrize(
    ("body", "kind", "rejected"),
    [
        pytest.param(b"", PROTOBUF, 0, id="a full success"),
        pytest.param(b"\x0a\x05\x08\x02\x12\x01w", PROTOBUF, 2, id="two of them"),
        pytest.param(b"\x0a\x05\x08\x02\x12\x01w", "", 2, id="without a content type"),
        pytest.param(b"\x0a\x03\x12\x01w", PROTOBUF, 0, id="a warning"),
        pytest.param(b"\x0a\x03\x08\xac\x02", PROTOBUF, 3, id="more than there were"),
        pytest.param(b"\x0a\x05\x08\x02", PROTOBUF, 0, id="half of it"),
        pytest.param(b"\x0a\x02\x08\x02", "text/html", 0, id="of another type"),
        pytest.param(b"<html>welcome</html>", "text/html", 0, id="a page"),
    ],
)
def test_a_partial_success_is_final(
    receiver: Receiver, sink: OtlpSink, body: bytes, kind: str, rejected: int
) -> None:
    """Rejected records are counted, and the batch is done with all the same: OTLP forbids to send it again."""
    receiver.replies = [Reply(200, (("Content-Type", kind),) if kind else (), body)]

    receipt = sink.send([lines("a", "b", "c")], timeout_s=WAIT_S)

    assert receipt.answer is Answer.TAKEN
    assert receipt.rejected_lines == rejected
    assert receipt.detail == (f"{rejected} of 3 rejected" if rejected else "")
    assert receipt.sent_bytes == len(receiver.requests[0].body)


@pytest.mark.parametrize(
    ("body", "kind", "rejected"),
    [
        pytest.param(b"{}", JSON, 0, id="a full success"),
        pytest.param(b'{"partialSuccess":null}', JSON, 0, id="null"),
        pytest.param(
            b'{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"w"}}',
            f"{JSON}; charset=utf-8",
            2,
            id="two of them",
        ),
        pytest.param(b'{"partialSuccess":{"rejectedLogRecords":2}}', JSON, 2, id="as a number"),
        pytest.param(b'{"partialSuccess":{"rejectedLogRecords":', JSON, 0, id="half of it"),
        pytest.param(b"\x0a\x02\x08\x02", PROTOBUF, 0, id="of another type"),
    ],
)
def test_a_partial_success_is_final_in_json_too(
    receiver: Receiver, json_sink: OtlpSink, body: bytes, kind: str, rejected: int
) -> None:
    """The same, as JSON has it."""
    receiver.replies = [Reply(200, (("Content-Type", kind),), body)]

    receipt = json_sink.send([lines("a", "b", "c")], timeout_s=WAIT_S)

    assert (receipt.answer, receipt.rejected_lines) == (Answer.TAKEN, rejected)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (400, Answer.UNREADABLE),
        (401, Answer.DENIED),
        (403, Answer.DENIED),
        (404, Answer.DENIED),
        (413, Answer.TOO_LARGE),
        (415, Answer.REFUSED),
        (429, Answer.UNAVAILABLE),
        (500, Answer.UNAVAILABLE),
        (502, Answer.UNAVAILABLE),
        (503, Answer.UNAVAILABLE),
        (504, Answer.UNAVAILABLE),
    ],
)
def test_a_status_says_whether_to_try_again(
    receiver: Receiver, sink: OtlpSink, status: int, answer: Answer
) -> None:
    """What OTLP calls retryable is, and so is 500; a refused encoding is not guessed around."""
    receiver.replies = [Reply(status, (("Content-Type", PROTOBUF),), b"\x12\x04line")]

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)

    assert receipt == Receipt(answer, f"status {status}")


def test_retry_after_is_passed_on(receiver: Receiver, sink: OtlpSink) -> None:
    """A collector under load asks to be left alone for a while."""
    receiver.replies = [Reply(503, (("Retry-After", "7"),))]

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)

    assert (receipt.answer, receipt.retry_after_s) == (Answer.UNAVAILABLE, 7.0)


def test_a_partial_success_with_a_failure_is_a_failure(receiver: Receiver, sink: OtlpSink) -> None:
    """What a body claims counts with a success only."""
    receiver.replies = [Reply(503, (("Content-Type", PROTOBUF),), b"\x0a\x02\x08\x01")]

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)

    assert (receipt.answer, receipt.rejected_lines) == (Answer.UNAVAILABLE, 0)


def test_nothing_of_an_answer_is_repeated(receiver: Receiver, sink: OtlpSink) -> None:
    """An error message may quote what was sent."""
    receiver.replies = [
        Reply(200, (("Content-Type", PROTOBUF),), b"\x0a\x0a\x08\x01\x12\x06s3cret"),
        Reply(400, (("Content-Type", PROTOBUF),), b"\x12\x06s3cret"),
    ]

    receipts = [sink.send([lines("s3cret")], timeout_s=WAIT_S) for _ in range(2)]

    assert "s3cret" not in repr(receipts)


def test_nobody_there_is_a_reason_to_try_again() -> None:
    """A collector that is down may come back."""
    sink = open_otlp(f"otlp+http://127.0.0.1:{free_port()}")

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)

    assert (receipt.answer, receipt.uncertain) == (Answer.UNAVAILABLE, False)


def test_an_answer_that_does_not_come_is_not_waited_for(receiver: Receiver, sink: OtlpSink) -> None:
    """The time given is kept to; the batch may have arrived."""
    receiver.before_reply = receiver.stall
    began = time.monotonic()

    receipt = sink.send([lines("a")], timeout_s=0.2)

    assert (receipt.answer, receipt.uncertain) == (Answer.UNAVAILABLE, True)
    assert time.monotonic() - began < WAIT_S / 2


def test_a_delivery_can_be_aborted(receiver: Receiver, sink: OtlpSink) -> None:
    """Another thread ends a delivery that waits for its answer."""
    receiver.before_reply = receiver.stall
    threading.Timer(0.1, sink.abort).start()
    began = time.monotonic()

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)

    assert (receipt.answer, receipt.uncertain) == (Answer.UNAVAILABLE, True)
    assert time.monotonic() - began < WAIT_S / 2


def test_a_connection_that_is_dropped_may_have_taken_the_batch(
    receiver: Receiver, sink: OtlpSink
) -> None:
    """No answer to a request that was sent in full."""
    receiver.before_reply = lambda: False

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)

    assert (receipt.answer, receipt.uncertain) == (Answer.UNAVAILABLE, True)


def test_an_address_that_is_none_is_given_up() -> None:
    """Trying again would not make it one."""
    sink = open_otlp("otlp+http://[::1")

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)

    assert receipt.answer is Answer.REFUSED


# a collector -------------------------------------------------------------------------------------------------------

TEXTS = [
    "plain",
    "",
    "ünïcödé ☃ 🚀 \u2028 \u00a0",
    "two\nlines\r\nand a third\n",
    "nul\0 escape\x1b[31m tab\t delete\x7f",
    '"quoted" \\ back',
    "x" * 300_000,
    python_line("a warning", level="WARNING"),
]
OBJECT = b'{"level":"ERROR", "message":"\\u00fcber","n":1.50,"trace_id":"%b","span_id":"%b"}' % (
    OTHER_TRACE_ID.encode(),
    OTHER_SPAN_ID.encode(),
)


def everything(function: str) -> list[Chunk]:
    """A batch of all that a sink may be given."""
    as_object = b'{"time":"%b","type":"function","record":%b}' % (TIME.encode(), OBJECT)
    others = [as_object, report(), event("flightRecorder.invocation", {"outcome": "crash"})]
    mine = metadata(function)
    return [
        chunk([line(text) for text in TEXTS], metadata=mine),
        chunk(others, first_number=len(TEXTS), metadata=mine),
        gap(100, lines_gone=3, bytes_gone=30, metadata=mine),
    ]


@pytest.mark.services
@pytest.mark.parametrize("scheme", ["otlp+http", "otlp-json+http"])
def test_a_collector_reads_what_was_sent(scheme: str) -> None:
    """Line by line and field by field, a real collector has what the function wrote."""
    function = unique("collector")
    sink = open_otlp(collector().url.replace("http", scheme, 1))
    batch = everything(function)

    receipt = sink.send(batch, timeout_s=WAIT_S)
    sink.close()

    assert (receipt.answer, receipt.rejected_lines) == (Answer.TAKEN, 0)
    printed = collector().printed(function, count=len(TEXTS) + 4)
    assert [one.body for one in printed[:-3]] == [*TEXTS, OBJECT.decode()]
    assert json.loads(printed[-3].body) == report()["record"]
    assert json.loads(printed[-2].body) == {"outcome": "crash"}
    assert json.loads(printed[-1].body) == {"evictedLines": 3, "evictedBytes": 30}
    numbers = [*range(len(TEXTS) + 3), 100]
    levels = {len(TEXTS) - 1: ("WARN", 13), len(TEXTS): ("ERROR", 17)}
    names = ["platform.report", "flightRecorder.invocation", "flightRecorder.gap"]
    for place, one in enumerate(printed):
        named = place == len(TEXTS)
        assert one == Printed(
            resource={
                "service.name": f"Str({function})",
                "cloud.provider": "Str(aws)",
                "cloud.platform": "Str(aws_lambda)",
                "cloud.region": "Str(eu-west-1)",
                "cloud.account.id": "Str(123456789012)",
                "cloud.resource_id": f"Str({ARN}:{function}:7)",
                "faas.name": f"Str({function})",
                "faas.version": "Str(7)",
                "faas.instance": f"Str({ENVIRONMENT})",
                "faas.max_memory": f"Int({128 * 1024 * 1024})",
            },
            scope=f"flight-recorder {__version__}",
            time_unix_ns=TIME_NS,
            observed_time_unix_ns=TIME_NS,
            severity_text=levels.get(place, ("", 0))[0],
            severity_number=levels.get(place, ("", 0))[1],
            event_name=names[place - len(TEXTS) - 1] if place > len(TEXTS) else "",
            body=one.body,
            attributes={
                "log.record.uid": f"Str({ENVIRONMENT}-{numbers[place]})",
                "faas.invocation_id": f"Str({FIRST})",
                "flight_recorder.reason": "Str(crash)",
                "flight_recorder.weight": "Double(1)",
                "sampling.threshold": "Str(0)",
                "tracestate": "Str(ot=th:0)",
            },
            trace_id=OTHER_TRACE_ID if named else TRACE_ID,
            span_id=OTHER_SPAN_ID if named else SPAN_ID,
            flags=0,
        )


@pytest.mark.services
def test_both_encodings_of_a_batch_are_the_same_message() -> None:
    """OpenTelemetry's own code reads the same from protobuf as from JSON, and writes the same bytes as ours."""
    batch = everything("shop")
    resources = Resources(ENVIRON)
    protobuf, _ = request_of(batch, ProtobufForm(), resources)
    as_json, _ = request_of(batch, JsonForm(), resources)

    message, again = decoder().request(protobuf)

    assert message == json.loads(as_json)
    assert again == protobuf


@pytest.mark.services
def test_a_collector_that_is_asked_at_the_wrong_path_says_so() -> None:
    """A name that somebody may put right, while what was kept waits."""
    sink = open_otlp(f"otlp+{collector().url}/elsewhere")

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)
    sink.close()

    assert receipt == Receipt(Answer.DENIED, "status 404")
