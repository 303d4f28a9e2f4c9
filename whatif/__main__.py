"""Replay exported logs under many settings: ``python -m whatif LOGFILE...``."""

import argparse
import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime, timezone
from pathlib import Path

from extension import PREFIX
from terminal.paint import Paint
from terminal.pipes import forget_output
from terminal.waiting import still
from whatif.logs.files import SourceError, files_of
from whatif.logs.readers import FORMS
from whatif.model.net import Account
from whatif.model.prices import TB
from whatif.model.settings_source import SettingsError, read_environ
from whatif.replay.grid import GridError, grid_of, read_axis
from whatif.replay.runner import RunnerError
from whatif.replay.study import Study, study_of
from whatif.report.page import page
from whatif.report.text import report
from whatif.report.view import view_of

DEFAULT_PAGE = "whatif.html"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    main = argparse.ArgumentParser(
        prog="./build.sh whatif",
        description="Replay exported logs through the extension's own code for a grid of settings. The report has the kept"
        " lines, the failures and the cost of each.",
        epilog=f"Kinds of logs: {FORMS}, gzipped or not. The content of a file tells its kind.",
    )
    main.add_argument(
        "logs",
        nargs="+",
        metavar="LOGFILE",
        help="a file, a folder of them, or - for standard input",
    )
    main.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE[,VALUE...]",
        help="add values of a setting to the grid, such as SAMPLE_RATE=0,2%%,20%% or ERROR_LEVEL=WARN,ERROR; several"
        r" options make all combinations; \, is a comma within a value (default: SAMPLE_RATE=0,1%%,5%%,10%%,100%%)",
    )
    main.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"a variable of the function, with or without {PREFIX} in its name; it overrides the file. Without a file it"
        f" overrides the {PREFIX}... variables of this shell",
    )
    _add_account(main)
    _add_output(main)
    return main


def _add_account(main: argparse.ArgumentParser) -> None:
    main.add_argument(
        "--configuration",
        type=Path,
        metavar="FILE",
        help="take the function's variables and memory from the answer of `aws lambda get-function-configuration`, not from"
        " this shell's environment",
    )
    main.add_argument(
        "--fleet",
        type=_count,
        default=0,
        metavar="COUNT",
        help="the functions that share the metrics of a fleet, and their cost (default: the functions of the logs)",
    )
    main.add_argument(
        "--account-tb",
        type=float,
        default=0.0,
        metavar="TB",
        help="what the account's other functions log in a month, since Lambda's own logs get cheaper beyond 10, 30 and 50 TB"
        " (default: nothing)",
    )


def _add_output(main: argparse.ArgumentParser) -> None:
    main.add_argument(
        "--html",
        type=Path,
        default=Path(DEFAULT_PAGE),
        metavar="FILE",
        help="write the page to this file (default: %(default)s)",
    )
    main.add_argument("--no-html", action="store_true", help="write no page")


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError(text)
    return count


def _progress() -> Callable[[int], None]:
    """Return a function that shows the progress on a terminal, and does nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _events: None

    def tell(events: int) -> None:
        sys.stderr.write(f"\r{events:,} events")
        sys.stderr.flush()

    return tell


def run(arguments: argparse.Namespace) -> int:
    """Run the study; return the exit code.

    Raises:
        GridError: The grid cannot be made.
        RunnerError: A counting process has ended early.
        SettingsError: The function's variables cannot be read.
        SourceError: A file cannot be read.
    """
    begun = time.monotonic()
    if not arguments.no_html and not arguments.html.parent.is_dir():
        raise SourceError(f"{arguments.html}: there is no such folder to write the page to")
    sourced = read_environ(os.environ, file=arguments.configuration, given=arguments.env)
    points = grid_of(sourced.values, [read_axis(text) for text in arguments.set])
    # On a terminal the progress says so already.
    with nullcontext() if sys.stderr.isatty() else still("replaying"):
        study: Study = study_of(files_of(arguments.logs), points, progress=_progress())
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    account = Account(other_bytes=arguments.account_tb * TB, fleet=arguments.fleet)
    view = view_of(study, account)
    plain = not sys.stdout.isatty() or os.environ.get("TERM") == "dumb" or "NO_COLOR" in os.environ
    print(*report(view, Paint(not plain)), sep="\n")
    if view.is_refused or not any(reading.events for reading in study.readings):
        return 1
    if not arguments.no_html:
        made = datetime.now(timezone.utc).date()
        arguments.html.write_text(page(view, made=made), encoding="utf-8")
        print("", f"The report with charts: {arguments.html}", sep="\n")
    print("", f"Took {time.monotonic() - begun:.0f} s.", sep="\n", flush=True)
    return 0


def main(words: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: 0, 1 if there was nothing to replay, 2 for a usage error.
    """
    arguments = parser().parse_args(words)
    try:
        return run(arguments)
    except BrokenPipeError:
        forget_output()
        return 0
    except (GridError, RunnerError, SettingsError, SourceError, OSError) as error:
        sys.stderr.write(f"whatif: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
