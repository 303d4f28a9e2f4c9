"""Test the shutdown phase: its deadline, its reasons, its smaller budget."""

from pathlib import Path

import pytest

from tests.doubles.emulator.probe import Start, seen


def test_shutdown_kills_extensions_at_the_deadline(start: Start, tmp_path: Path) -> None:
    """An author must see whether the extension made it in time."""
    cloud = start(probe={}, names=("quick", "stays"), shutdown_ms=500)
    launcher = tmp_path / "layer" / "extensions" / "stays"
    launcher.write_text(
        launcher.read_text().replace("exec", "export PROBE_MODE=ignore_shutdown\nexec")
    )
    cloud.invoke({})

    result = cloud.shutdown()

    assert result is not None
    assert not result.extensions["quick"].killed
    assert result.extensions["quick"].exit_code == 0
    assert result.extensions["stays"].killed
    assert 350 < result.duration_ms < 1_500
    assert seen(tmp_path, "stays").invoked()[-1]["shutdownReason"] == "spindown"


@pytest.mark.parametrize("reason", ["spindown", "timeout", "failure"])
def test_shutdown_can_have_any_reason(start: Start, tmp_path: Path, reason: str) -> None:
    """An extension may act on the reason, and the next invocation starts anew."""
    cloud = start(probe={})
    cloud.invoke({})

    cloud.shutdown(reason)
    again = cloud.invoke({})

    assert seen(tmp_path).invoked()[1]["shutdownReason"] == reason
    assert again.init_ms is not None


def test_internal_extension_takes_part(start: Start) -> None:
    """It runs in the runtime's process, and has the smaller shutdown budget."""
    inside = """
import json, os, threading, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2020-01-01/extension"
seen = []
def call(path, body=None, **headers):
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    return urllib.request.urlopen(urllib.request.Request(api + path, body, named))
answer = call("/register", b'{"events":["INVOKE"]}', Lambda_Extension_Name="inside")
me = answer.headers["Lambda-Extension-Identifier"]
def loop():
    while True:
        seen.append(json.load(call("/event/next", Lambda_Extension_Identifier=me))["eventType"])
threading.Thread(target=loop, daemon=True).start()
def handler(event, context):
    return seen
"""
    cloud = start(probe=None, app=inside)

    cloud.invoke({}).raise_for_status()
    second = cloud.invoke({}).raise_for_status()
    ended = cloud.shutdown()

    assert second.payload[0] == "INVOKE"
    assert ended is not None
    assert ended.duration_ms < 500
