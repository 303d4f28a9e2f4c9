"""Run the self-check from the command line."""

import contextlib
import io
import sys
from collections.abc import Mapping, Sequence

from extension import EXTENSION_NAME
from extension.selfcheck.checks import check, summary_text
from extension.selfcheck.findings import CHECK_TYPE, FAIL, OK

USAGE = f"""usage: {EXTENSION_NAME} --check [--quiet] [--json]

Verifies the settings in the environment, fetches what they refer to, and delivers one record of the type
{CHECK_TYPE} to each sink. Does not register with Lambda. Ends with 0 if nothing failed, 1 if something did.

  --quiet   only what is wrong
  --json    one JSON object a line: level (ok, warn, fail), what, found, todo
"""

_OPTIONS = frozenset({"--check", "--quiet", "--json"})

BAD_USAGE = 2


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs the check; gives the exit status.

    Args:
        arguments: those of the command line.
        environ: the process's environment.
    """
    if "--check" not in arguments or not _OPTIONS.issuperset(arguments):
        is_help = list(arguments) == ["--help"]
        print(USAGE, end="", file=sys.stdout if is_help else sys.stderr, flush=True)
        return 0 if is_help else BAD_USAGE
    findings = check(environ)
    shown = [one for one in findings if one.level != OK or "--quiet" not in arguments]
    lines = [one.json() if "--json" in arguments else one.text() for one in shown]
    if not {"--json", "--quiet"} & set(arguments):
        lines.append(summary_text(findings))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    # Whoever reads it may have seen enough.
    with contextlib.suppress(OSError):
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    return int(any(one.level == FAIL for one in findings))
