"""Undo what a run did to a function, in reverse order.

A step is written down before it is done: when its answer is lost, nobody knows whether it took effect. So each undo
looks at what is there, and changes nothing where there is nothing to undo.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from attach.plan.model import told


@dataclass(frozen=True, slots=True)
class Step:
    """A step, and its undo.

    Attributes:
        what: what the undo does, for people.
        undo: raises an error if it cannot.
        holds_others: whether the steps before it stay, if it cannot be undone: they rely on it.
    """

    what: str
    undo: Callable[[], None]
    holds_others: bool


@dataclass(slots=True)
class Journal:
    """The steps of one run at one function."""

    tell: Callable[[str], None]
    steps: list[Step] = field(default_factory=list)

    def begin(self, what: str, undo: Callable[[], None], *, holds_others: bool = False) -> None:
        """Write down a step that is about to be done."""
        self.steps.append(Step(what, undo, holds_others))

    def undo(self) -> list[str]:
        """Undo all steps; return what could not be undone, and why."""
        left = []
        while self.steps:
            step = self.steps.pop()
            self.tell(f"undo: {step.what}")
            try:
                step.undo()
            except Exception as error:  # noqa: BLE001 - whatever it is, the other steps are undone
                left.append(f"{step.what}: {told(error)}")
                if step.holds_others:
                    left += [f"{one.what}: not tried after that" for one in reversed(self.steps)]
                    self.steps.clear()
        return left
