import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from extension.model.chunk import Chunk, Metadata
from extension.model.receipt import Answer
from extension.sinks import open_sink
from extension.sinks.base import SinkConfig
from extension.sinks.cloudwatch import CloudWatchSink
from extension.sinks.cloudwatch_events import MAX_EVENTS, REPEAT_TYPE, LogEvent
from tests.doubles.extension.chunks import (
    ENVIRONMENT,
    STAMP,
    at,
    chunk,
    gap,
    lines,
    milliseconds,
    now,
)
from tests.doubles.extension.environment import Environment
from tests.doubles.http_server import Request
from tests.doubles.lambda_events import (
    FIRST,
    SECOND,
    THIRD,
    compact,
    done,
    event,
    line,
    node_line,
    python_line,
    report,
    start,
)
from tests.doubles.recording_receiver import Reply as HttpAnswer
from tests.services.aws import moto
from tests.services.environment import unique
from tests.services.limits import (
    Behaviour,
    LimitsFront,
    fail,
    hang_up,
    limits_front,
    succeed,
    swallow,
)

WAIT_S = 10.0
NOBODY = "http://127.0.0.1:1"
KEYS = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
SECRET = "the line nobody else may see"
MISSING = fail("ResourceNotFoundException")
EXISTS = fail("ResourceAlreadyExistsException")
BEING_MADE = fail("OperationAbortedException")
THROTTLED = fail("ThrottlingException")
DENIED = fail("AccessDeniedException")
BUSY = fail("Busy", 503)
OK = succeed()
PUT, STREAM = ["PutLogEvents"], ["CreateLogStream"]
CREATED = ["CreateLogStream", "CreateLogGroup", "CreateLogStream"]

MakeSink = Callable[..., CloudWatchSink]


@pytest.fixture
def sink(front: LimitsFront) -> Iterator[MakeSink]:
    made: list[CloudWatchSink] = []

    def make(
        group: str = "", *, days: int = 0, scheme: str = "cloudwatch", **environ: str
    ) -> CloudWatchSink:
        settings = {**KEYS, "AWS_ENDPOINT_URL": front.url, "AWS_LAMBDA_FUNCTION_NAME": "shop"}
        config = SinkConfig(f"{scheme}:{group}", settings | environ, retention_days=days)
        made.append(CloudWatchSink(config))
        return made[-1]

    yield make
    for one in made:
        one.close()


def actions(front: LimitsFront) -> list[str]:
    return [request.action for request in front.requests]


def texts_of(request: Request) -> list[str]:
    return [event["message"] for event in request.payload["logEvents"]]


def taken(front: LimitsFront) -> list[Request]:
    return [request for request in front.of("PutLogEvents") if request.status == 200]


def messages(front: LimitsFront, number: int = -1) -> list[str]:
    return texts_of(taken(front)[number])


# group and stream --------------------------------------------------------------------------------------------------


def test_sink_creates_the_stream_of_a_new_environment_once(
    front: LimitsFront, sink: MakeSink
) -> None:
    """When it is told that there is none; named as Lambda names its own, in a group by the function's name."""
    front.behaviours.append(MISSING)
    opened = sink()

    receipts = [opened.send([lines("a", "b")], timeout_s=WAIT_S) for _ in range(2)]

    assert [one.answer for one in receipts] == [Answer.TAKEN, Answer.TAKEN]
    assert receipts[0].sent_bytes == 2 * (1 + 26)
    assert actions(front) == [*PUT, *STREAM, *PUT, *PUT]
    payload = front.requests[-1].payload
    assert payload["logGroupName"] == "/flight-recorder/shop"
    assert payload["logStreamName"] == time.strftime(
        f"%Y/%m/%d/[$LATEST]{ENVIRONMENT}", time.gmtime()
    )
    assert "content-encoding" not in front.requests[-1].headers


@pytest.mark.parametrize(
    ("group", "environ", "used"),
    [
        ("/my/own-group", {}, "/my/own-group"),
        ("", {"AWS_LAMBDA_FUNCTION_NAME": "other"}, "/flight-recorder/other"),
        ("", {"AWS_LAMBDA_FUNCTION_NAME": ""}, "/flight-recorder/shop"),
    ],
    ids=["named", "by the environment", "by the records"],
)
def test_group_is_the_named_one_or_the_functions(
    front: LimitsFront, sink: MakeSink, group: str, environ: dict[str, str], used: str
) -> None:
    """Without a name it is the function's, which the environment tells, or else each record."""
    sink(group, **environ).send([lines("a")], timeout_s=WAIT_S)

    assert {request.payload["logGroupName"] for request in front.requests} == {used}


@pytest.mark.parametrize("scheme", ["own+cloudwatch", "records+own+cloudwatch", "Own+CloudWatch"])
@pytest.mark.parametrize(
    ("group", "environ", "used"),
    [
        ("/custom/group", {"AWS_LAMBDA_LOG_GROUP_NAME": "/other"}, "/custom/group"),
        ("", {"AWS_LAMBDA_LOG_GROUP_NAME": "/custom/group"}, "/custom/group"),
        ("", {"AWS_LAMBDA_FUNCTION_NAME": "till"}, "/aws/lambda/till"),
        ("", {"AWS_LAMBDA_FUNCTION_NAME": ""}, "/aws/lambda/shop"),
    ],
    ids=["named", "by the environment", "by the function", "by the records"],
)
def test_own_group_has_streams_of_the_recorders_own(
    front: LimitsFront,
    sink: MakeSink,
    scheme: str,
    group: str,
    environ: dict[str, str],
    used: str,
) -> None:
    """Their names do not begin with the year, as Lambda's do, so that a policy can tell them apart."""
    front.behaviours.append(MISSING)

    receipt = sink(group, scheme=scheme, **environ).send([lines("a")], timeout_s=WAIT_S)

    assert receipt.answer is Answer.TAKEN
    assert actions(front) == [*PUT, *STREAM, *PUT]
    day = time.strftime("%Y/%m/%d", time.gmtime())
    places = {(one.payload["logGroupName"], one.payload["logStreamName"]) for one in front.requests}
    assert places == {(used, f"flight-recorder/{day}/[$LATEST]{ENVIRONMENT}")}
    is_record = messages(front)[0].startswith("{")
    assert is_record is scheme.startswith("records+")


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        ([], PUT),
        ([MISSING, OK], [*PUT, *STREAM, *PUT]),
        ([MISSING, EXISTS], [*PUT, *STREAM, *PUT]),
        ([MISSING, MISSING, OK], [*PUT, *CREATED, *PUT]),
        ([MISSING, MISSING, EXISTS], [*PUT, *CREATED, *PUT]),
        ([MISSING, MISSING, BEING_MADE], [*PUT, *CREATED, *PUT]),
        ([MISSING, MISSING, OK, EXISTS], [*PUT, *CREATED, *PUT]),
    ],
    ids=[
        "there",
        "no stream",
        "stream made meanwhile",
        "no group",
        "group made meanwhile",
        "group being made",
        "group and stream made meanwhile",
    ],
)
def test_sink_creates_what_is_missing_and_uses_what_is_there(
    front: LimitsFront, sink: MakeSink, answers: list[Behaviour], asked: list[str]
) -> None:
    """An earlier process of the environment may have created the stream, and another environment the group, even now."""
    front.behaviours.extend(answers)

    receipt = sink().send([lines("a")], timeout_s=WAIT_S)

    assert receipt.answer is Answer.TAKEN
    assert actions(front) == asked
    assert {text for request in front.of("PutLogEvents") for text in texts_of(request)} == {"a"}


@pytest.mark.parametrize(
    ("answers", "answer", "detail"),
    [
        ([MISSING, DENIED], Answer.DENIED, "CreateLogStream: AccessDeniedException (status 400)"),
        (
            [MISSING, MISSING, DENIED],
            Answer.DENIED,
            "CreateLogGroup: AccessDeniedException (status 400)",
        ),
        (
            [MISSING, MISSING, THROTTLED],
            Answer.UNAVAILABLE,
            "CreateLogGroup: ThrottlingException (status 400)",
        ),
        (
            [MISSING, MISSING, OK, MISSING],
            Answer.UNAVAILABLE,
            "CreateLogStream: ResourceNotFoundException",
        ),
        ([DENIED], Answer.DENIED, "PutLogEvents: AccessDeniedException (status 400)"),
        ([THROTTLED], Answer.UNAVAILABLE, "PutLogEvents: ThrottlingException (status 400)"),
        ([MISSING, OK, MISSING], Answer.UNAVAILABLE, "PutLogEvents: ResourceNotFoundException"),
        ([MISSING, BUSY], Answer.UNAVAILABLE, "CreateLogStream: Busy (status 503)"),
        ([fail("Invalid")], Answer.UNREADABLE, "PutLogEvents: Invalid (status 400)"),
        ([BUSY], Answer.UNAVAILABLE, "PutLogEvents: Busy (status 503)"),
    ],
)
def test_failure_names_the_action(
    front: LimitsFront, sink: MakeSink, answers: list[Behaviour], answer: Answer, detail: str
) -> None:
    """Which action was refused is which permission may be missing; the next delivery begins anew, and succeeds."""
    front.behaviours.extend(answers)
    opened = sink()

    receipt = opened.send([lines(SECRET)], timeout_s=WAIT_S)

    assert (receipt.answer, receipt.detail, receipt.sent_bytes) == (answer, detail, 0)
    assert (receipt.taken, receipt.refused_streams) == (frozenset(), 0)
    assert receipt.is_throttled is ("Throttling" in detail)
    assert opened.send([lines(SECRET)], timeout_s=WAIT_S).answer is Answer.TAKEN


def test_sink_creates_a_group_that_vanishes_again(front: LimitsFront, sink: MakeSink) -> None:
    """Somebody may delete it while the environment lives: nothing is lost by it, and retention is set again."""
    opened = sink(days=30)
    opened.send([lines("a")], timeout_s=WAIT_S)
    front.requests.clear()
    front.behaviours.extend([MISSING, MISSING])

    receipt = opened.send([lines("b")], timeout_s=WAIT_S)

    assert receipt.answer is Answer.TAKEN
    assert actions(front) == ["PutLogEvents", *CREATED, "PutLogEvents", "PutRetentionPolicy"]
    assert messages(front) == ["b"]


@pytest.mark.parametrize(
    ("log_format", "beginning"), [("", "REPORT"), ("Text", "REPORT"), ("JSON", "{"), ("json", "{")]
)
def test_report_reads_as_in_the_functions_own_log(
    front: LimitsFront, sink: MakeSink, log_format: str, beginning: str
) -> None:
    """As text, unless the function logs JSON."""
    sink(AWS_LAMBDA_LOG_FORMAT=log_format).send([chunk([report()])], timeout_s=WAIT_S)

    assert messages(front)[0].startswith(beginning)


def test_environment_with_a_new_id_has_a_new_stream(front: LimitsFront, sink: MakeSink) -> None:
    """Copies of one snapshot must not share a stream; no name holds what a stream's may not."""
    opened = sink()
    other = STAMP._replace(environment_id="fedcba9876543210", version="a:*b")

    for metadata in (STAMP, other):
        opened.send([lines("a", metadata=metadata)], timeout_s=WAIT_S)

    streams = [request.payload["logStreamName"] for request in front.requests]
    assert streams[0].endswith(f"[$LATEST]{ENVIRONMENT}")
    assert streams[1].endswith("[a__b]fedcba9876543210")


# retention ---------------------------------------------------------------------------------------------------------


def test_sink_sets_retention_once_after_the_first_delivery(
    front: LimitsFront, sink: MakeSink
) -> None:
    """It is asked for when what matters has been delivered."""
    opened = sink("g", days=14)

    for _ in range(3):
        opened.send([lines("a")], timeout_s=WAIT_S)

    assert actions(front) == [*PUT, "PutRetentionPolicy", *PUT, *PUT]
    assert [request.payload for request in front.of("PutRetentionPolicy")] == [
        {"logGroupName": "g", "retentionInDays": 14}
    ]


@pytest.mark.parametrize(
    ("answer", "tries"),
    [(DENIED, 1), (fail("InvalidParameterException"), 1), (THROTTLED, 3), (hang_up, 6)],
    ids=["denied", "invalid", "throttled", "unanswered"],
)
def test_retention_that_cannot_be_set_fails_no_delivery(
    front: LimitsFront, sink: MakeSink, answer: Behaviour, tries: int
) -> None:
    """The ordinary role has no permission for it. Being throttled, it is tried with the next two deliveries.

    A kept connection that is lost is tried a second time each.
    """

    def no_retention(request: Request, pass_on: Callable[[], HttpAnswer]) -> HttpAnswer | None:
        return (answer if request.action == "PutRetentionPolicy" else OK)(request, pass_on)

    front.then = no_retention
    opened = sink(days=14)

    receipts = [opened.send([lines(str(n))], timeout_s=WAIT_S) for n in range(5)]

    assert {receipt.answer for receipt in receipts} == {Answer.TAKEN}
    assert len(front.of("PutRetentionPolicy")) == tries
    assert len(front.of("PutLogEvents")) == 5


def test_retention_waits_where_no_time_is_left(front: LimitsFront, sink: MakeSink) -> None:
    """A delivery that has used up its time is over."""

    def slow(_request: Request, _pass_on: Callable[[], HttpAnswer]) -> HttpAnswer:
        time.sleep(0.3)
        return HttpAnswer(200, b"{}")

    front.behaviours.append(slow)
    opened = sink(days=14)

    opened.send([lines("a")], timeout_s=0.25)

    assert "PutRetentionPolicy" not in actions(front)


# several requests --------------------------------------------------------------------------------------------------


def test_receipt_names_the_records_taken_before_a_failure(
    front: LimitsFront, sink: MakeSink
) -> None:
    """Of a batch in two requests, the first stays taken; only the second is to come again."""
    front.behaviours.extend([OK, DENIED])
    count = MAX_EVENTS + 5

    receipt = sink().send([lines(*("x" for _ in range(count)))], timeout_s=WAIT_S)

    assert receipt.answer is Answer.DENIED
    assert receipt.taken == frozenset(range(MAX_EVENTS))
    assert receipt.sent_bytes == 27 * MAX_EVENTS


def test_line_in_pieces_is_taken_once_all_of_it_is(front: LimitsFront, sink: MakeSink) -> None:
    """If its end fails, all of it comes again, marked as a repetition."""
    front.behaviours.extend([OK, OK, DENIED])
    opened = sink()
    large = "ä" * 700_000

    receipt = opened.send([lines("a", large)], timeout_s=WAIT_S)
    again = opened.send([lines(large, first_number=1)], timeout_s=WAIT_S)

    assert (receipt.answer, receipt.taken) == (Answer.DENIED, frozenset({0}))
    assert again.answer is Answer.TAKEN
    assert messages(front, -3) == [mark(2, 1, 1)]
    assert messages(front, -2) + messages(front, -1) == [large[:524275], large[524275:]]


def older_limits(
    *, event_bytes: int = 1 << 20, upload_bytes: int = 1 << 20, then: Behaviour = OK
) -> Behaviour:
    """Enforce lower limits than AWS documents, in the words of CloudWatch Logs."""

    def answer(request: Request, pass_on: Callable[[], HttpAnswer]) -> HttpAnswer | None:
        sizes = [len(one["message"].encode()) + 26 for one in request.payload.get("logEvents", [])]
        told = [
            ("Log event", max(sizes, default=0), event_bytes),
            ("Upload", sum(sizes), upload_bytes),
        ]
        for what, size, limit in told:
            if size > limit:
                message = f"{what} too large: {size} bytes exceeds limit of {limit}"
                body = json.dumps({"__type": "InvalidParameterException", "message": message})
                return HttpAnswer(400, body.encode())
        return then(request, pass_on)

    return answer


def test_sink_learns_a_lower_limit_for_events(front: LimitsFront, sink: MakeSink) -> None:
    """Some partitions and emulators still have 256 KB. Nothing is refused, and it is asked once."""
    front.then = older_limits(event_bytes=262_144)
    opened = sink()
    large = "ä" * 300_000

    receipt = opened.send([lines("a", large, "b")], timeout_s=WAIT_S)
    again = opened.send([lines(large, first_number=3)], timeout_s=WAIT_S)

    assert (receipt.answer, receipt.refused) == (Answer.TAKEN, {})
    assert again.answer is Answer.TAKEN
    requests = front.of("PutLogEvents")
    assert [one.status for one in requests] == [400, 200, 200]
    whole = [event["message"] for one in requests[1:] for event in one.payload["logEvents"]]
    assert "".join(whole) == f"a{large}b{large}"
    assert not any("flightRecorder.repeat" in one for one in whole)


def test_sink_learns_a_lower_limit_for_requests(front: LimitsFront, sink: MakeSink) -> None:
    """The records of a request that had to be cut are taken one by one."""
    front.then = older_limits(upload_bytes=100_000)

    receipt = sink().send([lines(*("x" * 30_000 for _ in range(10)))], timeout_s=WAIT_S)

    assert receipt.answer is Answer.TAKEN
    assert [one.status for one in front.of("PutLogEvents")] == [400, 200, 200, 200, 200]
    assert receipt.sent_bytes == 10 * 30_026


def test_failure_behind_a_learned_limit_leaves_the_rest(front: LimitsFront, sink: MakeSink) -> None:
    """What was taken by then does not come again."""
    taken: list[object] = []

    def then(request: Request, pass_on: Callable[[], HttpAnswer]) -> HttpAnswer | None:
        taken.append(request)
        return (OK if len(taken) <= 2 else DENIED)(request, pass_on)

    front.then = older_limits(upload_bytes=100_000, then=then)

    receipt = sink().send([lines(*("x" * 30_000 for _ in range(10)))], timeout_s=WAIT_S)

    assert (receipt.answer, receipt.taken) == (Answer.DENIED, frozenset(range(6)))


def test_limit_that_no_line_would_survive_is_not_learned(
    front: LimitsFront, sink: MakeSink
) -> None:
    """A line in splinters helps nobody, and a hostile answer must not make a million requests."""
    front.then = older_limits(event_bytes=100)

    receipt = sink().send([lines("x" * 1000)], timeout_s=WAIT_S)

    assert receipt.answer is Answer.UNREADABLE
    assert len(front.of("PutLogEvents")) == 1


OTHER = "arn:aws:logs:ap-south-1:210987654321:log-group:/kept"
INVOKED = STAMP._replace(arn="arn:aws:lambda:eu-west-1:123456789012:function:shop")


def test_arn_names_group_and_region(front: LimitsFront, sink: MakeSink) -> None:
    """The region of the ARN, not the function's, is asked and signed for."""
    group = OTHER.replace("210987654321", "123456789012")

    receipt = sink(f"{group}:*").send([lines("a", metadata=INVOKED)], timeout_s=WAIT_S)

    assert receipt.answer is Answer.TAKEN
    assert {one.payload["logGroupName"] for one in front.requests} == {"/kept"}
    regions = {one.headers["authorization"].split("/")[2] for one in front.requests}
    assert regions == {"ap-south-1"}


def test_group_of_another_account_is_denied(front: LimitsFront, sink: MakeSink) -> None:
    """PutLogEvents takes a name, so lines would go to a group of that name in the function's own account."""
    batch = [lines("init"), lines("a", metadata=INVOKED)]

    receipt = sink(OTHER).send(batch, timeout_s=WAIT_S)

    assert receipt.answer is Answer.DENIED
    assert "210987654321" in receipt.detail
    assert "same account only" in receipt.detail
    assert not front.requests


@pytest.mark.parametrize(
    ("info", "refused"),
    [
        ({"tooNewLogEventStartIndex": 2}, {0: "too-new"}),
        ({"tooOldLogEventEndIndex": 1}, {1: "too-old"}),
        ({"expiredLogEventEndIndex": 2}, {1: "expired", 2: "expired"}),
    ],
)
def test_receipt_names_the_events_that_cloudwatch_rejects(
    front: LimitsFront, sink: MakeSink, info: dict[str, int], refused: dict[int, str]
) -> None:
    """Its indices count the events in the order sent, which is not the order received."""
    base = now()
    batch = [chunk([line(str(n), time=at(base, seconds=n - 3 * (n > 0))) for n in range(3)])]
    front.behaviours.extend([succeed(json.dumps({"rejectedLogEventsInfo": info}).encode())])

    receipt = sink().send(batch, timeout_s=WAIT_S)

    assert messages(front) == ["1", "2", "0"]
    assert receipt.answer is Answer.TAKEN
    assert receipt.refused == refused


# repetitions -------------------------------------------------------------------------------------------------------


def mark(events: int, first: int, last: int) -> str:
    told = {"events": events, "first": f"{ENVIRONMENT}-{first}", "last": f"{ENVIRONMENT}-{last}"}
    return compact({"type": REPEAT_TYPE, "record": told}).decode()


@pytest.mark.parametrize(
    "lost", [hang_up, fail("InternalFailure", 500)], ids=["no answer", "status 500"]
)
def test_mark_stands_before_a_possible_repetition(
    front: LimitsFront, sink: MakeSink, lost: Behaviour
) -> None:
    """One event before the second copy; none before what is new, nor once it is known to be there."""
    front.behaviours.append(lost)
    opened = sink()
    batch = lines("a", "b")

    receipts = [
        opened.send(sent, timeout_s=WAIT_S)
        for sent in ([batch], [batch, lines("c", first_number=2)], [batch])
    ]

    assert [one.answer for one in receipts] == [Answer.UNAVAILABLE, Answer.TAKEN, Answer.TAKEN]
    assert messages(front, 0) == [mark(2, 0, 1), "a", "b", "c"]
    assert messages(front, 1) == ["a", "b"]


@pytest.mark.parametrize(
    "answers",
    [[DENIED], [THROTTLED], [MISSING, OK, MISSING]],
    ids=["denied", "throttled", "missing"],
)
def test_no_mark_stands_before_a_refused_batch_that_comes_again(
    front: LimitsFront, sink: MakeSink, answers: list[Behaviour]
) -> None:
    """An answer that nothing was written is believed."""
    front.behaviours.extend(answers)
    opened = sink()

    for _ in range(2):
        opened.send([lines("a")], timeout_s=WAIT_S)

    assert messages(front) == ["a"]


def test_no_mark_stands_where_no_line_was_under_way(front: LimitsFront, sink: MakeSink) -> None:
    """While a stream is created, or without a connection, no line has been under way."""
    with limits_front(NOBODY) as other:
        # A request that may be repeated is, on a new connection.
        other.behaviours.extend([MISSING, hang_up, hang_up, OK])
        opened = sink(AWS_ENDPOINT_URL=other.url)
        receipts = [opened.send([lines("a")], timeout_s=WAIT_S) for _ in range(2)]
        opened.close()

    receipts.append(opened.send([lines("b", first_number=1)], timeout_s=WAIT_S))

    unavailable = Answer.UNAVAILABLE
    assert [one.answer for one in receipts] == [unavailable, Answer.TAKEN, unavailable]
    assert not any(one.uncertain for one in receipts)
    assert messages(other) == ["a"]
    assert not opened._perhaps_there


def test_mark_covers_the_lost_request_alone(front: LimitsFront, sink: MakeSink) -> None:
    """What the first of two requests wrote is known, so it does not come again."""
    front.behaviours.extend([OK, hang_up])
    opened = sink()
    texts = [str(n) for n in range(MAX_EVENTS + 2)]

    receipt = opened.send([lines(*texts)], timeout_s=WAIT_S)
    opened.send([lines(*texts[MAX_EVENTS:], first_number=MAX_EVENTS)], timeout_s=WAIT_S)

    assert receipt.uncertain
    assert len(receipt.taken) == MAX_EVENTS
    assert messages(front) == [mark(2, MAX_EVENTS, MAX_EVENTS + 1), *texts[MAX_EVENTS:]]


def test_sink_remembers_a_bounded_number_of_records(sink: MakeSink) -> None:
    """However much gets lost, the numbers of two full requests are the most that is kept."""
    opened = sink()

    for first in range(0, 5 * MAX_EVENTS, MAX_EVENTS):
        opened._remember([LogEvent(first + n, 0, "x", 27) for n in range(MAX_EVENTS)])

        assert first in opened._perhaps_there
        assert len(opened._perhaps_there) <= 2 * MAX_EVENTS


# the front ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "violation"),
    [
        ([(0, "")], "an empty message"),
        ([(2, "b"), (1, "a")], "events that are not in the order of their times"),
        ([(0, "a"), (86_400_001, "b")], "a batch that spans more than 24 hours"),
        ([(0, "a")] * 10_001, "10001 events"),
        ([(0, "ä" * 524_288)], "Upload too large: 1048602 bytes"),
        ([], "0 events"),
    ],
)
def test_front_refuses_as_cloudwatch_does(
    sink: MakeSink, events: list[tuple[int, str]], violation: str
) -> None:
    """What the other tests here rest upon: a request that is too much does not pass."""
    request = [LogEvent(0, at_ms, text, 0) for at_ms, text in events]
    with limits_front(NOBODY) as front:
        opened = sink("g", AWS_ENDPOINT_URL=front.url)
        opened._name([lines("a")])

        receipt = opened._write(request, time.monotonic() + WAIT_S)

    assert receipt.detail == "PutLogEvents: InvalidParameterException (status 400)"
    assert front.violations == [f"PutLogEvents: {violation}"]


# the service -------------------------------------------------------------------------------------------------------


class Cloud:
    """moto behind the front, and a sink that writes to it."""

    def __init__(
        self, front: LimitsFront, *, days: int = 0, group: str = "", scheme: str = ""
    ) -> None:
        self.front = front
        function = unique("shop")
        environ = moto().environ(AWS_ENDPOINT_URL=front.url, AWS_LAMBDA_FUNCTION_NAME=function)
        parent = "/aws/lambda" if scheme == "own+" else "/flight-recorder"
        self.group = group or f"{parent}/{function}"
        url = f"{scheme}cloudwatch:{group}"
        self.sink = open_sink(SinkConfig(url, environ, retention_days=days))

    def read(self) -> list[tuple[int, str]]:
        """Everything in the group's one stream: time and message."""
        (stream,) = moto().log_streams(self.group)
        return [(one["timestamp"], one["message"]) for one in moto().log_events(self.group, stream)]

    def send(self, *chunks: Chunk) -> Answer:
        self.receipt = self.sink.send(list(chunks), timeout_s=WAIT_S)
        return self.receipt.answer


@pytest.fixture
def cloud() -> Iterator[Callable[..., Cloud]]:
    with limits_front(moto().url) as front:
        made: list[Cloud] = []

        def make(**settings: object) -> Cloud:
            made.append(Cloud(front, **settings))  # type: ignore[arg-type]
            return made[-1]

        yield make
        for one in made:
            one.sink.close()
        assert not front.violations


@pytest.mark.services
def test_log_reads_as_the_function_wrote_it(cloud: Callable[..., Cloud]) -> None:
    """Lines, objects, umlauts, emoji, metrics and platform events come back as they were, in order."""
    opened = cloud()
    base = now()
    metrics = '{"_aws":{"CloudWatchMetrics":[]}}\n'
    texts = ["plain\n", "no newline", "", "Grüße\r\n\tan 🍏\n", metrics]
    raw = b'{"time":"%s","type":"function","record":{"a": 1,  "b":"\\u00fc"}}'
    time_now = at(base)
    events: list[object] = [
        start(time=time_now),
        *(line(text, time=time_now) for text in texts),
        raw % time_now.encode(),
        {**report(), "time": time_now},
        event("flightRecorder.invocation", {"outcome": "crash"}, time=time_now),
    ]

    answer = opened.send(chunk(events), gap(len(events)))

    assert answer is Answer.TAKEN
    written = opened.read()
    assert {at_ms for at_ms, _ in written} == {milliseconds(time_now)}
    said = [message for _, message in written]
    assert said[0] == compact(events[0]).decode()
    assert said[1:7] == [*(text or "\n" for text in texts), '{"a": 1,  "b":"\\u00fc"}']
    assert said[7].startswith("REPORT RequestId: ")
    assert json.loads(said[8])["reason"] == "crash"
    assert json.loads(said[9])["record"] == {"evictedLines": 7, "evictedBytes": 70}
    assert len(said) == 10


@pytest.mark.services
def test_own_group_has_lambdas_streams_and_the_recorders(cloud: Callable[..., Cloud]) -> None:
    """What Lambda wrote before stays, and who lists the group's streams tells them apart by the prefix."""
    opened = cloud(scheme="own+")
    lambdas = "2026/11/29/[$LATEST]22be53a8cfde4e68b844f8ec293b2543"
    moto().call("Logs_20140328.CreateLogGroup", logGroupName=opened.group)
    moto().call("Logs_20140328.CreateLogStream", logGroupName=opened.group, logStreamName=lambdas)

    answer = opened.send(chunk([line("kept\n", time=at(now()))]))

    assert answer is Answer.TAKEN
    found = moto().call(
        "Logs_20140328.DescribeLogStreams",
        logGroupName=opened.group,
        logStreamNamePrefix="flight-recorder/",
    )
    [ours] = [one["logStreamName"] for one in found["logStreams"]]
    assert sorted(moto().log_streams(opened.group)) == sorted([lambdas, ours])
    assert [one["message"] for one in moto().log_events(opened.group, ours)] == ["kept\n"]
    assert moto().log_events(opened.group, lambdas) == []


@pytest.mark.services
def test_one_filter_finds_all_records_of_a_transaction(cloud: Callable[..., Cloud]) -> None:
    """Prints, tracebacks and platform events, which name no transaction themselves; metrics stay what they are."""
    opened = cloud(scheme="records+")
    time_now = at(now())
    metrics = '{"_aws":{"CloudWatchMetrics":[]}}'
    prefixed = node_line(metrics)
    texts = ["a print", "Traceback (most recent call last)", metrics, prefixed]
    metadata = STAMP._replace(correlation_id="order-7")
    events = [
        *(line(text, time=time_now) for text in texts),
        {**report(), "time": time_now},
        event("flightRecorder.invocation", {"outcome": "crash"}, time=time_now),
    ]

    assert opened.send(
        chunk(events, metadata=metadata), lines_now("of another", first_number=9)
    ) is (Answer.TAKEN)

    found = moto().call(
        "Logs_20140328.FilterLogEvents",
        logGroupName=opened.group,
        filterPattern='"order-7"',  # moto has no patterns by field.
    )
    messages = [json.loads(one["message"]) for one in found["events"]]
    assert [one["type"] for one in messages] == [
        *("function", "function"),
        *("platform.report", "flightRecorder.invocation"),
    ]
    assert {metrics, prefixed} < {message for _, message in opened.read()}


def environment(base: datetime) -> Environment:
    """Play three invocations of one environment: healthy, failed, healthy; each writes three lines within a second."""
    env = Environment(correlation_fields=(), sample_rate=1.0)
    for number, request_id in enumerate((FIRST, SECOND, THIRD)):
        times = [at(base, minutes=number, seconds=n / 4) for n in range(5)]
        level = "ERROR" if request_id == SECOND else "INFO"
        said = [
            f"{number}: hello",
            f"{number}: a print",
            python_line("order 17", level=level, request_id=request_id),
        ]
        env.invoke(request_id)
        env.receive(start(request_id, time=times[0]))
        env.receive(*(line(text, time=time) for text, time in zip(said, times[1:], strict=False)))
        env.receive({**done(request_id), "time": times[4]})
    return env


@pytest.mark.services
def test_one_query_shows_one_failed_invocation(cloud: Callable[..., Cloud]) -> None:
    """Lines as written name no invocation. Its summary says where they are: the page on this sink has the query."""
    opened = cloud()
    chunks = environment(now()).queue.begin(60.0) or []
    assert opened.send(*chunks) is Answer.TAKEN

    filtered = {"logGroupName": opened.group, "filterPattern": '"flightRecorder.invocation"'}
    found = moto().call("Logs_20140328.FilterLogEvents", **filtered)["events"]
    summaries = [json.loads(one["message"]) for one in found]
    (summary,) = [one for one in summaries if one["record"]["outcome"] == "error"]
    shown = moto().call(
        "Logs_20140328.FilterLogEvents",
        logGroupName=opened.group,
        logStreamNames=[summary["logStream"]],
        startTime=summary["record"]["firstTimestamp"],
        endTime=summary["record"]["lastTimestamp"],
    )

    assert len(summaries) == 3
    assert summary["requestId"] == SECOND
    *lines, last = [one["message"] for one in shown["events"]]
    assert lines == ["1: hello", "1: a print", summary["record"]["errorLine"] + "\n"]
    assert json.loads(last) == summary


@pytest.mark.services
def test_sink_creates_group_stream_and_retention(cloud: Callable[..., Cloud]) -> None:
    """From nothing, and found there by the next environment."""
    opened = cloud(days=30)

    assert opened.send(lines_now("a")) is Answer.TAKEN

    found = moto().call("Logs_20140328.DescribeLogGroups", logGroupNamePrefix=opened.group)
    assert [one["retentionInDays"] for one in found["logGroups"]] == [30]
    second = cloud(group=opened.group)
    other = STAMP._replace(environment_id="fedcba9876543210")
    assert second.send(lines_now("b", metadata=other)) is Answer.TAKEN
    assert len(moto().log_streams(opened.group)) == 2


def lines_now(*texts: str, first_number: int = 0, metadata: Metadata = STAMP) -> Chunk:
    base = at(now())
    return chunk(
        [line(text, time=base) for text in texts], first_number=first_number, metadata=metadata
    )


@pytest.mark.services
def test_sink_creates_a_deleted_group_again(cloud: Callable[..., Cloud]) -> None:
    """What comes after is in a new one."""
    opened = cloud()
    opened.send(lines_now("a"))
    moto().call("Logs_20140328.DeleteLogGroup", logGroupName=opened.group)

    assert opened.send(lines_now("b")) is Answer.TAKEN
    assert [message for _, message in opened.read()] == ["b"]


@pytest.mark.services
def test_receipt_names_lines_that_are_too_old_or_too_new(cloud: Callable[..., Cloud]) -> None:
    """CloudWatch says which, whatever our clock thinks; the rest is there."""
    opened = cloud()
    base = now()
    times = [at(base, minutes=minutes) for minutes in (300, 0, -20 * 1440, -1, -19.5 * 1440)]

    answer = opened.send(chunk([line(str(n), time=time) for n, time in enumerate(times)]))

    assert answer is Answer.TAKEN
    assert opened.receipt.refused == {0: "too-new", 2: "too-old", 4: "too-old"}
    assert [message for _, message in opened.read()] == ["3", "1"]


@pytest.mark.services
def test_lines_out_of_order_and_days_apart_arrive(cloud: Callable[..., Cloud]) -> None:
    """Thirty hours, backwards: two requests, each in order, and times as they were."""
    opened = cloud()
    base = now()
    times = [at(base, hours=-hours) for hours in (0, 30, 10, 20, 25)]

    answer = opened.send(chunk([line(time, time=time) for time in times]))

    assert answer is Answer.TAKEN
    assert opened.read() == [(milliseconds(time), time) for time in sorted(times)]
    assert len(taken(opened.front)) == 2


@pytest.mark.services
@pytest.mark.parametrize(
    ("texts", "events", "requests"),
    [
        ([f"line {n}\n" for n in range(10_001)], 10_001, 2),
        ([*(f"{n} " + "ü" * 700 for n in range(1000)), "🍏x" * 240_000], 1002, 4),
    ],
    ids=["10,001 lines", "1.4 MB in lines, and a line of 1.2 MB"],
)
def test_more_than_a_request_may_have_arrives(
    cloud: Callable[..., Cloud], texts: list[str], events: int, requests: int
) -> None:
    """Read back one by one, lines are as they were; the pieces of a line make it up again."""
    opened = cloud()

    answer = opened.send(lines_now(*texts))

    assert answer is Answer.TAKEN
    said = [message for _, message in opened.read()]
    whole = len(texts) - (events > len(texts))
    assert [*said[:whole], *filter(None, ["".join(said[whole:])])] == texts
    assert (len(said), len(taken(opened.front))) == (events, requests)


@pytest.mark.services
def test_mark_stands_between_two_copies_in_the_log(cloud: Callable[..., Cloud]) -> None:
    """The answer got lost, the lines did not: a mark stands between the two copies."""
    opened = cloud()
    opened.send(lines_now("before"))
    opened.front.behaviours.append(swallow)
    batch = lines_now("a", "b", first_number=1)

    answers = [opened.send(batch), opened.send(batch)]

    assert answers == [Answer.UNAVAILABLE, Answer.TAKEN]
    said = [message for _, message in opened.read()]
    assert said == ["before", "a", "b", mark(2, 1, 2), "a", "b"]
