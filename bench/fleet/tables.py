"""Tables of a fleet, in Markdown, from what the files in ``bench/results/`` hold. Pure.

The page ``docs/fleet.md`` has each between two comments, and is written anew with the results.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.reporting.report import markdown_table, number
from bench.subjects import LAYER

Record = Mapping[str, Any]

BEFORE = "before"
"""The recorder before a fleet was thought of: its figures are of the same scenarios, simulated then (commit 4c1224c)."""

LONG_S = 10.0

_PLACE = re.compile(r"(<!-- fleet: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str, results: Record, run: Record) -> str:
    """Return the page with each of its tables as the results have it."""
    tables = {name: make(results) for name, make in _TABLES.items()}
    tables["run"] = _run(run)

    def table(place: "re.Match[str]") -> str:
        return f"{place[1]}{tables[place['name']]}\n{place[3]}"

    return _PLACE.sub(table, page)


def names(page: str) -> list[str]:
    """Return the names of the tables that the page has."""
    return [place["name"] for place in _PLACE.finditer(page)]


def share(value: float) -> str:
    """Write a share as people do: none or all only where it is that."""
    if value in (0.0, 1.0):
        return "all" if value else "none"
    if value > 0.999 or value < 0.001:
        return "> 99.9 %" if value > 0.5 else "< 0.1 %"
    return f"{100 * value:.1f} %" if not 0.1 <= value < 0.995 else f"{100 * value:.0f} %"


def seconds(value: float) -> str:
    """Write a time."""
    return f"{value:.0f} s" if value >= LONG_S else f"{value:.1f} s"


def _sized(one: Record) -> str:
    return f"{one['environments']:,}"


def _held(results: Record) -> str:
    def value(amount: float | None, unit: str) -> str:
        return "" if amount is None else f"{amount:.3g} {unit}".strip()

    return markdown_table(
        ("figure", "limit", "before", "now", "met"),
        [
            (
                one["what"],
                f"{'at least' if one['at_least'] else 'at most'} {value(one['limit'], one['unit'])}"
                if one["limit"] is not None
                else "",
                value(one["values"].get(BEFORE), one["unit"]),
                value(one["values"][LAYER], one["unit"]),
                {None: "", True: "yes", False: "**no**"}[one["met"]],
            )
            for one in results["rows"]
        ],
    )


def _crashed(results: Record) -> str:
    return markdown_table(
        (
            "environments that crash",
            "within",
            "lines delivered",
            "written to the overflow stream",
            "CreateLogStream at the peak",
            "refused",
            "the last arrives after",
        ),
        [
            (
                _sized(one),
                f"{one['within_s']:.0f} s",
                share(one["delivered"]),
                share(one["overflowed"]),
                f"{one['create_peak_per_s']:,} a second",
                share(one["refused_share"]),
                seconds(one["delivered_max_s"]),
            )
            for one in results["crashed"]
        ],
    )


def _begun(results: Record) -> str:
    return markdown_table(
        (
            "environments whose first failure comes within a second",
            "lines delivered",
            "half of them within",
            "the last after",
            "CreateLogStream refused",
        ),
        [
            (
                _sized(one),
                share(one["delivered"]),
                seconds(one["delivered_p50_s"]),
                seconds(one["delivered_max_s"]),
                share(one["refused"]),
            )
            for one in results["begun"]
        ],
    )


def _looped(results: Record) -> str:
    return markdown_table(
        (
            "environments that crash every two seconds",
            "crashes a second",
            "delivered",
            "streams made",
        ),
        [
            (
                _sized(one),
                f"{one['crashes_per_s']:,.0f}",
                share(one["delivered"]),
                f"{one['streams']:,}",
            )
            for one in results["looped"]
        ],
    )


def _refreshed(results: Record) -> str:
    return markdown_table(
        (
            "environments",
            "reference",
            "quota",
            "calls at the peak",
            "refused",
            "others refused",
            "in force after one interval",
            "after two",
            "calls a month",
            "cost a month",
        ),
        [
            (
                _sized(one),
                one["store"],
                f"{one['quota_per_s']:,.0f}/s",
                f"{one['peak_per_s']:,}/s",
                share(one["refused"]),
                share(one["others_refused"]),
                share(one["fresh_after"][0]),
                share(one["fresh_after"][1]),
                f"{one['calls_per_month'] / 1e6:.1f} million",
                f"${one['usd_per_month']:,.0f}",
            )
            for one in results["refreshed"]
        ],
    )


def _ramped(results: Record) -> str:
    return markdown_table(
        (
            "environments, 100 more a second",
            "have their values after, half of them",
            "99 of 100",
            "never",
        ),
        [
            (
                _sized(one),
                seconds(one["wait_p50_s"]),
                seconds(one["wait_p99_s"]),
                share(one["unanswered"]),
            )
            for one in results["ramped"]
        ],
    )


def _flooded(results: Record) -> str:
    return markdown_table(
        (
            "environments, each with two failures a second",
            "PutLogEvents at the peak",
            "refused",
            "others refused",
            "age of lines, half of them",
            "99 of 100",
            "given up",
            "a minute",
        ),
        [
            (
                _sized(one),
                f"{one['peak_per_s']:,}/s",
                share(one["refused"]),
                share(one["others_refused"]),
                seconds(one["age_p50_s"]),
                seconds(one["age_p99_s"]),
                share(one["evicted"]),
                f"{one['gib_per_min']:.2g} GiB",
            )
            for one in results["flooded"]
        ],
    )


def _returned(results: Record) -> str:
    return markdown_table(
        (
            "environments",
            "the sink says",
            "requests while it is down, mean",
            "peak",
            "once it is back, mean",
            "peak",
            "all delivered after",
        ),
        [
            (
                _sized(one),
                f"503, `Retry-After: {one['retry_after_s']:.0f}`"
                if one["retry_after_s"]
                else "503",
                f"{one['down_mean_per_s']:,.1f}/s",
                f"{one['down_peak_per_s']:,}/s",
                f"{one['back_mean_per_s']:,.0f}/s",
                f"{one['back_peak_per_s']:,}/s",
                seconds(one["drained_s"]),
            )
            for one in results["returned"]
        ],
    )


def _stored(results: Record) -> str:
    return markdown_table(
        (
            "environments, one invocation a second",
            "LINGER",
            "objects a second",
            "KiB of lines each",
            "PUTs a month",
        ),
        [
            (
                _sized(one),
                f"{one['linger_s']:.0f}s",
                f"{one['objects_per_s']:.3g}",
                f"{one['kib']:,.0f}",
                f"${one['usd_per_month']:,.2f}",
            )
            for one in results["stored"]
        ],
    )


def _run(run: Record) -> str:
    return markdown_table(
        ("scenario", "figure", "run", "simulated, mean", "least", "most", "agrees"),
        [
            (
                one["scenario"],
                one["figure"],
                *(number(one[name]) for name in ("run", "simulated", "least", "most")),
                "yes" if one["agrees"] else "no",
            )
            for one in run["rows"]
        ],
    )


_TABLES: dict[str, Callable[[Record], str]] = {
    "held": _held,
    "crashed": _crashed,
    "begun": _begun,
    "looped": _looped,
    "refreshed": _refreshed,
    "ramped": _ramped,
    "flooded": _flooded,
    "returned": _returned,
    "stored": _stored,
}
NAMES: Sequence[str] = (*_TABLES, "run")
