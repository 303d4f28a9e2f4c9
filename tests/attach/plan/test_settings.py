from __future__ import annotations

from dataclasses import replace

import pytest

from attach.plan.model import Function, Names, Wanted, read_layer_version
from attach.plan.settings import shown_sink, silent_with_deny, with_recorder
from extension.config.settings import read_settings
from tests.doubles.shop_function import FUNCTION, LAYER

WANTED = Wanted(layer=read_layer_version(LAYER.arn), names=Names())


def variables(
    function: Function, wanted: Wanted = WANTED, *, denied: bool = True
) -> dict[str, str]:
    found = with_recorder(function, wanted, denied=denied)
    assert found.problems == ()
    return {name.removeprefix("FLIGHT_RECORDER_"): text for name, text in found.all.items()}


def test_function_gets_the_defaults_of_the_templates() -> None:
    """The group is named, because the policy names it too."""
    assert variables(replace(FUNCTION, variables={"TABLE": "t"})) == {
        "TABLE": "t",
        "SINK": "cloudwatch:/flight-recorder/shop",
        "SAMPLE_RATE": "0.1",
        "METRICS": "5m",
        "METRICS_FLEET": "flight-recorder",
    }


@pytest.mark.parametrize(
    ("has", "given", "fleet"),
    [
        ({}, {}, "flight-recorder"),
        ({"METRICS": "1m"}, {}, ""),
        ({"METRICS": "1m", "METRICS_FLEET": "shop"}, {}, "shop"),
        ({"METRICS": "1m", "METRICS_FLEET": "shop"}, {"METRICS_FLEET": ""}, ""),
        ({}, {"METRICS_FLEET": "shop"}, "shop"),
        ({}, {"METRICS": "off"}, ""),
    ],
    ids=["new", "with metrics of its own", "in a fleet", "taken out", "put in", "no metrics"],
)
def test_function_shares_the_metrics_of_a_fleet(
    has: dict[str, str], given: dict[str, str], fleet: str
) -> None:
    """Then its own alarms would never ring."""
    own = {f"FLIGHT_RECORDER_{name}": text for name, text in has.items()}

    found = with_recorder(
        replace(FUNCTION, variables=own), replace(WANTED, settings=given), denied=True
    )

    assert found.fleet == fleet
    assert found.all.get("FLIGHT_RECORDER_METRICS_FLEET", "") == fleet
    assert found.no_alarms.startswith("the metrics are those of the fleet") == bool(fleet)


def test_what_the_function_has_stays_unless_it_is_named() -> None:
    """Another layer version is no reason to change a sink."""
    function = replace(FUNCTION, variables={"FLIGHT_RECORDER_SINK": "s3://a-bucket/b"})
    wanted = replace(WANTED, settings={"SAMPLE_RATE": "5%", "HISTORY": "2"})

    found = variables(function, wanted, denied=False)

    assert (found["SINK"], found["SAMPLE_RATE"], found["HISTORY"]) == ("s3://a-bucket/b", "5%", "2")


CUSTOM = replace(FUNCTION, log_group="/custom/group")


@pytest.mark.parametrize(
    ("has", "given", "sink"),
    [
        ("", "", "own+cloudwatch:/custom/group"),
        ("cloudwatch:/flight-recorder/shop", "", "own+cloudwatch:/custom/group"),
        ("records+cloudwatch:/kept", "", "records+own+cloudwatch:/custom/group"),
        ("s3://a-bucket", "cloudwatch", "own+cloudwatch:/custom/group"),
        ("s3://a-bucket", "own+cloudwatch:", "own+cloudwatch:/custom/group"),
        ("", "records+own+cloudwatch:/custom/group", "records+own+cloudwatch:/custom/group"),
    ],
)
def test_shared_log_group_becomes_the_sink(has: str, given: str, sink: str) -> None:
    """By its name, which an extension is not told. Another run leaves it there."""
    function = replace(CUSTOM, variables={"FLIGHT_RECORDER_SINK": has})
    settings = {"SINK": given} if given else {}
    wanted = replace(WANTED, settings=settings, own_log_group="share")

    found = variables(function, wanted)

    assert (found["SINK"], found["METRICS"]) == (sink, "5m")
    again = replace(CUSTOM, variables={"FLIGHT_RECORDER_SINK": sink})
    assert variables(again)["SINK"] == sink
    named = with_recorder(again, WANTED, denied=True).settings
    assert silent_with_deny(CUSTOM, named) == []


@pytest.mark.parametrize(
    ("sink", "own_log_group", "said"),
    [
        ("s3://a-bucket", "share", "wants the sink own+cloudwatch: or cloudwatch:"),
        ("cloudwatch:/kept", "share", "wants the sink own+cloudwatch: or cloudwatch:"),
        ("own+cloudwatch:/kept", "share", "own log group is /custom/group"),
        ("own+cloudwatch:/kept", "deny", "own log group is /custom/group"),
    ],
)
def test_lines_that_would_not_be_in_the_shared_group_are_a_problem(
    sink: str, own_log_group: str, said: str
) -> None:
    """Nobody finds them where they are not."""
    wanted = replace(WANTED, settings={"SINK": sink}, own_log_group=own_log_group)

    [problem] = with_recorder(CUSTOM, wanted, denied=True).problems

    assert said in problem


def test_metrics_are_off_where_nothing_takes_them() -> None:
    """With the sink elsewhere, behind a Deny; done twice, it is the same."""
    wanted = replace(WANTED, settings={"SINK": "firehose:kept"})

    found = with_recorder(FUNCTION, wanted, denied=True)

    assert found.all["FLIGHT_RECORDER_METRICS"] == "off"
    assert found.no_alarms.startswith("neither the sink nor")
    again = with_recorder(replace(FUNCTION, variables=found.all), WANTED, denied=True)
    assert again.all == found.all


def test_problems_are_in_the_extensions_words() -> None:
    """BUFFER_SIZE depends on the function's memory."""
    wanted = replace(WANTED, settings={"SAMPLE_RATE": "12", "BUFFER_SIZE": "100MiB"})

    found = with_recorder(replace(FUNCTION, memory_mb=128), wanted, denied=True)

    assert found.problems == (
        "FLIGHT_RECORDER_SAMPLE_RATE=12 cannot be used; accepted: a number from 0 to 1, or a percentage such as 5%",
        "FLIGHT_RECORDER_BUFFER_SIZE=100MiB cannot be used; accepted: at most half of the function's memory, 64MiB",
    )


def test_references_are_named() -> None:
    """The role needs a permission that nobody can tell from here."""
    wanted = replace(WANTED, settings={"REDACT": "ssm:/shop/redact"})

    assert with_recorder(FUNCTION, wanted, denied=True).references == ("REDACT",)


@pytest.mark.parametrize(
    ("sink", "shown"),
    [
        ("cloudwatch:/kept", "cloudwatch:/kept"),
        ("s3://b/p?owner=123456789012", "s3://b/p"),
        ("https://me:secret@h.example.com/in?token=secret", "https://h.example.com"),
        ("loki+https://h.example.com", "loki+https://h.example.com"),
        ("secretsmanager:name-of-it", "secretsmanager: reference"),
        ("whatever", "(not shown)"),
    ],
)
def test_sink_is_shown_without_what_may_be_secret(sink: str, shown: str) -> None:
    """Of an address, the host."""
    assert shown_sink(sink) == shown


@pytest.mark.parametrize(
    ("variable", "value", "is_silent"),
    [
        ("ENABLED", "no", True),
        ("SINK", "stdout:", True),
        ("SINK", "file:/tmp/x", True),
        ("SINK", "s3://my-logs/x", False),
        ("ARCHIVE_SINK", "cloudwatch:/aws/lambda/shop", True),
        ("SINK", "ssm:/sink", False),
    ],
)
def test_recorder_that_delivers_nowhere_is_told(
    variable: str, value: str, *, is_silent: bool
) -> None:
    """Behind a Deny, such a function logs nowhere."""
    settings, problems = read_settings({f"FLIGHT_RECORDER_{variable}": value})

    assert problems == []
    assert bool(silent_with_deny(FUNCTION, settings)) is is_silent
