"""Put the recorder's layer among a function's, and take it out. Pure.

Each of these works on the function as it is now, so what others changed meanwhile stays; done twice, it changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attach.plan.model import Function, LayerVersion, Names
from extension import PREFIX


@dataclass(frozen=True, slots=True)
class Change:
    """All layers and all variables that a function shall have."""

    layers: tuple[str, ...]
    variables: Mapping[str, str]

    def is_at(self, function: Function) -> bool:
        """Tell whether the function has them already."""
        return function.layers == self.layers and dict(function.variables) == dict(self.variables)


def with_layer(function: Function, layer: LayerVersion, names: Names) -> tuple[str, ...]:
    """Return the function's layers with this one, in the place of any other version of the recorder."""
    return _with(function, [layer.arn], names)


def with_former(function: Function, former: Function, names: Names) -> Change:
    """Return what the function has now, with what it formerly had of the recorder."""
    others = {
        name: text for name, text in function.variables.items() if not name.startswith(PREFIX)
    }
    layers = _with(function, former.recorders(names), names)
    return Change(layers, {**others, **former.recorder_variables})


def without_recorder(function: Function, names: Names) -> Change:
    """Return what the function has now, without anything of the recorder."""
    return Change(
        tuple(arn for arn in function.layers if not names.holds(arn)),
        {name: text for name, text in function.variables.items() if not name.startswith(PREFIX)},
    )


def _with(function: Function, ours: Sequence[str], names: Names) -> tuple[str, ...]:
    layers: list[str] = []
    left = list(ours)
    for arn in function.layers:
        if not names.holds(arn):
            layers.append(arn)
        elif left:
            layers.append(left.pop(0))
    return (*layers, *left)
