"""Run the self-check from the command line."""

import contextlib
import io
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from extension import EXTENSION_NAME
from extension.selfcheck.checks import check
from extension.selfcheck.findings import CHECK_TYPE, FAIL, OK, WARN

USAGE = f"""usage: {EXTENSION_NAME} --check [--quiet] [--json]

Reads the settings from the environment, fetches their references, and delivers one record of the type
{CHECK_TYPE} to each sink. Does not register with Lambda.

  --quiet   print warnings and failures only
  --json    print one JSON object a line: level (ok, warn, fail), what, found, todo

Exit status: 0 if nothing failed, 1 if something failed, 2 for unknown options.
"""

_OPTIONS = frozenset({"--check", "--quiet", "--json"})

BAD_USAGE = 2


def main(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Run the check; return the exit status."""
    if "--check" not in arguments or not _OPTIONS.issuperset(arguments):
        is_help = list(arguments) == ["--help"]
        print(USAGE, end="", file=sys.stdout if is_help else sys.stderr, flush=True)
        return 0 if is_help else BAD_USAGE
    findings = check(environ, sleep=sleep)
    shown = [one for one in findings if one.level != OK or "--quiet" not in arguments]
    lines = [one.json() if "--json" in arguments else one.text() for one in shown]
    if not {"--json", "--quiet"} & set(arguments):
        counts = {level: sum(one.level == level for one in findings) for level in (OK, WARN, FAIL)}
        lines.append(f"{counts[OK]} ok, {counts[WARN]} to look at, {counts[FAIL]} failed")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    # The reader may have closed the pipe.
    with contextlib.suppress(OSError):
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    return int(any(one.level == FAIL for one in findings))
