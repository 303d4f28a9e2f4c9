"""Explain the settings in force, and the verdict on transactions: ``python -m whatif.explain``.

Promises: no possible secret is shown, and neither the name nor the value of a reference. Of patterns, the names of
presets and the number of others are shown. The values in force are shown, not the text of the variables.
"""

import argparse
import os
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from extension import PREFIX
from extension.config.parsers import MIB, SAME_RATE
from extension.config.settings import Settings, is_reference, read_settings
from extension.config.variables import SETTINGS, Setting
from extension.redaction.patterns import Patterns
from terminal.layout import Column, paragraph, table
from terminal.paint import Paint
from terminal.pipes import forget_output
from whatif.explain.transactions import Transaction, correlated, transaction_of, verdict_lines
from whatif.model.problems import problem_text
from whatif.model.settings_source import SettingsError, Sourced, read_environ
from whatif.model.words import counted, listed

HIDDEN = "(set, not shown)"
NONE = "(none)"
DEFAULT = "default"
DEFAULT_OR_DOCUMENT = "default, or from SETTINGS"
ALL_MASKED = "every line is masked as a whole"
VALUE_WIDTH = 38


def explain(sourced: Sourced, transactions: Sequence[Transaction], paint: Paint) -> list[str]:
    """Write the settings, their problems, and the verdicts."""
    settings, problems = read_settings(sourced.values)
    lines = [paint("Settings in force", "bold"), ""]
    lines += _settings_table(sourced, settings, {problem.variable for problem in problems})
    if not settings.enabled:
        lines += ["", "ENABLED is false, so no other setting has an effect."]
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
    told = "References are not fetched here."
    if "SETTINGS" in names:
        return f"{told} The document of SETTINGS may set all that the variables do not; defaults replace it, here and in the verdicts."
    others = sorted(names - {"REDACT"})
    if others:
        told += f" Defaults replace {listed(others)}, here and in the verdicts."
    if "REDACT" in names:
        told += " The extension delivers nothing until it has fetched REDACT."
    return told


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
    """Return the value in force, as it may be shown, and its origin."""
    variable = PREFIX + setting.name
    text = sourced.values.get(variable, "").strip()
    if not text:
        is_open = setting.name in settings.unresolved
        return _default_text(setting, settings), DEFAULT_OR_DOCUMENT if is_open else DEFAULT
    origin = sourced.origins[variable]
    if is_reference(setting.name, text):
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
    """Name the presets, and count the other patterns, which may be secrets."""
    if patterns is None:
        return NONE
    if patterns.problems and setting.field == "redact":
        return ALL_MASKED
    own = len(patterns.masks)
    parts = [*patterns.presets, *([counted(own, "pattern")] if own else [])]
    return listed(parts) if parts else NONE


def _default_text(setting: Setting, settings: Settings) -> str:
    # BUFFER_SIZE's default and its limit depend on the function's memory, so the result says more.
    if setting.field == "buffer_bytes":
        return f"{settings.buffer_bytes / MIB:g}MiB"
    if setting.default == SAME_RATE:
        return f"as {SAME_RATE}"
    return setting.default or NONE


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    main_parser = argparse.ArgumentParser(
        prog="./build.sh explain",
        description="Show the settings in force with the origin of each. For each given transaction, show the verdict on a"
        " healthy invocation.",
        epilog="The exit code is 1 if a setting cannot be used.",
    )
    main_parser.add_argument(
        "transactions",
        nargs="*",
        metavar="ID",
        help="an X-Ray trace id (1-...), a W3C trace id (32 hex digits) or traceparent, or an X-Amzn-Trace-Id header;"
        " anything else is read as a request id",
    )
    main_parser.add_argument(
        "--correlation",
        action="append",
        default=[],
        metavar="ID",
        help="a correlation id, as JSON lines have it in one of CORRELATION_FIELDS (repeatable)",
    )
    main_parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"a variable of the function, with or without {PREFIX} in its name; it overrides the file. Without a file it"
        f" overrides the {PREFIX}... variables of this shell",
    )
    main_parser.add_argument(
        "--configuration",
        type=Path,
        metavar="FILE",
        help="take the variables from the answer of `aws lambda get-function-configuration`, not from this shell's environment",
    )
    return main_parser


def main(words: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: 0, 1 if a setting cannot be used, 2 for a usage error.
    """
    arguments = parser().parse_intermixed_args(words)
    try:
        sourced = read_environ(os.environ, file=arguments.configuration, given=arguments.env)
    except SettingsError as error:
        sys.stderr.write(f"explain: {error}\n")
        return 2
    plain = not sys.stdout.isatty() or os.environ.get("TERM") == "dumb" or "NO_COLOR" in os.environ
    transactions = [transaction_of(text) for text in arguments.transactions]
    transactions += [correlated(text) for text in arguments.correlation]
    try:
        print(*explain(sourced, transactions, Paint(not plain)), sep="\n", flush=True)
    except BrokenPipeError:
        forget_output()
        return 0
    return 1 if read_settings(sourced.values)[1] else 0


if __name__ == "__main__":
    sys.exit(main())
