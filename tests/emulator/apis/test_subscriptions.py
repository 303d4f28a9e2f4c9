"""Subscribing: what is accepted, what is refused and in which words, and which API excludes which."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.apis.subscriptions import SubscriptionError, parse_subscription
from emulator.cloud import LocalLambda
from emulator.model.variations import Variations
from tests.emulator.support import seen

Start = Callable[..., LocalLambda]

GOOD: dict[str, Any] = {
    "schemaVersion": "2022-12-13",
    "types": ["platform", "function"],
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/x"},
}


def parse(change: dict[str, Any], *, logs_api: bool = False, managed: bool = False) -> Any:
    body = json.dumps(GOOD | change).encode()
    return parse_subscription(body, name="p", logs_api=logs_api, managed_instances=managed)


def test_defaults_are_those_aws_documents() -> None:
    """10,000 items, 262,144 bytes, 1,000 ms, POST."""
    subscription = parse({})

    buffering = subscription.buffering
    assert (buffering.max_items, buffering.max_bytes, buffering.timeout_ms) == (
        10_000,
        262_144,
        1_000,
    )
    assert (subscription.destination.method, subscription.destination.path) == ("POST", "/x")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"types": []}, "types should not be empty"),
        ({"types": ["nonsense"]}, "types should be of"),
        ({"schemaVersion": None}, "schemaVersion is required"),
        ({"schemaVersion": "1999-01-01"}, "schemaVersion is not supported"),
        ({"destination": None}, "destination is required"),
        ({"destination": {"protocol": "UDP"}}, "HTTP or TCP"),
        (
            {"destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain"}},
            "URI port is not provided",
        ),
        ({"destination": {"protocol": "HTTP", "URI": "https://sandbox.localdomain:80"}}, "scheme"),
        (
            {"destination": {"protocol": "HTTP", "URI": "http://localhost:80"}},
            "sandbox.localdomain",
        ),
        (
            {"destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:9001"}},
            "reserved",
        ),
        (
            {"destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:99999"}},
            "not valid",
        ),
        ({"destination": {"protocol": "TCP"}}, "port is not valid"),
        (
            {"destination": {"protocol": "HTTP", "URI": "http://sandbox:1", "method": "GET"}},
            "POST or PUT",
        ),
        ({"buffering": {"maxItems": 999}}, "maxItems should be between 1000 and 10000"),
        ({"buffering": {"maxBytes": 1}}, "maxBytes should be between"),
        ({"buffering": {"timeoutMs": 24}}, "timeoutMs should be between 25 and 30000"),
    ],
)
def test_what_breaks_a_rule_is_refused_in_words(change: dict[str, Any], words: str) -> None:
    """The message names the rule."""
    with pytest.raises(SubscriptionError, match=words):
        parse(change)


def test_all_broken_rules_are_named() -> None:
    """Joined by semicolons, as AWS does."""
    uri = {"protocol": "HTTP", "URI": "http://sandbox.localdomain"}

    with pytest.raises(SubscriptionError) as caught:
        parse({"types": [], "destination": uri})

    assert str(caught.value) == "URI port is not provided; types should not be empty"


def test_managed_instances_accept_one_schema() -> None:
    """2025-01-29 alone."""
    assert parse({"schemaVersion": "2025-01-29"}, managed=True)
    with pytest.raises(SubscriptionError):
        parse({"schemaVersion": "2022-12-13"}, managed=True)


def test_the_logs_api_has_its_own_schemas() -> None:
    """2020-08-15 where none is given; the Telemetry API's are refused."""
    assert parse({"schemaVersion": None}, logs_api=True).flavour.name == "LOGS_2020"
    assert parse({"schemaVersion": "2021-03-18"}, logs_api=True).flavour.name == "LOGS_2021"
    with pytest.raises(SubscriptionError):
        parse({"schemaVersion": "2022-07-01"}, logs_api=True)


def test_an_extension_may_use_one_api_only(start: Start, tmp_path: Path) -> None:
    """The second subscribe fails, and the first goes on."""
    cloud = start(probe={"PROBE_APIS": "logs telemetry", "PROBE_SCHEMA": ""})

    cloud.invoke({})

    assert [e["status"] for e in seen(tmp_path).of("subscribe")] == [200, 400]


def test_subscribing_twice_alike_changes_nothing(start: Start, tmp_path: Path) -> None:
    """Both are answered OK and one subscription event is told."""
    cloud = start(probe={"PROBE_APIS": "telemetry telemetry"})

    cloud.invoke({})
    cloud.shutdown()

    assert [e["status"] for e in seen(tmp_path).of("subscribe")] == [200, 200]
    assert seen(tmp_path).types().count("platform.telemetrySubscription") == 1


def test_after_init_the_subscription_is_closed(start: Start, tmp_path: Path) -> None:
    """403 with AWS's words."""
    cloud = start(probe={"PROBE_APIS": "", "PROBE_LATE_API": "telemetry"})

    cloud.invoke({}).raise_for_status()

    late = seen(tmp_path).of("subscribe")[0]
    assert late["status"] == 403
    assert json.loads(late["answer"]) == {
        "errorMessage": "Telemetry API subscription is closed",
        "errorType": "Telemetry.SubscriptionClosed",
    }


@pytest.mark.parametrize(("api", "word"), [("logs", "Logs"), ("telemetry", "Telemetry")])
def test_a_stack_without_the_api_answers_202(
    start: Start, tmp_path: Path, api: str, word: str
) -> None:
    """A success status with an error body, and nothing is delivered."""
    none = Variations(logs_not_supported=True, telemetry_not_supported=True)
    cloud = start(probe={"PROBE_APIS": api}, variations=none)

    cloud.invoke({}).raise_for_status()

    answer = seen(tmp_path).of("subscribe")[0]
    assert answer["status"] == 202
    assert json.loads(answer["answer"])["errorType"] == f"{word}.NotSupported"
    assert not seen(tmp_path).of("batch")


def test_validation_errors_reach_the_extension(start: Start, tmp_path: Path) -> None:
    """400 ValidationError for the Telemetry API, Logs.ValidationError for the other."""
    cloud = start(
        probe={"PROBE_APIS": "telemetry logs", "PROBE_OVERRIDE": '{"types":[]}', "PROBE_SCHEMA": ""}
    )

    cloud.invoke({}).raise_for_status()

    answers = [
        (e["status"], json.loads(e["answer"])["errorType"]) for e in seen(tmp_path).of("subscribe")
    ]
    assert answers == [(400, "ValidationError"), (400, "Logs.ValidationError")]
