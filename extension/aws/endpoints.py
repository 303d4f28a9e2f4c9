"""Which region a function is in, and where its services answer.

Pure: the environment is passed in. The variables are those of AWS's SDKs ("Service-specific endpoints" and "Dual-stack
and FIPS endpoints" in the AWS SDKs and Tools reference guide); suffixes and names are what botocore's endpoint rules
give, with which a test compares every partition.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Partition(NamedTuple):
    """A part of AWS with names of its own.

    Attributes:
        region_prefix: by which its regions can be told.
        suffix: of its endpoints' names.
        dual_stack_suffix: of those that answer over IPv6 too.
    """

    region_prefix: str
    suffix: str
    dual_stack_suffix: str


AWS = Partition("", "amazonaws.com", "api.aws")
CHINA = Partition("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn")
GOV_CLOUD = Partition("us-gov-", "amazonaws.com", "api.aws")
PARTITIONS = (
    CHINA,
    GOV_CLOUD,
    Partition("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    Partition("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    Partition("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    Partition("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    Partition("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    AWS,
)

_VARIABLES = {
    "logs": ("CLOUDWATCH_LOGS", "LOGS"),
    "secretsmanager": ("SECRETS_MANAGER", "SECRETSMANAGER"),
}
"""Where an SDK's name for a service, which AWS documents for the variable, is not the one people know it by."""

_PLAIN_IS_FIPS = frozenset({"logs", "ssm"})
"""Whose ordinary endpoint in GovCloud is the one that keeps to FIPS 140."""


def region_of(environ: Mapping[str, str]) -> str:
    """Gives the region, or an empty string where none is set, or none that could be part of a host's name."""
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    return region if region.replace("-", "").isalnum() and region.isascii() else ""


def endpoint_for(service: str, environ: Mapping[str, str]) -> str:
    """Gives the URL of a service, without a final slash.

    Args:
        service: its signing name, such as ``logs``.
        environ: region, and what AWS's SDKs would heed as well: ``AWS_ENDPOINT_URL``, ``AWS_ENDPOINT_URL_...``,
            ``AWS_IGNORE_CONFIGURED_ENDPOINT_URLS``, ``AWS_USE_FIPS_ENDPOINT``, ``AWS_USE_DUALSTACK_ENDPOINT``.

    Returns:
        The URL, or an empty string where no region is set.
    """
    if url := _custom_endpoint(service, environ):
        return url
    region = region_of(environ)
    return f"https://{_host(service, region, environ)}" if region else ""


def has_custom_endpoint(service: str, environ: Mapping[str, str]) -> bool:
    """Says whether a service answers elsewhere than at AWS's own endpoint."""
    return bool(_custom_endpoint(service, environ))


def partition_of(region: str) -> Partition:
    """Gives the partition that a region belongs to."""
    return next(one for one in PARTITIONS if region.startswith(one.region_prefix))


def _custom_endpoint(service: str, environ: Mapping[str, str]) -> str:
    if _is_true(environ, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"):
        return ""
    names = _VARIABLES.get(service, (service.upper(),))
    for variable in (*(f"AWS_ENDPOINT_URL_{name}" for name in names), "AWS_ENDPOINT_URL"):
        if url := environ.get(variable, "").strip():
            return url.rstrip("/")
    return ""


def _host(service: str, region: str, environ: Mapping[str, str]) -> str:
    partition = partition_of(region)
    dual_stack = _is_true(environ, "AWS_USE_DUALSTACK_ENDPOINT")
    fips = _is_true(environ, "AWS_USE_FIPS_ENDPOINT")
    if service == "secretsmanager" and partition in {AWS, CHINA, GOV_CLOUD}:
        # There its ordinary endpoint answers over IPv6 too.
        dual_stack = False
    if partition == GOV_CLOUD and service in _PLAIN_IS_FIPS and not dual_stack:
        fips = False
    name = f"{service}-fips" if fips else service
    if service == "s3":
        name += ".dualstack" if dual_stack else ""
        return f"{name}.{region}.{partition.suffix}"
    return f"{name}.{region}.{partition.dual_stack_suffix if dual_stack else partition.suffix}"


def _is_true(environ: Mapping[str, str], variable: str) -> bool:
    return environ.get(variable, "").strip().lower() == "true"
