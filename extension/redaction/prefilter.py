"""Skip events in which no pattern can match, without decoding them."""

import re
from bisect import bisect_right
from itertools import accumulate

from extension.redaction.patterns import Mask
from extension.redaction.presets.telltales import Telltales
from extension.regex.syntax import Needles

_NEVER_ESCAPED = re.compile(r"[ !#-%'-.0-;=?-\[\]-~]+")
"""Characters that no usual JSON encoder escapes; Go's escapes those that may end an HTML script."""

_ESCAPED_LETTER = re.compile(rb"\\u00(?:2[0-57-9a-fA-F]|3[0-9abdfABDF]|[4-7])")
"""Needless escape of a character, which can hide a needle."""

_ESCAPED_BEYOND = re.compile(rb"\\u(?!00)")


def _start(match: re.Match[bytes]) -> int:
    return match.start()


class Prefilter:
    """Quick test of what may match in an event or a batch, on undecoded bytes."""

    def __init__(self, masks: tuple[Mask, ...], presets: frozenset[str] = frozenset()) -> None:
        as_written: set[bytes] = set()
        any_case: set[bytes] = set()
        self._masks = masks
        self._presets = presets
        self._telltales = Telltales(presets) if presets else None
        for mask in masks:
            needles = mask.linear.needles or Needles(frozenset({""}))
            for string in needles.strings:
                needle = max(_NEVER_ESCAPED.findall(string), key=len, default="").encode()
                (any_case if needles.any_case else as_written).add(needle)
        self._is_blind = b"" in as_written | any_case
        self._as_written = tuple(as_written)
        self._any_case = tuple(any_case)

    def searches(self, raw: bytes) -> tuple[frozenset[str], tuple[Mask, ...]]:
        """Return the presets and the patterns that may match in a line; all in doubt."""
        if _ESCAPED_LETTER.search(raw):
            return self._presets, self._masks
        presets = frozenset() if self._telltales is None else self._telltales.presets_in(raw)
        return presets, self._masks if self._masks and self._holds_needle(raw) else ()

    def suspects(self, events: list[bytes]) -> set[int]:
        """Return the places in ``events`` of those that :meth:`searches` would return something for; more in doubt."""
        raw = b"\n".join(events)
        if self._masks and self._holds_needle(raw):
            return set(range(len(events)))
        ends = [*accumulate(len(event) + 1 for event in events)]
        found = {bisect_right(ends, at) for at in map(_start, _ESCAPED_LETTER.finditer(raw))}
        if self._telltales is not None:
            found |= {bisect_right(ends, at) for at in self._telltales.places_in(raw)}
            if self._telltales.may_hold_card(raw):
                found |= {
                    n for n, event in enumerate(events) if self._telltales.may_hold_card(event)
                }
        return found

    def may_hold(self, raw: bytes) -> bool:
        """Tell whether a pattern of the user's may match in these bytes; True in doubt."""
        if not self._masks:
            return False
        return self._holds_needle(raw) or _ESCAPED_LETTER.search(raw) is not None

    def _holds_needle(self, raw: bytes) -> bool:
        if self._is_blind:
            return True
        for needle in self._as_written:
            if needle in raw:
                return True
        if self._any_case:
            # Some letters beyond ASCII, escaped or not, equal s or k but for their case.
            if not raw.isascii() or _ESCAPED_BEYOND.search(raw):
                return True
            lower = raw.lower()
            for needle in self._any_case:
                if needle in lower:
                    return True
        return False
