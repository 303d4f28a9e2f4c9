"""Fixtures of the end-to-end tests; every test here runs the built layer under real processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.support import Receiver, Run, why_no_node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE = "tests/end_to_end/"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder."""
    for item in items:
        if item.nodeid.startswith(HERE):
            item.add_marker(pytest.mark.end_to_end)


@pytest.fixture
def sink_path(tmp_path: Path) -> Path:
    """Return where a file sink writes to."""
    return tmp_path / "delivered.ndjson"


@pytest.fixture
def run(layer_dir: Path, tmp_path: Path, sink_path: Path) -> Run:
    """Return what runs a Python function under the built layer."""
    return Run(layer_dir, tmp_path, sink_path)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a receiver that is not listening yet."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="session")
def borrows_python(layer_dir: Path) -> None:
    """Ask for the layer that runs on the function's Python, behind a launcher that is a shell script."""
    if (layer_dir / "flight-recorder" / "bin").exists():
        pytest.skip("this layer brings its own Python and a compiled launcher")


@pytest.fixture(scope="session")
def node() -> None:
    """Ask for Node.js and its runtime client."""
    reason = why_no_node()
    if reason:
        pytest.skip(reason)
