from collections.abc import Iterator

import pytest

from tests.extension.aws.local_server import LocalServer, local_server


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with local_server() as opened:
        yield opened


@pytest.fixture
def endpoint() -> Iterator[LocalServer]:
    """Return a second server, which provides credentials."""
    with local_server() as opened:
        yield opened
