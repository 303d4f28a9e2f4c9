"""The summary of a failed invocation, from its lines to its record."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from extension.model.chunk import Chunk, rewritten
from extension.model.record import records_in
from extension.model.segment import Kind, Segment
from extension.model.summary import (
    MAX_EVENT_BYTES,
    MAX_LINE_CHARS,
    MAX_MESSAGE_CHARS,
    MAX_TYPE_CHARS,
    finished,
    held_back,
    names_a_type,
    unfinished,
)
from extension.redaction.patterns import read_patterns
from extension.redaction.redactor import Redactor
from tests.doubles.extension.chunks import STAMP
from tests.doubles.lambda_events import TIME, compact, event, line

SUMMARY: dict[str, Any] = {"outcome": "error", "lines": 3, "durationMs": 12.5}
TYPED = '[ERROR] ValueError: no order 4711\nTraceback (most recent call last):\n  File "/var/task/a.py", line 3, in f'


def summary(*records: object, reason: str = "python-exception", **more: object) -> bytes:
    told = event("flightRecorder.invocation", {**SUMMARY, **more})
    events = [held_back(compact(line(record))) for record in records]
    return unfinished(told, reason=reason, error_events=events)


def written(raw: bytes, *, redact: str = "") -> dict[str, Any]:
    """Return the record as a sink writes it, with REDACT as given."""
    chunks = [Chunk(STAMP, [Segment(raw, count=1, first_number=1, kind=Kind.SUMMARY)])]
    if redact:
        chunks = rewritten(chunks, Redactor(read_patterns(redact)).redact_all)
    (found,) = records_in(chunks)
    assert isinstance(found.record, dict)
    assert json.loads(found.raw) == {
        "time": TIME,
        "type": "flightRecorder.invocation",
        "record": found.record,
    }
    return found.record


def test_summary_tells_what_its_error_lines_tell() -> None:
    """Beside all that the recorder told."""
    found = written(summary(TYPED))

    fingerprint = found.pop("fingerprint")
    assert found == {
        **SUMMARY,
        "errorType": "ValueError",
        "errorMessage": "no order 4711",
        "errorLine": TYPED,
    }
    assert fingerprint == written(summary(TYPED.replace("4711", "4712")))["fingerprint"]


def test_type_is_of_the_first_line_that_names_one() -> None:
    """Ruby's client announces an error on a line of its own, and tells it on the next; the first line is quoted."""
    error = '{"errorMessage":"boom","errorType":"Function<ArgumentError>","stackTrace":["/var/task/fn.rb:14:in `f\'"]}'

    found = written(summary("Error raised from handler method\n", error))

    assert found["errorLine"] == "Error raised from handler method"
    assert (found["errorType"], found["errorMessage"]) == ("Function<ArgumentError>", "boom")


@pytest.mark.parametrize(
    ("records", "kind"),
    [((), "Runtime.ExitError"), (("[ERROR] x",), "Runtime.ExitError"), ((TYPED,), "ValueError")],
    ids=["no line", "a line without a type", "a line with one"],
)
def test_lambda_s_word_stands_where_no_line_has_a_better_one(
    records: tuple[str, ...], kind: str
) -> None:
    """A crash and a time-out leave no line behind."""
    found = written(summary(*records, reason="crash", errorType="Runtime.ExitError"))

    assert found["errorType"] == kind
    assert ("errorMessage" in found) == ("errorLine" in found) == bool(records)
    assert found["fingerprint"]


def test_summary_is_bounded() -> None:
    """A message may be a document."""
    found = written(summary({"errorType": "T" * 9000, "errorMessage": "m" * 9000, "stack": "s"}))

    assert found["errorType"] == "T" * MAX_TYPE_CHARS
    assert found["errorMessage"] == "m" * MAX_MESSAGE_CHARS
    assert len(found["errorLine"]) == MAX_LINE_CHARS


SECRET = "hunter2"
LINES: dict[str, object] = {
    "text": f"[ERROR] ValueError: password={SECRET}",
    "text, JSON": f'{{"level":"error","message":"password={SECRET}"}}',
    "object": {"level": "error", "message": f"password={SECRET}"},
    "object, key and value": {"level": "error", "err": {"message": "m", "password": SECRET}},
    "JSON behind a prefix": f'2026-11-28T19:50:36.123Z\tid\tERROR\tInvoke Error \t{{"errorType":"E","errorMessage":"password={SECRET}"}}',
    "JSON in message": {"level": "ERROR", "message": f'{{"message":"password: {SECRET}"}}'},
    "across the cut": "[ERROR] E: " + "x" * (MAX_MESSAGE_CHARS - 12) + f" password={SECRET}",
    "across the line's cut": "[ERROR] E: " + "x" * (MAX_LINE_CHARS - 22) + f" password={SECRET}",
    "in the type": {"errorType": f"password={SECRET}", "errorMessage": "m"},
}


@pytest.mark.parametrize("record", LINES.values(), ids=LINES)
def test_summary_quotes_no_secret(record: object) -> None:
    """REDACT goes over the whole line first, so nothing is cut in two before its pattern has seen it."""
    assert SECRET in json.dumps(record)

    found = json.dumps(written(summary(record), redact="passwords"))

    assert SECRET[:3] not in found


def test_patterns_that_are_not_known_yet_mask_all() -> None:
    """REDACT may be a reference that is being fetched, and a pattern may be unusable."""
    found = written(summary(TYPED), redact="(")

    assert (found["errorMessage"], found["errorLine"]) == ("[REDACTED]", "[REDACTED]")
    assert "errorType" not in found


def test_redact_changes_nothing_that_the_extension_tells() -> None:
    """A pattern that matches numbers would leave no count."""
    found = written(summary("[ERROR] order 17"), redact=r"\d+")

    assert found["errorMessage"] == "order [REDACTED]"
    assert {name: found[name] for name in SUMMARY} == SUMMARY
    assert "REDACTED" not in found["fingerprint"]


def test_fingerprint_is_made_of_what_redact_left() -> None:
    """So it tells nothing about a secret, not even whether it is another one."""
    one, other = (summary(f"[ERROR] password={secret}") for secret in ("abc", "defg"))

    assert (
        written(one, redact="passwords")["fingerprint"]
        == written(other, redact="passwords")["fingerprint"]
    )


def long(make: Callable[[str], object]) -> object:
    return make("x" * MAX_EVENT_BYTES)


LONG: dict[str, object] = {
    "text": long(lambda filler: f"{TYPED}\n{filler}"),
    "object": long(
        lambda filler: {
            "errorType": "ValueError",
            "errorMessage": "no order 4711",
            "context": filler,
        }
    ),
}


@pytest.mark.parametrize("record", LONG.values(), ids=LONG)
def test_a_very_long_line_is_told_without_being_held(record: object) -> None:
    """A structured log with all of its locals would otherwise be held twice."""
    raw = summary(record)

    assert len(raw) < 2 * MAX_LINE_CHARS + MAX_MESSAGE_CHARS
    found = written(raw)
    assert (found["errorType"], found["errorMessage"]) == ("ValueError", "no order 4711")
    assert len(found["errorLine"]) == MAX_LINE_CHARS


@pytest.mark.parametrize("record", LONG.values(), ids=LONG)
def test_a_very_long_line_is_masked_whole(record: object) -> None:
    """A pattern may need what was cut off, such as the end of a key."""
    found = written(summary(record), redact=r"BEGIN[\s\S]*END")

    assert (found["errorMessage"], found["errorLine"]) == ("[REDACTED]", "[REDACTED]")
    assert "errorType" not in found


@pytest.mark.parametrize("redact", ["", "passwords", "("], ids=["none", "a preset", "unusable"])
@pytest.mark.parametrize("event", [b"", b"{", b"[]", b'{"record":', b'"x"', b"\xff"])
def test_an_event_that_is_none_tells_nothing(event: bytes, redact: str) -> None:
    """It cannot come, and must not cost the summary."""
    raw = unfinished({"record": {}, "time": TIME}, reason="r", error_events=[held_back(event)])

    told = json.loads(finished(raw))["record"]

    assert told["fingerprint"]
    assert "errorType" not in told
    assert not names_a_type(event)


def test_white_space_between_members_does_not_break_a_summary() -> None:
    """Any batch that is JSON is taken, and a newline there means nothing."""
    event = b'{"time": "t",\n "type": "function",\r\n "record": "[ERROR] E: a\\nb"}'

    found = written(
        unfinished(
            {"time": TIME, "type": "flightRecorder.invocation", "record": {}},
            reason="r",
            error_events=[held_back(event)],
        )
    )

    assert found["errorLine"] == "[ERROR] E: a\nb"
