"""Fixtures of the tests of the standalone layers, which `./build.sh test --standalone` runs.

They are of no ordinary run: to compile an interpreter takes ten minutes, and what they run in comes from Debian's mirror.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator.cloud import LocalLambda
from emulator.machine.filesystem import RootFileSystem
from emulator.model.errors import IsolationRefused
from emulator.model.function import Function
from layer.archive import unpack
from layer.function_python.dependencies import BuildError
from tests.end_to_end.support import Receiver
from tests.standalone.images import make_arm64_libraries, make_image

ROOT = Path(__file__).resolve().parents[2]
ASKED_FOR = "FLIGHT_RECORDER_STANDALONE"
"""The folder of the built zips; set by ./build.sh test --standalone."""

CACHE = ROOT / ".cache" / "standalone"

collect_ignore_glob = [] if os.environ.get(ASKED_FOR) else ["test_*.py"]


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Let one process at a time fetch packages: pytest-xdist has a session in each of its workers."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def zips() -> dict[str, Path]:
    """Return the built zips by architecture."""
    folder = Path(os.environ[ASKED_FOR])
    return {name: folder / f"flight-recorder-{name}.zip" for name in ("x86_64", "arm64")}


@pytest.fixture(scope="session")
def opt(zips: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return what unpacks the layer of an architecture, with nobody's write permission on anything."""

    def unpacked(architecture: str) -> Path:
        folder = tmp_path_factory.mktemp(f"opt-{architecture}")
        unpack(zips[architecture], folder)
        folder.chmod(0o755)  # as /opt is; pytest's own folders are for their owner only
        for path in [folder, *folder.rglob("*")]:
            path.chmod(path.stat().st_mode & ~0o222)
        return folder

    return unpacked


@pytest.fixture(scope="session")
def image() -> Callable[[str], Path]:
    """Return what makes a root file system of a Debian release, without Python."""

    def made(release: str) -> Path:
        try:
            with alone():
                return make_image(CACHE, release)
        except BuildError as error:
            pytest.skip(str(error))

    return made


PREPARE = """
import sys, marshal
root = sys.argv[1]
scope = {"__name__": "start"}
exec(marshal.loads(open(root + "/start.pyc", "rb").read()[16:]), scope)
scope["prepare"](root)
"""


@pytest.fixture
def run_inside(tmp_path: Path) -> Callable[[Path, str], str]:
    """Return a function that runs code in an unpacked layer's interpreter, and returns its output."""

    def run(private: Path, code: str) -> str:
        script = tmp_path / "script.py"
        script.write_text(PREPARE + code)
        done = subprocess.run(
            [private / "bin" / "python3", "-ISB", script, private],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a receiver that is not listening yet."""
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="session")
def may_confine(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Ask for the right to give processes another root file system."""
    folder = tmp_path_factory.mktemp("empty")
    for name in ("opt", "var/task", "dev", "proc", "tmp"):
        (folder / name).mkdir(parents=True)
    try:
        with LocalLambda(
            Function(code=folder, runtime="provided"), root=RootFileSystem(directory=folder)
        ):
            pass
    except IsolationRefused as error:
        pytest.skip(f"only root may give a function a root file system of its own ({error})")


@pytest.fixture(scope="session")
def arm64() -> tuple[str, Path]:
    """Return what runs arm64 programs here, and the folder with their glibc."""
    qemu = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")
    if qemu is None:
        pytest.skip("qemu-aarch64 is not installed (Debian package qemu-user)")
    try:
        with alone():
            return qemu, make_arm64_libraries(CACHE)
    except BuildError as error:
        pytest.skip(str(error))
