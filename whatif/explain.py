"""``python -m whatif.explain``: the settings in force, where each comes from, and what they would do with transactions.

Promises: the value of a setting that may hold a secret is not shown, nor one that is a reference's, nor what came of it.
What is said of a transaction is what :mod:`extension.sampling` and :mod:`extension.verdict` decide, of an invocation that
goes well and that no rule speaks for.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from emulator.demo.table import Column, Paint, paragraph, table
from extension import sampling
from extension.config import PREFIX, REFERENCE_FORMS, read_settings
from extension.rules import Signs
from extension.settings import SETTINGS
from extension.values import MIB
from extension.verdict import Rates, decide
from whatif.settings_source import SettingsError, read_environ

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extension.config import Settings
    from extension.settings import Setting
    from whatif.settings_source import Sourced

__all__ = ["Transaction", "explain", "main", "transaction_of"]

HIDDEN = "(set, not shown)"
DEFAULT = "default"
FOLLOWED_RATE = "SAMPLE_RATE"
"""Rates of single levels are this one where they are not set."""

LEAST_SHOWN = 0.001
"""Of a rate with two digits behind the point."""

_W3C = re.compile(r"[0-9a-fA-F]{32}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_XRAY = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")
_EPOCH_DIGITS = 8


class Transaction(NamedTuple):
    """One of those asked about: as it was given, and its ids as the extension has them; one of them is empty."""

    given: str
    trace_id: str
    request_id: str

    @property
    def randomness(self) -> int:
        """R, the 56 bits that decide."""
        return sampling.randomness_of(trace_id=self.trace_id, request_id=self.request_id)

    @property
    def kind(self) -> str:
        """What it was taken for."""
        return "trace id" if self.trace_id else "request id, for an invocation without a trace id"


def transaction_of(text: str) -> Transaction:
    """Read an X-Ray trace id, a W3C one or ``traceparent``, an ``X-Amzn-Trace-Id`` header; anything else is a request id."""
    given = text.strip()
    if "Root=" in given:
        return Transaction(given, sampling.trace_id_of(given), "")
    if _XRAY.fullmatch(given):
        return Transaction(given, given.lower(), "")
    parent = _TRACEPARENT.fullmatch(given)
    w3c = parent.group(1) if parent is not None else given if _W3C.fullmatch(given) else ""
    if w3c:
        digits = w3c.lower()
        return Transaction(given, f"1-{digits[:_EPOCH_DIGITS]}-{digits[_EPOCH_DIGITS:]}", "")
    return Transaction(given, "", given)


def explain(sourced: Sourced, transactions: Sequence[Transaction], paint: Paint) -> list[str]:
    """Write the settings, what is wrong with them, and the verdicts."""
    settings, problems = read_settings(sourced.values)
    lines = [paint("Settings in force", "bold"), ""]
    lines += _settings_table(sourced, settings, {problem.variable for problem in problems})
    if problems:
        lines += ["", paint("Problems", "bold"), ""]
    for problem in problems:
        value = f"={problem.value}" if problem.value else ""
        text = (
            f"- {problem.variable}{value}: accepted is {problem.accepted}; used is {problem.used}."
        )
        lines += paragraph(text)
    if settings.unresolved:
        names = ", ".join(sorted(settings.unresolved))
        lines += [
            "",
            *paragraph(f"References are not fetched here; defaults stand in for {names}."),
        ]
    for transaction in transactions:
        lines += ["", *_verdict(transaction, settings, sourced, paint)]
    return lines


def _settings_table(sourced: Sourced, settings: Settings, bad: set[str]) -> list[str]:
    cells = []
    for setting in SETTINGS:
        variable = PREFIX + setting.name
        text = sourced.values.get(variable, "").strip()
        if not text:
            cells.append([setting.name, _default_text(setting, settings), DEFAULT])
        elif variable in bad:
            cells.append([setting.name, _default_text(setting, settings), f"{DEFAULT}, see below"])
        else:
            cells.append([setting.name, _shown(setting, text), sourced.origins[variable]])
    columns = (
        Column("FLIGHT_RECORDER_...", max(len(setting.name) for setting in SETTINGS)),
        Column("value", 34),
        Column("from", 38),
    )
    return table(columns, [cells])


def _default_text(setting: Setting, settings: Settings) -> str:
    # BUFFER_SIZE's default, and what it is cut to, depend on the function's memory; what it came to says more.
    if setting.field == "buffer_bytes":
        return f"{settings.buffer_bytes / MIB:g}MiB"
    return setting.default or "(none)"


def _shown(setting: Setting, text: str) -> str:
    if text.startswith(REFERENCE_FORMS):
        return f"{text.partition(':')[0]}: reference"
    return HIDDEN if setting.secret else text


def _verdict(
    transaction: Transaction, settings: Settings, sourced: Sourced, paint: Paint
) -> list[str]:
    lines = [paint(transaction.given, "bold")]
    if not transaction.trace_id and not transaction.request_id:
        return [*lines, "  there is no trace id in this header; the request id would decide"]
    randomness = transaction.randomness
    lines += [
        f"  taken for a {transaction.kind}",
        f"  R = {randomness:014x}, so kept from a rate of {_least_rate(randomness)} on",
    ]
    columns = (
        Column("  rate", 20),
        Column("value", 10, right=True),
        Column("threshold T", 15),
        Column("a healthy invocation", 44),
    )
    cells = []
    for name, rate in rates_of(settings, sourced):
        threshold = sampling.threshold_of(rate)
        relation = ">=" if randomness >= threshold else "<"
        cells.append(
            [f"  {name}", f"{rate:g}", f"{threshold:014x}", _said(randomness, rate, relation)]
        )
    return [*lines, *table(columns, [cells])]


def _least_rate(randomness: int) -> str:
    """Write the smallest rate at which a transaction is kept: as a percentage, rounded up."""
    share = 1.0 - randomness / (1 << sampling.RANDOMNESS_BITS)
    digits = 2 if share >= LEAST_SHOWN else 5
    percent = math.ceil(share * 100 * 10**digits) / 10**digits
    return f"{percent:.{digits}f}%"


def _said(randomness: int, rate: float, relation: str) -> str:
    decided = decide(
        failure=None,
        signs=Signs(),
        rules=(),
        ended=True,
        reported=True,
        floor_is_due=False,
        randomness=randomness,
        rates=Rates(rate),
    )
    if decided is None or not decided.keep:
        return f"R {relation} T: let go"
    return f"R {relation} T: kept, {decided.reason}, weight {decided.weight:g}"


def rates_of(settings: Settings, sourced: Sourced) -> list[tuple[str, float]]:
    """Give SAMPLE_RATE and every other setting that is a rate like it: those of single levels, where they are set."""
    found = []
    for setting in SETTINGS:
        if not setting.name.startswith(FOLLOWED_RATE):
            continue
        value = getattr(settings, setting.field)
        if isinstance(value, (int, float)):
            found.append((setting.name, float(value)))
        elif setting.name != FOLLOWED_RATE and sourced.values.get(PREFIX + setting.name):
            found.append((setting.name, settings.sample_rate))
    return found


def parser() -> argparse.ArgumentParser:
    """Make the command line."""
    main_parser = argparse.ArgumentParser(
        prog="./build.sh explain",
        description="Show which settings are in force and where each comes from, and what the verdict on given"
        " transactions would be.",
    )
    main_parser.add_argument(
        "transactions",
        nargs="*",
        metavar="ID",
        help="an X-Ray trace id (1-...), a W3C one (32 hex digits) or traceparent, an X-Amzn-Trace-Id header, or a"
        " request id",
    )
    main_parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"a variable of the function's; {PREFIX}... of this shell are used as well",
    )
    main_parser.add_argument(
        "--configuration",
        type=Path,
        metavar="FILE",
        help="the answer of `aws lambda get-function-configuration`, instead of this shell's environment",
    )
    return main_parser


def main(words: list[str] | None = None) -> int:
    """Run the command line; give the exit code: 0, 1 if a setting cannot be used, 2 if it was asked for in a wrong way."""
    arguments = parser().parse_args(words)
    try:
        sourced = read_environ(os.environ, file=arguments.configuration, given=arguments.env)
    except SettingsError as error:
        sys.stderr.write(f"explain: {error}\n")
        return 2
    plain = not sys.stdout.isatty() or os.environ.get("TERM") == "dumb" or "NO_COLOR" in os.environ
    transactions = [transaction_of(text) for text in arguments.transactions]
    print(*explain(sourced, transactions, Paint(not plain)), sep="\n")
    return 1 if read_settings(sourced.values)[1] else 0


if __name__ == "__main__":
    sys.exit(main())
