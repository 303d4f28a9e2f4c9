from collections.abc import Iterator

import pytest

from tests.doubles.scripted_lambda import ScriptedLambda
from tests.doubles.scripted_server import ScriptedServer


@pytest.fixture
def cloud() -> Iterator[ScriptedLambda]:
    """Lambda's side of the conversation."""
    with ScriptedLambda() as scripted:
        yield scripted


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Return a server that answers as a test tells it to."""
    with ScriptedServer() as opened:
        yield opened
