import json
import re
from pathlib import Path
from typing import Any

import pytest

from whatif.model.net import COLD_START_MS, FUNCTION_ALARMS, HOLD_MS, METRICS_OF_ONE, Watching
from whatif.model.prices import AS_OF, PRICES

ROOT = Path(__file__).resolve().parents[2]

LAMBDA_USD = PRICES["duration"].usd
MEMORY_GB = 0.5
KEPT = 0.12
WATCHING_USD = Watching(METRICS_OF_ONE, FUNCTION_ALARMS).whole_usd

SAID = {
    "CPU of an invocation of ten lines, dropped": 0.12,
    "CPU of a line, Python logger": 0.3,
    "CPU of a line, JSON as text": 0.7,
    "added, FLUSH=end": 26,
    "added, FLUSH=adaptive, quiet": 26,
    "runtimeDone's arrival to Next, 100 lines delivered": 1.6,
    "PSS at first Next": 11,
    "PSS after a delivery over HTTP": 14,
    "PSS after a delivery over HTTPS": 20,
    "CPU from exec to 2 s after Next": 32,
    "full speed, failure at once: runtimeDone to the sink": 14,
    "full speed, failure at once: runtimeDone to the sink, HTTPS sink": 24,
}
"""Figures of the page, by what the bench calls them."""


@pytest.fixture(scope="module")
def page() -> str:
    return " ".join((ROOT / "docs" / "cost.md").read_text(encoding="utf-8").split())


def test_page_computes_its_figures_from_its_prices(page: str) -> None:
    """Its prices are those of whatif; the rest is multiplication."""
    ingestion_usd = PRICES["standard"].usd
    hold_usd = 0.026 * MEMORY_GB * LAMBDA_USD
    worth_it_bytes = hold_usd / (ingestion_usd / 1e9 * (1 - KEPT))
    cold_starts = re.findall(
        r"\| ([\d,]+) MB \| \$([\d.]+) \((\d+) ms\) \| \$([\d.]+) \((\d+) ms\) \|", page
    )

    for price in PRICES.values():
        for usd in (price.usd, *price.more_usd):
            assert f" {usd:.2f}" in page or f" {usd:.10f}".rstrip("0") in page, price
    assert AS_OF in page
    assert f"{LAMBDA_USD:.10f} a GB-second" in page
    assert f"${100 * ingestion_usd:.2f}" in page
    assert f"${100 * ingestion_usd * (1 + KEPT):.2f}" in page
    assert f"${100 * ingestion_usd * KEPT:.2f}" in page
    assert f"${hold_usd * 1e6:.2f} |" in page
    assert f"some {round(worth_it_bytes, -1):.0f} bytes" in page
    assert [memory for memory, *_ in cold_starts] == ["128", "512", "1,769"]
    assert max(int(now_ms) for *_, now_ms in cold_starts) == COLD_START_MS
    assert SAID["added, FLUSH=end"] == HOLD_MS
    for memory, *told in cold_starts:
        gb = int(memory.replace(",", "")) / 1024
        for usd, ms in zip(told[::2], told[1::2], strict=True):
            assert float(usd) == pytest.approx(int(ms) * 1e3 * gb * LAMBDA_USD, abs=0.02)
    assert f"takes for {WATCHING_USD / ingestion_usd:.0f} GB" in page
    assert f"less than {WATCHING_USD / ingestion_usd / (1 - KEPT):.1f} GB" in page


def test_page_quotes_the_last_measurements(page: str) -> None:
    """To a third: the same machine does not give the same figure twice."""
    results: dict[str, Any] = json.loads((ROOT / "bench" / "results" / "latest.json").read_text())
    measured = {row["what"]: row["values"]["layer"] for row in results["rows"]}

    for what, said in SAID.items():
        assert f"{said:g} " in page, what
        assert measured[what] == pytest.approx(said, rel=1 / 3), what
