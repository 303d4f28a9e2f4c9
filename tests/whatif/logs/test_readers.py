import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tests.doubles import shop_logs
from whatif.logs.readers import read_events
from whatif.model.events import Logged, Reading, Received


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


def read(path: Path) -> tuple[list[Logged | Received], Reading]:
    reading = Reading(str(path))
    return list(read_events(reading)), reading


@pytest.mark.parametrize("text", ["hello\rworld\nxx", "\r\n", "\r", "a,b\rc\n", 'x"\r"y\n', "\0\n"])
def test_reader_takes_carriage_returns_anywhere(tmp_path: Path, text: str) -> None:
    """None of them ends the command with a traceback."""
    path = tmp_path / "log"
    path.write_text(text, newline="")

    events, reading = read(path)

    assert events == []
    assert all("none of the known kinds" in note for note in reading.notes)


@pytest.mark.parametrize("name", ["aws logs tail", "filter-log-events", "Insights, CSV"])
@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_reader_takes_other_ends_of_lines(tmp_path: Path, name: str, end: str) -> None:
    """A file that went through another system has the same events."""
    text = shop_logs.NAMED[name](shop_logs.shop())
    plain, other = tmp_path / "plain", tmp_path / "other"
    plain.write_text(text, newline="")
    other.write_text(text.replace("\n", end), newline="")

    found, wanted = read(other)[0], read(plain)[0]

    assert [_shown(one) for one in found] == [_shown(one) for one in wanted]


def _shown(event: Logged | Received) -> tuple[str, str, str]:
    assert isinstance(event, Logged)
    return event.stream, event.time, event.message.replace("\r\n", "\n")


@pytest.mark.parametrize("name", ["aws logs tail", "filter-log-events", "subscription"])
def test_reader_takes_what_powershell_writes(tmp_path: Path, name: str) -> None:
    """Windows PowerShell redirects into UTF-16 with carriage returns."""
    text = shop_logs.NAMED[name](shop_logs.shop())
    plain, other = tmp_path / "plain", tmp_path / "other"
    plain.write_text(text, encoding="utf-8", newline="")
    other.write_text(text.replace("\n", "\r\n"), encoding="utf-16", newline="")

    found, wanted = read(other)[0], read(plain)[0]

    assert [_shown(one) for one in found] == [_shown(one) for one in wanted]


def test_reader_takes_a_firehose_object_that_is_zipped_twice(tmp_path: Path) -> None:
    """Each record of a subscription is a gzip, and Firehose's own compression wraps them all."""
    records = [json.dumps(one).encode() for one in shop_logs.subscribed(shop_logs.shop())]
    path = tmp_path / "shop-1-2026-11-20-08-00-00.gz"
    path.write_bytes(gzip.compress(b"".join(map(gzip.compress, records))))

    events, reading = read(path)

    assert len(events) == len(shop_logs.shop())
    assert (reading.form, reading.unreadable, reading.notes) == (
        "subscription deliveries",
        0,
        [],
    )


def test_reader_refuses_bare_messages_in_one_sentence(tmp_path: Path) -> None:
    """Firehose's message extraction drops times and streams, and a wrong answer is worse than none."""
    path = tmp_path / "log"
    path.write_text(shop_logs.extracted(shop_logs.shop()), encoding="utf-8")

    events, reading = read(path)

    assert events == []
    assert reading.unreadable > len(shop_logs.shop())
    assert len(reading.notes) == 1
    assert "message extraction" in reading.notes[0]


def test_reader_does_not_count_control_messages(tmp_path: Path) -> None:
    """CloudWatch checks a destination before it delivers, with a time of years ago."""
    path = tmp_path / "log"
    check = shop_logs.subscribed([])[:1]
    path.write_text(
        json.dumps(check[0]) + json.dumps({"awslogs": {"data": shop_logs.packed(check[0])}})
    )

    events, reading = read(path)

    assert events == []
    assert (reading.unreadable, reading.notes) == (0, [])


def test_reader_tells_the_log_group_of_a_subscription(tmp_path: Path) -> None:
    """One delivery stream may take the logs of many functions."""
    path = tmp_path / "log"
    path.write_text(
        "".join(
            json.dumps(one) for one in shop_logs.subscribed(shop_logs.shop(), group="/aws/lambda/x")
        )
    )

    events, _ = read(path)

    assert {event.group for event in events if isinstance(event, Logged)} == {"/aws/lambda/x"}


@pytest.mark.parametrize("cut", [lambda data: data[:-20], lambda data: data[:-200] + b"x" * 200])
def test_reader_takes_the_rest_of_a_cut_file(tmp_path: Path, cut: Callable[[bytes], bytes]) -> None:
    """An interrupted download ends the reading of that file with a note, not the command."""
    path = tmp_path / "log.gz"
    path.write_bytes(cut(gzip.compress(shop_logs.tail(shop_logs.shop() * 40).encode())))
    reading = Reading(str(path))

    events = list(read_events(reading))

    assert len(events) > 100
    assert f": {len(events):,} events before that could be read" in reading.notes[0]
    assert reading.notes[0].startswith("The gzip is ")


@given(
    st.binary(max_size=300),
    st.sampled_from(
        [b"", b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff", b"{", b"H4sI", b"START RequestId: "]
    ),
    st.integers(0, 3),
)
def test_reader_takes_any_bytes(data: bytes, begin: bytes, layers: int) -> None:
    """No content makes reading fail, however often it is zipped."""
    data = begin + data
    for _ in range(layers):
        data = gzip.compress(data)
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()

        read(Path(file.name))
