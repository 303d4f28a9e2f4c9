"""Recognise lines that EXCLUDE leaves out."""

import json

from extension.redaction.patterns import Patterns
from extension.redaction.prefilter import Prefilter


class Excluder:
    """Tells which lines are never recorded."""

    __slots__ = ("_masks", "_prefilter")

    def __init__(self, patterns: Patterns) -> None:
        """Takes patterns; one that could not be read excludes nothing."""
        self._masks = patterns.masks
        self._prefilter = Prefilter(patterns.masks)

    def may_match(self, raw: bytes) -> bool:
        """Tells whether any line of a batch may be one: quick, and in doubt true."""
        return bool(self._masks) and self._prefilter.may_hold(raw)

    def excludes(self, event: bytes) -> bool:
        """Tells of the JSON of one event whether its line is excluded."""
        try:
            record = json.loads(event)["record"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return False
        text = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)
        return any(mask.linear.search(text) for mask in self._masks)
