"""A few words that stand for what Lambda sends, so that whole lives of invocations are one line of a table.

A script is words; ``|`` begins the next batch. A number behind a word says which invocation it is about, the first one
by default: ``start2 a done2``.

    in out half invoke      INVOKE, with a trace that is sampled in, out, at one half, or any
    start done report end   platform events; ``failed`` is ``done`` after a timeout, ``crashed`` after an exit
    restart                 ``start`` of a retry
    DEBUG INFO WARN ERROR   JSON lines at that level; with a number they name the request
    error                   a text line at ERROR that names its request, as ``>late`` does at INFO
    leg                     a JSON line of the SDK of durable functions; ``retry`` of a step's second attempt
    named                   a JSON line with the transaction's name, ``order-7`` or the number's
    metrics                 a line in the embedded metric format
    prefixed                the same behind Node.js's prefix, which names its request
    later                   from here on, times are two minutes later
    sent                    the sink takes all that waits
    spindown timeout        SHUTDOWN, and so is ``broken``
    anything else           a text line
"""

import re
from typing import Any, NamedTuple

import pytest

from extension.parsing.failures import Failure, Outcome
from tests.doubles.extension.environment import Environment
from tests.doubles.lambda_events import (
    FIRST,
    SECOND,
    THIRD,
    TRACE,
    event,
    line,
    node_line,
    python_line,
)

TRACES = {
    "invoke": TRACE,
    "in": "Root=1-5f35ae12-0c0fec141affffffffffffff;Sampled=1",
    "out": "Root=1-5f35ae12-0c0fec141a00000000000001;Sampled=1",
    "half": "Root=1-5f35ae12-0c0fec141a80000000000001;Sampled=1",
}

SHUTDOWNS = {
    "spindown": None,
    "timeout": Failure("shutdown-timeout", Outcome.TIMEOUT),
    "broken": Failure("shutdown-failure", Outcome.CRASH),
}

_REPORT = {"durationMs": 2.5, "memorySizeMB": 128, "maxMemoryUsedMB": 40}

PLATFORM: dict[str, tuple[str, dict[str, Any]]] = {
    "start": ("start", {"version": "1"}),
    "restart": ("start", {"version": "2"}),
    "done": ("runtimeDone", {"status": "success"}),
    "failed": ("runtimeDone", {"status": "timeout"}),
    "crashed": ("runtimeDone", {"status": "error"}),
    "end": ("end", {}),
    "report": ("report", {"metrics": _REPORT}),
    "report-failed": ("report", {"status": "error", "errorType": "Runtime.ExitError"}),
    "done-slow": ("runtimeDone", {"status": "success", "metrics": {"durationMs": 801.5}}),
    "report-large": ("report", {"metrics": {**_REPORT, "maxMemoryUsedMB": 120}}),
    "report-full": ("report", {"metrics": {"memorySizeMB": 128, "maxMemoryUsedMB": 128}}),
    "init-begun": ("initStart", {"instanceId": "init-1"}),
    "init-unnamed": ("initStart", {"runtimeVersion": "python:3.14.v6"}),
    "init-durable": ("initStart", {"runtimeVersion": "python:3.14.DurableFunction.v6"}),
    "init-done": ("initRuntimeDone", {"phase": "init", "status": "success"}),
    "init-report": ("initReport", {"phase": "snap-start", "status": "success"}),
    "init-failed": ("initRuntimeDone", {"phase": "init", "status": "error"}),
    "init-unimportable": (
        "initReport",
        {"phase": "init", "status": "error", "errorType": "Runtime.ImportModuleError"},
    ),
    "init-unimportable-again": (
        "initReport",
        {"phase": "invoke", "status": "error", "errorType": "Runtime.ImportModuleError"},
    ),
    "init-timeout": ("initReport", {"phase": "init", "status": "timeout"}),
    "init-failed-again": ("initReport", {"phase": "invoke", "status": "error"}),
    "init-again": ("initRuntimeDone", {"phase": "invoke", "status": "success"}),
    "restore": ("restoreStart", {"runtimeVersion": "python:3.14.v6"}),
    "restore-named": ("restoreStart", {"instanceId": "copy-1"}),
    "restored": ("restoreRuntimeDone", {"status": "success"}),
    "restored-report": ("restoreReport", {"status": "success", "metrics": {"durationMs": 150.5}}),
    "unrestored": ("restoreRuntimeDone", {"status": "error", "errorType": "Runtime.ExitError"}),
    "unrestored-report": ("restoreReport", {"status": "timeout"}),
    "extension-failed": ("extension", {"errorType": "PermissionDenied"}),
    "logs-dropped": ("logsDropped", {"droppedRecords": 3}),
}


def request_id_of(number: int) -> str:
    """Return the request id of an invocation."""
    return {1: FIRST, 2: SECOND, 3: THIRD}.get(number, f"{number:08d}-0000-4000-8000-000000000000")


def play(env: Environment, script: str, *, second: int = 15) -> Environment:
    """Send a script to an environment, all of it in one second of its minute."""
    seconds = 0
    for batch in script.split("|"):
        events: list[dict[str, object]] = []
        for word in batch.split():
            kind, number = _parts(word)
            request_id = request_id_of(number or 1)
            seconds += 120 if kind == "later" else 0
            if kind in TRACES:
                env.invoke(request_id, trace=TRACES[kind])
            elif kind in SHUTDOWNS or kind == "sent":
                env.receive(*events)
                events = []
                if kind == "sent":
                    env.deliver()
                else:
                    env.sampler.shut_down(SHUTDOWNS[kind])
            elif kind != "later":
                minutes = 1 + seconds // 60 + (1 if kind == "restart" else 0)
                time = f"2026-10-12T00:{minutes:02d}:{second:02d}.123Z"
                events.append({**_event(kind, number, request_id), "time": time})
        if events:
            env.receive(*events)
    return env


def told(env: Environment) -> str:
    """Return the lines that the sink has, in the words of a script."""
    env.deliver()
    return " ".join(_word(one) for one in env.delivered if one["type"] == "function")


def _parts(word: str) -> tuple[str, int]:
    match = re.fullmatch(r"(>?[A-Za-z-]+?)(\d*)", word)
    return (match[1], int(match[2] or 0)) if match else (word, 0)


def _event(kind: str, number: int, request_id: str) -> dict[str, object]:
    if kind in PLATFORM:
        name, fields = PLATFORM[kind]
        return event(f"platform.{name}", {"requestId": request_id, **fields})
    if kind == "fault":
        return event(
            "platform.fault",
            f"RequestId: {request_id} Process exited before" if number else "no id",
        )
    record: object = f"{kind}{number or ''}"
    if kind == "metrics":
        record = {"_aws": {"CloudWatchMetrics": []}}
    elif kind == "prefixed":
        record = node_line('{"_aws":{"CloudWatchMetrics":[]}}', request_id=request_id)
    elif kind == "named":
        record = {"level": "INFO", "correlationId": f"order-{number or 7}"}
    elif kind in {"leg", "retry"}:
        attempt = 2 if kind == "retry" else 1
        record = {
            "level": "INFO",
            "executionArn": "arn",
            "operationName": "pay",
            "attempt": attempt,
        }
    elif kind == "error" or kind.startswith(">"):
        level = "ERROR" if kind == "error" else "INFO"
        record = python_line(kind, level=level, request_id=request_id)
    elif kind.isupper():
        record = {"level": kind, **({"requestId": request_id} if number else {})}
    return line(record)


def _word(record: dict[str, Any]) -> str:
    written = record["record"]
    numbers = {FIRST: "", SECOND: "/2", THIRD: "/3"}
    request_id = record.get("requestId", FIRST)
    number = numbers.get(request_id, f"/{request_id[:8].lstrip('0')}")
    if isinstance(written, dict):
        named = "named" if "correlationId" in written else written.get("level")
        named = "leg" if "executionArn" in written else named
        return f"{'metrics' if '_aws' in written else named}{number}"
    message = written.strip().rpartition("\t")[2]
    return f"{'prefixed' if '_aws' in message else message}{number}"


class Case(NamedTuple):
    """A script, and what becomes of it.

    Attributes:
        script: see above.
        lines: that the sink has in the end, as :func:`told` writes them.
        settings: those that differ from the defaults; the rate is 0.
        reasons: on all that is delivered; not looked at if empty.
        dropped: lines by reason.
        weights: on the delivered lines; not looked at if empty.
        summary: fields of the first summary.
    """

    script: str
    lines: str
    settings: dict[str, Any] = {}  # noqa: RUF012 - never changed
    reasons: str = ""
    dropped: dict[str, int] | None = None
    weights: tuple[float, ...] = ()
    summary: dict[str, object] = {}  # noqa: RUF012 - never changed

    def check(self) -> Environment:
        """Play the script; look at what the sink has and at the account."""
        env = play(Environment(**self.settings), self.script)
        assert told(env) == self.lines
        assert env.accounted_for
        assert env.sampler.illegal_events == 0
        if self.reasons:
            assert env.reasons() == set(self.reasons.split())
        if self.dropped is not None:
            assert env.account.dropped == self.dropped
        found = [one["weight"] for one in env.delivered if one["type"] == "function"]
        assert not self.weights or found == pytest.approx(self.weights)
        if self.summary:
            assert env.summaries()[0] | self.summary == env.summaries()[0]
        return env
