import os
import threading

import pytest

from extension.model.chunk import Chunk
from extension.model.ndjson import encode
from extension.model.receipt import Answer, Receipt
from extension.sinks.local import StdoutSink, write_all
from tests.doubles.extension.chunks import lines


def chunks(*texts: str) -> list[Chunk]:
    return [lines(*(texts or ("line",)))]


def test_stdout_gets_ndjson(capfd: pytest.CaptureFixture[str]) -> None:
    """Records are lines on the process's own standard output."""
    sink = StdoutSink()

    receipt = sink.send(chunks("a", "b"), timeout_s=1.0)
    sink.close()

    written = capfd.readouterr().out
    assert written.encode() == encode(chunks("a", "b"))
    assert receipt == Receipt(Answer.TAKEN, sent_bytes=len(written.encode()))


def test_stdout_that_is_gone_is_unavailable() -> None:
    """Where standard output cannot be written to, the batch waits."""
    saved = os.dup(1)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        os.dup2(writing, 1)
        receipt = StdoutSink().send(chunks(), timeout_s=1.0)
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(writing)

    assert receipt == Receipt(Answer.UNAVAILABLE, "stdout: Broken pipe")


def test_everything_is_written_however_it_is_cut() -> None:
    """More than a pipe holds is written in as many pieces as the reader makes room for."""
    data = os.urandom(1_000_000)
    reading, writing = os.pipe()
    received: list[bytes] = []

    def read() -> None:
        while piece := os.read(reading, 50_000):
            received.append(piece)

    thread = threading.Thread(target=read)
    thread.start()
    write_all(writing, data)
    os.close(writing)
    thread.join()
    os.close(reading)

    assert b"".join(received) == data


def test_aborting_and_closing_are_harmless(capfd: pytest.CaptureFixture[str]) -> None:
    """Standard output stays open: it is the process's."""
    sink = StdoutSink()

    sink.abort()
    sink.close()
    sink.send(chunks("a"), timeout_s=1.0)

    assert capfd.readouterr().out.encode() == encode(chunks("a"))
