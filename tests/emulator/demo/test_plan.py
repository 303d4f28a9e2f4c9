"""Test the plan of the demo's invocations."""

from emulator.demo.plan import (
    FUNCTIONS,
    MARKER,
    SAMPLE_RATE,
    Planned,
    is_sampled,
    plan_of,
    settings_of,
)
from tests.doubles.demo_rows import SAMPLED, UNSAMPLED


def test_every_function_has_one_sampled_invocation_and_it_is_a_healthy_one() -> None:
    """The output shows what sampling keeps, in the quick form too, and always the same."""
    for function in FUNCTIONS.values():
        for quick in (False, True):
            sampled = [one for one in plan_of(function, quick=quick) if one.sampled]

            assert [one.fate for one in sampled] == ["sampled"]


def test_the_day_has_about_forty_invocations_and_most_go_well() -> None:
    """The mix is that of a shop, if one with a bad day."""
    day = [one for function in FUNCTIONS.values() for one in plan_of(function)]

    assert 35 <= len(day) <= 45
    assert sum(one.case.healthy for one in day) > len(day) / 2


def test_the_quick_form_keeps_each_case_of_the_whole() -> None:
    """Fewer invocations, not fewer kinds."""
    for function in FUNCTIONS.values():
        quick = plan_of(function, quick=True)

        assert {one.mishap for one in quick} == set(function.mishaps)
        assert len(quick) < len(function.mishaps)


def test_every_function_writes_the_marker_where_the_event_asks_for_it_and_is_slow_once() -> None:
    """Two rules for healthy invocations, each shown by each function with the setting that it needs."""
    assert settings_of("http://sink/")["FLIGHT_RECORDER_KEEP_MARKER"] == MARKER
    for function in FUNCTIONS.values():
        rules = [one.case.rule for one in plan_of(function) if one.fate == "by rule"]
        texts = [file.read_text() for file in function.code.iterdir() if file.is_file()]

        assert sorted(rules) == ["marker", "slow"]
        assert sum(text.count(MARKER) for text in texts) == 1


def test_what_a_rule_keeps_stands_for_itself_whatever_the_draw() -> None:
    """Failures and rules come before the draw; only what is drawn stands for more than itself."""
    planned = [
        Planned(1, mishap, trace_id)
        for mishap in ("hang", "slow", "fine")
        for trace_id in (SAMPLED, UNSAMPLED)
    ]

    assert [(one.fate, one.weight) for one in planned] == [
        ("failed", 1.0),
        ("failed", 1.0),
        ("by rule", 1.0),
        ("by rule", 1.0),
        ("sampled", 10.0),
        ("dropped", 1.0),
    ]


def test_the_sampled_are_those_the_extension_samples() -> None:
    """Worked out twice, from one specification."""
    from extension.sampling import probability

    ids = [one.trace_id for function in FUNCTIONS.values() for one in plan_of(function)]

    for trace_id in ids:
        randomness = probability.randomness_of(trace_id=trace_id, request_id="")
        expected = probability.keeps(randomness, rate=SAMPLE_RATE)

        assert is_sampled(trace_id, rate=SAMPLE_RATE) == expected
