"""Whatever ends an invocation, all of its lines are delivered; at rate 0, nothing else is.

Longer than most: one module for the one promise, whatever the runtime, the format and the API.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import pytest

from emulator.model.function import Function
from tests.end_to_end.support import (
    CARGO,
    INVOCATION,
    Delivered,
    accounts,
    assert_kept_whole,
    is_metrics,
    running,
    settings,
    total,
    write_bash,
    write_node,
    write_python,
    wrote,
)

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.cloud import LocalLambda
    from emulator.model.invocation import InvokeResult
    from tests.end_to_end.support import Run

LogFormat = Literal["Text", "JSON"]

TIMEOUT_MS = 3000
"""Long enough for a restarted init on a busy machine, which counts against it; waited out once a run."""

BOTH_FORMATS_AND_APIS = pytest.mark.parametrize(
    ("log_format", "log_api"),
    [("Text", "logs"), ("Text", "telemetry"), ("JSON", "logs"), ("JSON", "telemetry")],
)

# What each kind of end is kept for. runtimeDone of the Logs API does not tell that memory ran out (it has no
# errorType); what it keeps is kept as a crash, and the outcome told in the end says more.
REASONS = {
    "raise": {"python-exception"},
    "error": {"level-error"},
    "exit": {"crash"},
    "os_exit": {"crash"},
    "kill": {"crash"},
    "timeout": {"timeout"},
    "memory": {"out-of-memory"},
}
OUTCOMES = {
    "raise": "error",
    "error": "error",
    "exit": "crash",
    "os_exit": "crash",
    "kill": "crash",
    "timeout": "timeout",
    "memory": "out-of-memory",
}

CHANNEL_MARKS = [
    ["through logging", "a warning\nin two lines", "closing words"],
    [
        "through print",
        "first of three",
        "second of three",
        "third of three",
        "日本語",
        "through os.write",
        "is JSON",
        "metrics",
        "xxxxxxxx",
    ],
    ["to stderr"],
]
"""What the function surely wrote, in the order of each of its three channels."""


def _function(
    code: Path, *, log_format: LogFormat = "Text", environment: dict[str, str], **others: Any
) -> Function:
    others.setdefault("timeout_ms", TIMEOUT_MS)
    return Function(code=code, log_format=log_format, environment=environment, **others)


def _assert_kept_for_its_restart(
    delivered: Delivered, cloud: LocalLambda, result: InvokeResult, *, objects: bool
) -> None:
    """After a crash Lambda does init within the next invocation, which is kept for that, with what init wrote."""
    written = wrote(cloud, result.request_id, objects=objects)
    assert delivered.texts(result.request_id)[-len(written) :] == written
    assert {(one["reason"], one["weight"]) for one in delivered.of(result.request_id)} == {
        ("init-restarted", 1)
    }


def _assert_every_sort_arrived(texts: list[Any]) -> None:
    joined = [
        text if isinstance(text, str) else json.dumps(text, ensure_ascii=False) for text in texts
    ]
    for marks in CHANNEL_MARKS:
        at = -1
        for mark in marks:
            spellings = (mark, json.dumps(mark, ensure_ascii=False)[1:-1])
            found = [i for i, text in enumerate(joined) if any(one in text for one in spellings)]
            assert len(found) == 1, mark
            assert found[0] > at, f"{mark} is out of order"
            at = found[0]


def _summary(delivered: Delivered, request_id: str) -> dict[str, Any]:
    told = [one["record"] for one in delivered.of(request_id) if one["type"] == INVOCATION]
    assert len(told) == 1
    assert isinstance(told[0], dict)
    return told[0]


def _assert_summary_tells(
    delivered: Delivered, result: InvokeResult, kind: str, raised: str
) -> None:
    """The real clients' error lines are read, and the time is known whatever the API tells."""
    summary = _summary(delivered, result.request_id)
    assert summary["durationMs"] > 0, kind
    assert len(summary["fingerprint"]) == 16
    if kind == "raise":
        assert (summary["errorType"], summary["errorMessage"]) == (raised, f"{CARGO} told to raise")
        assert f"{CARGO} told to raise" in summary["errorLine"]
    if kind == "error":
        assert "errorType" not in summary
        assert summary["errorMessage"] == f"{CARGO} told to write an error"


@pytest.mark.timeout(120)
@BOTH_FORMATS_AND_APIS
def test_a_failed_python_invocation_is_kept_whole_whatever_ended_it(
    layer_zip: Path, tmp_path: Path, sink_path: Path, log_format: LogFormat, log_api: str
) -> None:
    """Every line of each failed invocation arrives once, in order; of healthy ones only metrics do."""
    environment = settings(sink=f"file:{sink_path}", log_api=log_api)
    objects = (log_format, log_api) == ("JSON", "telemetry")
    function = _function(write_python(tmp_path), log_format=log_format, environment=environment)
    failed: dict[str, InvokeResult] = {}
    healthy: list[InvokeResult] = []

    with running(function, layers=[layer_zip]) as cloud:
        for kind in REASONS:
            healthy.append(cloud.invoke({"sorts": f"before {kind}"}))
            failed[kind] = cloud.invoke({"kind": kind, "sorts": kind})
        healthy.append(cloud.invoke({"kind": "ok", "sorts": "last"}))

    delivered = Delivered.read(sink_path)
    delivered.assert_unique_ids()
    for result in healthy:
        assert result.status == "success"
        if result is not healthy[0] and result.init_ms is not None:
            _assert_kept_for_its_restart(delivered, cloud, result, objects=objects)
            continue
        metrics = [
            one for one in wrote(cloud, result.request_id, objects=objects) if is_metrics(one)
        ]
        assert len(metrics) == 1
        assert delivered.texts(result.request_id) == metrics
        assert {(one["reason"], one["weight"]) for one in delivered.of(result.request_id)} == {
            ("emf", 1)
        }
    for kind, result in failed.items():
        assert result.status == {"error": "success", "timeout": "timeout"}.get(kind, "error"), kind
        reasons = {"crash"} if (kind, log_api) == ("memory", "logs") else REASONS[kind]
        assert_kept_whole(delivered, cloud, result, reasons=reasons, objects=objects)
        _assert_every_sort_arrived(delivered.texts(result.request_id))
        assert _summary(delivered, result.request_id)["outcome"] == OUTCOMES[kind], kind
        _assert_summary_tells(delivered, result, kind, "ValueError")
    assert {one.get("requestId") for one in delivered.records} == {
        result.request_id for result in (*healthy, *failed.values())
    }
    told = accounts(cloud)
    assert total(told, "received_lines") == len(cloud.written)
    assert total(told, "evicted_lines") == total(told, "lost_lines") == 0
    assert total(told, "failed_invocations") == len(failed)


@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
def test_lines_of_init_travel_with_a_first_invocation_that_fails(
    run: Run, sink_path: Path, log_api: str
) -> None:
    """What was written during init is delivered in front of the failed first invocation's own lines."""
    with run(log_api=log_api, timeout_ms=TIMEOUT_MS) as cloud:
        result = cloud.invoke({"kind": "raise"})

    before = wrote(cloud, None)
    assert before == [f"{CARGO} written during init\n"]
    assert Delivered.read(sink_path).texts(result.request_id) == [
        *before,
        *wrote(cloud, result.request_id),
    ]


@BOTH_FORMATS_AND_APIS
def test_an_import_error_during_init_is_kept_whole(
    run: Run, sink_path: Path, log_format: LogFormat, log_api: str
) -> None:
    """Everything that was written in both attempts at init arrives, although no invocation ever begins."""
    text = f"print('{CARGO} before the import')\nimport a_module_that_is_not_there\n"
    objects = (log_format, log_api) == ("JSON", "telemetry")

    with run(
        text, log_api=log_api, timeout_ms=TIMEOUT_MS, function={"log_format": log_format}
    ) as cloud:
        result = cloud.invoke({})

    delivered = Delivered.read(sink_path)
    expected = wrote(cloud, None, objects=objects)
    assert result.status == "error"
    assert sum(CARGO in json.dumps(line) for line in expected) == 2
    assert delivered.texts() == expected
    assert {one["weight"] for one in delivered.records} == {1}
    assert {one["reason"] for one in delivered.lines()} <= {"python-exception", "init-error"}
    delivered.assert_unique_ids()
    assert total(accounts(cloud), "received_lines") == len(expected)


@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
def test_a_json_line_arrives_byte_for_byte(run: Run, sink_path: Path, log_api: str) -> None:
    """Spelling that a JSON parser would lose (1.50, 1E2, spaces, key order, repeated keys) is left as it was."""
    line = '{"z": 1.50,"a":1E2,  "b" : "\\u0041", "z": 2, "big":12345678901234567890123}'
    text = f"def handler(event, context):\n    print({line!r})\n    print({CARGO!r})\n    raise ValueError\n"

    with run(
        text, log_api=log_api, timeout_ms=TIMEOUT_MS, function={"log_format": "JSON"}
    ) as cloud:
        cloud.invoke({})

    expected = line if log_api == "telemetry" else json.dumps(line + "\n")
    assert f'"record":{expected},'.encode() in sink_path.read_bytes()


def _assert_failures_are_kept_whole(
    function: Function,
    layer_dir: Path,
    sink_path: Path,
    *,
    reasons: dict[str, str],
    objects: bool,
    raised: str = "",
) -> None:
    """Invoke it to fail in each way, behind one healthy invocation each, which leaves nothing behind."""
    failed: dict[str, InvokeResult] = {}
    healthy: list[InvokeResult] = []

    with running(function, layers=[layer_dir]) as cloud:
        for kind in reasons:
            healthy.append(cloud.invoke({"kind": "fine"}))
            failed[kind] = cloud.invoke({"kind": kind})

    delivered = Delivered.read(sink_path)
    assert [result.status for result in healthy] == ["success"] * len(healthy)
    for kind, result in failed.items():
        assert_kept_whole(delivered, cloud, result, reasons={reasons[kind]}, objects=objects)
        if raised:
            _assert_summary_tells(delivered, result, kind, raised)
    for result in healthy:
        if result is not healthy[0] and result.init_ms is not None:
            _assert_kept_for_its_restart(delivered, cloud, result, objects=objects)
        else:
            assert not delivered.of(result.request_id)
    delivered.assert_unique_ids()


@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
def test_a_failed_invocation_of_a_custom_runtime_is_kept_whole(
    layer_dir: Path, tmp_path: Path, sink_path: Path, log_api: str
) -> None:
    """A runtime written in bash, which AWS knows nothing of, gets the same service."""
    environment = settings(sink=f"file:{sink_path}", log_api=log_api)
    function = _function(
        write_bash(tmp_path), runtime="provided.al2023", environment=environment, timeout_ms=2000
    )
    reasons = {
        "raise": "level-error",
        "error": "level-error",
        "exit": "crash",
        "timeout": "timeout",
    }
    _assert_failures_are_kept_whole(function, layer_dir, sink_path, reasons=reasons, objects=False)


@pytest.mark.usefixtures("node")
@BOTH_FORMATS_AND_APIS
def test_a_failed_nodejs_invocation_is_kept_whole(
    layer_dir: Path, tmp_path: Path, sink_path: Path, log_format: LogFormat, log_api: str
) -> None:
    """The real Node.js client's own error lines are recognised, and all lines arrive."""
    environment = settings(sink=f"file:{sink_path}", log_api=log_api)
    objects = (log_format, log_api) == ("JSON", "telemetry")
    function = _function(
        write_node(tmp_path),
        log_format=log_format,
        environment=environment,
        runtime="nodejs20.x",
        memory_mb=512,
    )
    reasons = {
        "raise": "nodejs-exception",
        "error": "level-error",
        "exit": "crash",
        "timeout": "timeout",
    }
    _assert_failures_are_kept_whole(
        function, layer_dir, sink_path, reasons=reasons, objects=objects, raised="TypeError"
    )


SETTINGS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "the level is lowered": (
        {"ERROR_LEVEL": "WARN"},
        {"error": "level-error", "raise": "python-exception", "warn": "level-warn"},
    ),
    "levels do not count": ({"ERROR_LEVEL": "OFF"}, {"raise": "python-exception"}),
    "a pattern is looked for": (
        {"ERROR_PATTERN": "payment (refused|declined)"},
        {"error": "level-error", "raise": "python-exception", "refused": "pattern"},
    ),
    "a logger's own form is read": (
        {"LEVEL_PATTERN": "^[^ ]+ payment (?P<level>[a-z]+):"},
        {"error": "level-error", "raise": "python-exception", "own": "level-error"},
    ),
}


@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
@pytest.mark.parametrize("name", SETTINGS)
def test_settings_decide_what_counts_as_a_failure(
    layer_dir: Path, tmp_path: Path, sink_path: Path, name: str, log_api: str
) -> None:
    """ERROR_LEVEL, ERROR_PATTERN and LEVEL_PATTERN decide; the word "error" in a line never does."""
    text = f"""
import logging
log = logging.getLogger()
log.setLevel("INFO")
def handler(event, context):
    kind = event["kind"]
    print({CARGO!r}, "begins", kind)
    if kind == "warn":
        log.warning("{CARGO} told to warn")
    if kind == "error":
        log.error("{CARGO} told to write an error")
    if kind == "refused":
        print({CARGO!r}, "payment refused by the bank")
    if kind == "own":
        print({CARGO!r}, "payment error: refused by the bank")
    if kind == "word":
        print({CARGO!r}, "ERROR error Error [error] failed exception, 0 errors")
    if kind == "raise":
        raise ValueError("told to")
"""
    variables, expected = SETTINGS[name]
    environment = settings(sink=f"file:{sink_path}", log_api=log_api, **variables)
    function = _function(write_python(tmp_path, text), environment=environment)
    kinds = ("fine", "warn", "error", "refused", "own", "word", "raise")

    with running(function, layers=[layer_dir]) as cloud:
        results = {kind: cloud.invoke({"kind": kind}) for kind in kinds}

    delivered = Delivered.read(sink_path)
    for kind, result in results.items():
        if kind in expected:
            assert delivered.texts(result.request_id) == wrote(cloud, result.request_id)
            assert delivered.reasons(result.request_id) == {expected[kind]}
        else:
            assert not delivered.of(result.request_id), kind


@pytest.mark.parametrize(
    ("wanted", "types"),
    [
        ("none", set()),
        ("report", {"platform.report"}),
        ("all", {"platform.start", "platform.runtimeDone", "platform.report"}),
    ],
)
@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
def test_the_platform_events_asked_for_travel_with_a_failed_invocation(
    run: Run, sink_path: Path, wanted: str, types: set[str], log_api: str
) -> None:
    """PLATFORM_EVENTS says which; those of a healthy invocation are not delivered."""
    with run(log_api=log_api, platform_events=wanted, timeout_ms=TIMEOUT_MS) as cloud:
        cloud.invoke({"kind": "ok"})
        failed = cloud.invoke({"kind": "error"})
        cloud.invoke({"kind": "ok"})

    delivered = Delivered.read(sink_path)
    seen = {one["type"] for one in delivered.records if one["type"].startswith("platform.")}
    # The Logs API has platform.end besides.
    assert seen - {"platform.end"} == types
    assert {one["requestId"] for one in delivered.records} == {failed.request_id}


def test_extension_uses_the_logs_api_by_default(run: Run, sink_path: Path) -> None:
    """LOG_API=auto subscribes once, to the Logs API in its newer schema, for platform and function events."""
    with run(timeout_ms=TIMEOUT_MS) as cloud:
        cloud.invoke({"kind": "ok"})

    [subscribed] = cloud.journal.of("subscribe")
    body = json.loads(subscribed.detail["body"])
    assert subscribed.detail["path"] == "/2020-08-15/logs"
    assert body["schemaVersion"] == "2021-03-18"
    assert body["types"] == ["platform", "function"]


@pytest.mark.timeout(60)
def test_many_invocations_in_one_environment_leave_nothing_behind(
    run: Run, sink_path: Path
) -> None:
    """After three hundred invocations, every tenth of which fails, all of those are there and nothing else is."""
    with run(flush="background", timeout_ms=TIMEOUT_MS) as cloud:
        results = [
            cloud.invoke({"kind": "error" if number % 10 == 9 else "ok", "lines": 5})
            for number in range(300)
        ]

    delivered = Delivered.read(sink_path)
    failed = results[9::10]
    assert {one["requestId"] for one in delivered.records} == {one.request_id for one in failed}
    for result in failed:
        assert delivered.texts(result.request_id) == wrote(cloud, result.request_id)
    [account] = accounts(cloud)
    assert account["received_lines"] == len(cloud.written)
    assert account["invocations"] == 300
    assert account["failed_invocations"] == 30


LATE_APP = f"""
import json, os, threading, time

def say(request_id, text, level="info"):
    line = dict(level=level, requestId=request_id, message="{CARGO} " + text)
    os.write(1, (json.dumps(line) + chr(10)).encode())

def later(event, request_id, gate):
    gate.wait()
    say(request_id, "said late", event["late"])

gates = []

def handler(event, context):
    for gate, thread in gates:
        gate.set()
        thread.join()
    gates.clear()
    say(context.aws_request_id, "first", event.get("level", "info"))
    if event.get("late"):
        gate = threading.Event()
        thread = threading.Thread(target=later, args=(event, context.aws_request_id, gate))
        thread.start()
        gates.append((gate, thread))
    say(context.aws_request_id, "second")
"""
"""A function whose threads outlive the invocation: they write during the next one, and name their own."""


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
def test_a_late_line_joins_the_failed_invocation_that_it_names(
    run: Run, sink_path: Path, log_format: LogFormat, log_api: str
) -> None:
    """It was written during the next, healthy invocation, which stays out of the sink."""
    with run(
        LATE_APP, log_api=log_api, timeout_ms=TIMEOUT_MS, function={"log_format": log_format}
    ) as cloud:
        failed = cloud.invoke({"level": "error", "late": "info"})
        healthy = cloud.invoke({})

    delivered = Delivered.read(sink_path)
    texts = [json.dumps(text) for text in delivered.texts(failed.request_id)]
    assert len(texts) == 3
    assert [
        word for text, word in zip(texts, ("first", "second", "late"), strict=True) if word in text
    ] == [
        "first",
        "second",
        "late",
    ]
    assert not delivered.of(healthy.request_id)
    assert delivered.reasons(failed.request_id) == {"level-error"}


@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
def test_a_late_error_is_kept_and_what_was_dropped_before_it_is_counted(
    run: Run, sink_path: Path, log_api: str
) -> None:
    """An invocation that has been decided against fails after all: its error arrives, its dropped lines are told.

    Nobody can tell whose the error is, if the invocation that it names is over: so the running one is kept as well.
    """
    with run(LATE_APP, log_api=log_api, timeout_ms=TIMEOUT_MS) as cloud:
        late = cloud.invoke({"late": "error"})
        running = cloud.invoke({})
        healthy = cloud.invoke({})

    delivered = Delivered.read(sink_path)
    arrived = delivered.texts(late.request_id)
    [told] = [one["record"] for one in delivered.of(late.request_id) if one["type"] == INVOCATION]
    assert "said late" in arrived[-1]
    assert len(arrived) + told["droppedLines"] == 3
    assert delivered.reasons(running.request_id) == delivered.reasons(late.request_id)
    assert not delivered.of(healthy.request_id)
