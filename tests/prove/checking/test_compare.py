from __future__ import annotations

from prove.checking.compare import Kept, Verdict, Went, judge, lines_of
from prove.plan.ways import WAYS, Told

FAILED, HEALTHY = Told("f", 1, WAYS["exception"], 3), Told("f", 2, WAYS["healthy"], 3)
ERROR = Went("Unhandled", "id")


def judged(
    told: Told, *lines: str, went: Went = ERROR, rate: str = "0", reason: str = ""
) -> Verdict:
    return judge(told, went, Kept(lines, reason), rate=rate)


def test_line_is_found_behind_what_a_runtime_puts_in_front() -> None:
    """Another invocation's lines are not taken for it, even if its number begins alike."""
    other = Told("f", 11, WAYS["healthy"], 3)
    texts = [f"2026\tid\tINFO\t{FAILED.lines[0]}", FAILED.lines[1], other.lines[0], "REPORT"]

    assert lines_of(texts, FAILED) == FAILED.lines[:2]


def test_failure_that_is_there_once_has_no_fault() -> None:
    assert judged(FAILED, *FAILED.lines).faults == ()


def test_missing_line_is_counted_and_shown() -> None:
    verdict = judged(FAILED, *FAILED.lines[1:])

    assert (verdict.missing, verdict.twice, verdict.altered) == (1, 0, 0)
    assert verdict.faults == (f"1 of 3 lines are missing, first: {FAILED.lines[0]}",)


def test_line_that_is_there_twice_is_a_fault() -> None:
    verdict = judged(FAILED, *FAILED.lines, FAILED.lines[0])

    assert (verdict.missing, verdict.twice, verdict.altered) == (0, 1, 0)
    assert verdict.faults == ("1 lines are there twice",)


def test_altered_line_is_missing_and_altered() -> None:
    verdict = judged(FAILED, *FAILED.lines[:2], f"{FAILED.lines[2]}!")

    assert (verdict.missing, verdict.twice, verdict.altered) == (1, 0, 1)
    assert len(verdict.faults) == 2


def test_healthy_invocation_is_kept_by_the_rate_or_by_a_new_start_alone() -> None:
    well = Went()

    assert judged(HEALTHY, went=well).faults == ()
    assert judged(HEALTHY, *HEALTHY.lines, went=well, rate="1").faults == ()
    assert judged(HEALTHY, *HEALTHY.lines, went=well, reason="init-restarted").faults == ()
    assert judged(HEALTHY, went=well, rate="1").missing == 3
    assert judged(HEALTHY, *HEALTHY.lines[:1], went=well, reason="init-restarted").missing == 2
    assert judged(HEALTHY, *HEALTHY.lines, went=well, reason="sampled").faults == (
        "it is healthy, and 3 of its lines were kept: sampled",
    )


def test_invocation_that_did_not_end_as_planned_is_a_fault() -> None:
    """Otherwise a failure that did not happen would count as kept."""
    assert judged(FAILED, *FAILED.lines, went=Went()).faults == (
        "it did not end as planned: Lambda told of no error",
    )
    assert judged(HEALTHY, went=ERROR).faults == (
        "it did not end as planned: Lambda told of Unhandled",
    )
    assert judged(HEALTHY, went=Went(problem="refused")).faults == (
        "it could not be invoked: refused",
    )
