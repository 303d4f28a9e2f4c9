"""Metrics from an account: what a line tells, and when there is one. Pure."""

import json
import select
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from extension.config.parsers import MAX_FLEET_CHARS
from extension.diagnostics import metrics as metrics_module
from extension.diagnostics.account import Account
from extension.diagnostics.metrics import (
    MAX_VALUES,
    METRICS,
    RARE,
    Metrics,
    Times,
    saving_usd,
    totals,
)
from extension.model.record import dumps
from tests.doubles.extension.emf import parse, summed
from whatif.model.prices import GB, PRICES

GOLDEN = Path(__file__).parent / "metrics.json"
NOW_MS = 1_800_000_000_000
MINUTE_MS = 60_000


def make(*, interval_ms: int = MINUTE_MS, function: str = "checkout") -> Metrics:
    return Metrics(function=function, interval_ms=interval_ms, now_ms=NOW_MS)


def busy() -> Account:
    """An account in which everything has happened."""
    account = Account()
    account.receive(lines=101, size_bytes=26_500)
    account.invocations, account.failed_invocations = 10, 2
    account.keep("python-exception", 20)
    account.keep("sampled", 5)
    account.handed_to_stdout += 1
    account.drop("not-sampled", 60)
    account.evict(7, request_id="a", failed=False)
    account.lose("shutdown", 3)
    account.count_delivery("taken", sent_bytes=4_000)
    account.count_delivery("taken", sent_bytes=1_000)
    account.count_delivery("unavailable", sent_bytes=0)
    account.throttled, account.refused_streams = 1, 2
    account.held_ms["outcome"] += 260.04
    account.held_ms["delivery"] += 20.0
    return account


def line(metrics: Metrics, account: Account, now_ms: int = NOW_MS) -> dict[str, Any]:
    drawn = metrics.draw_up(account, now_ms)
    assert drawn is not None
    return parse(dumps(drawn))


def test_a_line_is_as_it_was() -> None:
    """The format is an interface: metrics that exist are graphed and alarmed on by name, unit and dimension."""
    metrics = make()
    for took_ms in (12.345, 80.0, 1500.0):
        metrics.answered(took_ms)
    metrics.used(0.4218)
    metrics.used(0.1)

    drawn = metrics.draw_up(busy(), NOW_MS + MINUTE_MS, settings_age_s=12.34)

    assert drawn == json.loads(GOLDEN.read_text())
    assert parse(dumps(drawn)) == drawn


def test_every_metric_is_told_and_described() -> None:
    """A line has each metric of the table, with its unit, and none besides."""
    metrics = make()
    metrics.answered(1.0)

    drawn = metrics.draw_up(busy(), NOW_MS, settings_age_s=300.0)

    told = parse(dumps(drawn))
    [directive] = told["_aws"]["CloudWatchMetrics"]
    assert directive["Metrics"] == [{"Name": one.name, "Unit": one.unit} for one in METRICS]
    assert set(told) == {"_aws", "FunctionName"} | {one.name for one in METRICS}
    assert all(one.meaning.endswith(".") for one in METRICS)


@pytest.mark.parametrize("name", sorted(RARE))
def test_line_has_no_time_where_there_was_none(name: str) -> None:
    """A time of zero would be a delivery that took none, or settings that were fetched just now."""
    told = line(make(), busy())

    assert name not in told
    assert name not in json.dumps(told)


def test_line_has_all_other_metrics_whatever_happened() -> None:
    """An alarm treats missing data differently from zero."""
    account = Account()
    account.invocations = 1

    assert (
        set(line(make(), account)) - {"_aws", "FunctionName"}
        == {one.name for one in METRICS} - RARE
    )


def test_line_of_a_fleet_has_its_dimension_and_names_the_function() -> None:
    """The number of metrics does not grow with functions; which one it was can be searched for."""
    metrics = make()
    alone = line(metrics, busy())
    metrics.fleet = "shop, all of it"

    told = line(metrics, busy())

    [directive] = told["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["Fleet"]]
    assert (told["Fleet"], told["FunctionName"]) == ("shop, all of it", "checkout")
    assert alone["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["FunctionName"]]
    assert "Fleet" not in alone


def test_a_function_without_a_name_has_a_dimension_all_the_same() -> None:
    """CloudWatch takes no empty value for a dimension."""
    assert line(make(function=""), busy())["FunctionName"] == "unknown"


def test_each_line_tells_what_the_last_one_did_not() -> None:
    """Sums over lines are the account; the most of the buffer and the times begin anew."""
    metrics, account = make(), busy()
    metrics.answered(5.0)
    metrics.used(0.5)
    first = line(metrics, account)
    metrics.told(account, NOW_MS)
    account.receive(lines=1, size_bytes=65)
    account.drop("not-sampled", 1)
    metrics.used(0.25)

    second = line(metrics, account)

    assert (second["ReceivedLines"], second["DroppedLines"], second["KeptLines"]) == (1, 1, 0)
    assert (second["BufferUsed"], "DeliveryTime" in second) == (25.0, False)
    for name, value in totals(account).items():
        assert summed([first, second], name) == pytest.approx(value, abs=0.11)


def test_metrics_make_no_line_where_nothing_happened() -> None:
    """The delivery of the last line alone is no news, or a line would bring about the next."""
    metrics, account = make(), busy()
    metrics.told(account, NOW_MS)
    account.count_delivery("taken", sent_bytes=1_500)
    metrics.answered(10.0)
    quiet = metrics.draw_up(account, NOW_MS)
    account.invocations += 1

    told = line(metrics, account)

    assert quiet is None
    assert (told["Deliveries"], told["DeliveredBytes"], told["DeliveryTime"]) == (1, 1_500, [10.0])


def test_a_failure_to_deliver_is_news() -> None:
    """A sink that is down while nothing else happens is told of."""
    metrics, account = make(), Account()
    account.count_delivery("denied", sent_bytes=0)

    assert line(metrics, account)["FailedDeliveries"] == 1


@pytest.mark.parametrize(
    ("passed_ms", "due"),
    [(0, False), (MINUTE_MS - 1, False), (MINUTE_MS, True), (10**9, True), (-1, True)],
    ids=["at once", "before", "after a minute", "after a freeze", "clock set back"],
)
def test_a_line_is_due_after_an_interval(passed_ms: int, due: bool) -> None:
    """By the time of day, which goes on in the freezer, and which may be set."""
    assert make().is_due(NOW_MS + passed_ms) is due


def test_the_next_interval_begins_when_one_is_over() -> None:
    """Told or not."""
    metrics, account = make(), busy()
    metrics.told(account, NOW_MS + MINUTE_MS)
    after_told = metrics.is_due(NOW_MS + MINUTE_MS + 1)
    metrics.skip(NOW_MS + 5 * MINUTE_MS)

    assert not after_told
    assert not metrics.is_due(NOW_MS + 5 * MINUTE_MS + 1)


def test_the_saving_is_that_of_cloudwatchs_price() -> None:
    """A GB of lines of 200 bytes, of which a tenth is delivered, at the price the what-if page knows."""
    lines = GB // 226
    values = {
        "ReceivedLines": lines,
        "ReceivedBytes": lines * (200 + metrics_module.ENVELOPE_BYTES),
        "DeliveredBytes": lines * 226 / 10,
    }

    assert saving_usd(values) == pytest.approx(0.9 * PRICES["standard"].usd, rel=1e-6)
    assert PRICES["standard"].usd == metrics_module.USD_PER_GB
    assert metrics_module.GB == GB


def test_a_line_is_written_in_one_piece() -> None:
    """The fullest line is within what a pipe takes at once, so that nothing can be written into it."""
    metrics, account = make(function="f" * 64), busy()
    metrics.fleet = '"' * MAX_FLEET_CHARS
    account.receive(lines=10**12, size_bytes=10**15)
    account.held_ms["outcome"] += 10**12 + 0.1
    for number in range(MAX_VALUES):
        metrics.answered(10_000.1 + number)

    drawn = metrics.draw_up(account, NOW_MS, settings_age_s=10.0**9 + 0.1)
    size_bytes = len(dumps(drawn)) + 1

    assert size_bytes < select.PIPE_BUF


def test_times_keep_no_more_than_a_line_may_hold() -> None:
    """Beyond it every second one goes, then every fourth; the longest stays."""
    times = Times()
    for number in range(1000):
        times.add(5000.0 if number == 333 else float(number))

    kept = times.values_ms()

    assert len(kept) <= MAX_VALUES
    assert max(kept) == 5000.0
    assert kept[:3] == [0.0, 16.0, 32.0]


@given(st.lists(st.floats(min_value=0, max_value=900_000), max_size=700))
def test_times_are_some_of_those_that_were(given_ms: list[float]) -> None:
    """As many as fit, the longest among them; all of them if they fit."""
    times = Times()
    for one in given_ms:
        times.add(one)

    kept = times.values_ms()

    rounded = [round(one, 1) for one in given_ms]
    assert len(kept) <= MAX_VALUES
    assert set(kept) <= set(rounded)
    assert kept == rounded or len(given_ms) > MAX_VALUES
    assert max(kept, default=0) == max(rounded, default=0)


@given(st.lists(st.tuples(st.sampled_from(("receive", "keep", "drop", "send")), st.integers(1, 9))))
def test_the_sums_over_lines_are_the_account(happened: list[tuple[str, int]]) -> None:
    """Whenever lines are drawn up, together they tell everything once."""
    metrics, account, lines = make(), Account(), []
    for number, (what, count) in enumerate(happened):
        if what == "receive":
            account.receive(lines=count, size_bytes=100 * count)
        elif what == "send":
            account.count_delivery("unavailable", sent_bytes=count)
        else:
            getattr(account, what)("reason", count)
        if number % 3 == 0:
            lines.append(line(metrics, account))
            metrics.told(account, NOW_MS)
    last = metrics.draw_up(account, NOW_MS)
    lines += [parse(dumps(last))] if last else []

    for name, value in totals(account).items():
        assert summed(lines, name) == value


def test_the_module_does_no_io() -> None:
    """It is given an account and the time, and imports nothing that could fetch either."""
    names = set(vars(metrics_module))

    assert not names & {"os", "time", "socket", "sys", "environ"}
