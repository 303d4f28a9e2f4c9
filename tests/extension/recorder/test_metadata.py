"""Metadata of what is delivered of an invocation."""

from extension.recorder.invocation import Invocation
from extension.recorder.metadata import MetadataSource
from extension.sampling.verdict import Verdict
from tests.doubles.lambda_events import FIRST

SAMPLED = Verdict(keep=True, reason="sampled", weight=10.0, failed=False)


def test_metadata_has_all_that_is_known_of_an_invocation() -> None:
    """Every record is searched by these fields."""
    made = MetadataSource(function="shop", version="7", environment_id="e")
    made.instance_id = "2026/11/30/[7]0123"
    made.arn = "arn:aws:lambda:eu-west-1:1:function:shop:live"
    invocation = Invocation(FIRST, trace_id="1-5f35ae12-0c0fec141ab77a00bc047aa2")
    invocation.span_id = "2be948a625588e32"
    invocation.correlation_id = "order-7"
    invocation.tenant_id = "blue"

    metadata = made.of(invocation, SAMPLED)

    assert (metadata.function, metadata.version, metadata.environment_id) == ("shop", "7", "e")
    assert metadata.instance_id == "2026/11/30/[7]0123"
    assert (metadata.request_id, metadata.trace_id) == (FIRST, invocation.trace_id)
    assert (metadata.correlation_id, metadata.span_id) == ("order-7", "2be948a625588e32")
    assert (metadata.reason, metadata.weight, metadata.failed) == ("sampled", 10.0, False)
    assert metadata.arn.endswith(":live")
    assert metadata.tenant_id == "blue"
    assert made.of(invocation, SAMPLED, weight=2.0).weight == 2.0
