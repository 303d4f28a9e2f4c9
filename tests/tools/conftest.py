from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.doubles.checkout import Checkout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A checkout with four Pythons and nothing on the path but the system's programs; without Node.js."""
    empty = tmp_path / "path"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    return Checkout(tmp_path, "3.10", "3.11", "3.12", "3.13")
