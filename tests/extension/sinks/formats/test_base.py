import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from extension.model.chunk import Chunk
from extension.model.receipt import Answer, Receipt
from extension.model.record import records_in
from extension.model.timestamps import epoch_ns
from extension.sinks.base import SinkConfig
from extension.sinks.formats import format_named
from extension.sinks.formats.base import Request, json_bytes, pieces_of, time_text, utf8_bytes
from extension.sinks.http import HttpSink
from tests.doubles.extension.chunks import STAMP, at, chunk, gap, lines, now
from tests.doubles.lambda_events import compact, event, line
from tests.doubles.recording_receiver import Reply, as_json
from tests.services import intakes

WAIT_S = 5.0
OBJECT = {"level": "ERROR", "message": "declined", "n": [1.5, None], "ü": {"a": "b"}}
AWKWARD = [
    "a plain line\n",
    '[ERROR]\tTraceback:\n\u00a0\u00a0File "/var/task/app.py"\n',
    "Grüße, ☃ und 🎈",
    'NUL \0, escape \x1b[31m, backslash \\, quote "',
    "",
    " ",
    '{"level":"INFO","message":"text that is JSON", "n": 1.50}',
    "the same",
    "the same",
    "x" * 300_000,
    "ü\0" * 100_000,
]


def known(base: str) -> list[Chunk]:
    """Parcels with every kind of record, of one time but for the last."""
    told = [line(text, time=base) for text in AWKWARD]
    told += [line(OBJECT, time=base), event("platform.report", {"status": "error"}, time=base)]
    return [
        chunk(told, first_number=70),
        gap(90),
        chunk([line("last", time="")], first_number=97),
    ]


def written(chunks: list[Chunk]) -> dict[str, str]:
    """What a reader should find, by id."""
    return {kept.id: kept.text for kept in records_in(chunks)}


def found(stored: list[intakes.Stored]) -> dict[str, str]:
    """What a reader finds, by id, with the parts of a line put together."""
    texts: dict[str, dict[int, str]] = {}
    for one in stored:
        part = int(one.fields.get("part", "1/1").partition("/")[0])
        assert part not in texts.setdefault(one.fields["id"], {})
        texts[one.fields["id"]][part] = one.line
    return {key: "".join(parts[n] for n in sorted(parts)) for key, parts in texts.items()}


class Case:
    """One intake, and how a sink is set up for it."""

    def __init__(
        self, kind: str, intake: intakes.Intake, headers: dict[str, str], rest: str
    ) -> None:
        self.kind = kind
        self.intake = intake
        self.headers = headers
        self.rest = rest

    def config(self, *, rest: str | None = None, **headers: str) -> SinkConfig:
        url = f"{self.kind}+{self.intake.url}{self.rest if rest is None else rest}"
        return SinkConfig(url, {}, tuple({**self.headers, **headers}.items()))

    def send(self, chunks: list[Chunk], config: SinkConfig | None = None) -> Receipt:
        sink = HttpSink(config or self.config())
        receipt = sink.send(chunks, timeout_s=WAIT_S)
        sink.close()
        return receipt


def case_of(kind: str) -> Case:
    if kind == "loki":
        return Case(kind, intakes.Loki(), {}, "")
    if kind == "splunk":
        return Case(
            kind, intakes.Splunk(), {"Authorization": f"Splunk {intakes.Splunk.token}"}, "/"
        )
    if kind == "elasticsearch":
        return Case(kind, intakes.Elasticsearch(), {}, "/logs-shop-prod")
    if kind == "datadog":
        return Case(kind, intakes.Datadog(), {"DD-API-KEY": intakes.Datadog.key}, "")
    return Case(kind, intakes.Logzio(), {}, f"/?token={intakes.Logzio.token}&type=lambda")


KINDS = ["loki", "splunk", "elasticsearch", "datadog", "logzio"]


@pytest.fixture(params=KINDS)
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    made = case_of(request.param)
    yield made
    made.intake.close()


def opened(kind: str) -> Iterator[Case]:
    made = case_of(kind)
    yield made
    made.intake.close()


@pytest.fixture
def loki() -> Iterator[Case]:
    yield from opened("loki")


@pytest.fixture
def splunk() -> Iterator[Case]:
    yield from opened("splunk")


@pytest.fixture
def elasticsearch() -> Iterator[Case]:
    yield from opened("elasticsearch")


@pytest.fixture
def datadog() -> Iterator[Case]:
    yield from opened("datadog")


@pytest.fixture
def logzio() -> Iterator[Case]:
    yield from opened("logzio")


# All intakes ---------------------------------------------------------------------------------------------------------


def test_every_line_arrives_as_it_was_written(case: Case) -> None:
    """Whatever is in a line, and however long it is, it can be read back, once, with its id and time."""
    base = at(now())
    chunks = known(base)

    receipt = case.send(chunks)

    assert (receipt.answer, receipt.refused) == (Answer.TAKEN, {})
    expected = written(chunks)
    if case.kind == "splunk":
        # An event may not be blank there.
        expected[next(key for key, text in expected.items() if text == "")] = '{"message": ""}'
    assert found(case.intake.stored) == expected
    assert {one.time_ns // 1_000_000 for one in case.intake.stored} == {
        (epoch_ns(base) or 0) // 1_000_000
    }
    assert receipt.sent_bytes > 0


def test_what_belongs_to_a_line_is_told(case: Case) -> None:
    """Request, trace, version, reason, weight and level stand beside each line, in the receiver's own places."""
    metadata = replace(STAMP, weight=2.5, arn="arn:aws:lambda:eu-west-1:123456789012:function:shop")

    case.send([chunk([line("[WARNING]\tso so\n", time=at(now()))], metadata=metadata)])

    (one,) = case.intake.stored
    assert one.fields["requestId"] == metadata.request_id
    assert one.fields["traceId"] == metadata.trace_id
    assert one.fields["version"] == "$LATEST"
    assert one.fields["reason"] == "crash"
    assert float(one.fields["weight"]) == 2.5
    own: dict[str, dict[str, Any]] = {
        "loki": {
            "labels": {"service_name": "shop", "function": "shop", "level": "warn"},
            "type": "function",
        },
        "splunk": {"host": "shop", "source": "lambda:shop", "level": "WARN", "type": "function"},
        "elasticsearch": {
            "_index": "logs-shop-prod",
            "function": "shop",
            "service.name": "shop",
            "level": "WARN",
            "log.level": "warn",
            "sequence": 0,
        },
        "datadog": {
            "service": "shop",
            "hostname": metadata.arn,
            "status": "warn",
            "ddsource": "lambda",
            "ddtags": "functionname:shop,version:$LATEST",
            "lambda": {"request_id": metadata.request_id, "arn": metadata.arn},
            "sequence": 0,
        },
        "logzio": {
            "type": "lambda",
            "recordType": "function",
            "function": "shop",
            "level": "WARN",
            "sequence": 0,
        },
    }
    for name, value in own[case.kind].items():
        assert one.fields[name] == value


def test_what_is_not_known_is_not_told(case: Case) -> None:
    """A record outside of any invocation, of a function without a name, has no empty fields."""
    metadata = replace(STAMP, request_id="", trace_id="", function="", version="")

    receipt = case.send([chunk([line("a line", time=at(now()))], metadata=metadata)])

    assert receipt.answer is Answer.TAKEN
    (one,) = case.intake.stored
    assert "requestId" not in one.fields
    assert "traceId" not in one.fields
    if case.kind == "loki":
        assert one.fields["labels"]["function"] == "unknown_service"


def test_the_same_batch_has_the_same_bytes(case: Case) -> None:
    """A batch that is sent twice is recognisable: nothing in it depends on when it is sent."""
    chunks = known(at(now()))

    case.send(chunks)
    case.send(chunks)

    asked = case.intake.requests
    half = len(asked) // 2
    assert [one.content for one in asked[:half]] == [one.content for one in asked[half:]]


@pytest.mark.parametrize("kind", ["loki", "elasticsearch"])
def test_a_batch_that_is_sent_twice_is_stored_once(kind: str) -> None:
    """Where the receiver can tell a repetition, it has what tells it."""
    case = case_of(kind)
    chunks = known(at(now()))

    receipts = [case.send(chunks) for _ in range(2)]
    case.intake.close()

    assert [one.answer for one in receipts] == [Answer.TAKEN, Answer.TAKEN]
    assert found(case.intake.stored) == written(chunks)


def test_an_empty_batch_is_no_request(case: Case) -> None:
    """Nothing is posted where there is nothing to post."""
    assert case.send([]) == Receipt(Answer.TAKEN)
    assert case.intake.requests == []


def test_records_without_any_time_have_that_of_the_sending(case: Case) -> None:
    """Where a batch tells no time, and every intake wants one, there is only the clock."""
    now_s = now().timestamp()
    sink = HttpSink(case.config(), wall_s=lambda: now_s)

    receipt = sink.send([chunk([line("a", time=""), line("b", time="soon")])], timeout_s=WAIT_S)
    sink.close()

    assert receipt.answer is Answer.TAKEN
    assert {one.time_ns // 1_000_000 for one in case.intake.stored} == {round(now_s * 1000)}


def test_records_before_the_first_time_have_that(case: Case) -> None:
    """A gap at the beginning of a batch has the time of what follows it."""
    base = at(now(), minutes=-1)

    case.send([gap(1), chunk([line("a", time=base)], first_number=9)])

    times = {one.time_ns // 1_000_000 for one in case.intake.stored}
    assert times == {(epoch_ns(base) or 0) // 1_000_000}


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (429, Answer.UNAVAILABLE),
        (503, Answer.UNAVAILABLE),
        (403, Answer.DENIED),
        (413, Answer.TOO_LARGE),
    ],
)
def test_what_the_status_says(case: Case, status: int, answer: Answer) -> None:
    """Where the receiver says nothing more, its status decides, and Retry-After is heard."""
    case.intake.answers = [Reply(status, b"no", {"Retry-After": "7"})]

    receipt = case.send([lines("a", "b")])

    assert (receipt.answer, receipt.detail) == (answer, f"status {status}")
    assert receipt.retry_after_s == (7.0 if answer is Answer.UNAVAILABLE else None)
    assert not receipt.taken


def test_a_second_request_that_fails_leaves_the_first(datadog: Case) -> None:
    """Of a batch that needs several requests, those that were taken are told by their numbers."""
    datadog.intake.answers = [Reply(202), Reply(500)]

    receipt = datadog.send([lines(*map(str, range(1500)))])

    assert receipt.answer is Answer.UNAVAILABLE
    assert receipt.taken == frozenset(range(1000))
    assert len(datadog.intake.requests) == 2


# Loki ----------------------------------------------------------------------------------------------------------------


def test_streams_are_few_and_in_order(loki: Case) -> None:
    """A stream for each level; what is in it has times that rise, though Lambda's are equal."""
    base = at(now())
    texts = [f"[{level}]\t{n}" for n in range(50) for level in ("INFO", "ERROR")]

    loki.send([chunk([line(text, time=base) for text in texts])])

    streams = json.loads(loki.intake.requests[0].content)["streams"]
    assert [one["stream"]["level"] for one in streams] == ["info", "error"]
    for one in streams:
        times = [int(value[0]) for value in one["values"]]
        assert times == sorted(times)
        assert len(set(times)) == 50
    merged = sorted(loki.intake.stored, key=lambda one: one.time_ns)
    assert [one.line for one in merged] == texts


def test_times_with_microseconds_keep_them(loki: Case) -> None:
    """What is added to tell records apart is below what Lambda tells."""
    base = now().strftime("%Y-%m-%dT%H:%M:%S.123456Z")

    loki.send([chunk([line("a", time=base)], first_number=123_456)])

    assert loki.intake.stored[0].time_ns // 1000 == (epoch_ns(base) or 0) // 1000


def test_pieces_of_one_letter_are_no_duplicates(loki: Case) -> None:
    """Two equal pieces of one long line would be one to Loki, had they the same time."""
    loki.send([chunk([line("x" * 1_000_000, time=at(now()))])])

    assert sum(len(one.line) for one in loki.intake.stored) == 1_000_000


def test_loki_stores_what_is_in_order_of_a_push_that_it_refuses(loki: Case) -> None:
    """Its 400 does not say which: the batch is to be cut, and what arrived already may come again."""
    old, new = at(now(), days=-8), at(now())

    receipt = loki.send([chunk([line("old", time=old), line("new", time=new)])])

    assert receipt == Receipt(Answer.UNREADABLE, "status 400", uncertain=True)
    assert [one.line for one in loki.intake.stored] == ["new"]


def test_the_stand_in_for_loki_refuses_what_loki_refuses(loki: Case) -> None:
    """It is a judge only if it is as strict."""
    import httpx

    time = str(epoch_ns(at(now())))
    pushes = {
        '{"stream":{"a":"b"},"values":[["TIME","l",{"x":"y"}]]}': 204,
        '{"stream":{"a":"b"},"values":[[TIME,"l"]]}': 400,
        '{"stream":{"a-b":"b"},"values":[["TIME","l"]]}': 400,
        '{"stream":{},"values":[["TIME","l"]]}': 400,
        '{"stream":{"a":"b"},"values":[["TIME","l",{"x":1}]]}': 400,
        '{"stream":{"a":"b"},"values":[["TIME","LONG"]]}': 400,
        "no json": 400,
    }
    url = loki.intake.url + "/loki/api/v1/push"
    headers = {"Content-Type": "application/json"}

    statuses = []
    for stream in pushes:
        body = f'{{"streams":[{stream}]}}'.replace("TIME", time).replace("LONG", "x" * 262_145)
        statuses.append(httpx.post(url, content=body, headers=headers).status_code)

    assert statuses == list(pushes.values())
    assert httpx.post(url, content=b"{}").status_code == 400


# Splunk --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({"Authorization": "Splunk wrong"}, "status 403, code 4"),
        ({"Authorization": "Bearer x"}, "status 401, code 3"),
    ],
)
def test_a_wrong_token_waits_for_a_right_one(
    splunk: Case, headers: dict[str, str], detail: str
) -> None:
    """What Splunk's code says is told, and nothing of the token."""
    assert splunk.send([lines("a")], splunk.config(**headers)) == Receipt(Answer.DENIED, detail)


def told(status: int, **members: object) -> Reply:
    return as_json(members, status)


@pytest.mark.parametrize(
    ("answer", "receipt"),
    [
        (told(503, text="Server is busy", code=9), Receipt(Answer.UNAVAILABLE, "status 503, code 9")),
        (told(500, text="x", code=8), Receipt(Answer.UNAVAILABLE, "status 500, code 8")),
        (told(400, text="Incorrect index", code=7), Receipt(Answer.DENIED, "status 400, code 7")),
        (told(400, text="Data channel is missing", code=10), Receipt(Answer.DENIED, "status 400, code 10")),
        (
            told(400, text="Invalid data format", code=6, **{"invalid-event-number": 1}),
            Receipt(
                Answer.UNREADABLE, "status 400, code 6", refused={1: "invalid-event"}, uncertain=True
            ),
        ),
        (
            told(400, text="Invalid data format", code=6, **{"invalid-event-number": 99}),
            Receipt(Answer.UNREADABLE, "status 400, code 6", uncertain=True),
        ),
        (told(400, text="No data", code=5), Receipt(Answer.UNREADABLE, "status 400, code 5")),
        (told(400), Receipt(Answer.UNREADABLE, "status 400")),
        (Reply(400, b"[1]"), Receipt(Answer.UNREADABLE, "status 400")),
        (Reply(400, b"<html>"), Receipt(Answer.UNREADABLE, "status 400")),
    ],
)  # fmt: skip
def test_what_splunks_code_says(splunk: Case, answer: Reply, receipt: Receipt) -> None:
    """The code tells more than the status: what is to be put right, and which event is to blame."""
    splunk.intake.answers = [answer]

    assert splunk.send([lines("a", "b", "c")]) == receipt


def test_splunks_number_counts_events_not_records(splunk: Case) -> None:
    """A line in pieces is several events, and one record."""
    splunk.intake.answers = [
        told(200, text="Success", code=0),
        told(400, code=13, **{"invalid-event-number": 1}),
    ]

    receipt = splunk.send([lines("a", "x" * 1_200_000, "b")])

    assert receipt.taken == {0}
    assert receipt.refused == {1: "invalid-event"}


def test_requests_to_splunk_are_of_a_megabyte_at_most(splunk: Case) -> None:
    """What is more goes in several requests."""
    texts = [f"{n} " + "x" * 100_000 for n in range(25)]

    receipt = splunk.send([lines(*texts)])

    assert receipt.answer is Answer.TAKEN
    assert [one.line for one in splunk.intake.stored] == texts
    assert len(splunk.intake.requests) == 3
    assert max(len(one.content) for one in splunk.intake.requests) <= 1_000_000


# Elasticsearch -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "index"),
    [
        ("", "logs-flight_recorder-default"),
        ("/", "logs-flight_recorder-default"),
        ("/mine", "mine"),
        ("/mine/", "mine"),
        ("/mine/_bulk", "mine"),
        ("/proxy/mine", "proxy/mine"),
    ],
)
def test_the_path_is_the_index(elasticsearch: Case, rest: str, index: str) -> None:
    """A data stream or an index, and a data stream of ours where none is named."""
    elasticsearch.send([lines("a")], elasticsearch.config(rest=rest))

    assert elasticsearch.intake.stored[0].fields["_index"] == index


def test_the_query_stays(elasticsearch: Case) -> None:
    """What the user's URL asks for is asked for, and besides that the answer be short."""
    elasticsearch.send([lines("a")], elasticsearch.config(rest="/mine?pipeline=p"))

    assert elasticsearch.intake.requests[0].query["pipeline"] == ["p"]
    assert elasticsearch.intake.requests[0].query["filter_path"] == [
        "errors,items.*.status,items.*.error.type"
    ]


def test_what_becomes_of_each_document(elasticsearch: Case) -> None:
    """Busy shards are tried again, what cannot be read is refused by name, the rest has been taken."""
    stand_in = elasticsearch.intake
    assert isinstance(stand_in, intakes.Elasticsearch)
    stand_in.broken = {
        "busy": (429, "es_rejected_execution_exception"),
        "bad": (400, "document_parsing_exception"),
        "odd": (400, "Line said: secret"),
    }

    receipt = elasticsearch.send([lines("good", "busy", "bad", "odd", "better")])

    assert receipt.answer is Answer.UNAVAILABLE
    assert receipt.detail == "status 429 for 1 documents"
    assert receipt.taken == {0, 4}
    assert receipt.refused == {2: "document_parsing_exception", 3: "status 400"}


@pytest.mark.parametrize(
    ("status", "answer"),
    [(403, Answer.DENIED), (404, Answer.DENIED), (503, Answer.UNAVAILABLE), (400, Answer.TAKEN)],
)
def test_documents_that_fail_alone(elasticsearch: Case, status: int, answer: Answer) -> None:
    """A blocked index is somebody's to put right; a document that is never taken is no reason to wait."""
    stand_in = elasticsearch.intake
    assert isinstance(stand_in, intakes.Elasticsearch)
    stand_in.broken = {"bad": (status, "some_exception")}

    receipt = elasticsearch.send([lines("good", "bad")])

    assert receipt.answer is answer
    assert receipt.refused == ({1: "some_exception"} if status == 400 else {})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"errors":true}',
        b'{"errors":true,"items":[]}',
        b'{"errors":true,"items":[{}]}',
        b'{"errors":true,"items":[{"create":{"status":"x"}}]}',
        b'{"errors":true,"items":[{"create":{"status":201,"error":1}}]}',
        b'{"errors":true,"items":[{"create":{"status":201}}',
    ],
)
def test_an_answer_that_does_not_tell_is_no_success(elasticsearch: Case, body: bytes) -> None:
    """200 alone says nothing: what may be there is sent again, which makes it no duplicate."""
    elasticsearch.intake.answers = [Reply(200, body)]

    receipt = elasticsearch.send([lines("a")])

    assert (receipt.answer, receipt.uncertain) == (Answer.UNAVAILABLE, True)


def test_the_largest_answer_is_read(elasticsearch: Case) -> None:
    """A request holds no more documents than the errors of which are read."""
    stand_in = elasticsearch.intake
    assert isinstance(stand_in, intakes.Elasticsearch)
    stand_in.broken = {"": (400, "document_parsing_exception")}

    receipt = elasticsearch.send([lines(*["a"] * 6000)])

    assert receipt.answer is Answer.TAKEN
    assert len(receipt.refused) == 6000
    assert len(elasticsearch.intake.requests) == 2


# Datadog and Logz.io -------------------------------------------------------------------------------------------------


def test_requests_to_datadog_are_within_its_limits(datadog: Case) -> None:
    """At most 1000 entries and 5 MB; an entry of more than a megabyte is cut in pieces, not cut off."""
    texts = [*map(str, range(1200)), *["y" * 900_000] * 6, "\0" * 300_000]

    receipt = datadog.send([lines(*texts)])

    assert receipt.answer is Answer.TAKEN
    assert list(found(datadog.intake.stored).values()) == texts
    assert max(len(one.content) for one in datadog.intake.requests) <= 5_000_000


@pytest.mark.parametrize(("key", "status"), [("wrong", 403)])
def test_a_wrong_key_waits_for_a_right_one(datadog: Case, key: str, status: int) -> None:
    """A key may be put right."""
    config = datadog.config(**{"DD-API-KEY": key})

    assert datadog.send([lines("a")], config) == Receipt(Answer.DENIED, f"status {status}")


def test_a_path_of_the_user_is_kept(datadog: Case) -> None:
    """Where the URL says more than the host, it is meant."""
    receipt = datadog.send([lines("a")], datadog.config(rest="/elsewhere"))

    assert (receipt.answer, datadog.intake.requests[0].path) == (Answer.DENIED, "/elsewhere")


def test_lines_that_logzio_rejects_are_counted(logzio: Case) -> None:
    """Its counts say that others were taken, so that sending them again would make duplicates."""
    counts = {"malformedLines": 1, "oversizedLines": 0, "emptyLogLines": 0, "successfulLines": 2}
    logzio.intake.answers = [told(400, **counts)]

    receipt = logzio.send([lines("a", "b", "c")])

    assert (receipt.answer, receipt.rejected_lines) == (Answer.TAKEN, 1)
    assert receipt.sent_bytes > 0


@pytest.mark.parametrize(
    "answer",
    [
        told(400, malformedLines=3, oversizedLines=0, emptyLogLines=0, successfulLines=0),
        told(400, malformedLines=1, successfulLines=9),
        told(400, malformedLines="x", successfulLines=2),
        told(400),
        Reply(400, b"[]"),
        Reply(400),
    ],
)
def test_counts_that_do_not_add_up_are_none(logzio: Case, answer: Reply) -> None:
    """Then the batch is cut, until what is to blame is found."""
    logzio.intake.answers = [answer]

    assert logzio.send([lines("a", "b", "c")]) == Receipt(Answer.UNREADABLE, "status 400")


def test_logzios_token_is_in_the_query(logzio: Case) -> None:
    """A wrong one may be put right, and is not told."""
    config = logzio.config(rest="?token=wrong")

    assert logzio.send([lines("a")], config) == Receipt(Answer.DENIED, "status 401")


# Lines and arrays ----------------------------------------------------------------------------------------------------


def bodies(kind: str, chunks: list[Chunk]) -> list[bytes]:
    shape = format_named(kind)
    return [b"".join(shape.body(one)) for one in shape.requests(records_in(chunks), now_ns=0)]


def test_an_array_holds_what_the_lines_hold() -> None:
    """The objects are the same, byte for byte."""
    chunks = known(at(now()))

    (ndjson,), (array,) = bodies("", chunks), bodies("json", chunks)

    assert array == b"[" + b",".join(ndjson.splitlines()) + b"]"
    assert len(json.loads(array)) == len(AWKWARD) + 4
    assert bodies("", []) == bodies("json", []) == []


@pytest.mark.parametrize("kind", ["", "json", *KINDS])
def test_content_types(kind: str) -> None:
    """Every shape says what it is: some intakes store nothing of what does not."""
    lines_of_json = {"", "elasticsearch", "logzio"}
    expected = "application/x-ndjson" if kind in lines_of_json else "application/json"

    assert format_named(kind).content_type == expected


# Parts ---------------------------------------------------------------------------------------------------------------


@given(text=st.text(max_size=300), max_bytes=st.integers(min_value=8, max_value=100))
@example(text="\x1f\x1f", max_bytes=12)
def test_pieces_put_together_are_the_text(text: str, max_bytes: int) -> None:
    """Nothing is cut off, no piece is too long, and no character is cut in two."""
    for size_of in (utf8_bytes, json_bytes):
        pieces = pieces_of(text, max_bytes, size_of)

        assert "".join(pieces) == text
        assert all(size_of(piece) <= max_bytes for piece in pieces)


def test_half_a_surrogate_pair_is_written() -> None:
    """UTF-8 has no bytes for it, so a question mark stands in."""
    event_with_half = compact(line("x")).replace(b'"x"', b'"\\ud800"')

    (body,) = bodies("datadog", [chunk([event_with_half])])

    assert json.loads(body)[0]["message"] == "?"


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_792_800_123_456_789_000, "2026-10-24T00:02:03.456789Z"),
    ],
)
def test_times_are_written_with_microseconds(ns: int, text: str) -> None:
    """As Lambda writes its own, so that they sort as text."""
    assert time_text(ns) == text


def test_a_request_keeps_its_records_without_their_content() -> None:
    """Their bytes are in the entries: memory is bounded."""
    (kept,) = records_in([lines("x" * 1000)])
    request = Request()

    request.add(kept, [b"abc"], 4)

    assert request.records[0].raw == b""
    assert request.records[0].record is None
    assert (request.records[0].number, request.size_bytes) == (kept.number, 4)


def test_bodies_are_gzipped(case: Case) -> None:
    """Every intake takes gzip."""
    case.send([lines("a")])

    headers = case.intake.requests[0].headers
    assert headers["content-encoding"] == "gzip"
    assert int(headers["content-length"]) == len(gzip.compress(case.intake.requests[0].content, 6))
