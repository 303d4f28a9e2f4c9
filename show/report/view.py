"""Turn invocations into what a terminal and a page show. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from extension.model.record import GAP_TYPE, dumps
from extension.sinks.cloudwatch_events import REPEAT_TYPE, SUMMARY_TYPE, report_text
from show.model.entry import LINE_TYPE, REPORT_TYPE, Entry
from show.model.invocation import Invocation
from show.reading.finding import kinds_of
from show.report.words import duration_text, first_line, printable, several, time_text
from whatif.model.words import bytes_text, listed

MAX_FAILURES = 500
"""Rows of a list. It has the newest; the counts are of all."""
MIN_ID_CHARS = 8
"""Of an id in a narrow list."""


class FailureRow(NamedTuple):
    """One invocation in a list."""

    at_ms: int
    function: str
    outcome: str
    reason: str
    error: str
    duration: str
    lines: str
    request_id: str
    short_id: str
    error_line: str
    is_failed: bool


class KindRow(NamedTuple):
    """Failures with one fingerprint."""

    failures: int
    fingerprint: str
    functions: str
    reason: str
    error: str
    last_ms: int
    short_id: str


class ListView(NamedTuple):
    """The failures of a time.

    Attributes:
        lead: How many there are, and where they were looked for.
        rows: The newest last.
        kinds: The most frequent first.
        notes: What the list lacks.
    """

    lead: str
    rows: Sequence[FailureRow]
    kinds: Sequence[KindRow]
    notes: Sequence[str]


class EntryRow(NamedTuple):
    """One line or event. ``kind`` is ``line``, ``error``, ``event`` or ``gap``."""

    at_ms: int
    level: str
    text: str
    kind: str
    request_id: str


class AttemptView(NamedTuple):
    """One attempt at an invocation: what is known of it, its lines, and the history before it."""

    title: str
    is_failed: bool
    facts: Sequence[tuple[str, str]]
    rows: Sequence[EntryRow]
    history: Sequence[EntryRow]
    history_told: str


class WholeView(NamedTuple):
    """One invocation whole, and the others of its transaction."""

    title: str
    attempts: Sequence[AttemptView]
    others: Sequence[FailureRow]
    others_told: str


def looked_text(names: Sequence[str], *, since: str) -> str:
    """Write where something was looked for."""
    return f"{listed(list(names))}{f', since {since}' if since else ''}"


def list_view(found: Sequence[Invocation], *, looked: str, with_healthy: bool) -> ListView:
    """Return the list of failures; ``with_healthy`` lists the other invocations, too."""
    known = [one for one in found if one.summary is not None]
    failed = [one for one in known if one.is_failed]
    shown = known if with_healthy else failed
    notes = []
    if len(shown) > MAX_FAILURES:
        notes.append(f"The list has the newest {MAX_FAILURES} of {len(shown):,}.")
    if not found:
        notes.append("Nothing was kept there in the time looked at, which --since changes.")
    unended = sum(one.summary is None and not one.has_metrics_alone for one in found)
    if unended:
        notes.append(
            f"Of {several(unended, 'invocation')} more there are lines, and no summary yet."
        )
    healthy = len(known) - len(failed)
    if healthy and not with_healthy:
        notes.append(
            f"A rule or the draw kept {several(healthy, 'healthy invocation')}: --all lists them, too."
        )
    lead = f"{several(len(failed), 'failure')} among {several(len(known), 'kept invocation')} in {looked}."
    shown = sorted(shown, key=lambda one: one.first_ms)[-MAX_FAILURES:]
    short = _short_ids(one.request_id for one in found)
    kinds = [
        KindRow(
            failures=len(kind.failures),
            fingerprint=kind.fingerprint or "none",
            functions=", ".join(sorted({one.text_of("function") for one in kind.failures})),
            reason=kind.failures[-1].text_of("reason"),
            error=_error_of(kind.failures[-1]),
            last_ms=kind.failures[-1].first_ms,
            short_id=short[kind.failures[-1].request_id],
        )
        for kind in kinds_of(failed)
    ]
    return ListView(lead, [_row(one, short) for one in shown], kinds, notes)


def _short_ids(ids: Iterable[str]) -> Mapping[str, str]:
    """Return the shortest beginning of each id that no other one has."""
    known = sorted(set(ids))
    short = {}
    for at, one in enumerate(known):
        neighbours = [known[near] for near in (at - 1, at + 1) if 0 <= near < len(known)]
        length = max((_shared(one, other) + 1 for other in neighbours), default=0)
        short[one] = one[: max(length, MIN_ID_CHARS)]
    return short


def _shared(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _row(one: Invocation, short: Mapping[str, str]) -> FailureRow:
    error_line = one.told.get("errorLine")
    return FailureRow(
        at_ms=one.first_ms,
        function=printable(one.text_of("function")),
        outcome=printable(one.outcome),
        reason=printable(one.text_of("reason")),
        error=_error_of(one),
        duration=duration_text(one.duration_ms),
        lines=_lines_text(one),
        request_id=printable(one.request_id),
        short_id=printable(short[one.request_id]),
        error_line=printable(error_line) if isinstance(error_line, str) else "",
        is_failed=one.is_failed,
    )


def _error_of(one: Invocation) -> str:
    told = (one.told.get(name) for name in ("errorType", "errorMessage"))
    text = ": ".join(part for part in told if isinstance(part, str) and part)
    return first_line(text)


_LOST = (
    ("evictedLines", "did not fit into BUFFER_SIZE"),
    ("droppedLines", "were dropped before there was a sign of failure"),
    ("withheldLines", "were withheld by KEEP_AT_MOST"),
)


def _lines_text(one: Invocation) -> str:
    written = one.number("lines")
    if written is None:
        return ""
    lost = sum(one.number(name) or 0 for name, _ in _LOST)
    return f"{written - lost:.0f} of {written:.0f}" if lost else f"{written:.0f}"


def whole_view(
    attempts: Sequence[Invocation], others: Sequence[Invocation], *, only_failed: bool
) -> WholeView:
    """Return one invocation whole."""
    first = attempts[0]
    shown = [one for one in others if one.is_failed or not only_failed]
    short = _short_ids(one.request_id for one in (*attempts, *others))
    told = f"{several(len(shown), 'other invocation')} with the same trace or correlation id, in the places named."
    if len(shown) < len(others):
        told += (
            f" {several(len(others) - len(shown), 'healthy one')} more: --failed leaves them out."
        )
    return WholeView(
        title=printable(f"{first.text_of('function') or 'invocation'} {first.request_id}"),
        attempts=[
            _attempt(one, f"Attempt {number} of {len(attempts)}" if len(attempts) > 1 else "")
            for number, one in enumerate(attempts, 1)
        ],
        others=[_row(one, short) for one in shown],
        others_told=told,
    )


def _attempt(one: Invocation, title: str) -> AttemptView:
    history = [_entry_row(entry) for entry in one.history]
    told = ""
    if history:
        named = len({row.request_id for row in history if row.request_id})
        earlier = f" of {several(named, 'earlier invocation')}" if named else ""
        told = f"Lines{earlier} in the same environment that were let go of, and delivered with this failure."
    return AttemptView(
        title=title,
        is_failed=one.is_failed,
        facts=[(name, printable(value)) for name, value in _facts(one) if value],
        rows=[_entry_row(entry) for entry in one.entries],
        history=history,
        history_told=told,
    )


def _facts(one: Invocation) -> list[tuple[str, str]]:
    told, reason = one.told, one.text_of("reason")
    version = one.text_of("version")
    kept = len(one.lines)
    written = one.number("lines")
    lines = f"{kept:,}" if written is None else f"{kept:,} of {written:,.0f} that it wrote"
    weight = f"{one.weight:g}"
    return [
        (
            "outcome",
            one.outcome if one.summary else "not told: it has no summary, and may still run",
        ),
        ("reason", reason),
        ("error", _error_of(one)),
        ("began", f"{time_text(one.first_ms)} UTC"),
        ("took", duration_text(one.duration_ms)),
        ("lines", "; ".join([lines, *_missing(one)])),
        ("request id", one.request_id),
        ("trace id", one.ids.get("traceId", "")),
        ("correlation id", one.ids.get("correlationId", "")),
        ("tenant", one.text_of("tenantId")),
        ("execution", _text(told, "executionArn")),
        ("operation", _text(told, "operationName")),
        ("version", "" if version in ("", "$LATEST") else version),
        ("weight", "" if weight == "1" else f"{weight}: it stands for so many"),
        ("fingerprint", _text(told, "fingerprint")),
        ("where", f"{one.place}{f', stream {one.stream}' if one.stream else ''}"),
    ]


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


def _missing(one: Invocation) -> list[str]:
    return [f"{count:,.0f} {words}" for name, words in _LOST if (count := one.number(name))]


_ERRORS = frozenset({"ERROR", "FATAL"})


def _entry_row(entry: Entry) -> EntryRow:
    text, kind = _shown(entry)
    return EntryRow(entry.at_ms, entry.level, printable(text), kind, entry.request_id)


def _shown(entry: Entry) -> tuple[str, str]:
    """Return what an entry says, and its kind."""
    told = entry.told
    if entry.type == LINE_TYPE:
        return entry.text, "error" if entry.level in _ERRORS else "line"
    if entry.type == GAP_TYPE:
        lines, size = _count(told, "evictedLines"), _count(told, "evictedBytes")
        return (
            f"gap: {several(lines, 'line')}, {bytes_text(size)}, did not fit into BUFFER_SIZE",
            "gap",
        )
    if entry.type == REPEAT_TYPE:
        events = several(_count(told, "events"), "event")
        return f"repeated: of what follows, {events} may be here twice", "gap"
    if entry.type == SUMMARY_TYPE:
        return f"end: {_text(told, 'outcome')}", "event"
    if entry.type == REPORT_TYPE:
        text = entry.text if isinstance(entry.record, str) else report_text(entry.record)
        return text.replace("\t\n", "\n").rstrip() or f"report: {dumps(entry.record)}", "event"
    return f"{entry.type.removeprefix('platform.')}: {dumps(entry.record)}", "event"


def _count(told: Mapping[str, Any], name: str) -> int:
    value = told.get(name)
    return value if isinstance(value, int) else 0
