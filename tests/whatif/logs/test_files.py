import gzip
from pathlib import Path

import pytest

from whatif.logs.files import SourceError, files_of, open_text


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
