"""Problems as the log tells them, and as records for whoever does not see the log."""

import json

import pytest

from extension.app.problems import (
    record_of,
    report_exemptions,
    report_problems,
)
from extension.config.settings import read_settings
from extension.diagnostics.log import OwnLog
from extension.model.chunk import WARNING
from extension.model.record import WARNING_TYPE, records_in
from extension.recorder.metadata import MetadataSource


def test_each_problem_of_the_settings_is_logged_with_what_is_used_instead() -> None:
    """A value that may be a secret is not in it."""
    _, problems = read_settings(
        {"FLIGHT_RECORDER_SAMPLE_RATE": "12", "FLIGHT_RECORDER_SINK_HEADERS": "secret"}
    )
    log = OwnLog("off")
    log.apply("warning")

    report_problems(log, problems, asking_for_otlp_json=["ARCHIVE_SINK"])

    told = [(event, fields["variable"], fields.get("value")) for event, fields in log.problems]
    assert told == [
        ("a setting cannot be used", "FLIGHT_RECORDER_SAMPLE_RATE", "12"),
        ("a setting cannot be used", "FLIGHT_RECORDER_SINK_HEADERS", None),
        (
            "OTLP is sent as protobuf; JSON is no longer written",
            "FLIGHT_RECORDER_ARCHIVE_SINK",
            None,
        ),
    ]


@pytest.mark.parametrize(
    ("value", "entries"), [("10.0.0.0/8", []), ("a, 10.0.0.1/x", ["10.0.0.1/x"])]
)
def test_entries_of_no_proxy_that_cannot_be_read_are_logged(value: str, entries: list[str]) -> None:
    """They are left out, and whoever wrote them expects otherwise."""
    log = OwnLog("warning")

    report_exemptions(log, {"NO_PROXY": value, "HTTPS_PROXY": "http://proxy:3128"})

    assert [fields["entries"] for _, fields in log.problems] == ([entries] if entries else [])


def test_a_problem_becomes_a_record_of_its_own_type() -> None:
    """It names the environment, and is no line of the function."""
    metadata = MetadataSource(function="shop", version="7", environment_id="f" * 16)
    metadata.number(3)

    chunk = record_of("a setting cannot be used", {"variable": "X", "used": "0.1"}, metadata)

    (record,) = records_in([chunk])
    assert (record.type, record.is_line, chunk.lines) == (WARNING_TYPE, False, 0)
    assert record.record == {
        "level": "warning",
        "event": "a setting cannot be used",
        "variable": "X",
        "used": "0.1",
    }
    told = chunk.metadata
    assert (told.function, told.version, told.environment_id) == ("shop", "7", "f" * 16)
    assert (told.reason, told.failed, record.id) == (WARNING, False, f"{'f' * 16}-3")
    assert json.loads(chunk.segments[0].raw)["type"] == "flightRecorder.warning"
