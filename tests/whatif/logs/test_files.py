import gzip
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from whatif.logs.files import (
    CUT_OFF,
    DAMAGED,
    FOLLOWED,
    SourceError,
    encoding_of,
    files_of,
    open_text,
    size_of,
)


def test_files_of_lists_a_folder_in_order(tmp_path: Path) -> None:
    """An export has a file that only tests the bucket."""
    for name in ("b/000001.gz", "b/000000.gz", "a/000000.gz", "aws-logs-write-test"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")

    found = files_of([str(tmp_path), "-"])

    expected = [str(tmp_path / name) for name in ("a/000000.gz", "b/000000.gz", "b/000001.gz")]
    assert found == [*expected, "-"]


def test_files_refuse_what_they_cannot_read(tmp_path: Path) -> None:
    """A missing file, an empty folder and a zip archive end the command with a sentence that names them."""
    with pytest.raises(SourceError, match=r"absent\.log: no such file"):
        files_of([str(tmp_path / "absent.log")])
    with pytest.raises(SourceError, match="no files in this folder"):
        files_of([str(tmp_path)])
    path = tmp_path / "logs.zip"
    path.write_bytes(b"PK\x03\x04rest")
    with pytest.raises(SourceError, match="zip archive"):
        open_text(str(path))


@pytest.mark.parametrize("members", [1, 3])
def test_open_text_recognises_gzip_by_its_content(tmp_path: Path, members: int) -> None:
    """A file may have any name, and several members."""
    path = tmp_path / "log"
    path.write_bytes(b"".join(gzip.compress(b"line %d\n" % number) for number in range(members)))

    with open_text(str(path)).text as text:
        assert list(text) == [f"line {number}\n" for number in range(members)]


def test_open_text_ends_lines_at_newlines_only(tmp_path: Path) -> None:
    """Runtimes join the lines of a record with carriage returns; a byte order mark is no text."""
    path = tmp_path / "log"
    path.write_bytes(b"\xef\xbb\xbfone\rstill one\x0b\xff\ntwo\n")

    with open_text(str(path)).text as text:
        assert list(text) == ["one\rstill one\x0b\N{REPLACEMENT CHARACTER}\n", "two\n"]


def zipped(*parts: bytes, between: bytes = b"") -> bytes:
    return between.join(gzip.compress(part) for part in parts)


@pytest.mark.parametrize(
    ("data", "layers"),
    [
        (zipped(zipped(b"one\n", b"two\n")), 2),
        (zipped(zipped(zipped(b"one\ntwo\n"))), 3),
        (zipped(b"one\n", b"two\n", between=b"\n"), 1),
        (zipped(b"one\n", b"two\n") + b"\0" * 100, 1),
    ],
    ids=["Firehose's on CloudWatch's", "three times", "with Firehose's delimiter", "padded"],
)
def test_open_text_unpacks_gzip_in_gzip(tmp_path: Path, data: bytes, layers: int) -> None:
    """CloudWatch compresses what a subscription delivers, and Firehose may compress it again."""
    path = tmp_path / "log"
    path.write_bytes(data)

    opened = open_text(str(path))
    with opened.text as text:
        assert list(text) == ["one\n", "two\n"]

    assert (len(opened.layers), opened.fault) == (layers, "")


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda data: data[:-20], CUT_OFF),
        (lambda data: data[:12], CUT_OFF),
        (lambda data: data[:-8] + bytes(8), DAMAGED),
        (lambda data: data + b"rest", FOLLOWED),
        (lambda data: data + b"\x1f", FOLLOWED),
        (lambda data: zipped(data[:-20]), CUT_OFF),
    ],
)
def test_open_text_reads_a_cut_gzip_as_far_as_it_goes(
    tmp_path: Path, damage: Callable[[bytes], bytes], fault: str
) -> None:
    """Even of a small file nothing that can be read is lost."""
    lines = [f"{Random(number).getrandbits(99)}\n" for number in range(500)]
    path = tmp_path / "log"
    path.write_bytes(damage(gzip.compress("".join(lines).encode())))

    opened = open_text(str(path))
    with opened.text as text:
        found = "".join(text)

    assert opened.fault == fault
    # Damaged bytes may still decode, to something else.
    assert "".join(lines).startswith(found[:8000])
    assert len(found) > 8000 or len(path.read_bytes()) < 20


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-8"])
def test_open_text_recognises_utf_16(tmp_path: Path, encoding: str) -> None:
    """PowerShell's > writes UTF-16 with a byte order mark and carriage returns; others leave the mark out."""
    path = tmp_path / "log"
    path.write_bytes("2026-11-20T08:00:01.123Z größe\r\nzwei\r\n".encode(encoding))

    with open_text(str(path)).text as text:
        assert list(text) == ["2026-11-20T08:00:01.123Z größe\r\n", "zwei\r\n"]


@pytest.mark.parametrize("head", [b"", b"x", b"hello", b"\0", b"ab\0b", "größe".encode()])
def test_encoding_of_other_bytes_is_utf_8(head: bytes) -> None:
    """Few bytes tell nothing, and a zero byte alone is no UTF-16."""
    assert encoding_of(head) == "utf-8-sig"


def test_size_of_a_file_is_that_of_its_text(tmp_path: Path) -> None:
    """It decides whether several processes count; what cannot be read has no size."""
    plain, packed = tmp_path / "a", tmp_path / "b"
    plain.write_bytes(b"x" * 100)
    packed.write_bytes(gzip.compress(b"x" * 100))

    assert size_of(str(plain)) == 100
    assert size_of(str(packed)) == 8 * packed.stat().st_size
    assert size_of("-") == size_of(str(tmp_path / "absent")) == 0
