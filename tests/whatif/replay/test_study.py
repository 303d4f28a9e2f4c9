import json
from pathlib import Path

import pytest

from extension.config.settings import Settings
from extension.delivery.queue import Queues, SendingQueue
from extension.diagnostics.account import Account
from extension.model.ndjson import encode
from extension.recorder.recorder import Recorder
from extension.recorder.tail_sampler import TailSampler
from tests.doubles import shop_logs
from tests.doubles.studies import study_shop
from whatif.model.events import Logged
from whatif.replay.batches import Batcher
from whatif.replay.grid import grid_of
from whatif.replay.log import Log
from whatif.replay.study import Study, study_of
from whatif.replay.tally import WITHHELD, Tally

CAPTURES = Path(__file__).parent / "captures"


def figures(study: Study) -> list[object]:
    """What must not depend on the form that a log is in."""
    return [
        (
            dict(t.lines),
            dict(t.failures),
            dict(t.kept),
            t.invocations,
            t.received,
            t.estimated,
            t.volume,
        )
        for t in study.tallies
    ]


def studied(*files: Path) -> Study:
    return study_of([str(file) for file in files], grid_of({}, []))


@pytest.fixture(name="expected")
def expected_study(tmp_path: Path) -> Study:
    return study_shop(tmp_path)


def test_the_truth_is_what_was_written(expected: Study) -> None:
    """Lines, invocations and failures are those that the log was made of."""
    for tally in expected.tallies:
        assert dict(tally.failures) == shop_logs.FAILURES
        assert (tally.invocations, tally.received) == (shop_logs.INVOCATIONS, shop_logs.LINES)
        assert (tally.incomplete, tally.unreadable_bytes) == ([], 0)
    assert expected.environments == 2
    assert (expected.log.lines, expected.log.cut, expected.log.disordered) == (
        shop_logs.LINES,
        0,
        0,
    )


def test_everything_is_kept_at_a_rate_of_one_and_failures_at_zero(expected: Study) -> None:
    """The ends of the grid: failures with each of their lines, metrics in any case, and all there is."""
    least, most = expected.tallies[0], expected.tallies[-1]

    assert most.kept_lines == shop_logs.LINES
    assert most.estimated == shop_logs.INVOCATIONS
    assert least.kept_lines == sum(shop_logs.FAILURES.values()) * 5 + 1
    assert least.lines["emf"] == 1


@pytest.mark.parametrize("name", shop_logs.NAMED)
def test_the_form_of_a_log_does_not_matter(tmp_path: Path, expected: Study, name: str) -> None:
    """What would be kept is the same from every command's output, down to the bytes."""
    path = tmp_path / "log"
    path.write_text(shop_logs.NAMED[name](shop_logs.shop()), encoding="utf-8")
    found, wanted = studied(path), expected
    if name == "aws logs tail, json":
        # A metric's blanks are not there any more.
        assert [list(t.lines.items()) for t in found.tallies] == [
            list(t.lines.items()) for t in wanted.tallies
        ]
        return

    assert _without_sizes(found) == _without_sizes(wanted)
    # Times have six digits in some and three in others, which is all that may make a difference.
    for one, other in zip(found.tallies, wanted.tallies, strict=True):
        assert one.volume.cloudwatch_bytes == pytest.approx(other.volume.cloudwatch_bytes, rel=0.02)


def _without_sizes(study: Study) -> list[object]:
    return [figure[:-1] for figure in figures(study) if isinstance(figure, tuple)]


def test_an_export_is_read_folder_by_folder(tmp_path: Path, expected: Study) -> None:
    """Each stream's folder is one environment; what the task wrote to try the bucket is no log."""
    from whatif.logs.files import files_of

    folder = shop_logs.write_export(tmp_path, shop_logs.shop())

    study = study_of(files_of([str(folder)]), grid_of({}, []))

    assert _without_sizes(study) == _without_sizes(expected)
    assert {reading.form for reading in study.readings} == {"CloudWatch Logs export"}
    assert study.environments == 2


def test_invocations_side_by_side_are_told_apart_without_streams(tmp_path: Path) -> None:
    """``--format short`` has no streams: no invocation is taken for one that never ended because another began."""
    events = []
    for number in range(12):
        at_ms = shop_logs.FIRST_MS + number * 4
        events += shop_logs.invocation(number, shop_logs.STREAMS[number % 2], at_ms)
    path = tmp_path / "log"
    path.write_text(
        shop_logs.tail_short(sorted(events, key=lambda event: event.at_ms)), encoding="utf-8"
    )

    study = studied(path)

    expected = {"python-exception": 1, "timeout": 1, "crash": 1}
    assert dict(study.tallies[-1].failures) == expected
    assert study.tallies[-1].invocations == 12


def test_several_processes_count_what_one_does(
    tmp_path: Path, expected: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large logs are counted in parallel, with the same result."""
    monkeypatch.setattr("whatif.replay.runner.PARALLEL_BYTES", 0)
    monkeypatch.setattr("os.cpu_count", lambda: 3)

    assert figures(study_shop(tmp_path)) == figures(expected)


def test_a_quiet_environment_makes_room_for_another(
    tmp_path: Path, expected: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded by ending the one that was quiet for longest, between whose invocations nothing is lost."""
    monkeypatch.setattr("whatif.replay.study.MAX_ENVIRONMENTS", 1)

    study = study_shop(tmp_path)

    assert study.environments > 2
    assert study.tallies[-1].kept_lines == shop_logs.LINES
    assert dict(study.tallies[-1].failures) == dict(expected.tallies[-1].failures)


def test_an_archive_tells_what_the_log_did(tmp_path: Path, expected: Study) -> None:
    """NDJSON of an ARCHIVE_SINK, replayed, has the same lines and the same failures."""
    path = tmp_path / "archive.ndjson"
    path.write_bytes(b"".join(_archived(stream) for stream in shop_logs.STREAMS))

    study = studied(path)

    assert study.readings[0].form == "records of Flight Recorder"
    assert study.log.sampled == 0
    for found, wanted in zip(study.tallies, expected.tallies, strict=True):
        assert dict(found.lines) == dict(wanted.lines)
        assert dict(found.failures) == dict(wanted.failures)
        assert found.estimated == wanted.estimated


def _archived(stream: str) -> bytes:
    """What an extension archives of one stream, none of which it keeps."""
    account = Account()
    archive = SendingQueue(account.archive, random=lambda: 0.0)
    queues = Queues(SendingQueue(account, random=lambda: 0.0), archive=archive)
    sampler = TailSampler(
        Settings(sample_rate=0.0), queues=queues, account=account, function="shop"
    )
    sampler.identify(stream[-16:])
    recorder = Recorder(Settings(sample_rate=0.0), sampler=sampler, account=account)
    batcher = Batcher(Log(), 1)
    batches = [
        batcher.take(Logged(stream, shop_logs.iso(e.at_ms) + "Z", e.message))
        for e in shop_logs.shop()
        if e.stream == stream
    ]
    for batch in [*batches, batcher.close()]:
        if batch is not None:
            for request_id, header in batch.invokes:
                recorder.invoked(request_id, trace_header=header)
            recorder.receive(batch.body)
    sampler.shut_down(None)
    return encode(archive.take_all())


def test_a_capture_of_the_logs_api_is_replayed() -> None:
    """A batch a line, as the AWS sample extension for the Logs API wrote them (aws-samples/aws-lambda-extensions)."""
    study = studied(CAPTURES / "logs-api.json")

    assert study.readings[0].form == "Logs or Telemetry API events"
    assert (study.log.lines, study.tallies[-1].invocations) == (1, 1)
    assert study.tallies[-1].lines == {"sampled": 1}
    assert not study.tallies[-1].failures


def test_a_capture_of_the_telemetry_api_is_replayed() -> None:
    """An event a line, beginning in the middle (open-telemetry/opentelemetry-lambda, receiver_test.go)."""
    study = studied(CAPTURES / "telemetry.ndjson")

    tally = study.tallies[-1]
    assert (tally.invocations, tally.received) == (2, 1)
    assert not tally.failures
    assert study.log.cut == 1


def test_a_failure_that_does_not_fit_is_incomplete_and_says_why(tmp_path: Path) -> None:
    """With a small BUFFER_SIZE the middle of a flood is given up; the study names the request and how much."""
    request_id = shop_logs.request_id_of(99)
    events = [
        shop_logs.Event(
            shop_logs.STREAMS[0], shop_logs.FIRST_MS, f"START RequestId: {request_id} Version: 1"
        )
    ]
    events += [
        shop_logs.Event(shop_logs.STREAMS[0], shop_logs.FIRST_MS + n, f"line {n} {'x' * 200}")
        for n in range(3000)
    ]
    end = f"REPORT RequestId: {request_id}\tDuration: 3000.00 ms\tStatus: timeout"
    events += [
        shop_logs.Event(
            shop_logs.STREAMS[0], shop_logs.FIRST_MS + 3000, f"END RequestId: {request_id}"
        ),
        shop_logs.Event(shop_logs.STREAMS[0], shop_logs.FIRST_MS + 3000, end),
    ]
    path = tmp_path / "log"
    path.write_text(shop_logs.tail(events), encoding="utf-8")

    study = study_of(
        [str(path)], grid_of({}, [("BUFFER_SIZE", ["64KiB", "8MiB"]), ("SAMPLE_RATE", ["0"])])
    )

    by_label = {
        point.label: tally for point, tally in zip(study.points, study.tallies, strict=True)
    }
    small, large = (by_label[f"BUFFER_SIZE={size} SAMPLE_RATE=0"] for size in ("64KiB", "8MiB"))
    assert large.incomplete == []
    assert large.kept_lines == 3000
    (missing,) = small.incomplete
    assert (missing.request_id, missing.reason, missing.written) == (request_id, "timeout", 3000)
    assert missing.missing == 3000 - small.kept_lines == small.evicted
    assert missing.why == "evicted for BUFFER_SIZE"


def by_label(study: Study) -> dict[str, Tally]:
    return {point.label: tally for point, tally in zip(study.points, study.tallies, strict=True)}


def test_what_a_flood_withheld_is_named_as_such(tmp_path: Path) -> None:
    """Of five failures in two environments two an hour and environment go whole; a traceback alone does not suffice."""
    study = study_shop(tmp_path, "KEEP_AT_MOST=1/h", "SAMPLE_RATE=0")

    tally = by_label(study)["KEEP_AT_MOST=1/h SAMPLE_RATE=0"]
    assert tally.failed == sum(shop_logs.FAILURES.values())
    assert set(tally.missing) == {WITHHELD}
    assert tally.missing[WITHHELD] > 0
    assert {one.why for one in tally.incomplete} == {WITHHELD}
    assert tally.withheld == sum(one.missing for one in tally.incomplete)


def test_history_is_neither_failed_nor_a_rule_s(tmp_path: Path) -> None:
    """Lines of what went well before a failure are counted by themselves, and estimate nothing."""
    found = by_label(study_shop(tmp_path, "HISTORY=0,1", "SAMPLE_RATE=0"))

    without, within = (found[f"{name} SAMPLE_RATE=0"] for name in ("HISTORY=0", "HISTORY=1"))
    assert (without.history, within.history) == (0, within.kept_lines - without.kept_lines)
    assert within.history > 0
    assert within.estimated_lines == without.estimated_lines


def test_what_is_masked_counts_as_it_leaves(tmp_path: Path) -> None:
    """A REDACT that makes lines shorter makes what is kept smaller, and the invocations the same."""
    found = by_label(study_shop(tmp_path, "REDACT=,order.*", "SAMPLE_RATE=1"))

    plain, masked = (found[f"REDACT={of} SAMPLE_RATE=1"] for of in ("(default)", "(value 2)"))
    assert masked.volume.cloudwatch_bytes < plain.volume.cloudwatch_bytes
    assert (masked.lines, masked.failures) == (plain.lines, plain.failures)


def test_a_file_that_cannot_be_read_ends_the_study(tmp_path: Path) -> None:
    """The error passes through, and no process is left behind."""
    from whatif.logs.files import SourceError

    path = tmp_path / "x.zip"
    path.write_bytes(b"PK\x03\x04")

    with pytest.raises(SourceError):
        studied(path)


def test_progress_is_told_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a million lines sees that it goes on."""
    monkeypatch.setattr("whatif.replay.study.PROGRESS_EVENTS", 50)
    path = tmp_path / "log"
    path.write_text(json.dumps([{"timestamp": 0, "message": "x"}] * 120))
    told: list[int] = []

    study_of([str(path)], grid_of({}, []), progress=told.append)

    assert told == [50, 100]
