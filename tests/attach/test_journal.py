from __future__ import annotations

from attach.journal import Journal
from attach.plan.model import AttachError


def test_steps_are_undone_in_reverse_order() -> None:
    """What fails to be undone is told, and stops nothing else."""
    done: list[str] = []
    told: list[str] = []
    journal = Journal(told.append)

    def fails() -> None:
        raise AttachError("no")

    journal.begin("first", lambda: done.append("first"))
    journal.begin("second", fails)
    journal.begin("third", lambda: done.append("third"))

    assert journal.undo() == ["second: no"]
    assert done == ["third", "first"]
    assert told == ["undo: third", "undo: second", "undo: first"]
    assert journal.undo() == []


def test_steps_stay_that_a_step_relies_on() -> None:
    """The sink's permissions stay, while the layer cannot be taken off."""
    done: list[str] = []

    def fails() -> None:
        raise AttachError("no")

    journal = Journal(lambda _: None)
    journal.begin("policy", lambda: done.append("policy"))
    journal.begin("layer", fails, holds_others=True)

    assert journal.undo() == ["layer: no", "policy: not tried after that"]
    assert done == []
