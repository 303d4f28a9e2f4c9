"""Run the launcher's command line: the self-check, the version, the usage."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence

from extension import EXTENSION_NAME, __version__

USAGE = f"""usage: {EXTENSION_NAME} --check [--quiet] [--json]
       {EXTENSION_NAME} --version | --help

--check reads the settings from the environment, fetches their references, and delivers one record of the type
flightRecorder.check to each sink. It does not register with Lambda.

  --quiet     print warnings and failures only
  --json      print one JSON object a line: level (ok, warn, fail), what, found, todo
  --version   print the version of this layer, and of the Python that it runs on
  --help      print this text

Exit status: 0 if nothing failed, 1 if something failed, 2 for a wrong call.
"""

_OPTIONS = ("--check", "--quiet", "--json", "--version", "--help")

BAD_USAGE = 2


def main(
    arguments: Sequence[str],
    environ: Mapping[str, str],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Run a command line; return the exit status."""
    if list(arguments) == ["--help"]:
        return _say(USAGE)
    if list(arguments) == ["--version"]:
        return _say(f"{EXTENSION_NAME} {__version__} (Python {sys.version.split()[0]})\n")
    problem = _problem(arguments)
    if problem:
        sys.stderr.write(f"{EXTENSION_NAME}: {problem}\n{USAGE}")
        sys.stderr.flush()
        return BAD_USAGE
    # Imported here: the version and the usage need none of the package.
    from extension.selfcheck.report import report

    return report(arguments, environ, sleep=sleep)


def _problem(arguments: Sequence[str]) -> str:
    """Return what is wrong with a command line; nothing for one that checks."""
    if not arguments:
        return "this is an extension, which Lambda starts (AWS_LAMBDA_RUNTIME_API is not set here); try --check"
    for word in arguments:
        if word not in _OPTIONS:
            # As a terminal can show it: the word may hold anything.
            return f"there is no option {word.encode('ascii', 'backslashreplace').decode()}"
    if "--check" not in arguments:
        return f"{arguments[0]} goes with --check"
    alone = [word for word in arguments if word in {"--version", "--help"}]
    return f"{alone[0]} stands alone" if alone else ""


def _say(text: str) -> int:
    # The process ends without closing its files.
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0
