"""Open the client of one bucket or access point."""

from collections.abc import Callable, Mapping

from extension.aws.client import AwsClient
from extension.aws.endpoints import ACCESS_POINTS, endpoint_for
from extension.model.aws_targets import S3Target


def open_bucket(
    target: S3Target, environ: Mapping[str, str], *, wall_s: Callable[[], float]
) -> tuple[AwsClient, str]:
    """Return the client, and what stands before each key in a path. ``wall_s`` tells the time in seconds since 1970."""
    bucket, _, arn = target[:3]
    if target.is_access_point and arn is not None:
        host_service, host_prefix = ACCESS_POINTS, f"{bucket}-{arn.account}."
    else:
        # S3 wants the bucket in the host's name (AWS: Amazon S3, "Virtual hosting of general purpose buckets"). Not
        # where no certificate would match that name, nor on a host that is not S3's own and may not know it.
        host_service, host_prefix = "s3", "" if "." in bucket else f"{bucket}."
    client = AwsClient(
        "s3",
        environ,
        wall_s=wall_s,
        arn=arn,
        host_service=host_service,
        host_prefix=host_prefix,
    )
    plain = endpoint_for(host_service, environ, region=arn.region if arn else "")
    is_in_host = client.endpoint != plain
    return client, "/" if is_in_host else f"/{bucket}/"
