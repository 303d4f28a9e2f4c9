"""The level of a line, from JSON keys and runtime prefixes."""

import pytest

from extension.model.levels import Level, level_named, level_of
from tests.doubles.lambda_events import FIRST, node_line, python_line


@pytest.mark.parametrize(
    ("record", "level"),
    [
        (python_line("hello"), Level.INFO),
        (python_line("hello", level="WARNING"), Level.WARN),
        (python_line("hello", level="CRITICAL"), Level.FATAL),
        ("[ERROR] ValueError: boom\nTraceback (most recent call last):", Level.ERROR),
        ("[DEBUG] from Java", Level.DEBUG),
        (node_line("hello", level="ERROR"), Level.ERROR),
        (f"2026-10-12T00:01:15.123Z\t{FIRST}\tdbug\tfrom .NET", Level.DEBUG),
        (f"2026-10-12T00:01:15.123Z\t{FIRST}\tfail\tfrom .NET", Level.ERROR),
        (f"W, [2026-10-12T00:01:15.123456 #8]  WARN {FIRST} -- : from Ruby", Level.WARN),
        ('{"level":"ERROR","message":"x"}', Level.ERROR),
        ('{"level": "Information", "message": "x"}', Level.INFO),
        ('{"log_level":"ERROR","errorType":"E"}', Level.ERROR),
        ('{"severity":"warning"}', Level.WARN),
        ('{"level":50,"msg":"pino"}', Level.ERROR),
        ({"level": "trace"}, Level.TRACE),
        ({"level": "unheard of", "severity": "FATAL"}, Level.FATAL),
        ({"errorType": "E", "stackTrace": []}, Level.ERROR),
        ({"level": "INFO", "errorType": "E", "stackTrace": []}, Level.INFO),
    ],
)
def test_level_is_read_where_the_runtime_writes_it(record: object, level: Level) -> None:
    """Each managed runtime's text and JSON form gives its level."""
    assert level_of(record) is level


@pytest.mark.parametrize(
    "record",
    [
        "error: the word alone is no level",
        "an ERROR in the middle",
        "[main] ERROR later",
        "[ERROR",
        "2026 is a number",
        '{"message":"ERROR"}',
        '{"level":true}',
        '{"level":7}',
        '{"level"',
        "",
        None,
        5,
        ["ERROR"],
    ],
)
def test_level_is_not_taken_from_a_word_in_the_message(record: object) -> None:
    """Only a key or a runtime's prefix tells; a search for the word "error" is never made."""
    assert level_of(record) is None


def test_level_is_read_from_pinos_numbers() -> None:
    """10 to 60, in tens; what lies between belongs to the lower one."""
    levels = [level_named(number) for number in (10, 20, 30, 40, 50, 60, 35)]

    assert levels == [*Level, Level.INFO]


def test_level_of_a_line_that_nests_too_deep_is_unknown() -> None:
    """A hostile line must not end the extension."""
    assert level_of("{" + '"a":{' * 100_000) is None
