from __future__ import annotations

from dataclasses import replace

from attach.plan.merging import Change, with_former, with_layer, without_recorder
from attach.plan.model import Names, read_layer_version
from tests.doubles.shop_function import FUNCTION

OURS = "arn:aws:lambda:eu-west-1:123456789012:layer:flight-recorder"
FIRST, LAST = (
    f"arn:aws:lambda:eu-west-1:123456789012:layer:{name}:1" for name in ("first", "last")
)
LAYER = read_layer_version(f"{OURS}:2")
OLD = replace(
    FUNCTION,
    layers=(FIRST, f"{OURS}:1", LAST),
    variables={"TABLE": "t", "FLIGHT_RECORDER_SINK": "cloudwatch:"},
)


def test_layer_takes_the_place_of_its_older_version() -> None:
    """The order of layers decides whose files win."""
    assert with_layer(OLD, LAYER, Names()) == (FIRST, f"{OURS}:2", LAST)
    assert with_layer(replace(OLD, layers=(FIRST,)), LAYER, Names()) == (FIRST, f"{OURS}:2")
    twice = replace(OLD, layers=(f"{OURS}:1", f"{OURS}-arm64:1"))
    assert with_layer(twice, LAYER, Names()) == (f"{OURS}:2",)


def test_former_version_comes_back_among_what_others_changed() -> None:
    """Done twice, it is the same."""
    now = replace(
        OLD,
        layers=(f"{OURS}:2", LAST),
        variables={
            "TABLE": "u",
            "FLIGHT_RECORDER_SINK": "s3://b/c",
            "FLIGHT_RECORDER_HISTORY": "1",
        },
    )

    back = with_former(now, OLD, Names())

    assert back == Change(
        (f"{OURS}:1", LAST), {"TABLE": "u", "FLIGHT_RECORDER_SINK": "cloudwatch:"}
    )
    again = replace(now, layers=back.layers, variables=back.variables)
    assert with_former(again, OLD, Names()).is_at(again)


def test_recorder_goes_and_the_rest_stays() -> None:
    """What is the recorder's is told by its names."""
    assert without_recorder(OLD, Names()) == Change((FIRST, LAST), {"TABLE": "t"})
