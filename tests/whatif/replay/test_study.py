import gzip
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
from whatif.model.log import Log
from whatif.replay.batches import Batcher
from whatif.replay.grid import grid_of
from whatif.replay.meter import Meter
from whatif.replay.study import Study, study_of
from whatif.replay.tally import WITHHELD, Tally

CAPTURES = Path(__file__).parent / "captures"


def studied(*files: Path) -> Study:
    return study_of([str(file) for file in files], grid_of({}, []))


def counts(study: Study) -> list[object]:
    """Return the counts that must not depend on the form of a log."""
    return [
        (dict(t.lines), dict(t.failures), dict(t.kept), t.invocations, t.received, t.estimated)
        for t in study.tallies
    ]


def by_label(study: Study) -> dict[str, Tally]:
    return {point.label: tally for point, tally in zip(study.points, study.tallies, strict=True)}


@pytest.fixture(name="expected")
def expected_study() -> Study:
    return study_shop()


def test_study_counts_what_the_log_holds(expected: Study) -> None:
    """The report compares everything with these lines, invocations and failures."""
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


def test_grid_ends_keep_everything_and_failures(expected: Study) -> None:
    """At zero failures and metrics remain, at one every line."""
    least, most = expected.tallies[0], expected.tallies[-1]

    assert most.kept_lines == shop_logs.LINES
    assert most.estimated == shop_logs.INVOCATIONS
    assert least.kept_lines == sum(shop_logs.FAILURES.values()) * 5 + 1
    assert least.lines["emf"] == 1


@pytest.mark.parametrize("name", shop_logs.NAMED)
def test_study_is_the_same_for_every_form_of_log(
    tmp_path: Path, expected: Study, name: str
) -> None:
    """The answer must not depend on the command that exported the log."""
    path = tmp_path / "log"
    path.write_text(shop_logs.NAMED[name](shop_logs.shop()), encoding="utf-8")
    found, wanted = studied(path), expected
    if name == "aws logs tail, json":
        # A metric's blanks are not there any more.
        assert [list(t.lines.items()) for t in found.tallies] == [
            list(t.lines.items()) for t in wanted.tallies
        ]
        return

    assert counts(found) == counts(wanted)
    # Times have six digits in some and three in others, which is all that may make a difference.
    for one, other in zip(found.tallies, wanted.tallies, strict=True):
        assert one.volume.cloudwatch_bytes == pytest.approx(other.volume.cloudwatch_bytes, rel=0.02)


def test_study_reads_an_export_folder_by_folder(tmp_path: Path, expected: Study) -> None:
    """Each folder is one environment; the test file of the task is no log."""
    from whatif.logs.files import files_of

    folder = shop_logs.write_export(tmp_path, shop_logs.shop())

    study = study_of(files_of([str(folder)]), grid_of({}, []))

    assert counts(study) == counts(expected)
    assert {reading.form for reading in study.readings} == {"CloudWatch Logs export"}
    assert study.environments == 2


def test_study_counts_exports_of_several_groups_by_task(tmp_path: Path) -> None:
    """An exported object names neither its function nor its log group, so its folder does."""
    from whatif.logs.files import files_of

    for name, digit in (("cart", "c"), ("shop", "a")):
        renamed = [
            event._replace(stream=event.stream.replace("a" * 32, digit * 32))
            for event in shop_logs.shop()
            if event.stream == shop_logs.STREAMS[0]
        ]
        folder = (
            tmp_path
            / name
            / "0f5f0f58-7d0c-4a43-8f3d-2a6d2f7a9f10"
            / f"2026-11-20-[$LATEST]{digit * 32}"
        )
        folder.mkdir(parents=True)
        text = "".join(f"{shop_logs.iso(e.at_ms)}Z {e.message.rstrip()}\n" for e in renamed)
        (folder / "000000.gz").write_bytes(gzip.compress(text.encode()))

    study = study_of(files_of([str(tmp_path)]), grid_of({}, []))

    assert list(study.logs) == ["cart/0f5f0f58", "shop/0f5f0f58"]
    assert [one.invocations for one in study.functions.values()] == [12, 12]


def test_study_counts_functions_of_a_shared_group_by_their_streams(tmp_path: Path) -> None:
    """Lambda writes the function's name into the stream's."""
    path = tmp_path / "shared.log"
    named = [
        event._replace(
            stream=event.stream.replace("[", "cart[" if "aaa" in event.stream else "shop[")
        )
        for event in shop_logs.shop()
    ]
    path.write_text(shop_logs.tail(named), encoding="utf-8")

    study = studied(path)

    assert list(study.logs) == ["cart", "shop"]


def test_study_bounds_the_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fleet of thousands is counted, and most of it together."""
    monkeypatch.setattr("whatif.replay.study.MAX_FUNCTIONS", 2)
    path = tmp_path / "log"
    groups = [
        shop_logs.subscribed(shop_logs.shop(), group=f"/aws/lambda/{name}") for name in "abcd"
    ]
    path.write_text("".join(json.dumps(one) for group in groups for one in group))

    study = studied(path)

    assert list(study.logs) == ["a", "b", "other functions"]
    assert study.functions["other functions"].invocations == 2 * shop_logs.INVOCATIONS
    assert study.log.lines == 4 * shop_logs.LINES


def test_study_separates_invocations_without_streams(tmp_path: Path) -> None:
    """``--format short`` names no stream, and a new invocation must not end another one."""
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


def test_study_counts_the_same_in_several_processes(
    expected: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large logs are counted in parallel."""
    monkeypatch.setattr("whatif.replay.runner.PARALLEL_BYTES", 0)
    monkeypatch.setattr("os.cpu_count", lambda: 3)

    found = study_shop(anew=True)

    assert counts(found) == counts(expected)
    assert [t.volume for t in found.tallies] == [t.volume for t in expected.tallies]


def test_study_ends_the_quietest_environment_for_another(
    expected: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This bounds the memory, and loses nothing between invocations."""
    monkeypatch.setattr("whatif.replay.study.MAX_ENVIRONMENTS", 1)

    study = study_shop(anew=True)

    assert study.environments > 2
    assert study.tallies[-1].kept_lines == shop_logs.LINES
    assert dict(study.tallies[-1].failures) == dict(expected.tallies[-1].failures)


def test_study_of_an_archive_agrees_with_the_log(tmp_path: Path, expected: Study) -> None:
    """NDJSON of an ARCHIVE_SINK has every line."""
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
    sampler.metadata.environment_id = stream[-16:]
    recorder = Recorder(Settings(sample_rate=0.0), sampler=sampler, account=account)
    batcher = Batcher(Log(), 1, Meter(Settings()))
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


@pytest.mark.parametrize(
    ("capture", "invocations", "cut"), [("logs-api.json", 1, 0), ("telemetry.ndjson", 2, 1)]
)
def test_study_replays_a_capture(capture: str, invocations: int, cut: int) -> None:
    """One has a batch a line (aws-samples/aws-lambda-extensions, Logs API), the other an event a line.

    The second begins in the middle (open-telemetry/opentelemetry-lambda, receiver_test.go).
    """
    study = studied(CAPTURES / capture)

    tally = study.tallies[-1]
    assert study.readings[0].form == "Logs or Telemetry API events"
    assert (tally.invocations, tally.received, tally.kept_lines) == (invocations, 1, 1)
    assert (study.log.lines, study.log.cut, dict(tally.failures)) == (1, cut, {})


def test_study_names_a_failure_that_does_not_fit_the_buffer(tmp_path: Path) -> None:
    """A small BUFFER_SIZE evicts the middle of a flood; the study names the request, the number and the cause."""
    request_id = shop_logs.request_id_of(99)
    messages = [f"START RequestId: {request_id} Version: 1"]
    messages += [f"line {n} {'x' * 200}" for n in range(3000)]
    messages += [
        f"END RequestId: {request_id}",
        f"REPORT RequestId: {request_id}\tDuration: 3000.00 ms\tStatus: timeout",
    ]
    path = tmp_path / "log"
    events = [
        shop_logs.Event(shop_logs.STREAMS[0], shop_logs.FIRST_MS + n, message)
        for n, message in enumerate(messages)
    ]
    path.write_text(shop_logs.tail(events), encoding="utf-8")
    points = grid_of({}, [("BUFFER_SIZE", ["64KiB", "8MiB"]), ("SAMPLE_RATE", ["0"])])

    found = by_label(study_of([str(path)], points))

    small, large = (found[f"BUFFER_SIZE={size} SAMPLE_RATE=0"] for size in ("64KiB", "8MiB"))
    assert (large.incomplete, large.kept_lines) == ([], 3000)
    (missing,) = small.incomplete
    assert (missing.request_id, missing.reason, missing.written) == (request_id, "timeout", 3000)
    assert missing.missing == 3000 - small.kept_lines == small.evicted
    assert missing.why == "evicted for BUFFER_SIZE"


def test_study_tells_withheld_lines_from_others() -> None:
    """Of five failures in two environments two an hour and environment are whole."""
    study = study_shop("KEEP_AT_MOST=1/h", "SAMPLE_RATE=0")

    tally = by_label(study)["KEEP_AT_MOST=1/h SAMPLE_RATE=0"]
    assert tally.failed == sum(shop_logs.FAILURES.values())
    assert set(tally.missing) == {WITHHELD}
    assert tally.missing[WITHHELD] > 0
    assert {one.why for one in tally.incomplete} == {WITHHELD}
    assert tally.withheld == sum(one.missing for one in tally.incomplete)


def test_study_counts_history_by_itself() -> None:
    """History belongs to healthy invocations, and the estimates ignore it."""
    found = by_label(study_shop("HISTORY=0,1", "SAMPLE_RATE=0"))

    without, within = (found[f"{name} SAMPLE_RATE=0"] for name in ("HISTORY=0", "HISTORY=1"))
    assert (without.history, within.history) == (0, within.kept_lines - without.kept_lines)
    assert within.history > 0
    assert within.estimated_lines == without.estimated_lines


def test_study_measures_masked_lines() -> None:
    """A REDACT that shortens lines makes deliveries smaller."""
    found = by_label(study_shop("REDACT=,order.*", "SAMPLE_RATE=1"))

    plain, masked = (found[f"REDACT={of} SAMPLE_RATE=1"] for of in ("(default)", "(value 2)"))
    assert masked.volume.cloudwatch_bytes < plain.volume.cloudwatch_bytes
    assert (masked.lines, masked.failures) == (plain.lines, plain.failures)


def test_study_ends_at_an_unreadable_file(tmp_path: Path) -> None:
    """The error passes through, and no process is left behind."""
    from whatif.logs.files import SourceError

    path = tmp_path / "x.zip"
    path.write_bytes(b"PK\x03\x04")

    with pytest.raises(SourceError):
        studied(path)


def test_study_reports_its_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who waits for a million lines sees that it goes on."""
    monkeypatch.setattr("whatif.replay.study.PROGRESS_EVENTS", 50)
    path = tmp_path / "log"
    path.write_text(json.dumps([{"timestamp": 0, "message": "x"}] * 120))
    told: list[int] = []

    study_of([str(path)], grid_of({}, []), progress=told.append)

    assert told == [50, 100]
