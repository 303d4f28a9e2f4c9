import pytest

from extension.model.receipt import Answer
from tests.doubles.extension.chunks import lines
from tests.doubles.recording_receiver import Reply
from tests.extension.sinks.formats.cases import Case
from tests.services import intakes

elasticsearch = pytest.mark.parametrize("case", ["elasticsearch"], indirect=True)
BUSY = (429, "es_rejected_execution_exception")
BAD = (400, "document_parsing_exception")
Broken = dict[str, tuple[int, str]]


@elasticsearch
@pytest.mark.parametrize(
    ("rest", "index"),
    [
        ("", "logs-flight_recorder-default"),
        ("/", "logs-flight_recorder-default"),
        ("/mine", "mine"),
        ("/mine/", "mine"),
        ("/mine/_bulk", "mine"),
        ("/proxy/mine", "proxy/mine"),
        ("/mine?pipeline=p", "mine"),
    ],
)
def test_path_names_the_index(case: Case, rest: str, index: str) -> None:
    """Without a name the default is a data stream; the user's query stays, and the answer is kept short."""
    case.send([lines("a")], case.config(rest=rest))

    (asked,) = case.intake.requests
    assert case.intake.stored[0].fields["_index"] == index
    assert asked.query.get("pipeline") == (["p"] if "pipeline" in rest else None)
    assert asked.query["filter_path"] == ["errors,items.*.status,items.*.error.type"]


@elasticsearch
@pytest.mark.parametrize(
    ("broken", "answer", "detail", "refused"),
    [
        ({"b": BUSY}, Answer.UNAVAILABLE, "status 429 for 1 documents", {}),
        ({"b": (503, "x")}, Answer.UNAVAILABLE, "status 503 for 1 documents", {}),
        ({"b": (403, "x")}, Answer.DENIED, "status 403 for 1 documents", {}),
        ({"b": (404, "x")}, Answer.DENIED, "status 404 for 1 documents", {}),
        ({"b": BAD}, Answer.TAKEN, "", {1: "document_parsing_exception"}),
        (
            {"b": BUSY, "c": BAD, "d": (400, "Line said: secret")},
            Answer.UNAVAILABLE,
            "status 429 for 1 documents",
            {2: "document_parsing_exception", 3: "status 400"},
        ),
    ],
)
def test_each_document_has_its_own_status(
    case: Case, broken: Broken, answer: Answer, detail: str, refused: dict[int, str]
) -> None:
    """Busy shards are tried again, a blocked index is somebody's to unblock, unreadable documents are refused."""
    stand_in = case.intake
    assert isinstance(stand_in, intakes.Elasticsearch)
    stand_in.broken = broken

    receipt = case.send([lines(*"abcde")])

    assert (receipt.answer, receipt.detail, receipt.refused) == (answer, detail, refused)
    left = {"abcde".index(name) for name in broken}
    assert receipt.taken == (set() if answer is Answer.TAKEN else set(range(5)) - left)


@elasticsearch
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"errors":true}',
        b'{"errors":true,"items":[]}',
        b'{"errors":true,"items":[{}]}',
        b'{"errors":true,"items":[{"create":{"status":"x"}}]}',
        b'{"errors":true,"items":[{"create":{"status":600}}]}',
        b'{"errors":true,"items":[{"create":{"status":1e400}}]}',
        b'{"errors":true,"items":[{"create":{"status":%d}}]}' % 10**100,
        b'{"errors":true,"items":[{"create":{"status":201,"error":1}}]}',
        b'{"errors":true,"items":[{"create":{"status":201}}',
    ],
)
def test_answer_of_another_form_is_no_success(case: Case, body: bytes) -> None:
    """200 alone says nothing; documents that come again are not stored twice."""
    case.intake.answers = [Reply(200, body)]

    receipt = case.send([lines("a")])

    assert (receipt.answer, receipt.uncertain) == (Answer.UNAVAILABLE, True)


@elasticsearch
def test_the_largest_answer_is_read(case: Case) -> None:
    """A request holds no more documents than the transport reads errors of."""
    stand_in = case.intake
    assert isinstance(stand_in, intakes.Elasticsearch)
    stand_in.broken = {"": BAD}

    receipt = case.send([lines(*["a"] * 6000)])

    assert receipt.answer is Answer.TAKEN
    assert len(receipt.refused) == 6000
    assert len(case.intake.requests) == 2
