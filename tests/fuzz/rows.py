"""Rows of every format: each is JSON, each record is in one, and an event stands in NDJSON byte for byte."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from extension.model.chunk import Chunk, Metadata
from extension.model.ndjson import encode
from extension.model.record import records_in
from extension.model.segment import Kind, Segment
from extension.sinks.cloudwatch_events import Form, log_events, requests_of
from extension.sinks.formats import format_named
from tests.doubles import otlp
from tests.doubles.lambda_events import FIRST, compact, event, line
from tests.fuzz import corpus
from tests.fuzz.running import Fuzzer, pick

if TYPE_CHECKING:
    from random import Random

    from extension.sinks.formats.base import Format

RowsCase = tuple[list[tuple[list[bytes], int]], list[tuple[int, int, bytes]], int, str, str]
"""Segments of events, each with its kind; edits of the first; metadata; a format; odd text for the metadata."""

FORMATS = ("", "json", "loki", "splunk", "elasticsearch", "datadog", "logzio", "otlp")
CLOUDWATCH = tuple(form.value for form in Form)
KINDS = (Kind.LINES, Kind.LINES, Kind.LINES, Kind.EVENT, Kind.GAP)
NOW_NS = 1_800_000_000_000_000_000
TIMES = (
    "2026-10-12T00:01:15.123Z",
    "",
    "nonsense",
    "1969-12-31T23:59:59.999Z",
    "2026-10-12T00:01:15Z",
    "9999-12-31T23:59:59.999999Z",
)


class Rows(Fuzzer):
    """Write records of any content in one format a case."""

    def draw(self, random: Random) -> RowsCase:
        segments = []
        for _ in range(1 + int(random.random() * 2)):
            kind = int(random.random() * len(KINDS))
            count = 1 if KINDS[kind] is Kind.EVENT else 1 + int(random.random() * 4)
            segments.append(([self._event(random, KINDS[kind]) for _ in range(count)], kind))
        changes = corpus.edits(random, most=2) if random.random() < 0.15 else []
        metadata = int(random.random() * 4)
        return segments, changes, metadata, pick(random, FORMATS + CLOUDWATCH), corpus.text(random)

    def _event(self, random: Random, kind: Kind) -> bytes:
        if kind is Kind.EVENT:
            return compact(event("platform.report", corpus.value(random)))
        shape = random.random()
        if shape < 0.3:
            return pick(random, corpus.events())
        record = corpus.text(random) if shape < 0.6 else corpus.value(random)
        return json.dumps(
            line(record, time=pick(random, TIMES)), separators=(",", ":"), ensure_ascii=shape < 0.7
        ).encode("utf-8", "replace")

    def check(self, case: RowsCase) -> int:
        segments, changes, metadata, form, odd = case
        chunks, events = _chunks(segments, changes, _metadata(metadata, odd))
        count = len(events)
        if not count:
            return 0
        if form in CLOUDWATCH:
            found = log_events(
                records_in(chunks), form=Form(form), now_ms=NOW_NS // 1_000_000, stream="s"
            )
            assert sum(one.ends for one in found) == count
            assert all(one.message and one.at_ms >= 0 for one in found)
            assert [one for request in requests_of(found) for one in request] == found
            if form == Form.RECORDS.value:
                assert all(
                    _is_object(one.message)
                    for one in found
                    if not any(record.is_emf for record in records_in(chunks))
                )
            return count
        if form == "":
            self._check_ndjson(chunks, events, is_whole=not changes)
        format_ = _format(form)
        numbers: list[int] = []
        for request in format_.requests(records_in(chunks), now_ns=NOW_NS):
            body = b"".join(format_.body(request))
            _check_body(body, form, len(request.numbers))
            numbers += request.numbers
        assert numbers == [record.number for record in records_in(chunks)]
        return count

    def _check_ndjson(
        self, chunks: list[Chunk], events: list[bytes | None], *, is_whole: bool
    ) -> None:
        rows = encode(chunks).split(b"\n")
        assert rows.pop() == b""
        assert len(rows) == len(events)
        ids = set()
        for row, raw in zip(rows, events, strict=True):
            read = json.loads(row)
            assert read.get("function", "") == chunks[0].metadata.function
            ids.add(read["id"])
            if raw is not None and is_whole:
                assert row.startswith(raw[:-1])
        assert len(ids) == len(rows)


def _chunks(
    segments: list[tuple[list[bytes], int]],
    changes: list[tuple[int, int, bytes]],
    metadata: Metadata,
) -> tuple[list[Chunk], list[bytes | None]]:
    made: list[Segment] = []
    events: list[bytes | None] = []
    number = 7
    for given, kind_number in segments:
        kind = KINDS[kind_number % len(KINDS)]
        if kind is Kind.GAP:
            made.append(Segment(b"", count=5, first_number=number, kind=kind, gone_bytes=70))
            events.append(None)
            number += 5
            continue
        # What is not an event stands alone: nobody could tell where it ends.
        is_edited = bool(changes) and not made
        raws = given[:1] if is_edited or kind is Kind.EVENT else given
        if not raws:
            continue
        raws = [corpus.edited(raws[0], changes)] if is_edited else raws
        made.append(Segment(b",".join(raws), count=len(raws), first_number=number, kind=kind))
        events += raws
        number += len(raws)
    return [Chunk(metadata, made)], events


def _metadata(number: int, odd: str) -> Metadata:
    plain = Metadata(
        FIRST,
        "1-5f35ae12-0c0fec141ab77a00bc047aa2",
        "shop",
        "$LATEST",
        "0123456789abcdef",
        "crash",
        1.0,
        failed=True,
    )
    if number == 0:
        return plain
    if number == 1:
        return plain._replace(
            request_id="", trace_id="", reason="sampled", weight=10.0, failed=False
        )
    odd = odd.encode("utf-8", "replace").decode()
    if number == 2:
        return plain._replace(request_id=odd, correlation_id=odd, tenant_id=odd, weight=0.0)
    return plain._replace(trace_id=odd, span_id=odd, function=odd, version=odd, arn=odd, weight=3.7)


@cache
def _format(word: str) -> Format:
    return format_named(word, {"AWS_REGION": "eu-west-1"})


def _is_object(text: str | bytes) -> bool:
    return isinstance(json.loads(text), dict)


def _check_body(body: bytes, form: str, records: int) -> None:
    if form == "otlp":
        resources = otlp.read(body)["resourceLogs"]
        assert (
            sum(len(scope["logRecords"]) for one in resources for scope in one["scopeLogs"])
            == records
        )
    elif form == "loki":
        streams = json.loads(body)["streams"]
        assert sum(len(one["values"]) for one in streams) >= records
        assert all(
            isinstance(part, str)
            for one in streams
            for value in one["values"]
            for part in value[:2]
        )
    elif form in {"json", "datadog"}:
        assert len(json.loads(body)) >= records
    else:
        rows = body.removesuffix(b"\n").split(b"\n")
        assert all(map(_is_object, rows))
        assert len(rows) >= records * (2 if form == "elasticsearch" else 1)
