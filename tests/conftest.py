"""What all tests share: the built layer, and the Pythons it was built for."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, cast

# Whole, before extension/ loads it with stand-ins: tests use more of it than a sender of logs does.
import httpx  # noqa: F401 - loaded for that alone
import pytest
from coverage import Coverage
from hypothesis import settings

from layer.archive import unpack
from terminal import waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import FrameType

# How long an example takes says how busy the machine is; pytest's own time-out ends what hangs. The ordinary run draws
# the same few examples every time, so it says the same every time. `./build.sh fuzz --properties` draws many new ones.
ORDINARY_EXAMPLES = 50
FUZZ_EXAMPLES = 20_000
settings.register_profile(
    "ordinary", deadline=None, derandomize=True, max_examples=ORDINARY_EXAMPLES
)
settings.register_profile("fuzz", deadline=None, max_examples=FUZZ_EXAMPLES)
settings.load_profile("ordinary")

# On a busy machine a step would say that it goes on, between the lines that a test compares.
waiting.EVERY_S = 600.0

ROOT = Path(__file__).resolve().parent.parent

BUILD_TIMEOUT_SECONDS = 300

MEASURED = "tests/extension/"
"""The tests by which the branch coverage of extension/ is measured. Others run the layer, which coverage cannot see."""

AHEAD = ("tests/attach/", "tests/prove/", "tests/templates/", "tests/packages/", "tests/layer/")
"""The longest tests, of half a minute each. They come first, so that no one of them is left when all others are done."""

BEHIND = ("tests/extension/", "tests/whatif/", "tests/tools/", "tests/bench/")
"""Short tests. They come last, and are what workers take over from each other at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long tests first."""
    items.sort(key=lambda item: (item.nodeid.startswith(BEHIND), not item.nodeid.startswith(AHEAD)))


class TimedOut(BaseException):
    """A test took longer than its time-out."""


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer(item: pytest.Item) -> Generator[None, object, object]:
    """Let a time-out end the test: Hypothesis would take pytest's exception for a finding, and shrink it."""
    done = yield
    fail = signal.getsignal(signal.SIGALRM)

    def end(number: int, frame: FrameType | None) -> None:
        try:
            cast("Callable[[int, FrameType | None], None]", fail)(number, frame)
        except pytest.fail.Exception as error:
            raise TimedOut(str(error)) from None

    if callable(fail):
        signal.signal(signal.SIGALRM, end)
    return done


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Pause the measurement of coverage where it tells nothing new: it doubles the time of a test and of its processes."""
    current = Coverage.current()
    if current is None or (
        item.nodeid.startswith(MEASURED)
        and not any(map(item.get_closest_marker, ("hypothesis", "newest")))
    ):
        return (yield)
    current.stop()
    variable = "COVERAGE_PROCESS_CONFIG"
    config = os.environ.pop(variable, None)
    try:
        return (yield)
    finally:
        if config is not None:
            os.environ[variable] = config
        current.start()


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
