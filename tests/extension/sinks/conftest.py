import os
from collections.abc import Callable, Iterator

import pytest

from extension.sinks import stream_name
from tests.doubles.scripted_server import ScriptedServer
from tests.services.aws import moto
from tests.services.limits import LimitsFront, limits_front, succeed


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    opened = ScriptedServer()
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def end_process() -> Iterator[Callable[[], None]]:
    """Return what lets go of the name of the stream, as the end of a process does; done behind each test."""

    def end() -> None:
        while stream_name._kept:
            kept = stream_name._kept.pop()
            if kept.descriptor >= 0:
                os.close(kept.descriptor)

    yield end
    end()


@pytest.fixture
def front() -> Iterator[LimitsFront]:
    """Open a service of AWS that takes everything within its limits, and does as it is told."""
    with limits_front("http://127.0.0.1:1") as opened:
        opened.then = succeed()
        yield opened
        assert not opened.violations


@pytest.fixture
def cloud() -> Iterator[LimitsFront]:
    """Open moto within the limits of AWS."""
    with limits_front(moto().url) as opened:
        yield opened
        assert not opened.violations
