from collections.abc import Iterator

import pytest

from tests.doubles.scripted_lambda import ScriptedLambda


@pytest.fixture
def cloud() -> Iterator[ScriptedLambda]:
    """Lambda's side of the conversation."""
    with ScriptedLambda() as scripted:
        yield scripted
