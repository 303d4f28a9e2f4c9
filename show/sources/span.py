"""Define a span of time, and read how far back it begins. Pure."""

import re
from datetime import datetime, timezone
from typing import NamedTuple

from show.model.errors import ShowError

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
MAX_AGE_S = 10 * 366 * 86_400
"""CloudWatch keeps events for ten years at most (AWS: CloudWatch Logs, PutRetentionPolicy)."""


class Span(NamedTuple):
    """From one time to another, both in milliseconds since 1970."""

    begin_ms: int
    end_ms: int

    def holds(self, at_ms: int) -> bool:
        """Tell whether a time lies within."""
        return self.begin_ms <= at_ms <= self.end_ms


def read_since(text: str, *, now_s: float) -> Span:
    """Read ``90s``, ``30m``, ``1h``, ``2d``, ``1w``, or a date with or without a time in UTC.

    Raises:
        ShowError: It is neither.
    """
    match = re.fullmatch(r"([0-9]{1,9})([smhdw])", text)
    if match is not None:
        age_s: float = int(match[1]) * _UNITS_S[match[2]]
    else:
        try:
            moment = datetime.fromisoformat(text.removesuffix("Z"))
        except ValueError:
            raise ShowError(
                f"--since {text}: write a length such as 30m, 1h or 2d, or a time such as 2026-11-24T12:00"
            ) from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        age_s = now_s - moment.timestamp()
    if not 0 < age_s <= MAX_AGE_S:
        raise ShowError(f"--since {text}: this is not within the last ten years")
    return Span(int((now_s - age_s) * 1000), int(now_s * 1000))
