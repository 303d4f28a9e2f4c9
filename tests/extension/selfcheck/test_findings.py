"""What the self-check makes of what it found. Pure."""

import json
from typing import Any

import pytest

from extension import PREFIX
from extension.config.settings import read_settings
from extension.model.receipt import Answer, Receipt
from extension.selfcheck.findings import (
    FAIL,
    OK,
    WARN,
    Finding,
    judge_environment,
    judge_reference,
    judge_retention,
    judge_settings,
    judge_sink,
    name_of,
)

pytestmark = pytest.mark.every_python

FUNCTION = {
    "AWS_LAMBDA_FUNCTION_NAME": "checkout",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_REGION": "eu-west-1",
}
SECRET = "hush-4711"
TAKEN = Receipt(Answer.TAKEN)


def environ_of(**values: str) -> dict[str, str]:
    return FUNCTION | {PREFIX + name: value for name, value in values.items()}


def of_settings(**values: str) -> list[Finding]:
    environ = environ_of(**values)
    return judge_settings(environ, read_settings(environ)[1])


def of_environment(more: dict[str, str] | None = None, /, **values: str) -> list[Finding]:
    environ = environ_of(**values) | (more or {})
    return judge_environment(environ, read_settings(environ)[0])


def of_sink(url: str, receipt: Receipt, **more: Any) -> Finding:
    environ = more.pop("environ", FUNCTION)
    return judge_sink("SINK", url, receipt, environ, is_reference=more.pop("is_reference", False))


def denied(detail: str) -> Receipt:
    return Receipt(Answer.DENIED, detail)


def unavailable(detail: str) -> Receipt:
    return Receipt(Answer.UNAVAILABLE, detail)


def statement_in(todo: str) -> dict[str, Any]:
    found: dict[str, Any]
    found, _ = json.JSONDecoder().raw_decode(todo[todo.index("{") :])
    return found


# Findings -----------------------------------------------------------------------------------------------------------


def test_a_finding_is_one_line() -> None:
    """For people with an arrow before what is to be done, for programs as JSON."""
    bad, good = Finding(FAIL, "SINK", "is down", "look there"), Finding(OK, "settings", "fine")

    assert bad.text() == "fail  SINK: is down -> look there"
    assert good.text() == "ok    settings: fine"
    assert json.loads(bad.json()) == {
        "level": "fail",
        "what": "SINK",
        "found": "is down",
        "todo": "look there",
    }


def test_a_finding_is_one_line_whatever_a_value_holds() -> None:
    """Line breaks, control characters, and bytes that are no text."""
    finding = Finding(OK, "settings", "ERROR_PATTERN=a\nb\x1b[31m\udcff ü")

    assert finding.text() == "ok    settings: ERROR_PATTERN=a?b?[31m? ü"
    assert "\n" not in finding.json()


# Settings -----------------------------------------------------------------------------------------------------------


def test_settings_that_are_set_are_named() -> None:
    """With their values, in the order of the table; what may be a secret is only said to be set."""
    [finding] = of_settings(
        SINK=f"https://user:{SECRET}@intake.example.com/{SECRET}?key={SECRET}",
        SINK_HEADERS=f"Authorization={SECRET}",
        REDACT="card-numbers",
        SAMPLE_RATE="0.05",
        LOG_LEVEL="ssm:/level",
        FALLBACK_SINK="s3://bucket/kept",
    )

    assert finding.level == OK
    assert finding.found == (
        "SAMPLE_RATE=0.05, REDACT (not shown), SINK=https://intake.example.com/…, SINK_HEADERS (not shown), "
        "FALLBACK_SINK=s3://bucket/kept, LOG_LEVEL (a reference)"
    )


def test_a_function_without_settings_is_at_its_defaults() -> None:
    """Which are good."""
    assert of_settings() == [Finding(OK, "settings", "all are at their defaults")]


def test_every_problem_is_told_with_what_is_accepted() -> None:
    """A bad value, a misspelt name, a name that is none, and a buffer that is more than the function has."""
    found = {
        finding.what.removeprefix(PREFIX): finding
        for finding in of_settings(
            SAMPLE_RATE="2", SAMPEL_RATE="1", COLOUR="red", BUFFER_SIZE="400MiB", FLUSH="end"
        )
    }

    assert found.pop("settings").found == "FLUSH=end"
    assert {finding.level for finding in found.values()} == {FAIL}
    assert found["SAMPLE_RATE"].found == '"2" cannot be used; instead: 0.1'
    assert found["SAMPLE_RATE"].todo.startswith("accepted: a number from 0 to 1")
    assert "perhaps FLIGHT_RECORDER_SAMPLE_RATE was meant" in found["SAMPEL_RATE"].todo
    assert found["COLOUR"].found == "is no setting"
    assert "half of the function's memory" in found["BUFFER_SIZE"].todo


@pytest.mark.parametrize("name", ["SINK", "SINK_HEADERS", "FALLBACK_SINK", "REDACT", "EXCLUDE"])
def test_a_bad_value_that_may_be_a_secret_is_not_told(name: str) -> None:
    """Only that it cannot be used."""
    findings = of_settings(**{name: f"({SECRET}"})

    assert SECRET not in "".join(finding.text() for finding in findings)
    assert FAIL in {finding.level for finding in findings}


# References ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "action"),
    [
        (f"ssm:/{SECRET}", "ssm:GetParameters"),
        (f"secretsmanager:{SECRET}#k", "secretsmanager:GetSecretValue"),
    ],
)
def test_a_reference_that_is_denied_names_the_action(value: str, action: str) -> None:
    """And not the name of what it refers to."""
    environ = environ_of(SINK=value)

    finding = judge_reference(f"{PREFIX}SINK", "AccessDeniedException (status 400)", environ)

    assert finding.level == FAIL
    assert statement_in(finding.todo)["Action"] == action
    assert ":eu-west-1:" in statement_in(finding.todo)["Resource"]
    assert "kms:Decrypt" in finding.todo
    assert SECRET not in finding.text()


@pytest.mark.parametrize(
    ("problem", "todo"),
    [
        ("no such parameter", "make it, or correct the name"),
        ("ResourceNotFoundException (status 400)", "make it, or correct the name"),
        ("no AWS credentials in the environment", "run the check where the function runs"),
        ("the name cannot be resolved", "correct the host in AWS_ENDPOINT_URL"),
        ("what was fetched is no JSON object", "correct what it refers to"),
    ],
)
def test_a_reference_that_cannot_be_fetched_says_what_to_do(problem: str, todo: str) -> None:
    """Whatever the reason is."""
    finding = judge_reference(f"{PREFIX}SINK", problem, environ_of(SINK="ssm:/x"))

    assert finding.level == FAIL
    assert problem in finding.found
    assert todo in finding.todo


def test_a_reference_that_was_fetched_is_well() -> None:
    """Its value is not told."""
    assert judge_reference(f"{PREFIX}SINK", "", environ_of(SINK="ssm:/x")).level == OK


# Sinks --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("cloudwatch:", "cloudwatch:"),
        ("cloudwatch:/kept", "cloudwatch:/kept"),
        ("s3://bucket/kept", "s3://bucket/kept"),
        ("file:/mnt/kept", "file:/mnt/kept"),
        (f"json+https://u:{SECRET}@host:8443/{SECRET}?k={SECRET}", "json+https://host/…"),
        (f"https://[{SECRET}", "https:///…"),
    ],
)
def test_a_sink_is_named_without_a_secret(url: str, name: str) -> None:
    """A bucket, a group, a file; of a URL the host."""
    assert name_of(url, is_reference=False) == name
    assert name_of(url, is_reference=True) == f"{url.partition(':')[0]}:…"


def test_a_sink_that_takes_the_record_is_well() -> None:
    """There is nothing to be done."""
    finding = of_sink("s3://bucket/kept", TAKEN)

    assert finding == Finding(OK, f"{PREFIX}SINK", "s3://bucket/kept took a record")


@pytest.mark.parametrize(
    ("url", "action", "resources"),
    [
        (
            "cloudwatch:",
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            ["log-group:/flight-recorder/checkout", "log-group:/flight-recorder/checkout:*"],
        ),
        (
            "cloudwatch:/kept",
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            ["log-group:/kept", "log-group:/kept:*"],
        ),
        ("firehose:kept", "firehose:PutRecordBatch", "deliverystream/kept"),
        ("s3://bucket/kept/", "s3:PutObject", "arn:aws:s3:::bucket/kept/*"),
        ("s3://bucket", "s3:PutObject", "arn:aws:s3:::bucket/*"),
    ],
)
def test_what_aws_denies_comes_with_the_statement_that_allows_it(
    url: str, action: object, resources: object
) -> None:
    """Which can be copied: its action, and its resource and no other."""
    finding = of_sink(url, denied("CreateLogStream: AccessDeniedException (status 400)"))

    allow = statement_in(finding.todo)
    ends = [
        one.removeprefix("arn:aws:logs:eu-west-1:*:").removeprefix("arn:aws:firehose:eu-west-1:*:")
        for one in (
            [allow["Resource"]] if isinstance(allow["Resource"], str) else allow["Resource"]
        )
    ]
    assert finding.level == FAIL
    assert "AccessDeniedException" in finding.found
    assert (allow["Effect"], allow["Action"]) == ("Allow", action)
    assert ends == (resources if isinstance(resources, list) else [resources])
    assert "Deny" in finding.todo


def test_a_sink_that_was_fetched_is_denied_without_its_name() -> None:
    """It may be a secret; the statement has a place for it."""
    url = f"s3://{SECRET}/x"

    finding = of_sink(url, denied("AccessDenied (status 403)"), is_reference=True)

    assert SECRET not in finding.text()
    assert statement_in(finding.todo)["Resource"] == "arn:aws:s3:::NAME/*"


@pytest.mark.parametrize(
    ("region", "beginning"),
    [("cn-north-1", "arn:aws-cn:"), ("us-gov-west-1", "arn:aws-us-gov:"), ("", "arn:aws:")],
)
def test_statements_are_for_the_functions_partition(region: str, beginning: str) -> None:
    """ARNs begin in another way in China and in GovCloud."""
    environ = FUNCTION | {"AWS_REGION": region}

    finding = of_sink("firehose:x", denied("AccessDenied (status 403)"), environ=environ)

    assert statement_in(finding.todo)["Resource"].startswith(beginning)


@pytest.mark.parametrize(
    ("url", "receipt", "todo"),
    [
        ("s3://b-ucket", denied("NoSuchBucket (status 404)"), "make the bucket"),
        ("firehose:x", denied("ResourceNotFoundException (status 400)"), "make the stream"),
        ("s3://b-ucket", denied("status 403"), "allow the function's role"),
        ("s3://b-ucket", denied("PermanentRedirect (status 301)"), "another region"),
        ("cloudwatch:", denied("no AWS region: AWS_REGION is not set"), "set AWS_REGION"),
        ("cloudwatch:", denied("no AWS credentials in the environment"), "credentials"),
        (
            "cloudwatch:",
            denied("CreateLogStream: UnrecognizedClientException (status 400)"),
            "these credentials are not accepted",
        ),
        ("firehose:x", denied("InvalidKMSResourceException (status 400)"), "kms:GenerateDataKey"),
        ("cloudwatch:", Receipt(Answer.TAKEN, refused={0: "too-old"}), "the clock"),
        ("cloudwatch:", unavailable("timed out connecting"), "private endpoint"),
        ("cloudwatch:", unavailable("ThrottlingException (status 400)"), "try again later"),
        ("https://h/x", unavailable("the name cannot be resolved"), "FLIGHT_RECORDER_SINK"),
        ("https://h/x", unavailable("timed out waiting for the answer"), "too long"),
        ("https://h/x", unavailable("no answer in time"), "too long"),
        ("https://h/x", unavailable("connection refused"), "nothing listens"),
        ("https://h/x", unavailable("there is no way to the address"), "NAT gateway"),
        ("https://h/x", unavailable("the certificate is not trusted"), "SSL_CERT_FILE"),
        ("https://h/x", unavailable("the certificate is for another name"), "correct the host"),
        ("https://h/x", unavailable("the other side does not speak TLS"), "begin with http:"),
        ("https://h/x", unavailable("the proxy refused"), "HTTPS_PROXY"),
        ("https://h/x", unavailable("internal error: TypeError"), "correct FLIGHT_RECORDER_SINK"),
        ("https://h/x", denied("status 401"), "FLIGHT_RECORDER_SINK_HEADERS"),
        ("https://h/x", denied("status 403"), "FLIGHT_RECORDER_SINK_HEADERS"),
        ("https://h/x", denied("status 404"), "correct the path"),
        ("https://h/x", denied("status 308"), "redirections are not followed"),
        ("https://h/x", Receipt(Answer.REFUSED, "status 405"), "nothing takes a POST"),
        ("https://h/x", Receipt(Answer.UNREADABLE, "status 422"), "is the form right"),
        ("https://h/x", unavailable("status 429"), "its limits"),
        ("https://h/x", unavailable("status 503"), "the other side is in trouble"),
        ("https://h/x", Receipt(Answer.REFUSED, "a header cannot be sent as it is"), "_HEADERS"),
        (
            "otlp+https://h",
            Receipt(Answer.TAKEN, "1 of 1 rejected", rejected_lines=1),
            "correct FLIGHT_RECORDER_SINK",
        ),
        ("file:/x/y", unavailable("file: No such file or directory"), "a directory that is there"),
    ],
)
def test_a_sink_that_does_not_take_the_record_says_what_to_do(
    url: str, receipt: Receipt, todo: str
) -> None:
    """In the words that fit what went wrong."""
    finding = of_sink(url, receipt)

    assert finding.level == FAIL
    assert (receipt.detail or "too-old") in finding.found
    assert todo in finding.todo


def test_a_retention_that_cannot_be_set_is_no_failure() -> None:
    """Delivery goes on, so it is for somebody to look at."""
    environ = environ_of(RETENTION_DAYS="14")
    settings, _ = read_settings(environ)

    good = judge_retention(TAKEN, settings, "cloudwatch:/kept", environ)
    bad = judge_retention(
        denied("AccessDeniedException (status 400)"), settings, "cloudwatch:/kept", environ
    )

    assert (good.level, bad.level) == (OK, WARN)
    assert statement_in(bad.todo)["Action"] == "logs:PutRetentionPolicy"
    assert statement_in(bad.todo)["Resource"].endswith(":log-group:/kept")


# The environment ----------------------------------------------------------------------------------------------------


def test_an_ordinary_environment_has_no_traps() -> None:
    """Text format, default settings."""
    assert of_environment() == []


@pytest.mark.parametrize("level", ["INFO", "WARN", "ERROR", "FATAL", ""])
def test_a_log_level_that_starves_the_buffer_is_a_trap(level: str) -> None:
    """With the JSON format; INFO is the default there."""
    more = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": level}

    [finding] = of_environment(more)

    assert (finding.level, finding.what) == (WARN, "AWS_LAMBDA_LOG_LEVEL")
    assert "before anybody sees them" in finding.found


@pytest.mark.parametrize("level", ["DEBUG", "TRACE"])
def test_a_low_log_level_is_well(level: str) -> None:
    """Nothing is filtered in the function."""
    more = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": level}

    assert [finding.level for finding in of_environment(more)] == [OK]


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"ENABLED": "false"}, ["ENABLED"]),
        ({"BUFFER_SIZE": "200MiB"}, ["BUFFER_SIZE"]),
        ({"SAMPLE_RATE": "1"}, ["SAMPLE_RATE"]),
        ({"SINK": "stdout:", "METRICS": "1m"}, ["SINK", "METRICS"]),
        ({"SINK": "cloudwatch:/aws/lambda/checkout"}, ["SINK"]),
        ({"SINK": "s3://bucket", "METRICS": "1m"}, ["METRICS"]),
        ({"SINK": "s3://bucket", "RETENTION_DAYS": "14"}, ["RETENTION_DAYS"]),
        ({"SINK_HEADERS": "A=1"}, ["SINK_HEADERS"]),
        ({"SINK": "s3://bucket", "FALLBACK_SINK": "s3://bucket"}, ["FALLBACK_SINK"]),
    ],
)
def test_what_will_not_work_as_expected_is_told(values: dict[str, str], what: list[str]) -> None:
    """Each with what to do about it."""
    findings = of_environment(**values)

    assert [one.what.removeprefix(PREFIX) for one in findings] == what
    assert {one.level for one in findings} == {WARN}
    assert all(one.todo for one in findings)


@pytest.mark.parametrize(
    "values",
    [
        {"METRICS": "1m", "RETENTION_DAYS": "14"},
        {"SINK": "loki+https://h", "SINK_HEADERS": "A=1"},
        {"SINK": "s3://bucket", "FALLBACK_SINK": "cloudwatch:", "RETENTION_DAYS": "14"},
    ],
)
def test_what_works_is_not_told(values: dict[str, str]) -> None:
    """No false alarms."""
    assert of_environment(**values) == []


def test_outside_of_a_function_that_is_told() -> None:
    """Its name stands in the log group's and in every record."""
    environ = {"AWS_REGION": "eu-west-1"}

    [finding] = judge_environment(environ, read_settings(environ)[0])

    assert (finding.level, finding.what) == (WARN, "AWS_LAMBDA_FUNCTION_NAME")


def test_metrics_on_standard_output_may_be_dropped_by_the_log_level() -> None:
    """That is a trap of its own, beside the other two."""
    more = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "ERROR"}

    findings = of_environment(more, SINK="s3://bucket", METRICS="1m")

    assert [one.what for one in findings].count(f"{PREFIX}METRICS") == 2
