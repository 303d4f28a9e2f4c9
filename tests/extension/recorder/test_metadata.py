"""What every delivered record says of its invocation."""

from dataclasses import replace

import pytest

from extension.config.settings import Settings
from extension.model.segment import Segment
from extension.recorder.invocation import Invocation
from extension.recorder.metadata import MetadataSource
from extension.sampling.verdict import Verdict
from tests.doubles.lambda_events import FIRST

SAMPLED = Verdict(keep=True, reason="sampled", weight=10.0, failed=False)
MOST_BYTES = 1000


def source(*fields: str) -> MetadataSource:
    made = MetadataSource(function="shop", version="7", environment_id="e")
    made.apply(replace(Settings(), correlation_fields=fields))
    return made


def waits(made: MetadataSource, invocation: Invocation) -> bool:
    return made.may_be_named(invocation, most_bytes=MOST_BYTES)


def test_a_stamp_has_all_that_is_known_of_an_invocation() -> None:
    """Of the function, the environment, the invocation and the verdict."""
    made = source("id")
    made.arn = "arn:aws:lambda:eu-west-1:1:function:shop:live"
    invocation = Invocation(FIRST, trace_id="1-5f35ae12-0c0fec141ab77a00bc047aa2")
    invocation.span_id = "2be948a625588e32"
    made.named(invocation, "order-7")

    metadata = made.of(invocation, SAMPLED)

    assert (metadata.function, metadata.version, metadata.environment_id) == ("shop", "7", "e")
    assert (metadata.request_id, metadata.trace_id) == (FIRST, invocation.trace_id)
    assert (metadata.correlation_id, metadata.span_id) == ("order-7", "2be948a625588e32")
    assert (metadata.reason, metadata.weight, metadata.failed) == ("sampled", 10.0, False)
    assert metadata.arn.endswith(":live")
    assert made.of(invocation, SAMPLED, weight=2.0).weight == 2.0


def test_an_environments_first_invocations_may_be_named() -> None:
    """Nothing is known yet of what this function's lines name."""
    made = source("id")

    assert waits(made, Invocation(FIRST))
    made.ended()
    assert not waits(made, Invocation(FIRST))


def test_where_one_was_named_the_next_may_be() -> None:
    """However many that were not came between."""
    made = source("id")
    made.named(Invocation(FIRST), "order-7")
    for _ in range(3):
        made.ended()

    assert waits(made, Invocation(FIRST))


@pytest.mark.parametrize("why", ["named", "over", "init", "no fields", "too much"])
def test_what_cannot_be_named_any_more_is_not_waited_for(why: str) -> None:
    """Nor what would hold more than may be held for it."""
    made = source() if why == "no fields" else source("id")
    invocation = Invocation("" if why == "init" else FIRST)
    invocation.ended = why == "over"
    if why == "named":
        made.named(invocation, "order-7")
    size_bytes = 2 * MOST_BYTES if why == "too much" else 10
    invocation.recording.append(Segment(b"x" * size_bytes, count=1, first_number=0))

    assert not waits(made, invocation)
