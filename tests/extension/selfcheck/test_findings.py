import json
from typing import Any

import pytest

from extension import PREFIX
from extension.aws.accounts import OTHER_ACCOUNT
from extension.config.settings import read_settings
from extension.model.receipt import Answer, Receipt
from extension.selfcheck import findings as judged
from extension.selfcheck.findings import FAIL, OK, WARN, Finding, judge_environment, judge_reference

pytestmark = pytest.mark.every_python

FUNCTION = {
    "AWS_LAMBDA_FUNCTION_NAME": "checkout",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_REGION": "eu-west-1",
}
SECRET = "hush-4711"
TAKEN = Receipt(Answer.TAKEN)
POINT = "arn:aws:s3:us-west-2:123456789012:accesspoint"
STREAM = "arn:aws:firehose:us-west-2:123456789012:deliverystream/kept"
GROUP = "arn:aws:logs:us-west-2:123456789012:log-group:/kept"
LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]


def environ_of(**values: str) -> dict[str, str]:
    return FUNCTION | {PREFIX + name: value for name, value in values.items()}


def of_settings(**values: str) -> list[Finding]:
    environ = environ_of(**values)
    return judged.judge_settings(environ, read_settings(environ)[1])


def of_environment(more: dict[str, str] | None = None, /, **values: str) -> list[Finding]:
    environ = environ_of(**values) | (more or {})
    return judge_environment(environ, read_settings(environ)[0])


def of_sink(url: str, receipt: Receipt, **more: Any) -> Finding:
    environ = more.pop("environ", FUNCTION)
    is_reference = more.pop("is_reference", False)
    return judged.judge_sink("SINK", url, receipt, environ, is_reference=is_reference)


def denied(detail: str) -> Receipt:
    return Receipt(Answer.DENIED, detail)


def unavailable(detail: str) -> Receipt:
    return Receipt(Answer.UNAVAILABLE, detail)


def statement_in(todo: str) -> dict[str, Any]:
    found: dict[str, Any]
    found, _ = json.JSONDecoder().raw_decode(todo[todo.index("{") :])
    return found


def test_finding_is_one_line() -> None:
    """For people with an arrow before the advice, for programs as JSON."""
    bad, good = Finding(FAIL, "SINK", "is down", "look there"), Finding(OK, "settings", "fine")

    as_dict = {"level": "fail", "what": "SINK", "found": "is down", "todo": "look there"}
    assert bad.text() == "fail  SINK: is down -> look there"
    assert good.text() == "ok    settings: fine"
    assert json.loads(bad.json()) == as_dict


def test_finding_is_one_line_whatever_a_value_holds() -> None:
    """A value may hold line breaks, control characters, and bytes that are not text."""
    finding = Finding(OK, "settings", "ERROR_PATTERN=a\nb\x1b[31m\udcff ü")

    assert finding.text() == "ok    settings: ERROR_PATTERN=a?b?[31m? ü"
    assert "\n" not in finding.json()


# Settings -----------------------------------------------------------------------------------------------------------


def test_finding_names_the_settings_that_are_set() -> None:
    """With their values, in the order of the table; a value that may be a secret is not shown."""
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
    assert of_settings() == [Finding(OK, "settings", "all are at their defaults")]


def test_every_problem_is_a_failure_with_the_accepted_values() -> None:
    """A bad value, a misspelt name, an unknown name, and a buffer larger than the function allows."""
    values = {"SAMPLE_RATE": "2", "SAMPEL_RATE": "1", "COLOUR": "red", "BUFFER_SIZE": "400MiB"}
    findings = of_settings(**values, FLUSH="end")
    found = {finding.what.removeprefix(PREFIX): finding for finding in findings}

    assert found.pop("settings").found == "FLUSH=end"
    assert findings[-1].found == "FLUSH=end"  # what is right stands below what is not
    assert {finding.level for finding in found.values()} == {FAIL}
    assert found["SAMPLE_RATE"].found == '"2" cannot be used; instead: 0.1'
    assert found["SAMPLE_RATE"].todo.startswith("accepted: a number from 0 to 1")
    assert "perhaps FLIGHT_RECORDER_SAMPLE_RATE was meant" in found["SAMPEL_RATE"].todo
    assert found["COLOUR"].found == "is no setting"
    assert "half of the function's memory" in found["BUFFER_SIZE"].todo


def test_settings_are_not_called_defaults_beside_one_that_cannot_be_used() -> None:
    findings = of_settings(COLOUR="red")

    assert [(one.what, one.found) for one in findings] == [
        (f"{PREFIX}COLOUR", "is no setting"),
        ("settings", "no other is set"),
    ]


@pytest.mark.parametrize("name", ["SINK", "SINK_HEADERS", "FALLBACK_SINK", "REDACT", "EXCLUDE"])
def test_bad_value_that_may_be_a_secret_is_not_shown(name: str) -> None:
    """The finding says only that it cannot be used."""
    findings = of_settings(**{name: f"({SECRET}"})

    assert SECRET not in "".join(finding.text() for finding in findings)
    assert FAIL in {finding.level for finding in findings}


# References ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "action"),
    [
        (f"ssm:/{SECRET}", "ssm:GetParameters"),
        (f"secretsmanager:{SECRET}#k", "secretsmanager:GetSecretValue"),
        (f"ssm:arn:aws:ssm:eu-west-1:123456789012:parameter/{SECRET}", "ssm:GetParameters"),
    ],
)
def test_denied_reference_comes_with_its_statement(value: str, action: str) -> None:
    """The statement has a place for the name, which may be a secret."""
    environ = environ_of(SINK=value)

    finding = judge_reference(f"{PREFIX}SINK", "AccessDeniedException (status 400)", environ)

    allow = statement_in(finding.todo)
    assert finding.level == FAIL
    assert allow["Action"] == action
    assert ":eu-west-1:" in allow["Resource"]
    assert "kms:Decrypt" in finding.todo
    assert SECRET not in finding.text()


@pytest.mark.parametrize(
    ("problem", "todo"),
    [
        ("no such parameter", "make it, or correct the name"),
        ("ResourceNotFoundException (status 400)", "make it, or correct the name"),
        ("NoSuchKey (status 404): no such object", "make it, or correct the name"),
        ("no AWS credentials in the environment", "run the check where the function runs"),
        ("the name cannot be resolved", "correct the host in AWS_ENDPOINT_URL"),
        ("the value that was fetched is not a JSON object", "correct what it refers to"),
    ],
)
def test_reference_that_cannot_be_fetched_has_its_advice(problem: str, todo: str) -> None:
    """The advice goes by the reason."""
    finding = judge_reference(f"{PREFIX}SINK", problem, environ_of(SINK="ssm:/x"))

    assert finding.level == FAIL
    assert problem in finding.found
    assert todo in finding.todo


def test_reference_that_was_fetched_is_ok() -> None:
    """Its value is not shown."""
    assert judge_reference(f"{PREFIX}SINK", "", environ_of(SINK="ssm:/x")).level == OK


def test_statement_for_a_reference_follows_its_arn() -> None:
    """A secret of another region needs a permission there; its name stays hidden."""
    value = f"secretsmanager:arn:aws:secretsmanager:us-west-2:123456789012:secret:{SECRET}#k"
    detail = "ResourceNotFoundException (status 400)"

    finding = judge_reference(f"{PREFIX}SINK", detail, environ_of(SINK=value))

    assert statement_in(finding.todo)["Resource"].startswith("arn:aws:secretsmanager:us-west-2:")
    assert SECRET not in finding.text()


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
def test_sink_is_named_without_a_secret(url: str, name: str) -> None:
    """A whole bucket, group or file, but only the host of a URL; of a reference only the scheme."""
    assert judged.name_of(url, is_reference=False) == name
    assert judged.name_of(url, is_reference=True) == f"{url.partition(':')[0]}:…"


def test_sink_that_takes_the_record_is_ok() -> None:
    """Nothing needs to change."""
    finding = of_sink("s3://bucket/kept", TAKEN)

    assert finding == Finding(OK, f"{PREFIX}SINK", "s3://bucket/kept took a record")


@pytest.mark.parametrize(
    ("url", "action", "ends"),
    [
        ("cloudwatch:", LOGS, ["group:/flight-recorder/checkout", "/flight-recorder/checkout:*"]),
        ("cloudwatch:/kept", LOGS, ["log-group:/kept", "log-group:/kept:*"]),
        ("firehose:kept", "firehose:PutRecordBatch", ["deliverystream/kept"]),
        ("s3://bucket/kept/", "s3:PutObject", ["arn:aws:s3:::bucket/kept/*"]),
        ("s3://bucket", "s3:PutObject", ["arn:aws:s3:::bucket/*"]),
        ("s3://bucket/kept?sse=AES256", "s3:PutObject", ["arn:aws:s3:::bucket/kept/*"]),
        ("s3://arn:aws-cn:s3:::bucket/kept", "s3:PutObject", ["arn:aws-cn:s3:::bucket/kept/*"]),
        (f"s3://{POINT}/kept/a", "s3:PutObject", [f"{POINT}/kept/object/a/*"]),
        (f"firehose:{STREAM}", "firehose:PutRecordBatch", [STREAM]),
        (f"records+cloudwatch:{GROUP}:*", LOGS, [GROUP, f"{GROUP}:*"]),
        (
            "own+cloudwatch:",
            LOGS,
            [
                "log-group:/aws/lambda/checkout",
                "log-group:/aws/lambda/checkout:log-stream:flight-recorder/*",
            ],
        ),
        (
            f"records+own+cloudwatch:{GROUP}",
            LOGS,
            [GROUP, f"{GROUP}:log-stream:flight-recorder/*"],
        ),
    ],
)
def test_denied_sink_comes_with_its_statement(url: str, action: object, ends: list[str]) -> None:
    """The statement allows the actions on this resource and no other, ready to copy."""
    finding = of_sink(url, denied("CreateLogStream: AccessDeniedException (status 400)"))

    allow = statement_in(finding.todo)
    resources = [allow["Resource"]] if isinstance(allow["Resource"], str) else allow["Resource"]
    assert finding.level == FAIL
    assert "AccessDeniedException" in finding.found
    assert (allow["Effect"], allow["Action"]) == ("Allow", action)
    assert len(resources) == len(ends)
    assert all(one.endswith(end) for one, end in zip(resources, ends, strict=True))
    assert "Deny" in finding.todo


def test_denied_sink_that_was_fetched_is_not_named() -> None:
    """The statement has a place for the name."""
    finding = of_sink(f"s3://{SECRET}/x", denied("AccessDenied (status 403)"), is_reference=True)

    assert SECRET not in finding.text()
    assert statement_in(finding.todo)["Resource"] == "arn:aws:s3:::NAME/*"


@pytest.mark.parametrize(
    ("region", "beginning"),
    [("cn-north-1", "arn:aws-cn:"), ("us-gov-west-1", "arn:aws-us-gov:"), ("", "arn:aws:")],
)
def test_statement_is_for_the_partition_of_the_function(region: str, beginning: str) -> None:
    """ARNs have another beginning in China and in GovCloud."""
    environ = FUNCTION | {"AWS_REGION": region}

    finding = of_sink("firehose:x", denied("AccessDenied (status 403)"), environ=environ)

    assert statement_in(finding.todo)["Resource"].startswith(beginning)


AT_AWS = [
    ("s3://b-ucket", denied("NoSuchBucket (status 404)"), "make the bucket"),
    ("firehose:x", denied("ResourceNotFoundException (status 400)"), "make the stream"),
    ("s3://b-ucket", denied("status 403"), "allow the function's role"),
    ("s3://b-ucket", denied("PermanentRedirect (status 301)"), "another region"),
    ("s3://b-ucket", denied("AccessDenied (status 403): a permission is missing"), "?sse=aws:kms"),
    ("s3://b-ucket", denied("InvalidRequest (status 400)"), "Object Lock"),
    ("s3://b-ucket", denied("KMS.DisabledException (status 400)"), "kms:GenerateDataKey"),
    ("s3://arn:aws-cn:s3:::b-ucket", denied("the ARN is of another partition of AWS than the region"), "partition"),
    (f"firehose:{STREAM}", denied(f"{OTHER_ACCOUNT}: the ARN names 1"), "the function's own account"),
    ("cloudwatch:", denied("no AWS region: AWS_REGION is not set"), "set AWS_REGION"),
    ("cloudwatch:", denied("no AWS credentials in the environment"), "credentials"),
    ("cloudwatch:", denied("CreateLogStream: UnrecognizedClientException (status 400)"), "these credentials are not accepted"),
    ("firehose:x", denied("InvalidKMSResourceException (status 400)"), "kms:GenerateDataKey"),
    ("cloudwatch:", Receipt(Answer.TAKEN, refused={0: "too-old"}), "the clock"),
    ("cloudwatch:", unavailable("timed out connecting"), "private endpoint"),
    ("cloudwatch:", unavailable("ThrottlingException (status 400)"), "try again later"),
]  # fmt: skip
AT_URL = [
    (unavailable("the name cannot be resolved"), "FLIGHT_RECORDER_SINK"),
    (unavailable("timed out waiting for the answer"), "too long"),
    (unavailable("no answer in time"), "too long"),
    (unavailable("connection refused"), "nothing listens"),
    (unavailable("there is no route to the address"), "NAT gateway"),
    (unavailable("the certificate is not trusted"), "SSL_CERT_FILE"),
    (unavailable("the certificate is for another name"), "correct the host"),
    (unavailable("the server does not speak TLS"), "begin with http:"),
    (unavailable("the proxy refused"), "HTTPS_PROXY"),
    (
        unavailable("the proxy cannot be used: ALL_PROXY is not the URL of an http or https proxy"),
        "ALL_PROXY",
    ),
    (unavailable("timed out resolving the name"), "DNS"),
    (unavailable("the server sends informational answers without end"), "the server"),
    (unavailable("no connection: ConnectError"), "correct FLIGHT_RECORDER_SINK"),
    (unavailable("internal error: TypeError"), "correct FLIGHT_RECORDER_SINK"),
    (denied("status 401"), "FLIGHT_RECORDER_SINK_HEADERS"),
    (denied("status 403"), "FLIGHT_RECORDER_SINK_HEADERS"),
    (denied("status 404"), "correct the path"),
    (denied("status 308"), "redirections are not followed"),
    (Receipt(Answer.REFUSED, "status 405"), "nothing takes a POST"),
    (Receipt(Answer.UNREADABLE, "status 422"), "is the form right"),
    (unavailable("status 429"), "its limits"),
    (unavailable("status 503"), "the server is in trouble"),
    (Receipt(Answer.REFUSED, "a header cannot be sent as it is"), "_HEADERS"),
    (Receipt(Answer.TAKEN, "1 of 1 rejected", rejected_lines=1), "correct FLIGHT_RECORDER_SINK"),
]


@pytest.mark.parametrize(
    ("url", "receipt", "todo"),
    [
        *AT_AWS,
        *(("https://h/x", *row) for row in AT_URL),
        ("file:/x/y", unavailable("file: No such file or directory"), "a directory that is there"),
    ],
)
def test_sink_that_does_not_take_the_record_has_its_advice(
    url: str, receipt: Receipt, todo: str
) -> None:
    """The advice goes by the kind of sink and the reason."""
    finding = of_sink(url, receipt)

    assert finding.level == FAIL
    assert (receipt.detail or "too-old") in finding.found
    assert todo in finding.todo


def test_retention_that_cannot_be_set_is_no_failure() -> None:
    """Delivery goes on."""
    environ = environ_of(RETENTION_DAYS="14")
    settings, _ = read_settings(environ)
    receipts = (TAKEN, denied("AccessDeniedException (status 400)"))

    good, bad = (
        judged.judge_retention(one, settings, "cloudwatch:/kept", environ) for one in receipts
    )

    assert (good.level, bad.level) == (OK, WARN)
    assert statement_in(bad.todo)["Action"] == "logs:PutRetentionPolicy"
    assert statement_in(bad.todo)["Resource"].endswith(":log-group:/kept")


# The environment ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["INFO", "WARN", "ERROR", "FATAL", "", "DEBUG", "TRACE"])
def test_log_level_that_drops_lines_in_the_function_is_a_warning(level: str) -> None:
    """The JSON format drops lines before anybody sees them, and its default is INFO."""
    more = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": level}

    [finding] = of_environment(more)

    drops = level not in {"DEBUG", "TRACE"}
    assert (finding.level, finding.what) == (WARN if drops else OK, "AWS_LAMBDA_LOG_LEVEL")
    assert ("before anybody sees them" in finding.found) == drops


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"ENABLED": "false"}, ["ENABLED"]),
        ({"BUFFER_SIZE": "200MiB"}, ["BUFFER_SIZE"]),
        ({"SAMPLE_RATE": "1"}, ["SAMPLE_RATE"]),
        ({"SINK": "stdout:", "METRICS": "1m"}, ["SINK", "METRICS"]),
        ({"SINK": "cloudwatch:/aws/lambda/checkout"}, ["SINK"]),
        ({"SINK": "own+cloudwatch:/other/group"}, ["SINK"]),
        ({"SINK": "own+cloudwatch:", "METRICS": "1m", "RETENTION_DAYS": "14"}, []),
        ({"SINK": "own+cloudwatch:/aws/lambda/checkout"}, []),
        ({"SINK": "s3://bucket", "METRICS": "1m"}, ["METRICS"]),
        ({"SINK": "s3://bucket", "RETENTION_DAYS": "14"}, ["RETENTION_DAYS"]),
        ({"SINK_HEADERS": "A=1"}, ["SINK_HEADERS"]),
        ({"SINK": "s3://bucket", "FALLBACK_SINK": "s3://bucket"}, ["FALLBACK_SINK"]),
        ({}, []),
        ({"METRICS": "1m", "RETENTION_DAYS": "14"}, []),
        ({"SINK": "loki+https://h", "SINK_HEADERS": "A=1"}, []),
        ({"SINK": "s3://bucket", "FALLBACK_SINK": "cloudwatch:", "RETENTION_DAYS": "14"}, []),
    ],
)
def test_setting_that_does_not_work_as_expected_is_a_warning(
    values: dict[str, str], what: list[str]
) -> None:
    """Each warning has advice, and settings that work cause none."""
    findings = of_environment(**values)

    assert [one.what.removeprefix(PREFIX) for one in findings] == what
    assert all(one.level == WARN and one.todo for one in findings)


NOWHERE = "ResourceNotFoundException (status 400)"
NO_ACCESS = "AccessDeniedException (status 400)"


def of_own_group(receipt: Receipt, **values: str) -> list[Finding]:
    environ = environ_of(**values)
    return list(judged.judge_own_group(receipt, read_settings(environ)[0], environ))


def test_own_group_that_may_be_written_gets_what_no_sink_takes() -> None:
    """That is well, and costs what CloudWatch takes for every line."""
    [finding] = of_own_group(denied(NOWHERE))

    assert (finding.level, finding.todo) == (OK, "")
    assert "go there" in finding.found
    assert "bills every line" in finding.found


@pytest.mark.parametrize("fallback", ["", "stdout:", "nowhere"])
def test_own_group_that_is_denied_is_a_warning_without_a_second_place(fallback: str) -> None:
    """Standard output leads to that group as well, so it is no second place."""
    [finding] = of_own_group(denied(NO_ACCESS), FALLBACK_SINK=fallback)

    assert finding.level == WARN
    assert "/aws/lambda/checkout, which saves its cost" in finding.found
    assert "are lost" in finding.found
    assert "FLIGHT_RECORDER_FALLBACK_SINK" in finding.todo
    assert "leave the Deny" in finding.todo


def test_own_group_that_is_denied_is_well_with_a_second_place() -> None:
    """What neither takes is lost all the same."""
    [finding] = of_own_group(denied(NO_ACCESS), FALLBACK_SINK="s3://bucket")

    assert (finding.level, finding.todo) == (OK, "")
    assert "neither SINK nor FALLBACK_SINK" in finding.found


@pytest.mark.parametrize(
    ("receipt", "todo"),
    [
        (unavailable("no way to the host"), "look in the role for a Deny on /aws/lambda/checkout"),
        (denied("ExpiredToken (status 400)"), "these credentials are not accepted"),
    ],
)
def test_own_group_that_cannot_be_asked_about_is_a_warning(receipt: Receipt, todo: str) -> None:
    """The function's network need not reach CloudWatch, since Lambda writes there by itself."""
    [finding] = of_own_group(receipt)

    assert finding.level == WARN
    assert f"could not be found out: {receipt.detail}" in finding.found
    assert todo in finding.todo


@pytest.mark.parametrize(
    "detail", ["no AWS region: AWS_REGION is not set", "no AWS credentials in the environment"]
)
def test_own_group_is_no_finding_outside_of_aws(detail: str) -> None:
    """The function's role is not there to be asked about."""
    assert of_own_group(denied(detail)) == []


def of_shared_group(lambdas: Receipt, ours: Receipt, **values: str) -> list[Finding]:
    environ = environ_of(SINK="own+cloudwatch:", **values)
    settings, _ = read_settings(environ)
    return list(judged.judge_shared_group(lambdas, ours, settings, "/custom", environ))


def test_shared_group_whose_deny_holds_is_as_well_as_its_second_place() -> None:
    """Lambda's streams are denied and the recorder's are not."""
    [alone] = of_shared_group(denied(NO_ACCESS), denied(NOWHERE))
    [both] = of_shared_group(denied(NO_ACCESS), denied(NOWHERE), FALLBACK_SINK="s3://bucket")

    assert (alone.level, both.level, both.todo) == (WARN, OK, "")
    assert "Lambda's streams (20*) of /custom, which saves" in alone.found
    assert "FLIGHT_RECORDER_FALLBACK_SINK" in alone.todo


def test_shared_group_without_the_deny_has_every_line_twice() -> None:
    """The advice holds the Deny, which names Lambda's streams and no group."""
    [finding] = of_shared_group(denied(NOWHERE), TAKEN)

    assert finding.level == WARN
    assert "there twice" in finding.found
    assert statement_in(finding.todo) == {
        "Effect": "Deny",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": "arn:aws:logs:eu-west-1:*:log-group:/custom:log-stream:20*",
    }


@pytest.mark.parametrize("lambdas", [NO_ACCESS, NOWHERE])
def test_shared_group_that_denies_the_recorder_is_a_failure(lambdas: str) -> None:
    """As with a Deny on the whole group, which was right for another sink."""
    [finding] = of_shared_group(denied(lambdas), denied(NO_ACCESS))

    assert finding.level == FAIL
    assert statement_in(finding.todo)["Resource"] == [
        "arn:aws:logs:eu-west-1:*:log-group:/custom",
        "arn:aws:logs:eu-west-1:*:log-group:/custom:log-stream:flight-recorder/*",
    ]
    assert "log-group:/custom:log-stream:20*" in finding.todo


def test_shared_group_that_cannot_be_asked_about_is_a_warning() -> None:
    """Whichever of the two streams it was; outside of AWS there is nobody to ask."""
    [finding] = of_shared_group(denied(NO_ACCESS), unavailable("no way to the host"))

    assert finding.level == WARN
    assert "could not be found out: no way to the host" in finding.found
    nobody = denied("no AWS credentials in the environment")
    assert of_shared_group(nobody, nobody) == []


def test_warning_about_the_own_group_names_the_cure() -> None:
    """Whose streams a Deny can spare."""
    [finding] = of_environment(SINK="cloudwatch:/aws/lambda/checkout")

    assert "a Deny on it stops both" in finding.found
    assert "own+" in finding.todo


def test_own_group_that_an_extension_is_not_told_is_a_warning() -> None:
    """The check runs in the function, which knows the group, so its record goes where the extension's lines do not."""
    more = {"AWS_LAMBDA_LOG_GROUP_NAME": "/custom/group"}

    [finding] = of_environment(more, SINK="own+cloudwatch:")

    assert (finding.level, finding.what) == (WARN, f"{PREFIX}SINK")
    assert "own+cloudwatch:/custom/group" in finding.todo
    assert of_environment(more, SINK="own+cloudwatch:/custom/group") == []


def test_fleet_without_metrics_is_a_warning() -> None:
    """Whoever names a fleet wants its metrics."""
    [finding] = of_environment(METRICS_FLEET="shop")

    assert (finding.level, finding.what) == (WARN, f"{PREFIX}METRICS_FLEET")
    assert of_environment(METRICS_FLEET="shop", METRICS="1m") == []


def test_exemption_that_cannot_be_read_is_a_warning_where_a_proxy_is_set() -> None:
    """Without a proxy nothing is exempt from it."""
    exemptions = {"no_proxy": "localhost,[::1],10.0.0.0/99,http://user:s3cret@host"}

    [finding] = of_environment({**exemptions, "HTTPS_PROXY": "proxy:3128"})

    assert of_environment(exemptions) == []
    assert (finding.level, finding.what) == (WARN, "NO_PROXY")
    assert finding.found.endswith(": 10.0.0.0/99, entry 4")
    assert "10.0.0.0/8" in finding.todo


def test_check_outside_of_a_function_is_a_warning() -> None:
    """The name of the function is in the log group's name and in every record."""
    environ = {"AWS_REGION": "eu-west-1"}

    [finding] = judge_environment(environ, read_settings(environ)[0])

    assert (finding.level, finding.what) == (WARN, "AWS_LAMBDA_FUNCTION_NAME")


def test_metrics_that_the_log_level_may_drop_are_a_warning_of_their_own() -> None:
    """Beside the warnings about the level and about standard output."""
    more = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "ERROR"}

    findings = of_environment(more, SINK="s3://bucket", METRICS="1m")

    assert [one.what for one in findings].count(f"{PREFIX}METRICS") == 2
