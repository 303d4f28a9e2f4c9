"""What the extension itself says: little, in JSON, and never what a function wrote or what is secret.

Every other test here checks the same at its end; these go through what makes it talk most.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from emulator.model.variations import GARBAGE_KINDS, Variations
from extension import __version__
from tests.end_to_end.support import (
    CARGO,
    SECRET,
    accounts,
    own_log,
    problems,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.doubles.recording_receiver import Behaviour
    from tests.end_to_end.support import Receiver, Run

KINDS = ("ok", "error", "raise", "ok", "exit", "ok")


# At debug the log says all that any level says, so the others need not meet everything.
@pytest.mark.parametrize(
    ("behaviour", "log_level"),
    [
        *((behaviour, "debug") for behaviour in ("ok", "500", "403", "garbage")),
        *(("403", log_level) for log_level in ("info", "warning", "error")),
    ],
)
def test_nothing_that_a_function_wrote_and_no_secret_is_ever_said(
    run: Run, receiver: Receiver, behaviour: Behaviour, log_level: str
) -> None:
    """Not in its log at any level, whatever goes wrong: a sink that echoes secrets, garbage batches, bad settings."""
    receiver.listen()
    receiver.behaviour = behaviour
    url = receiver.url.replace("http://", f"http://user:{SECRET}@") + f"?key={SECRET}"
    variations = Variations(garbage=GARBAGE_KINDS, duplicate_batches=True)

    with run(
        sink=url,
        sink_headers=f"Authorization=Bearer {SECRET}",
        log_level=log_level,
        error_pattern=f"(({CARGO})+)+$",
        flush_timeout="soon",
        flush_timeout_2="unknown",
        emulator={"variations": variations},
    ) as cloud:
        statuses = [cloud.invoke({"kind": kind, "lines": 3}).status for kind in KINDS]

    assert statuses == ["success", "success", "error", "success", "error", "success"]
    output = cloud.extension_output
    said = "".join(line.text for line in output if line.channel == "stderr")
    assert CARGO not in said
    assert SECRET not in said
    # Standard output is the last resort of what a sink does not take, and says nothing else.
    written = [json.loads(line.text) for line in output if line.channel == "stdout"]
    assert SECRET not in "".join(line.text for line in output)
    assert all(record["reason"] != "sampled" for record in written)
    assert (written == []) == (behaviour == "ok")
    assert all(one["logger"] == "flight-recorder" and one["timestamp"] for one in own_log(cloud))
    assert len(accounts(cloud)) == 2
    if log_level == "error":
        assert not problems(cloud)


def test_a_healthy_run_says_the_account_and_nothing_else(run: Run, sink_path: Path) -> None:
    """One line an environment, at its end."""
    with run() as cloud:
        for kind in ("ok", "error", "raise", "ok"):
            cloud.invoke({"kind": kind})

    [account] = accounts(cloud)
    assert [line.text for line in cloud.extension_output if line.text.strip()] == [
        line.text for line in cloud.extension_output if '"account"' in line.text
    ]
    assert account["version"] == __version__
    assert account["invocations"] == 4
    assert account["failed_invocations"] == 2


def test_switched_off_the_log_is_silent(run: Run) -> None:
    """LOG_LEVEL=off leaves not even the account, also where the sink is down."""
    with run(sink="http://127.0.0.1:1/in", log_level="off") as cloud:
        cloud.invoke({"kind": "error"})

    assert not [line for line in cloud.extension_output if line.channel == "stderr"]


def test_what_is_wrong_is_at_the_sink_too_though_every_invocation_is_well(
    run: Run, receiver: Receiver
) -> None:
    """The recommended Deny hides the function's own log group, and the extension's stderr goes there."""
    receiver.listen()

    with run(sink=receiver.url, sample_rate="12", sampel_rate="0.5") as cloud:
        held = [cloud.invoke({"kind": "ok"}).held_ms for _ in range(3)]
        assert receiver.requests == []

    assert None not in held
    warnings = [
        one["record"]
        for one in receiver.delivered.records
        if one["type"] == "flightRecorder.warning"
    ]
    assert {one["variable"] for one in warnings} == {
        "FLIGHT_RECORDER_SAMPLE_RATE",
        "FLIGHT_RECORDER_SAMPEL_RATE",
    }
    assert [one["event"] for one in warnings] == [one["event"] for one in problems(cloud)]
    assert len(receiver.requests) == 1
