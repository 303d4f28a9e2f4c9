from typing import Any

from show.reading.entries import entry_of, entry_of_message, entry_of_record
from tests.doubles.kept import FIRST_MS, record, request_id, summary
from whatif.model.events import Logged, Received

AT: dict[str, Any] = {"place": "/kept", "stream": "s", "at_ms": FIRST_MS, "order": 3}


def test_line_as_written_has_no_id() -> None:
    """Also one that is JSON, and one that looks like a record of somebody else's."""
    for text in ("plain", '{"level":"error","type":"x"}', '{"type":"function","record":"mine"}'):
        entry = entry_of_message(text, **AT)

        assert (entry.is_bare, entry.text, entry.request_id) == (True, text, "")


def test_line_tells_its_level() -> None:
    """The recorder's own rules read it."""
    entry = entry_of_message('{"level":"error","message":"no"}', **AT)

    assert entry.level == "ERROR"


def test_record_has_its_fields() -> None:
    """In a log group as in a file."""
    stated = record(7, "boom", level="ERROR")

    in_file = entry_of_record(stated, place="kept", order=0)
    in_group = entry_of_message('{"type":"function","record":"boom","weight":1,"id":"e-7"}', **AT)

    assert in_file is not None
    assert (in_file.number, in_file.environment, in_file.level) == (7, stated["id"][:16], "ERROR")
    assert in_file.at_ms == FIRST_MS + 7
    assert (in_group.number, in_group.environment, in_group.text) == (7, "e", "boom")


def test_report_as_text_names_its_invocation() -> None:
    """As Lambda writes it."""
    entry = entry_of_message(f"REPORT RequestId: {request_id(4)}\tDuration: 1 ms\t\n", **AT)

    assert (entry.type, entry.request_id, entry.is_bare) == (
        "platform.report",
        request_id(4),
        False,
    )


def test_platform_event_names_its_invocation() -> None:
    """Its record does, if it is in a log group without the recorder's fields."""
    text = '{"time":"x","type":"platform.start","record":{"requestId":"r"}}'

    assert entry_of_message(text, **AT).request_id == "r"


def test_events_of_files_are_read_in_both_forms() -> None:
    """A reader returns log events, or records; what has no time is left out."""
    logged = entry_of(Logged("s", "2026-11-24T12:00:00.001Z", "a", "1:/g"), place="f", order=0)
    received = entry_of(Received("", summary(5)), place="f", order=1)

    assert logged is not None
    assert (logged.place, logged.stream, logged.at_ms) == ("/g", "s", FIRST_MS + 1)
    assert received is not None
    assert received.is_summary
    assert entry_of(Received("", {"type": "function", "record": "a"}), place="f", order=2) is None
    assert entry_of(Logged("s", "long ago", "a"), place="f", order=3) is None


def test_damaged_events_are_lines() -> None:
    """Nothing makes reading fail."""
    for text in ('{"type":"flightRecorder.gap"', '{"type":"flightRecorder.gap"}', "{" * 100_000):
        assert entry_of_message(text, **AT).is_bare
