from bench.fleet.quotas import Requests, TokenBucket, percentile


def test_bucket_lets_a_second_through_at_once_and_then_what_comes_in() -> None:
    """It never holds more than that, however long nobody asks."""
    bucket = TokenBucket(2.0)

    assert [bucket.take(0.0) for _ in range(3)] == [True, True, False]
    assert [bucket.take(0.5) for _ in range(2)] == [True, False]
    assert [bucket.take(3600.0) for _ in range(3)] == [True, True, False]


def test_slow_bucket_lets_one_request_through() -> None:
    """A quota below one a second is no ban."""
    bucket = TokenBucket(0.5)

    assert [bucket.take(at_s) for at_s in (0.0, 1.0, 2.0)] == [True, False, True]


def test_time_that_goes_back_brings_nothing() -> None:
    """A request is looked at when it arrives, which another one may have done before."""
    bucket = TokenBucket(1.0)

    assert [bucket.take(at_s) for at_s in (10.0, 9.5, 10.5, 11.0)] == [True, False, False, True]


def test_requests_are_counted_by_the_second() -> None:
    """Those of others take part in the quota, and are not counted."""
    requests = Requests(2.0)

    answers = [
        requests.ask(0.1),
        requests.ask_for_others(0.2),
        requests.ask(0.3),
        requests.ask(5.5),
    ]

    assert answers == [True, True, False, True]
    assert (requests.asked, requests.refused, requests.peak) == (3, 1, 2)
    assert requests.between(0.0, 6.0) == [2, 0, 0, 0, 0, 1]
    assert requests.refused_share == 1 / 3


def test_percentile_is_a_value_that_was_there() -> None:
    """Of none there is none."""
    assert [percentile([3.0, 1.0, 2.0], share) for share in (0.0, 0.5, 0.99)] == [1.0, 2.0, 3.0]
    assert percentile([], 0.5) == 0.0
