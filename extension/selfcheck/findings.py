"""Judge the results of the self-check: put each finding into words, with advice.

Promises: no finding holds a secret. A setting that may hold one, or is a reference, is named and not shown; a sink that
is a URL is shown with its scheme and host. Where AWS denies something, the advice holds the IAM statement that allows it.
Pure: settings, results of fetches and receipts are passed in. Only ``--check`` loads it.
"""

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from extension import PREFIX
from extension.aws.errors import Missing
from extension.config.parsers import MIB, kind_of_sink
from extension.config.settings import MAX_SHOWN_CHARS, REFERENCE_FORMS, Problem, Settings
from extension.config.variables import SETTINGS, SINKS, Setting
from extension.model.levels import Level, level_named
from extension.model.receipt import Answer, Receipt
from extension.selfcheck.remedies import (
    arn_of,
    code_and_status,
    group_of,
    needed_for,
    reason_in,
    statement,
    todo_for_aws,
    todo_for_aws_sink,
    todo_for_url,
)

OK, WARN, FAIL = "ok", "warn", "fail"

CHECK_TYPE = "flightRecorder.check"
"""Type of the record that each sink gets."""

_AWS = frozenset({"cloudwatch", "s3", "firehose"})

BUFFER_SHARE = 4
"""A buffer above a quarter of the function's memory is allowed, but leaves the function little."""

READS_METRICS = frozenset({"cloudwatch"})
"""Kinds of SINK that read metrics from records; with others, metrics go to standard output."""


class Finding(NamedTuple):
    """One line of the check.

    Attributes:
        level: ``ok``, ``warn`` or ``fail``.
        what: subject of the check, such as SINK.
        found: result, in words.
        todo: advice; empty if nothing needs to change.
    """

    level: str
    what: str
    found: str
    todo: str = ""

    def text(self) -> str:
        """Return a line for people."""
        todo = f" -> {self.todo}" if self.todo else ""
        line = f"{self.level:<4}  {self.what}: {self.found}{todo}"
        # A value may hold line breaks, and bytes that are not text.
        return "".join(char if char.isprintable() else "?" for char in line)

    def json(self) -> str:
        """Return a line of JSON for programs."""
        return json.dumps(self._asdict())


# Settings -----------------------------------------------------------------------------------------------------------


def judge_settings(environ: Mapping[str, str], problems: Iterable[Problem]) -> list[Finding]:
    """Judge which settings are set and which cannot be used.

    Args:
        environ: environment of the process.
        problems: problems of reading the settings, with the fetched values of references.
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
    if not problem.accepted:
        return Finding(FAIL, problem.variable, "is no setting", problem.fault)
    value = f'"{problem.value}" ' if problem.value else ""
    fault = f" ({problem.fault})" if problem.fault else ""
    found = f"{value}cannot be used{fault}; instead: {problem.used}"
    return Finding(FAIL, problem.variable, found, f"accepted: {problem.accepted}")


def _shown(setting: Setting, text: str) -> str:
    if text.startswith(REFERENCE_FORMS):
        return " (a reference)"
    if setting.name in SINKS:
        return f"={name_of(text, is_reference=False)}"
    return " (not shown)" if setting.secret else f"={text[:MAX_SHOWN_CHARS]}"


def judge_reference(variable: str, problem: str, environ: Mapping[str, str]) -> Finding:
    """Judge the fetch of a reference.

    Args:
        variable: with its prefix.
        problem: why the value could not be fetched; empty if it was fetched.
        environ: environment of the process.
    """
    if not problem:
        return Finding(OK, variable, "what it refers to was fetched")
    arn, region = arn_of(environ)
    is_parameter = environ.get(variable, "").strip().startswith("ssm:")
    if is_parameter:
        needed = statement("ssm:GetParameters", f"{arn}:ssm:{region}:*:parameter/NAME")
    else:
        needed = statement(
            "secretsmanager:GetSecretValue", f"{arn}:secretsmanager:{region}:*:secret:NAME-*"
        )
    code, _ = code_and_status(problem)
    if code.startswith("AccessDenied"):
        todo = f"allow the function's role, with the name in its place: {needed}; and kms:Decrypt on a key of yours"
    elif code == "ResourceNotFoundException" or reason_in(problem) is Missing.PARAMETER:
        todo = f"make it, or correct the name; the role needs {needed}"
    else:
        todo = todo_for_aws(code, problem) or "correct what it refers to"
    return Finding(FAIL, variable, f"what it refers to could not be fetched: {problem}", todo)


# Sinks --------------------------------------------------------------------------------------------------------------


def name_of(url: str, *, is_reference: bool) -> str:
    """Return a name without secrets: a whole bucket, group or stream, but only the host of a URL."""
    scheme, _, rest = url.partition(":")
    if is_reference:
        return f"{scheme}:…"
    if kind_of_sink(url) in {*_AWS, "file", "stdout"}:
        return f"{scheme}:{rest}"
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    return f"{scheme}://{host or ''}/…"


def judge_sink(
    variable: str, url: str, receipt: Receipt, environ: Mapping[str, str], *, is_reference: bool
) -> Finding:
    """Judge the answer of a sink to its record.

    Args:
        variable: such as SINK, without the prefix.
        url: URL of the sink.
        receipt: its answer.
        environ: environment of the process.
        is_reference: whether the URL was fetched, so that no part of it may be shown.
    """
    what = f"{PREFIX}{variable}"
    name = name_of(url, is_reference=is_reference)
    if receipt.answer is Answer.TAKEN and not (receipt.refused or receipt.rejected_lines):
        return Finding(OK, what, f"{name} took a record")
    reason = ", ".join(sorted(set(receipt.refused.values()))) or receipt.detail
    reason = reason or receipt.answer.value
    kind = kind_of_sink(url)
    if kind in _AWS:
        needed = needed_for(f"{kind}:NAME" if is_reference else url, environ)
        todo = todo_for_aws_sink(kind, reason, needed=needed)
    elif kind == "file":
        todo = "name a file in a directory that is there and that the function may write to"
    else:
        todo = todo_for_url(variable, reason)
    return Finding(FAIL, what, f"{name} did not take a record: {reason}", todo)


def judge_retention(
    receipt: Receipt, settings: Settings, url: str, environ: Mapping[str, str]
) -> Finding:
    """Judge whether the retention of a log group can be set."""
    what = f"{PREFIX}RETENTION_DAYS"
    if receipt.answer is Answer.TAKEN:
        return Finding(OK, what, f"events are kept for {settings.retention_days} days")
    arn, region = arn_of(environ)
    group = group_of(url, environ)
    needed = statement("logs:PutRetentionPolicy", f"{arn}:logs:{region}:*:log-group:{group}")
    found = f"the retention could not be set: {receipt.detail}; delivery goes on"
    return Finding(WARN, what, found, f"allow the function's role {needed}, or set it elsewhere")


# The environment ----------------------------------------------------------------------------------------------


def judge_environment(environ: Mapping[str, str], settings: Settings) -> list[Finding]:
    """Judge what the environment shows: settings that do not work as people expect."""
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
    return kind_of_sink(settings.sinks[0].url) in READS_METRICS


def _judge_sinks(environ: Mapping[str, str], settings: Settings) -> list[Finding]:
    findings = []
    own_group = "/aws/lambda/" + environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    for variable, url, _ in settings.sinks:
        what = PREFIX + variable
        if kind_of_sink(url) == "stdout":
            found = "stdout: goes to the function's own log group, so nothing is saved, and nothing arrives once that is denied"
            findings.append(Finding(WARN, what, found, "use another sink, but for trying it out"))
        if kind_of_sink(url) == "cloudwatch" and group_of(url, environ) == own_group:
            found = "is the function's own log group: what is kept is there twice, and a Deny on it stops both"
            findings.append(Finding(WARN, what, found, "let it be cloudwatch: or another group"))
    primary, fallback, _ = settings.sinks
    if fallback.url and fallback.url == primary.url:
        found = "is the same as SINK: it fails when that does"
        todo = "name another, or remove it"
        findings.append(Finding(WARN, f"{PREFIX}FALLBACK_SINK", found, todo))
    if settings.metrics_interval_ms and not _metrics_are_sunk(settings):
        found = "SINK is no CloudWatch Logs, so metrics go to standard output: with a Deny on the function's own log group, nowhere"
        todo = "let SINK be cloudwatch:, allow the group, or set METRICS to off"
        findings.append(Finding(WARN, f"{PREFIX}METRICS", found, todo))
    if settings.retention_days and all(
        kind_of_sink(sink.url) != "cloudwatch" for sink in settings.sinks
    ):
        found = "has no effect: no sink is CloudWatch Logs"
        findings.append(Finding(WARN, f"{PREFIX}RETENTION_DAYS", found, "remove it"))
    return findings


def _judge_headers(settings: Settings) -> list[Finding]:
    return [
        Finding(
            WARN,
            f"{PREFIX}{variable}_HEADERS",
            f"have no effect: {variable} is no URL",
            "remove them",
        )
        for variable, url, headers in settings.sinks
        if headers and not kind_of_sink(url).endswith(("http", "https"))
    ]
