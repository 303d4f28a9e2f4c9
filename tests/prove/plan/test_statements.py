from __future__ import annotations

import json

import pytest

from prove.plan.deployment import Wanted, plan
from prove.plan.kinds import SINKS
from prove.plan.statements import policy_of

DEPLOYMENT = plan("ab", Wanted(), built=["python"], refused_sinks={})
OWN = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/flight-recorder-prove-ab-*"


@pytest.mark.parametrize("sink", SINKS, ids=lambda sink: sink.key)
def test_policy_denies_lambda_its_group_and_allows_the_sink_alone(sink: object) -> None:
    """Every resource has the run's name."""
    (chosen,) = [one for one in SINKS if one == sink]
    policy = policy_of(
        DEPLOYMENT, chosen, partition="aws", region="eu-west-1", account="123456789012"
    )

    deny, *allowed = policy["Statement"]
    assert deny["Effect"] == "Deny"
    assert deny["Resource"] == (
        [f"{OWN}:log-stream:20*"] if chosen.key == "own" else [OWN, f"{OWN}:*"]
    )
    assert [one["Effect"] for one in allowed] == ["Allow"]
    assert "flight-recorder-prove-ab" in json.dumps(allowed[0]["Resource"])
    assert "s3:PutObject" in json.dumps(allowed) or chosen.key != "s3"
