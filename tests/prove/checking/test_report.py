from __future__ import annotations

from prove.checking.compare import Kept, Verdict, Went, judge
from prove.checking.report import explain, left_out, summary, table
from prove.plan.cost import cost_of
from prove.plan.deployment import Planned, Wanted, plan

WANTED = Wanted(kinds=("python",), architectures=("arm64",), sinks=("s3",), ways=("timeout",))
DEPLOYMENT = plan("ab", WANTED, built=["python"], refused_sinks={})
FUNCTION = DEPLOYMENT.functions[0]
HEALTHY, HANGS = FUNCTION.invocations[:2]
ERROR = Went("Unhandled")


def row(lines: tuple[str, ...]) -> tuple[Planned, Verdict]:
    return FUNCTION, judge(HANGS, ERROR, Kept(lines, "timeout", 1.26), rate="0")


def test_row_tells_what_was_written_and_kept() -> None:
    head, rule, told = table([row(HANGS.lines)])

    assert head.split() == [
        *("function", "#", "way", "written", "kept", "missing", "twice", "reason", "seconds")
    ]
    assert set(rule) == {"-", " "}
    assert (
        told
        == f"{FUNCTION.name}  2  hangs until the timeout  40       40    0        0      timeout  1.3"
    )


def test_faults_stand_below_the_row() -> None:
    *_, fault = table([row(HANGS.lines[1:])])

    assert fault == f"    ! 1 of 40 lines are missing, first: {HANGS.lines[0]}"


def test_summary_counts_failed_invocations_that_are_whole() -> None:
    healthy = FUNCTION, judge(HEALTHY, Went(), Kept(()), rate="0")

    assert summary([healthy, row(HANGS.lines), row(HANGS.lines[1:])]) == [
        "1 of 2 failed invocations are whole: every line once, as it was written.",
        "1 of 3 invocations have a fault.",
    ]
    assert summary([healthy, row(HANGS.lines)])[1] == "No invocation has a fault."


def test_plan_tells_names_costs_and_permissions() -> None:
    told = "\n".join(explain(DEPLOYMENT, cost_of(DEPLOYMENT), region="eu-west-1"))

    assert "in eu-west-1, with names that begin with flight-recorder-prove-ab" in told
    assert "the bucket flight-recorder-prove-ab\n" in told
    assert f"{FUNCTION.name}: 3 invocations" in told
    assert "costs at most $0.000" in told
    assert "s3:DeleteBucket" in told
    assert left_out(DEPLOYMENT)[0].startswith("left out: a function in java: ")
