"""Test the command line, run as a user runs it."""

from pathlib import Path
from typing import Any

import pytest

from emulator.__main__ import Printer, main, read_variations
from emulator.model.journal import Journal
from tests.doubles.emulator.probe import make_function, make_layer


def test_run_prints_lines_results_events_and_journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 1, so that a script notices the failed invocation."""
    code, layer = make_function(tmp_path), make_layer(tmp_path)
    words = ["run", "--code", str(code), "--layer", str(layer), "-n", "2", "--events", "--journal"]

    status = main(
        [*words, "--event", '{"a":1}', "--event", '{"do":"raise"}', "--vary", "report=at_once"]
    )

    text = capsys.readouterr().out
    assert status == 1
    for expected in (
        "probe | probe says hello",
        "function | plain line",
        "result | success; init",
        "result | error; duration",
        "shutdown | probe: exit code 0 after",
        "platform.runtimeDone",
        "register probe",
        "cloudwatch | ",
    ):
        assert expected in text


def test_each_delivery_is_shown_once_with_its_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """An attempt that nobody answered says why, and the next one says that it is the second."""
    journal, printer = Journal(), Printer()
    batch: dict[str, Any] = {
        "bytes": 412,
        "types": ["function", "function", "platform.start"],
        "duration_ms": 1.25,
    }
    refused: dict[str, Any] = {
        "status": None,
        "problem": "ConnectionRefusedError: [Errno 111]",
        "attempt": 1,
    }

    journal.note("batch", "hello", **batch, **refused)
    printer.deliveries(journal)
    journal.note("batch", "hello", **batch, status=200, problem=None, attempt=2)
    printer.deliveries(journal)

    events = "to hello: 2 function, 1 platform.start; 412 bytes"
    assert capsys.readouterr().out.splitlines() == [
        f"    delivery | {events}; no answer (ConnectionRefusedError: [Errno 111]) after 1.2 ms",
        f"    delivery | {events}, attempt 2; 200 after 1.2 ms",
    ]


def test_mistake_is_one_line_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A traceback would hide it."""
    status = main(["run", "--code", str(make_function(tmp_path)), "--layer", "nothing.zip"])

    error = capsys.readouterr().err
    assert status == 2
    assert error.count("\n") == 1
    assert "nothing.zip" in error


def test_variations_are_parsed_from_words() -> None:
    """A misspelt variation must not pass for a setting."""
    read = read_variations(
        [
            "duplicate_batches",
            "merge_invocations=3",
            "report=at_once",
            "garbage=huge,non_json",
            "logs_subscribe_status=500",
        ]
    )

    assert read.duplicate_batches
    assert (read.merge_invocations, read.report, read.logs_subscribe_status) == (3, "at_once", 500)
    assert read.garbage == ("huge", "non_json")
    assert len(read_variations(["garbage=all"]).garbage) == 6
    with pytest.raises(ValueError, match="unknown variation 'nonsense'"):
        read_variations(["nonsense"])


@pytest.mark.parametrize("command", ["run", "serve"])
def test_help_documents_options_and_variations(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the reference of the command line."""
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])

    text = capsys.readouterr().out
    assert caught.value.code == 0
    for word in ("--layer", "--managed-instances", "--settle-ms", "duplicate_batches", "garbage="):
        assert word in text
