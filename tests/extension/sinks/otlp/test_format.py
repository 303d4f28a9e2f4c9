import gzip
import json
from collections.abc import Iterator

import pytest

from extension import __version__
from extension.model.chunk import Chunk
from extension.model.receipt import Answer, Receipt
from extension.model.record import records_in
from extension.sinks import open_sink
from extension.sinks.base import Sink, SinkConfig
from extension.sinks.otlp.mapping import encode
from tests.doubles import otlp
from tests.doubles.extension.chunks import ENVIRONMENT, STAMP, chunk, gap, lines
from tests.doubles.lambda_events import TIME, event, line, python_line, report
from tests.doubles.scripted_server import ScriptedServer, status
from tests.services.collector import Printed, collector, decoder
from tests.services.environment import unique

WAIT_S = 5.0
PROTOBUF = "application/x-protobuf"
TRACE_ID = "5f35ae120c0fec141ab77a00bc047aa2"
SPAN_ID = "2be948a625588e32"
OTHER_TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
OTHER_SPAN_ID = "b7ad6b7169203331"
TIME_NS = 1_791_763_275_123_000_000
ARN = "arn:aws:lambda:eu-west-1:123456789012:function"
ENVIRON = {"AWS_REGION": "eu-west-1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}


def open_otlp(url: str) -> Sink:
    return open_sink(SinkConfig(url, ENVIRON))


def message_of(batch: list[Chunk]) -> bytes:
    return b"".join(encode(records_in(batch), ENVIRON))


@pytest.fixture
def sink(server: ScriptedServer) -> Iterator[Sink]:
    opened = open_otlp(f"otlp+{server.url}")
    yield opened
    opened.close()


# requests ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["otlp", "otlp-json", "OTLP-JSON"])
def test_sink_posts_a_batch_as_protobuf(server: ScriptedServer, scheme: str) -> None:
    """Settings that ask for JSON, which is no longer written, go on working: every receiver reads protobuf."""
    sink = open_otlp(f"{scheme}+http://127.0.0.1:{server.port}")
    batch = [lines("first", "naïve ☃")]

    receipt = sink.send(batch, timeout_s=WAIT_S)
    sink.close()

    head, body = server.requests[0].parts
    assert len(server.requests) == 1
    assert head.startswith(b"POST /v1/logs HTTP/1.1\r\n")
    assert gzip.decompress(body) == message_of(batch)
    assert server.requests[-1].headers["content-type"] == PROTOBUF
    assert receipt == Receipt(Answer.TAKEN, sent_bytes=len(body))


# answers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind", "rejected"),
    [
        pytest.param(b"", PROTOBUF, 0, id="a full success"),
        pytest.param(b"\x0a\x05\x08\x02\x12\x01w", PROTOBUF, 2, id="two of them"),
        pytest.param(b"\x0a\x05\x08\x02\x12\x01w", f"{PROTOBUF}; v=1", 2, id="with a parameter"),
        pytest.param(b"\x0a\x05\x08\x02\x12\x01w", "", 2, id="without a content type"),
        pytest.param(b"\x0a\x03\x12\x01w", PROTOBUF, 0, id="a warning"),
        pytest.param(b"\x0a\x05\x08\x02", PROTOBUF, 0, id="half of it"),
        pytest.param(b"\x0a\x02\x08\x02", "text/html", 0, id="of another type"),
        pytest.param(b"<html>welcome</html>", "text/html", 0, id="a page"),
        pytest.param(b'{"partialSuccess":{"rejectedLogRecords":"2"}}', "application/json", 0, id="JSON"),
    ],
)  # fmt: skip
def test_sink_counts_the_records_of_a_partial_success(
    server: ScriptedServer, sink: Sink, body: bytes, kind: str, rejected: int
) -> None:
    """Rejected records are lost, and the batch is done with all the same: OTLP forbids to send it again."""
    server.answers = [status(200, *([f"Content-Type: {kind}"] if kind else []), body=body)]

    receipt = sink.send([lines("a", "b", "c")], timeout_s=WAIT_S)

    assert receipt.answer is Answer.TAKEN
    assert receipt.rejected_lines == rejected
    assert receipt.detail == (f"{rejected} of 3 rejected" if rejected else "")
    assert receipt.sent_bytes == len(server.requests[0].body)


@pytest.mark.parametrize(
    "body", [b"\x0a\x02\x08\x03", b"\x0a\x03\x08\xac\x02"], ids=["all", "more than there were"]
)
def test_records_that_are_all_rejected_are_refused(
    server: ScriptedServer, sink: Sink, body: bytes
) -> None:
    """It is known which they are, so those of failed invocations go elsewhere."""
    server.answers = [status(200, f"Content-Type: {PROTOBUF}", body=body)]

    receipt = sink.send([lines("a", "b", "c")], timeout_s=WAIT_S)

    assert receipt.answer is Answer.TAKEN
    assert receipt.refused == dict.fromkeys(range(3), "rejected")
    assert receipt.rejected_lines == 0
    assert receipt.detail == "3 of 3 rejected"


def test_sink_reads_no_partial_success_from_a_failure(server: ScriptedServer, sink: Sink) -> None:
    """Records that are counted as rejected would not be sent again."""
    server.answers = [status(503, f"Content-Type: {PROTOBUF}", body=b"\x0a\x02\x08\x01")]

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)

    assert receipt == Receipt(Answer.UNAVAILABLE, "status 503")


def test_sink_repeats_nothing_of_an_answer(server: ScriptedServer, sink: Sink) -> None:
    """An error message may quote a line."""
    kind = f"Content-Type: {PROTOBUF}"
    server.answers = [
        status(200, kind, body=b"\x0a\x0a\x08\x01\x12\x06s3cret"),
        status(400, kind, body=b"\x12\x06s3cret"),
    ]

    receipts = [sink.send([lines("s3cret")], timeout_s=WAIT_S) for _ in range(2)]

    assert "s3cret" not in repr(receipts)


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
    mine = STAMP._replace(
        function=function, version="7", span_id=SPAN_ID, arn=f"{ARN}:{function}:live"
    )
    as_object = b'{"time":"%b","type":"function","record":%b}' % (TIME.encode(), OBJECT)
    others = [as_object, report(), event("flightRecorder.invocation", {"outcome": "crash"})]
    return [
        chunk([line(text) for text in TEXTS], metadata=mine),
        chunk(others, first_number=len(TEXTS), metadata=mine),
        gap(100, lines_gone=3, bytes_gone=30, metadata=mine),
    ]


@pytest.mark.services
def test_collector_reads_every_line_and_field() -> None:
    """Line by line and field by field, a real collector has what the function wrote."""
    function = unique("collector")
    sink = open_otlp(collector().url.replace("http", "otlp+http", 1))

    receipt = sink.send(everything(function), timeout_s=WAIT_S)
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
                "faas.invocation_id": f"Str({STAMP.request_id})",
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
def test_opentelemetrys_own_code_reads_a_batch_as_the_tests_do() -> None:
    """It writes the same bytes again, and the reader of the other tests is as good as it."""
    body = message_of(everything("shop"))

    message, again = decoder().request(body)

    assert again == body
    assert message == otlp.read(body)


@pytest.mark.services
def test_collector_denies_a_wrong_path() -> None:
    """Somebody may correct a name, while the kept lines wait."""
    sink = open_otlp(f"otlp+{collector().url}/elsewhere")

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)
    sink.close()

    assert receipt == Receipt(Answer.DENIED, "status 404")
