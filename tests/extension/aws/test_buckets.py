"""Where a bucket's name stands: in the host, or in the path."""

import time

import pytest

from extension.aws.buckets import open_bucket
from extension.model.aws_targets import read_s3

REGION = {"AWS_REGION": "eu-west-1"}
AT_HOME = REGION | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9000"}


@pytest.mark.parametrize(
    ("environ", "text", "endpoint", "folder"),
    [
        (REGION, "bucket/a", "https://bucket.s3.eu-west-1.amazonaws.com", "/"),
        (REGION, "my.bucket/a", "https://s3.eu-west-1.amazonaws.com", "/my.bucket/"),
        (AT_HOME, "bucket/a", "http://127.0.0.1:9000", "/bucket/"),
        (REGION, "arn:aws:s3:::bucket/a", "https://bucket.s3.eu-west-1.amazonaws.com", "/"),
        (
            REGION,
            "arn:aws:s3:us-west-2:123456789012:accesspoint/kept/a",
            "https://kept-123456789012.s3-accesspoint.us-west-2.amazonaws.com",
            "/",
        ),
    ],
)
def test_bucket_is_in_the_host_where_a_certificate_matches_it(
    environ: dict[str, str], text: str, endpoint: str, folder: str
) -> None:
    """Not with a dot in its name, nor on a host that is not S3's own. An access point has no other place."""
    client, before_keys = open_bucket(read_s3(text), environ, wall_s=time.time)

    assert (client.endpoint, before_keys) == (endpoint, folder)
    client.close()
