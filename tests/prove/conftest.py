"""What the tests of the whole program share."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.prove.bridge import Bridge, bridged
from tests.services.aws import control_plane

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
    control_plane().reset()
    with bridged(tmp_path) as found:
        yield found
