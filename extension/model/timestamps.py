"""Convert Lambda's timestamps."""

from datetime import datetime
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - Lambda's times are compared without their zone, which is UTC
_DAY_S = 86_400


@lru_cache(maxsize=8)
def epoch_ns(time: str) -> int | None:
    """Parse a time as Lambda writes it, in nanoseconds since 1970; None if it cannot be parsed.

    Lambda writes ``2022-10-12T00:00:15.064Z``, with three digits after the point or six (AWS: Telemetry API). The last
    times are remembered: each is asked for several times in a row.
    """
    try:
        # Before 3.11 fromisoformat takes neither the Z nor any number of digits but three and six.
        moment = datetime.fromisoformat(time.removesuffix("Z"))
    except ValueError:
        return None
    since = (moment if moment.tzinfo is None else moment.replace(tzinfo=None)) - _EPOCH
    return (since.days * _DAY_S + since.seconds) * 1_000_000_000 + since.microseconds * 1000


def ms_between(begin: str, end: str) -> float | None:
    """Return the milliseconds between two times as Lambda writes them; None if one cannot be parsed."""
    begin_ns, end_ns = epoch_ns(begin), epoch_ns(end)
    return None if begin_ns is None or end_ns is None else (end_ns - begin_ns) / 1_000_000
