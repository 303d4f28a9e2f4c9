"""The extension's own metrics, from real functions under the built layer to CloudWatch Logs (moto), or standard output."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.doubles.extension.emf import is_emf, parse, summed
from tests.end_to_end.support import (
    CARGO,
    accounts,
    problems,
    total,
)
from tests.services.aws import moto
from tests.services.environment import free_port, unique

if TYPE_CHECKING:
    from emulator.cloud import LocalLambda
    from tests.end_to_end.support import Receiver, Run

NAME = "checkout"
AWS = {
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "hush",
}
LINES = {
    "ReceivedLines": "received_lines",
    "KeptLines": "kept_lines",
    "DroppedLines": "dropped_lines",
    "EvictedLines": "evicted_lines",
    "LostLines": "lost_lines",
    "ReceivedBytes": "received_bytes",
    "Invocations": "invocations",
    "FailedInvocations": "failed_invocations",
}
"""Metrics that are counters of the account, whatever sink there is."""


NAMED = {"name": NAME}


def _printed(cloud: LocalLambda) -> list[dict[str, Any]]:
    out = [line.text for line in cloud.extension_output if line.channel == "stdout"]
    return [parse(text) for text in out if is_emf(text)]


def _delivered(group: str) -> list[str]:
    (stream,) = moto().log_streams(group)
    return [event["message"] for event in moto().log_events(group, stream)]


def _assert_sums(lines: list[dict[str, Any]], cloud: LocalLambda, *, untold: int = 0) -> None:
    """Together lines tell the account, but for so many requests that carried lines themselves."""
    [account] = accounts(cloud)
    assert {one["FunctionName"] for one in lines} == {NAME}
    for metric, counter in LINES.items():
        assert summed(lines, metric) == total([account], counter), metric
    answers = total([account], "deliveries")
    failed = answers - account["deliveries"].get("taken", 0)
    assert summed(lines, "Deliveries") == answers - untold
    assert summed(lines, "FailedDeliveries") == failed
    held_ms = sum(account["held_ms"].values())
    assert summed(lines, "HeldTime") == pytest.approx(held_ms, abs=0.3)
    times = [one for line in lines for one in line.get("DeliveryTime", [])]
    assert len(times) == answers - untold
    assert all(0 <= line["BufferUsed"] <= 100 for line in lines)
    assert len(cloud.written) == summed(lines, "ReceivedLines")


@pytest.mark.services
def test_metrics_arrive_in_cloudwatch_as_they_are(run: Run) -> None:
    """A line while it runs and one at SHUTDOWN, bare and unmasked, beside the function's lines; none on stdout."""
    group = unique("/kept")
    aws = moto().environ()

    with run(
        sink=f"cloudwatch:{group}", metrics="10s", redact="all", function=NAMED, variables=aws
    ) as cloud:
        cloud.invoke({"kind": "ok"})
        cloud.invoke({"kind": "error", "lines": 20})
        time.sleep(10.1)
        cloud.invoke({"kind": "ok"})
        cloud.invoke({"kind": "raise", "sorts": "all"})

    events = _delivered(group)
    lines = [parse(event) for event in events if is_emf(event)]
    assert len(lines) >= 2
    assert _printed(cloud) == []
    _assert_sums(lines, cloud, untold=1)
    [account] = accounts(cloud)
    kept = [event for event in events if CARGO in event]
    assert kept
    assert set(account["kept_lines"]) <= {"level-error", "python-exception", "emf"}
    last_bytes = len(next(one for one in reversed(events) if is_emf(one))) + 26
    assert summed(lines, "DeliveredBytes") == account["delivered_bytes"] - last_bytes
    assert not problems(cloud)


@pytest.mark.services
def test_metrics_of_a_fleet_tell_the_age_of_its_settings(run: Run) -> None:
    """Functions share a dimension, whose name is a parameter; each line names its function."""
    group, name = unique("/kept"), unique("/fleet")
    moto().call("AmazonSSM.PutParameter", Name=name, Value="shop", Type="String")
    for function in ("checkout", "basket"):
        with run(
            sink=f"cloudwatch:{group}",
            metrics="10s",
            metrics_fleet=f"ssm:{name}",
            function={"name": function},
            variables=moto().environ(),
        ) as cloud:
            cloud.invoke({"kind": "error"})
            # The fetch goes on while the environment is thawed.
            cloud.invoke({"sleep": 2.0})

        assert not problems(cloud)

    messages = [
        event["message"]
        for stream in moto().log_streams(group)
        for event in moto().log_events(group, stream)
    ]
    lines = [parse(message) for message in messages if is_emf(message)]
    dimensions = [line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] for line in lines]
    assert {line["FunctionName"] for line in lines} == {"checkout", "basket"}
    assert {line["Fleet"] for line in lines} == {"shop"}
    assert dimensions == [[["Fleet"]]] * len(lines)
    assert all(0 <= line["SettingsAge"] < 60 for line in lines)


def test_metrics_of_another_sink_are_printed(run: Run, receiver: Receiver) -> None:
    """One line on standard output at SHUTDOWN, which tells the whole account, and nothing of it at the sink."""
    receiver.listen()

    with run(sink=receiver.url, metrics="1m", function=NAMED) as cloud:
        for kind in ("ok", "error", "raise", "exit", "ok"):
            cloud.invoke({"kind": kind})

    out = [line.text for line in cloud.extension_output if line.channel == "stdout"]
    lines = _printed(cloud)
    assert len(lines) == len(out) == len(accounts(cloud))
    assert {record["type"] for record in receiver.delivered.records} == {
        "function",
        "platform.report",
        "flightRecorder.invocation",
    }
    told = accounts(cloud)
    for metric, counter in LINES.items():
        assert summed(lines, metric) == total(told, counter), metric
    assert summed(lines, "Deliveries") == total(told, "deliveries")
    assert summed(lines, "DeliveredBytes") == total(told, "delivered_bytes")


@pytest.mark.parametrize("how", ["refuses", "stalls", "throttles"])
def test_metrics_are_printed_once_while_cloudwatch_is_down(
    run: Run, receiver: Receiver, how: str
) -> None:
    """What the sink does not take, lines and metrics, is on standard output when the environment has ended."""
    url = f"http://127.0.0.1:{free_port()}"
    if how != "refuses":
        receiver.listen()
        receiver.behaviour = "stall" if how == "stalls" else "429"
        url = receiver.url.removesuffix("/in")

    with run(
        sink="cloudwatch:/kept",
        metrics="1m",
        flush_timeout="400ms",
        function=NAMED,
        variables={**AWS, "AWS_ENDPOINT_URL": url},
    ) as cloud:
        cloud.invoke({"kind": "ok"})
        cloud.invoke({"kind": "error", "lines": 20})
        cloud.invoke({"kind": "ok"})

    [line] = _printed(cloud)
    [account] = accounts(cloud)
    for metric, counter in LINES.items():
        assert line[metric] == total([account], counter), metric
    throttled = line["Deliveries"] if how == "throttles" else 0
    assert line["ThrottledDeliveries"] == throttled
    assert line["FailedDeliveries"] == line["Deliveries"] == total([account], "deliveries")
    assert account["handed_to_stdout_lines"] == line["HandedToStdoutLines"] > 0
    assert line["KeptLines"] == 0


@pytest.mark.parametrize("metrics", ["", "off"])
def test_metrics_are_off_unless_asked_for(run: Run, metrics: str) -> None:
    """Nothing is written, and nothing that would is loaded."""
    with run(metrics=metrics, function=NAMED) as cloud:
        cloud.invoke({"kind": "error"})

    assert not [line for line in cloud.extension_output if line.channel == "stdout"]


def test_metrics_hold_no_invocation(run: Run, receiver: Receiver) -> None:
    """A CloudWatch that stalls on metrics alone: nothing else is under way, and nobody waits."""
    receiver.listen()
    receiver.behaviour = "stall"

    with run(
        sink="cloudwatch:/kept",
        metrics="10s",
        platform_events="none",
        function=NAMED,
        variables={**AWS, "AWS_ENDPOINT_URL": receiver.url.removesuffix("/in")},
    ) as cloud:
        cloud.invoke({"kind": "ok"})
        time.sleep(10.1)
        results = [cloud.invoke({"kind": "ok", "sleep": 0.3}) for _ in range(3)]
        asked = len(receiver.requests)

    assert asked
    assert all(one.held_ms is not None and one.held_ms < 1000 for one in results)
    assert len(_printed(cloud)) >= 1
