from collections.abc import Iterator

import pytest

from tests.doubles.recording_receiver import RecordingReceiver, aws_endpoint


@pytest.fixture
def server() -> Iterator[RecordingReceiver]:
    with aws_endpoint() as opened:
        yield opened


@pytest.fixture
def endpoint() -> Iterator[RecordingReceiver]:
    """Return a second server, which provides credentials."""
    with aws_endpoint() as opened:
        yield opened
