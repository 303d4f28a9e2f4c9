"""Bad input of every kind: invocations succeed, Next goes on being answered, and the extension says what is wrong.

Longer than most: it is a list, in which each kind of bad input has its place.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from emulator.model.function import Function
from emulator.model.variations import GARBAGE_KINDS, Variations
from emulator.telemetry.batcher import DeliveryPolicy
from tests.doubles.lambda_events import line
from tests.end_to_end.support import (
    CARGO,
    EXTENSION,
    GAP,
    INVOCATION,
    SECRET,
    Delivered,
    accounts,
    problems,
    registrations,
    running,
    settings,
    total,
    write_python,
    wrote,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emulator.cloud import LocalLambda
    from tests.end_to_end.support import Run

TIMEOUT_MS = 4_000
HELD_TOO_LONG_MS = TIMEOUT_MS / 2
"""No batch that is late or broken is a reason to hold an invocation until its deadline."""

KINDS = ("ok", "error", "ok", "raise", "ok")


def _function(tmp_path: Path, environment: dict[str, str], text: str | None = None) -> Function:
    code = write_python(tmp_path) if text is None else write_python(tmp_path, text)
    return Function(code=code, timeout_ms=TIMEOUT_MS, environment=environment)


def _run(
    layer: Path,
    tmp_path: Path,
    sink_path: Path,
    *,
    environment: dict[str, str] | None = None,
    may_be_held: int = 0,
    **emulator: Any,
) -> tuple[LocalLambda, Delivered, dict[str, str]]:
    """Run healthy and failing invocations in turn, each of which must succeed for its caller.

    Args:
        layer: the built layer.
        tmp_path: where the function is written to.
        sink_path: of the file sink.
        environment: the extension's settings; a file sink at rate 0 if not given.
        may_be_held: how many invocations may be held until their deadline.
        emulator: what is passed on to it.

    Returns:
        The emulator, what arrived, and the request ids with the kind of each.
    """
    environment = environment or settings(sink=f"file:{sink_path}")
    function = _function(tmp_path, environment)
    with running(function, layers=[layer], **emulator) as cloud:
        results = [cloud.invoke({"kind": kind}) for kind in KINDS]
    expected = ["error" if kind == "raise" else "success" for kind in KINDS]

    assert [result.status for result in results] == expected
    held = [result.held_ms for result in results if (result.held_ms or 0) > HELD_TOO_LONG_MS]
    assert len(held) <= may_be_held
    kinds = {result.request_id: kind for result, kind in zip(results, KINDS, strict=True)}
    return cloud, Delivered.read(sink_path), kinds


def _assert_failed_alone_arrived(
    cloud: LocalLambda, delivered: Delivered, kinds: dict[str, str]
) -> None:
    for request_id, kind in kinds.items():
        expected = [] if kind == "ok" else wrote(cloud, request_id)
        assert delivered.texts(request_id) == expected, kind
    delivered.assert_unique_ids()
    assert total(accounts(cloud), "received_lines") == len(cloud.written)


# Settings ---------------------------------------------------------------------------------------------------------

MALFORMED = {
    "SAMPLE_RATE": "often",
    "ERROR_LEVEL": "loud",
    "ERROR_PATTERN": "(unclosed",
    "BUFFER_SIZE": "plenty",
    "SINK_HEADERS": f"no equals sign {SECRET}",
    "FLUSH": "sometimes",
    "FLUSH_TIMEOUT": "-1s",
    "LOG_API": "smoke signals",
    "PLATFORM_EVENTS": "few",
    "LOG_LEVEL": "whisper",
    "ENABLED": "perhaps",
}


def test_each_malformed_setting_is_said_once_and_replaced_by_its_default(
    layer_dir: Path, tmp_path: Path
) -> None:
    """One JSON line names variable, value, what is accepted and what is used; secrets are not shown."""
    given = {f"FLIGHT_RECORDER_{name}": value for name, value in MALFORMED.items()}
    given["FLIGHT_RECORDER_SINK"] = f"carrier-pigeon://{SECRET}"
    function = _function(tmp_path, given)

    with running(function, layers=[layer_dir]) as cloud:
        results = [cloud.invoke({"kind": kind}) for kind in KINDS]

    assert [result.status for result in results].count("success") == 4
    said = [one for one in problems(cloud) if one["event"] == "a setting cannot be used"]
    assert sorted(one["variable"] for one in said) == sorted(given)
    for one in said:
        assert one["accepted"]
        assert one["used"]
        assert one["level"] == "warning"
        if one["variable"].endswith(("SINK", "SINK_HEADERS")):
            assert "value" not in one
        else:
            assert one["value"] == given[one["variable"]]
    out = [json.loads(line.text) for line in cloud.extension_output if line.channel == "stdout"]
    texts = Delivered(out).texts(results[1].request_id)
    assert texts[-len(cloud.lines(results[1].request_id)) :] == wrote(cloud, results[1].request_id)


def test_an_unknown_setting_is_said_with_the_one_that_was_perhaps_meant(
    layer_dir: Path, tmp_path: Path, sink_path: Path
) -> None:
    """A misspelt name would otherwise go unnoticed for ever."""
    environment = settings(sink=f"file:{sink_path}", SAMPEL_RATE="1")

    cloud, delivered, kinds = _run(layer_dir, tmp_path, sink_path, environment=environment)

    [one] = problems(cloud)
    assert one["variable"] == "FLIGHT_RECORDER_SAMPEL_RATE"
    assert "FLIGHT_RECORDER_SAMPLE_RATE" in one["fault"]
    _assert_failed_alone_arrived(cloud, delivered, kinds)


def test_a_catastrophic_pattern_does_not_stop_the_function(
    layer_dir: Path, tmp_path: Path, sink_path: Path
) -> None:
    """A pattern that other engines would search with for longer than the universe exists costs a look at each character."""
    environment = settings(sink=f"file:{sink_path}", error_pattern="(a+)+$")
    text = f"""
import logging
def handler(event, context):
    print({CARGO!r}, "a" * 6000 + "!")
    if event["kind"] == "raise":
        raise ValueError("told to")
    if event["kind"] == "error":
        logging.getLogger().error("told to")
"""
    function = _function(tmp_path, environment, text)

    with running(function, layers=[layer_dir]) as cloud:
        results = [cloud.invoke({"kind": kind}) for kind in KINDS]

    assert [result.status for result in results].count("success") == 4
    delivered = Delivered.read(sink_path)
    for result, kind in zip(results, KINDS, strict=True):
        if kind in ("raise", "error"):
            assert delivered.texts(result.request_id) == wrote(cloud, result.request_id)
    assert not problems(cloud)
    assert total(accounts(cloud), "received_lines") == len(cloud.written)


def test_a_sink_that_is_no_place_at_all_costs_nothing_but_lines(
    layer_dir: Path, tmp_path: Path, sink_path: Path
) -> None:
    """A host name that cannot be, or a port out of range: the function runs, the lines are counted.

    What failed goes the last way there is, which is standard output.
    """
    environment = settings(sink=f"http://{SECRET}.invalid:99999/x")

    cloud, _, _ = _run(layer_dir, tmp_path, sink_path, environment=environment)

    [account] = accounts(cloud)
    assert account["handed_to_stdout_lines"] > 0
    assert account["kept_lines"] == {}
    assert account["lost_lines"] == {}
    assert len(problems(cloud)) >= 1


# Register and subscribe -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 500])
@pytest.mark.parametrize("refusals", [1, 4])
def test_it_registers_until_it_is_accepted(
    layer_dir: Path, tmp_path: Path, sink_path: Path, status: int, refusals: int
) -> None:
    """Refused any number of times, it tries again, and records once it is in."""
    variations = Variations(register_refusals=refusals, register_refusal_status=status)

    cloud, delivered, kinds = _run(layer_dir, tmp_path, sink_path, variations=variations)

    assert registrations(cloud) == [status] * refusals + [200]
    _assert_failed_alone_arrived(cloud, delivered, kinds)


@pytest.mark.parametrize("status", [202, 400, 403, 404, 500])
@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
def test_the_other_api_is_used_where_one_refuses(
    layer_dir: Path, tmp_path: Path, sink_path: Path, log_api: str, status: int
) -> None:
    """Whatever the refusal, also one that looks like success, the other API is subscribed to and serves as well."""
    environment = settings(sink=f"file:{sink_path}", log_api=log_api)
    refused: dict[str, Any] = {f"{log_api}_subscribe_status": status}
    if status == 202:
        refused = {f"{log_api}_not_supported": True}

    cloud, delivered, kinds = _run(
        layer_dir, tmp_path, sink_path, environment=environment, variations=Variations(**refused)
    )

    tried = [
        (entry.detail["path"], entry.detail["status"]) for entry in cloud.journal.of("subscribe")
    ]
    other = "telemetry" if log_api == "logs" else "logs"
    assert tried[-1][1] == 200
    assert tried[-1][0].endswith(other)
    assert all(path.endswith(log_api) and answer == status for path, answer in tried[:-1])
    _assert_failed_alone_arrived(cloud, delivered, kinds)
    assert not problems(cloud)


@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
def test_an_older_schema_is_used_where_the_newest_is_refused(
    layer_dir: Path, tmp_path: Path, sink_path: Path, log_api: str
) -> None:
    """One 400 makes it ask for the schema before; it records with that one just as well."""
    environment = settings(sink=f"file:{sink_path}", log_api=log_api)
    variations = Variations(**{f"{log_api}_subscribe_status": 400}, subscribe_refusals=1)  # type: ignore[arg-type]

    cloud, delivered, kinds = _run(
        layer_dir, tmp_path, sink_path, environment=environment, variations=variations
    )

    tried = [
        json.loads(one.detail["body"])["schemaVersion"] for one in cloud.journal.of("subscribe")
    ]
    assert len(tried) == 2
    assert tried[0] > tried[1]
    assert cloud.journal.last("subscribe").detail["path"].endswith(log_api)
    _assert_failed_alone_arrived(cloud, delivered, kinds)


@pytest.mark.parametrize("status", [202, 400, 403, 404, 500])
def test_the_function_runs_where_no_api_delivers(
    layer_dir: Path, tmp_path: Path, sink_path: Path, status: int
) -> None:
    """Refused by both, it says so once, holds nobody and goes on answering Next."""
    refused: dict[str, Any] = {"logs_not_supported": True, "telemetry_not_supported": True}
    if status != 202:
        refused = {"logs_subscribe_status": status, "telemetry_subscribe_status": status}

    cloud, delivered, _ = _run(layer_dir, tmp_path, sink_path, variations=Variations(**refused))

    assert not delivered.lines()
    [said] = problems(cloud)
    assert said["variable"] == "FLIGHT_RECORDER_LOG_API"
    assert len(cloud.journal.of("event", EXTENSION)) == len(KINDS) + 1


# Batches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
@pytest.mark.parametrize("garbage", [*GARBAGE_KINDS, "all"])
def test_broken_batches_between_the_good_ones_cost_no_line(
    layer_dir: Path, tmp_path: Path, sink_path: Path, garbage: str, log_api: str
) -> None:
    """Every broken batch is answered 200, and the lines of the good ones are all there."""
    kinds_of_garbage = GARBAGE_KINDS if garbage == "all" else (garbage,)
    environment = settings(sink=f"file:{sink_path}", log_api=log_api)

    cloud, delivered, kinds = _run(
        layer_dir,
        tmp_path,
        sink_path,
        environment=environment,
        variations=Variations(garbage=kinds_of_garbage),  # type: ignore[arg-type]
    )

    assert {entry.detail["status"] for entry in cloud.journal.of("batch", EXTENSION)} == {200}
    for request_id, kind in kinds.items():
        texts = delivered.texts(request_id)
        expected = [] if kind == "ok" else wrote(cloud, request_id)
        if set(kinds_of_garbage) & {"truncated", "non_utf8"}:
            # A batch cut short holds lines that come again, and one that is no UTF-8 holds one of its own: more
            # than was written, nothing less.
            assert all(line in texts for line in expected), kind
        else:
            assert texts == expected, kind
    delivered.assert_unique_ids()
    accounts(cloud)


@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
@pytest.mark.parametrize("garbage", [*GARBAGE_KINDS, "all"])
def test_a_crash_among_broken_batches_is_kept_whole(
    run: Run, sink_path: Path, garbage: str, log_api: str
) -> None:
    """Broken batches before a crash do not keep the extension from SHUTDOWN, nor the lines from the sink."""
    kinds_of_garbage: Any = GARBAGE_KINDS if garbage == "all" else (garbage,)
    variations = Variations(garbage=kinds_of_garbage, duplicate_batches=True)

    with run(log_api=log_api, timeout_ms=TIMEOUT_MS, emulator={"variations": variations}) as cloud:
        healthy = cloud.invoke({"kind": "ok"})
        failed = cloud.invoke({"kind": "exit", "lines": 3})

    assert [healthy.status, failed.status] == ["success", "error"]
    texts = Delivered.read(sink_path).texts(failed.request_id)
    assert all(line in texts for line in wrote(cloud, failed.request_id))
    assert len(accounts(cloud)) == 1


@pytest.fixture
def idle_cloud(layer_dir: Path, tmp_path: Path, sink_path: Path) -> Iterator[LocalLambda]:
    """Run a function that has been invoked once, well."""
    function = _function(tmp_path, settings(sink=f"file:{sink_path}"))
    with running(function, layers=[layer_dir]) as cloud:
        cloud.invoke({"kind": "ok"}).raise_for_status()
        yield cloud
        result = cloud.invoke({"kind": "error"}).raise_for_status()
    assert (
        Delivered.read(sink_path).texts(result.request_id)[-3:]
        == wrote(cloud, result.request_id)[-3:]
    )
    accounts(cloud)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b"]",
        b"{}",
        b"null",
        b"17",
        b'"text"',
        b"[]",
        b"[[[[[]]]]]",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff" * 4096,
        b"\x00" * 4096,
        b"[" + b"1," * 50_000 + b"1]",
        b'[{"time":"2026-01-01T00:00:00.000Z","type":"function","record":"cut',
        b'[{"time":"2026-01-01T00:00:00.000Z","type":"function"}]',
        b'[{"time":"2026-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":7}}]',
        b'[{"time":"2026-01-01T00:00:00.000Z","type":"platform.runtimeDone","record":[]}]',
        b'[{"time":"2026-01-01T00:00:00.000Z","type":"platform.report","record":{"metrics":"none"}}]',
        b'[{"time":"2026-01-01T00:00:00.000Z","type":"platform.logsDropped","record":{"droppedRecords":"many"}}]',
        b'[{"time":"2026-01-01T00:00:00.000Z","type":"platform.fault","record":{"odd":true}}]',
        b'[{"type":"function","record":"keys in another order","time":"2026-01-01T00:00:00.000Z"}]',
        b'[{"time":"2026-01-01T00:00:00.000Z","type":"function","record":"\\ud800 a lone surrogate"}]',
        b'[ { "time" : "2026-01-01T00:00:00.000Z" , "type" : "function" , "record" : "spaced out" } ]',
    ],
    ids=lambda body: f"{len(body)}-{bytes(body[:12]).hex()}-{bytes(body[-9:]).hex()}",
)
def test_any_body_is_answered_200_and_does_no_harm(idle_cloud: LocalLambda, body: bytes) -> None:
    """What is not a batch is acknowledged all the same, since it would come back for ever, and left alone."""
    answers = idle_cloud.deliver(body)

    assert answers == {EXTENSION: 200}
    assert idle_cloud.invoke({"kind": "ok"}).status == "success"


@pytest.mark.parametrize(
    "record", [None, True, 0, -1.5e300, "", [], {}, [{"level": "INFO"}], {"level": 17}, {"": None}]
)
def test_a_record_of_any_json_type_is_a_line(run: Run, sink_path: Path, record: Any) -> None:
    """It is counted, and delivered as it is with the others of a failed invocation."""
    with run(timeout_ms=TIMEOUT_MS) as cloud:
        cloud.invoke({"kind": "ok"}).raise_for_status()
        error = line('{"level":"ERROR","message":"told to fail"}')
        assert cloud.deliver([line(record), error]) == {EXTENSION: 200}
        cloud.invoke({"kind": "ok"}).raise_for_status()

    assert record in Delivered.read(sink_path).texts()
    assert total(accounts(cloud), "received_lines") == len(cloud.written) + 2


def test_a_batch_of_many_megabytes_does_not_break_the_bound(run: Run, sink_path: Path) -> None:
    """A batch far larger than AWS ever sends is survived, whatever of it is kept."""
    with run(buffer_size="1MiB", timeout_ms=TIMEOUT_MS) as cloud:
        cloud.invoke({"kind": "ok"}).raise_for_status()
        assert cloud.deliver([line(CARGO * 100)] * 30_000)[EXTENSION] in (200, None)
        failed = cloud.invoke({"kind": "error"}).raise_for_status()

    assert (
        Delivered.read(sink_path).texts(failed.request_id)[-3:]
        == wrote(cloud, failed.request_id)[-3:]
    )
    accounts(cloud)


# Variations of what Lambda does -----------------------------------------------------------------------------------

VARIATIONS: dict[str, Variations] = {
    "as usual": Variations(),
    "report at once": Variations(report="at_once"),
    "lines after runtimeDone": Variations(lines_after_runtime_done=True),
    "runtimeDone before INVOKE": Variations(runtime_done_before_invoke=True),
    "duplicate batches": Variations(duplicate_batches=True),
    "batches of two invocations": Variations(merge_invocations=2),
    "INVOKE without trace": Variations(missing_tracing=True),
    "upper-case shutdown reason": Variations(upper_case_shutdown_reason=True),
    "microsecond timestamps": Variations(microsecond_timestamps=True),
    "unknown event type": Variations(unknown_event=True),
    "report without status": Variations(report_status="absent"),
    "handler error in report": Variations(handler_error_in_report=True),
    "many at once": Variations(
        duplicate_batches=True,
        missing_tracing=True,
        upper_case_shutdown_reason=True,
        microsecond_timestamps=True,
        unknown_event=True,
    ),
}


@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
@pytest.mark.parametrize("flush", ["end", "background"])
@pytest.mark.parametrize("name", VARIATIONS)
def test_failed_invocations_are_kept_whole_under_every_variation(
    layer_dir: Path, tmp_path: Path, sink_path: Path, name: str, flush: str, log_api: str
) -> None:
    """Whatever order and shape things come in, each failed line arrives once and no healthy one does."""
    environment = settings(sink=f"file:{sink_path}", log_api=log_api, flush=flush)

    # Where the end of an invocation comes with the next one, it takes one to find out.
    may_be_held = 1 if VARIATIONS[name].merge_invocations else 0

    cloud, delivered, kinds = _run(
        layer_dir,
        tmp_path,
        sink_path,
        environment=environment,
        may_be_held=may_be_held,
        variations=VARIATIONS[name],
    )

    _assert_failed_alone_arrived(cloud, delivered, kinds)


@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
def test_an_upper_case_reason_still_tells_a_timeout(
    run: Run, sink_path: Path, log_api: str
) -> None:
    """TIMEOUT is timeout: the invocation that ran out of time is kept."""
    variations = Variations(upper_case_shutdown_reason=True)

    with run(log_api=log_api, timeout_ms=1500, emulator={"variations": variations}) as cloud:
        cloud.invoke({"kind": "ok"})
        late = cloud.invoke({"kind": "timeout"})

    assert late.status == "timeout"
    assert Delivered.read(sink_path).texts(late.request_id) == wrote(cloud, late.request_id)


def test_a_duplicate_batch_is_counted(layer_dir: Path, tmp_path: Path, sink_path: Path) -> None:
    """The account tells how many batches came twice."""
    cloud, delivered, kinds = _run(
        layer_dir, tmp_path, sink_path, variations=Variations(duplicate_batches=True)
    )

    _assert_failed_alone_arrived(cloud, delivered, kinds)
    assert total(accounts(cloud), "duplicate_batches") > 0


def test_a_shutdown_before_any_invocation_is_taken(run: Run, sink_path: Path) -> None:
    """An environment that was initialised for nothing ends at once, with its account, and delivers nothing."""
    with run(timeout_ms=TIMEOUT_MS) as cloud:
        cloud.initialise().raise_for_status()
        ended = cloud.shutdown()

    assert ended is not None
    assert ended.extensions[EXTENSION].exit_code == 0
    assert not Delivered.read(sink_path).records
    [account] = accounts(cloud)
    assert account["received_lines"] == len(cloud.written)
    assert account["invocations"] == 0


@pytest.mark.parametrize("log_api", ["logs", "telemetry"])
@pytest.mark.parametrize(
    "order", [("raise", "ok"), ("ok", "raise"), ("raise", "error"), ("ok", "ok")]
)
def test_two_attempts_with_one_request_id_are_judged_each_by_itself(
    run: Run, sink_path: Path, order: tuple[str, str], log_api: str
) -> None:
    """A retry has the same request id; the attempt that failed is kept, the one that went well is not."""
    identity = "11112222-3333-4444-5555-666677778888"

    with run(log_api=log_api, timeout_ms=TIMEOUT_MS) as cloud:
        cloud.invoke({"kind": "ok"})
        lines: list[list[Any]] = []
        for kind in order:
            cloud.invoke({"kind": kind}, request_id=identity)
            lines.append(wrote(cloud, identity)[sum(map(len, lines)) :])

    expected = [
        line for kind, own in zip(order, lines, strict=True) if kind != "ok" for line in own
    ]
    assert all(lines)
    assert Delivered.read(sink_path).texts(identity) == expected


def test_a_handler_that_writes_very_much_very_fast_loses_nothing_uncounted(
    run: Run, sink_path: Path
) -> None:
    """Twenty thousand lines beyond the buffer: the account tells what became of each."""
    with run(buffer_size="512KiB") as cloud:
        cloud.invoke({"kind": "ok"}).raise_for_status()
        failed = cloud.invoke({"kind": "error", "lines": 20_000, "width": 60}).raise_for_status()

    delivered = Delivered.read(sink_path)
    [account] = accounts(cloud)
    assert account["received_lines"] == len(cloud.written)
    texts = delivered.texts(failed.request_id)
    written = wrote(cloud, failed.request_id)
    records = delivered.of(failed.request_id)
    [told] = [one["record"] for one in records if one["type"] == INVOCATION]
    gone = [one["record"]["evictedLines"] for one in records if one["type"] == GAP]
    assert told["lines"] == len(written)
    assert len(texts) + sum(gone) == len(written)
    assert texts[:5] == written[:5]
    assert texts[-3:] == written[-3:]
    assert sum(len(text) for text in texts) > 128 * 1024, "most of the buffer's worth"


def test_batches_that_were_refused_by_nobody_are_not_asked_for_again(
    run: Run, sink_path: Path
) -> None:
    """Small batches in quick succession are each acknowledged, so that none comes twice."""
    with run(timeout_ms=TIMEOUT_MS, emulator={"delivery": DeliveryPolicy()}) as cloud:
        for _ in range(3):
            cloud.invoke({"kind": "ok", "lines": 50, "sleep": 0.1})

    batches = cloud.journal.of("batch", EXTENSION)
    assert {entry.detail["status"] for entry in batches} == {200}
    assert total(accounts(cloud), "duplicate_batches") == 0
