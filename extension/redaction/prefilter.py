"""Skip events in which no pattern can match, without decoding them."""

import re
from collections.abc import Iterable

from extension.redaction.patterns import Mask

_NEVER_ESCAPED = re.compile(r"[ !#-%'-.0-;=?-\[\]-~]+")
"""What encoders leave as it is, if they do not escape plain letters; Go's escapes what may end an HTML script."""

_ESCAPED_LETTER = re.compile(rb"\\u00(?:2[0-57-9a-fA-F]|3[0-9abdfABDF]|[4-7])")
"""An escape of what need not be: then needles may be hidden."""

_ESCAPED_BEYOND = re.compile(rb"\\u(?!00)")


class Prefilter:
    """Tells of events as they came, one or a whole batch, that no pattern can be found in them."""

    __slots__ = ("_any_case", "_as_written", "_is_blind", "_telltales")

    def __init__(self, masks: Iterable[Mask]) -> None:
        """Takes the patterns."""
        as_written: dict[bytes, None] = {}
        any_case: dict[bytes, None] = {}
        self._telltales = []
        self._is_blind = False
        for mask in masks:
            needles = mask.linear.needles
            if mask.telltale is not None:
                self._telltales.append(mask.telltale)
                continue
            for string in needles.strings if needles is not None else ("",):
                needle = max(_NEVER_ESCAPED.findall(string), key=len, default="").encode()
                self._is_blind |= not needle
                (any_case if needles is not None and needles.any_case else as_written)[needle] = (
                    None
                )
        self._as_written = tuple(as_written)
        self._any_case = tuple(any_case)

    def may_hold(self, raw: bytes) -> bool:
        """Tells whether a pattern may be found in what is written there; in doubt, true."""
        if self._is_blind:
            return True
        for needle in self._as_written:
            if needle in raw:
                return True
        if self._any_case:
            # Some letters beyond ASCII, escaped or not, are an s or a k but for their case.
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
