import pytest

from extension.model.receipt import Answer, Receipt
from tests.doubles.extension.chunks import lines
from tests.doubles.recording_receiver import Reply, as_json
from tests.extension.sinks.formats.cases import Case

splunk = pytest.mark.parametrize("case", ["splunk"], indirect=True)


def told(status: int, **members: object) -> Reply:
    return as_json(members, status)


@splunk
@pytest.mark.parametrize(
    ("answer", "receipt"),
    [
        (told(503, text="Server is busy", code=9), Receipt(Answer.UNAVAILABLE, "status 503, code 9")),
        (told(500, text="x", code=8), Receipt(Answer.UNAVAILABLE, "status 500, code 8")),
        (told(400, text="Incorrect index", code=7), Receipt(Answer.DENIED, "status 400, code 7")),
        (told(400, text="Data channel is missing", code=10), Receipt(Answer.DENIED, "status 400, code 10")),
        (
            told(400, text="Invalid data format", code=6, **{"invalid-event-number": 1}),
            Receipt(
                Answer.UNREADABLE, "status 400, code 6", refused={1: "invalid-event"}, uncertain=True
            ),
        ),
        (
            told(400, text="Invalid data format", code=6, **{"invalid-event-number": 99}),
            Receipt(Answer.UNREADABLE, "status 400, code 6", uncertain=True),
        ),
        (told(400, text="No data", code=5), Receipt(Answer.UNREADABLE, "status 400, code 5")),
        (told(400, code=int("1" * 200)), Receipt(Answer.UNREADABLE, "status 400")),
        (told(400), Receipt(Answer.UNREADABLE, "status 400")),
        (Reply(400, b"[1]"), Receipt(Answer.UNREADABLE, "status 400")),
        (Reply(400, b"<html>"), Receipt(Answer.UNREADABLE, "status 400")),
    ],
)  # fmt: skip
def test_code_tells_more_than_the_status(case: Case, answer: Reply, receipt: Receipt) -> None:
    """It says what somebody has to correct, and which event is to blame."""
    case.intake.answers = [answer]

    assert case.send([lines("a", "b", "c")]) == receipt


@splunk
def test_invalid_event_number_counts_events_and_not_records(case: Case) -> None:
    """A line in pieces is several events, and one record."""
    case.intake.answers = [
        told(200, text="Success", code=0),
        told(400, code=13, **{"invalid-event-number": 1}),
    ]

    receipt = case.send([lines("a", "x" * 1_200_000, "b")])

    assert receipt.taken == {0}
    assert receipt.refused == {1: "invalid-event"}


@splunk
def test_requests_have_at_most_a_megabyte(case: Case) -> None:
    """Splunk Cloud refuses more, so the rest goes in further requests."""
    texts = [f"{n} " + "x" * 100_000 for n in range(25)]

    receipt = case.send([lines(*texts)])

    assert receipt.answer is Answer.TAKEN
    assert [one.line for one in case.intake.stored] == texts
    assert len(case.intake.requests) == 3
    assert max(len(one.content) for one in case.intake.requests) <= 1_000_000
