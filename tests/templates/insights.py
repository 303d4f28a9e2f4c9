"""A small evaluator of Logs Insights queries, over log events in memory.

No engine of Logs Insights runs outside AWS: moto and ministack answer no query, and no grammar of it is published. So this
knows only what our saved queries use, as AWS documents it ("CloudWatch Logs Insights query syntax"), and fails for anything
else. It shows that a query finds what it should in what the extension writes. It cannot show that AWS accepts the query.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

Row = dict[str, Any]

_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[@\w.]+|[<>!=]=?|[(),*])')
_COMMANDS = ("fields", "filter", "stats", "sort", "display", "limit")


def rows_of(events: Sequence[dict[str, Any]], *, stream: str) -> list[Row]:
    """Give log events as rows, with the fields that CloudWatch discovers in JSON."""
    rows = []
    for event in events:
        row: Row = {
            "@timestamp": event["timestamp"],
            "@message": event["message"],
            "@logStream": stream,
        }
        try:
            found = json.loads(event["message"])
        except ValueError:
            found = None
        rows.append({**_flat(found, ""), **row} if isinstance(found, dict) else row)
    return rows


def _flat(value: Any, name: str) -> Row:
    if not isinstance(value, dict):
        return {name: value}
    found: Row = {}
    for key, inner in value.items():
        found |= _flat(inner, f"{name}.{key}" if name else key)
    return found


def run(query: str, rows: Sequence[Row]) -> list[Row]:
    """Give the rows of a query's answer."""
    text = "\n".join(line for line in query.split("\n") if not line.lstrip().startswith("#"))
    found = list(rows)
    for command in text.split("|"):
        word, _, rest = command.strip().partition(" ")
        assert word in _COMMANDS, f"a command {word}"
        found = _RUN[word](rest, found)
    return found


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match is not None, f"no token: {text[at:]}"
        tokens.append(match[1])
        at = match.end()
    return tokens


def _value(token: str) -> Callable[[Row], Any]:
    if token.startswith('"'):
        return lambda _row: json.loads(token)
    if re.fullmatch(r"\d+(\.\d+)?", token):
        return lambda _row: float(token)
    return lambda row: row.get(token)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    ">=": lambda one, other: one is not None and one >= other,
    "<=": lambda one, other: one is not None and one <= other,
    "like": lambda one, other: one is not None and other in one,
}


def _operand(tokens: list[str]) -> Callable[[Row], Any]:
    token = tokens.pop(0)
    if token == "toMillis":
        opened, inner, closed = tokens.pop(0), tokens.pop(0), tokens.pop(0)
        assert (opened, closed) == ("(", ")")
        return _value(inner)
    return _value(token)


def _comparison(tokens: list[str]) -> Callable[[Row], bool]:
    if tokens[0] == "(":
        tokens.pop(0)
        inner = _either(tokens)
        assert tokens.pop(0) == ")"
        return inner
    left = _operand(tokens)
    compare = _COMPARE[tokens.pop(0)]
    right = _operand(tokens)
    return lambda row: compare(left(row), right(row))


def _both(tokens: list[str]) -> Callable[[Row], bool]:
    parts = [_comparison(tokens)]
    while tokens[:1] == ["and"]:
        tokens.pop(0)
        parts.append(_comparison(tokens))
    return lambda row: all(part(row) for part in parts)


def _either(tokens: list[str]) -> Callable[[Row], bool]:
    parts = [_both(tokens)]
    while tokens[:1] == ["or"]:
        tokens.pop(0)
        parts.append(_both(tokens))
    return lambda row: any(part(row) for part in parts)


def _filter(text: str, rows: list[Row]) -> list[Row]:
    tokens = _tokens(text)
    holds = _either(tokens)
    assert not tokens, f"left of a filter: {tokens}"
    return [row for row in rows if holds(row)]


def _fields(text: str, rows: list[Row]) -> list[Row]:
    """Give the rows with a product; rows that lack a factor have none."""
    left, times, right, word, name = _tokens(text)
    assert (times, word) == ("*", "as")
    one, other = _value(left), _value(right)
    return [
        {**row, name: one(row) * other(row)}
        for row in rows
        if one(row) is not None and other(row) is not None
    ]


def _latest(rows: list[Row], name: str) -> Any:
    known = [row for row in rows if row.get(name) is not None]
    return max(known, key=lambda row: row["@timestamp"])[name] if known else None


_AGGREGATE: dict[str, Callable[[list[Row], str], Any]] = {
    "count": lambda rows, _name: len(rows),
    "sum": lambda rows, name: sum(row[name] for row in rows if row.get(name) is not None),
    "max": lambda rows, name: max(row[name] for row in rows),
    "latest": _latest,
}


def _stats(text: str, rows: list[Row]) -> list[Row]:
    columns, _, by = (" ".join(text.split())).partition(" by ")
    keys = [one.strip() for one in by.split(",")]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key) for key in keys), []).append(row)
    found = re.findall(r"(\w+)\(([@\w.*]+)\) as (\w+)", columns)
    assert len(found) == columns.count(" as "), columns
    return [
        {
            **dict(zip(keys, key, strict=True)),
            **{name: _AGGREGATE[function](group, field) for function, field, name in found},
        }
        for key, group in groups.items()
    ]


def _sort(text: str, rows: list[Row]) -> list[Row]:
    name, direction = _tokens(text)
    assert direction in ("asc", "desc")
    return sorted(rows, key=lambda row: row[name], reverse=direction == "desc")


def _display(text: str, rows: list[Row]) -> list[Row]:
    names = [token for token in _tokens(text) if token != ","]
    return [{name: row[name] for name in names if name in row} for row in rows]


def _limit(text: str, rows: list[Row]) -> list[Row]:
    assert 1 <= int(text) <= 10_000  # AWS: the most that a query returns
    return rows[: int(text)]


_RUN: dict[str, Callable[[str, list[Row]], list[Row]]] = {
    "fields": _fields,
    "filter": _filter,
    "stats": _stats,
    "sort": _sort,
    "display": _display,
    "limit": _limit,
}
