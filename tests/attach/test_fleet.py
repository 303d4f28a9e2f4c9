"""Many functions in one command."""

from __future__ import annotations

import pytest

from attach.cloud.command import Aws, Interrupted, Stop
from attach.fleet import Fleet, Outcome, summary
from attach.plan.model import AttachError
from tests.services.aws_command import run_tool
from tests.services.environment import unique
from tests.services.functions import PYTHONS, make_function, make_role, publish_layer

CASES = ("good", "bad", "odd", "stopped", "late")


def fleet(stop: Stop) -> Fleet:
    return Fleet(names=CASES, parallel=1, profile="", region="", stop=stop)


def test_failure_at_one_function_stops_no_other() -> None:
    """A signal stops those that are not begun."""
    stop = Stop()

    def work(aws: Aws, name: str) -> str:
        if name == "bad":
            raise AttachError("no such thing")
        if name == "odd":
            raise KeyError("secret")
        if name == "stopped":
            aws.stop.ask(15)
            raise Interrupted("signal 15 came")
        return "attached"

    outcomes = fleet(stop).each(work)

    assert outcomes == [
        Outcome("good", "attached", ""),
        Outcome("bad", None, "no such thing"),
        Outcome("odd", None, "unexpected KeyError"),
        Outcome("stopped", None, "interrupted: signal 15 came"),
        Outcome("late", None, "", begun=False),
    ]
    assert summary(outcomes) == [
        "good: attached",
        "bad: FAILED: no such thing",
        "odd: FAILED: unexpected KeyError",
        "stopped: FAILED: interrupted: signal 15 came",
        "late: not begun",
        "1 of 5 functions done, 3 failed, 1 not begun",
    ]


@pytest.mark.services
@pytest.mark.timeout(240)
def test_many_functions_are_attached_and_detached() -> None:
    """Some share a role, one takes no layer, and the others are done."""
    layer = publish_layer(CompatibleRuntimes=PYTHONS)
    word, role = unique("fleet"), make_role()
    good = [make_function(f"{word}-{number}", role=role) for number in range(3)]
    bad = make_function(f"{word}-java", Runtime="java21")

    done = run_tool("attach", "--functions-regex", f"^{word}-", layer)

    assert done.status == 1
    assert f"{bad.name}: FAILED: the layer is for python3.10" in done.out
    assert "3 of 4 functions done, 1 failed" in done.out
    assert "4 of 4 functions are done" in done.err
    assert [one.layers for one in good] == [[layer]] * 3
    assert all(one.is_denied() for one in good)
    assert len(good[0].policies) == 4

    done = run_tool("detach", "--functions-regex", f"^{word}-", "--iam-wait", "0")

    assert done.status == 0, done.out
    assert f"{bad.name}: nothing of the recorder is there" in done.out
    assert list(good[0].policies) == ["basic"]
