"""The level of a line, from JSON keys and runtime prefixes."""

import pytest

from extension.levels.forms import LOOKED_AT_CHARS
from extension.levels.level import Level
from extension.levels.reading import level_of, objects_in, read
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
        ('{"log_level":"ERROR","errorMessage":"m","errorType":"E"}', Level.ERROR),
        ('{"severity":"warning"}', Level.WARN),
        ('{"level":50,"msg":"pino"}', Level.ERROR),
        ({"level": "trace"}, Level.TRACE),
        ({"level": "unheard of", "severity": "FATAL"}, Level.FATAL),
        ({"level": "INFO", "errorType": "E", "stackTrace": []}, Level.INFO),
    ],
)
def test_level_is_read_where_the_runtime_writes_it(record: object, level: Level) -> None:
    """Each managed runtime's text and JSON form gives its level."""
    assert level_of(record) is level


@pytest.mark.parametrize(
    "record",
    [
        "error rate: the word alone is no level",
        "an ERROR in the middle",
        "[main] no ERROR later",
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
    """Only a key or a prefix tells; a search for the word "error" is never made."""
    assert level_of(record) is None


@pytest.mark.parametrize("before", ["", " ", "\n", "\ufeff", "\u00a0", "\x1e"])
def test_json_is_read_behind_white_space(before: str) -> None:
    """A byte order mark and the separator of JSON text sequences are white space too."""
    assert level_of(before + '{"level":"error","message":"m"}\n') is Level.ERROR


@pytest.mark.parametrize(
    "record",
    [
        node_line('{"level":"error","message":"m"}'),
        node_line("[shop] error: m"),
        node_line("2026-11-28 19:49:10,890 - shop - ERROR - m"),
        python_line('{"level":"error","message":"m"}'),
        {"timestamp": "t", "level": "INFO", "message": '{"level":"error"}', "requestId": FIRST},
        {"timestamp": "t", "level": "INFO", "message": {"level": "error"}},
        {"timestamp": "t", "level": "INFO", "message": "E, [2026-10-12T00:01:15 #8] ERROR -- : m"},
        {"timestamp": "t", "level": "INFO", "message": node_line("m", level="ERROR")},
        '2026/11/28 19:52:17 {"level":"error","message":"m"}',
    ],
)
def test_higher_level_counts_where_a_runtime_or_lambda_wraps_a_line(record: object) -> None:
    """console.log says INFO whatever it writes, and so does Lambda of text."""
    assert level_of(record) is Level.ERROR


def test_wrapper_that_says_more_than_its_content_counts() -> None:
    """console.error of an object at INFO is an error all the same."""
    assert level_of(node_line('{"level":"info"}', level="ERROR")) is Level.ERROR
    line = {"timestamp": "t", "level": "ERROR", "message": '{"level":"info"}'}
    assert level_of(line) is Level.ERROR


def test_message_of_a_logger_is_not_read_for_another_level() -> None:
    """Only an object with a wrapper's members alone wraps; a logger says its level itself."""
    line = {"timestamp": "t", "level": "INFO", "message": "ERROR: it said", "logger": "shop"}

    assert level_of(line) is Level.INFO


@pytest.mark.parametrize(
    ("line", "level"),
    [
        # zap 1.27.0: l.Info("m", zap.String("level", "fatal"))
        (
            '{"level":"info","ts":1795981890.6104424,"caller":"zap/main.go:5","msg":"m","level":"fatal"}',
            Level.INFO,
        ),
        # zerolog 1.33.0: z.Info().Str("level", "fatal").Msg("m")
        ('{"level":"info","level":"fatal","message":"m"}', Level.INFO),
        ('{"level":"fatal","msg":"m","level":"info"}', Level.FATAL),
        ('{"level":"info","msg":"cut off","level":"fatal"', Level.INFO),
    ],
)
def test_first_level_counts_where_a_caller_adds_another(line: str, level: Level) -> None:
    """Go's loggers write their own level first, and behind it what their caller calls the same."""
    assert level_of(line + "\n") is level
    assert level_of(node_line(line)) is level


@pytest.mark.parametrize("level", ["ERROR", "WARN"])
def test_warnings_of_node_itself_are_warnings(level: str) -> None:
    """Node.js prints them through console.error, which its runtime client calls ERROR."""
    said = "(node:8) [DEP0040] DeprecationWarning: The `punycode` module is deprecated.\n"

    assert level_of(node_line(said, level=level)) is Level.WARN
    assert level_of({"timestamp": "t", "level": level, "message": said}) is Level.WARN


def test_one_record_may_hold_an_object_a_line() -> None:
    """Metrics are written so. The first one tells the level."""
    record = '{"level":"error","message":"a"}\n{"level":"info","message":"b"}\n'

    assert level_of(record) is Level.ERROR
    assert len(objects_in(record)) == 2


def test_cut_off_json_is_read_as_far_as_it_goes() -> None:
    """Lambda cuts a line at 256 KiB, and its level mostly stands first."""
    assert level_of('{"time":1,"level":"error","message":"mmmm') is Level.ERROR
    assert objects_in('{"level":"error') == ()


def test_reading_tells_ids_and_text_within_wrappers() -> None:
    """What a failure is told by is the innermost text; ids are those of every prefix."""
    reading = read({"timestamp": "t", "level": "INFO", "message": node_line("boom")})

    assert reading.request_ids == (FIRST,)
    assert reading.text.endswith("boom\n")
    assert [set(one) for one in reading.objects] == [{"timestamp", "level", "message"}]


def test_level_of_a_line_that_nests_too_deep_is_unknown() -> None:
    """A hostile line must not end the extension."""
    assert level_of("{" + '"a":{' * 100_000) is None
    nested: object = "ERROR: m"
    for _ in range(50):
        nested = {"timestamp": "t", "level": "", "message": nested}
    assert level_of(nested) is None


def test_colours_are_left_out_where_a_prefix_may_stand() -> None:
    """The rest of a line stays as it is."""
    far = "x" * LOOKED_AT_CHARS + "\x1b[0m"

    assert read("\x1b[31mERROR\x1b[0m m").text == "ERROR m"
    assert read("\x1b[31mERROR\x1b[0m " + far).text == "ERROR " + far
    assert read(far).text == far
