"""What every delivered record says of its invocation."""

from dataclasses import replace

import pytest

from extension.config import Settings
from extension.invocation import Invocation
from extension.recording import Segment
from extension.stamping import Stamps
from extension.verdict import Verdict
from tests.extension.batches import FIRST

SAMPLED = Verdict(keep=True, reason="sampled", weight=10.0, failed=False)
MOST_BYTES = 1000


def stamps(*fields: str) -> Stamps:
    made = Stamps(function="shop", version="7", environment_id="e")
    made.apply(replace(Settings(), correlation_fields=fields))
    return made


def waits(made: Stamps, invocation: Invocation) -> bool:
    return made.may_be_named(invocation, most_bytes=MOST_BYTES)


def test_a_stamp_has_all_that_is_known_of_an_invocation() -> None:
    """Of the function, the environment, the invocation and the verdict."""
    made = stamps("id")
    made.arn = "arn:aws:lambda:eu-west-1:1:function:shop:live"
    invocation = Invocation(FIRST, trace_id="1-5f35ae12-0c0fec141ab77a00bc047aa2")
    invocation.span_id = "2be948a625588e32"
    made.named(invocation, "order-7")

    stamp = made.of(invocation, SAMPLED)

    assert (stamp.function, stamp.version, stamp.environment_id) == ("shop", "7", "e")
    assert (stamp.request_id, stamp.trace_id) == (FIRST, invocation.trace_id)
    assert (stamp.correlation_id, stamp.span_id) == ("order-7", "2be948a625588e32")
    assert (stamp.reason, stamp.weight, stamp.failed) == ("sampled", 10.0, False)
    assert stamp.arn.endswith(":live")
    assert made.of(invocation, SAMPLED, weight=2.0).weight == 2.0


def test_an_environments_first_invocations_may_be_named() -> None:
    """Nothing is known yet of what this function's lines name."""
    made = stamps("id")

    assert waits(made, Invocation(FIRST))
    made.ended()
    assert not waits(made, Invocation(FIRST))


def test_where_one_was_named_the_next_may_be() -> None:
    """However many that were not came between."""
    made = stamps("id")
    made.named(Invocation(FIRST), "order-7")
    for _ in range(3):
        made.ended()

    assert waits(made, Invocation(FIRST))


@pytest.mark.parametrize("why", ["named", "over", "init", "no fields", "too much"])
def test_what_cannot_be_named_any_more_is_not_waited_for(why: str) -> None:
    """Nor what would hold more than may be held for it."""
    made = stamps() if why == "no fields" else stamps("id")
    invocation = Invocation("" if why == "init" else FIRST)
    invocation.ended = why == "over"
    if why == "named":
        made.named(invocation, "order-7")
    size_bytes = 2 * MOST_BYTES if why == "too much" else 10
    invocation.recording.append(Segment(b"x" * size_bytes, count=1, first_number=0))

    assert not waits(made, invocation)
