"""Mask what REDACT names in a line.

Promises: every match in a line is masked. In JSON, patterns match keys, strings and numbers decoded, and also the text
that spans them. A JSON line stays JSON, and every byte outside of masks stays the same. In doubt more is masked: a
pattern that cannot be used, or an error of our own, masks the whole line. JSON in the middle of text counts as text.

Pure. Most lines hold nothing to mask: telltales in their undecoded bytes tell that, and they are not decoded.
"""

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING

from extension.redaction.patterns import MASK, Mask, Patterns

if TYPE_CHECKING:
    from extension.redaction.prefilter import Prefilter

_HEAD = re.compile(r'\{"time":"[^"\\]*","type":"function","record":')
"""Begin of an event as Lambda writes it. Its record is the last member."""

_EVENT_BEGIN = b'{"time":"'

_RECORD = '"record":'

_decode = json.JSONDecoder().raw_decode


class Redactor:
    """Masker of lines. What it keeps does not change, so threads may share it and its patterns."""

    def __init__(self, patterns: Patterns) -> None:
        self._masks = patterns.masks
        self._presets = frozenset(patterns.presets)
        self._masks_all = bool(patterns.problems)

    def redact(self, event: bytes) -> bytes:
        """Return a ``function`` event, as JSON, with the matches in its record masked."""
        if self._masks_all:
            return mask_all(event)
        try:
            presets, masks = self._prefilter.searches(event)
            if not presets and not masks:
                is_usual = event.startswith(_EVENT_BEGIN) and event.endswith(b"}")
                return event if is_usual else self._redact(event, self._presets, self._masks)
            return self._redact(event, presets, masks)
        except Exception:  # noqa: BLE001 - no error may let a secret out
            return mask_all(event)

    def redact_all(self, events: list[bytes]) -> list[bytes]:
        """Mask in many events, each as :meth:`redact` does. To look for secrets in all at once takes a third of the time."""
        if self._masks_all:
            return [mask_all(event) for event in events]
        try:
            suspects = self._prefilter.suspects(events)
        except Exception:  # noqa: BLE001 - no error may let a secret out
            suspects = set(range(len(events)))
        return [
            self.redact(event)
            if number in suspects or not (event.startswith(_EVENT_BEGIN) and event.endswith(b"}"))
            else event
            for number, event in enumerate(events)
        ]

    def prepare(self) -> None:
        """Load what masking needs, so that no delivery has to: 45 ms of a processor with all presets (CPython 3.13)."""
        # Imported for what it compiles.
        import extension.redaction.edits  # noqa: F401

        self._prefilter  # noqa: B018 - it is made once

    @cached_property
    def _prefilter(self) -> "Prefilter":
        # Made here: a function waits while settings are read, and the first line may be minutes away.
        from extension.redaction.prefilter import Prefilter

        return Prefilter(self._masks, self._presets)

    def _redact(self, event: bytes, presets: frozenset[str], masks: tuple[Mask, ...]) -> bytes:
        # Imported here, with the presets: most lines hold nothing to mask.
        from extension.redaction.edits import Searches, edited, within_string

        text = event.decode("utf-8")
        head = _HEAD.match(text)
        at = head.end() if head else text.find(_RECORD) + len(_RECORD)
        while text[at] in " \t\r\n":
            at += 1
        value, end = _decode(text, at)
        if (head is None or text[end:] != "}") and json.loads(text)["record"] != value:
            raise ValueError  # What begins here is not the record.
        if text[end:].strip() != "}":
            raise ValueError  # The record is not the last member.
        searches = Searches(presets, masks)
        record = text[at:end]
        edits = (
            within_string(record, searches.edits(value))
            if isinstance(value, str)
            else searches.edits_of_json(record)
        )
        return (text[:at] + edited(record, edits) + text[end:]).encode() if edits else event


def mask_all(event: bytes) -> bytes:
    """Return the event with its whole record masked."""
    try:
        time = json.loads(event)["time"]
    except (ValueError, KeyError, TypeError, RecursionError):
        time = ""
    masked = {"time": time if isinstance(time, str) else "", "type": "function", "record": MASK}
    return json.dumps(masked, separators=(",", ":")).encode()
