"""Recognise lines that EXCLUDE leaves out."""

import json

from extension.redaction.patterns import Patterns
from extension.redaction.prefilter import Prefilter


class Excluder:
    """Matcher of lines that are never recorded; a pattern that cannot be used excludes nothing."""

    def __init__(self, patterns: Patterns) -> None:
        self._masks = patterns.masks
        self._prefilter = Prefilter(patterns.masks)

    def may_match(self, raw: bytes) -> bool:
        """Tell quickly whether a batch may hold a line to exclude; True in doubt."""
        return bool(self._masks) and self._prefilter.may_hold(raw)

    def excludes(self, event: bytes) -> bool:
        """Tell whether the line of one event, given as JSON, is excluded."""
        try:
            record = json.loads(event)["record"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return False
        text = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)
        return any(mask.linear.search(text) for mask in self._masks)
