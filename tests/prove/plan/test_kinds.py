from __future__ import annotations

from pathlib import Path

import pytest

from attach.plan.settings import setting_problems
from prove.plan.kinds import KINDS, LEFT_OUT, SINKS, Kind, find_kind

FUNCTIONS = Path(__file__).resolve().parents[3] / "prove" / "functions"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
def test_kind_has_a_program_that_its_handler_names(kind: Kind) -> None:
    files = [path.name for path in (FUNCTIONS / kind.key).iterdir() if path.is_file()]

    assert kind.handler.partition(".")[0] in {name.partition(".")[0] for name in files}
    assert find_kind(kind.key) is kind


def test_each_kind_that_is_left_out_has_a_reason() -> None:
    assert all("build" in why for _, why in LEFT_OUT)


def test_sinks_are_settings_of_the_extension() -> None:
    """The one in the function's own log group is new, and left out where the layer does not have it."""
    urls = {sink.key: sink.url("a-bucket") for sink in SINKS}

    assert urls["s3"] == "s3://a-bucket/kept"
    for key in ("cloudwatch", "s3"):
        assert setting_problems({"SINK": urls[key]}) == []
