import gzip
import json
from pathlib import Path

import pytest

from show.model.errors import ShowError
from show.reading.invocations import invocations_of
from show.sources import files
from show.sources.files import Files
from show.sources.progress import Progress
from show.sources.span import Span
from tests.doubles.golden_events import (
    FIRST_MS,
    request_id,
    written_to_cloudwatch,
    written_to_file,
)
from tests.doubles.kept import ndjson, record, summary


def opened(path: Path, span: Span | None = None) -> Files:
    return Files(str(path), span, progress=Progress())


def test_a_file_of_records_is_read(tmp_path: Path) -> None:
    """Zipped or not."""
    plain, zipped = tmp_path / "a.ndjson", tmp_path / "b.ndjson.gz"
    plain.write_text(written_to_file("sink-file"), encoding="utf-8")
    zipped.write_bytes(gzip.compress(plain.read_bytes()))

    found = [[entry.text for entry in opened(path).summaries()] for path in (plain, zipped)]

    assert found[0] == found[1]
    assert "loading the shop" in found[0]


def test_an_invocation_may_lie_in_several_files_of_a_folder(tmp_path: Path) -> None:
    """As objects copied from a bucket."""
    for name, stated in (("1", record(1, "a")), ("2", summary(2))):
        (tmp_path / f"{name}.ndjson.gz").write_bytes(gzip.compress(ndjson(stated).encode()))

    (one,) = invocations_of(opened(tmp_path).summaries())

    assert (len(one.lines), one.outcome) == (1, "crash")


def test_what_the_aws_command_prints_is_read(tmp_path: Path) -> None:
    """The answer of filter-log-events names streams, so each line finds its invocation."""
    written = written_to_cloudwatch("sink-cloudwatch")
    answer = {"events": [{**event, "logStreamName": written.stream} for event in written.events]}
    path = tmp_path / "events.json"
    path.write_text(json.dumps(answer, indent=4), encoding="utf-8")

    found = {one.request_id: one for one in invocations_of(opened(path).summaries())}

    assert len(found[request_id(1)].lines) == 10


def test_a_file_without_streams_is_told_of(tmp_path: Path) -> None:
    """Lines of other invocations may stand among those shown."""
    path = tmp_path / "short.txt"
    path.write_text("2026-11-24T12:00:00 a line\n", encoding="utf-8")
    source = opened(path)

    assert [entry.text for entry in source.summaries()] == ["a line"]
    assert source.notes == [f"{path} {files.NO_STREAM}."]


def test_a_span_leaves_out_what_is_older(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(ndjson(record(1, "old"), record(9, "new")), encoding="utf-8")

    source = opened(path, Span(FIRST_MS + 5, FIRST_MS + 99))

    assert [entry.text for entry in source.summaries()] == ["new"]


def test_unreadable_lines_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(f"{ndjson(record(1, 'a'))}nothing\n", encoding="utf-8")
    source = opened(path)

    assert len(source.summaries()) == 1
    assert source.notes == [f"{path}: 1 line could not be read."]


def test_reading_stops_at_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_ENTRIES", 2)
    path = tmp_path / "a.ndjson"
    path.write_text(ndjson(*(record(n, "a") for n in range(4))), encoding="utf-8")
    source = opened(path)

    assert len(source.naming("x")) == 2
    assert "stopped after 2 entries" in source.notes[0]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ShowError, match="no files"):
        opened(tmp_path).summaries()
