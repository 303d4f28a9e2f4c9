"""The Extensions and Runtime APIs' refusals, asked directly over a socket while an environment waits."""

import http.client
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.emulator.probe import Start, seen

REGISTER = "/2020-01-01/extension/register"
NEXT = "/2020-01-01/extension/event/next"


@pytest.fixture
def api(start: Start, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Ask the API of an environment whose probe sleeps before registering, so that init is open."""
    cloud = start(probe={"PROBE_MODE": "never_register"}, init_timeout_ms=20_000, shutdown_ms=50)
    thread = threading.Thread(target=cloud.initialise, daemon=True)
    thread.start()
    cloud.wait_for(lambda: seen(tmp_path).of("start"))
    address = seen(tmp_path).of("start")[0]["environment"]["AWS_LAMBDA_RUNTIME_API"]

    def ask(
        method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        connection = http.client.HTTPConnection(address, timeout=5)
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        connection.request(method, path, data, headers or {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        try:
            return answer.status, json.loads(text), dict(answer.headers)
        except ValueError:
            return answer.status, text, dict(answer.headers)

    yield ask
    for child in (
        list(cloud.running_lifecycle.environment.children.values())
        if cloud.running_lifecycle.environment
        else []
    ):
        child.kill()
    thread.join(10)


@pytest.mark.parametrize(
    ("headers", "body", "kind"),
    [
        ({}, {"events": []}, "Extension.InvalidExtensionName"),
        ({"Lambda-Extension-Name": " "}, {"events": []}, "Extension.InvalidExtensionName"),
        ({"Lambda-Extension-Name": "probe"}, b"not JSON", "InvalidRequestFormat"),
        ({"Lambda-Extension-Name": "probe"}, [1], "InvalidRequestFormat"),
        ({"Lambda-Extension-Name": "probe"}, {"configurationKeys": ["a"]}, "InvalidRequestFormat"),
        ({"Lambda-Extension-Name": "probe"}, {"events": ["NONE"]}, "Extension.InvalidEventType"),
        (
            {"Lambda-Extension-Name": "inside"},
            {"events": ["SHUTDOWN"]},
            "Extension.InvalidEventType",
        ),
    ],
)
def test_register_refuses_malformed_calls(
    api: Callable[..., Any], headers: dict[str, str], body: Any, kind: str
) -> None:
    """An extension under test must meet the agent's own error types."""
    status, answer, _ = api("POST", REGISTER, body, headers)

    assert (status, answer["errorType"]) == (403, kind)


def test_second_register_is_refused(api: Callable[..., Any]) -> None:
    """A restarted extension must not take over the name of the first."""
    named = {"Lambda-Extension-Name": "probe"}

    first, answer, headers = api("POST", REGISTER, {"events": ["INVOKE"]}, named)
    second, refusal, _ = api("POST", REGISTER, {"events": ["INVOKE"]}, named)

    assert (first, second) == (200, 403)
    assert (
        str(uuid.UUID(headers["Lambda-Extension-Identifier"]))
        == headers["Lambda-Extension-Identifier"]
    )
    assert answer == {
        "functionName": "function",
        "functionVersion": "$LATEST",
        "handler": "app.handler",
    }
    assert refusal["errorType"] == "Extension.InvalidExtensionState"


def test_eleventh_extension_is_refused(api: Callable[..., Any]) -> None:
    """Lambda counts external and internal extensions together."""
    statuses = [
        api("POST", REGISTER, {"events": ["INVOKE"]}, {"Lambda-Extension-Name": f"inside-{i}"})[0]
        for i in range(10)
    ]

    assert statuses == [200] * 9 + [403]


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, "Extension.MissingExtensionIdentifier"),
        ({"Lambda-Extension-Identifier": "nonsense"}, "Extension.InvalidExtensionIdentifier"),
        (
            {"Lambda-Extension-Identifier": str(uuid.UUID(int=5))},
            "Extension.UnknownExtensionIdentifier",
        ),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", NEXT), ("PUT", "/2022-07-01/telemetry"), ("POST", "/2020-01-01/extension/init/error")],
)
def test_calls_need_a_known_identifier(
    api: Callable[..., Any], method: str, path: str, headers: dict[str, str], kind: str
) -> None:
    """Each fault has an error type of its own, as from AWS's agent."""
    status, answer, _ = api(method, path, {}, headers)

    assert (status, answer["errorType"]) == (403, kind)


def test_error_endpoints_need_their_header(api: Callable[..., Any]) -> None:
    """Without an error type the agent refuses, and the extension lives on."""
    _, _, headers = api("POST", REGISTER, {"events": []}, {"Lambda-Extension-Name": "probe"})
    own = {"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}

    status, answer, _ = api("POST", "/2020-01-01/extension/exit/error", b"", own)

    assert (status, answer["errorType"]) == (403, "Extension.MissingHeader")


def test_init_error_is_accepted(api: Callable[..., Any]) -> None:
    """An extension that gives up needs the 202 before it exits."""
    _, _, headers = api("POST", REGISTER, {"events": []}, {"Lambda-Extension-Name": "inside"})
    own = {
        "Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"],
        "Lambda-Extension-Function-Error-Type": "Extension.Told",
    }

    first = api("POST", "/2020-01-01/extension/init/error", b"", own)

    assert (first[0], first[1]) == (202, {"status": "OK"})


def test_unknown_paths_are_not_found(api: Callable[..., Any]) -> None:
    """Extensions probe for APIs, and read a 404 as absence."""
    assert api("GET", "/2020-01-01/extension/nothing")[:2] == (404, b"404 page not found\n")
    assert api("GET", "/2018-06-01/runtime/nothing")[0] == 404


def test_runtime_api_refuses_an_unknown_invocation(api: Callable[..., Any]) -> None:
    """A late answer must not reach the caller of another invocation."""
    status, answer, _ = api("POST", "/2018-06-01/runtime/invocation/nope/response", b"1")

    assert (status, answer["errorType"]) == (400, "InvalidRequestID")


def test_registration_closes_with_the_runtimes_first_next(start: Start) -> None:
    """Lambda lets no extension join a running environment."""
    late = """
import os, urllib.request, urllib.error
def handler(event, context):
    url = "http://%s/2020-01-01/extension/register" % os.environ["AWS_LAMBDA_RUNTIME_API"]
    try:
        urllib.request.urlopen(urllib.request.Request(url, b'{"events":[]}', {"Lambda-Extension-Name": "late"}))
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
"""
    cloud = start(probe=None, app=late)

    status, answer = cloud.invoke({}).payload

    assert status == 403
    assert json.loads(answer)["errorType"] == "Extension.RegistrationClosed"
