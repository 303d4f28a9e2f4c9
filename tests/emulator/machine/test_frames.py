"""The framed channel and plain pipes, cut into records whatever the chunks."""

import struct

from hypothesis import given, strategies as st

from emulator.machine.frames import FrameReader, LineReader


def frame(kind: int, message: bytes, time_us: int = 1_700_000_000_000_001) -> bytes:
    return struct.pack(">IIQ", kind, len(message), time_us) + message


@given(st.lists(st.binary(max_size=80), max_size=8), st.integers(min_value=1, max_value=40))
def test_frames_survive_any_split(messages: list[bytes], step: int) -> None:
    """One frame is one record, newlines and all, however the bytes were cut."""
    stream = b"".join(frame(0xA55A0003, m) for m in messages)
    reader = FrameReader()

    records = [r for i in range(0, len(stream), step) for r in reader.feed(stream[i : i + step])]

    assert [r.data for r in records] == messages
    assert all(r.time_ns == 1_700_000_000_000_001_000 for r in records)
    assert reader.close() == []


def test_the_level_comes_from_the_type() -> None:
    """Text and JSON carry it in the same bits; 3 and 2 mean none."""
    reader = FrameReader()
    kinds = [0xA55A0003, 0xA55A0002, 0xA55A0007, 0xA55A000E, 0xA55A0013, 0xA55A0017, 0xA55A001B]

    records = reader.feed(b"".join(frame(k, b"m") for k in kinds))

    assert [r.level for r in records] == [None, None, "TRACE", "INFO", "WARN", "ERROR", "FATAL"]


def test_bytes_that_are_no_frame_are_kept() -> None:
    """Nothing is lost silently."""
    reader = FrameReader()

    records = reader.feed(b"this is plain text, not a frame")

    assert [r.data for r in records] == [b"this is plain text, not a frame"]


def test_an_unfinished_frame_is_given_at_the_end() -> None:
    """What a killed process had written of it, less the header."""
    reader = FrameReader()
    reader.feed(frame(0xA55A0003, b"whole message")[:-4])

    assert [r.data for r in reader.close()] == [b"whole mes"]


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=40))
def test_lines_survive_any_split(stream: bytes, step: int) -> None:
    """Cut at newlines only, never at carriage returns, and nothing lost."""
    reader = LineReader()

    records = [r for i in range(0, len(stream), step) for r in reader.feed(stream[i : i + step])]
    records += reader.close()

    assert b"".join(r.data for r in records) == stream
    assert all(r.data.count(b"\n") <= 1 for r in records)
    assert all(r.data.endswith(b"\n") for r in records[:-1])
