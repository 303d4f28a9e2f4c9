"""What all tests share: the built layer, and the Pythons it was built for."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from layer.build import unpack

if TYPE_CHECKING:
    from collections.abc import Iterator

# How long an example takes says how busy the machine is; pytest's own time-out ends what hangs.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

ROOT = Path(__file__).resolve().parent.parent

BUILD_TIMEOUT_SECONDS = 300


def _build_sh(*arguments: str) -> str:
    done = subprocess.run(
        ["bash", str(ROOT / "build.sh"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_TIMEOUT_SECONDS,
    )
    if done.returncode != 0:
        pytest.fail(f"./build.sh {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


@pytest.fixture(scope="session")
def pythons() -> dict[str, Path]:
    """Return the interpreters at hand by version (`3.12`), oldest first."""
    lines = (line.split(" ", 1) for line in _build_sh("pythons").splitlines())
    return {version: Path(path) for version, path in lines}


@pytest.fixture(scope="session")
def layer_zip() -> Path:
    """Return the built layer: the one `FLIGHT_RECORDER_LAYER_ZIP` names, else a current one."""
    given = os.environ.get("FLIGHT_RECORDER_LAYER_ZIP")
    if given:
        return Path(given)
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    # pytest-xdist has a session in each of its workers, and one build is enough for all.
    with (cache / "layer.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _build_sh("layer")
    return ROOT / "dist" / "flight-recorder-python.zip"


@pytest.fixture(scope="session")
def layer_dir(layer_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the layer unpacked as under `/opt`, with nobody's write permission on anything."""
    root = tmp_path_factory.mktemp("opt")
    unpack(layer_zip, root)
    paths = [root, *root.rglob("*")]
    for path in paths:
        path.chmod(path.stat().st_mode & ~0o222)
    yield root
    for path in paths:
        path.chmod(path.stat().st_mode | 0o200)
