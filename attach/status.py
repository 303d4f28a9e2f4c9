"""Tell of each function which layer it has, where its lines go, and what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

from attach.cloud import configuration, roles, versions
from attach.cloud.command import Aws
from attach.plan.model import Function, Names
from attach.plan.settings import MEMORY, SINK, shown_sink, silent_with_deny
from extension.config.settings import read_settings
from terminal.layout import Column, table
from whatif.model.problems import fault_text

OWN = {"allowed": "written", "implicitDeny": "not allowed", roles.DENIED: "denied"}
"""What a decision of IAM means for the function's own log group."""

TITLES = ("function", "layer", "sink", "own log group")
MAX_CELL_CHARS = 64
"""A function's name has 64 characters at most; a longer sink is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A function, as the table shows it."""

    function: str
    layer: str
    sink: str
    own_log_group: str
    wrong: tuple[str, ...]


def status(aws: Aws, name: str, names: Names) -> Row:
    """Look at a function."""
    function = configuration.read(aws, name)
    decision = roles.decision(aws, function)
    recorders = function.recorders(names)
    wrong = _wrong_with(function, recorders)
    if decision == roles.DENIED:
        wrong += _wrong_with_deny(aws, function, names)
    sink = function.variables.get(SINK, "cloudwatch:" if recorders else "")
    return Row(
        function=function.name,
        layer=", ".join(arn.partition(":layer:")[2] for arn in recorders) or _no_layer(function),
        sink=shown_sink(sink) if sink else "-",
        own_log_group=OWN.get(decision, decision),
        wrong=tuple(wrong),
    )


def lines(rows: Sequence[Row]) -> list[str]:
    """Return a table of functions, and below it what is wrong."""
    cells = [(row.function, row.layer, row.sink, row.own_log_group) for row in rows]
    columns = [
        Column(title, min(MAX_CELL_CHARS, max(len(title), *(len(one[number]) for one in cells))))
        for number, title in enumerate(TITLES)
    ]
    wrong = [f"! {row.function}: {what}" for row in rows for what in row.wrong]
    return [*table(columns, [cells]), *([""] if wrong else []), *wrong]


def _no_layer(function: Function) -> str:
    return "(container image)" if function.package == "Image" else "-"


def _wrong_with(function: Function, recorders: Sequence[str]) -> list[str]:
    wrong = []
    if len(recorders) > 1:
        wrong.append("it has two layers of the recorder")
    if function.update_status == "Failed":
        wrong.append(
            f"its last update failed: {function.update_reason or 'Lambda gives no reason'}"
        )
    if function.unreadable:
        wrong.append(f"Lambda does not show its variables ({function.unreadable})")
    elif recorders:
        environ = {**function.variables, MEMORY: str(function.memory_mb)}
        wrong += map(fault_text, read_settings(environ)[1])
    return wrong


def _wrong_with_deny(aws: Aws, function: Function, names: Names) -> list[str]:
    """Return who logs nowhere."""
    if function.package == "Image":
        # Nobody can see from here whether an image holds the recorder. With its variables, somebody meant it to.
        there = bool(function.recorder_variables)
        return (
            [] if there else ["its own log group is denied, and it has no variable of the recorder"]
        )
    if not function.recorders(names):
        return [
            "its own log group is denied, and it has no layer: it logs nowhere. Run detach, or attach"
        ]
    wrong = silent_with_deny(function, read_settings(function.variables)[0])
    wrong += [
        f"{one} has no layer, and its log group is denied: it logs nowhere"
        for one in versions.in_use(aws, function, names)
        if one.is_silent
    ]
    return wrong
