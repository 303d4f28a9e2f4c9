"""The engine of regular expressions, beside Python's ``re``: the same texts match, at the same places."""

from __future__ import annotations

import re
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from extension.regex.pattern import Pattern
from tests.fuzz.running import Fuzzer, pick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random
    from types import FrameType

ExpressionCase = tuple[str, list[str]]
"""A pattern, and texts to search."""

ATOMS = (
    *(
        "a",
        "b",
        "c",
        "A",
        "é",
        "\\n",
        ".",
        "[ab]",
        "[^a]",
        "[^\\W_]",
        "\\d",
        "\\w",
        "\\s",
        "\\S",
        "\\b",
        "^",
        "$",
    ),
    *(
        "\\A",
        "\\Z",
        "\\B",
        "(?i:a)",
        "(?i:é)",
        "(?a:\\w)",
        "(?s:.)",
        "(?m:^)",
        "(?m:$)",
        "(?a:\\b)",
        "",
        "ab",
        "(?i:ss)",
    ),
)
COUNTS = ("*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}", "{0,2}?", "{2,}", "{1,}?")
FLAGS = ("", "", "(?i)", "(?s)", "(?m)", "(?a)", "(?ims)")
LETTERS = "aaabbc1A_ é\n\u017f\u212ax"
RE_LIMIT_S = 0.25
"""Of processor time. ``re`` backtracks: it does not come back from some patterns, on a dozen characters."""


class Slow(BaseException):
    """``re`` took too long."""


class Expressions(Fuzzer):
    """Search short texts for any pattern that is regular."""

    def draw(self, random: Random) -> ExpressionCase:
        pattern = pick(random, FLAGS) + self._pattern(random, 1 + int(random.random() * 4))
        texts = [
            "".join([pick(random, LETTERS) for _ in range(1 + int(random.random() * 10))])
            for _ in range(24)
        ]
        return pattern, texts

    def _pattern(self, random: Random, depth: int) -> str:
        kind = int(random.random() * 4) if depth else 0
        if kind == 0:
            return pick(random, ATOMS)
        one = self._pattern(random, depth - 1)
        if kind == 1:
            return f"(?:{one}){pick(random, COUNTS)}"
        other = self._pattern(random, depth - 1)
        return one + other if kind == 2 else f"(?:{one}|{other})"

    def check(self, case: ExpressionCase) -> int:
        pattern, texts = case
        expected = re.compile(pattern)
        ours = Pattern(pattern)
        for text in filter(None, texts):  # \B is not found in the empty text before Python 3.14
            try:
                with _limited():
                    spans = [
                        one.span() for one in expected.finditer(text) if one.end() > one.start()
                    ]
                    found = bool(expected.search(text))
            except Slow:
                continue
            got = [span for match in ours.matches(text) for span in match.meant]
            assert ours.search(text) == found, text
            assert got == spans, (text, got, spans)
        return len(texts)


@contextmanager
def _limited() -> Iterator[None]:
    """End ``re`` in its midst: it looks for signals now and then. The timer is neither the runner's nor pytest's."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise Slow

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, RE_LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
