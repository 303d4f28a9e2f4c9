"""Sinks: what they get, and what a sink that misbehaves does to the function (nothing) and to the account.

Longer than most: the sinks that are well and those that are not are held to the same two assertions, made once here.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.doubles.recording_receiver import SLOW_S
from tests.end_to_end.support import (
    CARGO,
    GAP,
    SECRET,
    Delivered,
    accounts,
    problems,
    total,
    wrote,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emulator.cloud import LocalLambda
    from emulator.model.invocation import InvokeResult
    from tests.doubles.recording_receiver import Behaviour
    from tests.end_to_end.support import Receiver, Run

TIMEOUT_MS = 10_000
FLUSH_TIMEOUT = "400ms"
BUDGET_MS = TIMEOUT_MS / 3
"""A flush may hold an invocation for 400 ms (2 s by default); a busy machine adds to that, but not that much."""
MAX_INVOCATIONS = 20
"""Until a first attempt at delivery, which on a busy machine outlasts the time that an invocation waits for it."""


@contextlib.contextmanager
def _warm(run: Run, sink: str, **given: Any) -> Iterator[LocalLambda]:
    """Run a function; what it writes during init goes with a first, healthy invocation, so is not delivered."""
    with run(sink=sink, timeout_ms=TIMEOUT_MS, **given) as cloud:
        _invoke(cloud, "ok")
        yield cloud


def _invoke(cloud: LocalLambda, kind: str = "error", **event: Any) -> InvokeResult:
    """Invoke, and look at what the caller and the bill see."""
    result = cloud.invoke({"kind": kind, **event})

    assert result.status == ("error" if kind == "raise" else "success")
    assert result.held_ms is not None
    assert result.held_ms < BUDGET_MS
    return result


def _assert_arrived_once(
    delivered: Delivered, cloud: LocalLambda, results: list[InvokeResult]
) -> None:
    for result in results:
        assert delivered.texts(result.request_id) == wrote(cloud, result.request_id)
    delivered.assert_unique_ids()


# An http sink that is well ----------------------------------------------------------------------------------------


def test_an_http_sink_gets_gzipped_ndjson_on_one_connection(run: Run, receiver: Receiver) -> None:
    """Headers are as documented and as set, and many invocations share one connection."""
    receiver.listen()
    headers = f"Authorization=Bearer {SECRET},X-Team=shop"

    with _warm(run, receiver.url, sink_headers=headers) as cloud:
        results = [_invoke(cloud) for _ in range(8)]

    assert receiver.connections == 1
    assert len(receiver.requests) >= len(results)
    for request in receiver.requests:
        assert request.head.startswith(b"POST /in HTTP/1.1\r\n")
        assert request.headers["content-type"] == "application/x-ndjson"
        assert request.headers["content-encoding"] == "gzip"
        assert request.headers["user-agent"].startswith("flight-recorder/")
        assert request.headers["authorization"] == f"Bearer {SECRET}"
        assert request.headers["x-team"] == "shop"
        assert gzip.decompress(request.body).endswith(b"}\n")
    _assert_arrived_once(receiver.delivered, cloud, results)
    assert not problems(cloud)
    told = accounts(cloud)
    assert total(told, "kept_lines") == len(receiver.delivered.lines())
    assert total(told, "received_lines") == len(cloud.written)
    assert total(told, "delivered_bytes") == sum(len(one.body) for one in receiver.requests)
    assert total(told, "lost_lines") == 0


def test_a_connection_closed_while_frozen_is_replaced_silently(
    run: Run, receiver: Receiver
) -> None:
    """After a thaw one fresh connection is opened: nothing is lost, sent twice or complained about."""
    receiver.listen()

    with _warm(run, receiver.url) as cloud:
        results = [_invoke(cloud), _invoke(cloud)]
        cloud.wait_for(lambda: cloud.journal.of("freeze"))
        receiver.drop()
        results += [_invoke(cloud), _invoke(cloud)]

    assert receiver.connections == 2
    assert len(receiver.requests) == len(receiver.taken)
    _assert_arrived_once(receiver.delivered, cloud, results)
    assert not problems(cloud)
    assert total(accounts(cloud), "lost_lines") == 0


def test_a_connection_that_proves_dead_in_use_costs_one_silent_second_attempt(
    run: Run, receiver: Receiver
) -> None:
    """A kept connection that is closed in the face of a request is replaced, and the request made again."""
    receiver.listen()
    receiver.behaviour = "forget"

    with _warm(run, receiver.url) as cloud:
        results = [_invoke(cloud) for _ in range(4)]

    assert receiver.connections > 1
    _assert_arrived_once(receiver.delivered, cloud, results)
    assert not problems(cloud)
    assert total(accounts(cloud), "lost_lines") == 0


def test_a_failure_is_delivered_before_the_caller_of_the_next_invocation_is_served(
    run: Run, receiver: Receiver
) -> None:
    """With FLUSH=end an invocation's lines are at the sink when the environment is frozen."""
    receiver.listen()

    with _warm(run, receiver.url) as cloud:
        for kind in ("raise", "ok", "error"):
            result = _invoke(cloud, kind)
            arrived = receiver.delivered.texts(result.request_id)

            assert arrived == (wrote(cloud, result.request_id) if kind != "ok" else [])


def test_a_freeze_in_the_middle_of_a_delivery_neither_loses_nor_repeats(
    run: Run, receiver: Receiver
) -> None:
    """In the background a delivery is cut in two by the freeze, and goes on with the next thaw."""
    receiver.listen()
    receiver.behaviour = "slow"

    with _warm(run, receiver.url, flush="background") as cloud:
        results = []
        for _ in range(4):
            results.append(_invoke(cloud, "raise"))
            time.sleep(2 * SLOW_S)  # the answer comes while the environment is frozen
        assert len(cloud.journal.of("freeze")) >= len(results)

    _assert_arrived_once(receiver.delivered, cloud, results)
    assert len(receiver.requests) == len(receiver.taken)
    assert not problems(cloud)
    assert total(accounts(cloud), "lost_lines") == 0


# A sink where a request has a price, as S3's PUTs ------------------------------------------------------------------

LINGER = "60s"
"""As LINGER=auto makes it for s3: and firehose:; the receiver counts requests as S3 bills objects."""


def _requests_of(receiver: Receiver) -> list[list[dict[str, Any]]]:
    return [
        [json.loads(line) for line in gzip.decompress(request.body).splitlines()]
        for request in receiver.requests
    ]


def test_healthy_invocations_of_a_minute_are_one_request_and_hold_nobody(
    run: Run, receiver: Receiver
) -> None:
    """They wait for more, in a frozen environment too, and leave at SHUTDOWN."""
    receiver.listen()

    with run(sink=receiver.url, rate=1, linger=LINGER) as cloud:
        results = [_invoke(cloud, "ok") for _ in range(6)]
        assert receiver.requests == []

    assert len(receiver.requests) == 1
    _assert_arrived_once(receiver.delivered, cloud, results[1:])
    assert total(accounts(cloud), "lost_lines") == 0


def test_a_lone_failure_in_a_busy_environment_is_one_request_its_report_included(
    run: Run, receiver: Receiver
) -> None:
    """The report comes with the next invocation, and the lines of the failure have waited for it."""
    receiver.listen()

    with run(sink=receiver.url, flush="background", linger=LINGER) as cloud:
        _invoke(cloud, "ok")
        failed = _invoke(cloud, "error")
        for _ in range(4):
            _invoke(cloud, "ok")

    (records,) = _requests_of(receiver)
    assert [one["type"] for one in records if one["requestId"] == failed.request_id][-1] == (
        "platform.report"
    )
    _assert_arrived_once(receiver.delivered, cloud, [failed])


def test_a_failure_is_delivered_before_a_freeze_and_its_report_goes_with_the_next_request(
    run: Run, receiver: Receiver
) -> None:
    """A frozen environment may stay frozen until it ends, so the failure does not wait for its report."""
    receiver.listen()

    with run(sink=receiver.url, linger=LINGER) as cloud:
        failures = []
        for kind in ("ok", "error", "ok", "error", "ok"):
            result = _invoke(cloud, kind)
            if kind == "error":
                failures.append(result)
                assert receiver.delivered.texts(result.request_id) == wrote(
                    cloud, result.request_id
                )

    requests = _requests_of(receiver)
    reports = [
        [one["requestId"] for one in records if one["type"] == "platform.report"]
        for records in requests
    ]
    assert reports == [[], [failures[0].request_id], [failures[1].request_id]]
    _assert_arrived_once(receiver.delivered, cloud, failures)


# An http sink that is not -----------------------------------------------------------------------------------------

MISBEHAVIOURS: list[Behaviour] = [
    "stall",
    "close",
    "close_midway",
    "half_answer",
    "garbage",
    "500",
    "429",
    "slow",
]


def _until_arrived(cloud: LocalLambda, receiver: Receiver, results: list[InvokeResult]) -> None:
    """Let time pass and the environment run now and then, as healthy invocations do, until all is delivered."""

    def arrived() -> bool:
        _invoke(cloud, "ok")
        have = receiver.delivered
        return all(
            len(have.lines(one.request_id)) == len(cloud.lines(one.request_id)) for one in results
        )

    cloud.wait_for(arrived, timeout_s=30)


@pytest.mark.parametrize("behaviour", MISBEHAVIOURS)
def test_the_function_goes_on_while_a_sink_misbehaves(
    run: Run, receiver: Receiver, behaviour: Behaviour
) -> None:
    """Invocations succeed within FLUSH_TIMEOUT, and all that failed ones wrote arrives when the sink is back."""
    receiver.listen()
    receiver.behaviour = behaviour

    with _warm(run, receiver.url, flush_timeout=FLUSH_TIMEOUT) as cloud:
        results = [_invoke(cloud, kind) for kind in ("error", "ok", "raise", "error")]
        receiver.recover()
        results += [_invoke(cloud), _invoke(cloud, "raise")]
        failed = [result for number, result in enumerate(results) if number != 1]
        _until_arrived(cloud, receiver, failed)

    _assert_arrived_once(receiver.delivered, cloud, failed)
    told = accounts(cloud)
    assert total(told, "lost_lines") == total(told, "evicted_lines") == 0
    assert total(told, "received_lines") == len(cloud.written)
    assert total(told, "kept_lines") == sum(len(wrote(cloud, one.request_id)) for one in failed)
    complaints = {one["event"] for one in problems(cloud)}
    assert len(complaints) == len(problems(cloud)), "each problem is said once"
    assert behaviour != "slow" or not any("cannot be reached" in one for one in complaints)


def test_the_function_goes_on_while_a_sink_refuses_connections(
    run: Run, receiver: Receiver
) -> None:
    """Nobody listens, then somebody does: nothing is lost, and the invocations between were not held up."""
    with _warm(run, receiver.url, flush_timeout=FLUSH_TIMEOUT) as cloud:
        results = [_invoke(cloud, kind) for kind in ("error", "raise", "error")]
        receiver.listen()
        _until_arrived(cloud, receiver, results)

    _assert_arrived_once(receiver.delivered, cloud, results)
    assert total(accounts(cloud), "lost_lines") == 0
    # Not a word of one failure; of more, one. A busy machine may also need longer than a flush.
    said = [one["variable"] for one in problems(cloud)]
    assert set(said) <= {"FLIGHT_RECORDER_SINK", "FLIGHT_RECORDER_FLUSH_TIMEOUT"}
    assert len(set(said)) == len(said)


def test_a_sink_that_comes_back_at_the_last_moment_still_gets_everything(
    run: Run, receiver: Receiver
) -> None:
    """What waited for a sink is delivered at SHUTDOWN, whatever pause between attempts was on."""
    receiver.listen()
    receiver.behaviour = "500"

    with _warm(run, receiver.url, flush_timeout=FLUSH_TIMEOUT) as cloud:
        results = [_invoke(cloud) for _ in range(4)]
        receiver.recover()

    _assert_arrived_once(receiver.delivered, cloud, results)
    assert total(accounts(cloud), "lost_lines") == 0


def test_shutdown_prints_failed_invocations_when_no_sink_works(
    run: Run, receiver: Receiver
) -> None:
    """The last resort: Lambda sends it to CloudWatch, if it may. What was only sampled is lost, and counted."""
    receiver.listen()
    receiver.behaviour = "stall"

    with _warm(run, receiver.url, flush_timeout=FLUSH_TIMEOUT, rate=1) as cloud:
        results = [_invoke(cloud, kind) for kind in ("error", "raise", "ok")]

    printed = Delivered([json.loads(line) for line in _printed(cloud)])
    for result in results[:2]:
        # What was written before the failure was sampled in, and is on its way as such.
        texts = printed.texts(result.request_id)
        assert texts == wrote(cloud, result.request_id)[-len(texts) :]
        assert any("told to" in text for text in texts)
    [account] = accounts(cloud)
    assert account["handed_to_stdout_lines"] == len(printed.lines())
    assert account["kept_lines"] == {}
    assert account["lost_lines"] == {"shutdown": len(cloud.written) - len(printed.lines())}
    assert account["received_lines"] == len(cloud.written)


def _printed(cloud: LocalLambda) -> list[str]:
    return [line.text for line in cloud.extension_output if line.channel == "stdout"]


def test_a_fallback_gets_what_a_sink_that_is_down_does_not(
    run: Run, sink_path: Path, receiver: Receiver
) -> None:
    """Nothing listens where the sink is; each failed invocation is in the fallback's file, whole."""
    with _warm(
        run, receiver.url, flush_timeout=FLUSH_TIMEOUT, fallback_sink=f"file:{sink_path}"
    ) as cloud:
        results = [_invoke(cloud, kind) for kind in ("error", "raise", "error")]

    _assert_arrived_once(Delivered.read(sink_path), cloud, results)
    [account] = accounts(cloud)
    assert account["fallback_lines"] == total([account], "kept_lines")
    assert account["lost_lines"] == {}
    assert not _printed(cloud)


def test_an_archive_gets_everything_and_the_sink_what_is_kept(
    run: Run, sink_path: Path, receiver: Receiver
) -> None:
    """All that the function wrote is archived, in order and once; a failed invocation is at the sink besides."""
    receiver.listen()

    with _warm(run, receiver.url, archive_sink=f"file:{sink_path}") as cloud:
        healthy, failed = _invoke(cloud, "ok", lines=50), _invoke(cloud, "raise")

    archive = Delivered.read(sink_path)
    assert archive.texts() == [line.text for line in cloud.written]
    archive.assert_unique_ids()
    assert archive.reasons(healthy.request_id) == {"archive"}
    _assert_arrived_once(receiver.delivered, cloud, [failed])
    assert not receiver.delivered.lines(healthy.request_id)
    [account] = accounts(cloud)
    assert account["archive"]["kept_lines"] == account["received_lines"] == len(cloud.written)
    assert not problems(cloud)


def test_a_denial_is_said_at_once_and_waited_out(run: Run, receiver: Receiver) -> None:
    """403 may be put right by somebody: what was kept waits, and arrives if it is let in before the end."""
    receiver.listen()
    receiver.behaviour = "403"

    with _warm(run, receiver.url, flush_timeout=FLUSH_TIMEOUT) as cloud:
        results = [_invoke(cloud) for _ in range(3)]
        while not receiver.requests and len(results) < MAX_INVOCATIONS:
            results.append(_invoke(cloud))
        receiver.recover()

    _assert_arrived_once(receiver.delivered, cloud, results)
    assert len([one for one in receiver.requests if one.behaviour == "403"]) == 1
    assert total(accounts(cloud), "lost_lines") == 0
    # On a busy machine the first delivery, which loads what it needs, may outlast the flush.
    told = [one for one in problems(cloud) if one["variable"] != "FLIGHT_RECORDER_FLUSH_TIMEOUT"]
    assert [(one["problem"], one["variable"]) for one in told] == [
        ("status 403", "FLIGHT_RECORDER_SINK")
    ]


def test_a_refusal_for_good_is_not_repeated_and_what_failed_is_printed(
    run: Run, receiver: Receiver
) -> None:
    """After 405 the batch goes to standard output; the next one is tried, and arrives if it is let in."""
    receiver.listen()
    receiver.behaviour = "405"

    with _warm(run, receiver.url) as cloud:
        refused = _invoke(cloud)
        cloud.wait_for(
            lambda: _refused_lines(receiver, refused) == len(cloud.lines(refused.request_id))
        )
        receiver.behaviour = "ok"
        taken = _invoke(cloud)

    delivered = receiver.delivered
    assert not delivered.lines(refused.request_id)
    assert delivered.texts(taken.request_id) == wrote(cloud, taken.request_id)
    printed = Delivered([json.loads(line) for line in _printed(cloud)])
    assert printed.texts(refused.request_id) == wrote(cloud, refused.request_id)
    [account] = accounts(cloud)
    assert account["handed_to_stdout_lines"] == len(wrote(cloud, refused.request_id))
    assert account["lost_lines"] == {}
    [complaint] = problems(cloud)
    assert complaint["problem"] == "status 405"
    assert complaint["variable"] == "FLIGHT_RECORDER_SINK"


def _refused_lines(receiver: Receiver, result: InvokeResult) -> int:
    bodies = [gzip.decompress(one.body) for one in receiver.requests if one.behaviour == "405"]
    return len(Delivered.parse(b"".join(bodies)).lines(result.request_id))


def test_retry_after_is_heeded(run: Run, receiver: Receiver) -> None:
    """A sink that asks to be left alone for a second is."""
    receiver.listen()
    receiver.behaviour = "429"
    receiver.retry_after = "1"

    with _warm(run, receiver.url, flush_timeout=FLUSH_TIMEOUT) as cloud:
        results = [_invoke(cloud)]
        while not receiver.requests and len(results) < MAX_INVOCATIONS:
            results.append(_invoke(cloud))
        receiver.behaviour = "ok"
        _until_arrived(cloud, receiver, results)

    first, second = receiver.requests[:2]
    assert first.behaviour == "429"
    assert second.at_s - first.at_s >= 1.0
    _assert_arrived_once(receiver.delivered, cloud, results)


def test_buffer_gives_up_and_tells_what_does_not_fit_while_a_sink_is_down(
    run: Run, receiver: Receiver
) -> None:
    """Beyond BUFFER_SIZE lines are evicted; what arrives in the end and what is told as missing is all there was."""
    with _warm(run, receiver.url, flush_timeout=FLUSH_TIMEOUT, buffer_size="256KiB") as cloud:
        results = [_invoke(cloud, lines=200, width=500) for _ in range(6)]
        receiver.listen()
        _until_gone(cloud, receiver)

    delivered = receiver.delivered
    delivered.assert_unique_ids()
    gone = [one["record"]["evictedLines"] for one in delivered.records if one["type"] == GAP]
    [account] = accounts(cloud)
    assert account["evicted_lines"] > 0
    assert sum(gone) == account["evicted_lines"]
    assert sum(account["kept_lines"].values()) == len(delivered.lines())
    assert account["lost_lines"] == {}
    assert account["received_lines"] == len(cloud.written)
    for result in results:
        texts = delivered.texts(result.request_id)
        kept = set(texts)
        assert [text for text in wrote(cloud, result.request_id) if text in kept] == texts


def _until_gone(cloud: LocalLambda, receiver: Receiver) -> None:
    last = _invoke(cloud)
    _until_arrived(cloud, receiver, [last])


# Other sinks ------------------------------------------------------------------------------------------------------


def test_a_stdout_sink_writes_records_to_the_extensions_output(run: Run) -> None:
    """Each record is one line of it."""
    with _warm(run, "stdout:") as cloud:
        healthy, failed = _invoke(cloud, "ok"), _invoke(cloud, "raise")

    delivered = Delivered([json.loads(line) for line in _printed(cloud)])
    _assert_arrived_once(delivered, cloud, [failed])
    assert not delivered.lines(healthy.request_id)
    accounts(cloud)


def test_a_file_sink_that_cannot_be_written_is_tried_again(run: Run, tmp_path: Path) -> None:
    """The directory is missing, then it is there: nothing is lost."""
    path = tmp_path / "later" / "delivered.ndjson"

    with _warm(run, f"file:{path}") as cloud:
        results = [_invoke(cloud), _invoke(cloud)]
        path.parent.mkdir()

    _assert_arrived_once(Delivered.read(path), cloud, results)
    told = [one["problem"] for one in problems(cloud)]
    assert told in ([], ["file: No such file or directory"])
    assert total(accounts(cloud), "lost_lines") == 0


def test_environments_of_one_function_can_share_a_file(run: Run, sink_path: Path) -> None:
    """Ids differ from one environment to the next, and what one wrote does not disturb the other."""
    with run(timeout_ms=TIMEOUT_MS) as cloud:
        results = []
        for _ in range(3):
            results.append(_invoke(cloud))
            cloud.shutdown()

    _assert_arrived_once_but_init(Delivered.read(sink_path), cloud, results)


def _assert_arrived_once_but_init(
    delivered: Delivered, cloud: LocalLambda, results: list[InvokeResult]
) -> None:
    init = [f"{CARGO} written during init\n"]
    for result in results:
        assert delivered.texts(result.request_id) == init + wrote(cloud, result.request_id)
    delivered.assert_unique_ids()


def test_a_report_that_comes_late_is_delivered_all_the_same(run: Run, receiver: Receiver) -> None:
    """The report of a failed invocation, which Lambda sends with the next one, follows its lines."""
    receiver.listen()

    with _warm(run, receiver.url) as cloud:
        failed = _invoke(cloud, "raise")
        started_s = time.monotonic()
        _invoke(cloud, "ok")

    reports = [
        one for one in receiver.delivered.of(failed.request_id) if one["type"] == "platform.report"
    ]
    assert [one["record"]["requestId"] for one in reports] == [failed.request_id]
    assert receiver.requests[0].at_s < started_s
