"""The whole program, with the real aws command, against the stand-ins that `bridge.py` names: lines really travel."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.prove.bridge import Bridge, bridged, run_prove

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.services, pytest.mark.end_to_end, pytest.mark.timeout(240)]

QUICKLY = ("--region", "eu-west-1", "--arch", "x86_64", "--timeout", "4")
QUICKLY += ("--iam-wait", "0", "--settle", "0", "--yes")


@pytest.fixture
def dist(layer_zip: Path, tmp_path: Path) -> Path:
    """Give a folder with the layers; the standalone one is the one for Python, which takes the machine's."""
    folder = tmp_path / "dist"
    folder.mkdir()
    for kind in ("python", "x86_64"):
        shutil.copy(layer_zip, folder / f"flight-recorder-{kind}.zip")
    return folder


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Bridge]:
    with bridged(tmp_path) as found:
        yield found


def test_every_line_of_every_failure_is_found(bridge: Bridge, dist: Path) -> None:
    run = run_prove(
        bridge,
        *QUICKLY,
        "--dist",
        str(dist),
        "--only",
        "python",
        "--only",
        "nodejs",
        "--only",
        "bash",
    )
    print(run.out, run.err)
    assert run.status == 0
