"""Judge the results of the self-check: put each finding into words, with advice.

Promises: no finding holds a secret. A setting that may hold one, or is a reference, is named and not shown; a sink that
is a URL is shown with its scheme and host. Where AWS denies something, the advice holds the IAM statement that allows it.
Pure: settings, results of fetches and receipts are passed in. Only ``--check`` loads it.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from extension import PREFIX
from extension.aws.errors import Missing
from extension.config.parsers import AWS_SINKS, MIB, kind_of_sink
from extension.config.settings import MAX_SHOWN_CHARS, Problem, Settings, is_reference
from extension.config.variables import SETTINGS, SINKS, Setting
from extension.levels.level import Level, level_named
from extension.model.aws_targets import (
    LAMBDAS_STREAMS,
    OWN_GROUP_PREFIX,
    is_own_log_group,
    read_arn,
)
from extension.model.receipt import Answer, Receipt
from extension.selfcheck.remedies import (
    DENIED,
    code_and_status,
    deny_of_lambdas_streams,
    group_of,
    needed_for,
    own_group_of,
    reason_in,
    statement,
    todo_for_aws,
    todo_for_aws_sink,
    todo_for_url,
)
from extension.transport.proxies import unreadable_exemptions

OK, WARN, FAIL = "ok", "warn", "fail"

CHECK_TYPE = "flightRecorder.check"
"""Type of the record that each sink gets."""

OWN_GROUP = "own log group"
"""What findings about the function's own log group are about."""

BUFFER_SHARE = 4
"""A buffer above a quarter of the function's memory is allowed, but leaves the function little."""


class Finding(NamedTuple):
    """One line of the check: its level, its subject, the result in words, and advice if something needs to change."""

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


def judge_settings(
    environ: Mapping[str, str], problems: Iterable[Problem], *, document: Collection[str] = ()
) -> list[Finding]:
    """Judge which settings cannot be used and which are set. ``document`` has the variables that SETTINGS refers to."""
    findings = [_judge_problem(problem) for problem in problems]
    bad = {finding.what for finding in findings}
    told = [
        setting.name + _shown(setting, text)
        for setting in SETTINGS
        if (text := environ.get(PREFIX + setting.name, "").strip())
        and PREFIX + setting.name not in bad
    ]
    told += [
        f"{setting.name} (in SETTINGS)"
        for setting in SETTINGS
        if PREFIX + setting.name in document
        and not environ.get(PREFIX + setting.name, "").strip()
        and PREFIX + setting.name not in bad
    ]
    at_defaults = "no other is set" if findings else "all are at their defaults"
    return [*findings, Finding(OK, "settings", ", ".join(told) or at_defaults)]


def _judge_problem(problem: Problem) -> Finding:
    if not problem.accepted:
        return Finding(FAIL, problem.variable, "is no setting", problem.fault)
    value = f'"{problem.value}" ' if problem.value else ""
    fault = f" ({problem.fault})" if problem.fault else ""
    found = f"{value}cannot be used{fault}; instead: {problem.used}"
    return Finding(FAIL, problem.variable, found, f"accepted: {problem.accepted}")


def _shown(setting: Setting, text: str) -> str:
    if is_reference(setting.name, text):
        return " (a reference)"
    if setting.name in SINKS:
        return f"={name_of(text, is_reference=False)}"
    return " (not shown)" if setting.secret else f"={text[:MAX_SHOWN_CHARS]}"


_NEEDED = {
    "ssm": ("ssm:GetParameters", "parameter/NAME"),
    "secretsmanager": ("secretsmanager:GetSecretValue", "secret:NAME-*"),
    "s3": ("s3:GetObject", "BUCKET/KEY"),
}
"""Action and resource that a reference needs, by service."""

_MISSING = frozenset({"NoSuchBucket", "NoSuchKey", "ResourceNotFoundException"})


def judge_reference(variable: str, problem: str, environ: Mapping[str, str]) -> Finding:
    """Judge the fetch of a reference; ``problem`` is the reason why it failed, or empty."""
    if not problem:
        return Finding(OK, variable, "what it refers to was fetched")
    service, _, name = environ.get(variable, "").strip().partition(":")
    if (arn := read_arn(name.removeprefix("//").partition("#")[0])) is not None and arn.region:
        environ = {**environ, "AWS_REGION": arn.region}
    needed = statement(environ, *_NEEDED[service])
    code, _ = code_and_status(problem)
    if code.startswith("AccessDenied"):
        todo = f"allow the function's role, with the name in its place: {needed}; and kms:Decrypt on a key of yours"
        if service == "s3":
            todo += ". Is the key right? Allow s3:ListBucket on the bucket to be told that an object is missing"
    elif code in _MISSING or reason_in(problem) is Missing.PARAMETER:
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
    if kind_of_sink(url) in {*AWS_SINKS, "file", "stdout"}:
        return f"{scheme}:{rest}"
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    return f"{scheme}://{host or ''}/…"


def judge_sink(
    variable: str, url: str, receipt: Receipt, environ: Mapping[str, str], *, is_reference: bool
) -> Finding:
    """Judge the answer of a sink to its record; no part of a URL that was fetched may be shown."""
    what = f"{PREFIX}{variable}"
    name = name_of(url, is_reference=is_reference)
    if receipt.answer is Answer.TAKEN and not (receipt.refused or receipt.rejected_lines):
        return Finding(OK, what, f"{name} took a record")
    refused = ", ".join(sorted(set(receipt.refused.values())))
    reason = refused or receipt.detail or receipt.answer.value
    kind = kind_of_sink(url)
    if kind in AWS_SINKS:
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
    group = group_of(url, environ)
    needed = statement(environ, "logs:PutRetentionPolicy", f"log-group:{group}")
    found = f"the retention could not be set: {receipt.detail}; delivery goes on"
    return Finding(WARN, what, found, f"allow the function's role {needed}, or set it elsewhere")


def judge_own_group(
    receipt: Receipt, settings: Settings, environ: Mapping[str, str]
) -> Iterator[Finding]:
    """Judge whether standard output leads anywhere, from the answer to an event for a stream that does not exist.

    Without a region or credentials there is no finding: the role is not here.
    """
    what, group = OWN_GROUP, own_group_of(environ)
    if _is_denied(receipt):
        yield _denied(f"the role may not write to {group}, which saves its cost", settings)
    elif _is_allowed(receipt):
        found = f"the role may write to {group}: lines of failed invocations that no sink takes until SHUTDOWN go there, and CloudWatch bills every line that Lambda writes there"
        yield Finding(OK, what, found)
    else:
        yield from _unknown(receipt, group)


def judge_shared_group(
    lambdas: Receipt, ours: Receipt, settings: Settings, group: str, environ: Mapping[str, str]
) -> Iterator[Finding]:
    """Judge the log group that Lambda and a sink ``own+cloudwatch:`` write to.

    Args:
        lambdas: The answer to an event for a stream that is called as Lambda's are, and does not exist.
        ours: The same, for a stream that is called as the sink's are.
        settings: Of the function.
        group: The group's name.
        environ: The function's.
    """
    theirs = f"Lambda's streams ({LAMBDAS_STREAMS}) of {group}"
    deny = deny_of_lambdas_streams(group, environ)
    unknown = [one for one in (lambdas, ours) if not (_is_denied(one) or _is_allowed(one))]
    if unknown:
        yield from _unknown(unknown[0], group)
    elif _is_denied(ours):
        needed = needed_for(f"own+cloudwatch:{group}", environ)
        found = f"the role may not write to streams {OWN_GROUP_PREFIX}* of {group}"
        todo = f"allow the function's role {needed}; and let no Deny name more than this: {deny}"
        yield Finding(FAIL, OWN_GROUP, found, todo)
    elif _is_denied(lambdas):
        yield _denied(f"the role may not write to {theirs}, which saves their cost", settings)
    else:
        found = f"the role may write to {theirs}: CloudWatch bills every line, and what is kept is there twice"
        todo = (
            f"deny it to the function's role: {deny}; environments that run keep their permissions"
        )
        yield Finding(WARN, OWN_GROUP, found, todo)


def _is_denied(receipt: Receipt) -> bool:
    return code_and_status(receipt.detail)[0] in DENIED


def _is_allowed(receipt: Receipt) -> bool:
    # AWS looks at permissions first, and then finds nothing to write to.
    missing = code_and_status(receipt.detail)[0] == "ResourceNotFoundException"
    return receipt.answer is Answer.TAKEN or missing


def _denied(found: str, settings: Settings) -> Finding:
    """Judge a Deny that is meant, by what is lost with it."""
    if kind_of_sink(settings.sinks[1].url) in {"", "stdout", "unusable"}:
        found += "; lines of failed invocations that SINK does not take until SHUTDOWN are lost"
        todo = f"name a second place in {PREFIX}FALLBACK_SINK, and leave the Deny as it is"
        return Finding(WARN, OWN_GROUP, found, todo)
    found += "; lines that neither SINK nor FALLBACK_SINK takes until SHUTDOWN are lost"
    return Finding(OK, OWN_GROUP, found)


def _unknown(receipt: Receipt, group: str) -> Iterator[Finding]:
    if reason_in(receipt.detail) in {Missing.REGION, Missing.CREDENTIALS}:
        return
    reason = receipt.detail or receipt.answer.value
    found = f"whether the role may write to {group} could not be found out: {reason}"
    code, _ = code_and_status(receipt.detail)
    todo = todo_for_aws(code, receipt.detail) or f"look in the role for a Deny on {group}"
    yield Finding(WARN, OWN_GROUP, found, todo)


# The environment ----------------------------------------------------------------------------------------------


def judge_environment(environ: Mapping[str, str], settings: Settings) -> list[Finding]:
    """Judge what the environment shows: settings that do not work as people expect."""
    return [
        *_judge_function(environ, settings),
        *_judge_log_level(environ, settings),
        *_judge_exemptions(environ),
        *_judge_each_sink(environ, settings),
        *_judge_together(settings),
    ]


def _warn(setting: str, found: str, todo: str) -> Finding:
    return Finding(WARN, PREFIX + setting, found, todo)


def _judge_function(environ: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    if not settings.enabled:
        found = "false: the extension does nothing but answer Lambda"
        yield _warn("ENABLED", found, "remove it to record")
    if not environ.get("AWS_LAMBDA_FUNCTION_NAME"):
        found = "not set: this does not look like a function's environment"
        todo = "run the check where the function runs, or export the function's variables first"
        yield Finding(WARN, "AWS_LAMBDA_FUNCTION_NAME", found, todo)
    memory = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    if memory.isdigit() and settings.buffer_bytes * BUFFER_SHARE > int(memory) * MIB:
        size = f"{settings.buffer_bytes / MIB:.1f} MiB of the function's {memory} MB"
        found = f"{size}: the function has that much less"
        yield _warn("BUFFER_SIZE", found, "lower it, or add memory")


def _judge_log_level(environ: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    if environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() != "JSON":
        return
    name = environ.get("AWS_LAMBDA_LOG_LEVEL", "") or "INFO"
    level = level_named(name)
    if level is None or level <= Level.DEBUG:
        yield Finding(OK, "AWS_LAMBDA_LOG_LEVEL", f"{name}: nothing is filtered beforehand")
        return
    found = f"{name}: with the JSON log format, lines below it are dropped within the function, before anybody sees them"
    todo = "set the function's application log level to DEBUG or TRACE: it costs nothing until it is delivered"
    yield Finding(WARN, "AWS_LAMBDA_LOG_LEVEL", found, todo)
    if level > Level.INFO and _metrics_go_to_stdout(settings):
        found = f"metrics go to standard output, which Lambda may drop at log level {name}"
        yield _warn("METRICS", found, todo)


def _judge_exemptions(environ: Mapping[str, str]) -> Iterator[Finding]:
    if entries := unreadable_exemptions(environ):
        found = f"left out, since it cannot be read: {', '.join(entries)}"
        todo = "accepted: names, addresses and ranges such as 10.0.0.0/8 or fc00::/7, each also with a port"
        yield Finding(WARN, "NO_PROXY", found, todo)


def _metrics_go_to_stdout(settings: Settings) -> bool:
    """Tell whether there are metrics, and SINK is of a kind that does not read metrics from records."""
    return (
        bool(settings.metrics_interval_ms) and kind_of_sink(settings.sinks[0].url) != "cloudwatch"
    )


def _judge_each_sink(environ: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    own_group = own_group_of(environ)
    for variable, url, _ in settings.sinks:
        kind = kind_of_sink(url)
        if kind == "stdout":
            found = "stdout: goes to the function's own log group, so nothing is saved, and nothing arrives once that is denied"
            yield _warn(variable, found, "use another sink, but for trying it out")
        if kind == "cloudwatch" and is_own_log_group(url):
            yield from _judge_shared_group(variable, url, environ)
        elif kind == "cloudwatch" and group_of(url, environ) == own_group:
            found = "is the function's own log group: what is kept is there twice, and a Deny on it stops both"
            todo = "put own+ before cloudwatch:, and deny Lambda's streams alone; or let it be cloudwatch: or another group"
            yield _warn(variable, found, todo)


def _judge_shared_group(variable: str, url: str, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Judge whether a sink ``own+cloudwatch:`` names the group that Lambda writes to."""
    own_group, function = own_group_of(environ), environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    # Lambda tells a function the name, and an extension not.
    group = group_of(url, {"AWS_LAMBDA_FUNCTION_NAME": function})
    if own_group and group != own_group:
        found = f"does not name the function's own log group {own_group}, which Lambda does not tell an extension: lines go to another"
        yield _warn(variable, found, f"let it be {url.partition(':')[0]}:{own_group}")


def _judge_together(settings: Settings) -> Iterator[Finding]:
    """Judge settings that have no effect, or an odd one, beside others."""
    primary, fallback, _ = settings.sinks
    if fallback.url == primary.url and kind_of_sink(primary.url) not in {"", "unusable"}:
        found = "is the same as SINK: it fails when that does"
        yield _warn("FALLBACK_SINK", found, "name another, or remove it")
    if _metrics_go_to_stdout(settings):
        found = "SINK is no CloudWatch Logs, so metrics go to standard output: with a Deny on the function's own log group, nowhere"
        todo = "let SINK be cloudwatch:, allow the group, or set METRICS to off"
        yield _warn("METRICS", found, todo)
    if settings.metrics_fleet and not settings.metrics_interval_ms:
        yield _warn("METRICS_FLEET", "has no effect: METRICS is off", "set METRICS, or remove it")
    kinds = {variable: kind_of_sink(url) for variable, url, _ in settings.sinks}
    if settings.retention_days and "cloudwatch" not in kinds.values():
        found = "has no effect: no sink is CloudWatch Logs"
        yield _warn("RETENTION_DAYS", found, "remove it")
    for variable, _, headers in settings.sinks:
        if headers and not kinds[variable].endswith(("http", "https", "unusable")):
            found = f"have no effect: {variable} is no URL"
            yield _warn(f"{variable}_HEADERS", found, "remove them")
    if settings.sample_rate >= 1:
        found = "1: every line is kept, so that nothing is saved"
        yield _warn("SAMPLE_RATE", found, "lower it, to 0.1 or less")
