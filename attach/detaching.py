"""Detach one function: the Deny goes first, and the layer only when IAM says that nothing denies.

Promises: what the recorder kept stays, and so do its log groups. When a step fails or a signal comes, nothing is put
back: at each step the function may write to its own log group, and running the command again does the rest.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attach.cloud import configuration, roles, versions, watching
from attach.cloud.command import Aws, Interrupted
from attach.plan import alarms
from attach.plan.merging import without_recorder
from attach.plan.model import AttachError, Function, Names, told
from attach.plan.settings import SINK, shown_sink
from attach.plan.statements import Statement, denies, without_own_log_group

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What the command line asks for.

    Attributes:
        names: of the recorder's layer.
        iam_wait_s: from the end of the Deny to the end of the layer.
        iam_timeout_s: the most to wait until IAM tells of the end of the Deny.
        despite_role: take the layer off although nothing allows the function to log without it.
        dry_run: tell what would be done.
    """

    names: Names
    iam_wait_s: float = 10.0
    iam_timeout_s: float = 30.0
    despite_role: bool = False
    dry_run: bool = False


def detach(aws: Aws, name: str, removal: Removal) -> str:
    """Detach a function; return a sentence on the result.

    Raises:
        AttachError: Something of the recorder is left; the message says what, and that the function logs.
    """
    function = configuration.read_when_still(aws, name)
    policy = roles.read_policy(aws, function)
    if policy is None and not function.recorder_variables and not function.recorders(removal.names):
        return "nothing of the recorder is there"
    used = [one for one in versions.in_use(aws, function, removal.names) if one.has_layer]
    for note in _notes(function, used, removal):
        aws.tell(f"note: {note}")
    if removal.dry_run:
        for line in _plan_lines(function, policy, used, removal):
            aws.tell(f"would {line}")
        return "nothing was changed"
    with roles.alone(aws, function):
        try:
            _take_off(aws, function, policy or [], removal)
        except Exception as error:  # noqa: BLE001 - whatever it is, the state is told
            kind = Interrupted if isinstance(error, Interrupted) else AttachError
            raise kind(
                f"{told(error)}. {_state_of(aws.uninterrupted(), function, removal)}"
            ) from None
        left = [] if used else _clear(aws, function)
    if left:
        raise AttachError(
            f"the layer is off, and the function logs as before. Left: {'; '.join(left)}"
        )
    kept = function.variables.get(SINK)
    return "detached" + (f"; what was kept stays at {shown_sink(kept)}" if kept else "")


def _notes(function: Function, used: list[versions.InUse], removal: Removal) -> list[str]:
    notes = []
    if used:
        notes.append(
            f"{', '.join(map(str, used))} keep the layer, because a version never changes. So the sink's permissions and the"
            " alarms stay"
        )
    if function.layers and not function.recorders(removal.names):
        layers = ", ".join(arn.partition(":layer:")[2] for arn in function.layers)
        notes.append(
            f"no layer of {layers} is called {removal.names.layer}; --layer-name is for another name"
        )
    return notes


def _plan_lines(
    function: Function,
    policy: list[Statement] | None,
    used: list[versions.InUse],
    removal: Removal,
) -> list[str]:
    lines = []
    if denies(policy or []):
        lines.append(f"take the Deny on {function.log_group} out of role {function.role}")
    lines.append(f"look that the role may write to {function.log_group}")
    lines += [f"take off {arn}" for arn in function.recorders(removal.names)]
    if function.recorder_variables:
        lines.append(f"remove {', '.join(sorted(function.recorder_variables))}")
    if not used:
        lines.append(f"delete policy {function.policy}, the alarms and the dashboard")
    return lines


def _take_off(aws: Aws, function: Function, policy: list[Statement], removal: Removal) -> None:
    rest = without_own_log_group(policy, function)
    if rest != policy:
        roles.put_policy(aws, function, rest)
        aws.tell(f"role {function.role}: this policy says nothing of {function.log_group} any more")
    if denies(policy):
        aws.sleep(removal.iam_wait_s)
    allowed = roles.wait_until_undenied(aws, function, removal.iam_timeout_s)
    if not allowed and not removal.despite_role:
        raise AttachError(
            f"nothing allows role {function.role} to write to {function.log_group}. Without the layer the function would log"
            " nowhere, so the layer stays. Attach the policy AWSLambdaBasicExecutionRole to the role, or say --despite-role"
        )
    configuration.change(aws, function.name, lambda now: without_recorder(now, removal.names))
    aws.tell("the layer and its variables are off, and the update is successful")


def _clear(aws: Aws, function: Function) -> list[str]:
    """Remove what is of no use without the layer; return what could not be removed."""
    rest: tuple[tuple[str, Callable[[], None]], ...] = (
        (f"policy {function.policy}", lambda: roles.put_policy(aws, function, [])),
        ("alarms", lambda: watching.delete_alarms(aws, watching.there_are(aws, function))),
        (f"dashboard {alarms.dashboard_name(function)}", lambda: _clear_dashboard(aws, function)),
    )
    left = []
    for what, remove in rest:
        try:
            remove()
        except Exception as error:  # noqa: BLE001, PERF203 - what cannot be removed keeps nothing else
            left.append(f"{what}: {told(error)}")
    return left


def _clear_dashboard(aws: Aws, function: Function) -> None:
    if watching.has_dashboard(aws, function):
        watching.delete_dashboard(aws, function)


def _state_of(aws: Aws, function: Function, removal: Removal) -> str:
    try:
        now = configuration.read(aws, function.name)
        denied = roles.decision(aws, now) == roles.DENIED
    except Exception:  # noqa: BLE001 - the run has failed already, and this is its last word
        return f"Its state cannot be read: ./build.sh status --functions {function.name}"
    layer = "the" if now.recorders(removal.names) else "no"
    return (
        f"State: the function has {layer} layer, and may {'not ' if denied else ''}write to {now.log_group}."
        " Run detach again to do the rest"
    )
