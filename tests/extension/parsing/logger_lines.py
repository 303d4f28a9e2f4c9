"""The lines of many loggers and runtimes, read, and compared with what a person says of them.

``python -m tests.extension.parsing.logger_lines`` prints the table by logger; ``--wrong`` prints the rows that were read
wrongly as well. ``tests/data/README.md`` says what the fields of a row are.
"""

from __future__ import annotations

import argparse
import json
import re
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from extension.config.variables import SETTINGS
from extension.parsing.correlation import Correlation
from extension.parsing.line import LineRules, look_at
from terminal.layout import Column, table
from tests.doubles.lambda_events import lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from extension.parsing.failures import Failure

DATA = Path(__file__).resolve().parents[2] / "data" / "logger-lines.ndjson"

REQUEST_ID = "3da1f2dc-3222-475e-9205-e2e6c6318895"
"""The invocation in which every row was written."""

RULES = LineRules()

# A time, an id or a level, then a tab, then the JSON that the line ends with.
_JSON_BEHIND_A_PREFIX = re.compile(r"[^{]*\t\{.*\}\s*", re.DOTALL)

_COLUMNS = (
    Column("logger", 34),
    Column("rows", 5, right=True),
    Column("level right", 12, right=True),
    Column("failures found", 14, right=True),
    Column("false failures", 14, right=True),
    Column("correlation", 12, right=True),
)


class Family(Enum):
    """What wrote a line, as far as the bounds differ."""

    RUNTIME = "runtimes' unhandled errors"
    JSON = "JSON lines"
    TEXT = "text lines"


class Row(NamedTuple):
    """One row of the data, under the data's names without ``expect_``."""

    logger: str
    version: str
    config: str
    runtime_format: str
    record: object
    level: str | None
    failed: bool
    correlation: str | None
    kind: str

    @property
    def family(self) -> Family:
        """Tell by the record whether the line is JSON; a framework's own error page is no runtime's."""
        if self.kind == "unhandled" and self.logger != "express":
            return Family.RUNTIME
        if not isinstance(self.record, str):
            return Family.JSON
        text = self.record.lstrip("\ufeff\x1e \t\n")
        is_json = text.startswith("{") or _JSON_BEHIND_A_PREFIX.fullmatch(text)
        return Family.JSON if is_json else Family.TEXT


class Reading(NamedTuple):
    """What the extension makes of a row: the level's name, the reason of its invocation's failure, the transaction's id."""

    row: Row
    level: str | None
    failure: str
    correlation: str

    @property
    def level_is_right(self) -> bool:
        """Compare the level; a row that asks for none has none that is right."""
        return self.row.level is not None and self.level == self.row.level

    @property
    def verdict_is_right(self) -> bool:
        """Compare whether the line makes its invocation a failed one."""
        return bool(self.failure) is self.row.failed

    @property
    def is_found(self) -> bool:
        """Tell whether the line is a failure, and was found to be one."""
        return self.row.failed and bool(self.failure)

    @property
    def misleads(self) -> bool:
        """Tell whether the line is healthy, and was found to be a failure."""
        return not self.row.failed and bool(self.failure)


@cache
def rows() -> tuple[Row, ...]:
    """Return all rows, in the data's order."""
    with DATA.open(encoding="utf-8") as file:
        return tuple(map(_row, file))


@cache
def readings() -> tuple[Reading, ...]:
    """Return what the extension makes of every row, by the default settings."""
    default = next(one.default for one in SETTINGS if one.name == "CORRELATION_FIELDS")
    correlation = Correlation(tuple(default.split(", ")))
    return tuple(_reading(row, correlation) for row in rows())


def reason_of(failure: Failure | None) -> str:
    """Return the reason for which the row's invocation failed; empty if none did, or another one."""
    if failure is None or failure.request_id not in ("", REQUEST_ID):
        return ""
    return failure.reason


def share(hits: Iterable[bool]) -> float:
    """Return the share of hits, from 0 to 1."""
    found = list(hits)
    return sum(found) / len(found)


def table_by_logger() -> str:
    """Return the table: one line a logger, then one line a family, then all of them."""
    by_logger: dict[str, list[Reading]] = {}
    by_family: dict[str, list[Reading]] = {family.value: [] for family in Family}
    for one in readings():
        by_logger.setdefault(one.row.logger, []).append(one)
        by_family[one.row.family.value].append(one)
    groups = [
        [_cells(name, by_logger[name]) for name in sorted(by_logger, key=str.lower)],
        [_cells(name, found) for name, found in by_family.items()],
        [_cells("all", readings())],
    ]
    verdicts = [
        f"{name}: {share(one.verdict_is_right for one in found):.1%} of {len(found)} verdicts are right"
        for name, found in by_family.items()
    ]
    return "\n".join([*table(_COLUMNS, groups), "", *verdicts])


def wrong(found: Iterable[Reading]) -> str:
    """Return the rows whose verdict is wrong, one a line."""
    return "\n".join(
        f"{one.row.logger} | {one.row.config} | {one.row.runtime_format} | "
        f"{one.row.level or '-'}, read {one.level or '-'} | {one.failure or 'no failure'} | "
        f"{json.dumps(one.row.record, ensure_ascii=False)[:200]}"
        for one in found
        if not one.verdict_is_right
    )


def _row(line: str) -> Row:
    fields = json.loads(line)
    return Row(
        logger=fields["logger"],
        version=fields["version"],
        config=fields["config"],
        runtime_format=fields["runtime_format"],
        record=fields["record"],
        level=fields["expect_level"],
        failed=fields["expect_failed"],
        correlation=fields["expect_correlation"],
        kind=fields["kind"],
    )


def _reading(row: Row, correlation: Correlation) -> Reading:
    facts = look_at(row.record, rules=RULES)
    return Reading(
        row,
        level=None if facts.level is None else facts.level.name,
        failure=reason_of(facts.failure),
        correlation=correlation.found_in(lines(row.record), 1),
    )


def _cells(name: str, found: Sequence[Reading]) -> list[str]:
    return [
        name,
        str(len(found)),
        _of(
            sum(one.level_is_right for one in found),
            sum(one.row.level is not None for one in found),
        ),
        _of(sum(one.is_found for one in found), sum(one.row.failed for one in found)),
        str(sum(one.misleads for one in found)),
        _of(
            sum(one.correlation == one.row.correlation for one in found),
            sum(one.row.correlation is not None for one in found),
        ),
    ]


def _of(hits: int, asked: int) -> str:
    return f"{hits} of {asked}" if asked else "-"


def main() -> None:
    """Print the table, and the wrong rows if asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.extension.parsing.logger_lines")
    parser.add_argument("--wrong", action="store_true", help="the rows whose verdict is wrong")
    arguments = parser.parse_args()
    print(table_by_logger())
    if arguments.wrong:
        print(f"\n{wrong(readings())}")


if __name__ == "__main__":
    main()
