from __future__ import annotations

from typing import TYPE_CHECKING

from prove.account.making import built

if TYPE_CHECKING:
    from pathlib import Path


def test_layers_are_those_whose_zips_are_there(tmp_path: Path) -> None:
    """In the folder of a release, a zip has the version in its name."""
    assert built(tmp_path) == []

    (tmp_path / "flight-recorder-arm64.zip").touch()
    (tmp_path / "flight-recorder-python-1.2.3.zip").touch()

    assert built(tmp_path) == ["python", "arm64"]
