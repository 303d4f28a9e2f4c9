import pytest

from extension.model.receipt import Answer, Receipt
from tests.doubles.extension.chunks import lines
from tests.doubles.recording_receiver import Reply
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


@datadog
def test_second_request_that_fails_leaves_the_first_taken(case: Case) -> None:
    """Of a batch that needs several requests, the taken records are told by their numbers."""
    case.intake.answers = [Reply(202), Reply(500)]

    receipt = case.send([lines(*map(str, range(1500)))])

    assert receipt.answer is Answer.UNAVAILABLE
    assert receipt.taken == frozenset(range(1000))
    assert len(case.intake.requests) == 2


@datadog
def test_wrong_key_is_denied(case: Case) -> None:
    """Somebody may correct the key, while the kept lines wait."""
    config = case.config(**{"DD-API-KEY": "wrong"})

    assert case.send([lines("a")], config) == Receipt(Answer.DENIED, "status 403")


@datadog
def test_path_of_the_user_is_kept(case: Case) -> None:
    """Where the URL says more than the host, it is meant."""
    receipt = case.send([lines("a")], case.config(rest="/elsewhere"))

    assert (receipt.answer, case.intake.requests[0].path) == (Answer.DENIED, "/elsewhere")
