"""Write the statements of the function's role: its own log group, and what the sinks need. Pure.

docs/sinks/ has the same statements for people, and a test compares them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attach.plan.model import Function
from extension.config.parsers import kind_of_sink
from extension.config.settings import Settings
from extension.model.aws_targets import (
    LAMBDAS_STREAMS,
    OWN_GROUP_PREFIX,
    Arn,
    default_log_group,
    is_own_log_group,
    read_log_group,
    read_s3,
    read_stream,
)

Statement = dict[str, Any]
Document = dict[str, Any]

WRITES = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
"""What Lambda does with a function's role to write the function's log."""


def document(statements: Sequence[Statement]) -> Document:
    """Return a policy."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def own_log_group(function: Function, effect: str) -> Statement:
    """Return the statement on the function's own log group. It names no other: roles are shared."""
    arn = function.arn_of_group(function.log_group)
    return {"Effect": effect, "Action": list(WRITES), "Resource": [arn, f"{arn}:*"]}


def deny_of_own_log_group(function: Function, settings: Settings) -> Statement:
    """Return the Deny on what Lambda writes: on its streams alone, where a sink shares the group."""
    if not shares_own_log_group(settings):
        return own_log_group(function, "Deny")
    arn = f"{function.arn_of_group(function.log_group)}:log-stream:{LAMBDAS_STREAMS}"
    return {"Effect": "Deny", "Action": WRITES[1:], "Resource": [arn]}


def shares_own_log_group(settings: Settings) -> bool:
    """Tell whether a sink writes to the function's own log group, beside Lambda's streams."""
    return any(is_own_log_group(sink.url) for sink in settings.sinks)


def of_sinks(function: Function, settings: Settings) -> list[Statement]:
    """Return what the sinks need and no more; nothing for sinks outside of AWS, and for references."""
    return [
        statement
        for sink in settings.sinks
        for statement in _of_sink(function, sink.url, retention=bool(settings.retention_days))
    ]


def kept_groups(function: Function, settings: Settings) -> list[str]:
    """Return the names of the log groups that the sinks write to, beside the function."""
    groups = []
    for sink in settings.sinks:
        if kind_of_sink(sink.url) == "cloudwatch":
            target = read_log_group(sink.url.partition("cloudwatch:")[2])
            if target.arn is None or _is_beside(target.arn, function):
                groups.append(target.name or _default_group(function, sink.url))
    return list(dict.fromkeys(groups))


def _default_group(function: Function, url: str) -> str:
    # An extension is not told the group that LoggingConfig names, so neither may it count here.
    return default_log_group(url, function=function.name, environ={})


def without_denies(statements: Sequence[Statement]) -> list[Statement]:
    """Return the statements that deny nothing."""
    return [one for one in statements if one.get("Effect") != "Deny"]


def denies(statements: Sequence[Statement]) -> bool:
    """Tell whether one of them denies."""
    return len(without_denies(statements)) < len(statements)


def without_own_log_group(statements: Sequence[Statement], function: Function) -> list[Statement]:
    """Return the statements for the sinks: those that deny nothing, and do not allow the function's own log group."""
    allow = own_log_group(function, "Allow")
    return [one for one in without_denies(statements) if one != allow]


def allows_own_log_group(statements: Sequence[Statement], function: Function) -> bool:
    """Tell whether the function's own log group is allowed, as `--own-log-group allow` does."""
    return own_log_group(function, "Allow") in statements


def statements_of(policy: Mapping[str, Any] | None) -> list[Statement]:
    """Return the statements of a policy; none if there is no policy."""
    found = (policy or {}).get("Statement") or []
    return [found] if isinstance(found, dict) else list(found)


def _of_sink(function: Function, url: str, *, retention: bool) -> Iterator[Statement]:
    kind, rest = kind_of_sink(url), url.partition(":")[2]
    if kind == "cloudwatch":
        target = read_log_group(rest)
        group = target.name or _default_group(function, url)
        arn = _arn_at(function, target.arn, f"log-group:{group}", service="logs")
        streams = f"log-stream:{OWN_GROUP_PREFIX}*" if is_own_log_group(url) else "*"
        yield {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": [arn, f"{arn}:{streams}"],
        }
        if retention:
            yield {"Effect": "Allow", "Action": "logs:PutRetentionPolicy", "Resource": arn}
    elif kind == "s3":
        s3 = read_s3(rest.removeprefix("//"))
        place = f"{s3.prefix}/*" if s3.prefix else "*"
        arn = f"arn:{function.partition}:s3:::{s3.bucket}/{place}"
        if s3.is_access_point and s3.arn is not None:
            at = s3.arn
            arn = f"arn:{at.partition}:s3:{at.region}:{at.account}:accesspoint/{s3.bucket}/object/{place}"
        yield {"Effect": "Allow", "Action": "s3:PutObject", "Resource": arn}
    elif kind == "firehose":
        stream = read_stream(rest)
        arn = _arn_at(function, stream.arn, f"deliverystream/{stream.name}", service="firehose")
        yield {"Effect": "Allow", "Action": "firehose:PutRecordBatch", "Resource": arn}


def _arn_at(function: Function, given: Arn | None, resource: str, *, service: str) -> str:
    at = given or Arn(function.partition, service, function.region, function.account, resource)
    return f"arn:{at.partition}:{service}:{at.region}:{at.account}:{resource}"


def _is_beside(arn: Arn, function: Function) -> bool:
    return (arn.region, arn.account) == (function.region, function.account)
