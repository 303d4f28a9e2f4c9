from typing import Any

import pytest

from extension.config.parsers import Flush
from extension.config.settings import Settings
from whatif.model.log import Log
from whatif.model.net import Pace
from whatif.replay.meter import Meter

HOUR = "2026-11-20T08"
REPORT: dict[str, Any] = {"metrics": {"memorySizeMB": 512}}


def metered(
    *times: str, flush: Flush = Flush.ADAPTIVE, report: dict[str, Any] | None = REPORT
) -> Log:
    """The counts of an environment whose invocations start at these times."""
    meter, log = Meter(Settings(flush=flush)), Log()
    meter.begin_init()
    for time in times:
        meter.begin(f"{HOUR}:{time}Z")
        meter.report(report or {})
    meter.close(log)
    return log


BUSY = [f"00:{second:02d}.000" for second in range(10)]
QUIET = [f"{minute:02d}:00.000" for minute in range(0, 40, 4)]


@pytest.mark.parametrize(
    ("times", "flush", "held"),
    [
        (BUSY, Flush.END, 10),
        (BUSY, Flush.BACKGROUND, 0),
        (BUSY, Flush.ADAPTIVE, 4),
        (QUIET, Flush.ADAPTIVE, 10),
    ],
)
def test_meter_holds_as_the_extension_would(times: list[str], flush: Flush, held: int) -> None:
    """Adaptive holds until four gaps were short: a busy environment's first four invocations."""
    log = metered(*times, flush=flush)

    assert (log.held, log.held_mb) == (held, held * 512)


def test_meter_counts_cold_starts_and_lines_of_metrics() -> None:
    """A line of metrics for each five minutes in which the function was invoked."""
    assert metered(*QUIET).pace == Pace(10, 5120, 1, 512, 8)


def test_meter_takes_an_init_from_a_report_where_init_start_is_missing() -> None:
    """A log that was cut begins in the middle."""
    meter, log = Meter(Settings()), Log()
    meter.begin(f"{HOUR}:00:00.000Z")
    meter.report({"metrics": {"memorySizeMB": 128, "initDurationMs": 100}})
    meter.close(log)

    assert (log.cold_starts, log.cold_mb, log.memory_mb) == (1, 128, 128)


def test_meter_uses_the_memory_of_the_functions_other_environments() -> None:
    """An environment may end before its first REPORT."""
    log = metered("00:00.000")
    cut = Meter(Settings())
    cut.begin(f"{HOUR}:30:00.000Z")
    cut.close(log)

    assert (log.held, log.held_mb) == (2, 1024)


@pytest.mark.parametrize("record", [{}, {"metrics": None}, {"metrics": {"memorySizeMB": "x"}}])
def test_meter_takes_any_report(record: dict[str, Any]) -> None:
    """A log may hold anything, and a time may be none."""
    assert metered("00:00.000", "nonsense", report=record).memory_mb == 0
