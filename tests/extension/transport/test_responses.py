import email.utils
import time

import pytest
from hypothesis import given, strategies as st

from extension.model.receipt import Answer, Receipt
from extension.transport.client import Reply
from extension.transport.errors import Reason, Unreachable
from extension.transport.responses import receipt_for, receipt_for_silence, retry_after_s


def reply(status: int, **headers: str) -> Reply:
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"no")


# One answer ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "answer"),
    [(code, Answer.TAKEN) for code in (200, 201, 202, 204, 299)]
    + [(code, Answer.UNAVAILABLE) for code in (408, 425, 429, 500, 502, 503, 504, 507, 599)]
    + [(code, Answer.DENIED) for code in (301, 302, 307, 308, 401, 403, 404, 407)]
    + [(code, Answer.UNREADABLE) for code in (400, 422)]
    + [(413, Answer.TOO_LARGE)]
    + [(code, Answer.REFUSED) for code in (300, 303, 405, 410, 415, 431, 501, 505)],
)
def test_each_status_has_its_meaning(code: int, answer: Answer) -> None:
    """Success is taken; what may change, what somebody may put right and what may be in the content are told apart."""
    receipt = receipt_for(reply(code), sent_bytes=7)

    if answer is Answer.TAKEN:
        assert receipt == Receipt(Answer.TAKEN, sent_bytes=7)
    else:
        assert receipt == Receipt(answer, f"status {code}", is_throttled=code == 429)


@pytest.mark.parametrize(
    ("code", "seconds"), [(503, 7.0), (429, 7.0), (403, None), (400, None), (200, None)]
)
def test_retry_after_is_told_where_it_is_tried_again(code: int, seconds: float | None) -> None:
    """What is refused, or waits for somebody, has its own pace."""
    assert receipt_for(reply(code, Retry_After="7"), sent_bytes=1).retry_after_s == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), (" 0 ", 0.0), ("soon", None), ("-5", None), ("1.5", None), ("", None)],
)
def test_retry_after_in_seconds(value: str, seconds: float | None) -> None:
    """A number of seconds is told on; what is no such number is nothing, as is no header."""
    assert retry_after_s(reply(503, Retry_After=value)) == seconds
    assert retry_after_s(reply(503)) is None


@pytest.mark.parametrize(("ahead_s", "least_s", "most_s"), [(120, 110.0, 121.0), (-120, 0.0, 0.0)])
def test_retry_after_as_a_date(ahead_s: int, least_s: float, most_s: float) -> None:
    """A date is how long it is until then, and nothing once it is past."""
    date = email.utils.formatdate(time.time() + ahead_s, usegmt=True)

    seconds = retry_after_s(reply(429, Retry_After=date))

    assert seconds is not None
    assert least_s <= seconds <= most_s


@given(value=st.text(max_size=30) | st.from_regex(r"\d{1,400}", fullmatch=True) | st.just("²"))
def test_any_retry_after_can_be_read(value: str) -> None:
    """Whatever stands there, it is seconds from now on or nothing."""
    seconds = retry_after_s(reply(503, Retry_After=value))

    assert seconds is None or seconds >= 0.0


# No answer -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("uncertain", [False, True])
@pytest.mark.parametrize(
    ("reason", "answer"),
    [(Reason.CONNECTION_REFUSED, Answer.UNAVAILABLE), (Reason.URL_INVALID, Answer.REFUSED)],
)
def test_silence_is_tried_again_but_for_a_bad_url(
    reason: Reason, answer: Answer, uncertain: bool
) -> None:
    """There may be an answer later; the receipt says whether the request may have arrived."""
    receipt = receipt_for_silence(Unreachable(reason, uncertain=uncertain))

    assert receipt == Receipt(answer, reason.value, uncertain=uncertain)
