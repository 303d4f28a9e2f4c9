"""Receivers that stand in for Grafana Loki, Splunk, Elasticsearch, Datadog and Logz.io.

None of the real ones can be had from a package. These take what the real ones take, answer what they answer, refuse what
they refuse, and do what they do without saying so (drop duplicates, cut off what is too long), as far as it is publicly
documented and matters to who sends logs; the pages are named in `extension/sinks/formats/`. What they stored can be read
back as :class:`Stored`, whatever the shape it came in.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.doubles.recording_receiver import RecordingReceiver, Reply, as_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.doubles.http_server import Request

WEEK_NS = 7 * 24 * 3600 * 1_000_000_000
TEN_MINUTES_NS = 600 * 1_000_000_000


class Stored(NamedTuple):
    """What somebody who looks there finds."""

    line: str
    time_ns: int
    fields: Mapping[str, Any]


def told(status: int, value: object) -> Reply:
    """Return an answer in JSON."""
    return as_json(value, status)


class Intake(RecordingReceiver):
    """A receiver on a free port of this machine.

    Attributes:
        stored: what was taken, in the order it was.
        answers: given to the next requests, in turn, instead of taking them.
    """

    def __init__(self) -> None:
        self.stored: list[Stored] = []
        super().__init__(self._read, dated=True)

    def take(self, request: Request) -> Reply:
        """Takes a request as the real one does."""
        raise NotImplementedError

    def _read(self, request: Request) -> Reply:
        try:
            _ = request.content
        except (OSError, EOFError, zlib.error):
            return Reply(400)
        return self.take(request)


class Loki(Intake):
    """Grafana Loki's push API, with the limits that it has where nobody changed them."""

    max_line_bytes = 256 * 1024

    def take(self, request: Request) -> Reply:
        """Refuses a push that is not in order as a whole; of one that is, entries one by one."""
        if request.path != "/loki/api/v1/push":
            return Reply(404, b"404 page not found")
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return Reply(400, b"snappy: corrupt input")
        try:
            streams = [_loki_stream(stream) for stream in json.loads(request.content)["streams"]]
        except (ValueError, LookupError, TypeError):
            return Reply(400, b"couldn't parse push request")
        now_ns = time.time_ns()
        refused = False
        for labels, entries in streams:
            for time_ns, line, metadata in entries:
                if (
                    not now_ns - WEEK_NS < time_ns < now_ns + TEN_MINUTES_NS
                    or len(line.encode()) > self.max_line_bytes
                ):
                    refused = True
                elif not any(
                    one.time_ns == time_ns and one.line == line and one.fields["labels"] == labels
                    for one in self.stored
                ):
                    self.stored.append(Stored(line, time_ns, {**metadata, "labels": labels}))
        return Reply(400, b"entry refused") if refused else Reply(204)


def _loki_stream(stream: Any) -> tuple[dict[str, str], list[tuple[int, str, dict[str, str]]]]:
    """Raises ValueError, TypeError or LookupError for what is not in order."""
    labels = dict(stream["stream"])
    names = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
    if not labels or not all(names.fullmatch(name) and value for name, value in labels.items()):
        raise ValueError(labels)
    entries = []
    for value in stream["values"]:
        metadata = value[2] if len(value) > 2 else {}
        if not all(isinstance(text, str) for text in [*value[:2], *metadata.values()]):
            raise TypeError(value)
        entries.append((int(value[0]), value[1], metadata))
    return labels, entries


class Splunk(Intake):
    """Splunk's HTTP Event Collector, with one token."""

    token = "11111111-2222-3333-4444-555555555555"

    def take(self, request: Request) -> Reply:
        """Stores events up to the first that is not in order, and names that."""
        if request.path == "/services/collector/health":
            return told(200, {"text": "HEC is healthy", "code": 17})
        if request.path not in {"/services/collector", "/services/collector/event"}:
            return told(
                404, {"text": "The requested URL was not found on this server.", "code": 404}
            )
        problem = self._no_token(request.headers.get("authorization"))
        if problem is not None:
            return problem
        text = request.content.decode()
        return self._events(text) if text.strip() else told(400, {"text": "No data", "code": 5})

    def _no_token(self, given: str | None) -> Reply | None:
        if given is None:
            return told(401, {"text": "Token is required", "code": 2})
        if not given.startswith("Splunk "):
            return told(401, {"text": "Invalid authorization", "code": 3})
        if given != f"Splunk {self.token}":
            return told(403, {"text": "Invalid token", "code": 4})
        return None

    def _events(self, text: str) -> Reply:
        at = number = 0
        while at < len(text):
            try:
                event, at = json.JSONDecoder().raw_decode(text, at)
            except ValueError:
                return _invalid(6, "Invalid data format", number)
            problem = _store_event(event, self.stored, number)
            if problem is not None:
                return problem
            while at < len(text) and text[at].isspace():
                at += 1
            number += 1
        return told(200, {"text": "Success", "code": 0})


def _invalid(code: int, text: str, number: int) -> Reply:
    return told(400, {"text": text, "code": code, "invalid-event-number": number})


def _store_event(event: Any, stored: list[Stored], number: int) -> Reply | None:
    if not isinstance(event, dict):
        return _invalid(6, "Invalid data format", number)
    if "event" not in event:
        return _invalid(12, "Event field is required", number)
    if event["event"] in ("", None):
        return _invalid(13, "Event field cannot be blank", number)
    fields = event.get("fields", {})
    if any(isinstance(value, dict) for value in fields.values()):
        return _invalid(15, "Error in handling indexed fields", number)
    line = event["event"] if isinstance(event["event"], str) else json.dumps(event["event"])
    time_ns = round(float(event["time"]) * 1_000_000) * 1000
    where = {name: event.get(name) for name in ("host", "source")}
    stored.append(Stored(line, time_ns, {**fields, **where}))
    return None


class Elasticsearch(Intake):
    """Elasticsearch's bulk API for indexes and data streams, whose names begin with ``logs-``.

    Attributes:
        broken: statuses and kinds of error for documents whose message holds the text.
    """

    def __init__(self) -> None:
        super().__init__()
        self.broken: dict[str, tuple[int, str]] = {}
        self._ids: set[tuple[str, str]] = set()

    def take(self, request: Request) -> Reply:
        """Answers for each document."""
        target, _, api = request.path.removeprefix("/").rpartition("/")
        if api != "_bulk":
            return told(405, {"error": "Incorrect HTTP method"})
        kind = request.headers.get("content-type", "")
        if kind.partition(";")[0] not in {"application/x-ndjson", "application/json"}:
            return told(406, {"error": f"Content-Type header [{kind}] is not supported"})
        if not request.content.endswith(b"\n"):
            return told(400, _error("illegal_argument_exception"))
        lines = request.content[:-1].split(b"\n")
        try:
            pairs = [
                (json.loads(action), json.loads(document))
                for action, document in zip(lines[::2], lines[1::2], strict=True)
            ]
        except ValueError:
            return told(400, _error("x_content_parse_exception"))
        items = [self._one(target, action, document) for action, document in pairs]
        errors = any("error" in item["create"] for item in items)
        if "filter_path" in request.query:
            return told(200, {"errors": errors, "items": items})
        for item in items:
            item["create"] |= {"_index": target, "_version": 1}
        return told(200, {"took": 3, "errors": errors, "items": items})

    def _one(self, target: str, action: Any, document: Any) -> dict[str, Any]:
        if set(action) != {"create"}:
            return {"create": {"status": 400, **_error("illegal_argument_exception")}}
        key = target, action["create"]["_id"]
        if key in self._ids:
            return {"create": {"status": 409, **_error("version_conflict_engine_exception")}}
        for text, (status, kind) in self.broken.items():
            if text in document["message"]:
                return {"create": {"status": status, **_error(kind)}}
        try:
            time_ns = _iso_ns(document["@timestamp"])
        except (ValueError, LookupError):
            return {"create": {"status": 400, **_error("document_parsing_exception")}}
        self._ids.add(key)
        # Times are in milliseconds there.
        time_ns -= time_ns % 1_000_000
        self.stored.append(Stored(document["message"], time_ns, {**document, "_index": target}))
        return {"create": {"status": 201}}


def _error(kind: str) -> dict[str, Any]:
    return {"error": {"type": kind}}


def _iso_ns(text: str) -> int:
    import calendar

    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", text)
    if match is None:
        raise ValueError(text)
    seconds = calendar.timegm(time.strptime(match[1], "%Y-%m-%dT%H:%M:%S"))
    return seconds * 1_000_000_000 + int((match[2] or "").ljust(9, "0"))


class Datadog(Intake):
    """Datadog's log intake, version 2, with one key."""

    key = "0123456789abcdef0123456789abcdef"

    def take(self, request: Request) -> Reply:
        """Accepts, and cuts off what is over a megabyte without a word."""
        status = self._status_of(request)
        if status:
            return _errors(status)
        try:
            given = json.loads(request.content)
            entries = given if isinstance(given, list) else [given]
            found = [(str(one["message"]), int(one["timestamp"]), one) for one in entries]
        except (ValueError, LookupError, TypeError):
            return _errors(400)
        if len(found) > 1000:
            return _errors(413)
        for line, time_ms, fields in found:
            size = len(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode())
            kept = line if size <= 1_000_000 else line[: len(line) - (size - 1_000_000)]
            self.stored.append(Stored(kept, time_ms * 1_000_000, fields))
        return told(202, {})

    def _status_of(self, request: Request) -> int:
        if request.path != "/api/v2/logs":
            return 404
        given = request.headers.get("dd-api-key")
        if given != self.key:
            return 401 if given is None else 403
        return 413 if len(request.content) > 5_000_000 else 0


def _errors(status: int) -> Reply:
    return told(status, {"errors": [{"status": str(status)}]})


class Logzio(Intake):
    """Logz.io's listener for bulk uploads, with one token."""

    token = "oneTokenOfThirtyTwoCharacters123"

    def take(self, request: Request) -> Reply:
        """Takes lines one by one, and counts those that it does not."""
        if request.query.get("token") != [self.token]:
            return Reply(401)
        if len(request.content) > 10_485_760:
            return Reply(413)
        counts = dict.fromkeys(("malformedLines", "oversizedLines", "emptyLogLines"), 0)
        successful = 0
        for line in request.content.removesuffix(b"\n").split(b"\n"):
            problem = ""
            document: Any = None
            with contextlib.suppress(ValueError):
                document = json.loads(line)
            if not line:
                problem = "emptyLogLines"
            elif len(line) > 500_000:
                problem = "oversizedLines"
            elif not isinstance(document, dict):
                problem = "malformedLines"
            if problem:
                counts[problem] += 1
                continue
            successful += 1
            time_ns = _iso_ns(document["@timestamp"])
            fields = {"type": request.query.get("type", ["http-bulk"])[0], **document}
            self.stored.append(Stored(document["message"], time_ns, fields))
        if any(counts.values()):
            return told(400, {**counts, "successfulLines": successful})
        return Reply(200)
