"""Define what a sink answers to a request."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from extension.model.record import Record


class Answer(Enum):
    """How a sink answered a batch: what is to be done with whatever of it has not been taken.

    ``TAKEN``: nothing is left. ``UNAVAILABLE``: not now, so try again. ``DENIED``: not until somebody changes something
    (a permission, a name, a token), so try again, rarely. ``TOO_LARGE``: in smaller batches. ``UNREADABLE``: something
    in it will never be taken, so look for it. ``REFUSED``: none of it, ever.
    """

    TAKEN = "taken"
    UNAVAILABLE = "unavailable"
    DENIED = "denied"
    TOO_LARGE = "too-large"
    UNREADABLE = "unreadable"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A sink's answer.

    Attributes:
        answer: what is to be done with the records that are in neither of the two below.
        detail: for people, such as ``status 503``; never of what was sent.
        sent_bytes: of request bodies that were answered with success, after compression.
        retry_after_s: how long the sink asks to be left alone, if it does.
        taken: numbers of records that were taken although the answer to the whole is another.
        refused: numbers of records that will never be taken, each with a reason such as ``too-old``.
        rejected_lines: how many lines were refused without being named (OTLP's partial success).
        uncertain: whether what was not answered may have arrived all the same.
    """

    answer: Answer
    detail: str = ""
    sent_bytes: int = 0
    retry_after_s: float | None = None
    taken: frozenset[int] = frozenset()
    refused: Mapping[int, str] = field(default_factory=dict)
    rejected_lines: int = 0
    uncertain: bool = False


def send_in_turn(
    groups: Iterable[Sequence[Record]], post: Callable[[Sequence[Record]], Receipt]
) -> Receipt:
    """Posts group after group, and stops at the first that is not taken.

    Args:
        groups: the records of one batch, cut as the receiver's limits want it.
        post: sends one group; its receipt speaks of that group alone.

    Returns:
        One receipt for them all.
    """
    taken: set[int] = set()
    refused: dict[int, str] = {}
    sent_bytes = rejected_lines = 0
    for group in groups:
        receipt = post(group)
        sent_bytes += receipt.sent_bytes
        rejected_lines += receipt.rejected_lines
        refused.update(receipt.refused)
        if receipt.answer is not Answer.TAKEN:
            return replace(
                receipt,
                sent_bytes=sent_bytes,
                rejected_lines=rejected_lines,
                refused=refused,
                taken=receipt.taken | taken,
            )
        taken.update(kept.number for kept in group if kept.number not in receipt.refused)
    return Receipt(
        Answer.TAKEN, sent_bytes=sent_bytes, refused=refused, rejected_lines=rejected_lines
    )
