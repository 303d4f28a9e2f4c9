"""Test how output becomes events, and what CloudWatch's copy has."""

from pathlib import Path

import pytest

from tests.doubles.emulator.probe import Start, seen


@pytest.mark.parametrize(
    ("schema", "wrapped"), [("2022-07-01", False), ("2022-12-13", True), ("2025-01-29", True)]
)
def test_json_lines_are_objects_from_the_second_schema_on(
    start: Start, tmp_path: Path, schema: str, wrapped: bool
) -> None:
    """An object comes verbatim, and with the first schema everything is a string."""
    cloud = start(probe={"PROBE_SCHEMA": schema}, log_format="JSON")
    own = '{"level": "INFO", "n": 1.50, "html": "<b>"}'

    cloud.invoke({"do": "say", "lines": [own, "text", "[1]"]})
    cloud.shutdown()

    records = seen(tmp_path).records("function")
    if wrapped:
        assert {"level": "INFO", "n": 1.5, "html": "<b>"} in records
        plain = [r for r in records if isinstance(r, dict) and r.get("message") == "text"]
        assert list(plain[0]) == ["timestamp", "level", "message"]
        assert all(isinstance(r, dict) for r in records)
        raw = next(e["body"] for e in seen(tmp_path).of("batch") if "1.50" in e["body"])
        assert '{"level": "INFO", "n": 1.50, "html": "\\u003cb\\u003e"}' in raw
    else:
        assert own + "\n" in records
        assert all(isinstance(r, str) for r in records)


def test_extension_output_goes_to_its_subscribers(start: Start, tmp_path: Path) -> None:
    """An extension that subscribes to its own output would loop."""
    cloud = start(probe={"PROBE_TYPES": '["extension"]'})

    cloud.invoke({})
    cloud.shutdown()

    assert [e["record"] for e in seen(tmp_path).events()] == ["probe says hello\n"]
    assert [(line.source, line.text) for line in cloud.extension_output] == [
        ("probe", "probe says hello\n")
    ]


def test_invalid_utf8_becomes_replacement_characters(start: Start, tmp_path: Path) -> None:
    """Go's encoder does the same."""
    cloud = start(probe={})

    cloud.invoke({"do": "raw", "hex": b"a\xffb\n".hex()})
    cloud.shutdown()

    assert "a\ufffdb\n" in seen(tmp_path).records("function")


def test_lines_belong_to_their_invocation(start: Start) -> None:
    """Most lines carry no request id."""
    cloud = start(probe=None)

    first, second = cloud.invoke({"do": "raise"}), cloud.invoke({})

    assert cloud.lines(first.request_id)[0] == "plain line\n"
    lines = [line for line in cloud.written if line.request_id == second.request_id]
    assert sorted((line.channel, line.level) for line in lines) == [
        ("frame", None),
        ("stdout", None),
    ]
    error = [line for line in cloud.written if line.level == "ERROR"]
    assert [line.request_id for line in error] == [first.request_id]


def test_cloudwatch_gets_every_line(start: Start) -> None:
    """Its size is the bill without the extension."""
    cloud = start(probe=None)

    result = cloud.invoke({})

    texts = [line.text for line in cloud.cloudwatch]
    assert texts[0].startswith("INIT_START")
    assert texts[1] == f"START RequestId: {result.request_id} Version: $LATEST\n"
    assert texts[-2] == f"END RequestId: {result.request_id}\n"
    assert texts[-1].startswith(f"REPORT RequestId: {result.request_id}\tDuration: ")
    assert cloud.cloudwatch_bytes == sum(len(t.encode()) + 26 for t in texts)


def test_level_drops_raw_lines_from_cloudwatch_alone(start: Start) -> None:
    """A subscriber sees more than CloudWatch does."""
    cloud = start(probe=None, log_format="JSON", log_level="ERROR")
    high = '{"timestamp":"2026-01-01T00:00:00Z","level":"ERROR","message":"m"}'

    result = cloud.invoke({"do": "say", "lines": [high, "plain"]})

    written = cloud.lines(result.request_id)
    assert "plain\n" in written
    kept = [line.text for line in cloud.cloudwatch if line.source == "function"]
    assert high + "\n" in kept
    assert "plain\n" not in kept
