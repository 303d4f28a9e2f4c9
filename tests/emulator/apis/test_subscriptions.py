"""Subscribing: what is accepted, what is refused and in which words, and which API excludes which."""

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.apis.subscriptions import SubscriptionError, parse_subscription
from emulator.model.variations import Variations
from emulator.telemetry.batcher import Buffering
from tests.doubles.emulator.probe import Start, seen

GOOD: dict[str, Any] = {
    "schemaVersion": "2022-12-13",
    "types": ["platform", "function"],
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/x"},
}


def to(uri: str, **more: str) -> dict[str, Any]:
    return {"destination": {"protocol": "HTTP", "URI": uri, **more}}


def parse(change: dict[str, Any], *, logs_api: bool = False, managed: bool = False) -> Any:
    body = json.dumps(GOOD | change).encode()
    return parse_subscription(body, name="p", logs_api=logs_api, managed_instances=managed)


def test_parser_fills_in_the_documented_defaults() -> None:
    """An extension that names no bounds must get AWS's."""
    subscription = parse({})

    assert subscription.buffering == Buffering(10_000, 262_144, 1_000)
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
        ({"destination": {"protocol": "TCP"}}, "port is not valid"),
        (to("http://sandbox.localdomain"), "URI port is not provided"),
        (to("https://sandbox.localdomain:80"), "scheme"),
        (to("http://localhost:80"), "sandbox.localdomain"),
        (to("http://sandbox.localdomain:9001"), "reserved"),
        (to("http://sandbox.localdomain:99999"), "not valid"),
        (to("http://sandbox:1", method="GET"), "POST or PUT"),
        ({"buffering": {"maxItems": 999}}, "maxItems should be between 1000 and 10000"),
        ({"buffering": {"maxBytes": 1}}, "maxBytes should be between"),
        ({"buffering": {"timeoutMs": 24}}, "timeoutMs should be between 25 and 30000"),
    ],
)
def test_subscription_that_breaks_a_rule_is_refused_in_words(
    change: dict[str, Any], words: str
) -> None:
    """The author of an extension reads the message, and should need nothing else."""
    with pytest.raises(SubscriptionError, match=words):
        parse(change)


def test_refusal_names_all_broken_rules() -> None:
    """AWS joins the reasons with semicolons, so one try shows them all."""
    with pytest.raises(SubscriptionError) as caught:
        parse({"types": [], **to("http://sandbox.localdomain")})

    assert str(caught.value) == "URI port is not provided; types should not be empty"


def test_managed_instances_accept_one_schema() -> None:
    """Other schemas work elsewhere, so an extension meets the refusal first on Managed Instances."""
    assert parse({"schemaVersion": "2025-01-29"}, managed=True)
    with pytest.raises(SubscriptionError):
        parse({"schemaVersion": "2022-12-13"}, managed=True)


def test_logs_api_has_its_own_schemas() -> None:
    """Without a schema the oldest applies; the Telemetry API's schemas are refused."""
    assert parse({"schemaVersion": None}, logs_api=True).flavour.name == "LOGS_2020"
    assert parse({"schemaVersion": "2021-03-18"}, logs_api=True).flavour.name == "LOGS_2021"
    with pytest.raises(SubscriptionError):
        parse({"schemaVersion": "2022-07-01"}, logs_api=True)


# Name: the probe's settings, the variations, and the status and error type of each answer.
ANSWERS: dict[str, tuple[dict[str, str], Variations, list[tuple[int, str | None]]]] = {
    "the second API is refused": (
        {"PROBE_APIS": "logs telemetry", "PROBE_SCHEMA": ""},
        Variations(),
        [(200, None), (400, "ValidationError")],
    ),
    "the same again changes nothing": (
        {"PROBE_APIS": "telemetry telemetry"},
        Variations(),
        [(200, None), (200, None)],
    ),
    "closed after init": (
        {"PROBE_APIS": "", "PROBE_LATE_API": "telemetry"},
        Variations(),
        [(403, "Telemetry.SubscriptionClosed")],
    ),
    "not supported": (
        {"PROBE_APIS": "logs telemetry"},
        Variations(logs_not_supported=True, telemetry_not_supported=True),
        [(202, "Logs.NotSupported"), (202, "Telemetry.NotSupported")],
    ),
    "broken rules": (
        {"PROBE_APIS": "telemetry logs", "PROBE_OVERRIDE": '{"types":[]}', "PROBE_SCHEMA": ""},
        Variations(),
        [(400, "ValidationError"), (400, "Logs.ValidationError")],
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_subscription_is_answered_as_the_agent_does(
    start: Start, tmp_path: Path, name: str
) -> None:
    """A refused subscription costs the extension its events, and the invocation nothing."""
    probe, variations, expected = ANSWERS[name]
    cloud = start(probe=probe, variations=variations)

    cloud.invoke({}).raise_for_status()
    cloud.shutdown()

    account = seen(tmp_path)
    answers = [(entry["status"], json.loads(entry["answer"])) for entry in account.of("subscribe")]
    assert [
        (status, answer["errorType"] if isinstance(answer, dict) else None)
        for status, answer in answers
    ] == expected
    accepted = (200, None) in expected
    assert bool(account.of("batch")) == accepted
    told = [kind for kind in account.types() if kind.endswith("Subscription")]
    assert len(told) == accepted
    if name == "closed after init":
        assert answers[0][1]["errorMessage"] == "Telemetry API subscription is closed"
