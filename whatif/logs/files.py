"""Open log files as text: plain or gzipped, single files or whole folders.

Promises: a file is read once, from its beginning to its end, and never held whole. Folders are as ``aws s3 cp
--recursive`` leaves them.
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
"""An export task writes this to test its permission (AWS: Exporting log data to Amazon S3)."""

GZIP_FACTOR = 8
"""Logs compress by about this factor."""


class SourceError(Exception):
    """A file cannot be read; the message says which and why."""


def files_of(names: Iterable[str]) -> list[str]:
    """Return the files to read; a folder stands for all files below it, in the order of their names.

    Raises:
        SourceError: A file does not exist, or a folder is empty.
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
                raise SourceError(f"{name}: no files in this folder")
            found += below
        elif name == STANDARD_INPUT or path.exists():
            found.append(name)
        else:
            raise SourceError(f"{name}: no such file")
    return found


def size_of(name: str) -> int:
    """Return the approximate uncompressed size of a file; 0 where it is unknown."""
    if name == STANDARD_INPUT:
        return 0
    try:
        with Path(name).open("rb") as file:
            factor = GZIP_FACTOR if file.read(2) == GZIP_MAGIC else 1
        return Path(name).stat().st_size * factor
    except OSError:
        return 0


def open_text(name: str) -> IO[str]:
    """Open a file as text, gzipped or not; replace bytes that are not UTF-8.

    Raises:
        SourceError: It cannot be opened, or has a compression that Python's standard library does not read.
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
        raise SourceError(f"{name}: this is {OTHER_MAGICS[magic]}; decompress it first")
    plain: IO[bytes] = buffered
    if magic.startswith(GZIP_MAGIC):
        plain = cast("IO[bytes]", _Decompressed(buffered))
    # Only a newline ends a line: carriage returns within lines are the function's.
    return io.TextIOWrapper(plain, encoding="utf-8-sig", errors="replace", newline="\n")


class _Decompressed(gzip.GzipFile):
    """A GzipFile that closes the file below it."""

    def __init__(self, below: io.BufferedReader) -> None:
        super().__init__(fileobj=below)
        self._below = below

    def close(self) -> None:
        super().close()
        self._below.close()
