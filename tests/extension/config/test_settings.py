from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings as examples, strategies as st

from extension import PREFIX
from extension.config.parsers import KIB, MIB, Flush, Pace, PlatformEvents
from extension.config.settings import (
    MAX_SHOWN_CHARS,
    Problem,
    Settings,
    default_buffer_bytes,
    read_settings,
)
from extension.config.variables import SETTINGS
from extension.model.levels import OFF, Level

README = Path(__file__).resolve().parents[3] / "README.md"
NAMES = [setting.name for setting in SETTINGS]


def read(**values: str) -> tuple[Settings, list[Problem]]:
    environ = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024"}
    return read_settings(environ | {PREFIX + name: value for name, value in values.items()})


def field_of(settings: Settings, name: str) -> Any:
    """Return the value of a setting; a sink's are in its ``SinkSettings``."""
    for sink in settings.sinks:
        if name.removesuffix("_HEADERS") == sink.variable:
            return sink.headers if name.endswith("_HEADERS") else sink.url
    return getattr(settings, next(one.field for one in SETTINGS if one.name == name))


ACCEPTED: list[tuple[str, str, object]] = [
    ("SAMPLE_RATE", "0", 0.0),
    ("SAMPLE_RATE", "1", 1.0),
    ("SAMPLE_RATE", " 0.25 ", 0.25),
    ("SAMPLE_RATE", "1e-3", 0.001),
    ("SAMPLE_RATE", "5%", 0.05),
    ("SAMPLE_RATE", "100%", 1.0),
    ("SAMPLE_RATE", "12.5 %", 0.125),
    *[
        (f"SAMPLE_RATE_{level}", text, rate)
        for level in ("TRACE", "DEBUG", "INFO", "WARN")
        for text, rate in (("1%", 0.01), ("0", 0.0), ("SAMPLE_RATE", None))
    ],
    ("CORRELATION_FIELDS", "order, customer.id", ("order", "customer.id")),
    ("CORRELATION_FIELDS", "None", ()),
    ("KEEP_MARKER", "keep: this!", "keep: this!"),
    ("KEEP_COLD_STARTS", "true", True),
    ("KEEP_SLOWER_THAN", "1.5s", 1500),
    ("KEEP_MEMORY_ABOVE", "90%", 0.9),
    ("KEEP_AT_LEAST", "1/m", Pace(1, 60_000)),
    ("KEEP_AT_LEAST", "2 / 10s", Pace(2, 10_000)),
    ("KEEP_AT_MOST", "120/m", Pace(120, 60_000)),
    ("KEEP_AT_MOST", "5/h", Pace(5, 3_600_000)),
    ("HISTORY", "3", 3),
    ("ERROR_LEVEL", "ERROR", Level.ERROR),
    ("ERROR_LEVEL", "warn", Level.WARN),
    ("ERROR_LEVEL", "Fatal", Level.FATAL),
    ("ERROR_LEVEL", "TRACE", Level.TRACE),
    ("ERROR_LEVEL", "off", OFF),
    ("BUFFER_SIZE", "65536", 64 * KIB),
    ("BUFFER_SIZE", "64KiB", 64 * KIB),
    ("BUFFER_SIZE", "512 kb", 512 * KIB),
    ("BUFFER_SIZE", "8MiB", 8 * MIB),
    ("BUFFER_SIZE", "8mb", 8 * MIB),
    ("BUFFER_SIZE", "100000B", 100_000),
    ("SINK", "stdout", "stdout:"),
    ("SINK", "stdout:", "stdout:"),
    ("SINK", "file:/tmp/records.ndjson", "file:/tmp/records.ndjson"),
    ("SINK", "FILE:/tmp/Records", "FILE:/tmp/Records"),
    ("SINK", "http://127.0.0.1:8080/in", "http://127.0.0.1:8080/in"),
    ("SINK", "https://example.com/in?a=b", "https://example.com/in?a=b"),
    ("SINK", "cloudwatch", "cloudwatch:"),
    ("SINK", "cloudwatch:", "cloudwatch:"),
    ("SINK", "cloudwatch:/kept/shop", "cloudwatch:/kept/shop"),
    ("SINK", "records+cloudwatch", "records+cloudwatch:"),
    ("SINK", "records+cloudwatch:/kept/shop", "records+cloudwatch:/kept/shop"),
    ("SINK", "s3://my-bucket.logs/a prefix/é", "s3://my-bucket.logs/a prefix/é"),
    ("SINK", "s3://bucket", "s3://bucket"),
    ("SINK", "firehose:my_stream-1.x", "firehose:my_stream-1.x"),
    ("SINK", "otlp+https://collector:4318", "otlp+https://collector:4318"),
    ("SINK", "otlp-json+http://collector/v1/logs", "otlp-json+http://collector/v1/logs"),
    ("SINK", "json+https://host/in", "json+https://host/in"),
    ("SINK", "loki+http://loki:3100", "loki+http://loki:3100"),
    ("SINK", "splunk+https://splunk:8088", "splunk+https://splunk:8088"),
    ("SINK", "elasticsearch+https://es:9200/logs", "elasticsearch+https://es:9200/logs"),
    ("SINK", "datadog+https://intake", "datadog+https://intake"),
    ("SINK", "logzio+https://l:8071/?token=x", "logzio+https://l:8071/?token=x"),
    ("FALLBACK_SINK", "file:/mnt/efs/kept.ndjson", "file:/mnt/efs/kept.ndjson"),
    ("FALLBACK_SINK_HEADERS", "A=1", (("A", "1"),)),
    ("ARCHIVE_SINK", "s3://bucket/all", "s3://bucket/all"),
    ("ARCHIVE_SINK_HEADERS", "A=1", (("A", "1"),)),
    ("RETENTION_DAYS", "14", 14),
    ("RETENTION_DAYS", "3653", 3653),
    ("REFRESH_INTERVAL", "30s", 30_000),
    ("REFRESH_INTERVAL", "1m", 60_000),
    ("METRICS", "Off", 0),
    ("METRICS", "10s", 10_000),
    ("METRICS", "1 m", 60_000),
    ("METRICS", "1h", 3_600_000),
    ("SINK_HEADERS", "Authorization=Bearer a=b", (("Authorization", "Bearer a=b"),)),
    ("SINK_HEADERS", "A=1, b-c = 2 ,D=", (("A", "1"), ("b-c", "2"), ("D", ""))),
    ("FLUSH", "end", Flush.END),
    ("FLUSH", "Background", Flush.BACKGROUND),
    ("FLUSH", "ADAPTIVE", Flush.ADAPTIVE),
    ("FLUSH_TIMEOUT", "250ms", 250),
    ("FLUSH_TIMEOUT", "2s", 2000),
    ("FLUSH_TIMEOUT", "1.5 s", 1500),
    ("FLUSH_TIMEOUT", "15m", 900_000),
    ("FLUSH_TIMEOUT", "0ms", 0),
    ("LOG_API", "auto", "auto"),
    ("LOG_API", "Logs", "logs"),
    ("LOG_API", "TELEMETRY", "telemetry"),
    ("PLATFORM_EVENTS", "none", PlatformEvents.NONE),
    ("PLATFORM_EVENTS", "Report", PlatformEvents.REPORT),
    ("PLATFORM_EVENTS", "all", PlatformEvents.ALL),
    ("LOG_LEVEL", "debug", "debug"),
    ("LOG_LEVEL", "INFO", "info"),
    ("LOG_LEVEL", "warning", "warning"),
    ("LOG_LEVEL", "error", "error"),
    ("LOG_LEVEL", "off", "off"),
    ("ENABLED", "true", True),
    ("ENABLED", "1", True),
    ("ENABLED", "Yes", True),
    ("ENABLED", "on", True),
    ("ENABLED", "false", False),
    ("ENABLED", "0", False),
    ("ENABLED", "No", False),
    ("ENABLED", "off", False),
]

REJECTED = [
    ("SAMPLE_RATE", ["-0.1", "1.1", "101%", "nan", "inf", "-inf", "half", "%", "0,5", "1e400"]),
    *[(f"SAMPLE_RATE_{level}", ["2", "most"]) for level in ("TRACE", "DEBUG", "INFO", "WARN")],
    ("CORRELATION_FIELDS", [",", "a,,b", 'a"b', "a\\b", "é"]),
    ("KEEP_MARKER", ["abc", 'a "quote"', "back\\slash", "ümlaut"]),
    ("KEEP_COLD_STARTS", ["first"]),
    ("KEEP_SLOWER_THAN", ["1000", "16m"]),
    ("KEEP_MEMORY_ABOVE", ["0", "101%", "100MB"]),
    ("KEEP_AT_LEAST", ["1", "0/m", "1/0s", "1/d", "m", "-1/m", "1/1234567s"]),
    ("KEEP_AT_MOST", ["120", "0/m", "120 per minute"]),
    ("HISTORY", ["-1", "101", "all", "1.5"]),
    ("ERROR_LEVEL", ["LOUD", "40", "ERROR WARN", "-"]),
    ("ERROR_PATTERN", ["(", "a{2,1}", "*", "(?P<n>a)(?P<n>b)", "(?<=a)b", "(a)\\1"]),
    ("BUFFER_SIZE", ["0", "1KiB", "65535", "-8MiB", "8GiB", "1.5MiB", "big", "9" * 5000]),
    (
        "SINK",
        [
            "file:",
            "http://",
            "https://",
            "ftp://host/",
            "s3://b",
            "s3:bucket",
            "s3://under_score/x",
            "firehose:",
            "firehose:a b",
            "cloudwatch:a group",
            "cloudwatch:" + "g" * 513,
            "otlp://collector",
            "loki+ftp://host",
            "splunk:host",
            "kafka+https://host",
            "json+https://",
            "/tmp/x",
            "stdout:x",
            "file://",
        ],
    ),
    ("SINK_HEADERS", ["Authorization", "=value", "a b=c", "A=1,,B=2", "A=é", "A=1,B"]),
    ("FALLBACK_SINK", ["nowhere", "https://"]),
    ("FALLBACK_SINK_HEADERS", ["A"]),
    ("ARCHIVE_SINK", ["s3:bucket"]),
    ("ARCHIVE_SINK_HEADERS", ["A"]),
    ("RETENTION_DAYS", ["0", "2", "forever", "14d", "1.5"]),
    ("REFRESH_INTERVAL", ["0s", "29s", "16m", "5"]),
    ("METRICS", ["on", "true", "9s", "2h", "500ms", "60", "1.5m", "61m"]),
    ("FLUSH", ["never", "0", "end,background"]),
    ("FLUSH_TIMEOUT", ["2", "-1s", "2h", "901s", "16m", "s", "1,5s", "2 seconds", "9" * 400 + "s"]),
    ("LOG_API", ["both", "2021-03-18", "Logs API"]),
    ("PLATFORM_EVENTS", ["some", "platform.report", "true"]),
    ("LOG_LEVEL", ["loud", "warn ing", "30"]),
    ("ENABLED", ["maybe", "2", "disabled"]),
]


@pytest.mark.parametrize(("name", "text", "value"), ACCEPTED)
def test_accepted_values(name: str, text: str, value: object) -> None:
    """What is written as the table says is read, without a problem."""
    settings, problems = read(**{name: text})

    assert problems == []
    assert field_of(settings, name) == value


def test_an_error_pattern_is_compiled() -> None:
    """ERROR_PATTERN is a regular expression that searches lines."""
    settings, problems = read(ERROR_PATTERN=r"declined|card \d+")

    assert problems == []
    assert settings.error_pattern is not None
    assert settings.error_pattern.search("the card 12")
    assert not settings.error_pattern.search("the card")


def test_patterns_are_used_as_far_as_they_can_be() -> None:
    """Each that cannot is a problem that says what happens instead; none is shown, since it may hold a secret."""
    settings, problems = read(REDACT='["emails", "(hunter2"]', EXCLUDE='["health", "(?=x)"]')

    assert [(one.variable.removeprefix(PREFIX), one.value, one.used) for one in problems] == [
        ("REDACT", "", "every line is masked as a whole"),
        ("EXCLUDE", "", "nothing is excluded by it"),
    ]
    assert settings.redact is not None
    assert settings.exclude is not None
    assert (len(settings.redact.masks), len(settings.exclude.masks)) == (1, 1)
    assert all(one.fault and "regular expression" in one.accepted for one in problems)
    assert "hunter2" not in repr(problems)


def test_until_it_is_fetched_redact_masks_everything() -> None:
    """What is to be masked is not known yet."""
    settings, _ = read(REDACT="ssm:/shop/redact")

    assert settings.redact is not None
    assert settings.redact.problems
    assert settings.unresolved == {"REDACT"}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in REJECTED for text in texts]
)
def test_rejected_values(name: str, text: str) -> None:
    """Anything else is one problem that says what is accepted and what is used, and the default is used."""
    default, _ = read()

    settings, problems = read(**{name: text})

    setting = next(one for one in SETTINGS if one.name == name)
    shown = "" if setting.secret else text[:MAX_SHOWN_CHARS]
    used = setting.default or "none"
    assert problems == [Problem(PREFIX + name, shown, setting.accepted, used)]
    assert settings == default


def test_every_setting_is_tested() -> None:
    """No setting is without its accepted and its rejected values above."""
    patterns = {"REDACT", "EXCLUDE"}
    assert {name for name, _, _ in ACCEPTED} | patterns | {"ERROR_PATTERN"} == set(NAMES)
    assert {name for name, _ in REJECTED} | patterns == set(NAMES)


def test_nothing_set_is_the_defaults() -> None:
    """Without any variable every setting has its default, and nothing is wrong."""
    settings, problems = read_settings({})

    assert problems == []
    assert settings == Settings(buffer_bytes=16 * MIB)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "BUFFER_SIZE"])
def test_the_default_that_is_shown_is_the_one_used(name: str) -> None:
    """Setting a variable to the default that the table shows changes nothing."""
    default = next(one.default for one in SETTINGS if one.name == name)

    settings, problems = read(**{name: default})

    assert problems == []
    assert settings == read()[0]


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
@pytest.mark.parametrize("name", NAMES)
def test_an_empty_value_means_the_default(name: str, text: str) -> None:
    """A variable that is set to nothing is as good as unset."""
    assert read(**{name: text}) == read()


@pytest.mark.parametrize(
    ("memory_mb", "buffer_bytes"),
    [
        ("128", 16 * MIB),
        ("10240", 64 * MIB),
        ("512", 64 * MIB),
        ("511", 511 * MIB // 8),
        ("16", 4 * MIB),
        ("", 16 * MIB),
        ("lots", 16 * MIB),
        ("²", 16 * MIB),
    ],
)
def test_the_default_buffer_follows_the_memory(memory_mb: str, buffer_bytes: int) -> None:
    """An eighth of the function's memory, from 4 to 64 MiB; Lambda's default memory where it is not known."""
    assert default_buffer_bytes(memory_mb) == buffer_bytes


def test_a_buffer_that_the_function_cannot_afford_is_not_used() -> None:
    """A bound beyond the function's own memory would be none, and would end the function."""
    settings, problems = read(BUFFER_SIZE="100000MiB")

    assert settings.buffer_bytes <= 1024 * MIB
    assert [problem.variable for problem in problems] == [f"{PREFIX}BUFFER_SIZE"]


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("FLIGHT_RECORDER_SAMPLERATE", "perhaps FLIGHT_RECORDER_SAMPLE_RATE was meant"),
        ("FLIGHT_RECORDER_LOGLEVEL", "perhaps FLIGHT_RECORDER_LOG_LEVEL was meant"),
        ("FLIGHT_RECORDER_sink", "perhaps FLIGHT_RECORDER_"),
        ("FLIGHT_RECORDER_", "no setting has this name"),
        ("FLIGHT_RECORDER_XYZZY_QUUX_FROBNICATE", "no setting has this name"),
    ],
)
def test_an_unknown_name_is_told_with_a_suggestion(variable: str, hint: str) -> None:
    """A name that no setting has is one problem; its value is not shown, since nobody knows what it is."""
    settings, problems = read_settings({variable: "secret"})

    (problem,) = problems
    assert problem.variable == variable
    assert problem.fault.startswith(hint)
    assert (problem.value, problem.used) == ("", "nothing")
    assert settings == read_settings({})[0]


def test_all_problems_are_collected() -> None:
    """One bad value hides no other, and good ones are used."""
    settings, problems = read(SAMPLE_RATE="2", FLUSH="never", LOG_LEVEL="info", NOPE="1")

    assert [problem.variable.removeprefix(PREFIX) for problem in problems] == [
        "SAMPLE_RATE",
        "FLUSH",
        "NOPE",
    ]
    assert settings.log_level == "info"


@pytest.mark.parametrize("reference", ["ssm:/shop/rate", "secretsmanager:shop#rate"])
def test_a_reference_is_the_default_until_it_is_fetched(reference: str) -> None:
    """A value that is to be fetched is no problem; what was fetched is read as if it stood there."""
    environ = {f"{PREFIX}SAMPLE_RATE": reference, f"{PREFIX}FLUSH": "end"}

    before, no_problems = read_settings(environ)
    after, none_either = read_settings(environ, fetched={f"{PREFIX}SAMPLE_RATE": "0.5\n"})

    assert no_problems == none_either == []
    assert before == read_settings({})[0]._replace(
        flush=Flush.END, unresolved=frozenset({"SAMPLE_RATE"})
    )
    assert after == before._replace(sample_rate=0.5, unresolved=frozenset())


def test_what_was_fetched_is_never_shown() -> None:
    """It may be a secret, whatever the setting; and what cannot be used gives way to the default."""
    environ = {f"{PREFIX}FLUSH": "secretsmanager:shop"}

    settings, (problem,) = read_settings(environ, fetched={f"{PREFIX}FLUSH": "hunter2"})

    assert (problem.value, problem.used) == ("", "adaptive")
    assert settings.flush is Flush.ADAPTIVE


@pytest.mark.parametrize("name", ["ENABLED", "LOG_API"])
def test_what_is_needed_at_once_cannot_be_fetched(name: str) -> None:
    """Whether to do anything, and which API to ask, is decided before anything can be fetched."""
    _, (problem,) = read(**{name: "ssm:/shop/x"})

    assert problem.variable == PREFIX + name


def test_secrets_are_not_shown() -> None:
    """A sink's URL and headers may hold a password, so a bad one is named and not quoted."""
    _, problems = read(SINK="htps://user:hunter2@host/", SINK_HEADERS="Authorization: hunter2")

    assert len(problems) == 2
    assert "hunter2" not in repr(problems)


def test_a_long_bad_value_is_cut() -> None:
    """Of a bad value as much is shown as is needed to recognise it."""
    _, (problem,) = read(FLUSH="x" * 10_000)

    assert problem.value == "x" * MAX_SHOWN_CHARS


@given(values=st.dictionaries(st.sampled_from(NAMES), st.text(max_size=30)))
def test_reading_never_fails(values: dict[str, str]) -> None:
    """Whatever the variables hold, there are settings."""
    settings, problems = read(**values)

    assert isinstance(settings, Settings)
    assert len(problems) <= len(values)


@given(text=st.from_regex(r"[0-9]{1,420}(\.[0-9]{1,3})? ?(ms|s|m|%|KiB|MiB|B|)", fullmatch=True))
@examples(max_examples=30)
@pytest.mark.parametrize("name", ["SAMPLE_RATE", "BUFFER_SIZE", "FLUSH_TIMEOUT"])
def test_no_number_is_too_large_to_be_read(name: str, text: str) -> None:
    """Numbers of any length are read or refused."""
    settings, problems = read(**{name: text})

    assert problems or field_of(settings, name) <= 1 << 40
