import gzip
from pathlib import Path

import pytest

from whatif.logs.files import SourceError, files_of, open_text


def test_a_folder_stands_for_its_files_in_order(tmp_path: Path) -> None:
    """An export's folder is read file by file, without what the export task wrote to try the bucket."""
    for name in ("b/000001.gz", "b/000000.gz", "a/000000.gz", "aws-logs-write-test"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")

    found = files_of([str(tmp_path), "-"])

    expected = [str(tmp_path / name) for name in ("a/000000.gz", "b/000000.gz", "b/000001.gz")]
    assert found == [*expected, "-"]


def test_what_is_not_there_is_said_by_name(tmp_path: Path) -> None:
    """A missing file and an empty folder end the command with a sentence."""
    with pytest.raises(SourceError, match=r"absent\.log: no such file"):
        files_of([str(tmp_path / "absent.log")])
    with pytest.raises(SourceError, match="no files in this folder"):
        files_of([str(tmp_path)])


@pytest.mark.parametrize("members", [1, 3])
def test_gzip_is_told_by_content(tmp_path: Path, members: int) -> None:
    """A gzipped file is read whatever its name, in one member or in several strung together."""
    path = tmp_path / "log"
    path.write_bytes(b"".join(gzip.compress(b"line %d\n" % number) for number in range(members)))

    with open_text(str(path)) as text:
        assert list(text) == [f"line {number}\n" for number in range(members)]


def test_lines_end_at_newlines_only(tmp_path: Path) -> None:
    """Runtimes keep a record together by carriage returns, which must not cut it here; a byte order mark is no text."""
    path = tmp_path / "log"
    path.write_bytes(b"\xef\xbb\xbfone\rstill one\x0b\xff\ntwo\n")

    with open_text(str(path)) as text:
        assert list(text) == ["one\rstill one\x0b\N{REPLACEMENT CHARACTER}\n", "two\n"]


def test_what_cannot_be_decompressed_is_said(tmp_path: Path) -> None:
    """A zip archive is named as such, instead of being read as text."""
    path = tmp_path / "logs.zip"
    path.write_bytes(b"PK\x03\x04rest")

    with pytest.raises(SourceError, match="zip archive"):
        open_text(str(path))
