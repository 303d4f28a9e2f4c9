"""Find the invocations that a person might call failed and that the user's own settings take for healthy.

Two replays see the same batches: one under the user's own settings, one under the suggested ones. What fails under the
suggested ones alone is missed, so the suggested settings are known to keep it.

Pure.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from extension.config.parsers import read_pattern
from extension.levels.level import Level
from extension.model.chunk import Chunk, RewriteLines, rewritten
from extension.model.record import Record, records_in
from extension.sampling import verdict
from whatif.model.signs import Sign
from whatif.replay.replay import Replay
from whatif.replay.suggestion import LEVEL_SIGN
from whatif.replay.tally import Followed, Tally

MAX_EXAMPLES = 3
"""Examples of one sign. They are of different invocations."""

MAX_EXAMPLE_CHARS = 160
_BEFORE_CHARS = 60
"""How much of a long line stands before the sign in its example."""

_BY_LEVEL = "level-"
"""How the reason begins that ERROR_LEVEL gives (extension/parsing/failures.py)."""


class Example(NamedTuple):
    """A line that shows a sign, shortened, and its invocation."""

    request_id: str
    text: str


class Shown(NamedTuple):
    """One sign in one invocation.

    Attributes:
        example: A line that shows it; None if there are enough examples.
        is_mild: Whether every line that shows it has a level below ERROR.
    """

    example: Example | None
    is_mild: bool = False


@dataclass
class Found:
    """The missed invocations that show one sign.

    Attributes:
        invocations: Those that are taken for healthy.
        mild: Those of them in which every line that shows it has a level below ERROR, such as a retry at WARN.
        let_go: Those of them that are not kept whole by the draw or a rule.
        cloudwatch_bytes: What keeping them whole adds, as CloudWatch counts.
        examples: At most :data:`MAX_EXAMPLES`.
    """

    invocations: int = 0
    mild: int = 0
    let_go: int = 0
    cloudwatch_bytes: float = 0.0
    examples: list[Example] = field(default_factory=list)


@dataclass
class Missed:
    """All missed invocations.

    Attributes:
        total: All of them, each once, without examples.
        by_sign: Those that show a sign, by its name. An invocation may show several.
        tally: The counts of the suggested settings.
    """

    total: Found = field(default_factory=Found)
    by_sign: dict[str, Found] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)

    def wants_example(self, name: str) -> bool:
        """Tell whether a sign has room for another example."""
        found = self.by_sign.get(name)
        return found is None or len(found.examples) < MAX_EXAMPLES

    def add(self, shown: dict[str, Shown], *, whole: bool, cloudwatch_bytes: float) -> None:
        """Count one invocation, with the signs that it shows."""
        every = {name: self.by_sign.setdefault(name, Found()) for name in shown}
        for one in (self.total, *every.values()):
            one.invocations += 1
            one.let_go += not whole
            one.cloudwatch_bytes += cloudwatch_bytes
        for name, one in every.items():
            example, is_mild = shown[name]
            one.mild += is_mild
            if example is not None and len(one.examples) < MAX_EXAMPLES:
                one.examples.append(example)


class Detector:
    """Tells which signs a line shows, as the extension's own engine reads their patterns."""

    def __init__(self, signs: Sequence[Sign]) -> None:
        self._patterns = {one.name: read_pattern(one.pattern) for one in signs if one.pattern}

    def signs_in(self, text: str) -> dict[str, int]:
        """Return the names of the signs, each with the place where it stands."""
        found = {name: pattern.matches(text) for name, pattern in self._patterns.items()}
        return {name: matches[0].start for name, matches in found.items() if matches}


class Comparison:
    """Compares one environment's replay under the suggested settings with that under the user's own.

    Promises: an invocation's example is held until the invocation is settled, and at most as many are held as a replay
    follows invocations.
    """

    def __init__(
        self,
        own: Replay,
        missed: Missed,
        detector: Detector,
        *,
        redact: RewriteLines | None,
    ) -> None:
        """Take the replay under the user's own settings, which must see each batch first."""
        self._own = own
        self._missed = missed
        self._detector = detector
        self._redact = redact
        self._shown: dict[str, dict[str, Shown]] = {}

    def deliver(self, chunks: list[Chunk]) -> None:
        """Look for signs in the lines of invocations that fail under the suggested settings alone, so far."""
        for chunk in chunks:
            told = chunk.metadata
            if not told.failed or not told.request_id or told.reason == verdict.HISTORY:
                continue
            own = self._own.followed.get(told.request_id)
            if own is None or not own.failed_by:
                self._look_into(chunk)

    def _look_into(self, chunk: Chunk) -> None:
        told = chunk.metadata
        shown = self._shown.setdefault(told.request_id, {})
        masked = [chunk] if self._redact is None else rewritten([chunk], self._redact)
        for record, printed in zip(records_in([chunk]), records_in(masked), strict=True):
            if not record.is_line:
                continue
            is_mild = record.level is not None and record.level < Level.ERROR
            for name, place in self._signs_in(record, told.reason).items():
                before = shown.get(name)
                if before is not None and (is_mild or not before.is_mild):
                    continue
                # Of the lines that show a sign, one at ERROR tells more than one at WARN.
                wanted = self._missed.wants_example(name)
                text = excerpt(_searched(printed), place) if wanted else ""
                example = Example(told.request_id, text) if wanted else None
                shown[name] = Shown(example, is_mild)

    def _signs_in(self, record: Record, reason: str) -> dict[str, int]:
        if not reason.startswith(_BY_LEVEL):
            return self._detector.signs_in(_searched(record))
        return {LEVEL_SIGN.name: 0} if (record.level or 0) >= Level.ERROR else {}

    def settle(self, request_id: str, one: Followed) -> None:
        """Count an invocation, now that nothing more is delivered of it."""
        shown = self._shown.pop(request_id, {})
        own = self._own.followed.get(request_id)
        if not one.failed_by or (own is not None and own.failed_by):
            return
        delivered, spent_bytes = (
            (own.delivered, own.cloudwatch_bytes) if own is not None else (0, 0)
        )
        self._missed.add(
            shown,
            whole=delivered >= one.delivered,
            cloudwatch_bytes=one.cloudwatch_bytes - spent_bytes,
        )


def _searched(record: Record) -> str:
    """Return the text that ERROR_PATTERN is searched in (extension/parsing/line.py)."""
    if isinstance(record.record, str):
        return record.record
    return json.dumps(record.record, ensure_ascii=False)


def excerpt(text: str, place: int) -> str:
    """Return the part of a line around a place, on one line and without control characters."""
    begin = max(0, place - _BEFORE_CHARS) if len(text) > MAX_EXAMPLE_CHARS else 0
    part = text[begin : begin + 2 * MAX_EXAMPLE_CHARS]
    plain = " ".join("".join(char if char.isprintable() else " " for char in part).split())
    plain = f"... {plain}" if begin else plain
    return plain if len(plain) <= MAX_EXAMPLE_CHARS else f"{plain[: MAX_EXAMPLE_CHARS - 4]} ..."
