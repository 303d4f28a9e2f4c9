from typing import Any

import pytest
from hypothesis import given, settings as examples, strategies as st

from extension import PREFIX
from extension.config.parsers import KIB, MIB, Flush, Pace, PlatformEvents
from extension.config.settings import (
    LINES_ARE_PRINTED,
    LINES_WAIT,
    MAX_SHOWN_CHARS,
    MAX_UNKNOWN,
    NO_SINK,
    SINK_TO_COME,
    Problem,
    Settings,
    linger_s,
    read_settings,
)
from extension.config.variables import SETTINGS, SINKS
from extension.levels.level import OFF, Level

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


# A row a setting: what is written, and what is read.
# fmt: off
LEVELS = ("TRACE", "DEBUG", "INFO", "WARN")
RATES = {"1%": 0.01, "0": 0.0, "SAMPLE_RATE": None}
BOOLEANS = {"true": True, "1": True, "Yes": True, "on": True, "false": False, "0": False, "No": False, "off": False}
HEADERS = {"Authorization=Bearer a=b": (("Authorization", "Bearer a=b"),), "A=1, b-c = 2 ,D=": (("A", "1"), ("b-c", "2"), ("D", ""))}
SINK_TEXTS = """
    stdout: file:/tmp/records.ndjson FILE:/tmp/Records http://127.0.0.1:8080/in https://example.com/in?a=b
    cloudwatch: cloudwatch:/kept/shop records+cloudwatch: records+cloudwatch:/kept/shop cloudwatch:/aws/lambda/shop-1.x_y#z
    s3://bucket?owner=123456789012&sse=aws:kms&bucket-key=true s3://arn:aws:s3:::bucket/kept
    s3://arn:aws:s3:us-west-2:123456789012:accesspoint/kept/a firehose:arn:aws:firehose:us-west-2:123456789012:deliverystream/s
    cloudwatch:arn:aws-cn:logs:cn-north-1:123456789012:log-group:/kept:*
    records+cloudwatch:arn:aws:logs:us-west-2:123456789012:log-group:/kept
    own+cloudwatch: own+cloudwatch:/custom/group records+own+cloudwatch:/custom/group OWN+CloudWatch:/custom/group
    own+cloudwatch:arn:aws:logs:us-west-2:123456789012:log-group:/custom:*
    s3://bucket s3://abc s3://a-b.c/ firehose:my_stream-1.x firehose:s otlp+https://collector:4318
    otlp-json+http://collector/v1/logs json+https://host/in loki+http://loki:3100 Loki+HTTP://host HTTPS://Host/Path
    splunk+https://splunk:8088 elasticsearch+https://es:9200/logs datadog+https://intake logzio+https://l:8071/?token=x
    https://user:password@host:8443/a?b=c&d=%20#e https://[::1]:8080/in file:relative file:///absolute
"""
NO_SINK_TEXTS = """
    file: http:// https:// ftp://host/ s3://b s3:bucket s3://under_score/x firehose: otlp://collector : https://?q
    own+s3://bucket own+https://h own+firehose:s own+stdout: own+records+cloudwatch: own+own+cloudwatch: own+cloudwatch:arn:aws:s3:::b
    loki+ftp://host splunk:host kafka+https://host json+https:// /tmp/x stdout:x file:// s3:///prefix s3://-a/
    s3://bucket/a/../b https:///path records+https://h records+s3://abc records+file:/x records+stdout:
    s3://bucket?sse=no s3://bucket?x=1 s3:arn:aws:s3:::bucket cloudwatch:arn:aws:s3:::bucket firehose:arn:aws:firehose
"""
ACCEPTED: dict[str, dict[str, object]] = {
    "SAMPLE_RATE": {"0": 0.0, "1": 1.0, " 0.25 ": 0.25, "1e-3": 0.001, "5%": 0.05, "100%": 1.0, "12.5 %": 0.125},
    **{f"SAMPLE_RATE_{level}": dict(RATES) for level in LEVELS},
    "CORRELATION_FIELDS": {"order, customer.id": ("order", "customer.id"), "None": ()},
    "KEEP_MARKER": {"keep: this!": "keep: this!"},
    "KEEP_COLD_STARTS": {"true": True},
    "KEEP_SLOWER_THAN": {"1.5s": 1500},
    "KEEP_MEMORY_ABOVE": {"90%": 0.9},
    "KEEP_AT_LEAST": {"1/m": Pace(1, 60_000), "2 / 10s": Pace(2, 10_000)},
    "KEEP_AT_MOST": {"120/m": Pace(120, 60_000), "5/h": Pace(5, 3_600_000)},
    "HISTORY": {"3": 3},
    "ERROR_LEVEL": {"ERROR": Level.ERROR, "warn": Level.WARN, "Fatal": Level.FATAL, "TRACE": Level.TRACE, "off": OFF},
    "BUFFER_SIZE": {
        "65536": 64 * KIB, "64KiB": 64 * KIB, "512 kb": 512 * KIB, "8MiB": 8 * MIB, "8mb": 8 * MIB, "100000B": 100_000,
    },
    "SINK": {
        **{text: text for text in SINK_TEXTS.split()}, "s3://my-bucket.logs/a prefix/é": "s3://my-bucket.logs/a prefix/é",
        "stdout": "stdout:", "cloudwatch": "cloudwatch:", "records+cloudwatch": "records+cloudwatch:",
        "own+cloudwatch": "own+cloudwatch:", "records+own+cloudwatch": "records+own+cloudwatch:",
    },
    "SINK_HEADERS": dict(HEADERS),
    "FALLBACK_SINK": {"file:/mnt/efs/kept.ndjson": "file:/mnt/efs/kept.ndjson"},
    "FALLBACK_SINK_HEADERS": dict(HEADERS),
    "ARCHIVE_SINK": {"s3://bucket/all": "s3://bucket/all"},
    "ARCHIVE_SINK_HEADERS": dict(HEADERS),
    "LINGER": {"AUTO": None, "0s": 0, "250ms": 250, "60s": 60_000, "15m": 900_000},
    "RETENTION_DAYS": {"1": 1, "14": 14, "365": 365, "3653": 3653},
    "REFRESH_INTERVAL": {"30s": 30_000, "1m": 60_000},
    "METRICS": {"Off": 0, "10s": 10_000, "1 m": 60_000, "1h": 3_600_000},
    "METRICS_FLEET": {text: text for text in ("shop", "the shop's functions, all of them: 200", "f" * 255)},
    "FLUSH": {"end": Flush.END, "Background": Flush.BACKGROUND, "ADAPTIVE": Flush.ADAPTIVE},
    "FLUSH_TIMEOUT": {"250ms": 250, "2s": 2000, "1.5 s": 1500, "15m": 900_000, "0ms": 0},
    "LOG_API": {"auto": "auto", "Logs": "logs", "TELEMETRY": "telemetry"},
    "PLATFORM_EVENTS": {"none": PlatformEvents.NONE, "Report": PlatformEvents.REPORT, "all": PlatformEvents.ALL},
    "LOG_LEVEL": {"debug": "debug", "INFO": "info", "warning": "warning", "error": "error", "off": "off"},
    "ENABLED": dict(BOOLEANS),
}
REJECTED: dict[str, list[str]] = {
    "SAMPLE_RATE": ["-0.1", "1.1", "101%", "nan", "inf", "-inf", "half", "%", "0,5", "1e400"],
    **{f"SAMPLE_RATE_{level}": ["2", "most"] for level in LEVELS},
    "CORRELATION_FIELDS": [",", "a,,b", 'a"b', "a\\b", "é"],
    "KEEP_MARKER": ["abc", 'a "quote"', "back\\slash", "ümlaut", "line\nbreak"],
    "KEEP_COLD_STARTS": ["first"],
    "KEEP_SLOWER_THAN": ["1000", "16m"],
    "KEEP_MEMORY_ABOVE": ["0", "101%", "100MB"],
    "KEEP_AT_LEAST": ["1", "0/m", "1/0s", "1/d", "m", "-1/m", "1/1234567s"],
    "KEEP_AT_MOST": ["120", "0/m", "120 per minute"],
    "HISTORY": ["-1", "101", "all", "1.5"],
    "ERROR_LEVEL": ["LOUD", "40", "ERROR WARN", "-"],
    "ERROR_PATTERN": ["(", "a{2,1}", "*", "(?P<n>a)(?P<n>b)", "(?<=a)b", "(a)\\1"],
    "LEVEL_PATTERN": ["(", "(?P<severity>a)", "error", "(?P<level>a)(?=b)"],
    "BUFFER_SIZE": ["0", "1KiB", "65535", "-8MiB", "8GiB", "1.5MiB", "big", "9" * 5000],
    "SINK": [
        *NO_SINK_TEXTS.split(), "firehose:a b", "cloudwatch:a group", "cloudwatch:" + "g" * 513, "cloud watch:", "https://a b/",
    ],
    "SINK_HEADERS": ["Authorization", "=value", "a b=c", "A=é", ",", "a b=c, d"],
    "FALLBACK_SINK": ["nowhere", "https://"],
    "FALLBACK_SINK_HEADERS": ["A"],
    "ARCHIVE_SINK": ["s3:bucket"],
    "ARCHIVE_SINK_HEADERS": ["A"],
    "LINGER": ["60", "16m", "-1s", "never"],
    "RETENTION_DAYS": ["0", "2", "forever", "14d", "1.5"],
    "SETTINGS": ["{}", '{"SAMPLE_RATE": 1}', "s3:bucket/key", "https://host/settings.json"],
    "REFRESH_INTERVAL": ["0s", "29s", "29999ms", "16m", "5"],
    "METRICS_FLEET": ["f" * 256, "käse", "a\tb", "a\nb", "a\x7f"],
    "METRICS": ["on", "true", "9s", "2h", "500ms", "60", "1.5m", "61m"],
    "FLUSH": ["never", "0", "end,background"],
    "FLUSH_TIMEOUT": ["2", "-1s", "2h", "901s", "16m", "s", "1,5s", "2 seconds", "9" * 400 + "s"],
    "LOG_API": ["both", "2021-03-18", "Logs API"],
    "PLATFORM_EVENTS": ["some", "platform.report", "true"],
    "LOG_LEVEL": ["loud", "warn ing", "30"],
    "ENABLED": ["maybe", "2", "disabled"],
}
# fmt: on


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [(name, *row) for name, rows in ACCEPTED.items() for row in rows.items()],
)
def test_accepted_value_is_read(name: str, text: str, value: object) -> None:
    """A value in a form of the table is no problem."""
    settings, problems = read(**{name: text})

    assert problems == []
    assert field_of(settings, name) == value


def test_error_pattern_is_compiled() -> None:
    """ERROR_PATTERN is a regular expression that searches lines."""
    settings, problems = read(ERROR_PATTERN=r"declined|card \d+")

    assert problems == []
    assert settings.error_pattern is not None
    assert settings.error_pattern.search("the card 12")
    assert not settings.error_pattern.search("the card")


def test_level_pattern_is_compiled() -> None:
    """LEVEL_PATTERN reads the level of a line, in the group of that name."""
    settings, problems = read(LEVEL_PATTERN=r"^\w+ <(?P<level>\w+)>")

    assert problems == []
    assert settings.level_pattern is not None
    assert settings.level_pattern.level_in("shop <Error> refused") is Level.ERROR
    assert settings.level_pattern.level_in("shop refused") is None


def test_patterns_that_can_be_used_apply() -> None:
    """Each other one is a problem that says its effect. None is shown, since it may hold a secret."""
    settings, problems = read(REDACT='["emails", "(hunter2"]', EXCLUDE='["health", "(?=x)"]')

    assert [(one.variable.removeprefix(PREFIX), one.value, one.used) for one in problems] == [
        ("REDACT", "", "every line is masked as a whole"),
        ("EXCLUDE", "", "nothing is excluded by it"),
    ]
    assert settings.redact is not None
    assert settings.exclude is not None
    assert (settings.redact.presets, len(settings.exclude.masks)) == (("emails",), 1)
    assert all(one.fault and "regular expression" in one.accepted for one in problems)
    assert "hunter2" not in repr(problems)


def test_redact_masks_everything_until_it_is_fetched() -> None:
    """A line that left before could hold a secret."""
    settings, _ = read(REDACT="ssm:/shop/redact")

    assert settings.redact is not None
    assert settings.redact.problems
    assert settings.unresolved == {"REDACT"}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in REJECTED.items() for text in texts]
)
def test_rejected_value_is_one_problem(name: str, text: str) -> None:
    """The problem says which values are accepted and which one is used: the default."""
    default, _ = read()

    settings, problems = read(**{name: text})

    setting = next(one for one in SETTINGS if one.name == name)
    shown = "" if setting.secret else text[:MAX_SHOWN_CHARS]
    used = LINES_ARE_PRINTED if name == "SINK" else setting.default or "none"
    (problem,) = problems
    assert problem._replace(fault="") == Problem(PREFIX + name, shown, setting.accepted, used)
    if name != "SINK":
        assert settings == default


@pytest.mark.parametrize("text", REJECTED["SINK"])
def test_no_place_replaces_a_sink_that_cannot_be_used(text: str) -> None:
    """Nobody asked for the default log group: it may belong to a team, or to a retention, that must not have the lines."""
    settings, _ = read(SINK=text, FALLBACK_SINK=text, ARCHIVE_SINK=text)

    assert [one.url for one in settings.sinks] == [NO_SINK, "", ""]


@pytest.mark.parametrize("fetched", ["htp://host/", "", " ", "s3:bucket", "ssm:/again"])
@pytest.mark.parametrize("name", SINKS)
def test_no_place_replaces_a_fetched_sink_that_cannot_be_used(name: str, fetched: str) -> None:
    """Its lines wait, since somebody may mend the value. What is stored empty names no place either."""
    variable = PREFIX + name

    settings, (problem,) = read_settings({variable: "ssm:/sink"}, fetched={variable: fetched})

    assert field_of(settings, name) == SINK_TO_COME
    assert (problem.variable, problem.used) == (variable, LINES_WAIT)


def test_sink_that_cannot_be_used_says_why() -> None:
    """The accepted forms alone do not tell what is wrong with an ARN."""
    _, (problem,) = read(SINK="s3://arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1")

    assert problem.fault == "S3 on Outposts is not supported"


def test_every_setting_is_tested() -> None:
    """A new setting needs accepted and rejected values above."""
    patterns = {"REDACT", "EXCLUDE"}
    assert set(ACCEPTED) | patterns | {"ERROR_PATTERN", "LEVEL_PATTERN", "SETTINGS"} == set(NAMES)
    assert set(REJECTED) | patterns == set(NAMES)


def test_defaults_apply_if_nothing_is_set() -> None:
    """The layer works without any variable."""
    settings, problems = read_settings({})

    assert problems == []
    assert settings == Settings(buffer_bytes=16 * MIB)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "BUFFER_SIZE"])
def test_default_that_is_shown_is_the_one_used(name: str) -> None:
    """Writing the default of the table changes nothing."""
    default = next(one.default for one in SETTINGS if one.name == name)

    settings, problems = read(**{name: default})

    assert problems == []
    assert settings == read()[0]


@pytest.mark.parametrize("text", ["", " ", "\t\n"])
@pytest.mark.parametrize("name", NAMES)
def test_empty_value_means_the_default(name: str, text: str) -> None:
    """Templates often set a variable to nothing."""
    assert read(**{name: text}) == read()


@pytest.mark.parametrize(
    ("memory_mb", "buffer_bytes"),
    [
        *(("128", 16 * MIB), ("512", 64 * MIB), ("10240", 64 * MIB), ("511", 511 * MIB // 8)),
        *(("16", 4 * MIB), ("", 16 * MIB), ("lots", 16 * MIB), ("²", 16 * MIB)),
    ],
)
def test_default_buffer_follows_the_memory(memory_mb: str, buffer_bytes: int) -> None:
    """An eighth of the function's memory, from 4 to 64 MiB; Lambda's default memory where it is not known."""
    settings, _ = read_settings({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory_mb})

    assert settings.buffer_bytes == buffer_bytes


def test_buffer_is_bounded_by_the_memory_of_the_function() -> None:
    """A larger buffer would end the function."""
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
def test_unknown_name_is_reported_with_a_suggestion(variable: str, hint: str) -> None:
    """A misspelled name has no effect. Its value is not shown, since it may be a secret."""
    settings, problems = read_settings({variable: "secret"})

    (problem,) = problems
    assert problem.variable == variable
    assert problem.fault.startswith(hint)
    assert (problem.value, problem.used) == ("", "nothing")
    assert settings == read_settings({})[0]


def test_reader_collects_all_problems() -> None:
    """One bad value hides no other, and good values apply."""
    settings, problems = read(SAMPLE_RATE="2", FLUSH="never", LOG_LEVEL="info", NOPE="1")

    names = [problem.variable.removeprefix(PREFIX) for problem in problems]
    assert names == ["SAMPLE_RATE", "FLUSH", "NOPE"]
    assert settings.log_level == "info"


@pytest.mark.parametrize(
    "reference", ["ssm:/shop/rate", "secretsmanager:shop#rate", "s3://shop/rate"]
)
def test_reference_is_the_default_until_it_is_fetched(reference: str) -> None:
    """The fetched value is then read as if the variable held it."""
    environ = {f"{PREFIX}SAMPLE_RATE": reference, f"{PREFIX}FLUSH": "end"}

    before, no_problems = read_settings(environ)
    after, none_either = read_settings(environ, fetched={f"{PREFIX}SAMPLE_RATE": "0.5\n"})

    assert no_problems == none_either == []
    unresolved = frozenset({"SAMPLE_RATE"})
    assert before == read_settings({})[0]._replace(flush=Flush.END, unresolved=unresolved)
    assert after == before._replace(sample_rate=0.5, unresolved=frozenset())


def test_fetched_value_is_never_shown() -> None:
    """It may be a secret, whatever the setting. The default replaces a bad one."""
    environ = {f"{PREFIX}FLUSH": "secretsmanager:shop"}

    settings, (problem,) = read_settings(environ, fetched={f"{PREFIX}FLUSH": "hunter2"})

    assert (problem.value, problem.used) == ("", "adaptive")
    assert settings.flush is Flush.ADAPTIVE


@pytest.mark.parametrize("name", SINKS)
def test_bucket_is_a_sink_where_a_sink_is_named(name: str) -> None:
    """``s3://`` names an object of settings everywhere else."""
    settings, problems = read(**{name: "s3://bucket/kept", "SINK_HEADERS": "s3://bucket/headers"})

    assert problems == []
    assert field_of(settings, name) == "s3://bucket/kept"
    assert settings.unresolved == {"SINK_HEADERS"}


# One document for all settings --------------------------------------------------------------------------------------

PLACE = {f"{PREFIX}SETTINGS": "ssm:/shop/recorder"}


def with_prefix(**values: str | None) -> dict[str, str | None]:
    return {PREFIX + name: value for name, value in values.items()}


def test_everything_that_is_not_set_waits_for_the_document() -> None:
    """It may name the sinks, and what must not leave. What a variable sets is known."""
    settings, problems = read_settings(PLACE | {f"{PREFIX}SINK": "file:/tmp/kept"})

    assert problems == []
    assert settings.unresolved == {*NAMES} - {"SINK", "ENABLED", "LOG_API"}
    assert settings.redact is not None
    assert settings.redact.problems


def test_document_is_read_as_if_variables_held_it() -> None:
    """Empty is the default; nothing is unresolved any more."""
    document = with_prefix(SAMPLE_RATE="0.5", ARCHIVE_SINK="file:/tmp/all", FLUSH="")

    settings, problems = read_settings(PLACE, document=document)

    by_variables, _ = read_settings(
        {f"{PREFIX}SAMPLE_RATE": "0.5", f"{PREFIX}ARCHIVE_SINK": "file:/tmp/all"}
    )
    assert (settings, problems) == (by_variables, [])


@pytest.mark.parametrize(("own", "rate"), [("0.25", 0.25), ("", 0.5), ("2", 0.1)])
def test_variable_of_the_function_goes_before_the_document(own: str, rate: float) -> None:
    """The document is for many functions. A variable that cannot be used is a problem, and not replaced by it."""
    settings, problems = read_settings(
        PLACE | {f"{PREFIX}SAMPLE_RATE": own}, document=with_prefix(SAMPLE_RATE="0.5")
    )

    assert settings.sample_rate == rate
    assert [one.value for one in problems] == (["2"] if own == "2" else [])


def test_reference_in_the_document_is_resolved() -> None:
    """Until then it is the one setting that is not."""
    document = with_prefix(SINK="secretsmanager:place", SAMPLE_RATE="1")

    before, _ = read_settings(PLACE, document=document)
    after, problems = read_settings(
        PLACE, document=document, fetched={f"{PREFIX}SINK": "https://intake/"}
    )

    assert before.unresolved == {"SINK"}
    assert after.unresolved == set()
    assert (before.sample_rate, field_of(after, "SINK"), problems) == (1.0, "https://intake/", [])


@pytest.mark.parametrize("name", ["SETTINGS", "ENABLED", "LOG_API"])
@pytest.mark.parametrize("own", [{}, {f"{PREFIX}ENABLED": "true", f"{PREFIX}LOG_API": "auto"}])
def test_document_cannot_set_what_is_needed_before_it(name: str, own: dict[str, str]) -> None:
    """That is said, and nothing of it applies."""
    settings, (problem,) = read_settings(PLACE | own, document=with_prefix(**{name: "ssm:/x"}))

    assert settings == read_settings({})[0]
    assert problem.variable == PREFIX + name
    assert "only a variable of the function can" in problem.fault


def test_values_of_the_document_are_never_shown() -> None:
    """They were fetched, so each may be a secret. Names of no setting are reported as those of variables are."""
    document = with_prefix(
        FLUSH="hunter2", BUFFER_SIZE="9999MiB", HISTORY=None, SAMPLERATE="hunter2", SINK="hunter2:"
    )

    settings, problems = read_settings(PLACE, document=document)

    told = {one.variable.removeprefix(PREFIX): one for one in problems}
    assert sorted(told) == ["BUFFER_SIZE", "FLUSH", "HISTORY", "SAMPLERATE", "SINK"]
    assert told["SAMPLERATE"].fault == "perhaps FLIGHT_RECORDER_SAMPLE_RATE was meant"
    assert "neither a string, nor a number" in told["HISTORY"].fault
    assert {one.value for one in problems} == {""}
    assert (field_of(settings, "SINK"), told["SINK"].used) == (SINK_TO_COME, LINES_WAIT)


def test_few_of_many_unknown_names_are_reported() -> None:
    """Somebody names the settings of another program."""
    document = {f"{PREFIX}{'x' * 500}{number}": "1" for number in range(10_000)}

    _, problems = read_settings(PLACE, document=document)

    assert len(problems) == MAX_UNKNOWN
    assert max(len(one.variable) for one in problems) <= len(PREFIX) + MAX_SHOWN_CHARS


@pytest.mark.parametrize("name", ["ENABLED", "LOG_API"])
def test_setting_that_is_needed_at_once_cannot_be_a_reference(name: str) -> None:
    """The extension decides on them before it can fetch anything."""
    _, (problem,) = read(**{name: "ssm:/shop/x"})

    assert problem.variable == PREFIX + name


def test_bad_value_that_may_be_a_secret_is_not_shown() -> None:
    """The URL and the headers of a sink may hold a password."""
    _, problems = read(SINK="htps://user:hunter2@host/", SINK_HEADERS="Authorization: hunter2")

    assert len(problems) == 2
    assert "hunter2" not in repr(problems)


@pytest.mark.parametrize("name", ["SINK_HEADERS", "FALLBACK_SINK_HEADERS", "ARCHIVE_SINK_HEADERS"])
def test_headers_that_can_be_sent_stay_beside_one_that_cannot(name: str) -> None:
    """A receiver that misses its authorization takes nothing."""
    settings, (problem,) = read(**{name: "Authorization=Bearer hunter2, X-Team=é hunter2"})

    assert field_of(settings, name) == (("Authorization", "Bearer hunter2"),)
    assert problem.variable == PREFIX + name
    assert (problem.fault, problem.used) == ("left out: X-Team", "the other headers are sent")
    assert "hunter2" not in repr(problem)


def test_long_bad_value_is_cut() -> None:
    """The log shows enough to recognise it."""
    _, (problem,) = read(FLUSH="x" * 10_000)

    assert problem.value == "x" * MAX_SHOWN_CHARS


@given(values=st.dictionaries(st.sampled_from(NAMES), st.text(max_size=30)))
def test_reader_never_fails(values: dict[str, str]) -> None:
    """Whatever the variables hold, the function runs."""
    settings, problems = read(**values)

    assert isinstance(settings, Settings)
    assert len(problems) <= len(values)


@given(text=st.from_regex(r"[0-9]{1,420}(\.[0-9]{1,3})? ?(ms|s|m|%|KiB|MiB|B|)", fullmatch=True))
@examples(max_examples=max(30, examples().max_examples))
@pytest.mark.parametrize("name", ["SAMPLE_RATE", "BUFFER_SIZE", "FLUSH_TIMEOUT"])
def test_number_of_any_length_is_read_or_refused(name: str, text: str) -> None:
    """A number that overflows must not raise."""
    settings, problems = read(**{name: text})

    assert problems or field_of(settings, name) <= 1 << 40


@pytest.mark.parametrize(
    ("url", "linger", "expected_s"),
    [
        ("s3://bucket", "auto", 60.0),
        ("S3://bucket", "", 60.0),
        ("firehose:stream", "", 60.0),
        ("cloudwatch:", "", 0.0),
        ("own+cloudwatch:", "", 0.0),
        ("https://example.com", "", 0.0),
        ("", "", 0.0),
        ("s3://bucket", "0s", 0.0),
        ("cloudwatch:", "5s", 5.0),
    ],
)
def test_only_sinks_that_bill_requests_linger_by_default(
    url: str, linger: str, expected_s: float
) -> None:
    """Elsewhere nothing is gained by waiting."""
    settings, problems = read(SINK=url, LINGER=linger)

    assert linger_s(settings, settings.sinks[0]) == expected_s
    assert problems == []
