import json
import os
import threading
from pathlib import Path

import pytest

from extension.model.chunk import Chunk
from extension.model.ndjson import encode
from extension.model.receipt import Answer, Receipt
from extension.sinks.base import SinkConfig
from extension.sinks.local import FileSink, StdoutSink, write_all
from tests.doubles.extension.chunks import lines


def chunks(*texts: str) -> list[Chunk]:
    return [lines(*(texts or ("line",)))]


def file_sink(path: Path) -> FileSink:
    return FileSink(SinkConfig(f"file:{path}", {}))


def stdout_sink() -> StdoutSink:
    return StdoutSink(SinkConfig("stdout:", {}))


# A file --------------------------------------------------------------------------------------------------------------


def test_file_sink_appends(tmp_path: Path) -> None:
    """Batches follow each other in the file, behind earlier content."""
    path = tmp_path / "records.ndjson"
    path.write_bytes(b"before\n")
    sink = file_sink(path)

    receipts = [sink.send(chunks(text), timeout_s=1.0) for text in ("a", "b")]
    sink.close()

    first, second = encode(chunks("a")), encode(chunks("b"))
    assert path.read_bytes() == b"before\n" + first + second
    assert receipts == [
        Receipt(Answer.TAKEN, sent_bytes=len(first)),
        Receipt(Answer.TAKEN, sent_bytes=len(second)),
    ]


def test_file_sink_opens_the_file_for_each_delivery(tmp_path: Path) -> None:
    """Somebody may move the file away at any time."""
    path = tmp_path / "records.ndjson"
    sink = file_sink(path)
    sink.send(chunks("a"), timeout_s=1.0)
    path.rename(tmp_path / "old")

    sink.send(chunks("b"), timeout_s=1.0)

    assert path.read_bytes() == encode(chunks("b"))
    assert path.stat().st_mode & 0o777 == 0o644 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("missing/records", "No such file or directory"),
        (".", "Is a directory"),
        ("/dev/full", "No space left on device"),
    ],
)
def test_file_sink_is_unavailable_if_the_file_cannot_be_written(
    tmp_path: Path, path: str, detail: str
) -> None:
    """Somebody may correct a missing folder or a full disk, so the batch is tried again."""
    receipt = file_sink(tmp_path / path).send(chunks(), timeout_s=1.0)

    assert receipt == Receipt(Answer.UNAVAILABLE, f"file: {detail}")


def test_many_file_sinks_share_a_file(tmp_path: Path) -> None:
    """Deliveries of several environments do not mix within a line."""
    path = tmp_path / "records.ndjson"

    def write(name: str) -> None:
        for _ in range(20):
            file_sink(path).send(chunks(*[name * 200] * 20), timeout_s=1.0)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    records = [json.loads(line)["record"] for line in path.read_text().splitlines()]
    assert sorted(set(records)) == [name * 200 for name in "abcd"]
    assert len(records) == 4 * 20 * 20


# Standard output -----------------------------------------------------------------------------------------------------


def test_stdout_sink_is_unavailable_if_nobody_reads() -> None:
    """Where standard output cannot be written to, the batch waits."""
    saved = os.dup(1)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        os.dup2(writing, 1)
        receipt = stdout_sink().send(chunks(), timeout_s=1.0)
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(writing)

    assert receipt == Receipt(Answer.UNAVAILABLE, "stdout: Broken pipe")


def test_write_all_writes_more_than_a_pipe_holds() -> None:
    """The system writes as much as the reader makes room for."""
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


# Both ----------------------------------------------------------------------------------------------------------------


def test_local_sinks_go_on_after_abort_and_close(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing can be broken off, and standard output is the process's: it stays open."""
    path = tmp_path / "records"
    expected = encode(chunks("a", "b"))

    for sink in (file_sink(path), stdout_sink()):
        sink.abort()
        sink.close()
        sink.close()

        receipt = sink.send(chunks("a", "b"), timeout_s=1.0)

        assert receipt == Receipt(Answer.TAKEN, sent_bytes=len(expected))
    assert path.read_bytes() == capfd.readouterr().out.encode() == expected
