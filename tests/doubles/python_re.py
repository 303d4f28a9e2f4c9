"""Python's own ``re`` in a process that can be ended, to compare with.

``re`` backtracks: some patterns take longer than anybody waits, and a thread inside it cannot be stopped.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys

ANSWER_TIMEOUT_S = 2.0
"""How long one search may take. An ordinary answer takes under a millisecond, also on a busy machine under a second."""

_PROGRAM = """
import json, re, sys
for line in sys.stdin:
    pattern, text = json.loads(line)
    spans = [match.span() for match in re.finditer(pattern, text)]
    print(json.dumps([bool(re.search(pattern, text)), spans]), flush=True)
"""


class PythonRe:
    """Answer searches in a child process of the same Python; start a new child when one was too slow."""

    def __init__(self, *, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._child: subprocess.Popen[str] | None = None

    def search(self, pattern: str, text: str) -> tuple[bool, list[tuple[int, int]]] | None:
        """Search a text for a pattern.

        Returns:
            Whether there is a match, and the spans of all matches that are not empty; None when ``re`` took too long.

        Raises:
            RuntimeError: the child ended, for example because the pattern is invalid.
        """
        if self._child is None:
            self._child = self._start()
        stdin, stdout = self._child.stdin, self._child.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps([pattern, text]) + "\n")
        stdin.flush()
        if not select.select([stdout], [], [], self._timeout_s)[0]:
            self.close()
            return None
        answer = stdout.readline()
        if not answer:
            self.close()
            message = f"the process that runs re ended on {pattern!r}"
            raise RuntimeError(message)
        found, spans = json.loads(answer)
        return found, [(start, end) for start, end in spans if end > start]

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()

    def _start(self) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-I", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._child = child
        # The first answer waits for the interpreter, so an easy question comes before the timed ones.
        stdin, stdout = child.stdin, child.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write('["", ""]\n')
        stdin.flush()
        stdout.readline()
        return child
