"""Studies of the shop's log, for the tests of what is made of them.

The same study is made once in a test process, and no test changes it. A test that changes a bound of the replay asks
for a study made `anew`.
"""

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tests.doubles import shop_logs
from whatif.replay.grid import grid_of, read_axis
from whatif.replay.study import Study, study_of


def study_shop(*axes: str, environ: Mapping[str, str] | None = None, anew: bool = False) -> Study:
    """Replay the shop's log, as `aws logs tail` writes it."""
    return _study(shop_logs.shop(), axes, environ or {}, anew=anew)


MISSED = {
    10: "order 10: ERROR payment refused",
    12: "order 12 skipped\nTraceback (most recent call last):\n  File x\nKeyError: 'id'",
    13: '{"statusCode":502,"body":"upstream is down"}',
    15: "order 15: ERROR payment refused",
}
"""Lines that a person might call failures, and no rule of the extension does, by the invocation that writes them."""


def missed_events() -> list[shop_logs.Event]:
    """Return the shop's events, with lines that a person might call failures in four healthy invocations."""
    events = []
    for number in range(shop_logs.INVOCATIONS):
        stream, at_ms = shop_logs.STREAMS[number % 2], shop_logs.FIRST_MS + number * 300_000
        one = shop_logs.invocation(number, stream, at_ms)
        if number in MISSED:
            one.insert(2, shop_logs.Event(stream, at_ms + 2, MISSED[number]))
        events += one
    return events


def study_missed(*axes: str, environ: Mapping[str, str] | None = None, anew: bool = False) -> Study:
    """Replay :func:`missed_events` as :func:`study_shop` replays the shop's log."""
    return _study(missed_events(), axes, environ or {}, anew=anew)


def _study(
    events: list[shop_logs.Event], axes: tuple[str, ...], environ: Mapping[str, str], *, anew: bool
) -> Study:
    make = _cached.__wrapped__ if anew else _cached
    return make(shop_logs.tail(events), axes, tuple(environ.items()))


@cache
def _cached(log: str, axes: tuple[str, ...], environ: tuple[tuple[str, str], ...]) -> Study:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop.log"
        path.write_text(log, encoding="utf-8")
        return study_of([str(path)], grid_of(dict(environ), [read_axis(axis) for axis in axes]))
