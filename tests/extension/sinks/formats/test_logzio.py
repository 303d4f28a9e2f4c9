import pytest

from extension.model.receipt import Answer, Receipt
from tests.doubles.extension.chunks import lines
from tests.doubles.recording_receiver import Reply
from tests.extension.sinks.formats.cases import Case
from tests.services import intakes

logzio = pytest.mark.parametrize("case", ["logzio"], indirect=True)


def told(**counts: object) -> Reply:
    return intakes.told(400, counts)


@logzio
def test_rejected_lines_are_counted(case: Case) -> None:
    """The counts say that others were taken, so sending them again would make duplicates."""
    case.intake.answers = [
        told(malformedLines=1, oversizedLines=0, emptyLogLines=0, successfulLines=2)
    ]

    receipt = case.send([lines("a", "b", "c")])

    assert (receipt.answer, receipt.rejected_lines) == (Answer.TAKEN, 1)
    assert receipt.sent_bytes > 0


@logzio
@pytest.mark.parametrize(
    "answer",
    [
        told(malformedLines=3, oversizedLines=0, emptyLogLines=0, successfulLines=0),
        told(malformedLines=1, successfulLines=9),
        told(malformedLines="x", successfulLines=2),
        told(),
        Reply(400, b"[]"),
        Reply(400),
    ],
)
def test_counts_that_do_not_add_up_are_not_used(case: Case, answer: Reply) -> None:
    """Then the batch is cut, until the line that is to blame is found."""
    case.intake.answers = [answer]

    assert case.send([lines("a", "b", "c")]) == Receipt(Answer.UNREADABLE, "status 400")


@logzio
def test_wrong_token_is_denied(case: Case) -> None:
    """Somebody may correct the token, which stands in the query and is not told."""
    config = case.config(rest="?token=wrong")

    assert case.send([lines("a")], config) == Receipt(Answer.DENIED, "status 401")
