"""What the built layer takes of memory, under a small share of the floods that ``./build.sh bench --only floods`` has."""

import sys
from pathlib import Path

import pytest

from bench.parts.floods import BOUND_SHARE, FLOODS, MIB, SLACK_MIB, peak_bytes
from bench.subjects import LAYER, Subject

pytestmark = pytest.mark.end_to_end

BOUND_MIB = 4
FLOOD_BYTES = 3_000_000


@pytest.mark.parametrize("name", ["tiny error lines among others", "ids that never end"])
def test_a_flood_takes_no_more_memory_than_the_bound_says(layer_dir: Path, name: str) -> None:
    """The bound is one of the process, not of the lines alone: objects count, and a batch in the making."""
    subject = Subject(
        name=LAYER,
        command=(str(layer_dir / "extensions" / "flight-recorder"),),
        environ={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "FLIGHT_RECORDER_SAMPLE_RATE": "0",
        },
        is_layer=True,
    )

    grown_bytes = peak_bytes(subject, FLOODS[name], BOUND_MIB, FLOOD_BYTES)

    assert grown_bytes <= (BOUND_SHARE * BOUND_MIB + SLACK_MIB) * MIB
