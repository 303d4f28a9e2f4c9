from collections.abc import Iterator

import pytest

from tests.doubles.scripted_server import ScriptedServer
from tests.services.aws import moto
from tests.services.limits import LimitsFront, limits_front, succeed


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    opened = ScriptedServer()
    yield opened
    opened.close()


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
