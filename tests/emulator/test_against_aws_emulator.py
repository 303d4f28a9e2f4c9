"""The same function and extension under AWS's own emulator and under ours, compared event by event.

Where the two differ, the difference is written down here with its reason; anything else fails the test.
"""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.cloud import LocalLambda
from emulator.model.function import Function
from tests.doubles.emulator.aws_emulator import TRACE_ID, AwsEmulator, aws_emulator_binary, prepare
from tests.doubles.emulator.probe import Seen

pytestmark = pytest.mark.newest

PAYLOADS: list[Any] = [{"a": 1}, {"do": "raise"}]
ORDINARY = {"PROBE_APIS": "telemetry logs"}
MANAGED = {
    "PROBE_EVENTS": '["SHUTDOWN"]',
    "PROBE_SCHEMA": "2025-01-29",
    "PROBE_APIS": "logs telemetry",
}

# Member of a record -> why ours has it or AWS's has it. Every other member must be in both.
ACCEPTED_MEMBERS: dict[str, str] = {}
ACCEPTED_HEADERS = {
    "sequence-id": "sent by AWS's emulator; no documentation or capture of the cloud has it",
    "host": "AWS's emulator dials 127.0.0.1; the cloud documents sandbox.localdomain, which ours sends",
    "date": "added by Go's HTTP server",
}


@pytest.fixture(scope="module")
def binary() -> Path:
    """AWS's binary, or a skip that says why not."""
    if os.geteuid() != 0:
        pytest.skip("AWS's emulator changes user in Managed Instances mode, which needs root")
    try:
        return aws_emulator_binary()
    except OSError as error:
        pytest.skip(f"AWS's emulator is not to be had: {error}")


@pytest.fixture
def folders() -> Iterator[list[Path]]:
    """Directories readable to the unprivileged user that AWS's Managed Instances mode switches to."""
    made = [Path(tempfile.mkdtemp(prefix="emulator-test-", dir="/tmp")) for _ in range(2)]
    yield made
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)


def run_aws(folder: Path, settings: dict[str, str], *, managed: bool) -> tuple[list[Any], Seen]:
    """Run the payloads under AWS's emulator; return the answers and what the probe saw."""
    prepare(folder, settings)

    async def work() -> list[Any]:
        async with AwsEmulator(folder, managed_instances=managed) as aws:
            answers = []
            for payload in PAYLOADS:
                answers.append(await aws.invoke(payload))
                await asyncio.sleep(0.2)  # the batcher's 25 ms, and room for a slow machine
            return answers

    try:
        return asyncio.run(work()), Seen(folder / "out" / "seen")
    except OSError as error:
        pytest.skip(f"this machine does not let AWS's emulator run: {error}")


def run_ours(folder: Path, settings: dict[str, str], *, managed: bool) -> tuple[list[Any], Seen]:
    """Do the same under ours."""
    prepare(folder, settings)
    function = Function(code=folder / "code", log_format="JSON" if managed else "Text")
    with LocalLambda(
        function,
        layers=[folder / "layer"],
        managed_instances=managed,
        max_concurrency=2,
        settle_ms=200,
        isolation="namespace",
    ) as cloud:
        answers: list[Any] = [
            (200, cloud.invoke(payload, trace_id=TRACE_ID).payload) for payload in PAYLOADS
        ]
    return answers, Seen(folder / "out" / "seen")


def shape(value: Any) -> Any:
    """Reduce a value to its members' names and its types."""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items() if k not in ACCEPTED_MEMBERS}
    if isinstance(value, list):
        return [shape(v) for v in value]
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def without_request_id(answers: list[Any]) -> str:
    """Return answers as text, less what is different each time."""
    kept = [(s, {k: v for k, v in b.items() if k != "requestId"}) for s, b in answers]
    return json.dumps(kept, sort_keys=True)


def test_ordinary_function_sees_the_same_registration_and_events(
    binary: Path, folders: list[Path]
) -> None:
    """Content, headers and the order of members must agree with AWS's agent."""
    aws_answers, aws = run_aws(folders[0], ORDINARY, managed=False)
    our_answers, ours = run_ours(folders[1], ORDINARY, managed=False)

    assert without_request_id(our_answers) == without_request_id(aws_answers)
    # Accepted: AWS's emulator does not know the accountId feature for ordinary functions; the documentation has it.
    our_register = json.loads(ours.of("register")[0]["answer"])
    assert our_register.pop("accountId") == "123456789012"
    assert our_register == json.loads(aws.of("register")[0]["answer"])
    assert [e["eventType"] for e in ours.invoked()] == [e["eventType"] for e in aws.invoked()]
    for our_event, aws_event in zip(ours.invoked(), aws.invoked(), strict=True):
        assert list(our_event) == list(aws_event)
        assert shape(our_event) == shape(aws_event)
        assert our_event.get("tracing") == aws_event.get("tracing")
    for our_entry, aws_entry in zip(ours.of("event"), aws.of("event"), strict=True):
        ours_named = set(our_entry["headers"]) - set(ACCEPTED_HEADERS)
        assert ours_named == set(aws_entry["headers"]) - set(ACCEPTED_HEADERS) - {"connection"}
        assert our_entry["headers"]["content-type"] == aws_entry["headers"]["content-type"]
    # Accepted: the reason; AWS's emulator says SandboxTerminated where the cloud documents spindown.
    assert ours.invoked()[-1]["shutdownReason"] == "spindown"
    assert aws.invoked()[-1]["shutdownReason"] == "SandboxTerminated"


def test_variation_refuses_subscriptions_as_aws_emulator_does(
    binary: Path, folders: list[Path]
) -> None:
    """Extensions meet this 202 wherever they are tested with AWS's emulator."""
    _, aws = run_aws(folders[0], ORDINARY, managed=False)
    prepare(folders[1], ORDINARY)
    from emulator.model.variations import Variations

    with LocalLambda(
        Function(code=folders[1] / "code"),
        layers=[folders[1] / "layer"],
        variations=Variations(logs_not_supported=True, telemetry_not_supported=True),
    ) as cloud:
        cloud.invoke({})
    ours = Seen(folders[1] / "out" / "seen")

    def answers(probe: Seen) -> list[Any]:
        return [(e["api"], e["status"], json.loads(e["answer"])) for e in probe.of("subscribe")]

    assert answers(ours) == answers(aws)


def test_managed_instances_deliver_the_same_telemetry(binary: Path, folders: list[Path]) -> None:
    """Only in this mode does AWS's emulator show its telemetry."""
    aws_answers, aws = run_aws(folders[0], MANAGED, managed=True)
    our_answers, ours = run_ours(folders[1], MANAGED, managed=True)

    # Accepted: for a handler error AWS's emulator answers with a status of its own choosing; the bodies agree.
    assert without_request_id([(0, b) for _, b in our_answers]) == without_request_id(
        [(0, b) for _, b in aws_answers]
    )
    assert json.loads(ours.of("register")[0]["answer"]) == json.loads(
        aws.of("register")[0]["answer"]
    )
    # The Logs API does not exist there; the Telemetry API accepts.
    assert [e["status"] for e in ours.of("subscribe")] == [404, 200]
    assert [e["status"] for e in aws.of("subscribe")] == [404, 200]
    assert ours.of("subscribe")[1]["answer"] == aws.of("subscribe")[1]["answer"]

    def names(entry: dict[str, Any]) -> set[str]:
        return set(entry["headers"]) - set(ACCEPTED_HEADERS)

    assert names(ours.of("batch")[0]) == names(aws.of("batch")[0])
    our_platform = [e for e in ours.events() if e["type"] != "function"]
    aws_platform = [e for e in aws.events() if e["type"] != "function"]
    assert [e["type"] for e in our_platform] == [e["type"] for e in aws_platform]
    for our_event, aws_event in zip(our_platform, aws_platform, strict=True):
        assert list(our_event) == list(aws_event) == ["time", "type", "record"]
        assert shape(our_event["record"]) == shape(aws_event["record"]), our_event["type"]
    reports = [
        [record["status"] for record in probe.records("platform.report")] for probe in (ours, aws)
    ]
    assert reports[0] == reports[1] == ["success", "error"]
    # Accepted: AWS's emulator sends a JSON line as a string; the cloud documents an object, which ours sends.
    # Accepted: where lines stand among platform events; AWS's emulator may report before the last lines.
    texts = [
        sorted(message(e["record"]) for e in probe.events() if e["type"] == "function")
        for probe in (ours, aws)
    ]
    assert texts[0] == texts[1]
    our_end, aws_end = ours.invoked()[-1], aws.invoked()[-1]
    assert list(our_end) == list(aws_end)
    assert our_end["shutdownReason"] == aws_end["shutdownReason"] == "spindown"


def message(record: Any) -> str:
    """Return a line's own words, in whatever wrapping it came."""
    if isinstance(record, str):
        try:
            record = json.loads(record)
        except ValueError:
            return str(record).rstrip("\n")
    return str(record.get("message") or record.get("errorMessage"))
