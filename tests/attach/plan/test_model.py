from __future__ import annotations

from typing import Any

import pytest

from attach.plan.model import AttachError, Names, read_function, read_layer_version

ARN = "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:layer:flight-recorder-arm64:12"

ANSWER: dict[str, Any] = {
    "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:shop:3",
    "Role": "arn:aws:iam::123456789012:role/service-role/shop-role",
}


def test_layer_version_is_read_in_any_partition() -> None:
    """Its name tells whose it is."""
    layer = read_layer_version(ARN)

    assert (layer.region, layer.name, layer.version) == (
        "us-gov-west-1",
        "flight-recorder-arm64",
        "12",
    )
    assert layer.layer_arn == ARN.removesuffix(":12")
    with pytest.raises(AttachError):
        read_layer_version(ARN.removesuffix(":12"))


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("flight-recorder", True),
        ("flight-recorder-x86_64", True),
        ("flight-recorder-arm64", True),
        ("flight-recorder-2", False),
        ("flight", False),
        ("observer", True),
    ],
)
def test_recorder_is_told_by_the_layers_name(name: str, *, ours: bool) -> None:
    """In whichever account it was published."""
    assert (
        Names(also="observer").holds(f"arn:aws:lambda:eu-west-1:210987654321:layer:{name}:7")
        is ours
    )
    assert not Names().holds("no ARN")


def test_function_of_few_words_is_read() -> None:
    """Lambda leaves out what is empty, and older answers what is new."""
    function = read_function(ANSWER)

    assert (function.name, function.role) == ("shop", "shop-role")
    assert function.log_group == "/aws/lambda/shop"
    assert function.has_own_log_group
    assert function.policy == "flight-recorder-shop"
    assert (function.layers, dict(function.variables), function.unreadable) == ((), {}, "")
    assert (function.region, function.account, function.partition) == (
        "eu-west-1",
        "123456789012",
        "aws",
    )


def test_variables_that_lambda_cannot_decrypt_are_told() -> None:
    """They must not be taken for none: an update would remove them."""
    error = {"Error": {"ErrorCode": "AccessDeniedException", "Message": "kms"}}

    function = read_function({**ANSWER, "Environment": error})

    assert function.unreadable == "AccessDeniedException"
