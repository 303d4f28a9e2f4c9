"""Log files as text: plain or gzipped, single files or whole folders as ``aws s3 cp --recursive`` leaves them.

Promises: a file is read once, from its beginning to its end, and never held whole.
"""

import gzip
import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, cast

STANDARD_INPUT = "-"
GZIP_MAGIC = b"\x1f\x8b"
OTHER_MAGICS = {b"PK\x03\x04": "a zip archive", b"\x28\xb5\x2f\xfd": "compressed with zstd"}
SKIPPED_NAMES = frozenset({"aws-logs-write-test"})
"""What an export task writes into its bucket to try whether it may (AWS: Exporting log data to Amazon S3)."""


GZIP_FACTOR = 8
"""What logs are compressed to, roughly."""


class SourceError(Exception):
    """A file that cannot be read; the message says which and why."""


def files_of(names: Iterable[str]) -> list[str]:
    """Give the files to read: a folder stands for all files below it, in the order of their names.

    Raises:
        SourceError: There is no such file, or nothing in a folder.
    """
    found: list[str] = []
    for name in names:
        path = Path(name)
        if name != STANDARD_INPUT and path.is_dir():
            below = [
                str(one)
                for one in sorted(path.rglob("*"))
                if one.is_file() and one.name not in SKIPPED_NAMES
            ]
            if not below:
                raise SourceError(f"{name}: there are no files in this folder")
            found += below
        elif name == STANDARD_INPUT or path.exists():
            found.append(name)
        else:
            raise SourceError(f"{name}: there is no such file")
    return found


def size_of(name: str) -> int:
    """Give the bytes of a file, roughly, as if it were not compressed; 0 for what cannot be known."""
    if name == STANDARD_INPUT:
        return 0
    try:
        with Path(name).open("rb") as file:
            factor = GZIP_FACTOR if file.read(2) == GZIP_MAGIC else 1
        return Path(name).stat().st_size * factor
    except OSError:
        return 0


def open_text(name: str) -> IO[str]:
    """Open a file for reading as text, whatever it is compressed with; bytes that are no UTF-8 are replaced.

    Raises:
        SourceError: It cannot be opened, or is compressed in a way that Python's standard library does not read.
    """
    try:
        raw = sys.stdin.buffer if name == STANDARD_INPUT else Path(name).open("rb")  # noqa: SIM115 - what is returned closes it
    except OSError as error:
        raise SourceError(f"{name}: {error.strerror}") from error
    # BufferedReader's peek keeps what it shows, so that standard input works as well.
    buffered = cast("io.BufferedReader", raw)
    magic = buffered.peek(4)[:4]
    if magic in OTHER_MAGICS:
        buffered.close()
        raise SourceError(f"{name}: it is {OTHER_MAGICS[magic]}; decompress it first")
    plain: IO[bytes] = buffered
    if magic.startswith(GZIP_MAGIC):
        plain = cast("IO[bytes]", _Decompressed(buffered))
    # A newline is a newline and nothing else: carriage returns within lines are the function's.
    return io.TextIOWrapper(plain, encoding="utf-8-sig", errors="replace", newline="\n")


class _Decompressed(gzip.GzipFile):
    """Closes the file that it reads; GzipFile leaves one that it is given open."""

    def __init__(self, below: io.BufferedReader) -> None:
        super().__init__(fileobj=below)
        self._below = below

    def close(self) -> None:
        super().close()
        self._below.close()
