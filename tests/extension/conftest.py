from collections.abc import Iterator

import pytest

from tests.extension.scripted_lambda import ScriptedLambda
from tests.extension.scripted_server import Server


@pytest.fixture
def cloud() -> Iterator[ScriptedLambda]:
    """Lambda's side of the conversation."""
    with ScriptedLambda() as scripted:
        yield scripted


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a server that answers as a test tells it to."""
    opened = Server()
    yield opened
    opened.close()
