"""Define a receipt: how a sink answered a batch, in one request or several."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

Item = TypeVar("Item")
Other = TypeVar("Other")
Told = TypeVar("Told")

_NOTHING: Mapping[int, str] = MappingProxyType({})


class Answer(Enum):
    """Say what to do with the records of a batch that the sink has not taken.

    ``TAKEN``: nothing is left. ``UNAVAILABLE``: try again soon. ``DENIED``: try again, rarely, until somebody changes
    something (a permission, a name, a token). ``TOO_LARGE``: try again in smaller batches. ``UNREADABLE``: the sink
    will never take some record of the batch, so look for it. ``REFUSED``: the sink will never take any of them.
    """

    TAKEN = "taken"
    UNAVAILABLE = "unavailable"
    DENIED = "denied"
    TOO_LARGE = "too-large"
    UNREADABLE = "unreadable"
    REFUSED = "refused"


class Receipt(NamedTuple):
    """A sink's answer.

    Attributes:
        answer: what to do with the records that are neither ``taken`` nor ``refused``.
        detail: for people, such as ``status 503``; never a part of what was sent.
        sent_bytes: of request bodies that were answered with success, after compression.
        retry_after_s: how long the sink asks for a pause; None if it does not ask.
        taken: numbers of records that were taken although the answer to the whole is another.
        refused: numbers of records that the sink will never take, each with a reason such as ``too-old``.
        rejected_lines: how many lines were refused without being named (OTLP's partial success).
        uncertain: whether records without an answer may have arrived all the same.
        is_throttled: whether the sink has said that too many requests come, of us or of others.
        refused_streams: how many log streams could not be made because too many are.
    """

    answer: Answer
    detail: str = ""
    sent_bytes: int = 0
    retry_after_s: float | None = None
    taken: frozenset[int] = frozenset()
    refused: Mapping[int, str] = _NOTHING
    rejected_lines: int = 0
    uncertain: bool = False
    is_throttled: bool = False
    refused_streams: int = 0


def cut(
    items: Iterable[Item],
    measure: Callable[[Item], tuple[int, int]],
    max_count: int,
    max_bytes: int,
    *,
    apart: Callable[[Item, Item], bool] = lambda _first, _item: False,
) -> Iterator[list[Item]]:
    """Cut items into requests, in order and as full as possible; an item beyond a limit is alone.

    ``measure`` returns how much of ``max_count``, and how many bytes, an item takes. ``apart`` tells whether a request
    that begins with one item must not hold another.
    """
    request: list[Item] = []
    count = size_bytes = 0
    for item in items:
        more, more_bytes = measure(item)
        is_full = count + more > max_count or size_bytes + more_bytes > max_bytes
        if request and (is_full or apart(request[0], item)):
            yield request
            request, count, size_bytes = [], 0, 0
        request.append(item)
        count += more
        size_bytes += more_bytes
    if request:
        yield request


def read_answer(body: bytes, read: Callable[[Any], Told], otherwise: Other) -> Told | Other:
    """Read an answer in JSON; return ``otherwise`` where it has not the form that the receiver documents."""
    try:
        return read(json.loads(body))
    except (ValueError, OverflowError, RecursionError, LookupError, TypeError, AttributeError):
        return otherwise


def send_in_turn(
    requests: Iterable[Item],
    send: Callable[[Item], Receipt],
    *,
    numbers_of: Callable[[Item], Iterable[int]],
) -> Receipt:
    """Send the requests of a batch, stop at the first that is not taken, and return one receipt for all.

    Args:
        requests: made one at a time.
        send: sends one request; its receipt speaks of that request alone.
        numbers_of: the records that have arrived when this request, and those before it, are taken.
    """
    taken: set[int] = set()
    refused: dict[int, str] = {}
    sent_bytes = rejected_lines = refused_streams = 0
    detail = ""
    for request in requests:
        receipt = send(request)
        sent_bytes += receipt.sent_bytes
        rejected_lines += receipt.rejected_lines
        refused_streams += receipt.refused_streams
        refused.update(receipt.refused)
        if receipt.answer is not Answer.TAKEN:
            return receipt._replace(
                sent_bytes=sent_bytes,
                rejected_lines=rejected_lines,
                refused=refused,
                refused_streams=refused_streams,
                taken=receipt.taken | (taken - refused.keys()),
            )
        taken.update(numbers_of(request))
        detail = receipt.detail or detail
    return Receipt(
        Answer.TAKEN,
        detail,
        sent_bytes,
        refused=refused,
        rejected_lines=rejected_lines,
        refused_streams=refused_streams,
    )
