"""What the lives of chaos are judged by, and one short life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.chaos.judging import breaches_of, repeated, table
from tests.chaos.life import SECRET, live
from tests.chaos.lived import Lived, records_of
from tests.chaos.plan import Invocation, draw_plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PLAN = draw_plan(1, 7)._replace(redacts=True)


def record(name: str, **fields: object) -> dict[str, Any]:
    return {"type": "function", "record": f"[INFO] {name} x", "id": f"e-{name}", **fields}


def account(**fields: object) -> dict[str, Any]:
    counted: dict[str, Any] = {
        "received_lines": 3,
        "kept_lines": {"level-error": 2},
        "dropped_lines": {"rate": 1},
        "lost_lines": {},
    }
    return {"event": "account", **counted, "evicted_lines": 0, "buffered_lines": 0, **fields}


def lived() -> Lived:
    """Return a life in which all went well: two lines of a failed invocation, one of a healthy one."""
    return Lived(
        PLAN,
        written={"L7-N1.": "a", "L7-N2.": "a", "L7-N3.": "b"},
        failed={"a"},
        taken=[record("L7-N1."), {"type": "platform.report", "record": {}}],
        printed=[record("L7-N2.")],
        said=[account(kept_lines={"level-error": 1}, handed_to_stdout_lines=1)],
        exit_code=0,
    )


def test_life_in_which_all_went_well_broke_no_promise() -> None:
    """Wherever the lines went: to the sink, or to standard output."""
    assert breaches_of(lived(), secret=SECRET) == []


def test_line_may_come_again_with_its_id() -> None:
    """Whoever reads it can tell."""
    one = lived()
    one.taken.append(record("L7-N1."))

    assert breaches_of(one, secret=SECRET) == []
    assert repeated(one) == 1


BROKEN: dict[str, Callable[[Lived], object]] = {
    "1 lines of failed invocations are nowhere": lambda one: one.printed.clear(),
    "1 lines came twice with different ids": lambda one: one.taken.append(
        record("L7-N1.", id="e-9")
    ),
    "1 lines of healthy invocations were delivered": lambda one: one.taken.append(record("L7-N3.")),
    "a secret left unmasked": lambda one: one.taken.append({"type": "x", "record": SECRET}),
    "the own log holds a line of the function's": lambda one: setattr(
        one, "own_output", "oh: L7-N1."
    ),
    "the extension ended with status 1": lambda one: setattr(one, "exit_code", 1),
    "Next was not answered": lambda one: one.trouble.append("Next was not answered"),
    "0 accounts were said": lambda one: one.said.clear(),
    "the account does not add up: 4 received, 3 told of": lambda one: one.said[0].update(
        received_lines=4
    ),
    "4 lines received of 3": lambda one: one.said[0].update(received_lines=4),
}


@pytest.mark.parametrize("breach", BROKEN)
def test_broken_promise_is_told(breach: str) -> None:
    """Each by its name."""
    one = lived()
    BROKEN[breach](one)

    assert breach in breaches_of(one, secret=SECRET)


def test_table_sums_lives_up() -> None:
    """By the sink's state, and in all."""
    rows = table([lived(), lived()]).splitlines()

    assert rows[0].startswith("| sink at SHUTDOWN | processor | lives |")
    assert rows[-1].startswith("| all | all | 2 | 0 | 2 | 4 | 0 | 0 | 2 |")


def test_unfinished_line_of_output_is_no_record() -> None:
    """A process may be killed in the midst of one."""
    assert records_of(b'{"a":1}\n{"b":') == [{"a": 1}]


def test_seed_draws_the_same_plans() -> None:
    """So that a life can be lived again, as far as its moments allow."""
    assert draw_plan(1, 7) == draw_plan(1, 7) != draw_plan(1, 8)


@pytest.mark.end_to_end
def test_short_life_breaks_no_promise(layer_dir: Path) -> None:
    """Of the built layer, with freezes and a sink that comes and goes."""
    invocations = (
        Invocation("error line", 3, 10, 0.1),
        Invocation("", 3, 10, 0.1),
        Invocation("crash", 3, 10, 0.3),
    )
    plan = draw_plan(1, 0)._replace(
        small=False, sink_end="returns", invocations=invocations, freezes=((0.05, 0.2),)
    )

    one = live(plan, layer_dir)

    assert breaches_of(one, secret=SECRET) == []
    assert len(one.failed) == 2
    assert one.freezes
