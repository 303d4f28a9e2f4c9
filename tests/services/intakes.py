"""Receivers that stand in for Grafana Loki, Splunk, Elasticsearch, Datadog and Logz.io.

None of the real ones can be had from a package. These take what the real ones take, answer what they answer, refuse what
they refuse, and do what they do without saying so (drop duplicates, cut off what is too long), as far as it is publicly
documented and matters to who sends logs; the pages are named in `extension/sinks/formats/`. What they stored can be read
back as :class:`Stored`, whatever the shape it came in.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

WEEK_NS = 7 * 24 * 3600 * 1_000_000_000
TEN_MINUTES_NS = 600 * 1_000_000_000


class Stored(NamedTuple):
    """What somebody who looks there finds."""

    line: str
    time_ns: int
    fields: Mapping[str, Any]


class Answer(NamedTuple):
    """What is answered."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Asked(NamedTuple):
    """A request, decompressed."""

    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes


def told(status: int, value: object) -> Answer:
    """An answer in JSON."""
    return Answer(status, json.dumps(value).encode(), (("Content-Type", "application/json"),))


class Intake:
    """A receiver on a free port of this machine.

    Attributes:
        asked: every request.
        stored: what was taken, in the order it was.
        answers: given to the next requests, in turn, instead of taking them.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.stored: list[Stored] = []
        self.answers: list[Answer] = []
        intake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # A body comes in its own segment; delayed, it costs 40 ms a request.
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = intake._answer(self.path, self.headers, body)  # type: ignore[arg-type]
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the original's
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, asked: Asked) -> Answer:
        """Takes a request as the real one does."""
        raise NotImplementedError

    def _answer(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        split = urlsplit(path)
        if headers.get("Content-Encoding") == "gzip":
            try:
                body = gzip.decompress(body)
            except (OSError, EOFError, zlib.error):
                return Answer(400)
        asked = Asked(split.path, parse_qs(split.query), headers, body)
        self.asked.append(asked)
        return self.answers.pop(0) if self.answers else self.take(asked)


class Loki(Intake):
    """Grafana Loki's push API, with the limits that it has where nobody changed them."""

    max_line_bytes = 256 * 1024

    def take(self, asked: Asked) -> Answer:
        """Refuses a push that is not in order as a whole; of one that is, entries one by one."""
        if asked.path != "/loki/api/v1/push":
            return Answer(404, b"404 page not found")
        if asked.headers.get("Content-Type", "").partition(";")[0] != "application/json":
            return Answer(400, b"snappy: corrupt input")
        try:
            streams = [_loki_stream(stream) for stream in json.loads(asked.body)["streams"]]
        except (ValueError, LookupError, TypeError):
            return Answer(400, b"couldn't parse push request")
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
        return Answer(400, b"entry refused") if refused else Answer(204)


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

    def take(self, asked: Asked) -> Answer:
        """Stores events up to the first that is not in order, and names that."""
        if asked.path == "/services/collector/health":
            return told(200, {"text": "HEC is healthy", "code": 17})
        if asked.path not in {"/services/collector", "/services/collector/event"}:
            return told(
                404, {"text": "The requested URL was not found on this server.", "code": 404}
            )
        problem = self._no_token(asked.headers.get("Authorization"))
        if problem is not None:
            return problem
        text = asked.body.decode()
        return self._events(text) if text.strip() else told(400, {"text": "No data", "code": 5})

    def _no_token(self, given: str | None) -> Answer | None:
        if given is None:
            return told(401, {"text": "Token is required", "code": 2})
        if not given.startswith("Splunk "):
            return told(401, {"text": "Invalid authorization", "code": 3})
        if given != f"Splunk {self.token}":
            return told(403, {"text": "Invalid token", "code": 4})
        return None

    def _events(self, text: str) -> Answer:
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


def _invalid(code: int, text: str, number: int) -> Answer:
    return told(400, {"text": text, "code": code, "invalid-event-number": number})


def _store_event(event: Any, stored: list[Stored], number: int) -> Answer | None:
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

    def take(self, asked: Asked) -> Answer:
        """Answers for each document."""
        target, _, api = asked.path.removeprefix("/").rpartition("/")
        if api != "_bulk":
            return told(405, {"error": "Incorrect HTTP method"})
        kind = asked.headers.get("Content-Type", "")
        if kind.partition(";")[0] not in {"application/x-ndjson", "application/json"}:
            return told(406, {"error": f"Content-Type header [{kind}] is not supported"})
        if not asked.body.endswith(b"\n"):
            return told(400, _error("illegal_argument_exception"))
        lines = asked.body[:-1].split(b"\n")
        try:
            pairs = [
                (json.loads(action), json.loads(document))
                for action, document in zip(lines[::2], lines[1::2], strict=True)
            ]
        except ValueError:
            return told(400, _error("x_content_parse_exception"))
        items = [self._one(target, action, document) for action, document in pairs]
        errors = any("error" in item["create"] for item in items)
        if "filter_path" in asked.query:
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

    def take(self, asked: Asked) -> Answer:
        """Accepts, and cuts off what is over a megabyte without a word."""
        status = self._refusal(asked)
        if status:
            return _errors(status)
        try:
            given = json.loads(asked.body)
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

    def _refusal(self, asked: Asked) -> int:
        if asked.path != "/api/v2/logs":
            return 404
        given = asked.headers.get("DD-API-KEY")
        if given != self.key:
            return 401 if given is None else 403
        return 413 if len(asked.body) > 5_000_000 else 0


def _errors(status: int) -> Answer:
    return told(status, {"errors": [{"status": str(status)}]})


class Logzio(Intake):
    """Logz.io's listener for bulk uploads, with one token."""

    token = "oneTokenOfThirtyTwoCharacters123"

    def take(self, asked: Asked) -> Answer:
        """Takes lines one by one, and counts those that it does not."""
        if asked.query.get("token") != [self.token]:
            return Answer(401)
        if len(asked.body) > 10_485_760:
            return Answer(413)
        counts = dict.fromkeys(("malformedLines", "oversizedLines", "emptyLogLines"), 0)
        successful = 0
        for line in asked.body.removesuffix(b"\n").split(b"\n"):
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
            fields = {"type": asked.query.get("type", ["http-bulk"])[0], **document}
            self.stored.append(Stored(document["message"], time_ns, fields))
        if any(counts.values()):
            return told(400, {**counts, "successfulLines": successful})
        return Answer(200)
