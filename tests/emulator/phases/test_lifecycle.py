"""Freeze and thaw, what stands still meanwhile, timing in the journal, attribution of lines, CloudWatch's copy."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from emulator.cloud import LocalLambda
from emulator.model.errors import EmulatorTimeout, MisuseError
from emulator.model.function import Function
from tests.emulator.support import seen

Start = Callable[..., LocalLambda]


def states(cloud: LocalLambda) -> set[str]:
    """Give the kernel's word for the environment's processes, T when stopped."""
    environment = cloud.running_lifecycle.environment
    assert environment is not None
    found = set()
    for child in environment.children.values():
        found.add(Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0])
    return found


def test_the_environment_is_stopped_between_invocations(start: Start) -> None:
    """Every process, and they run again for the next one."""
    cloud = start(probe={})

    cloud.invoke({})
    # The signal is sent before Next is answered; when it takes effect is the system's business.
    cloud.wait_for(lambda: states(cloud) == {"T"})
    stopped = states(cloud)
    again = cloud.invoke({})

    assert stopped == {"T"}
    assert again.status == "success"
    assert [e.kind for e in cloud.journal if e.kind in ("freeze", "thaw")][:3] == [
        "freeze",
        "thaw",
        "freeze",
    ]


def test_the_freeze_can_be_switched_off_and_done_by_hand(start: Start) -> None:
    """With freeze=False nothing stops until told to."""
    cloud = start(probe={}, freeze=False)

    cloud.invoke({})
    running = states(cloud)
    cloud.freeze()
    cloud.wait_for(lambda: states(cloud) == {"T"})  # a processor may be a moment late to stop
    cloud.thaw()
    cloud.invoke({}).raise_for_status()

    assert "T" not in running


def test_batches_stand_still_while_frozen(start: Start, tmp_path: Path) -> None:
    """A batch that was not due at the freeze is not sent before the thaw, however long that takes."""
    cloud = start(probe={"PROBE_TIMEOUT_MS": "100"})

    cloud.invoke({})
    before = len(seen(tmp_path).of("batch"))
    time.sleep(0.3)
    frozen = len(seen(tmp_path).of("batch"))
    cloud.thaw()
    cloud.wait_for(lambda: "platform.runtimeDone" in seen(tmp_path).types(), timeout_s=2)

    assert before == frozen


def test_the_caller_has_the_response_before_the_extension_is_through(start: Start) -> None:
    """held_ms is the extension's; duration_ms is not."""
    cloud = start(probe={"PROBE_MODE": "hold:0.6"})

    result = cloud.invoke({})

    assert result.duration_ms is not None
    assert result.held_ms is not None
    assert result.response_ms is not None
    assert result.response_ms <= result.duration_ms < 500
    assert 500 < result.held_ms < 2_000
    assert result.report["durationMs"] >= result.held_ms


def test_the_journal_tells_what_an_extension_costs(start: Start) -> None:
    """spawn, register, subscribe, next, event, batch, in this order and on one clock."""
    cloud = start(probe={})

    cloud.invoke({})
    cloud.shutdown()

    journal = cloud.journal
    order = ["spawn", "register", "subscribe", "next", "event", "exit"]
    times = [journal.first(kind, "probe").at_ns for kind in order]
    assert times == sorted(times)
    assert journal.first("register").detail["headers"]["lambda-extension-name"] == "probe"
    batch = journal.first("batch", "probe").detail
    assert batch["types"][0] == "platform.initStart"
    assert batch["duration_ms"] < 1_000


def test_the_emulators_own_share_of_an_invocation_is_small(start: Start) -> None:
    """Median of warm invocations with a real client, process switches included; generous for a loaded machine."""
    cloud = start(probe={})
    cloud.invoke({})

    times = [cloud.invoke({}).duration_ms for _ in range(20)]

    assert median(t for t in times if t is not None) < 20


def test_lines_belong_to_their_invocation(start: Start) -> None:
    """Also those without a request id in them; text, channel and level are kept."""
    cloud = start(probe=None)

    first, second = cloud.invoke({"do": "raise"}), cloud.invoke({})

    assert cloud.lines(first.request_id)[0] == "plain line\n"
    lines = [line for line in cloud.written if line.request_id == second.request_id]
    assert sorted((line.channel, line.level) for line in lines) == [
        ("frame", None),
        ("stdout", None),
    ]
    error = [line for line in cloud.written if line.level == "ERROR"]
    assert [line.request_id for line in error] == [first.request_id]


def test_cloudwatch_gets_everything_and_its_size_is_counted(start: Start) -> None:
    """UTF-8 bytes and 26 an event, the platform's lines among them."""
    cloud = start(probe=None)

    result = cloud.invoke({})

    texts = [line.text for line in cloud.cloudwatch]
    assert texts[0].startswith("INIT_START")
    assert texts[1] == f"START RequestId: {result.request_id} Version: $LATEST\n"
    assert texts[-2] == f"END RequestId: {result.request_id}\n"
    assert texts[-1].startswith(f"REPORT RequestId: {result.request_id}\tDuration: ")
    assert cloud.cloudwatch_bytes == sum(len(t.encode()) + 26 for t in texts)


def test_a_level_drops_raw_lines_from_cloudwatch_alone(start: Start) -> None:
    """The JSON format's application level; the client drops its own lines in the process."""
    cloud = start(probe=None, log_format="JSON", log_level="ERROR")
    high = '{"timestamp":"2026-01-01T00:00:00Z","level":"ERROR","message":"m"}'

    result = cloud.invoke({"do": "say", "lines": [high, "plain"]})

    written = cloud.lines(result.request_id)
    assert "plain\n" in written
    kept = [line.text for line in cloud.cloudwatch if line.source == "function"]
    assert high + "\n" in kept
    assert "plain\n" not in kept


def test_extensions_are_not_given_what_aws_withholds(start: Start, tmp_path: Path) -> None:
    """Neither handler nor log group nor anything that begins with an underscore; the customer's variables they get."""
    cloud = start(probe={}, environment={"MINE": "1"})

    runtime = cloud.invoke({"do": "environment"}).payload

    extension = seen(tmp_path).of("start")[0]["environment"]
    assert extension["MINE"] == runtime["MINE"] == "1"
    assert runtime["_HANDLER"] == "app.handler"
    assert "AWS_LAMBDA_LOG_GROUP_NAME" in runtime
    missing = {"_HANDLER", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT"}
    assert not missing & set(extension)
    assert not [k for k in extension if k.startswith("_") and k != "_"]
    assert "_LAMBDA_TELEMETRY_LOG_FD" not in runtime


@pytest.mark.parametrize("reason", ["spindown", "timeout", "failure"])
def test_shutdown_by_hand_gives_any_reason(start: Start, tmp_path: Path, reason: str) -> None:
    """And the next invocation starts anew."""
    cloud = start(probe={})
    cloud.invoke({})

    cloud.shutdown(reason)
    again = cloud.invoke({})

    assert seen(tmp_path).invoked()[1]["shutdownReason"] == reason
    assert again.init_ms is not None


def test_an_extension_inside_the_function_takes_part(start: Start) -> None:
    """It registers for INVOKE from the runtime's process; the shutdown budget is then the smaller one."""
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


def test_calls_outside_the_with_block_are_a_misuse(tmp_path: Path) -> None:
    """Said so, not an AttributeError."""
    cloud = LocalLambda(Function(code=tmp_path))

    with pytest.raises(MisuseError, match="with block"):
        cloud.invoke({})
    with pytest.raises(MisuseError, match="with block"):
        _ = cloud.written


def test_a_wait_that_runs_out_says_so(start: Start) -> None:
    """With its bound."""
    cloud = start(probe=None)

    with pytest.raises(EmulatorTimeout, match=r"within 0\.05 s"):
        cloud.wait_for(lambda: False, timeout_s=0.05)
