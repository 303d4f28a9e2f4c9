"""Skip events in which no pattern can match, without decoding them."""

import re

from extension.redaction.patterns import Mask
from extension.regex.syntax import Needles

_NEVER_ESCAPED = re.compile(r"[ !#-%'-.0-;=?-\[\]-~]+")
"""Characters that no usual JSON encoder escapes; Go's escapes those that may end an HTML script."""

_ESCAPED_LETTER = re.compile(rb"\\u00(?:2[0-57-9a-fA-F]|3[0-9abdfABDF]|[4-7])")
"""Needless escape of a character, which can hide a needle."""

_ESCAPED_BEYOND = re.compile(rb"\\u(?!00)")


class Prefilter:
    """Quick test that no pattern matches in an event or a batch, on undecoded bytes."""

    def __init__(self, masks: tuple[Mask, ...]) -> None:
        as_written: set[bytes] = set()
        any_case: set[bytes] = set()
        self._telltales = [mask.telltale for mask in masks if mask.telltale is not None]
        for mask in masks:
            if mask.telltale is None:
                needles = mask.linear.needles or Needles(frozenset({""}))
                for string in needles.strings:
                    needle = max(_NEVER_ESCAPED.findall(string), key=len, default="").encode()
                    (any_case if needles.any_case else as_written).add(needle)
        self._is_blind = b"" in as_written | any_case
        self._as_written = tuple(as_written)
        self._any_case = tuple(any_case)

    def may_hold(self, raw: bytes) -> bool:
        """Tell whether a pattern may match in these bytes; True in doubt."""
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
        for telltale in self._telltales:
            if telltale.search(raw):
                return True
        return _ESCAPED_LETTER.search(raw) is not None
