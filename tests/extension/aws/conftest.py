from collections.abc import Iterator

import pytest

from tests.extension.aws.local_server import LocalServer


@pytest.fixture
def server() -> Iterator[LocalServer]:
    opened = LocalServer()
    yield opened
    opened.close()


@pytest.fixture
def endpoint() -> Iterator[LocalServer]:
    """Return a second server, which provides credentials."""
    opened = LocalServer()
    yield opened
    opened.close()
