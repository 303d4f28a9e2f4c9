import pytest

from extension.model.receipt import Answer
from tests.doubles.extension.chunks import lines
from tests.extension.sinks.formats.cases import Case, found

datadog = pytest.mark.parametrize("case", ["datadog"], indirect=True)


@datadog
def test_requests_are_within_datadogs_limits(case: Case) -> None:
    """At most 1000 entries and 5 MB; an entry of more than a megabyte is cut in pieces, not cut off."""
    texts = [*map(str, range(1200)), *["y" * 900_000] * 6, "\0" * 300_000]

    receipt = case.send([lines(*texts)])

    assert receipt.answer is Answer.TAKEN
    assert list(found(case.intake.stored).values()) == texts
    assert max(len(one.content) for one in case.intake.requests) <= 5_000_000
