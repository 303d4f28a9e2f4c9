"""Say when something else than the recorder is the better choice, with the figures of the log at hand.

Pure.
"""

from collections.abc import Mapping
from typing import NamedTuple

from whatif.model.prices import PRICES, SINK_TITLES
from whatif.model.words import bytes_text, counted, money_text
from whatif.report.costs import CostView, share_of_last_gb
from whatif.report.findings import MissedView
from whatif.report.rows import Row

IN_PROCESS = frozenset({"error-object", "level-error", "level-fatal", "pattern"})
_EXCEPTION = "-exception"
"""Reasons of failures that a buffer inside the function's process sees as well, beside those that end so. The process goes on."""

HTTP_SIGN = "status 5xx"


class Advice(NamedTuple):
    """One case in which something else may be better.

    Attributes:
        applies: Whether the figures of this log say so.
        case: The case, in a few words.
        text: What else there is, with figures.
    """

    applies: bool
    case: str
    text: str


def advice_of(best: Row, own: Row, costs: CostView, missed: MissedView) -> list[Advice]:
    """Return all cases, those that apply first.

    Args:
        best: The best set of settings.
        own: The user's own.
        costs: What everything costs.
        missed: What the user's own settings take for healthy.
    """
    every = [
        _less(best, costs),
        _in_process(own.failures),
        _volume(best, costs),
        _http(missed),
    ]
    return sorted(every, key=lambda one: not one.applies)


def _less(best: Row, costs: CostView) -> Advice:
    ways = costs.ways(best)
    recorder = ways.net_usd(ways.best_sink)
    infrequent, native = (ways.native_net_usd(way) for way in ("lambda-infrequent", "lambda-s3"))
    return Advice(
        max(infrequent, native) >= recorder,
        "Functions that write little",
        f"The Infrequent Access class saves {money_text(infrequent)} by itself, and Lambda's own delivery to S3"
        f" {money_text(native)}. Both keep every line, and need nothing attached. The recorder saves"
        f" {money_text(recorder)} net of all costs, with {best.label} and {SINK_TITLES[ways.best_sink]}.",
    )


def _in_process(failures: Mapping[str, int]) -> Advice:
    total = sum(failures.values())
    seen = sum(
        count
        for reason, count in failures.items()
        if reason in IN_PROCESS or reason.endswith(_EXCEPTION)
    )
    return Advice(
        0 < total == seen,
        "Python or TypeScript with handlers of your own",
        f"A buffer in the process, such as that of Powertools for AWS Lambda, would have had {seen:,} of"
        f" {counted(total, 'failure')}, after a change to the code. It loses what it holds when Lambda ends the process:"
        f" {total - seen:,} here.",
    )


def _volume(best: Row, costs: CostView) -> Advice:
    kept_usd = share_of_last_gb(best, costs)
    volume = bytes_text(costs.cloudwatch_bytes + costs.other_bytes)
    return Advice(
        kept_usd >= costs.last_gb_usd,
        "More than 50 TB a month in an account",
        f"Lambda's own logs get cheaper with volume, and what the recorder writes to CloudWatch does not. At"
        f" {volume}, the last GB costs {money_text(costs.last_gb_usd)}. What is kept of a GB costs"
        f" {money_text(kept_usd)} in CloudWatch, at {money_text(PRICES['standard'].usd)} a GB. There, s3: and firehose: are the sinks to take.",
    )


def _http(missed: MissedView) -> Advice:
    found = sum(row.invocations for row in missed.rows if row.sign == HTTP_SIGN)
    return Advice(
        found > 0,
        "Failures that are HTTP answers without a level",
        f"{counted(found, 'invocation')} told of a status 5xx, and of no error that these settings see. Such failures look"
        " healthy. Log JSON with a level, or set ERROR_PATTERN; if you can do neither, take the Infrequent Access class.",
    )
