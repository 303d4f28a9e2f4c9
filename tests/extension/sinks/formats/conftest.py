from collections.abc import Iterator

import pytest

from tests.extension.sinks.formats.cases import Case, case_of


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    """Open the intake that a test or its module names with ``pytest.mark.parametrize("case", ..., indirect=True)``."""
    made = case_of(request.param)
    yield made
    made.intake.close()
