"""Settings that are kept in Parameter Store and Secrets Manager (moto's server), under the built layer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.support import (
    SECRET,
    Delivered,
    accounts,
    problems,
    wrote,
)
from tests.services.aws import moto
from tests.services.environment import unique

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.support import Receiver, Run

pytestmark = pytest.mark.services


def test_extension_fetches_sink_and_rate(run: Run, receiver: Receiver) -> None:
    """A sink's URL and headers from a secret, a rate from a parameter: delivered as if they had been set."""
    receiver.listen()
    rate, secret = unique("/rate"), unique("sink")
    aws = moto()
    aws.call("AmazonSSM.PutParameter", Name=rate, Value="1", Type="String")
    values = {"url": receiver.url, "headers": f"Authorization=Bearer {SECRET}"}
    aws.call("secretsmanager.CreateSecret", Name=secret, SecretString=json.dumps(values))

    with run(
        sink=f"secretsmanager:{secret}#url",
        sink_headers=f"secretsmanager:{secret}#headers",
        sample_rate=f"ssm:{rate}",
        variables=moto().environ(),
    ) as cloud:
        healthy, failed = cloud.invoke({}), cloud.invoke({"kind": "error"})

    texts = receiver.delivered.texts(failed.request_id)
    assert texts == wrote(cloud, failed.request_id)
    # The first may have ended before the rate was there, and was not sampled by the default then.
    assert receiver.delivered.texts(healthy.request_id)[-1:] in (
        [],
        wrote(cloud, healthy.request_id)[-1:],
    )
    assert {one.headers["authorization"] for one in receiver.requests} == {f"Bearer {SECRET}"}
    assert not problems(cloud)
    assert accounts(cloud)[0]["lost_lines"] == {}


def test_extension_uses_the_default_of_a_reference_that_it_cannot_fetch(
    run: Run, sink_path: Path
) -> None:
    """A parameter that is not there: one problem that names the variable, and the function is recorded."""
    with run(sample_rate=f"ssm:{unique('/nowhere')}", variables=moto().environ()) as cloud:
        failed = cloud.invoke({"kind": "error"})
        # The fetch goes on while the environment is thawed.
        while not problems(cloud):
            cloud.invoke({"sleep": 0.2})

    assert (
        Delivered.read(sink_path).texts(failed.request_id)[-1:]
        == (wrote(cloud, failed.request_id)[-1:])
    )
    [problem] = problems(cloud)
    assert problem["variable"] == "FLIGHT_RECORDER_SAMPLE_RATE"
    assert "no such parameter" in problem["problem"]


def test_a_sink_that_cannot_be_fetched_leaves_the_last_resort(run: Run) -> None:
    """Nothing is sent to a default that nobody meant: what failed is printed when the environment ends."""
    with run(sink=f"secretsmanager:{unique('nowhere')}#url", variables=moto().environ()) as cloud:
        failed = cloud.invoke({"kind": "raise"})

    out = [line.text for line in cloud.extension_output if line.channel == "stdout"]
    printed = Delivered([json.loads(line) for line in out])
    assert printed.texts(failed.request_id)[-1:] == wrote(cloud, failed.request_id)[-1:]
    assert any(one["variable"] == "FLIGHT_RECORDER_SINK" for one in problems(cloud))
    assert accounts(cloud)[0]["lost_lines"] == {}


def test_nothing_is_fetched_before_the_first_next(run: Run, receiver: Receiver) -> None:
    """An AWS that does not answer costs no cold start: register and Next come as ever."""
    receiver.listen()
    receiver.behaviour = "stall"
    variables = moto().environ(AWS_ENDPOINT_URL=receiver.url.removesuffix("/in"))

    with run(sink="stdout:", sample_rate="ssm:/rate", variables=variables) as cloud:
        result = cloud.invoke({"kind": "error"})

    assert result.status == "success"
    first_next = cloud.journal.first("next", "flight-recorder")
    for request in receiver.requests:
        assert request.at_s * 1e9 > first_next.at_ns
