"""``elasticsearch+http(s)://``: the bulk API of Elasticsearch, which OpenSearch has as well.

Of Elasticsearch (REST APIs, "Bulk index or delete documents"; "Data streams"): a request is pairs of lines, an action and
a document; data streams take ``create`` alone. The answer is 200 with a status for each document, in the order of the
request, and 409 for a document that is there already. Since the extension sets the id, a repetition is stored once.
``filter_path`` reduces the answer to the statuses ("Common options").
"""

import re
from typing import Any

from extension.model.receipt import Answer, Receipt, read_answer
from extension.model.record import Record
from extension.sinks.formats.base import NOTHING_AROUND, EntryFormat, Request, level_word
from extension.transport.client import Reply
from extension.transport.responses import DENIED, UNAVAILABLE

FILTER = "filter_path=errors,items.*.status,items.*.error.type"
CREATED = frozenset({200, 201, 409})

MAX_STATUS = 599
"""The last class of statuses is 5xx (RFC 9110, section 15). What has a higher one is no answer of this API."""

_KIND = re.compile(r"[a-z_]{1,64}")
"""A kind of error that may be shown: Elasticsearch's are words, and no part of a document."""


class Elasticsearch(EntryFormat):
    """Write a document for each record, with the line as it was written. Equal times sort by ``sequence``."""

    content_type = "application/x-ndjson"
    around = NOTHING_AROUND
    path = "/logs-flight_recorder-default"
    """Where the URL names no index: a data stream of Elasticsearch's own template for ``logs-*-*`` ("Data streams")."""
    template = (
        b'{"create":{"_id":"%(id)b"}}\n{"@timestamp":"%(time)b","message":%(message)b,"id":"%(id)b",'
        b'"sequence":%(number)d,%(fields)b}\n'
    )
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

    def receipt(self, reply: Reply, request: Request, *, sent_bytes: int) -> Receipt:
        """Read the status of each document."""
        if not reply.is_success:
            return super().receipt(reply, request, sent_bytes=sent_bytes)
        count = len(request.numbers)
        statuses = read_answer(reply.body, lambda answer: _statuses(answer, count), None)
        if statuses is None or len(statuses) != count:
            detail = "the answer is not that of the bulk API"
            return Receipt(Answer.UNAVAILABLE, detail, uncertain=True)
        told = list(zip(request.numbers, statuses, strict=True))
        taken = frozenset(number for number, (status, _) in told if status in CREATED)
        denied = [status for status, _ in statuses if status in DENIED]
        busy = [status for status, _ in statuses if status in UNAVAILABLE or status >= 500]  # noqa: PLR2004 - RFC 9110, section 15.6
        final = {status for status, _ in statuses} - {*CREATED, *denied, *busy}
        refused = {number: kind for number, (status, kind) in told if status in final}
        if not denied and not busy:
            return Receipt(Answer.TAKEN, sent_bytes=sent_bytes, refused=refused)
        answer = Answer.UNAVAILABLE if busy else Answer.DENIED
        detail = f"status {(busy or denied)[0]} for {len(busy) + len(denied)} documents"
        taken_bytes = sent_bytes if taken else 0
        return Receipt(answer, detail, taken_bytes, taken=taken, refused=refused)


def _statuses(answer: Any, count: int) -> list[tuple[int, str]]:
    """Return status and kind of error of each of ``count`` documents."""
    if answer["errors"] is False:
        return [(201, "")] * count
    statuses = []
    for item in answer["items"]:
        (told,) = item.values()
        status, kind = int(told["status"]), str(told.get("error", {}).get("type", ""))
        if status > MAX_STATUS:
            raise ValueError
        statuses.append((status, kind if _KIND.fullmatch(kind) else f"status {status}"))
    return statuses
