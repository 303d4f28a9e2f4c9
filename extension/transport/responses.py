"""Map HTTP answers to receipts: the status says whether retrying can help (RFC 9110)."""

import time

from extension.model.receipt import Answer, Receipt
from extension.transport.client import Reply
from extension.transport.errors import Unreachable

UNAVAILABLE = frozenset({408, 425, 429})
"""Statuses beside 5xx that may differ the next time (RFC 9110, RFC 6585, RFC 8470)."""

NEVER_AVAILABLE = frozenset({501, 505})
"""Statuses among 5xx that stay the same (RFC 9110, sections 15.6.2 and 15.6.6)."""

DENIED = frozenset({301, 302, 307, 308, 401, 403, 404, 407})
"""Statuses that last until somebody corrects a token, a permission, a name or an address; kept lines wait in the buffer.
Redirections are not followed: they would send log lines and headers to a server that no setting names."""

UNREADABLE = frozenset({400, 422})
"""Statuses about the content, so perhaps about a single record."""

TOO_LARGE = 413

TOO_MANY = 429
"""RFC 6585, section 4."""


def receipt_for(reply: Reply, *, sent_bytes: int) -> Receipt:
    """Map an HTTP status to a receipt."""
    status = reply.status
    if reply.is_success:
        return Receipt(Answer.TAKEN, sent_bytes=sent_bytes)
    detail = f"status {status}"
    if status in UNAVAILABLE or (status >= 500 and status not in NEVER_AVAILABLE):  # noqa: PLR2004
        return Receipt(
            Answer.UNAVAILABLE,
            detail,
            retry_after_s=retry_after_s(reply),
            is_throttled=status == TOO_MANY,
        )
    if status in DENIED:
        return Receipt(Answer.DENIED, detail)
    if status == TOO_LARGE:
        return Receipt(Answer.TOO_LARGE, detail)
    return Receipt(Answer.UNREADABLE if status in UNREADABLE else Answer.REFUSED, detail)


def receipt_for_silence(error: Unreachable) -> Receipt:
    """Map a missing answer to a receipt."""
    answer = Answer.REFUSED if error.permanent else Answer.UNAVAILABLE
    return Receipt(answer, error.detail, uncertain=error.uncertain)


def retry_after_s(reply: Reply) -> float | None:
    """Parse ``Retry-After``, seconds or a date (RFC 9110, section 10.2.3); return None for anything else."""
    value = reply.headers.get("Retry-After")
    if value is None:
        return None
    if value.isascii() and value.strip().isdigit():
        return float(value.strip())
    # Imported here: nearly all servers tell seconds.
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None
