"""Read the objects of an ``s3://`` sink, of the hours in question alone, with the aws command.

Promises: objects go through memory, never through a file. What bounds cut off is said.

Assumes of the sink: keys such as ``PREFIX/function=shop/year=2026/month=11/day=24/hour=15/NAME.ndjson.gz``, by the time of an
object's first record in UTC; and that an object is written at most 15 minutes later, the longest LINGER (extension/sinks/s3.py).
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Any

from show.model.entry import Entry
from show.model.errors import ShowError
from show.model.invocation import Invocation
from show.reading.entries import entry_of_record
from show.reading.ndjson import values_of
from show.sources.command import Aws, AwsError
from show.sources.progress import Progress
from show.sources.span import Span

LINGER_MS = 15 * 60 * 1000
"""The longest LINGER. An object may hold records of so long a time behind its first one."""

PAGE_KEYS = 1000
"""The most that a page may have (AWS: ListObjectsV2)."""

MAX_PAGES = 100
"""Of a listing: 100,000 objects, and a minute and a half."""

MAX_OBJECTS = 500
"""Each takes the aws command a second, and four are fetched at a time: two minutes."""

MAX_BYTES = 256 * 1024 * 1024
"""Of all objects together, unzipped: decoded records take some five times that in memory."""

MAX_OBJECT_BYTES = 64 * 1024 * 1024
"""Of one object, unzipped. The sink's batches are a few megabytes."""

MAX_HOURS_LISTED = 4
"""Up to so many hours are listed one by one, longer spans by the day: each listing takes the aws command a second."""

FETCHED_AT_A_TIME = 4

_HOUR = re.compile(r"/year=(\d{4})/month=(\d{2})/day=(\d{2})/hour=(\d{2})/")


class Bucket:
    """The part of a bucket below a prefix, within a span of time."""

    def __init__(self, url: str, span: Span, *, aws: Aws, progress: Progress) -> None:
        """Fetch nothing yet. ``url`` is ``s3://BUCKET``, with a prefix or without."""
        self.name = url.rstrip("/")
        self.notes: list[str] = []
        self._bucket, _, prefix = url.removeprefix("s3://").partition("/")
        self._prefix = prefix.strip("/")
        self._span = span
        self._aws = aws
        self._progress = progress
        self._entries: list[Entry] | None = None

    def summaries(self) -> Sequence[Entry]:
        """Return all entries of the span."""
        if self._entries is None:
            self._entries = [entry for entry in self._fetched() if self._span.holds(entry.at_ms)]
        return self._entries

    def naming(self, _text: str) -> Sequence[Entry]:
        """Return all entries of the span."""
        return self.summaries()

    def around(self, _one: Invocation) -> Sequence[Entry]:
        """Return nothing more."""
        return ()

    def _fetched(self) -> Iterator[Entry]:
        keys = self._keys()
        if len(keys) > MAX_OBJECTS:
            # The newest: keys of one function are in the order of their hours.
            keys = sorted(keys, key=lambda key: (_hour_of(key), key))[-MAX_OBJECTS:]
            self.notes.append(
                f"{self.name} has more than {MAX_OBJECTS} objects of this time, and only the newest were read: choose"
                " a shorter time with --since, or add /function=NAME."
            )
        read_bytes = order = 0
        with ThreadPoolExecutor(FETCHED_AT_A_TIME) as pool:
            for number, data in enumerate(pool.map(self._object, keys), 1):
                self._progress.tell(f"{self.name}: {number} of {len(keys)} objects")
                read_bytes += len(data)
                if read_bytes > MAX_BYTES:
                    pool.shutdown(wait=False, cancel_futures=True)
                    self.notes.append(
                        f"Reading {self.name} stopped at {MAX_BYTES // 1024**2} MiB, after {number} of {len(keys)}"
                        " objects: choose a shorter time with --since."
                    )
                    return
                for value in values_of(data):
                    order += 1
                    entry = entry_of_record(value, place=self.name, order=order)
                    if entry is not None:
                        yield entry

    def _keys(self) -> list[str]:
        begin = datetime.fromtimestamp((self._span.begin_ms - LINGER_MS) // 1000, timezone.utc)
        end = datetime.fromtimestamp(self._span.end_ms // 1000, timezone.utc)
        hours = (begin.strftime("%Y%m%d%H"), end.strftime("%Y%m%d%H"))
        keys = []
        for function in self._functions():
            for part in _partitions(begin, end):
                found = self._listed(f"{function}{part}/")
                names = (str(one.get("Key", "")) for one in _list(found, "Contents"))
                keys += [key for key in names if hours[0] <= _hour_of(key) <= hours[1]]
        return keys

    def _functions(self) -> list[str]:
        """Return the prefixes of the functions, each with a slash at its end."""
        if re.search(r"(^|/)function=[^/]+$", self._prefix):
            return [f"{self._prefix}/"]
        prefix = f"{self._prefix}/function=" if self._prefix else "function="
        answers = self._listed(prefix, "--delimiter", "/")
        return [str(one.get("Prefix", "")) for one in _list(answers, "CommonPrefixes")]

    def _listed(self, prefix: str, *more: str) -> list[dict[str, Any]]:
        answers, token = [], ""
        for page_number in range(1, MAX_PAGES + 1):
            words = ["--bucket", self._bucket, "--prefix", prefix, "--no-paginate", *more]
            words += ["--max-keys", str(PAGE_KEYS)]
            words += ["--continuation-token", token] if token else []
            try:
                answer = self._aws.call("s3api", "list-objects-v2", *words)
            except AwsError as error:
                raise self._explained(error) from None
            answers.append(answer)
            token = str(answer.get("NextContinuationToken") or "")
            if not token:
                return answers
            self._progress.tell(f"{self.name}: {page_number} pages listed")
        self.notes.append(
            f"Listing {self.name} stopped after {MAX_PAGES} pages: choose a shorter time with --since."
        )
        return answers

    def _object(self, key: str) -> bytes:
        """Return an object's content, unzipped."""
        try:
            data = self._aws.read(
                "s3", "cp", f"s3://{self._bucket}/{key}", "-", "--only-show-errors"
            )
        except AwsError as error:
            raise self._explained(error) from None
        if not data.startswith(b"\x1f\x8b"):
            return data[:MAX_OBJECT_BYTES]
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            content = member.decompress(data, MAX_OBJECT_BYTES)
        except zlib.error:
            content = b""
        if not member.eof:
            self.notes.append(f"The object {key} could not be read whole.")
        return content

    def _explained(self, error: AwsError) -> ShowError:
        if error.code == "NoSuchBucket":
            return ShowError(f"there is no bucket {self._bucket}")
        if error.code in ("AccessDenied", "403"):
            return ShowError(
                f"these credentials may not read {self.name}: allow s3:ListBucket on the bucket, and s3:GetObject"
                " below the prefix"
            )
        return error


def _hour_of(key: str) -> str:
    """Return the hour in a key, as ``2026112415``; empty where there is none."""
    match = _HOUR.search(f"/{key}")
    return "".join(match.groups()) if match is not None else ""


def _partitions(begin: datetime, end: datetime) -> list[str]:
    """Return the partitions to list: hours, or whole days for a long span."""
    hour = begin.replace(minute=0, second=0, microsecond=0)
    hours = []
    while hour <= end:
        hours.append(hour)
        hour += timedelta(hours=1)
    form = "year=%Y/month=%m/day=%d"
    if len(hours) <= MAX_HOURS_LISTED:
        form += "/hour=%H"
    return list(dict.fromkeys(f"{one:{form}}" for one in hours))


def _list(answers: Sequence[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [one for answer in answers for one in answer.get(name) or []]
