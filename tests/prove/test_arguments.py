from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from attach.plan.model import AttachError
from prove.arguments import parser, refused_sinks, region_of, wanted_of
from prove.plan.kinds import KINDS
from prove.plan.ways import FAILING

if TYPE_CHECKING:
    from collections.abc import Mapping


def test_everything_is_tried_unless_something_is_chosen() -> None:
    everything = wanted_of(parser().parse_args([]))
    some = wanted_of(parser().parse_args(["--only", "ruby", "--only", "bash", "--way", "exit"]))

    assert everything.kinds == tuple(kind.key for kind in KINDS)
    assert everything.ways == FAILING
    assert everything.timeout_s == 10
    assert (some.kinds, some.ways) == (("ruby", "bash"), ("exit",))


@pytest.mark.parametrize(
    ("words", "environ", "region"),
    [
        (["--region", "us-gov-west-1"], {"AWS_REGION": "eu-west-1"}, "us-gov-west-1"),
        ([], {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1"),
        ([], {"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
    ],
)
def test_region_is_that_of_the_option_or_of_the_environment(
    words: list[str], environ: Mapping[str, str], region: str
) -> None:
    assert region_of(parser().parse_args(words), environ) == region


def test_word_that_is_no_region_is_refused() -> None:
    with pytest.raises(AttachError, match="moon is not the name of a region"):
        region_of(parser().parse_args(["--region", "moon"]), {})


@pytest.mark.parametrize(
    "words", [["--timeout", "0"], ["--timeout", "61"], ["--wait", "-1"], ["--only", "java"]]
)
def test_value_out_of_bounds_is_refused(words: list[str]) -> None:
    """A timeout of a quarter of an hour would cost money and show nothing more."""
    with pytest.raises(SystemExit):
        parser().parse_args(words)


def test_sinks_that_every_version_has_are_not_refused() -> None:
    assert set(refused_sinks()) <= {"own"}
