"""Parse the AWS resource that a sink names: a log group, a Firehose stream, a bucket or an access point.

Promises: a text is either understood as a whole or refused. The message of each ValueError says why, for people, and
shows no part of the text. Sources: "Amazon Resource Names (ARNs)" (AWS: IAM user guide), "Bucket naming rules" and
"Access point ARNs" (AWS: Amazon S3 user guide), PutLogEvents, CreateDeliveryStream and PutObject (API references).

Pure. The settings check a sink with it, and the sink reads its URL with it. Patterns are compiled on first use: few
functions need more than one.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

_ARN = r"arn:(aws[a-z-]*):([a-z0-9-]+):([a-z0-9-]*):((?:[0-9]{12})?):(.+)"
_LOG_GROUP = r"[.\-_/#A-Za-z0-9]{1,512}"
_STREAM = r"[a-zA-Z0-9_.-]{1,64}"
_BUCKET = r"[A-Za-z0-9][A-Za-z0-9.-]{1,61}[A-Za-z0-9]"
_ACCESS_POINT = r"[a-z0-9][a-z0-9-]{1,48}[a-z0-9]"

_NO_SINKS = {
    "s3-object-lambda": "an Object Lambda access point takes no objects",
    "s3-outposts": "S3 on Outposts is not supported",
    "s3express": "directory buckets are not supported",
    "s3tables": "table buckets are not supported",
}
"""Services of S3's family that this client does not speak to, by the service in an ARN."""

_NO_BUCKETS = {
    "--ol-s3": _NO_SINKS["s3-object-lambda"],
    "--op-s3": _NO_SINKS["s3-outposts"],
    "--x-s3": _NO_SINKS["s3express"],
    "--table-s3": _NO_SINKS["s3tables"],
    ".mrap": "Multi-Region Access Points want another signature, which is not supported",
}
"""The same, by the reserved end of an alias or a bucket's name (AWS: "Bucket naming rules")."""

OWN_GROUP_PREFIX = "flight-recorder/"
"""Of streams in the function's own log group. A Deny on :data:`LAMBDAS_STREAMS` does not name them."""

LAMBDAS_STREAMS = "20*"
"""Lambda's streams begin with the year (AWS: "Working with Lambda function logs")."""

_KMS = ("aws:kms", "aws:kms:dsse")

_PARAMETERS = {
    "owner": ("x-amz-expected-bucket-owner", "[0-9]{12}", "an account's 12 digits"),
    "sse": ("x-amz-server-side-encryption", "AES256|aws:kms(:dsse)?", "AES256, aws:kms or aws:kms:dsse"),
    "kms-key-id": ("x-amz-server-side-encryption-aws-kms-key-id", "[A-Za-z0-9:/_-]{1,2048}", "a key's id or ARN"),
    "bucket-key": ("x-amz-server-side-encryption-bucket-key-enabled", "true|false", "true or false"),
}  # fmt: skip
"""Header, pattern and form of each parameter behind a bucket's ``?`` (AWS: PutObject)."""


class Arn(NamedTuple):
    """An ARN in parts. Region and account are empty where the resource has none, as for a bucket."""

    partition: str
    service: str
    region: str
    account: str
    resource: str


class Target(NamedTuple):
    """A log group or a stream: its name, and the ARN that named it, if one did."""

    name: str
    arn: Arn | None = None


class S3Target(NamedTuple):
    """A bucket, or an access point.

    Attributes:
        bucket: the bucket's name, or the access point's.
        prefix: of all keys, without slashes at its ends; may be empty.
        arn: the ARN that named it; None without one.
        is_access_point: whether the ARN is an access point's. An alias of an access point is used as a bucket's name.
        headers: of each PUT, as the parameters want them.
    """

    bucket: str
    prefix: str
    arn: Arn | None = None
    is_access_point: bool = False
    headers: tuple[tuple[str, str], ...] = ()


def read_arn(text: str) -> Arn | None:
    """Parse an ARN; return None for other text."""
    match = re.fullmatch(_ARN, text, re.DOTALL)
    return Arn(*match.groups()) if match else None


def read_log_group(text: str) -> Target:
    """Parse a log group's name or ARN, as behind ``cloudwatch:``; the name is empty for the default group."""
    if not text:
        return Target("")
    # CloudWatch shows a group's ARN with and without the last part, which means its streams.
    target = _named(text, "logs", "log-group:")
    target = target._replace(name=target.name.removesuffix(":*") if target.arn else target.name)
    if not re.fullmatch(_LOG_GROUP, target.name):
        raise ValueError("no log group has such a name")
    return target


def is_own_log_group(url: str) -> bool:
    """Tell whether a sink of CloudWatch Logs writes to the function's own log group, beside Lambda's streams."""
    return "own+" in url.partition(":")[0].lower()


def default_log_group(url: str, *, function: str, environ: Mapping[str, str]) -> str:
    """Return the log group of a sink that names none: the recorder's, or the function's own.

    Lambda tells a function the name of its log group, and an extension not (AWS: Lambda Extensions API).
    """
    if is_own_log_group(url):
        return environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "") or f"/aws/lambda/{function}"
    return f"/flight-recorder/{function}"


def read_stream(text: str) -> Target:
    """Parse a Firehose stream's name or ARN, as behind ``firehose:``."""
    target = _named(text, "firehose", "deliverystream/")
    if not re.fullmatch(_STREAM, target.name):
        raise ValueError("no stream has such a name")
    return target


def _named(text: str, service: str, before: str) -> Target:
    if not text.startswith("arn:"):
        return Target(text)
    arn = read_arn(text)
    if arn is None or not arn.region or not arn.account:
        raise ValueError("the ARN is not complete")
    if arn.service != service or not arn.resource.startswith(before):
        raise ValueError(f"the ARN is not one of {service}, {before}NAME")
    return Target(arn.resource.removeprefix(before), arn)


def read_s3(text: str) -> S3Target:
    """Parse what stands behind ``s3://``: ``BUCKET/PREFIX?PARAMETERS``, or an ARN in the bucket's place."""
    place, asks, parameters = text.partition("?")
    target = _access_point_or_bucket(place) if place.startswith("arn:") else _bucket(place)
    # Clients drop such parts of a path on the way, and the request's signature is wrong then.
    if {".", ".."} & set(target.prefix.split("/")):
        raise ValueError("no part of the prefix may be . or ..")
    return target._replace(headers=_headers(parameters) if asks else ())


def _bucket(place: str) -> S3Target:
    bucket, _, prefix = place.partition("/")
    for end, why in _NO_BUCKETS.items():
        if bucket.endswith(end):
            raise ValueError(why)
    if not re.fullmatch(_BUCKET, bucket):
        raise ValueError("no bucket has such a name")
    return S3Target(bucket, prefix.strip("/"))


def _access_point_or_bucket(place: str) -> S3Target:
    arn = read_arn(place)
    if arn is None:
        raise ValueError("the ARN is not complete")
    if arn.service != "s3":
        raise ValueError(_NO_SINKS.get(arn.service, "the ARN is not one of s3"))
    if not arn.region and not arn.account:
        return _bucket(arn.resource)._replace(arn=arn)
    if not arn.resource.startswith(("accesspoint/", "accesspoint:")):
        raise ValueError("the ARN is neither a bucket's nor an access point's")
    if not arn.region or not arn.account:
        raise ValueError(_NO_BUCKETS[".mrap"])
    name, _, prefix = arn.resource[len("accesspoint/") :].partition("/")
    if not re.fullmatch(_ACCESS_POINT, name):
        raise ValueError("no access point has such a name")
    return S3Target(name, prefix.strip("/"), arn, is_access_point=True)


def _headers(parameters: str) -> tuple[tuple[str, str], ...]:
    given: dict[str, str] = {}
    for part in parameters.split("&"):
        name, _, value = part.partition("=")
        if name not in _PARAMETERS:
            raise ValueError(f"behind ? may stand {', '.join(_PARAMETERS)}")
        _, pattern, form = _PARAMETERS[name]
        if "%" in value:
            from urllib.parse import unquote  # only a value that somebody encoded needs it

            value = unquote(value)
        if name in given or not re.fullmatch(pattern, value):
            raise ValueError(f"{name} wants {form}, once")
        given[name] = value
    if "kms-key-id" in given and given.get("sse") not in _KMS:
        raise ValueError("kms-key-id wants sse=aws:kms or sse=aws:kms:dsse beside it")
    if "bucket-key" in given and given.get("sse") != "aws:kms":
        raise ValueError("bucket-key wants sse=aws:kms beside it")
    return tuple((_PARAMETERS[name][0], value) for name, value in given.items())
