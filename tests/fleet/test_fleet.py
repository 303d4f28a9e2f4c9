"""Thirty environments of the built layer at once, in one account. ``./build.sh fleet`` runs two hundred."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fleet.scenarios import crash, first_fetch, flood

pytestmark = [pytest.mark.end_to_end, pytest.mark.services]

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = 30


def test_crashes_beyond_the_quota_of_streams_lose_no_line(layer_dir: Path) -> None:
    """Whoever is refused a stream writes to the one for all; what no request took is printed."""
    seen = crash(ENVIRONMENTS, layer=layer_dir, per_s=15.0, creates_per_s=5.0, puts_per_s=1_000.0)

    assert seen.lost == 0
    assert seen.create_refused > 0
    assert seen.overflow > 0
    assert seen.own > 0


def test_first_fetches_beyond_the_quota_are_answered_in_the_end(layer_dir: Path) -> None:
    """Each environment asks again until it has its value, and then no more."""
    seen = first_fetch(ENVIRONMENTS, layer=layer_dir, per_s=15.0, gets_per_s=5.0, within_s=45.0)

    assert seen.answered >= ENVIRONMENTS
    assert seen.refused > 0


def test_flood_beyond_the_quota_is_delivered_in_the_end(layer_dir: Path) -> None:
    """Failures gather while the account throttles, so that fewer requests than failures are made."""
    seen = flood(
        ENVIRONMENTS // 2,
        layer=layer_dir,
        failures_per_s=2.0,
        lasts_s=4.0,
        puts_per_s=7.5,
        others_per_s=0.75,
    )

    assert seen.later == seen.invocations
    assert seen.refused > 0
    assert seen.asked < 2 * seen.invocations


def test_command_has_the_whole_of_httpx() -> None:
    """The package that it simulates with loads httpx with stand-ins, unless somebody was there before."""
    code = "import tests.fleet.__main__, httpx; print(httpx.Client.__name__, httpx.get.__name__)"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["Client", "get"]
