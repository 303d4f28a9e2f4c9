from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from attach.plan.limits import obstacles, size_note, variables_bytes
from tests.doubles.shop_function import FUNCTION, LAYER

if TYPE_CHECKING:
    from attach.plan.model import Function

MB = 1024 * 1024


def found(function: Function, description: dict[str, Any], **variables: str) -> list[str]:
    return obstacles(
        function, LAYER, description, layers=[*function.layers, LAYER.arn], variables=variables
    )


def test_function_with_room_has_no_obstacle() -> None:
    """The layer's own lists are held to, where it has some."""
    assert found(FUNCTION, {}) == []
    assert found(FUNCTION, {"CompatibleRuntimes": ["python3.13"]}) == []
    assert found(FUNCTION, {"CompatibleArchitectures": ["x86_64"]}) == []


@pytest.mark.parametrize(
    ("more", "description", "said"),
    [
        ({"package": "Image"}, {}, "a container image takes no layers"),
        (
            {"unreadable": "KMSAccessDenied"},
            {},
            "Lambda does not show the function's variables (KMSAccess",
        ),
        ({"runtime": ""}, {"CompatibleRuntimes": ["python3.13"]}, "runtime is its own"),
        ({"architectures": ("arm64",)}, {"CompatibleArchitectures": ["x86_64"]}, "runs on arm64"),
        ({"layers": tuple(f"arn:x:layer:l{n}:1" for n in range(5))}, {}, "has l0:1, l1:1, l2:1"),
        ({"code_bytes": 249 * MB}, {"Content": {"CodeSize": 2 * MB}}, "come to 251 MB zipped"),
    ],
)
def test_obstacle_is_told(more: dict[str, Any], description: dict[str, Any], said: str) -> None:
    """Each in one phrase."""
    (told,) = found(replace(FUNCTION, **more), description)

    assert said in told


def test_variables_are_measured_as_lambda_does() -> None:
    """As JSON, in UTF-8."""
    assert variables_bytes({"A": "ä"}) == len('{"A":"ä"}'.encode())
    assert found(FUNCTION, {}, A="x" * 4088) == []
    assert found(FUNCTION, {}, A="x" * 4089) == [
        "all variables would come to 4097 bytes, and Lambda takes 4096"
    ]


def test_size_that_nobody_knows_is_said() -> None:
    """Lambda tells zipped sizes alone; small ones need no word."""
    assert size_note(10 * MB) == ""
    assert size_note(260 * MB) == ""
    assert "60 MB zipped. Lambda tells no unzipped sizes" in size_note(60 * MB)
