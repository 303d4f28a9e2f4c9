from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from extension.model.aws_targets import (
    Arn,
    S3Target,
    Target,
    default_log_group,
    is_own_log_group,
    read_log_group,
    read_s3,
    read_stream,
)

ACCOUNT = "123456789012"
GROUP = Arn("aws", "logs", "us-east-1", ACCOUNT, "log-group:/shop/kept")
STREAM = Arn("aws-cn", "firehose", "cn-north-1", ACCOUNT, "deliverystream/kept")
POINT = Arn("aws", "s3", "us-west-2", ACCOUNT, "accesspoint/kept")


def text_of(arn: Arn) -> str:
    return ":".join(("arn", *arn))


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("", Target("")),
        ("/shop/kept", Target("/shop/kept")),
        (text_of(GROUP), Target("/shop/kept", GROUP)),
        (f"{text_of(GROUP)}:*", Target("/shop/kept", GROUP._replace(resource="log-group:/shop/kept:*"))),
    ],
)  # fmt: skip
def test_log_group_is_read_by_name_and_by_arn(text: str, target: Target) -> None:
    """CloudWatch shows its ARN with and without the streams at its end."""
    assert read_log_group(text) == target


def test_stream_is_read_by_name_and_by_arn() -> None:
    """The ARN says where it is, the name is what a request holds."""
    assert read_stream("kept") == Target("kept")
    assert read_stream(text_of(STREAM)) == Target("kept", STREAM)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("logs", S3Target("logs", "")),
        ("my.logs/a/b/", S3Target("my.logs", "a/b")),
        ("shop-xyz-s3alias/a", S3Target("shop-xyz-s3alias", "a")),
        ("arn:aws:s3:::logs/a", S3Target("logs", "a", Arn("aws", "s3", "", "", "logs/a"))),
        (text_of(POINT), S3Target("kept", "", POINT, is_access_point=True)),
        (f"{text_of(POINT)}/a:b/c", S3Target("kept", "a:b/c", POINT._replace(resource="accesspoint/kept/a:b/c"), is_access_point=True)),
        (f"logs?owner={ACCOUNT}", S3Target("logs", "", headers=(("x-amz-expected-bucket-owner", ACCOUNT),))),
        ("logs/a?sse=aws%3Akms", S3Target("logs", "a", headers=(("x-amz-server-side-encryption", "aws:kms"),))),
    ],
)  # fmt: skip
def test_s3_is_read_by_name_and_by_arn(text: str, target: S3Target) -> None:
    """An access point has region and account, a bucket has neither."""
    assert read_s3(text) == target


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint/kept", "Object Lambda"),
        ("arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/accesspoint/kept", "Outposts"),
        ("arn:aws:s3express:us-west-2:123456789012:bucket/logs--usw2-az1--x-s3", "directory buckets"),
        ("arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap", "another signature"),
        ("arn:aws:s3:us-west-2::accesspoint/kept", "another signature"),
        ("arn:aws:s3:us-west-2:123456789012:storage-lens/kept", "neither a bucket's nor"),
        ("arn:aws:sns:us-west-2:123456789012:kept", "not one of s3"),
        ("arn:aws:s3:us-west-2:1234:accesspoint/kept", "not complete"),
        ("arn:aws:s3:us-west-2:123456789012:accesspoint/K", "no access point"),
        ("mfzwi23gnjvgw.mrap/a", "another signature"),
        ("logs--usw2-az1--x-s3", "directory buckets"),
        ("shop-xyz--ol-s3", "Object Lambda"),
        ("shop-xyz--op-s3", "Outposts"),
        ("logs/a/../b", "prefix"),
        ("logs?", "behind ?"),
        ("logs/why?", "behind ?"),
        ("logs?ownr=123456789012", "behind ?"),
        ("logs?owner=me", "12 digits"),
        ("logs?owner=123456789012&owner=123456789012", "once"),
        ("logs?sse=kms", "aws:kms:dsse"),
        ("logs?kms-key-id=1234", "beside it"),
        ("logs?sse=AES256&kms-key-id=1234", "beside it"),
        ("logs?sse=aws:kms&kms-key-id=a%0d%0ab", "key's id"),
        ("logs?sse=aws:kms:dsse&bucket-key=true", "beside it"),
    ],
)  # fmt: skip
def test_s3_refuses_with_the_reason(text: str, why: str) -> None:
    """Nothing is dropped in silence: a parameter that was overlooked would leave lines unencrypted."""
    with pytest.raises(ValueError, match=why.replace("?", r"\?")):
        read_s3(text)


@pytest.mark.parametrize(
    "text",
    [
        *("arn:aws:logs:us-east-1:123456789012:log-group:", "arn:aws:logs::123456789012:log-group:a"),
        *("arn:aws:logs:us-east-1:123456789012:destination:a", "a group", "arn:aws:s3:::logs"),
        "arn:aws:logs:us-east-1:123456789012:log-group:a:log-stream:b",
    ],
)  # fmt: skip
def test_other_text_is_no_log_group(text: str) -> None:
    """Nor is a stream in one, since each environment has its own."""
    with pytest.raises(ValueError, match=r"ARN|log group"):
        read_log_group(text)


@pytest.mark.parametrize(
    ("url", "is_own", "group", "told"),
    [
        ("cloudwatch:", False, "/flight-recorder/shop", "/flight-recorder/shop"),
        ("records+cloudwatch:", False, "/flight-recorder/shop", "/flight-recorder/shop"),
        ("own+cloudwatch:", True, "/aws/lambda/shop", "/custom"),
        ("Records+OWN+cloudwatch:", True, "/aws/lambda/shop", "/custom"),
        ("https://h/own+cloudwatch:", False, "/flight-recorder/shop", "/flight-recorder/shop"),
    ],
)
def test_scheme_tells_whose_log_group_it_is(url: str, is_own: bool, group: str, told: str) -> None:
    """Lambda's name for the function's own goes first, where it is told."""
    environ = {"AWS_LAMBDA_LOG_GROUP_NAME": "/custom"}

    assert is_own_log_group(url) is is_own
    assert default_log_group(url, function="shop", environ={}) == group
    assert default_log_group(url, function="shop", environ=environ) == told


@pytest.mark.parametrize("text", ["", "a b", "arn:aws:firehose:us-east-1:123456789012:kept"])
def test_other_text_is_no_stream(text: str) -> None:
    """A stream has a name in any case."""
    with pytest.raises(ValueError, match=r"ARN|stream"):
        read_stream(text)


@pytest.mark.parametrize("read", [read_log_group, read_stream, read_s3])
@given(text=st.text(alphabet="arn:aws3/-.?&=*\n é", min_size=8, max_size=60))
def test_text_is_read_or_refused_without_being_shown(
    read: Callable[[str], object], text: str
) -> None:
    """The reason is logged, and a URL may hold a secret."""
    said = ""
    try:
        read(text)
    except ValueError as error:
        said = str(error)

    assert text.strip("= ") not in said or not text.strip("= ")
