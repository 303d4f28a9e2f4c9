"""The framed channel and plain pipes, cut into records whatever the chunks."""

import struct

from hypothesis import given, strategies as st

from emulator.machine.frames import FrameReader, LineReader


def frame(kind: int, message: bytes, time_us: int = 1_700_000_000_000_001) -> bytes:
    return struct.pack(">IIQ", kind, len(message), time_us) + message


@given(st.lists(st.binary(max_size=80), max_size=8), st.integers(min_value=1, max_value=40))
def test_frames_survive_any_split(messages: list[bytes], step: int) -> None:
    """A pipe cuts and joins writes anywhere."""
    stream = b"".join(frame(0xA55A0003, m) for m in messages)
    reader = FrameReader()

    records = [r for i in range(0, len(stream), step) for r in reader.feed(stream[i : i + step])]

    assert [r.data for r in records] == messages
    assert all(r.time_ns == 1_700_000_000_000_001_000 for r in records)
    assert reader.close() == []


def test_frame_type_carries_the_level() -> None:
    """Text and JSON have it in the same bits; 3 and 2 mean no level."""
    reader = FrameReader()
    kinds = [0xA55A0003, 0xA55A0002, 0xA55A0007, 0xA55A000E, 0xA55A0013, 0xA55A0017, 0xA55A001B]

    records = reader.feed(b"".join(frame(k, b"m") for k in kinds))

    assert [r.level for r in records] == [None, None, "TRACE", "INFO", "WARN", "ERROR", "FATAL"]


def test_bytes_that_are_not_a_frame_become_a_record() -> None:
    """A function may write to any descriptor, and nothing may be lost silently."""
    reader = FrameReader()

    records = reader.feed(b"this is plain text, not a frame")

    assert [r.data for r in records] == [b"this is plain text, not a frame"]


def test_unfinished_frame_becomes_a_record_at_the_end() -> None:
    """A killed process leaves half a frame, and people want to read it."""
    reader = FrameReader()
    reader.feed(frame(0xA55A0003, b"whole message")[:-4])

    assert [r.data for r in reader.close()] == [b"whole mes"]


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=40))
def test_lines_survive_any_split(stream: bytes, step: int) -> None:
    """A pipe cuts and joins writes anywhere; only newlines divide lines."""
    reader = LineReader()

    records = [r for i in range(0, len(stream), step) for r in reader.feed(stream[i : i + step])]
    records += reader.close()

    assert b"".join(r.data for r in records) == stream
    assert all(r.data.count(b"\n") <= 1 for r in records)
    assert all(r.data.endswith(b"\n") for r in records[:-1])
