"""Settings that are kept in Parameter Store, Secrets Manager and S3 (moto's server), under the built layer."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.support import (
    SECRET,
    Delivered,
    Run,
    accounts,
    problems,
    wrote,
)
from tests.services.aws import moto
from tests.services.environment import unique
from tests.services.limits import fail, limits_front

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.support import Receiver

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


def test_environment_that_starts_while_aws_throttles_loses_nothing(
    run: Run, receiver: Receiver
) -> None:
    """It holds the lines of the first failure until it is told where to deliver them."""
    receiver.listen()
    secret = unique("sink")
    moto().call("secretsmanager.CreateSecret", Name=secret, SecretString=receiver.url)
    with limits_front(moto().url) as front:
        front.behaviours += [fail("ThrottlingException")] * 4
        variables = moto().environ(AWS_ENDPOINT_URL=front.url.rstrip("/"))

        with run(sink=f"secretsmanager:{secret}", variables=variables) as cloud:
            failed = cloud.invoke({"kind": "error"})
            while not receiver.requests:
                cloud.invoke({"sleep": 0.2})

        assert len(front.requests) == 5
    written = wrote(cloud, failed.request_id)
    # Before them stands what init wrote.
    assert receiver.delivered.texts(failed.request_id)[-len(written) :] == written
    assert accounts(cloud)[0]["lost_lines"] == {}
    assert "handed_to_stdout_lines" not in accounts(cloud)[0]


class Document:
    """One document of settings, in Parameter Store or in S3."""

    def __init__(self, kind: str) -> None:
        self._key = unique("/shop/recorder").lstrip("/")
        self._bucket = moto().make_bucket(unique("settings")) if kind == "s3" else ""
        self.reference = f"s3://{self._bucket}/{self._key}" if kind == "s3" else f"ssm:/{self._key}"

    def write(self, **values: object) -> None:
        """Store the document, whatever was there before."""
        text = json.dumps(values)
        if self._bucket:
            moto().put_object(self._bucket, self._key, text)
            return
        moto().call(
            "AmazonSSM.PutParameter",
            Name=f"/{self._key}",
            Value=text,
            Type="String",
            Overwrite=True,
        )


@pytest.mark.parametrize("kind", ["ssm", "s3"])
def test_one_document_holds_all_settings(run: Run, receiver: Receiver, kind: str) -> None:
    """Sinks, a secret that is a reference in turn, masks; a variable of the function goes before it."""
    receiver.listen()
    document, secret = Document(kind), unique("token")
    moto().call("secretsmanager.CreateSecret", Name=secret, SecretString=f"X-Token={SECRET}")
    document.write(
        SINK=receiver.url,
        FLIGHT_RECORDER_SINK_HEADERS=f"secretsmanager:{secret}",
        ARCHIVE_SINK=receiver.url,
        SAMPLE_RATE=1,
        REDACT="told to write",
        FLUSH="background",
    )

    with run(
        sink="", sample_rate="0", settings=document.reference, variables=moto().environ()
    ) as cloud:
        failed = cloud.invoke({"kind": "error"})
        while not receiver.requests:
            cloud.invoke({"sleep": 0.2})
        healthy = cloud.invoke({})

    of_failed = [
        one for one in receiver.delivered.of(failed.request_id) if one["type"] == "function"
    ]
    kept = [one["record"] for one in of_failed if one["reason"] != "archive"]
    copies = [one for one in receiver.delivered.of(healthy.request_id) if one["type"] == "function"]
    written = wrote(cloud, failed.request_id)
    # Before them stands what init wrote.
    assert kept[-len(written) :] == [
        text.replace("told to write", "[REDACTED]") for text in written
    ]
    assert {one["reason"] for one in copies} == {"archive"}
    assert {one.headers.get("x-token") for one in receiver.requests} == {SECRET, None}
    assert not problems(cloud)
    assert accounts(cloud)[0]["lost_lines"] == {}
    assert accounts(cloud)[0]["archive"]["lost_lines"] == {}


INTERVAL_S = 30
"""The least that REFRESH_INTERVAL may be."""


def test_change_is_in_force_everywhere_at_a_multiple(
    layer_dir: Path, tmp_path: Path, receiver: Receiver
) -> None:
    """Two environments, one with its document in S3, fetch each at its own moment, and change at the same one.

    A change is in force at the second multiple after it at the latest; whoever fetched after the change has it at the
    first. No healthy invocation is kept before that.
    """
    receiver.listen()
    documents = [Document("ssm"), Document("s3")]
    given = {"SINK": receiver.url, "REFRESH_INTERVAL": f"{INTERVAL_S}s"}
    with contextlib.ExitStack() as stack:
        clouds = []
        for number, document in enumerate(documents):
            document.write(**given, SAMPLE_RATE=0)
            folder = tmp_path / str(number)
            folder.mkdir()
            start = Run(layer_dir, folder, folder / "none")
            started = start(
                sink="", sample_rate="", settings=document.reference, variables=moto().environ()
            )
            clouds.append(stack.enter_context(started))
        first = [cloud.invoke({"kind": "error"}).request_id for cloud in clouds]
        while not all(receiver.delivered.texts(one) for one in first):
            for cloud in clouds:
                cloud.invoke({"sleep": 0.1})
        for document in documents:
            document.write(**given, SAMPLE_RATE=1)
        changed_s = time.time()
        invoked: list[list[tuple[str, float, float]]] = [[], []]
        kept: list[str] = ["", ""]
        while not all(kept):
            for number, cloud in enumerate(clouds):
                began_s = time.time()
                done = cloud.invoke({"sleep": 0.1})
                invoked[number].append((done.request_id, began_s, time.time()))
                found = [one for one, *_ in invoked[number] if receiver.delivered.texts(one)]
                kept[number] = found[0] if found else ""

    first_s = (changed_s // INTERVAL_S + 1) * INTERVAL_S
    for number in range(2):
        ended = [ended_s for _, _, ended_s in invoked[number]]
        place = [one for one, *_ in invoked[number]].index(kept[number])
        # Of the invocation before, the extension may learn that it has ended when the multiple has come.
        assert min([*ended[place + 1 :], time.time()]) >= first_s
        between = [one for one, began_s, _ in invoked[number] if began_s > first_s + INTERVAL_S]
        assert set(between) <= {one["requestId"] for one in receiver.delivered.lines()}
    for cloud in clouds:
        assert not problems(cloud)
