"""Serve the Logs API and the Telemetry API: read subscriptions, and refuse those that break a rule.

Rules and messages: AWS "Lambda Logs API", "Lambda Telemetry API reference"; wording and status of refusals as in the
Lambda agent's open source (``internal/lambda/rapi`` and its Managed Instances twin in
aws-lambda-runtime-interface-emulator).
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from emulator.model.events import Flavour
from emulator.model.http1 import Request, Response
from emulator.model.journal import Journal
from emulator.options import Options
from emulator.telemetry.batcher import Buffering, Subscription
from emulator.telemetry.delivery import Destination
from emulator.telemetry.hub import Telemetry

LOGS_PATH = "/2020-08-15/logs"
SUBSCRIPTION_PATHS = (LOGS_PATH, "/2022-07-01/telemetry")
TYPES = ("platform", "function", "extension")
HOSTS = ("sandbox.localdomain", "sandbox")
RESERVED_PORT = 9001
MAX_PORT = 65_535
# name -> (lowest, highest, default), AWS "Lambda Telemetry API", buffering configuration
BUFFERING = {
    "maxItems": (1_000, 10_000, 10_000),
    "maxBytes": (262_144, 1_048_576, 262_144),
    "timeoutMs": (25, 30_000, 1_000),
}
LOGS_SCHEMAS = {"2020-08-15": Flavour.LOGS_2020, "2021-03-18": Flavour.LOGS_2021}
TELEMETRY_SCHEMAS = {
    "2022-07-01": Flavour.TELEMETRY_STRINGS,
    "2022-12-13": Flavour.TELEMETRY_OBJECTS,
    "2025-01-29": Flavour.TELEMETRY_OBJECTS,
}


class SubscriptionError(Exception):
    """A subscription breaks rules; the text joins all reasons with ``; ``."""


@dataclass(slots=True)
class Refusals:
    """How many calls a variation has refused so far, over all environments of a function."""

    register: int = 0
    subscribe: int = 0


class SubscriptionApi:
    """Answer the subscriptions of one environment.

    Attributes:
        is_open: Whether the init phase is still on; AWS refuses later subscriptions.
    """

    def __init__(
        self, options: Options, *, telemetry: Telemetry, journal: Journal, refusals: Refusals
    ) -> None:
        self.is_open = True
        self._managed = options.managed_instances
        self._variations = options.variations
        self._telemetry = telemetry
        self._journal = journal
        self._refusals = refusals

    def answer(self, request: Request, name: str) -> Response:
        """Answer the subscription of the extension of that name, and note it in the journal."""
        response = self._subscribe(request, name, logs_api=request.path == LOGS_PATH)
        self._journal.note(
            "subscribe",
            name,
            at_ns=request.at_ns,
            path=request.path,
            body=request.body.decode("utf-8", "replace"),
            status=response.status,
            answer=response.body.decode(),
        )
        return response

    def _subscribe(self, request: Request, name: str, *, logs_api: bool) -> Response:
        word, other = ("Logs", "Telemetry") if logs_api else ("Telemetry", "Logs")
        refused = self._refused_by_variation(word, logs_api=logs_api)
        if refused is not None:
            return refused
        if not self.is_open:
            message = f"{word} API subscription is closed"
            return Response.error(403, f"{word}.SubscriptionClosed", message)
        try:
            subscription = parse_subscription(
                request.body, name=name, logs_api=logs_api, managed_instances=self._managed
            )
            old = self._telemetry.subscriptions.get(name)
            if old is not None and old.flavour.is_logs_api != logs_api:
                # AWS "Lambda Telemetry API": one extension uses one or the other; the second subscribe fails.
                raise SubscriptionError(f"{name} is already subscribed to the {other} API")  # noqa: TRY301 - one answer for all broken rules
        except SubscriptionError as error:
            prefix = "Logs." if logs_api else ""
            return Response.error(400, f"{prefix}ValidationError", str(error))
        self._telemetry.subscribe(subscription)
        return Response.of(200, "OK")

    def _refused_by_variation(self, word: str, *, logs_api: bool) -> Response | None:
        variations = self._variations
        if variations.logs_not_supported if logs_api else variations.telemetry_not_supported:
            return Response.error(202, f"{word}.NotSupported", f"{word} API is not supported")
        status = (
            variations.logs_subscribe_status if logs_api else variations.telemetry_subscribe_status
        )
        limit = variations.subscribe_refusals
        if status is None or (limit and self._refusals.subscribe >= limit):
            return None
        self._refusals.subscribe += 1
        return Response.error(status, f"{word}.ServerError", f"{word} API answers {status}")


def parse_subscription(
    body: bytes, *, name: str, logs_api: bool, managed_instances: bool
) -> Subscription:
    """Parse the body of a subscription.

    Raises:
        SubscriptionError: It breaks one or more rules; all of them are named.
    """
    try:
        wanted = json.loads(body)
    except ValueError:
        wanted = None
    if not isinstance(wanted, dict):
        raise SubscriptionError("Failed to parse the request body")
    problems: list[str] = []
    flavour = _flavour(wanted, logs_api=logs_api, managed=managed_instances, problems=problems)
    destination = _destination(wanted.get("destination"), problems)
    types = wanted.get("types")
    if not isinstance(types, list) or not types:
        problems.append("types should not be empty")
        types = []
    elif any(t not in TYPES for t in types):
        problems.append(f"types should be of {', '.join(TYPES)}")
    buffering = _buffering(wanted.get("buffering"), problems)
    if problems or flavour is None or destination is None:
        raise SubscriptionError("; ".join(problems))
    return Subscription(name, flavour, tuple(map(str, types)), buffering, destination)


def _flavour(
    wanted: dict[str, Any], *, logs_api: bool, managed: bool, problems: list[str]
) -> Flavour | None:
    if logs_api:
        schema = wanted.get("schemaVersion") or "2020-08-15"
        found = LOGS_SCHEMAS.get(str(schema))
    else:
        schema = wanted.get("schemaVersion")
        accepted = {"2025-01-29"} if managed else set(TELEMETRY_SCHEMAS)
        found = TELEMETRY_SCHEMAS.get(str(schema)) if schema in accepted else None
    if found is None:
        problems.append("schemaVersion is not supported" if schema else "schemaVersion is required")
    return found


def _port(value: Any, problems: list[str]) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= MAX_PORT:
        problems.append("port is not valid")
        return None
    if value == RESERVED_PORT:
        problems.append(f"port {RESERVED_PORT} is reserved")
        return None
    return value


def _destination(wanted: Any, problems: list[str]) -> Destination | None:  # noqa: PLR0911 - one reason a return
    if not isinstance(wanted, dict):
        problems.append("destination is required")
        return None
    protocol = wanted.get("protocol")
    if protocol == "TCP":
        port = _port(wanted.get("port"), problems)
        return None if port is None else Destination("TCP", port)
    if protocol != "HTTP":
        problems.append("destination protocol should be HTTP or TCP")
        return None
    method = wanted.get("method") or "POST"
    if method not in ("POST", "PUT"):
        problems.append("destination method should be POST or PUT")
    try:
        parts = urlsplit(str(wanted.get("URI") or ""))
        given = parts.port
    except ValueError:
        problems.append("URI is not valid")
        return None
    if parts.scheme != "http":
        problems.append("URI scheme should be http")
    if parts.hostname not in HOSTS:
        problems.append("URI host should be sandbox.localdomain")
    if given is None:
        problems.append("URI port is not provided")
        return None
    port = _port(given, problems)
    if port is None:
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination("HTTP", port, parts.hostname or HOSTS[0], path, method)


def _buffering(wanted: Any, problems: list[str]) -> Buffering:
    given = wanted if isinstance(wanted, dict) else {}
    values = {}
    for key, (lowest, highest, default) in BUFFERING.items():
        value = given.get(key)
        if value is None:
            value = default
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            problems.append(f"buffering {key} should be between {lowest} and {highest}")
            value = default
        values[key] = value
    return Buffering(values["maxItems"], values["maxBytes"], values["timeoutMs"])
