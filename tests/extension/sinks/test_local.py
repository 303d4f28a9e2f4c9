import json
import os
import threading
from pathlib import Path

import pytest

from extension.model.chunk import Chunk
from extension.model.ndjson import encode
from extension.model.receipt import Answer, Receipt
from extension.sinks.local import FileSink
from tests.doubles.extension.chunks import lines


def chunks(*texts: str) -> list[Chunk]:
    return [lines(*(texts or ("line",)))]


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    """Batches follow each other in the file, behind what is in it."""
    path = tmp_path / "records.ndjson"
    path.write_bytes(b"before\n")
    sink = FileSink(str(path))

    receipts = [sink.send(chunks(text), timeout_s=1.0) for text in ("a", "b")]
    sink.close()

    first, second = encode(chunks("a")), encode(chunks("b"))
    assert path.read_bytes() == b"before\n" + first + second
    assert receipts == [
        Receipt(Answer.TAKEN, sent_bytes=len(first)),
        Receipt(Answer.TAKEN, sent_bytes=len(second)),
    ]


def test_a_file_may_be_moved_away(tmp_path: Path) -> None:
    """Each delivery opens the file anew."""
    path = tmp_path / "records.ndjson"
    sink = FileSink(str(path))
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
def test_a_file_that_cannot_be_written_may_be_later(tmp_path: Path, path: str, detail: str) -> None:
    """A missing folder or a full disk may be put right, so it is tried again."""
    sink = FileSink(str(tmp_path / path))

    receipt = sink.send(chunks(), timeout_s=1.0)

    assert receipt == Receipt(Answer.UNAVAILABLE, f"file: {detail}")


def test_many_writers_share_a_file(tmp_path: Path) -> None:
    """Deliveries of several environments do not mix within a line."""
    path = tmp_path / "records.ndjson"

    def write(name: str) -> None:
        for _ in range(20):
            FileSink(str(path)).send(chunks(*[name * 200] * 20), timeout_s=1.0)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    records = [json.loads(line)["record"] for line in path.read_text().splitlines()]
    assert sorted(set(records)) == [name * 200 for name in "abcd"]
    assert len(records) == 4 * 20 * 20


def test_aborting_and_closing_are_harmless(tmp_path: Path) -> None:
    """There is nothing to break off, and nothing open."""
    sink = FileSink(str(tmp_path / "records"))

    sink.abort()
    sink.close()
    sink.close()

    assert sink.send(chunks(), timeout_s=1.0).answer is Answer.TAKEN
