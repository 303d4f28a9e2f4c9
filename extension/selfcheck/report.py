"""Print what the self-check found."""

import contextlib
import io
import sys
from collections.abc import Callable, Mapping, Sequence

from extension.selfcheck.checks import check
from extension.selfcheck.findings import FAIL, OK, WARN


def report(
    arguments: Sequence[str], environ: Mapping[str, str], *, sleep: Callable[[float], None]
) -> int:
    """Run the check and print its findings; return the exit status.

    Args:
        arguments: ``--quiet`` leaves out what is well, ``--json`` prints objects.
        environ: the function's variables.
        sleep: waits between attempts.
    """
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
