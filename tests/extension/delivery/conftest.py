from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.doubles.extension.deliveries import Deliveries


@pytest.fixture
def make() -> Iterator[Callable[..., Deliveries]]:
    """Make deliveries that are closed after the test."""
    made: list[Deliveries] = []

    def one(**options: Any) -> Deliveries:
        made.append(Deliveries(**options))
        return made[-1]

    yield one
    for each in made:
        each.close()


@pytest.fixture
def world(make: Callable[..., Deliveries]) -> Deliveries:
    """Make a delivery to SINK alone."""
    return make()
