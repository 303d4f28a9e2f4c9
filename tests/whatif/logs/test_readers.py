import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.doubles import shop_logs
from whatif.logs.readers import read_events
from whatif.model.events import Logged, Reading


@pytest.mark.parametrize("name", shop_logs.NAMED)
def test_reader_finds_the_same_events_in_every_form(tmp_path: Path, name: str) -> None:
    """Streams, times to the millisecond and messages are Lambda's, byte for byte."""
    path = tmp_path / "log"
    path.write_text(shop_logs.NAMED[name](shop_logs.shop()), encoding="utf-8", newline="")
    reading = Reading(str(path))
    key = _by_stream if name.startswith("subscription") else _as_is

    events = [event for event in read_events(reading) if isinstance(event, Logged)]

    shown = [(event.stream, event.time[:23], _plain(event.message)) for event in events]
    expected = [(e.stream, shop_logs.iso(e.at_ms), _plain(e.message)) for e in shop_logs.shop()]
    assert key(shown) == key(expected)
    assert (reading.unreadable, reading.notes) == (0, [])
    assert reading.events == len(expected)


def _as_is(events: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return events


def _by_stream(events: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return sorted(events, key=lambda event: event[0])


def _plain(message: str) -> str:
    # What stands at an event's very end does not survive ``aws logs tail``, nor do blanks in JSON.
    return message.rstrip() if not message.startswith("{") else message.replace(" ", "")


@pytest.mark.parametrize(("text", "unreadable"), [("hello\n\nworld\n", 2), ("", 0)])
def test_reader_finds_no_events_in_another_file(tmp_path: Path, text: str, unreadable: int) -> None:
    """Its lines count as unreadable, and a note lists the known kinds of logs."""
    path = tmp_path / "log"
    path.write_text(text)
    reading = Reading(str(path))

    assert list(read_events(reading)) == []
    assert (reading.form, reading.unreadable) == ("", unreadable)
    assert ["aws logs tail" in note for note in reading.notes] == [True] * bool(text)


@pytest.mark.parametrize("cut", [lambda data: data[:-20], lambda data: data[:-200] + b"x" * 200])
def test_reader_takes_the_rest_of_a_cut_file(tmp_path: Path, cut: Callable[[bytes], bytes]) -> None:
    """An interrupted download ends the reading of that file with a note, not the command."""
    path = tmp_path / "log.gz"
    path.write_bytes(cut(gzip.compress(shop_logs.tail(shop_logs.shop() * 40).encode())))
    reading = Reading(str(path))

    events = list(read_events(reading))

    assert len(events) > 100
    assert "The gzip ends before its data does" in reading.notes[0]
