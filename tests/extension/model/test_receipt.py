from collections.abc import Iterator
from typing import Any

import pytest

from extension.model.receipt import Answer, Receipt, cut, read_answer, send_in_turn

TAKEN = Receipt(Answer.TAKEN)


class Posts:
    """Return the given receipts in turn, and keep the requests: lists of numbers."""

    def __init__(self, *receipts: Receipt) -> None:
        self._receipts = list(receipts)
        self.posted: list[list[int]] = []

    def __call__(self, request: list[int]) -> Receipt:
        self.posted.append(request)
        return self._receipts.pop(0)

    def send(self, *requests: list[int]) -> Receipt:
        return send_in_turn(requests, self, numbers_of=lambda request: request)


def test_send_in_turn_takes_an_empty_batch() -> None:
    """A batch without records needs no request."""
    assert Posts().send() == TAKEN


def test_send_in_turn_sums_up_what_each_request_counted() -> None:
    """Where each request is taken, so is the batch; the last detail is for the log."""
    posts = Posts(
        Receipt(Answer.TAKEN, sent_bytes=10, refused={1: "too-old"}),
        Receipt(Answer.TAKEN, "2 of 2 rejected", sent_bytes=5, rejected_lines=2),
        Receipt(Answer.TAKEN, sent_bytes=1, refused={4: "too-new"}, refused_streams=1),
    )

    receipt = posts.send([0, 1], [2, 3], [4])

    assert posts.posted == [[0, 1], [2, 3], [4]]
    assert receipt == Receipt(
        Answer.TAKEN,
        "2 of 2 rejected",
        sent_bytes=16,
        refused={1: "too-old", 4: "too-new"},
        rejected_lines=2,
        refused_streams=1,
    )


def test_send_in_turn_ends_at_the_first_request_that_is_not_taken() -> None:
    """Taken records are named, but for refused ones; the rest is not even tried."""
    failure = Receipt(
        Answer.UNAVAILABLE,
        "status 503",
        sent_bytes=3,
        retry_after_s=7.0,
        taken=frozenset({2}),
        refused={3: "bad"},
        uncertain=True,
    )
    posts = Posts(Receipt(Answer.TAKEN, sent_bytes=10, refused={1: "too-old"}), failure)

    receipt = posts.send([0, 1], [2, 3, 4], [5, 6, 7])

    assert posts.posted == [[0, 1], [2, 3, 4]]
    assert receipt == failure._replace(
        sent_bytes=13, taken=frozenset({0, 2}), refused={1: "too-old", 3: "bad"}
    )


def test_send_in_turn_keeps_a_record_refused_whose_end_is_taken_later() -> None:
    """Pieces of one record may be in two requests; the record is lost if one of them is refused."""
    posts = Posts(
        Receipt(Answer.TAKEN, refused={1: "too-old"}), TAKEN, Receipt(Answer.DENIED, "status 403")
    )

    assert posts.send([0], [1, 2], [3]).taken == {0, 2}


def test_send_in_turn_makes_a_request_when_it_is_its_turn() -> None:
    """Requests may be made on the way, so that one is in memory at a time."""
    made: list[int] = []

    def one_by_one() -> Iterator[list[int]]:
        for number in range(3):
            made.append(number)
            yield [number]

    posts = Posts(TAKEN, Receipt(Answer.DENIED, "status 403"))
    send_in_turn(one_by_one(), posts, numbers_of=lambda request: request)

    assert made == [0, 1]


@pytest.mark.parametrize(
    ("sizes", "requests"),
    [
        ([], []),
        ([1, 1, 1, 1], [[1, 1, 1], [1]]),
        ([5, 5, 1], [[5, 5], [1]]),
        ([11, 2, 12], [[11], [2], [12]]),
        ([3, -3, 4], [[3], [-3, 4]]),
    ],
    ids=["nothing", "as many", "as large", "too large", "apart"],
)
def test_cut_fills_requests_in_order(sizes: list[int], requests: list[list[int]]) -> None:
    """A receiver refuses a request beyond its limits; each request costs time, so they are full."""
    cut_sizes = cut(sizes, lambda size: (1, size), 3, 10, apart=lambda _, size: size < 0)

    assert list(cut_sizes) == requests


@pytest.mark.parametrize("body", [b"", b"[1]", b"7", b'{"b":1}', b'{"a":"b"}', b"[" * 100_000])
def test_read_answer_takes_any_answer(body: bytes) -> None:
    """A proxy may answer in a receiver's place, and a delivery must not end in an exception."""

    def read(answer: Any) -> int:
        return int(answer.get("a"))

    assert [read_answer(one, read, None) for one in (body, b'{"a":5}')] == [None, 5]
