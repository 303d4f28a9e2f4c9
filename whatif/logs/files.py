"""Open log files as text: plain or compressed, in UTF-8 or UTF-16, single files or whole folders.

Promises: a file is read once, from its beginning to its end, and never held whole. Folders are as ``aws s3 cp
--recursive`` leaves them.
"""

import io
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, NamedTuple, cast

STANDARD_INPUT = "-"
GZIP_MAGIC = b"\x1f\x8b"
OTHER_MAGICS = {b"PK\x03\x04": "a zip archive", b"\x28\xb5\x2f\xfd": "compressed with zstd"}
SKIPPED_NAMES = frozenset({"aws-logs-write-test"})
"""An export task writes this to test its permission (AWS: Exporting log data to Amazon S3)."""

GZIP_FACTOR = 8
"""Logs compress by about this factor."""

MAX_GZIP_LAYERS = 3
"""CloudWatch's own compression of a subscription, Firehose's on top of it, and one that somebody added."""

CUT_OFF, DAMAGED, FOLLOWED = (
    "The gzip is cut off",
    "The gzip is damaged",
    "Something else follows the gzip",
)

_CHUNK_BYTES = 64 * 1024
_UNZIPPED_BYTES = 8 * 1024
"""Of one call: if it comes upon damage, what it has unzipped before is lost. Python's buffers ask for 128 KiB from 3.14 on."""

_BETWEEN_MEMBERS = b"\0\r\n"
"""What may stand between the members of a gzip: padding, and the delimiter that Firehose adds to records (AWS: Amazon
Data Firehose API reference, AppendDelimiterToRecord)."""

_SNIFFED_BYTES = 512
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


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


class OpenText(NamedTuple):
    """An open file.

    Attributes:
        text: Its text. Only a newline ends a line: carriage returns within lines are the function's.
        layers: Its layers of gzip, the outermost first.
    """

    text: IO[str]
    layers: "list[Unzipped]"

    @property
    def fault(self) -> str:
        """What is wrong with its compression, as far as it has been read; empty if nothing is."""
        return next((layer.fault for layer in self.layers if layer.fault), "")


def open_text(name: str) -> OpenText:
    """Open a file as text, gzipped or not, once or several times over; replace bytes that are no text.

    Raises:
        SourceError: It cannot be opened, or has a compression that Python's standard library does not read.
    """
    try:
        raw = sys.stdin.buffer if name == STANDARD_INPUT else Path(name).open("rb")  # noqa: SIM115 - what is returned closes it
    except OSError as error:
        raise SourceError(f"{name}: {error.strerror}") from error
    # BufferedReader's peek keeps what it shows, so that standard input works as well.
    plain = cast("io.BufferedReader", raw)
    layers: list[Unzipped] = []
    while plain.peek(4)[:2] == GZIP_MAGIC and len(layers) < MAX_GZIP_LAYERS:
        layers.append(Unzipped(plain))
        plain = io.BufferedReader(layers[-1])
    magic = plain.peek(4)[:4]
    if magic in OTHER_MAGICS:
        plain.close()
        raise SourceError(f"{name}: this is {OTHER_MAGICS[magic]}; decompress it first")
    encoding = encoding_of(plain.peek(_SNIFFED_BYTES)[:_SNIFFED_BYTES])
    text = io.TextIOWrapper(plain, encoding=encoding, errors="replace", newline="\n")
    return OpenText(text, layers)


def encoding_of(head: bytes) -> str:
    """Tell the encoding of a text by its first bytes: UTF-16, as PowerShell's ``>`` writes it, or UTF-8."""
    if head.startswith(_UTF_16_MARKS):
        return "utf-16"
    # Without a mark: the digits and brackets that logs begin with have one zero byte each in UTF-16.
    pairs = len(head) // 2
    if pairs and not any(head[1 : 2 * pairs : 2]):
        return "utf-16-le"
    if pairs and not any(head[0 : 2 * pairs : 2]):
        return "utf-16-be"
    return "utf-8-sig"


class Unzipped(io.RawIOBase):
    """The content of a gzip with any number of members, as far as it can be read.

    A cut or damaged gzip ends where it cannot be read any further; :attr:`fault` tells why.
    """

    def __init__(self, below: io.BufferedIOBase) -> None:
        self.fault = ""
        self._below = below
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._waiting = b""
        self._ended = False

    def readable(self) -> bool:
        """Return true: this can be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill the buffer with the next bytes; return their number, 0 at the end."""
        view = memoryview(cast("bytearray", buffer)).cast("B")
        data = b""
        while not data and not self._ended:
            data = self._next(min(len(view), _UNZIPPED_BYTES))
        view[: len(data)] = data
        return len(data)

    def _next(self, max_bytes: int) -> bytes:
        if not self._waiting:
            self._waiting = self._below.read(_CHUNK_BYTES)
        if self._member.eof and not self._begin_member():
            return b""
        if not self._waiting and not self._member.eof:
            self._end(CUT_OFF)
            return b""
        try:
            data = self._member.decompress(self._waiting, max_bytes)
        except zlib.error:
            self._end(DAMAGED)
            return b""
        self._waiting = self._member.unconsumed_tail or self._member.unused_data
        return data

    def _begin_member(self) -> bool:
        """Go to the next member of the gzip; return whether there is one."""
        rest = self._waiting.lstrip(_BETWEEN_MEMBERS)
        while len(rest) < len(GZIP_MAGIC):
            more = self._below.read(_CHUNK_BYTES)
            if not more:
                break
            rest = (rest + more).lstrip(_BETWEEN_MEMBERS)
        self._waiting = rest
        if not rest.startswith(GZIP_MAGIC):
            self._end(FOLLOWED if rest else "")
            return False
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        return True

    def _end(self, fault: str) -> None:
        self._ended = True
        self.fault = fault

    def close(self) -> None:
        """Close the file below as well."""
        super().close()
        self._below.close()
