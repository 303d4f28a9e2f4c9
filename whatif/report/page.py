"""Write a view as one HTML page.

It needs nothing from outside and no script, and it suits dark mode and telephones. What a log holds is text on the page, never
markup: Jinja2 escapes all of it. Pure: the time is passed in, and the templates are part of the program.
"""

from datetime import date
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from extension import __version__
from whatif.model.prices import SINK_TITLES
from whatif.model.words import bytes_text, counted, money_text, share_text, span_text
from whatif.report.costs import saving_text
from whatif.report.page_parts import Estimate, Length, bars, intervals
from whatif.report.page_tables import (
    MAX_LISTED_FILES,
    estimate_text,
    kinds_in,
    tables_of,
)
from whatif.report.rows import KINDS
from whatif.report.text import kinds_text, missing_text
from whatif.report.text_costs import ASSUMPTIONS, NET, RANKED, TODAY, upkeep_notes
from whatif.report.text_findings import assignments, missed_explained, missed_text
from whatif.report.view import View

KIND_CLASSES = dict(zip(KINDS, ("failed", "history", "rule", "sampled", "metrics"), strict=True))
MINUS, ARROW = "\N{MINUS SIGN}", "\N{RIGHTWARDS ARROW}"


def page(view: View, *, made: date) -> str:
    """Return the page, with the day on which it is made."""
    missed = view.missed
    more = len(view.files) - MAX_LISTED_FILES
    return (
        _templates()
        .get_template("page.html")
        .render(
            view=view,
            version=__version__,
            made=made.isoformat(),
            saving=_typeset(saving_text(view.own, view.costs, per=view.per)),
            own_sink=SINK_TITLES[view.costs.own_sink],
            lead=_lead(view),
            tiles=_tiles(view),
            net_words=_one_line(f"{NET} {RANKED}"),
            upkeep_notes=upkeep_notes(view),
            by_setting=_by_setting(view),
            charts=_charts(view),
            legend=[(KIND_CLASSES[kind], kind) for kind in kinds_in(view)],
            tables=tables_of(view),
            missed={
                "words": missed_text(view),
                "explained": missed_explained(view),
                "settings": assignments(missed.settings),
            },
            kinds=kinds_text(kinds_in(view)),
            assumptions=_one_line(ASSUMPTIONS),
            incomplete=[
                f"{row.label}: {missing_text(row)}" for row in view.rows if row.failed > row.whole
            ],
            more_files=f"And {counted(more, 'file more')}." if more > 0 else "",
        )
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("whatif.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _typeset(text: str) -> str:
    """Return a text for a terminal with the signs that a page has."""
    return text.replace("->", ARROW).replace("-", MINUS)


def _lead(view: View) -> str:
    return (
        f"{counted(view.invocations, 'invocation')} in {counted(view.environments, 'environment')} wrote"
        f" {counted(view.lines, 'line')}, {bytes_text(view.cloudwatch_bytes)} as CloudWatch counts, over"
        f" {span_text(view.span_s)}. All of it was replayed through the extension's own code with"
        f" {counted(len(view.rows), 'set of settings')}."
    )


def _tiles(view: View) -> list[tuple[str, str]]:
    own, costs = view.own, view.costs
    net = costs.ways(own).net_usd(costs.own_sink)
    return [
        (money_text(costs.today_usd), f"today, in CloudWatch, for {view.per}"),
        (_typeset(money_text(net, signed=True)), f"saved net of all costs, with {own.label}"),
        (share_text(own.lines, view.lines) or "0%", "of all lines kept"),
        (f"{own.whole:,} of {own.failed:,}", "failures kept whole"),
    ]


def _only_setting(view: View) -> str:
    """Return the setting that all sets of settings differ in, with the sign behind it; empty if there are several."""
    labels = [row.label for row in view.rows]
    name, equals, _ = labels[0].partition("=")
    start = f"{name}{equals}"
    is_only = all(label.startswith(start) and label.count("=") == 1 for label in labels)
    return start if equals and is_only else ""


def _by_setting(view: View) -> str:
    only = _only_setting(view)
    return f"By {only.removesuffix('=')}." if only else ""


def _charts(view: View) -> dict[str, object]:
    only = _only_setting(view)
    labels = {row.label: row.label.removeprefix(only) for row in view.rows}
    today = view.costs.today_usd
    cost = [Length(f"{TODAY}, in its own log group", money_text(today), [(today, "today")])]
    cost += [
        Length(
            labels[row.label],
            money_text(row.usd["cloudwatch"]),
            [(row.usd["cloudwatch"], "sampled")],
            row.is_own,
        )
        for row in view.rows
    ]
    lines = [
        Length(
            labels[row.label],
            f"{row.lines:,}",
            [(row.lines_by_kind[kind], KIND_CLASSES[kind]) for kind in KINDS],
            row.is_own,
        )
        for row in view.rows
    ]
    estimates, truth = intervals(
        [
            Estimate(labels[row.label], estimate_text(row), row.estimated, row.margin, row.is_own)
            for row in view.rows
            if row.estimates
        ],
        truth=view.invocations,
    )
    failures = [
        Length(reason, f"{count:,}", [(count, "failed")])
        for reason, count in view.own.failures.items()
    ]
    return {
        "cost": bars(cost),
        "lines": bars(lines),
        "estimates": estimates,
        "truth": truth,
        "failures": bars(failures),
    }
