"""The level of a JSON line, by the keys and on the scales of loggers; and objects that are no log lines."""

import pytest

from extension.levels.level import Level
from extension.levels.objects import Members, level_of_object, number_of, plain_key

EMF = {"Namespace": "n", "Dimensions": [["severity"]], "Metrics": [{"Name": "level"}]}

WORDS: list[tuple[str, Members]] = [
    ("pino, by name", {"level": "error", "time": 1, "msg": "m"}),
    ("winston", {"level": "error", "message": "m"}),
    ("level alone", {"level": "ERROR"}),
    ("Google Cloud", {"severity": "ERROR", "message": "m"}),
    ("Google Cloud, alone", {"severity": "error"}),
    ("Python's runtime client", {"log_level": "ERROR", "message": "m"}),
    (".NET", {"LogLevel": "Error", "Message": "m"}),
    ("ECS", {"log.level": "ERROR", "message": "m"}),
    ("ECS, without a message", {"@timestamp": "t", "log.level": "ERROR"}),
    ("OpenTelemetry", {"SeverityText": "ERROR", "Body": "m"}),
    ("OpenTelemetry, small", {"severity_text": "Error", "body": "m"}),
    ("python-json-logger", {"levelname": "ERROR", "message": "m"}),
    ("Monolog", {"level_name": "ERROR", "message": "m"}),
    ("graypy", {"_level_name": "ERROR", "short_message": "m"}),
    ("log15", {"lvl": "eror", "msg": "m"}),
    ("log15, timed", {"t": "t", "lvl": "error"}),
    ("Serilog", {"@t": "t", "@mt": "m", "@l": "Error"}),
    ("hclog", {"@level": "error", "@message": "m"}),
    ("zap", {"l": "E", "ts": 1, "msg": "m"}),
    ("Datadog", {"status": "error", "message": "m"}),
    ("syslog's word", {"priority": "err", "message": "m"}),
    ("slog, between two", {"time": "t", "level": "ERROR+2", "msg": "m"}),
    ("slog of Rust", {"ts": "t", "level": "ERRO", "msg": "m"}),
    ("colours", {"level": "\x1b[31merror\x1b[39m", "message": "m"}),
    ("Twisted", {"log_level": {"name": "error"}, "log_format": "m"}),
    ("log4js", {"startTime": "t", "data": ["m"], "level": {"level": 40000, "levelStr": "ERROR"}}),
    ("Spring Boot", {"@timestamp": "t", "log": {"level": "ERROR"}, "message": "m"}),
    ("loguru", {"text": "m", "record": {"level": {"name": "ERROR", "no": 40}}}),
    ("winston's logstash", {"@message": "m", "@fields": {"level": "error"}}),
    ("logstash-formatter", {"@message": "m", "@fields": {"levelname": "ERROR"}}),
    ("roarr", {"message": "m", "context": {"logLevel": 50}}),
    ("tslog", {"0": "m", "_meta": {"logLevelName": "ERROR"}}),
    ("Dazn's powertools", {"message": "m", "level": 50, "sLevel": "ERROR"}),
    ("eliot", {"action_status": "failed", "exception": "E"}),
    ("eliot's traceback", {"message_type": "eliot:traceback", "reason": "m"}),
]

NUMBERS: list[tuple[str, Members, Level]] = [
    ("pino", {"level": 50, "time": 1, "msg": "m"}, Level.ERROR),
    ("pino without a message", {"level": 60, "time": 1, "pid": 8, "hostname": "h"}, Level.FATAL),
    ("pino between two", {"level": 35, "time": 1, "msg": "m"}, Level.INFO),
    ("bunyan", {"level": 40, "v": 0, "msg": "m", "name": "shop"}, Level.WARN),
    ("pino as text", {"level": "50", "time": 1, "msg": "m"}, Level.ERROR),
    ("a float", {"level": 50.0, "time": 1, "msg": "m"}, Level.ERROR),
    ("Python", {"levelno": 40, "message": "m"}, Level.ERROR),
    ("Python's level", {"level": 50, "message": "m"}, Level.FATAL),
    ("Python's level 25", {"levelno": 25, "message": "m"}, Level.INFO),
    ("logback", {"level_value": 40000, "message": "m"}, Level.ERROR),
    ("logback's trace", {"level_value": 5000, "message": "m"}, Level.TRACE),
    ("OpenTelemetry", {"SeverityNumber": 17, "Body": "m"}, Level.ERROR),
    ("OpenTelemetry, the highest", {"severityNumber": 24}, Level.FATAL),
    ("OpenTelemetry, the lowest", {"severityNumber": 1}, Level.TRACE),
    ("GELF", {"version": "1.1", "host": "h", "short_message": "m", "level": 3}, Level.ERROR),
    ("GELF's alert", {"short_message": "m", "level": 1}, Level.FATAL),
    ("GELF's debug", {"short_message": "m", "level": 7}, Level.DEBUG),
    ("journald", {"PRIORITY": "3", "MESSAGE": "m"}, Level.ERROR),
    ("Monolog", {"level": 400, "message": "m"}, Level.ERROR),
    ("Monolog's notice", {"level": 250, "message": "m"}, Level.INFO),
    ("Monolog's emergency", {"level": 600, "message": "m"}, Level.FATAL),
]

HEALTHY: list[Members] = [
    {},
    {"message": "ERROR"},
    {"level": True},
    {"level": None},
    {"level": 7},
    {"level": -50, "message": "m"},
    {"level": "unheard of", "message": "m"},
    {"level": "fine", "score": 3},
    {"level": ["error"]},
    {"event": "level_up", "player": 17, "level": 50},
    {"level": 60, "player": 17},
    {"level": 45, "message": "you reached it"},
    {"student": 17, "lvl": 40},
    {"device": "d-17", "battery": {"level": 12}, "level": "critical"},
    {"sensor": 17, "level": "alert"},
    {"source": "aws.guardduty", "severity": "CRITICAL", "title": "t"},
    {"alertname": "Down", "severity": "critical", "status": "resolved"},
    {"cve": "CVE-2026-1", "severity": "High", "fixed": True},
    {"cve": "CVE-2026-1", "severity": 50},
    {"cvss": 9.8, "severity": 9.8},
    {"log_level": "critical", "table": "orders"},
    {"loglevel": "error", "npm": "10"},
    {"LOG_LEVEL": "error", "NODE_ENV": "production"},
    {"status": "failed", "time": 1},
    {"status": "fail", "job": "j"},
    {"priority": "critical", "ticket": 17},
    {"priority": 1, "ticket": 17},
    {"log": {"level": "loud"}},
    {"logger": {"level": "error"}},
    {"settings": {"log": {"level": "error"}}},
    {"context": {"logLevel": 50}},
    {"action_status": "succeeded", "exception": "E"},
    {"SeverityNumber": 25},
    {"SeverityNumber": 0},
    {"_aws": {"CloudWatchMetrics": [EMF]}, "severity": "ERROR", "level": 50, "message": "m"},
]


@pytest.mark.parametrize(("logger", "line"), WORDS, ids=[name for name, _ in WORDS])
def test_word_is_read_under_every_logger_s_key(logger: str, line: Members) -> None:
    """Whatever its case, and whatever separates the key's words."""
    assert level_of_object(line) is Level.ERROR


@pytest.mark.parametrize(("logger", "line", "level"), NUMBERS, ids=[row[0] for row in NUMBERS])
def test_number_is_read_on_the_scale_of_who_wrote_it(
    logger: str, line: Members, level: Level
) -> None:
    """What stands beside it tells the logger."""
    assert level_of_object(line) is level


@pytest.mark.parametrize("line", HEALTHY, ids=str)
def test_object_that_is_no_log_line_has_no_level(line: Members) -> None:
    """Games, findings, tickets, configurations and dimensions of metrics have members of the same names."""
    level = level_of_object(line)

    assert level is None or level < Level.WARN


def test_metrics_leave_the_other_members_a_level() -> None:
    """Only what the embedded metric format names is left out."""
    line: Members = {"_aws": {"CloudWatchMetrics": [EMF]}, "log_level": "ERROR", "message": "m"}

    assert level_of_object(line) is Level.ERROR


@pytest.mark.parametrize(
    "metadata",
    [
        "CloudWatchMetrics",
        {"CloudWatchMetrics": None},
        {"CloudWatchMetrics": [5, {"Dimensions": None, "Metrics": [5]}]},
        {"CloudWatchMetrics": [{"Dimensions": ["severity", 5], "Metrics": [{}]}]},
    ],
)
def test_metrics_of_any_shape_are_read(metadata: object) -> None:
    """A function may write anything under ``_aws``."""
    assert level_of_object({"_aws": metadata, "level": "ERROR"}) is Level.ERROR


def test_plain_level_counts_before_another_spelling() -> None:
    """A line may have both, one of them for something else."""
    assert level_of_object({"Level": "ERROR", "level": "info", "message": "m"}) is Level.INFO
    assert level_of_object({"level": "unheard of", "severity": "FATAL"}) is Level.FATAL


def test_keys_are_compared_without_case_and_separators() -> None:
    """So that one name covers each logger's spelling."""
    assert {plain_key(key) for key in ("log.level", "LogLevel", "LOG_LEVEL", "log-level")} == {
        "loglevel"
    }


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (50, 50),
        (50.0, 50),
        (" 50 ", 50),
        (50.5, None),
        (float("nan"), None),
        (float("inf"), None),
        ("5e1", None),
        ("\u0665\u0660", None),
        ("1234567", None),
        (True, None),
        (None, None),
        ([50], None),
    ],
)
def test_number_may_be_text_or_a_float(value: object, number: int | None) -> None:
    """Nothing else is one."""
    assert number_of(value) == number
