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
from tests.doubles.emulator.demo_rows import SAMPLED, UNSAMPLED


def test_each_function_has_one_sampled_healthy_invocation() -> None:
    """The output must show sampling in every run, and in the quick form too."""
    for function in FUNCTIONS.values():
        for quick in (False, True):
            sampled = [one for one in plan_of(function, quick=quick) if one.sampled]

            assert [one.fate for one in sampled] == ["sampled"]


def test_most_of_forty_invocations_go_well() -> None:
    """The mix is that of a shop on a bad day."""
    day = [one for function in FUNCTIONS.values() for one in plan_of(function)]

    assert 35 <= len(day) <= 45
    assert sum(one.case.healthy for one in day) > len(day) / 2


def test_quick_plan_has_every_case() -> None:
    """The quick form has fewer invocations, not fewer kinds."""
    for function in FUNCTIONS.values():
        quick = plan_of(function, quick=True)

        assert {one.mishap for one in quick} == set(function.mishaps)
        assert len(quick) < len(function.mishaps)


def test_each_function_shows_both_rules() -> None:
    """A rule that no function shows would go unchecked."""
    assert settings_of("http://sink/")["FLIGHT_RECORDER_KEEP_MARKER"] == MARKER
    for function in FUNCTIONS.values():
        rules = [one.case.rule for one in plan_of(function) if one.fate == "by rule"]
        texts = [file.read_text() for file in function.code.iterdir() if file.is_file()]

        assert sorted(rules) == ["marker", "slow"]
        assert sum(text.count(MARKER) for text in texts) == 1


def test_failures_and_rules_come_before_the_sample() -> None:
    """A sampled invocation stands for ten; a failed one stands for itself."""
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


def test_plan_and_extension_sample_the_same() -> None:
    """Both follow OpenTelemetry's text, and were written apart."""
    from extension.sampling import probability

    ids = [one.trace_id for function in FUNCTIONS.values() for one in plan_of(function)]

    for trace_id in ids:
        randomness = probability.randomness_of(trace_id=trace_id, request_id="")
        expected = probability.keeps(randomness, rate=SAMPLE_RATE)

        assert is_sampled(trace_id, rate=SAMPLE_RATE) == expected
