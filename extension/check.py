"""What the self-check makes of what it found: each finding in words, with what to do about it.

Promises: no secret is told: of a setting that may hold one, or that is a reference, nothing but that it is set; of a sink
that is a URL, its scheme and its host. Where AWS denies something, the statement that would allow it can be copied.
Pure: what was read, fetched and answered is passed in. Loaded by ``--check`` only, see :mod:`extension.checking`.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from .aws.endpoints import CHINA, GOV_CLOUD, partition_of, region_of
from .config import MAX_SHOWN_CHARS, PREFIX, REFERENCE_FORMS, Problem, Settings
from .levels import Level, level_named
from .parcels import Answer, Receipt
from .settings import SETTINGS, Setting
from .values import MIB

OK, WARN, FAIL = "ok", "warn", "fail"

CHECK_TYPE = "flightRecorder.check"
"""Of the one record that each sink is given."""

SINKS = ("SINK", "FALLBACK_SINK", "ARCHIVE_SINK")
_AWS = frozenset({"cloudwatch", "s3", "firehose"})

BUFFER_SHARE = 4
"""More than a quarter of the function's memory is allowed, and leaves a function that needs the rest little."""

READS_METRICS = frozenset({"cloudwatch"})
"""Schemes of SINK with which metrics need no standard output."""


class Finding(NamedTuple):
    """One line of the check.

    Attributes:
        level: ``ok``, ``warn`` or ``fail``.
        what: was looked at, such as SINK.
        found: in words.
        todo: what to do about it; empty where nothing is to be done.
    """

    level: str
    what: str
    found: str
    todo: str = ""

    def text(self) -> str:
        """Writes it as a line for people."""
        todo = f" -> {self.todo}" if self.todo else ""
        line = f"{self.level:<4}  {self.what}: {self.found}{todo}"
        # A value may hold anything, line breaks and bytes that are no text among it.
        return "".join(char if char.isprintable() else "?" for char in line)

    def json(self) -> str:
        """Writes it as a line for programs."""
        return json.dumps(self._asdict())


# Settings -----------------------------------------------------------------------------------------------------------


def judge_settings(environ: Mapping[str, str], problems: Iterable[Problem]) -> list[Finding]:
    """Tells which settings are set, and which cannot be used.

    Args:
        environ: the process's environment.
        problems: of reading the settings, references as far as they were fetched.
    """
    findings = [_judge_problem(problem) for problem in problems]
    bad = {finding.what for finding in findings}
    told = [
        setting.name + _shown(setting, text)
        for setting in SETTINGS
        if (text := environ.get(PREFIX + setting.name, "").strip())
        and PREFIX + setting.name not in bad
    ]
    found = ", ".join(told) if told else "all are at their defaults"
    return [Finding(OK, "settings", found), *findings]


def _judge_problem(problem: Problem) -> Finding:
    if problem.variable.removeprefix(PREFIX) not in {setting.name for setting in SETTINGS}:
        return Finding(FAIL, problem.variable, "is no setting", problem.accepted)
    value = f'"{problem.value}" ' if problem.value else ""
    found = f"{value}cannot be used; instead: {problem.used}"
    return Finding(FAIL, problem.variable, found, f"accepted: {problem.accepted}")


def _shown(setting: Setting, text: str) -> str:
    if text.startswith(REFERENCE_FORMS):
        return " (a reference)"
    if setting.name in SINKS:
        return f"={name_of(text, is_reference=False)}"
    return " (not shown)" if setting.secret else f"={text[:MAX_SHOWN_CHARS]}"


def judge_reference(variable: str, problem: str, environ: Mapping[str, str]) -> Finding:
    """Tells what became of a setting that is a reference.

    Args:
        variable: with its prefix.
        problem: why it could not be fetched; empty if it was.
        environ: the process's environment.
    """
    if not problem:
        return Finding(OK, variable, "what it refers to was fetched")
    arn, region = _arn_of(environ)
    is_parameter = environ.get(variable, "").strip().startswith("ssm:")
    if is_parameter:
        needed = _statement("ssm:GetParameters", f"{arn}:ssm:{region}:*:parameter/NAME")
    else:
        needed = _statement(
            "secretsmanager:GetSecretValue", f"{arn}:secretsmanager:{region}:*:secret:NAME-*"
        )
    code, _ = _code_and_status(problem)
    if code.startswith("AccessDenied"):
        todo = f"allow the function's role, with the name in its place: {needed}; and kms:Decrypt on a key of yours"
    elif problem == "no such parameter" or code == "ResourceNotFoundException":
        todo = f"make it, or correct the name; the role needs {needed}"
    else:
        todo = _todo_for_aws(code, problem) or "correct what it refers to"
    return Finding(FAIL, variable, f"what it refers to could not be fetched: {problem}", todo)


# Sinks --------------------------------------------------------------------------------------------------------------


def name_of(url: str, *, is_reference: bool) -> str:
    """Names a sink without telling a secret: a bucket, a group or a stream whole, of a URL its host."""
    scheme, _, rest = url.partition(":")
    if is_reference:
        return f"{scheme}:…"
    if scheme.lower() in {*_AWS, "file", "stdout"}:
        return f"{scheme}:{rest}"
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    return f"{scheme}://{host or ''}/…"


def judge_sink(
    variable: str, url: str, receipt: Receipt, environ: Mapping[str, str], *, is_reference: bool
) -> Finding:
    """Tells what a sink made of its record.

    Args:
        variable: such as SINK, without the prefix.
        url: of the sink.
        receipt: its answer.
        environ: the process's environment.
        is_reference: whether the URL was fetched, so that no part of it is to be told.
    """
    what = f"{PREFIX}{variable}"
    name = name_of(url, is_reference=is_reference)
    if receipt.answer is Answer.TAKEN and not (receipt.refused or receipt.rejected_lines):
        return Finding(OK, what, f"{name} took a record")
    reason = ", ".join(sorted(set(receipt.refused.values()))) or receipt.detail
    reason = reason or receipt.answer.value
    scheme = url.partition(":")[0].lower()
    if scheme in _AWS:
        needed = needed_for(f"{scheme}:NAME" if is_reference else url, environ)
        todo = _todo_for_aws_sink(scheme, reason, needed)
    elif scheme == "file":
        todo = "name a file in a directory that is there and that the function may write to"
    else:
        todo = _todo_for_url(variable, reason)
    return Finding(FAIL, what, f"{name} did not take a record: {reason}", todo)


def judge_retention(
    receipt: Receipt, settings: Settings, url: str, environ: Mapping[str, str]
) -> Finding:
    """Tells whether the retention of a log group can be set."""
    what = f"{PREFIX}RETENTION_DAYS"
    if receipt.answer is Answer.TAKEN:
        return Finding(OK, what, f"events are kept for {settings.retention_days} days")
    arn, region = _arn_of(environ)
    group = group_of(url, environ)
    needed = _statement("logs:PutRetentionPolicy", f"{arn}:logs:{region}:*:log-group:{group}")
    found = f"the retention could not be set: {receipt.detail}; delivery goes on"
    return Finding(WARN, what, found, f"allow the function's role {needed}, or set it elsewhere")


def group_of(url: str, environ: Mapping[str, str]) -> str:
    """Gives the log group of a ``cloudwatch:`` sink."""
    return url.partition(":")[2] or "/flight-recorder/" + environ.get(
        "AWS_LAMBDA_FUNCTION_NAME", ""
    )


def needed_for(url: str, environ: Mapping[str, str]) -> str:
    """Gives the IAM statement that a sink of AWS's needs."""
    arn, region = _arn_of(environ)
    scheme, _, rest = url.partition(":")
    if scheme.lower() == "s3":
        return _statement("s3:PutObject", f"{arn}:s3:::{rest.strip('/')}/*")
    if scheme.lower() == "firehose":
        return _statement(
            "firehose:PutRecordBatch", f"{arn}:firehose:{region}:*:deliverystream/{rest}"
        )
    group = group_of(url, environ)
    return _statement(
        ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
        [f"{arn}:logs:{region}:*:log-group:{group}", f"{arn}:logs:{region}:*:log-group:{group}:*"],
    )


def _statement(action: str | list[str], resource: str | list[str]) -> str:
    return json.dumps({"Effect": "Allow", "Action": action, "Resource": resource})


def _arn_of(environ: Mapping[str, str]) -> tuple[str, str]:
    """Gives how ARNs begin where the function is, and the region."""
    region = region_of(environ)
    names = {CHINA: "aws-cn", GOV_CLOUD: "aws-us-gov"}
    return f"arn:{names.get(partition_of(region), 'aws')}", region or "*"


_CODE = re.compile(r"([A-Z][A-Za-z0-9.]+) \(status (\d{3})\)|status (\d{3})")

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AllAccessDisabled"})
_BAD_KEYS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_MISSING = frozenset({"NoSuchBucket", "ResourceNotFoundException"})


def _code_and_status(detail: str) -> tuple[str, int]:
    """Reads AWS's code and HTTP's status, as far as there are any, from what a receipt says."""
    match = _CODE.search(detail)
    if match is None:
        return "", 0
    return match.group(1) or "", int(match.group(2) or match.group(3))


def _todo_for_aws(code: str, detail: str) -> str:
    """Gives what to do about what any service of AWS's may answer; empty if that is not what it is."""
    if code in _BAD_KEYS:
        return "these credentials are not accepted: run the check with the function's own, where the function runs"
    if detail.startswith(("no AWS credentials", "AWS_CONTAINER", "the credentials endpoint")):
        return "run the check where the function runs, or with its credentials in AWS_ACCESS_KEY_ID and the like"
    if detail.startswith("no AWS region"):
        return "set AWS_REGION to the function's region"
    return _todo_for_network(detail, "AWS_ENDPOINT_URL, if that is set")


def _todo_for_aws_sink(scheme: str, detail: str, needed: str) -> str:
    code, status = _code_and_status(detail)
    if code in _DENIED or (not code and status == 403):  # noqa: PLR2004 - HTTP's own number
        return f"allow the function's role {needed}; and look for a Deny, which would win"
    if code in _MISSING:
        thing = {"s3": "bucket", "firehose": "stream"}.get(scheme, "log group")
        return f"make the {thing}, or correct the name; the role needs {needed}"
    todo = _todo_for_aws(code, detail)
    if code == "PermanentRedirect":
        todo = "the bucket is in another region: set AWS_REGION, or use a bucket of this one"
    elif "KMS" in code:
        todo = (
            "allow the role to use the key it is encrypted with: kms:GenerateDataKey, kms:Decrypt"
        )
    elif detail in {"too-old", "too-new", "expired"}:
        todo = "the clock of this machine is off, or the group keeps events for less than that"
    return todo or f"try again later; if it stays so, look that the role has {needed}"


_CHANGES = {
    300: "the address has moved, and redirections are not followed: correct it",
    400: "the other side cannot read it: is the form right (such as json+, loki+ or otlp+ before https:)?",
    401: "it wants another authorization: correct {variable}_HEADERS",
    403: "it wants another authorization, or does not allow this: correct {variable}_HEADERS",
    404: "nothing is there: correct the path in {variable}",
    405: "nothing takes a POST there: correct the path in {variable}",
    407: "the proxy wants an authorization: correct HTTPS_PROXY",
    413: "it takes less in one request: allow it 1 MiB",
    415: "it takes another form: put json+, loki+, otlp+ or the like before https:",
    429: "it has too much to do: try again later, and look at its limits",
}


def _todo_for_url(variable: str, detail: str) -> str:
    _, status = _code_and_status(detail)
    if status:
        kind = 300 if 300 <= status < 400 else 400 if status == 422 else status  # noqa: PLR2004
        change = _CHANGES.get(kind, "the other side is in trouble: look there, and try again")
        return change.format(variable=PREFIX + variable)
    if detail.startswith("a header"):
        return f"correct {PREFIX}{variable}_HEADERS"
    return _todo_for_network(detail, PREFIX + variable) or f"correct {PREFIX}{variable}"


def _todo_for_network(detail: str, variable: str) -> str:
    """Gives what to do where there was no answer; empty if that is not what it was."""
    no_way = (
        "the function needs a way there: a NAT gateway or a private endpoint, if it is in a VPC"
    )
    for beginning, todo in (
        (
            "the name cannot be resolved",
            f"correct the host in {variable}; in a VPC, look at its DNS",
        ),
        ("timed out connecting", f"{no_way}, and a security group that lets it out"),
        ("there is no way", no_way),
        ("timed out", "it takes too long to answer: look there, and at what is in between"),
        ("no answer", "it takes too long to answer: look there, and at what is in between"),
        ("connection refused", f"nothing listens there: correct host and port in {variable}"),
        (
            "the certificate is for",
            f"correct the host in {variable}: its certificate is for another",
        ),
        ("the certificate", "name the authority that signed it in SSL_CERT_FILE, or renew it"),
        (
            "the other side does not speak TLS",
            f"begin with http: in {variable}, or correct the port",
        ),
        ("the TLS handshake failed", "the other side wants another version of TLS: look there"),
        ("the connection was lost", "the other side hung up: look there"),
        ("the answer is not HTTP", f"correct the port in {variable}"),
        ("the proxy", "correct HTTPS_PROXY, HTTP_PROXY and NO_PROXY"),
        ("the environment's proxy", "correct HTTPS_PROXY, HTTP_PROXY and NO_PROXY"),
        ("the certificates to trust", "correct SSL_CERT_FILE, SSL_CERT_DIR or AWS_CA_BUNDLE"),
        ("the address is none", f"correct {variable}"),
        ("the AWS endpoint", f"correct {variable}"),
        ("no connection", f"correct {variable}"),
    ):
        if detail.startswith(beginning):
            return todo
    return ""


# What can be seen without asking anybody ----------------------------------------------------------------------------


def judge_environment(environ: Mapping[str, str], settings: Settings) -> list[Finding]:
    """Finds what will not work as people expect, as far as the environment shows it."""
    findings = [
        *_judge_function(environ, settings),
        *_judge_log_level(environ, settings),
        *_judge_sinks(environ, settings),
        *_judge_headers(settings),
    ]
    if settings.sample_rate >= 1:
        found = "1: every line is kept, so that nothing is saved"
        findings.append(Finding(WARN, f"{PREFIX}SAMPLE_RATE", found, "lower it, to 0.1 or less"))
    return findings


def _judge_function(environ: Mapping[str, str], settings: Settings) -> list[Finding]:
    findings = []
    if not settings.enabled:
        found = "false: the extension does nothing but answer Lambda"
        findings.append(Finding(WARN, f"{PREFIX}ENABLED", found, "remove it to record"))
    if not environ.get("AWS_LAMBDA_FUNCTION_NAME"):
        found = "not set: this does not look like a function's environment"
        todo = "run the check where the function runs, or export the function's variables first"
        findings.append(Finding(WARN, "AWS_LAMBDA_FUNCTION_NAME", found, todo))
    memory = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    if memory.isdigit() and settings.buffer_bytes * BUFFER_SHARE > int(memory) * MIB:
        size = f"{settings.buffer_bytes / MIB:.1f} MiB of the function's {memory} MB"
        found = f"{size}: the function has that much less"
        findings.append(Finding(WARN, f"{PREFIX}BUFFER_SIZE", found, "lower it, or add memory"))
    return findings


def _judge_log_level(environ: Mapping[str, str], settings: Settings) -> list[Finding]:
    if environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() != "JSON":
        return []
    name = environ.get("AWS_LAMBDA_LOG_LEVEL", "") or "INFO"
    level = level_named(name)
    if level is None or level <= Level.DEBUG:
        return [Finding(OK, "AWS_LAMBDA_LOG_LEVEL", f"{name}: nothing is filtered beforehand")]
    found = f"{name}: with the JSON log format, lines below it are dropped within the function, before anybody sees them"
    todo = "set the function's application log level to DEBUG or TRACE: it costs nothing until it is delivered"
    findings = [Finding(WARN, "AWS_LAMBDA_LOG_LEVEL", found, todo)]
    if settings.metrics_interval_ms and level > Level.INFO and not _metrics_are_sunk(settings):
        found = f"metrics go to standard output, which Lambda may drop at log level {name}"
        findings.append(Finding(WARN, f"{PREFIX}METRICS", found, todo))
    return findings


def _metrics_are_sunk(settings: Settings) -> bool:
    return _scheme(settings.sink) in READS_METRICS


def _scheme(url: str) -> str:
    return url.partition(":")[0].lower()


def _judge_sinks(environ: Mapping[str, str], settings: Settings) -> list[Finding]:
    findings = []
    own_group = "/aws/lambda/" + environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    urls = dict(
        zip(SINKS, (settings.sink, settings.fallback_sink, settings.archive_sink), strict=True)
    )
    for variable, url in urls.items():
        what = PREFIX + variable
        if _scheme(url) == "stdout":
            found = "stdout: goes to the function's own log group, so nothing is saved, and nothing arrives once that is denied"
            findings.append(Finding(WARN, what, found, "use another sink, but for trying it out"))
        if _scheme(url) == "cloudwatch" and group_of(url, environ) == own_group:
            found = "is the function's own log group: what is kept is there twice, and a Deny on it stops both"
            findings.append(Finding(WARN, what, found, "let it be cloudwatch: or another group"))
    if settings.fallback_sink and settings.fallback_sink == settings.sink:
        found = "is the same as SINK: it fails when that does"
        todo = "name another, or remove it"
        findings.append(Finding(WARN, f"{PREFIX}FALLBACK_SINK", found, todo))
    if settings.metrics_interval_ms and not _metrics_are_sunk(settings):
        found = "SINK is no CloudWatch Logs, so metrics go to standard output: with a Deny on the function's own log group, nowhere"
        todo = "let SINK be cloudwatch:, allow the group, or set METRICS to off"
        findings.append(Finding(WARN, f"{PREFIX}METRICS", found, todo))
    if settings.retention_days and "cloudwatch" not in map(_scheme, urls.values()):
        found = "has no effect: no sink is CloudWatch Logs"
        findings.append(Finding(WARN, f"{PREFIX}RETENTION_DAYS", found, "remove it"))
    return findings


def _judge_headers(settings: Settings) -> list[Finding]:
    given = (
        ("SINK", settings.sink, settings.sink_headers),
        ("FALLBACK_SINK", settings.fallback_sink, settings.fallback_sink_headers),
        ("ARCHIVE_SINK", settings.archive_sink, settings.archive_sink_headers),
    )
    return [
        Finding(
            WARN,
            f"{PREFIX}{variable}_HEADERS",
            f"have no effect: {variable} is no URL",
            "remove them",
        )
        for variable, url, headers in given
        if headers and not _scheme(url).endswith(("http", "https"))
    ]
