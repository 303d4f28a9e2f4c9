"""The net of five kinds of functions in docs/cost.md: read from the page, and worked out by whatif's own code."""

import re
from pathlib import Path

from whatif.model.net import METRICS_INTERVAL_S, Pace, Watching, upkeep_of, ways_of
from whatif.model.prices import DAYS_A_MONTH, PRICES, SINKS, TB, Volume, last_gb_usd

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cost.md"

KEPT, FAILED, SAMPLED = 0.12, 0.02, 0.1
"""Shares: of the bytes that are kept, of the invocations that fail, and of those that are sampled."""

GZIPPED, RECORD = 0.1, 2
"""What gzip leaves, and how long a record is, as a multiple of its line."""

SHARED_BY = 20
MINUTES_A_MONTH = DAYS_A_MONTH * 24 * 60


def table_of(text: str, first_title: str, columns: int) -> list[list[str]]:
    """Return the rows of the table of the page whose head begins with a title and has so many columns."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        cells = _cells(line)
        if cells[:1] == [first_title] and len(cells) == columns:
            rows = lines[number + 2 :]
            end = next(place for place, row in enumerate(rows) if not row.startswith("|"))
            return [_cells(row) for row in rows[:end]]
    raise AssertionError(f"no table with {first_title} and {columns} columns")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []


def priced(cells: list[str]) -> list[str]:
    """Return the row of the second table for one of the first."""
    name, invocations, size, memory, held, environments, cold_starts, others = cells
    count, environment_count = _number(invocations), _number(environments)
    written_bytes = count * _number(size)
    kept_bytes = written_bytes * KEPT
    objects = FAILED * count + min(SAMPLED * count, environment_count * MINUTES_A_MONTH)
    held_count = count if held == "all" else 0.0
    lines = min(count, environment_count * MINUTES_A_MONTH * 60 / METRICS_INTERVAL_S)
    pace = Pace(
        held_count,
        held_count * _number(memory),
        _number(cold_starts),
        _number(cold_starts) * _number(memory),
        lines,
    )
    ways = ways_of(
        Volume(written_bytes, 0.0, GZIPPED, 0),
        Volume(kept_bytes, kept_bytes * RECORD, GZIPPED, objects),
        upkeep_of(pace, Watching(shared_by=SHARED_BY)),
        other_bytes=_number(others) * TB,
    )
    shown = [
        ways.today_usd,
        ways.native_net_usd("lambda-infrequent"),
        ways.native_net_usd("lambda-s3"),
        *(ways.net_usd(sink) for sink in SINKS),
    ]
    return [name, *(_usd(usd) for usd in shown)]


def _usd(usd: float) -> str:
    cents = round(usd, 2) + 0.0
    return f"-${-cents:,.2f}" if cents < 0 else f"${cents:,.2f}"


def _number(text: str) -> float:
    return float(re.sub(r"[^\d.]", "", text))


def test_page_has_the_net_of_its_five_functions() -> None:
    """The second table follows from the first one, and from what stands below it."""
    text = PAGE.read_text(encoding="utf-8")

    found = [priced(row) for row in table_of(text, "function", 8)]

    assert len(found) == 5
    assert found == second_table(text)


def second_table(text: str) -> list[list[str]]:
    """Return the table behind the first one, which has as many columns."""
    behind = text.partition("| others in the account |")[2]
    return table_of(behind, "function", 8)


def test_page_says_when_not_to_use_it_by_its_prices() -> None:
    """Below a size a share of a fleet costs more than what the recorder saves beyond the cheaper class."""
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    standard, infrequent = PRICES["standard"].usd, PRICES["infrequent"].usd
    share_usd = Watching(shared_by=SHARED_BY).usd

    least_gb = share_usd / (standard * (1 - KEPT) - infrequent)

    assert f"Below {least_gb:.1f} GB a month" in text
    assert f"the last GB costs ${last_gb_usd(60 * TB, 'lambda'):.2f}" in text
    assert f"12 % of a GB costs ${KEPT * standard:.2f}" in text
    assert f"a share of ${share_usd:.2f}" in text
    assert f"of 200 one of ${Watching(shared_by=200).usd:.2f}" in text
    assert f"they cost ${Watching().whole_usd:.2f} a month" in text
