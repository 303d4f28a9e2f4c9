import contextlib
import json
import os
import resource
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from extension.config.settings import NO_SINK, SINK_TO_COME
from extension.model.chunk import Chunk
from extension.model.ndjson import encode
from extension.model.receipt import Answer, Receipt
from extension.sinks.base import SinkConfig
from extension.sinks.local import FileSink, StdoutSink, UnusableSink
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


# A write that fails halfway ------------------------------------------------------------------------------------------

FULL_BYTES = 64 * 1024
"""Of a file system that a test fills: the smallest that holds several records and is a multiple of any page."""


@contextlib.contextmanager
def full_disk(folder: Path) -> Iterator[Callable[[], None]]:
    """Mount a file system of 64 KB; yield what empties it but for the records."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={FULL_BYTES}", "none", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a file system, and not everywhere")
    try:
        (folder / "others").write_bytes(bytes(FULL_BYTES // 2))
        yield (folder / "others").unlink
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def limited_file_size(most_bytes: int) -> Iterator[None]:
    """Let the system cut writes at a size, as a full disk does, for any user."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def fill(sink: FileSink) -> int:
    """Send records until one fails; return how many were taken."""
    for number in range(1000):
        receipt = sink.send(chunks(f"{number} " + "x" * 700), timeout_s=1.0)
        if receipt.answer is not Answer.TAKEN:
            return number
    raise AssertionError


def test_full_disk_leaves_no_half_record(tmp_path: Path) -> None:
    """Each record that was taken can be read, once, and so can what is repeated when there is room again."""
    path = tmp_path / "records.ndjson"
    with full_disk(tmp_path) as make_room:
        sink = file_sink(path)
        taken = fill(sink)
        size = path.stat().st_size
        make_room()
        receipt = sink.send(chunks("again"), timeout_s=1.0)
        found = [json.loads(line)["record"] for line in path.read_text().splitlines()]

    assert receipt.answer is Answer.TAKEN
    assert found[-1] == "again"
    assert len(found) == taken + 1
    assert size % 4096, "the file system took the last record whole: no short write"


def test_short_write_is_taken_back(tmp_path: Path) -> None:
    """The repetition is then the only copy."""
    path = tmp_path / "records.ndjson"
    whole = encode(chunks("a"))
    sink = file_sink(path)
    sink.send(chunks("a"), timeout_s=1.0)

    with limited_file_size(len(whole) + 10):
        failed = [sink.send(chunks("b"), timeout_s=1.0) for _ in range(2)]
        left = path.read_bytes()
    sink.send(chunks("b"), timeout_s=1.0)

    assert failed == [Receipt(Answer.UNAVAILABLE, "file: File too large")] * 2
    assert left == whole
    assert path.read_bytes() == whole + encode(chunks("b"))


def test_half_record_stays_where_others_write_to_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may cut off another environment's records; a line break ends the half one."""
    path = tmp_path / "records.ndjson"
    theirs = encode(chunks("theirs"))
    write = os.write

    def write_behind_theirs(descriptor: int, data: bytes) -> int:
        monkeypatch.undo()
        with path.open("ab") as other:
            other.write(theirs)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", write_behind_theirs)
    sink = file_sink(path)
    with limited_file_size(len(theirs) + 10):
        failed = sink.send(chunks("a"), timeout_s=1.0)
        left = path.read_bytes()
    receipts = [sink.send(chunks(text), timeout_s=1.0) for text in ("a", "b")]

    assert [one.answer for one in (failed, *receipts)] == [
        Answer.UNAVAILABLE,
        Answer.TAKEN,
        Answer.TAKEN,
    ]
    assert left == theirs + encode(chunks("a"))[:10]
    assert path.read_bytes() == left + b"\n" + encode(chunks("a")) + encode(chunks("b"))


def test_half_record_that_cannot_be_taken_back_is_ended_by_a_line_break(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An append-only file cannot be cut."""
    path = tmp_path / "records.ndjson"

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "ftruncate", refuse)
    sink = file_sink(path)
    with limited_file_size(10):
        failed = [sink.send(chunks("a"), timeout_s=1.0).answer for _ in range(2)]
    sink.send(chunks("a"), timeout_s=1.0)

    assert failed == [Answer.UNAVAILABLE] * 2
    assert path.read_bytes() == encode(chunks("a"))[:10] + b"\n" + encode(chunks("a"))


# Standard output -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def stdout_to(descriptor: int) -> Iterator[None]:
    """Let the process's standard output be this descriptor, which is closed in the end."""
    saved = os.dup(1)
    try:
        os.dup2(descriptor, 1)
        os.close(descriptor)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)


def test_stdout_sink_is_unavailable_if_nobody_reads() -> None:
    """Where standard output cannot be written to, the batch waits."""
    reading, writing = os.pipe()
    os.close(reading)

    with stdout_to(writing):
        receipt = stdout_sink().send(chunks(), timeout_s=1.0)

    assert receipt == Receipt(Answer.UNAVAILABLE, "stdout: Broken pipe")


def test_stdout_sink_writes_more_than_a_pipe_holds() -> None:
    """The system writes as much as the reader makes room for."""
    batch = chunks("x" * 1_000_000)
    reading, writing = os.pipe()
    received: list[bytes] = []

    def read() -> None:
        while piece := os.read(reading, 50_000):
            received.append(piece)

    thread = threading.Thread(target=read)
    thread.start()
    with stdout_to(writing):
        stdout_sink().send(batch, timeout_s=1.0)
    thread.join()
    os.close(reading)

    assert b"".join(received) == encode(batch)


def test_half_a_record_on_a_pipe_is_ended_by_a_line_break() -> None:
    """A pipe that does not block takes a part; the next record has a line of its own."""
    large = chunks("x" * 1_000_000)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.set_blocking(reading, False)
    with stdout_to(writing):
        sink = stdout_sink()
        failed = sink.send(large, timeout_s=1.0)
        half = os.read(reading, 1_000_000)
        receipts = [sink.send(chunks(text), timeout_s=1.0) for text in ("a", "b")]
        rest = os.read(reading, 1_000_000)
    os.close(reading)

    assert failed == Receipt(Answer.UNAVAILABLE, "stdout: Resource temporarily unavailable")
    assert encode(large).startswith(half)
    assert [one.answer for one in receipts] == [Answer.TAKEN] * 2
    assert rest == b"\n" + encode(chunks("a")) + encode(chunks("b"))


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


# No sink -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "answer"), [(NO_SINK, Answer.REFUSED), (SINK_TO_COME, Answer.DENIED)]
)
def test_unusable_sink_takes_nothing(url: str, answer: Answer) -> None:
    """Its lines go elsewhere at once, or wait for a reference that somebody may mend."""
    sink = UnusableSink(SinkConfig(url, {}))

    receipt = sink.send(chunks(), timeout_s=1.0)
    sink.abort()
    sink.close()

    assert receipt.answer is answer
    assert receipt.detail
