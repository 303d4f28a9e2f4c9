from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from attach.cloud.selection import Selection, chosen
from attach.plan.model import AttachError
from tests.services.environment import unique
from tests.services.functions import make_function

if TYPE_CHECKING:
    from collections.abc import Callable

    from attach.cloud.command import Aws

pytestmark = [pytest.mark.services, pytest.mark.timeout(120)]


def test_functions_are_found_by_name_expression_and_tags(cloud: Callable[..., Aws]) -> None:
    """More than a page of them."""
    word = unique("many")
    role = make_function().role
    many = [make_function(f"{word}-{number:02}", role=role) for number in range(55)]
    tagged = make_function(f"{word}-tagged", role=role, Tags={"team": word, "stage": "prod"})
    make_function(f"{word}-other", role=role, Tags={"team": word, "stage": "test"})
    aws = cloud()

    assert chosen(aws, Selection(regex=f"^{word}-[0-9]")) == [one.name for one in many]
    assert chosen(aws, Selection(tags=(("team", word), ("stage", "prod")))) == [tagged.name]
    assert chosen(aws, Selection(names=("b", "a", "b"))) == ["b", "a"]
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:shop"
    assert chosen(aws, Selection(names=(arn,))) == [arn]


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        (Selection(names=("shop:live",)), "shop:live is no function's name"),
        (Selection(regex="^no-such-function$"), "no function is meant by that"),
        (Selection(tags=(("no-such", "tag"),)), "no function is meant by that"),
    ],
)
def test_nothing_found_is_an_error(
    selection: Selection, said: str, cloud: Callable[..., Aws]
) -> None:
    """A mistyped expression does not look like success."""
    with pytest.raises(AttachError, match=said):
        chosen(cloud(), selection)
