"""``elasticsearch+http(s)://``: the bulk API of Elasticsearch, which OpenSearch has as well.

Of Elasticsearch (REST APIs, "Bulk index or delete documents"; "Data streams"): a request is pairs of lines, an action and
a document; data streams take ``create`` alone. The answer is 200 with a status for each document, in the order of the
request, and 409 for a document that is there already. Since the extension sets the id, a repetition is stored once.
``filter_path`` reduces the answer to the statuses ("Common options").
"""

import json
import re

from extension.model.receipt import Answer, Receipt
from extension.model.record import Record, to_json
from extension.sinks.formats.base import NOTHING_AROUND, EntryFormat, Request, level_word, time_text
from extension.transport.client import Reply
from extension.transport.responses import DENIED, UNAVAILABLE

INDEX = "/logs-flight_recorder-default"
"""Where the URL names no index: a data stream of Elasticsearch's own template for ``logs-*-*`` ("Data streams")."""

FILTER = "filter_path=errors,items.*.status,items.*.error.type"

CREATED = frozenset({200, 201, 409})

_KIND = re.compile(r"[a-z_]{1,64}")
"""A kind of error that may be shown: Elasticsearch's are words, and no part of a document."""


class Elasticsearch(EntryFormat):
    """Write a document for each record, with the line as it was written in ``message``."""

    content_type = "application/x-ndjson"
    around = NOTHING_AROUND
    path = INDEX
    max_entries = 5000
    """The answer to as many errors, at about 100 bytes each, is read in full (MAX_ANSWER_BYTES)."""

    def target(self, path: str, query: str) -> str:
        """Add the API to the index, and the filter to the query."""
        path = self.path if path in {"", "/"} else path.rstrip("/")
        path = path if path.endswith("/_bulk") else path + "/_bulk"
        return f"{path}?{query}&{FILTER}" if query else f"{path}?{FILTER}"

    def fields(self, record: Record) -> dict[str, object]:
        """Add the names that Kibana's pages on logs look for (Elastic Common Schema)."""
        return super().fields(record) | {
            "log.level": level_word(record),
            "service.name": record.metadata.function,
        }

    def entries(self, record: Record, ns: int) -> list[bytes]:
        """Write action and document. Equal times sort by ``sequence``."""
        key = record.id.encode()
        form = b'{"create":{"_id":"%s"}}\n{"@timestamp":"%s","message":%s,"id":"%s","sequence":%d,%s}\n'
        message = to_json(record.text)
        time = time_text(ns).encode()
        return [form % (key, time, message, key, record.number, self.about(record))]

    def receipt(self, reply: Reply, request: Request, *, sent_bytes: int) -> Receipt:
        """Read the status of each document."""
        if not reply.is_success:
            return super().receipt(reply, request, sent_bytes=sent_bytes)
        statuses = _read(reply.body, len(request.numbers))
        if statuses is None:
            return Receipt(
                Answer.UNAVAILABLE, "the answer is not that of the bulk API", uncertain=True
            )
        taken: set[int] = set()
        refused: dict[int, str] = {}
        denied, unavailable = [], []
        for number, (status, kind) in zip(request.numbers, statuses, strict=True):
            if status in CREATED:
                taken.add(number)
            elif status in DENIED:
                denied.append(status)
            elif status in UNAVAILABLE or status >= 500:  # noqa: PLR2004 - RFC 9110, section 15.6
                unavailable.append(status)
            else:
                refused[number] = kind
        told = Receipt(Answer.TAKEN, sent_bytes=sent_bytes, refused=refused)
        if not denied and not unavailable:
            return told
        answer = Answer.UNAVAILABLE if unavailable else Answer.DENIED
        status = (unavailable or denied)[0]
        detail = f"status {status} for {len(unavailable) + len(denied)} documents"
        return Receipt(
            answer,
            detail,
            sent_bytes=sent_bytes if taken else 0,
            taken=frozenset(taken),
            refused=refused,
        )


def _read(body: bytes, count: int) -> list[tuple[int, str]] | None:
    """Return status and kind of error of each of ``count`` documents; None if the answer does not tell."""
    try:
        answer = json.loads(body)
        if answer["errors"] is False:
            return [(201, "")] * count
        statuses = []
        for item in answer["items"]:
            (told,) = item.values()
            kind = str(told.get("error", {}).get("type", ""))
            is_kind = _KIND.fullmatch(kind)
            statuses.append((int(told["status"]), kind if is_kind else f"status {told['status']}"))
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None
    return statuses if len(statuses) == count else None
