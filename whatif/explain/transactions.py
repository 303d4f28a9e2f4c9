"""Explain the verdict on a healthy invocation of a transaction: in a sentence, and in figures.

Promises: the extension's own :mod:`extension.sampling` decides, on an invocation that no policy keeps. Pure.
"""

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from extension.config.settings import Settings
from extension.config.variables import SETTINGS
from extension.levels.level import Level
from extension.parsing import trace_header
from extension.parsing.correlation import MAX_ID_CHARS
from extension.sampling import probability, verdict
from extension.sampling.policies import Signs, policies_of
from extension.sampling.verdict import Rates, decide
from terminal.layout import Column, paragraph, table
from terminal.paint import Paint
from whatif.model.words import counted, listed

LEAST_SHOWN = 0.001
"""The least share of a rate that is shown with two decimals."""

_W3C = re.compile(r"[0-9a-fA-F]{32}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_XRAY = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")
_REQUEST = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_HEADER_NAME = re.compile(r"(?:x-amzn-trace-id|traceparent)\s*:\s*", re.IGNORECASE)
_EPOCH_DIGITS = 8

_RULE_SETTINGS = {
    "marker": "KEEP_MARKER",
    "cold-start": "KEEP_COLD_STARTS",
    "slow": "KEEP_SLOWER_THAN",
    "memory": "KEEP_MEMORY_ABOVE",
    verdict.AT_LEAST: "KEEP_AT_LEAST",
}
"""The setting of each rule; the rules without one always apply."""

INDENT = "  "


class Transaction(NamedTuple):
    """A transaction: the given text, and its id as the extension reads it; the other two ids are empty."""

    given: str
    trace_id: str = ""
    request_id: str = ""
    correlation_id: str = ""

    @property
    def randomness(self) -> int:
        """R, the 56 bits that the sampling decision depends on."""
        return probability.randomness_of(
            trace_id=self.trace_id, request_id=self.request_id, correlation_id=self.correlation_id
        )


def transaction_of(text: str) -> Transaction:
    """Read an X-Ray or W3C trace id, or a header with one; anything else is a request id."""
    given = text.strip()
    name = _HEADER_NAME.match(given)
    value = given[name.end() :] if name is not None else given
    if "Root=" in value:
        return Transaction(given, trace_id=trace_header.trace_id_of(value))
    if _XRAY.fullmatch(value):
        return Transaction(given, trace_id=value.lower())
    parent = _TRACEPARENT.fullmatch(value)
    w3c = parent.group(1) if parent is not None else value if _W3C.fullmatch(value) else ""
    if w3c:
        digits = w3c.lower()
        return Transaction(given, trace_id=f"1-{digits[:_EPOCH_DIGITS]}-{digits[_EPOCH_DIGITS:]}")
    return Transaction(given, request_id=given)


def correlated(text: str) -> Transaction:
    """Read a correlation id; only the beginning of a long one counts."""
    return Transaction(text, correlation_id=text[:MAX_ID_CHARS])


def verdict_lines(transaction: Transaction, settings: Settings, paint: Paint) -> list[str]:
    """Write the sentence, and the figures that explain it."""
    lines = [paint(transaction.given, "bold")]
    if not any(transaction[1:]):
        return [
            *lines,
            f"{INDENT}This text holds no id, so another id of the invocation decides.",
        ]
    if not settings.enabled:
        return [*lines, f"{INDENT}Nothing is recorded, since ENABLED is false."]
    if transaction.correlation_id and not settings.correlation_fields:
        told = "Read as a correlation id. CORRELATION_FIELDS is none, so it decides nothing."
        return [*lines, *paragraph(told, indent=INDENT)]
    return [
        *lines,
        *paragraph(_sentence(transaction, settings), indent=INDENT),
        "",
        *(
            part
            for one in _details(transaction, settings)
            for part in paragraph(one, indent=INDENT)
        ),
        "",
        *(f"{INDENT}{line}" for line in _rates_table(transaction.randomness, settings)),
    ]


# The sentence ----------------------------------------------------------------------------------------------------------


def _sentence(transaction: Transaction, settings: Settings) -> str:
    rates = Rates(
        settings.sample_rate,
        {level: _rate_of(settings, level) for level in Level if level <= Level.WARN},
    )
    decided = decide(
        failure=None,
        signs=Signs(),
        policies=(),
        ended=True,
        reported=True,
        floor_is_due=False,
        randomness=lambda: transaction.randomness,
        rates=rates,
    )
    rules = listed(_rules(settings), last="or")
    whole = f"unless a rule keeps it whole with weight 1: {rules}."
    if decided is None or not decided.keep:
        return f"A healthy invocation is dropped, {whole}"
    if decided.weight == 1.0 and not decided.by_level:
        return "A healthy invocation is kept whole, with weight 1."
    return _kept_text(
        {
            level: rates.weight_of(level, randomness=transaction.randomness)
            for level in _healthy_levels(settings)
        },
        rules=rules,
        whole=whole,
    )


def _kept_text(weights: Mapping[Level | None, float], *, rules: str, whole: str) -> str:
    """Write which lines are kept, by the weight of their levels; 0 is for dropped lines."""
    by_weight: dict[float, list[Level | None]] = {}
    for level, weight in weights.items():
        if weight:
            by_weight.setdefault(weight, []).append(level)
    each = listed(
        [f"{_at(levels)} (weight {weight:g})" for weight, levels in sorted(by_weight.items())]
        or ["none"]
    )
    if all(weights.values()):
        with_weights = (
            f"with weight {next(iter(by_weight)):g}" if len(by_weight) == 1 else f"its lines {each}"
        )
        return f"A healthy invocation is kept whole, {with_weights}, or with weight 1 if a rule keeps it: {rules}."
    if not by_weight:
        # Only a level at which a line makes a failure has a rate high enough.
        return f"No line of a healthy invocation is kept, only its outcome, {whole}"
    return f"Only a healthy invocation's lines {each} are kept, {whole}"


def _rate_of(settings: Settings, level: Level) -> float | None:
    rate: float | None = getattr(settings, f"sample_rate_{level.name.lower()}")
    return rate


def _healthy_levels(settings: Settings) -> list[Level | None]:
    """Return the levels that a healthy invocation's lines may have."""
    return [None, *(level for level in Level if level < settings.error_level)]


def _at(levels: list[Level | None]) -> str:
    named = [level.name for level in levels if level is not None]
    at = [f"at {listed(named, last='or')}"] if named else []
    return " and ".join([*at, *(["without a level"] if None in levels else [])])


def _rules(settings: Settings) -> list[str]:
    names = [rule.name for rule in policies_of(settings)]
    if settings.keep_at_least is not None:
        names.append(verdict.AT_LEAST)
    return [
        f"{name} ({_RULE_SETTINGS[name]})" if name in _RULE_SETTINGS else name for name in names
    ]


# The figures -----------------------------------------------------------------------------------------------------------


def _details(transaction: Transaction, settings: Settings) -> list[str]:
    randomness = transaction.randomness
    failed = "A failed invocation is kept whole at any rate"
    if settings.keep_at_most is not None:
        failed += ", as far as KEEP_AT_MOST allows"
    details = [
        _taken_for(transaction, settings),
        f"R = {randomness:014x}, so it is kept at rates from {_least_rate(randomness)} on.",
        f"{failed}. Lines in CloudWatch's embedded metric format are always kept.",
    ]
    if settings.history:
        details.append(
            f"If one of the next {counted(settings.history, 'invocation')} in its environment fails, dropped lines are"
            f" delivered as history, with weight 0."
        )
    return details


def _taken_for(transaction: Transaction, settings: Settings) -> str:
    fields = ", ".join(settings.correlation_fields)
    if transaction.correlation_id:
        return f"Read as a correlation id: it decides if a JSON line has it in one of {fields}."
    if transaction.trace_id:
        unless = f", unless a JSON line has one of {fields} (see --correlation)" if fields else ""
        return f"Read as a trace id: it decides{unless}."
    doubt = (
        ""
        if _REQUEST.fullmatch(transaction.request_id)
        else " It does not look like a request id of Lambda; use --correlation ID for a correlation id."
    )
    nor = f" and no JSON line with one of {fields}" if fields else ""
    return f"Read as a request id: it decides if there is no trace id{nor}.{doubt}"


def _rates_table(randomness: int, settings: Settings) -> list[str]:
    columns = (
        Column("rate", 18),
        Column("value", 10, right=True),
        Column("threshold T", 15),
        Column("healthy lines at this rate", 30),
    )
    cells = []
    for name, rate in rates_of(settings):
        keeps = rate > 0.0 and probability.keeps(randomness, rate=rate)
        said = (
            f"R >= T: kept, weight {probability.weight_of(rate):g}" if keeps else "R < T: dropped"
        )
        cells.append([name, f"{rate:g}", f"{probability.threshold_of(rate):014x}", said])
    return table(columns, [cells])


def _least_rate(randomness: int) -> str:
    """Write the smallest rate at which a transaction is kept, as a percentage rounded up."""
    share = 1.0 - randomness / (1 << probability.RANDOMNESS_BITS)
    digits = 2 if share >= LEAST_SHOWN else 5
    percent = math.ceil(share * 100 * 10**digits) / 10**digits
    return f"{percent:.{digits}f}%"


FOLLOWED_RATE = "SAMPLE_RATE"
"""Levels without a rate of their own have this one."""


def rates_of(settings: Settings) -> list[tuple[str, float]]:
    """Return SAMPLE_RATE, and the rates that are set for single levels."""
    rates = [(one.name, one.field) for one in SETTINGS if one.name.startswith(FOLLOWED_RATE)]
    return [
        (name, float(getattr(settings, field)))
        for name, field in rates
        if getattr(settings, field) is not None
    ]
