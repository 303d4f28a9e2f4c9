"""What is written to standard output when no sink takes it."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from extension.delivery.last_resort import SLICE_BYTES, write_chunk
from extension.model.chunk import Chunk
from extension.model.segment import Kind, Segment
from tests.doubles.extension.chunks import STAMP, lines
from tests.doubles.lambda_events import compact, event

WAIT_S = 10.0


class Pipe:
    """A pipe, whose reader reads all, or nothing."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.read = bytearray()
        self._thread: threading.Thread | None = None

    def read_all(self) -> None:
        """Read in the background until the pipe is closed."""
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while data := os.read(self.reading, 65_536):
            self.read += data

    def records(self) -> list[dict[str, object]]:
        """Close the pipe, and return what was read."""
        os.close(self.writing)
        self.writing = -1
        if self._thread is None:
            self._read()
        else:
            self._thread.join(WAIT_S)
        return [json.loads(one) for one in self.read.splitlines() if one.endswith(b"}")]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    if pipe.writing >= 0:
        os.close(pipe.writing)
    if pipe._thread is not None:
        pipe._thread.join(WAIT_S)
    os.close(pipe.reading)


def write(
    pipe: Pipe,
    chunk: Chunk,
    *,
    monotonic_s: Callable[[], float] = time.monotonic,
    until_s: float | None = None,
    with_levels: bool = True,
) -> int:
    return write_chunk(
        chunk,
        pipe.writing,
        time.monotonic() + WAIT_S if until_s is None else until_s,
        rewrite=None,
        with_levels=with_levels,
        monotonic_s=monotonic_s,
    )


def test_all_records_are_written_in_order_and_lines_are_counted(pipe: Pipe) -> None:
    """A platform event is a record, and no line."""
    pipe.read_all()
    long = "x" * SLICE_BYTES
    chunk = lines(f"[ERROR] {long}", "b", long, "d")
    chunk.hold(
        [
            Segment(
                compact(event("platform.report", {})), count=1, first_number=9, kind=Kind.EVENT
            ),
            *chunk.segments,
        ]
    )

    written = write(pipe, chunk)

    records = pipe.records()
    assert written == 4
    assert [one["type"] for one in records] == ["platform.report", *["function"] * 4]
    assert [str(one["record"])[-1] for one in records[1:]] == ["x", "b", "x", "d"]


def test_levels_are_left_out_where_reading_them_takes_too_long(pipe: Pipe) -> None:
    """The line itself has it still."""
    written = write(pipe, lines("[ERROR] a"), with_levels=False)

    (record,) = pipe.records()
    assert written == 1
    assert "level" not in record
    assert record["record"] == "[ERROR] a"


def test_the_clock_is_looked_at_before_each_slice(pipe: Pipe) -> None:
    """So the account can still be told in time."""
    pipe.read_all()
    times = iter([0.0, 0.0, 99.0])

    written = write(
        pipe,
        lines(*["x" * (SLICE_BYTES - 500)] * 3),
        monotonic_s=lambda: next(times, 99.0),
        until_s=1.0,
    )

    assert written == 0
    assert len(pipe.records()) <= 1


def test_lines_written_whole_are_counted_where_the_pipe_stays_full(pipe: Pipe) -> None:
    """A pipe holds 64 KiB (Linux: pipe(7)); its reader may still come, so what is in there counts."""
    chunk = lines(*["x" * 10_000] * 9)

    written = write(pipe, chunk, until_s=time.monotonic() + 0.2)

    whole = pipe.records()
    assert 0 < written < 9
    assert written == len(whole)


def test_a_broken_pipe_has_taken_nothing(pipe: Pipe) -> None:
    """Nobody will ever read it."""
    end, broken = os.pipe()
    os.close(end)
    pipe_writing, pipe.writing = pipe.writing, broken

    written = write(pipe, Chunk(STAMP, lines("a").segments))

    os.close(broken)
    pipe.writing = pipe_writing
    assert written == 0
