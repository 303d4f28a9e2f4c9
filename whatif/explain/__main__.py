"""``python -m whatif.explain``: the settings in force, where each comes from, and what they would do with transactions.

Promises: the value of a setting that may hold a secret is not shown, nor one that is a reference's, nor what came of it; of
patterns, the names of presets and how many there are of others. What is shown is what is in force, not what was written.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from extension import PREFIX
from extension.config.parsers import MIB, SAME_RATE
from extension.config.settings import NEVER_REFERENCES, REFERENCE_FORMS, read_settings
from extension.config.variables import SETTINGS
from terminal.layout import Column, paragraph, table
from terminal.paint import Paint
from whatif.explain.transactions import correlated, transaction_of, verdict_lines
from whatif.model.problems import problem_text
from whatif.model.settings_source import SettingsError, read_environ
from whatif.model.words import counted, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extension.config.settings import Settings
    from extension.config.variables import Setting
    from extension.redaction.patterns import Patterns
    from whatif.explain.transactions import Transaction
    from whatif.model.settings_source import Sourced

__all__ = ["explain", "main"]

HIDDEN = "(set, not shown)"
NONE = "(none)"
DEFAULT = "default"
ALL_MASKED = "every line is masked as a whole"
VALUE_WIDTH = 38
_PRESET_MASK = "[REDACTED:"


def explain(sourced: Sourced, transactions: Sequence[Transaction], paint: Paint) -> list[str]:
    """Write the settings, what is wrong with them, and the verdicts."""
    settings, problems = read_settings(sourced.values)
    lines = [paint("Settings in force", "bold"), ""]
    lines += _settings_table(sourced, settings, {problem.variable for problem in problems})
    if not settings.enabled:
        lines += ["", "ENABLED is false: nothing of this has an effect."]
    if problems:
        lines += ["", paint("Problems", "bold"), ""]
    for problem in problems:
        lines += paragraph(f"- {problem_text(problem)}")
    if settings.unresolved:
        lines += ["", *paragraph(_unresolved_text(settings.unresolved))]
    for transaction in transactions:
        lines += ["", *verdict_lines(transaction, settings, paint)]
    return lines


def _unresolved_text(names: frozenset[str]) -> str:
    told = "References are not fetched here"
    others = sorted(names - {"REDACT"})
    if others:
        told += f"; defaults stand in for {listed(others)}, here and in the verdicts"
    if "REDACT" in names:
        told += "; nothing leaves unmasked before REDACT has been fetched"
    return f"{told}."


def _settings_table(sourced: Sourced, settings: Settings, bad: set[str]) -> list[str]:
    cells: list[list[str]] = []
    for setting in SETTINGS:
        value, origin = _row(setting, settings, sourced, is_bad=PREFIX + setting.name in bad)
        first, *others = textwrap.wrap(value, VALUE_WIDTH) or [""]
        cells.append([setting.name, first, origin])
        cells += [["", other, ""] for other in others]
    columns = (
        Column("FLIGHT_RECORDER_...", max(len(setting.name) for setting in SETTINGS)),
        Column("value", VALUE_WIDTH),
        Column("from", 34),
    )
    return table(columns, [cells])


def _row(
    setting: Setting, settings: Settings, sourced: Sourced, *, is_bad: bool
) -> tuple[str, str]:
    """Give the value that is in force, as it may be shown, and where it comes from."""
    variable = PREFIX + setting.name
    text = sourced.values.get(variable, "").strip()
    if not text:
        return _default_text(setting, settings), DEFAULT
    origin = sourced.origins[variable]
    if text.startswith(REFERENCE_FORMS) and setting.name not in NEVER_REFERENCES:
        return f"{text.partition(':')[0]}: reference", origin
    if setting.field in ("redact", "exclude"):
        value = _patterns_text(setting, getattr(settings, setting.field))
        return value, f"{origin}, see Problems" if is_bad else origin
    if is_bad:
        is_cut = setting.field == "buffer_bytes" and _is_read(setting, text)
        origin = f"{origin}, cut: see Problems" if is_cut else f"{DEFAULT}, see Problems"
        return _default_text(setting, settings), origin
    return HIDDEN if setting.secret else text, origin


def _is_read(setting: Setting, text: str) -> bool:
    try:
        setting.parse(text)
    except ValueError:
        return False
    return True


def _patterns_text(setting: Setting, patterns: Patterns | None) -> str:
    """Name the presets, and count what may be a secret."""
    if patterns is None:
        return NONE
    if patterns.problems and setting.field == "redact":
        return ALL_MASKED
    presets = dict.fromkeys(
        mask.text.removeprefix(_PRESET_MASK).removesuffix("]")
        for mask in patterns.masks
        if mask.text.startswith(_PRESET_MASK)
    )
    own = sum(not mask.text.startswith(_PRESET_MASK) for mask in patterns.masks)
    parts = [*presets, *([counted(own, "pattern")] if own else [])]
    return listed(parts) if parts else NONE


def _default_text(setting: Setting, settings: Settings) -> str:
    # BUFFER_SIZE's default, and what it is cut to, depend on the function's memory; what it came to says more.
    if setting.field == "buffer_bytes":
        return f"{settings.buffer_bytes / MIB:g}MiB"
    if setting.default == SAME_RATE:
        return f"as {SAME_RATE}"
    return setting.default or NONE


def parser() -> argparse.ArgumentParser:
    """Make the command line."""
    main_parser = argparse.ArgumentParser(
        prog="./build.sh explain",
        description="Show which settings are in force and where each comes from, and what becomes of a healthy invocation"
        " of each transaction that is named.",
        epilog="The exit code is 1 if a setting cannot be used.",
    )
    main_parser.add_argument(
        "transactions",
        nargs="*",
        metavar="ID",
        help="an X-Ray trace id (1-...), a W3C one (32 hex digits) or traceparent, an X-Amzn-Trace-Id header; anything"
        " else is taken for a request id",
    )
    main_parser.add_argument(
        "--correlation",
        action="append",
        default=[],
        metavar="ID",
        help="a correlation id, as JSON lines have it in one of CORRELATION_FIELDS; may be given several times",
    )
    main_parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"a variable of the function's, the name with or without {PREFIX}; wins over the file, and over {PREFIX}..."
        " of this shell, which are used without a file",
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
    arguments = parser().parse_intermixed_args(words)
    try:
        sourced = read_environ(os.environ, file=arguments.configuration, given=arguments.env)
    except SettingsError as error:
        sys.stderr.write(f"explain: {error}\n")
        return 2
    plain = not sys.stdout.isatty() or os.environ.get("TERM") == "dumb" or "NO_COLOR" in os.environ
    transactions = [transaction_of(text) for text in arguments.transactions]
    transactions += [correlated(text) for text in arguments.correlation]
    print(*explain(sourced, transactions, Paint(not plain)), sep="\n")
    return 1 if read_settings(sourced.values)[1] else 0


if __name__ == "__main__":
    sys.exit(main())
