"""Define how the summary of a failed invocation travels: with the lines that tell what went wrong, until it is written.

What a summary tells of an error is read from lines that REDACT has gone over, and cut to size after that. Before, a cut
could leave half of a secret, in which no pattern matches any longer. So a segment of this kind holds, each on a line of its
own: the summary's event, the reason, and the events of at most two error lines. Sinks get one event, made of them.

Pure.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from extension.model.errors.details import ErrorDetails

_dumps: Callable[[object], str] = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

MAX_TYPE_CHARS = 256
"""Longer than any class's name; a document in its place is cut."""
MAX_MESSAGE_CHARS = 1024
"""Enough to recognise a failure in a list of them. The line itself is delivered whole."""
MAX_LINE_CHARS = 2048
"""An error line with its first frames."""

MAX_EVENT_BYTES = 64 * 1024
"""Of an error line that is held for the summary, beside the line itself. Of a longer one, what it tells is read at once."""


MAX_REMEMBERED_BYTES = 8 * 1024
"""Of an error line's event that is remembered as it was read. A few of them take no memory worth counting."""


def held_back(event: bytes) -> bytes:
    """Return an error line's event as it is held for the summary.

    Of a very long one only what it tells is held, cut to size. A pattern of REDACT might need what is cut off. So its
    ``record`` is not the last member, which makes :class:`extension.redaction.redactor.Redactor` mask all of it.
    """
    if len(event) <= MAX_EVENT_BYTES:
        # White space between the members may be a newline. Within strings it is escaped.
        return event.replace(b"\n", b" ").replace(b"\r", b" ")
    told = _details_of(event)
    record = {
        "errorType": told.type[:MAX_TYPE_CHARS],
        "errorMessage": told.message[:MAX_MESSAGE_CHARS],
        "stackTrace": told.frames,
    }
    line = told.line[:MAX_LINE_CHARS]
    return _json({"cut": True, "time": "", "type": "function", "record": record, "line": line})


def names_a_type(event: bytes) -> bool:
    """Tell whether an error line names the type of its error."""
    return bool(_details_of(event).type)


def unfinished(summary: dict[str, Any], *, reason: str, error_events: Sequence[bytes]) -> bytes:
    """Write a summary with what it is to be finished from: the rule, and the events from :func:`held_back`."""
    return b"\n".join([_json(summary), reason.encode(), *error_events])


def rewritten_errors(raw: bytes, rewrite: Callable[[list[bytes]], list[bytes]]) -> bytes:
    """Rewrite the error lines of an unfinished summary, and nothing that the extension itself tells."""
    summary, reason, *events = raw.split(b"\n")
    return b"\n".join([summary, reason, *rewrite(events)])


def finished(raw: bytes) -> bytes:
    """Return the event of an unfinished summary, with what its error lines tell."""
    from extension.model.errors.fingerprint import fingerprint_of

    summary, reason, *events = raw.split(b"\n")
    told = json.loads(summary)
    record: dict[str, Any] = told["record"]
    read = [_details_of(event) for event in events or [b""]]
    error = next((one for one in read if one.type), read[0])
    kind = error.type or record.get("errorType", "")
    line = _line_of(events[0]) or read[0].line if events else ""
    for name, text, most in (
        ("errorType", kind, MAX_TYPE_CHARS),
        ("errorMessage", error.message, MAX_MESSAGE_CHARS),
        ("errorLine", line, MAX_LINE_CHARS),
    ):
        if text:
            record[name] = text[:most]
    record["fingerprint"] = fingerprint_of(
        reason.decode(), error_type=kind, frames=error.frames, message=error.message
    )
    return _json(told)


def _event(raw: bytes) -> dict[str, Any]:
    try:
        event = json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def _details_of(raw: bytes) -> "ErrorDetails":
    return _read_lately(raw) if len(raw) <= MAX_REMEMBERED_BYTES else _read(raw)


@lru_cache(maxsize=4)
def _read_lately(raw: bytes) -> "ErrorDetails":
    """Read an error line that was read a moment ago, when it came, and comes again in the summary."""
    return _read(raw)


def _read(raw: bytes) -> "ErrorDetails":
    from extension.model.errors.details import ErrorDetails, details_of

    try:
        return details_of(_event(raw).get("record", ""))
    except Exception:  # noqa: BLE001 - a line that we cannot read must not keep a summary, or its batch, back
        return ErrorDetails()


def _line_of(raw: bytes) -> str:
    line = _event(raw).get("line")
    return line if isinstance(line, str) else ""


def _json(value: object) -> bytes:
    return _dumps(value).encode("utf-8", "replace")
