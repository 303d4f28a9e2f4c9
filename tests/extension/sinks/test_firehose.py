import json
import time
from base64 import b64decode
from collections.abc import Iterator

import pytest
from hypothesis import given, settings, strategies as st

from extension.model.ndjson import encode, numbered_lines
from extension.model.receipt import Answer, Receipt
from extension.sinks.base import SinkConfig
from extension.sinks.firehose import (
    MAX_RECORD_BYTES,
    MAX_RECORDS,
    MAX_REQUEST_BYTES,
    PACK_BYTES,
    REQUEST_OVERHEAD_BYTES,
    FirehoseSink,
    Pack,
    packed,
    receipt_for_batch,
    requests_of,
)
from tests.doubles.extension.chunks import STAMP, chunk, gap, lines
from tests.doubles.http_server import Request
from tests.doubles.lambda_events import report
from tests.doubles.recording_receiver import Reply as HttpAnswer
from tests.services.aws import moto
from tests.services.environment import unique
from tests.services.limits import Behaviour, LimitsFront, fail, limits_front, succeed, swallow

WAIT_S = 10.0
KEYS = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
BILLED_STEP_BYTES = 5 * 1024


def batch_answer(*codes: str) -> bytes:
    """Return an answer of success for a batch, with an error code, or none, for each record."""
    entries = [
        {"ErrorCode": code, "ErrorMessage": "m"} if code else {"RecordId": "r"} for code in codes
    ]
    body = {"FailedPutCount": sum(map(bool, codes)), "RequestResponses": entries}
    return json.dumps(body).encode()


def answers(*codes: str) -> Behaviour:
    return succeed(batch_answer(*codes))


def data_of(request: Request) -> list[bytes]:
    return [b64decode(record["Data"]) for record in request.payload["Records"]]


def sink_for(front: LimitsFront, stream: str = "kept") -> FirehoseSink:
    return FirehoseSink(SinkConfig(f"firehose:{stream}", {**KEYS, "AWS_ENDPOINT_URL": front.url}))


@pytest.fixture
def sink(front: LimitsFront) -> Iterator[FirehoseSink]:
    opened = sink_for(front)
    yield opened
    opened.close()


# the stream ---------------------------------------------------------------------------------------------------------


def invalid(message: str) -> Behaviour:
    body = json.dumps({"__type": "InvalidArgumentException", "message": message}).encode()
    return lambda _request, _pass_on: HttpAnswer(400, body)


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("This operation is not permitted on KinesisStreamAsSource delivery stream type.", Answer.DENIED),
        ("1 validation error detected: Value at 'deliveryStreamName' failed to satisfy constraint", Answer.DENIED),
        ("1 validation error detected: Value at 'records.1.member.data' failed to satisfy constraint", Answer.UNREADABLE),
    ],
)  # fmt: skip
def test_refusal_is_about_the_stream_or_about_a_record(
    front: LimitsFront, sink: FirehoseSink, message: str, answer: Answer
) -> None:
    """Both have one code. No record is at fault where another source feeds the stream."""
    front.behaviours.append(invalid(message))

    assert sink.send([lines("a")], timeout_s=WAIT_S).answer is answer


def test_error_that_is_no_code_is_not_told(front: LimitsFront, sink: FirehoseSink) -> None:
    """It might quote a line, and the receipt's detail goes to the own log."""
    front.behaviours.append(answers("", "cannot take: password=secret"))

    receipt = sink.send([lines("a" * PACK_BYTES, "b")], timeout_s=WAIT_S)

    assert (receipt.answer, len(receipt.taken)) == (Answer.UNAVAILABLE, 1)
    assert receipt.detail == "PutRecordBatch: an unknown error for a part"


STREAM = "arn:aws:firehose:ap-south-1:{}:deliverystream/kept"
INVOKED = STAMP._replace(arn="arn:aws:lambda:eu-west-1:123456789012:function:shop")


def test_arn_names_stream_and_region(front: LimitsFront) -> None:
    """The region of the ARN, not the function's, is asked and signed for."""
    sink = sink_for(front, STREAM.format("123456789012"))
    front.behaviours.append(answers(""))

    receipt = sink.send([lines("a", metadata=INVOKED)], timeout_s=WAIT_S)
    sink.close()

    assert receipt.answer is Answer.TAKEN
    (request,) = front.requests
    assert request.payload["DeliveryStreamName"] == "kept"
    assert "/ap-south-1/firehose/aws4_request" in request.headers["authorization"]


def test_stream_of_another_account_is_denied(front: LimitsFront) -> None:
    """PutRecordBatch takes a name, so lines would go to a stream of that name in the function's own account."""
    sink = sink_for(front, STREAM.format("210987654321"))

    receipt = sink.send([lines("a", metadata=INVOKED)], timeout_s=WAIT_S)

    assert receipt.answer is Answer.DENIED
    assert "same account only" in receipt.detail
    assert not front.requests


# packing -----------------------------------------------------------------------------------------------------------


@settings(max_examples=max(40, settings().max_examples))
@given(
    sizes=st.lists(
        st.integers(1, 300) | st.integers(20_000, 70_000) | st.just(MAX_RECORD_BYTES), max_size=20
    ),
    repeat=st.integers(1, 3),
)
def test_requests_are_within_every_limit(sizes: list[int], repeat: int) -> None:
    """Whatever the lines' sizes, each is in one pack, in order, and no pack or request is too much."""
    sizes = sizes * repeat
    texts = [b"x" * (size - 1) + b"\n" for size in sizes]

    requests = list(requests_of(packed(enumerate(texts))))

    packs = [pack for request in requests for pack in request]
    assert b"".join(pack.data for pack in packs) == b"".join(texts)
    assert [n for pack in packs for n in pack.numbers] == list(range(len(sizes)))
    for pack in packs:
        assert len(pack.data) <= PACK_BYTES or len(pack.numbers) == 1
        assert 1 <= len(pack.data) <= MAX_RECORD_BYTES
        assert pack.data.endswith(b"\n")
    for request in requests:
        body = sum(pack.body_bytes for pack in request) + REQUEST_OVERHEAD_BYTES
        assert 1 <= len(request) <= MAX_RECORDS
        assert body <= MAX_REQUEST_BYTES


def test_request_has_at_most_500_records() -> None:
    """Even if they are small."""
    packs = [Pack(b"\n", [n]) for n in range(1001)]

    assert [len(request) for request in requests_of(packs)] == [500, 500, 1]


@pytest.mark.parametrize("line_bytes", [80, 400, 2000, 6000])
def test_packing_keeps_the_bill_near_what_is_sent(line_bytes: int) -> None:
    """Direct PUT is billed in steps of 5 KB a record: packing keeps what is rounded up below a tenth."""
    chunks = [lines(*("x" * line_bytes for _ in range(1_000_000 // line_bytes)))]

    packs = list(packed(numbered_lines(chunks)))

    sent = sum(len(pack.data) for pack in packs)
    billed = sum(-(-len(pack.data) // BILLED_STEP_BYTES) for pack in packs) * BILLED_STEP_BYTES
    assert billed / sent < 1.1


# answers -----------------------------------------------------------------------------------------------------------

PACKS = [Pack(b"a\nb\n", [0, 1]), Pack(b"c\n", [2]), Pack(b"d\n", [3])]


NEVER = "InvalidArgumentException"
REFUSED = {0: NEVER, 1: NEVER}
FAILED = "PutRecordBatch: {} for a part".format


@pytest.mark.parametrize(
    ("codes", "detail", "sent_bytes", "taken", "refused"),
    [
        (["", "", ""], "", 52, {}, {}),
        (["", "Busy", ""], FAILED("Busy"), 36, {0, 1, 3}, {}),
        (["InternalFailure"] * 3, FAILED("InternalFailure"), 0, {}, {}),
        ([NEVER, "", ""], "", 32, {}, REFUSED),
        ([NEVER, "SomethingNew", ""], FAILED("SomethingNew"), 16, {3}, REFUSED),
    ],
    ids=["all taken", "one failed", "all failed", "one never", "one never, one later"],
)
def test_receipt_tells_each_record_by_its_own_answer(
    codes: list[str], detail: str, sent_bytes: int, taken: set[int], refused: dict[int, str]
) -> None:
    """What failed is tried again, alone; what would fail again is refused; any code that is not known may pass."""
    answer = Answer.UNAVAILABLE if detail else Answer.TAKEN

    receipt = receipt_for_batch(batch_answer(*codes), PACKS)

    assert receipt == Receipt(answer, detail, sent_bytes, taken=frozenset(taken), refused=refused)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b"[]",
        b"no",
        b'{"FailedPutCount":1}',
        b'{"FailedPutCount":1,"RequestResponses":[1]}',
    ],
)
def test_success_without_details_is_success(answer: bytes) -> None:
    """Firehose has said 200."""
    assert receipt_for_batch(answer, PACKS).answer is Answer.TAKEN


# requests ----------------------------------------------------------------------------------------------------------


def test_sink_packs_lines_as_ndjson(front: LimitsFront, sink: FirehoseSink) -> None:
    """What Firehose strings together is NDJSON again."""
    batch = [lines("a", "Grüße 🍏"), gap(2), chunk([report()], first_number=3)]

    receipt = sink.send(batch, timeout_s=WAIT_S)

    (request,) = front.of("PutRecordBatch")
    assert receipt.answer is Answer.TAKEN
    assert request.payload["DeliveryStreamName"] == "kept"
    assert data_of(request) == [encode(batch)]
    assert len(request.body) - REQUEST_OVERHEAD_BYTES < receipt.sent_bytes <= len(request.body)


def test_sink_tells_which_packs_were_taken(front: LimitsFront, sink: FirehoseSink) -> None:
    """The second of three packs failed: its lines are left, and only they come again."""
    texts = ["x" * 40_000 for _ in range(3)]
    front.behaviours.append(answers("", "ServiceUnavailableException", ""))

    receipt = sink.send([lines(*texts)], timeout_s=WAIT_S)

    assert receipt.answer is Answer.UNAVAILABLE
    assert receipt.taken == frozenset({0, 2})
    assert receipt.is_throttled


@pytest.mark.parametrize("others", [["a", "b"], []])
def test_sink_refuses_a_line_that_is_too_large_alone(
    front: LimitsFront, sink: FirehoseSink, others: list[str]
) -> None:
    """Its neighbours are delivered; without any there is no request."""
    texts = [*others[:1], "x" * 1_100_000, *others[1:]]

    receipt = sink.send([lines(*texts)], timeout_s=WAIT_S)

    assert (receipt.answer, receipt.refused) == (Answer.TAKEN, {len(others[:1]): "too-large"})
    sent = [data for request in front.requests for data in data_of(request)]
    assert [json.loads(line)["record"] for line in b"".join(sent).splitlines()] == others


def test_sink_tells_what_was_taken_before_a_request_failed(
    front: LimitsFront, sink: FirehoseSink
) -> None:
    """Four lines of 300 KB are two requests; the second fails, and the first stays taken."""
    texts = ["x" * 300_000 for _ in range(4)]
    front.behaviours.extend([answers("", ""), fail("ServiceUnavailableException", 503)])

    receipt = sink.send([lines(*texts)], timeout_s=WAIT_S)

    assert [len(data_of(request)) for request in front.requests] == [2, 2]
    assert (receipt.answer, receipt.taken) == (Answer.UNAVAILABLE, frozenset({0, 1}))
    assert receipt.sent_bytes > 2 * 400_000


@pytest.mark.parametrize(
    ("code", "status", "answer"),
    [
        ("AccessDeniedException", 400, Answer.DENIED),
        ("ServiceUnavailableException", 500, Answer.UNAVAILABLE),
        ("InvalidArgumentException", 400, Answer.UNREADABLE),
    ],
)
def test_sink_reads_the_error_of_a_whole_request(
    front: LimitsFront, sink: FirehoseSink, code: str, status: int, answer: Answer
) -> None:
    """An error is that of the whole request."""
    front.behaviours.append(fail(code, status))

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)

    assert (receipt.answer, receipt.taken, receipt.sent_bytes) == (answer, frozenset(), 0)
    assert receipt.is_throttled == (code == "ServiceUnavailableException")


@pytest.mark.parametrize(
    ("packs", "violation"),
    [
        (501 * [b"\n"], "501 records"),
        ([b"x" * 1_024_001], "a record of 1024001 bytes"),
        ([b""], "a record of 0 bytes"),
        ([], "0 records"),
    ],
)
def test_front_refuses_as_firehose_does(packs: list[bytes], violation: str) -> None:
    """What the other tests here rest upon: a request that is too much does not pass."""
    with limits_front("http://127.0.0.1:1") as front:
        sink = sink_for(front)
        sink._put([Pack(data, []) for data in packs], time.monotonic() + WAIT_S)
        sink.close()

    assert front.violations == [f"PutRecordBatch: {violation}"]


# the service -------------------------------------------------------------------------------------------------------


def make_stream() -> tuple[str, str]:
    """A stream into a bucket; gives both names."""
    bucket, stream = moto().make_bucket(unique("kept")), unique("kept")
    destination = {
        "BucketARN": f"arn:aws:s3:::{bucket}",
        "RoleARN": "arn:aws:iam::123456789012:role/firehose",
    }
    moto().call(
        "Firehose_20150804.CreateDeliveryStream",
        DeliveryStreamName=stream,
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration=destination,
    )
    return stream, bucket


@pytest.mark.services
def test_bucket_holds_what_was_sent(cloud: LimitsFront) -> None:
    """Lines with umlauts and emoji, more than one pack and a line of 900 KB are NDJSON in the bucket."""
    stream, bucket = make_stream()
    sink = sink_for(cloud, stream)
    batch = [lines(*(f"Zeile {n} 🍏\n" for n in range(2000)), "x" * 900_000, {"a": "ü"}), gap(2002)]

    receipt = sink.send(batch, timeout_s=WAIT_S)
    sink.close()

    assert receipt.answer is Answer.TAKEN
    objects = [moto().object(bucket, key).content for key in moto().object_keys(bucket)]
    read = b"".join(objects).splitlines(keepends=True)
    assert sorted(read) == sorted(encode(batch).splitlines(keepends=True))
    assert len(data_of(cloud.requests[0])) > 3


@pytest.mark.services
def test_repeated_batch_has_the_same_ids(cloud: LimitsFront) -> None:
    """The answer got lost, the lines did not: whoever reads them can tell by their ids."""
    stream, bucket = make_stream()
    sink = sink_for(cloud, stream)
    cloud.behaviours.append(swallow)

    answers = [sink.send([lines("a", "b")], timeout_s=WAIT_S).answer for _ in range(2)]
    sink.close()

    assert answers == [Answer.UNAVAILABLE, Answer.TAKEN]
    read = b"".join(moto().object(bucket, key).content for key in moto().object_keys(bucket))
    ids = [json.loads(line)["id"] for line in read.splitlines()]
    assert len(ids) == 4
    assert len(set(ids)) == 2


@pytest.mark.services
def test_missing_stream_is_denied(cloud: LimitsFront) -> None:
    """Until somebody makes it."""
    sink = sink_for(cloud, "nobody")

    receipt = sink.send([lines("a")], timeout_s=WAIT_S)
    sink.close()

    assert (receipt.answer, receipt.detail) == (
        Answer.DENIED,
        "ResourceNotFoundException (status 400)",
    )
