"""Quotas of requests a second: what passes, what is refused, and what is counted."""

from tests.doubles.http_server import Request
from tests.doubles.recording_receiver import Reply
from tests.services.throttling import Throttling, TokenBucket


class Clock:
    """A clock that is set by hand."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def request(action: str) -> Request:
    head = f"POST / HTTP/1.1\r\nX-Amz-Target: Logs_20140328.{action}".encode()
    return Request(head, b"{}", connection=1, peer=1, at_s=0.0)


def test_bucket_lets_a_burst_through_and_then_what_comes_in() -> None:
    """It never holds more than its burst, however long nobody asks."""
    clock = Clock()
    bucket = TokenBucket(2.0, 3.0, monotonic_s=clock)

    at_once = [bucket.take() for _ in range(4)]
    clock.now_s += 0.5
    later = [bucket.take() for _ in range(2)]
    clock.now_s += 3600.0
    rested = [bucket.take() for _ in range(4)]

    assert at_once == [True, True, True, False]
    assert later == [True, False]
    assert rested == [True, True, True, False]


def test_bucket_without_a_burst_holds_one_second() -> None:
    """AWS tells no bursts."""
    bucket = TokenBucket(5.0, monotonic_s=Clock())

    assert [bucket.take() for _ in range(6)] == [True] * 5 + [False]


def test_throttling_refuses_an_action_beyond_its_quota_and_counts_it() -> None:
    """Other actions have a quota of their own, or none."""
    bucket = TokenBucket(1.0, monotonic_s=Clock())
    throttling = Throttling({"CreateLogStream": bucket})
    asked = ["CreateLogStream", "CreateLogStream", "PutLogEvents", "PutLogEvents"]

    answers = [throttling(request(action), lambda: Reply(200)) for action in asked]

    assert [answer.status for answer in answers if answer] == [200, 400, 200, 200]
    assert answers[1] is not None
    assert b"ThrottlingException" in answers[1].body
    assert throttling.asked == {"CreateLogStream": 2, "PutLogEvents": 2}
    assert +throttling.refused == {"CreateLogStream": 1}
