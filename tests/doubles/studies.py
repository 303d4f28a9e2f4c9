"""Studies of the shop's log, for the tests of what is made of them."""

from pathlib import Path

from tests.doubles import shop_logs
from whatif.replay.grid import grid_of, read_axis
from whatif.replay.study import Study, study_of


def study_shop(folder: Path, *axes: str, environ: dict[str, str] | None = None) -> Study:
    """Replay the shop's log, as `aws logs tail` writes it, from a file with a name that is the same everywhere."""
    path = folder / "shop.log"
    path.write_text(shop_logs.tail(shop_logs.shop()), encoding="utf-8")
    return study_of([str(path)], grid_of(environ or {}, [read_axis(axis) for axis in axes]))


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


def study_missed(folder: Path, *axes: str, environ: dict[str, str] | None = None) -> Study:
    """Replay :func:`missed_events` as :func:`study_shop` replays the shop's log."""
    path = folder / "shop.log"
    path.write_text(shop_logs.tail(missed_events()), encoding="utf-8")
    return study_of([str(path)], grid_of(environ or {}, [read_axis(axis) for axis in axes]))
