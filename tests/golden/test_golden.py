"""What leaves the extension is the same, byte for byte, as it was when it was last captured.

Records with their reasons, lines of metrics, the account and the keys and values of the own log are what others rely
on. ``GOLDEN_ROOT`` names another tree, whose extension is run in the place of this one's.
"""

import os
from pathlib import Path

import pytest

from tests.golden.capture import EXPECTED
from tests.golden.run import OWN_ROOT, Scenario, run
from tests.golden.scenarios import SCENARIOS
from tests.golden.transcript import transcript

ROOT = Path(os.environ.get("GOLDEN_ROOT") or OWN_ROOT).resolve()


@pytest.mark.newest
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_extension_delivers_the_captured_bytes(scenario: Scenario) -> None:
    """Whoever reads records, metrics or the account must not notice that the extension was changed inside."""
    expected = (EXPECTED / f"{scenario.name}.txt").read_bytes().decode()

    assert transcript(run(scenario, ROOT)) == expected


def test_nothing_is_expected_of_a_scenario_that_is_gone() -> None:
    """A file that no scenario is compared with would look like a promise."""
    assert {path.stem for path in EXPECTED.glob("*.txt")} == set(SCENARIOS)
