"""What an HTTP answer says of trying again, in the words of RFC 9110, and how several make one receipt."""

import time
from email.utils import parsedate_to_datetime

from extension.model.receipt import Answer, Receipt
from extension.transport.client import Reply
from extension.transport.errors import Unreachable

UNAVAILABLE = frozenset({408, 425, 429})
"""Beside 5xx: statuses that may be different the next time (RFC 9110, RFC 6585, RFC 8470)."""

NEVER_AVAILABLE = frozenset({501, 505})
"""Of 5xx: what the server will not learn (RFC 9110, sections 15.6.2 and 15.6.6)."""

DENIED = frozenset({301, 302, 307, 308, 401, 403, 404, 407})
"""A token, a permission, a name or an address that somebody may put right, while what was kept waits. Redirections are
not followed: they would take what the function wrote, and our headers, where nobody has said that they may go."""

UNREADABLE = frozenset({400, 422})
"""Said of the content, so perhaps of one record of it."""

TOO_LARGE = 413


def receipt_for(reply: Reply, *, sent_bytes: int) -> Receipt:
    """Gives the receipt for an answer of which the status says everything."""
    status = reply.status
    if reply.is_success:
        return Receipt(Answer.TAKEN, sent_bytes=sent_bytes)
    detail = f"status {status}"
    if status in UNAVAILABLE or (status >= 500 and status not in NEVER_AVAILABLE):  # noqa: PLR2004
        return Receipt(Answer.UNAVAILABLE, detail, retry_after_s=retry_after_s(reply))
    if status in DENIED:
        return Receipt(Answer.DENIED, detail)
    if status == TOO_LARGE:
        return Receipt(Answer.TOO_LARGE, detail)
    return Receipt(Answer.UNREADABLE if status in UNREADABLE else Answer.REFUSED, detail)


def receipt_for_silence(error: Unreachable) -> Receipt:
    """Gives the receipt for no answer."""
    answer = Answer.REFUSED if error.forever else Answer.UNAVAILABLE
    return Receipt(answer, error.detail, uncertain=error.uncertain)


def retry_after_s(reply: Reply) -> float | None:
    """Reads ``Retry-After``: seconds, or a date (RFC 9110, section 10.2.3). None for anything else."""
    value = reply.headers.get("Retry-After")
    if value is None:
        return None
    if value.isascii() and value.strip().isdigit():
        return float(value.strip())
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None
