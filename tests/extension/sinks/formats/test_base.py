import gzip
import json
from collections.abc import Iterator

import pytest
from hypothesis import example, given, strategies as st

from extension.model.receipt import Answer, Receipt
from extension.model.record import Record, records_in
from extension.model.timestamps import epoch_ns
from extension.sinks.formats import format_named
from extension.sinks.formats.base import json_bytes, pieces_of, time_text, utf8_bytes
from extension.sinks.http import HttpSink
from tests.doubles.extension.chunks import STAMP, at, chunk, lines, now
from tests.doubles.lambda_events import compact, line
from tests.doubles.recording_receiver import Reply
from tests.extension.sinks.formats.cases import (
    KINDS,
    TOLD,
    WAIT_S,
    Case,
    bodies,
    found,
    known,
    written,
)

every_intake = pytest.mark.parametrize("case", KINDS, indirect=True)


@pytest.mark.parametrize("form", ["", "json", "splunk", "elasticsearch", "datadog", "logzio"])
def test_a_body_is_made_as_it_is_asked_for(form: str) -> None:
    """All entries of a batch at once would be several times the batch."""
    read = 0

    def counted() -> Iterator[Record]:
        nonlocal read
        for record in records_in([lines(*range(1000))]):
            read += 1
            yield record

    made = format_named(form, {})
    request = next(made.requests(counted(), now_ns=0))
    body = made.body(request)
    next(part for part in body if b'"id"' in part)

    assert read < 200
    assert sum(part.count(b'"id"') for part in body) > 800
    assert read == len(request.numbers) == 1000


# All intakes ---------------------------------------------------------------------------------------------------------


@every_intake
def test_intake_stores_every_line_as_it_was_written(case: Case) -> None:
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


LOKI = {"labels": {"service_name": "shop", "function": "shop", "level": "warn"}, "type": "function"}
SPLUNK = {"host": "shop", "source": "lambda:shop", "level": "WARN", "type": "function"}
ELASTICSEARCH = {"_index": "logs-shop-prod", "service.name": "shop", "log.level": "warn"}
DATADOG = {
    "service": "shop",
    "hostname": TOLD.arn,
    "status": "warn",
    "ddsource": "lambda",
    "ddtags": "functionname:shop,version:$LATEST",
    "lambda": {"request_id": TOLD.request_id, "arn": TOLD.arn},
}
PLAIN = {"function": "shop", "level": "WARN", "sequence": 0}


@pytest.mark.parametrize(
    ("case", "own"),
    [
        ("loki", LOKI),
        ("splunk", SPLUNK),
        ("elasticsearch", PLAIN | ELASTICSEARCH),
        ("datadog", PLAIN | DATADOG),
        ("logzio", PLAIN | {"type": "lambda", "recordType": "function"}),
    ],
    indirect=["case"],
)
def test_entry_tells_request_reason_and_level(case: Case, own: dict[str, object]) -> None:
    """Each receiver has its own places for what stands beside a line, and its pages look there."""
    case.send([chunk([line("[WARNING]\tso so\n", time=at(now()))], metadata=TOLD)])

    (one,) = case.intake.stored
    everywhere = {
        "requestId": TOLD.request_id,
        "traceId": TOLD.trace_id,
        "version": "$LATEST",
        "reason": "crash",
        "tenantId": "blue",
    }
    assert {name: one.fields[name] for name in everywhere | own} == everywhere | own
    assert float(one.fields["weight"]) == 2.5


@every_intake
def test_entry_leaves_out_unknown_fields(case: Case) -> None:
    """A record outside of any invocation, of a function without a name, has no empty fields."""
    metadata = STAMP._replace(request_id="", trace_id="", function="", version="")

    receipt = case.send([chunk([line("a line", time=at(now()))], metadata=metadata)])

    assert receipt.answer is Answer.TAKEN
    (one,) = case.intake.stored
    assert not {"requestId", "traceId"} & set(one.fields)
    if case.kind == "loki":
        assert one.fields["labels"]["function"] == "unknown_service"


@every_intake
def test_same_batch_has_the_same_bytes(case: Case) -> None:
    """A receiver recognises a batch that is sent twice: nothing in it depends on the time of sending."""
    chunks = known(at(now()))

    case.send(chunks)
    case.send(chunks)

    asked = case.intake.requests
    half = len(asked) // 2
    assert [one.content for one in asked[:half]] == [one.content for one in asked[half:]]
    assert {one.headers["content-encoding"] for one in asked} == {"gzip"}
    assert int(asked[0].headers["content-length"]) == len(gzip.compress(asked[0].content, 6))


@pytest.mark.parametrize("case", ["loki", "elasticsearch"], indirect=True)
def test_intake_stores_a_repeated_batch_once(case: Case) -> None:
    """Where the receiver looks for repetitions, it finds them."""
    chunks = known(at(now()))

    receipts = [case.send(chunks) for _ in range(2)]

    assert [one.answer for one in receipts] == [Answer.TAKEN, Answer.TAKEN]
    assert found(case.intake.stored) == written(chunks)


@every_intake
def test_empty_batch_makes_no_request(case: Case) -> None:
    """An intake may refuse an empty body, which would look like a lost batch."""
    assert case.send([]) == Receipt(Answer.TAKEN)
    assert case.intake.requests == []


@every_intake
def test_records_without_any_time_have_that_of_sending(case: Case) -> None:
    """Every intake wants a time, and the batch tells none."""
    now_s = now().timestamp()
    sink = HttpSink(case.config(), wall_s=lambda: now_s)

    receipt = sink.send([chunk([line("a", time=""), line("b", time="soon")])], timeout_s=WAIT_S)
    sink.close()

    assert receipt.answer is Answer.TAKEN
    assert {one.time_ns // 1_000_000 for one in case.intake.stored} == {round(now_s * 1000)}


@every_intake
@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (429, Answer.UNAVAILABLE),
        (503, Answer.UNAVAILABLE),
        (403, Answer.DENIED),
        (413, Answer.TOO_LARGE),
    ],
)
def test_status_decides_where_the_answer_says_no_more(
    case: Case, status: int, answer: Answer
) -> None:
    """A bare status is all that a proxy gives, and Retry-After is heeded."""
    case.intake.answers = [Reply(status, b"no", {"Retry-After": "7"})]

    receipt = case.send([lines("a", "b")])

    retry_after_s = 7.0 if answer is Answer.UNAVAILABLE else None
    assert receipt == Receipt(
        answer, f"status {status}", retry_after_s=retry_after_s, is_throttled=status == 429
    )


@pytest.mark.parametrize(
    ("case", "rest", "headers", "detail"),
    [
        ("datadog", None, {"DD-API-KEY": "wrong"}, "status 403"),
        ("logzio", "?token=wrong", {}, "status 401"),
        ("splunk", None, {"Authorization": "Splunk wrong"}, "status 403, code 4"),
        ("splunk", None, {"Authorization": "Bearer x"}, "status 401, code 3"),
    ],
    indirect=["case"],
)
def test_wrong_token_is_denied(
    case: Case, rest: str | None, headers: dict[str, str], detail: str
) -> None:
    """Somebody may correct the token, which is not told, while the kept lines wait."""
    config = case.config(rest=rest, **headers)

    assert case.send([lines("a")], config) == Receipt(Answer.DENIED, detail)


# Parts ---------------------------------------------------------------------------------------------------------------


@given(text=st.text(max_size=300), max_bytes=st.integers(min_value=8, max_value=100))
@example(text="\x1f\x1f", max_bytes=12)
def test_pieces_of_loses_nothing(text: str, max_bytes: int) -> None:
    """No character is cut in two, and no piece is too long."""
    for size_of in (utf8_bytes, json_bytes):
        pieces = pieces_of(text, max_bytes, size_of)

        assert "".join(pieces) == text
        assert all(size_of(piece) <= max_bytes for piece in pieces)


def test_entry_replaces_half_a_surrogate_pair() -> None:
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
def test_time_text_has_microseconds(ns: int, text: str) -> None:
    """As Lambda writes its own times, so that they sort as text."""
    assert time_text(ns) == text
