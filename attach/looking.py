"""Read all that attaching a function depends on, and find what stands against it. Nothing is changed here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attach.cloud import configuration, roles, versions, watching
from attach.cloud.command import Aws
from attach.plan import alarms, limits, statements
from attach.plan.merging import with_layer
from attach.plan.model import AttachError, Function, Wanted
from attach.plan.settings import SINK, Variables, silent_with_deny, with_recorder
from attach.plan.statements import Statement
from extension import PREFIX
from extension.config.parsers import kind_of_sink


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was found, and what shall be.

    Attributes:
        function: as it was found.
        variables: with the recorder's.
        denies: whether the function's own log group is to be denied.
        former: the statements of the tool's policy as they were; None for no policy.
        groups: log groups of the sinks, with the retention of those that are there.
        notes: for people.
    """

    function: Function
    variables: Variables
    denies: bool
    former: list[Statement] | None
    groups: Mapping[str, int | None]
    notes: tuple[str, ...]


def look(aws: Aws, name: str, wanted: Wanted) -> Plan:
    """Read all that the change depends on; raise AttachError with all obstacles."""
    function = configuration.read_when_still(aws, name)
    former = roles.read_policy(aws, function)
    own = wanted.own_log_group or (
        "allow" if statements.allows_own_log_group(former or [], function) else "deny"
    )
    variables = with_recorder(function, wanted, denied=own != "allow")
    description: Mapping[str, Any] = {}
    if wanted.layer.region == function.region and function.package != "Image":
        description = configuration.describe(aws, wanted.layer)
    layers = with_layer(function, wanted.layer, wanted.names)
    against = limits.obstacles(
        function, wanted.layer, description, layers=layers, variables=variables.all
    )
    against += variables.problems
    against += _unwatchable(variables, wanted)
    if own != "allow":
        against += silent_with_deny(function, variables.settings)
        against += _blinded(aws, function, wanted)
    if against:
        raise AttachError("; ".join(against) + ". Nothing was changed")
    groups = statements.kept_groups(function, variables.settings)
    return Plan(
        function=function,
        variables=variables,
        denies=own != "allow",
        former=former,
        groups={group: watching.retention(aws, group) for group in groups},
        notes=tuple(
            _notes(
                function,
                variables,
                limits.zipped_bytes(function, wanted.layer, description, layers=layers),
            )
        ),
    )


def _unwatchable(variables: Variables, wanted: Wanted) -> list[str]:
    watches = wanted.wait_for_line or wanted.payload is not None
    if watches and kind_of_sink(variables.all[SINK]) != "cloudwatch":
        return [
            "--invoke and --wait-for-line can see lines in CloudWatch alone, and the sink is elsewhere"
        ]
    return []


def _blinded(aws: Aws, function: Function, wanted: Wanted) -> list[str]:
    """Return who else would log nowhere, with the Deny."""
    found = []
    used = versions.in_use(aws, function, wanted.names)
    without = [str(one) for one in used if one.is_silent]
    if without and not wanted.despite_versions:
        found.append(
            f"without the layer are {', '.join(without)}: with the Deny they would log nowhere. Attach with --own-log-group"
            " allow, publish a version, move the aliases, and attach again with --own-log-group deny"
            " (docs/attach/rollbacks.md); or say --despite-versions"
        )
    elif without:
        aws.tell(f"warning: with the Deny, these log nowhere: {', '.join(without)}")
    sharing = versions.sharing(aws, function, wanted.names)
    if sharing:
        found.append(
            f"{', '.join(sharing)} share the role and the log group {function.log_group} without the layer: with the Deny"
            " they would log nowhere. Attach all of them with --own-log-group allow first"
        )
    return found


def _notes(function: Function, variables: Variables, zipped: int) -> list[str]:
    notes = [limits.size_note(zipped)]
    if variables.references:
        notes.append(
            f"{', '.join(variables.references)}: the extension fetches the value, and the role needs a permission for that"
            " (docs/references.md)"
        )
    if function.log_format == "JSON" and function.log_level not in {"TRACE", "DEBUG"}:
        notes.append(
            f"the application log level is {function.log_level or 'INFO'}, so the function never writes lines below it, and"
            f" nobody can record them: aws lambda update-function-configuration --function-name {function.name}"
            " --logging-config LogFormat=JSON,ApplicationLogLevel=DEBUG"
        )
    if variables.no_alarms:
        what = "no alarms and no dashboard" if variables.fleet else "no alarms"
        notes.append(f"{what}: {variables.no_alarms}")
    return [note for note in notes if note]


def plan_lines(found: Plan, wanted: Wanted) -> list[str]:
    """Return the steps, in their order."""
    function = found.function
    lines = [f"make the log group {name}" for name, days in found.groups.items() if days is None]
    names = sorted(name for name in found.variables.all if name.startswith(PREFIX))
    lines += [
        f"put policy {function.policy} into role {function.role}, for the sink",
        f"attach {wanted.layer.arn} and set {', '.join(names)}",
        "wait for the end of the update, and look that the layer is there",
    ]
    if wanted.payload is not None:
        lines.append("invoke the function")
    if wanted.payload is not None or wanted.wait_for_line:
        lines.append("wait until the recorder has delivered something")
    lines.append("delete the alarms" if found.variables.no_alarms else "put four alarms")
    if wanted.dashboard and not found.variables.fleet:
        lines.append(f"put the dashboard {alarms.dashboard_name(function)}")
    if found.denies:
        denied = f"the function's own log group {function.log_group}"
        if statements.shares_own_log_group(found.variables.settings):
            denied = f"Lambda's streams in {denied}"
        lines.append(f"deny role {function.role} {denied}")
    return lines
