"""Attach one function: the layer first, then a look that it is there, and the Deny last.

Promises: when a step fails, or a signal comes, what this run did is undone in reverse order. A Deny is put only when
Lambda's configuration shows the layer, and is taken away again if the layer is gone after that. When the process is
killed at any moment, the function has its layer, or may write to its own log group, or both.
"""

from attach.cloud import configuration, roles, watching
from attach.cloud.command import Aws, Interrupted
from attach.journal import Journal
from attach.looking import Plan, look, plan_lines
from attach.plan import alarms, limits, statements
from attach.plan.merging import Change, with_former, with_layer
from attach.plan.model import AttachError, Function, Wanted, told
from attach.plan.settings import SINK, retention_days, shown_sink, with_recorder
from attach.plan.statements import Statement
from extension import PREFIX
from extension.model.aws_targets import OWN_GROUP_PREFIX

COLD_STARTS = f"{PREFIX}KEEP_COLD_STARTS"


def attach(aws: Aws, name: str, wanted: Wanted) -> str:
    """Attach a function, or with a dry run tell what would be done; return a sentence on the result.

    Raises:
        AttachError: It is not attached; the message says why, and in what state the function is.
    """
    found = look(aws, name, wanted)
    for note in found.notes:
        aws.tell(f"note: {note}")
    if wanted.dry_run:
        for line in plan_lines(found, wanted):
            aws.tell(f"would {line}")
        return "nothing was changed"
    with roles.alone(aws, found.function):
        _change_or_undo(aws, found, wanted)
    sink = shown_sink(found.variables.all[SINK])
    return f"attached, to {sink}" + ("" if found.denies else ", and logs to its own group as well")


def _change_or_undo(aws: Aws, found: Plan, wanted: Wanted) -> None:
    journal = Journal(aws.tell)
    try:
        _change(aws, found, wanted, journal)
    except Exception as error:  # noqa: BLE001 - whatever it is, what was done is undone
        why = told(error)
        aws.tell(f"failed: {why}")
        left = journal.undo()
        undone = f"Not undone: {'; '.join(left)}" if left else "All that was done is undone"
        state = state_of(aws.uninterrupted(), found.function.name, wanted)
        kind = Interrupted if isinstance(error, Interrupted) else AttachError
        raise kind(f"{why}. {undone}. {state}") from None


def state_of(aws: Aws, name: str, wanted: Wanted) -> str:
    """Return a sentence on where a function logs now."""
    try:
        function = configuration.read(aws, name)
        denied = roles.decision(aws, function) == roles.DENIED
    except Exception:  # noqa: BLE001 - the run has failed already, and this is its last word
        return f"Its state cannot be read: ./build.sh status --functions {name}"
    has_layer = function.recorders(wanted.names)
    group = f"may {'not ' if denied else ''}write to {function.log_group}"
    return f"State: the function has {'the' if has_layer else 'no'} layer, and {group}"


def _change(aws: Aws, found: Plan, wanted: Wanted, journal: Journal) -> None:
    function, undo = found.function, aws.uninterrupted()
    _make_groups(aws, found, wanted, journal)
    sinks = statements.of_sinks(function, found.variables.settings)
    final = _final(found, sinks)
    change = _change_of(found, wanted, function, verifies=False)
    if found.former != final or not change.is_at(function):
        # What an earlier run allowed stays until the end: running environments deliver with it.
        _put_allow(aws, found, sinks, journal, undo, wanted)
        _put_layer(aws, found, wanted, journal, undo)
    _make_watch(aws, found, wanted, journal, undo)
    if found.former == final and change.is_at(function):
        aws.tell("layer, variables and policy are as they shall be")
        return
    _look_again(aws, found, wanted)
    _put_final(aws, found, final, wanted, journal)
    _look_again(aws, found, wanted)


def _look_again(aws: Aws, found: Plan, wanted: Wanted) -> None:
    """Look that the layer is there, right before and right after the Deny."""
    if wanted.layer.arn not in configuration.read(aws, found.function.name).layers:
        raise AttachError("somebody else has taken the layer off meanwhile")


def _put_final(
    aws: Aws, found: Plan, final: list[Statement], wanted: Wanted, journal: Journal
) -> None:
    function, undo = found.function, aws.uninterrupted()

    def lift() -> None:
        roles.put_policy(undo, function, statements.without_denies(final))
        if found.denies:
            undo.sleep(wanted.iam_wait_s)

    what = "take the Deny away from" if found.denies else "take the Allow out of"
    journal.begin(f"{what} role {function.role}", lift, holds_others=True)
    roles.put_policy(aws, function, final)
    own = "is denied" if found.denies else "is allowed"
    if found.denies and statements.shares_own_log_group(found.variables.settings):
        own = "is denied to Lambda, and not to the recorder"
    aws.tell(f"role {function.role}: {function.log_group} {own}")


def _final(found: Plan, sinks: list[Statement]) -> list[Statement]:
    function, settings = found.function, found.variables.settings
    if found.denies:
        return [statements.deny_of_own_log_group(function, settings), *sinks]
    return [statements.own_log_group(function, "Allow"), *sinks]


def _make_groups(aws: Aws, found: Plan, wanted: Wanted, journal: Journal) -> None:
    undo = aws.uninterrupted()
    asked = retention_days(wanted.retention_days)
    groups = dict(found.groups)
    own = found.function.log_group
    if not found.denies:
        groups[own] = watching.retention(aws, own)
    for group, former in groups.items():
        if former is None:
            watching.make_group(aws, group)
            watching.set_retention(aws, group, asked)
            aws.tell(f"log group {group}, {asked} days; it stays, whatever comes")
        elif wanted.retention_days and former != asked and group != own:

            def put_back(group: str = group, days: int = former) -> None:
                watching.set_retention(undo, group, days)

            journal.begin(f"set the retention of {group} back", put_back)
            watching.set_retention(aws, group, asked)
            aws.tell(f"log group {group}: {asked} days instead of {former or 'for ever'}")


def _put_allow(
    aws: Aws,
    found: Plan,
    sinks: list[Statement],
    journal: Journal,
    undo: Aws,
    wanted: Wanted,
) -> None:
    """Let the recorder write, and lift the Deny of an earlier run: it comes back when the new layer is seen."""
    function, former = found.function, found.former or []
    kept = statements.without_denies(former)
    statement = [*kept, *(one for one in sinks if one not in kept)]

    def put_back() -> None:
        back = former
        if statements.denies(former) and not _has_layer(undo, function, wanted):
            back = kept
        roles.put_policy(undo, function, back)

    if statement == former or not (statement or former):
        return
    journal.begin(f"put the policy of role {function.role} back", put_back, holds_others=True)
    roles.put_policy(aws, function, statement)
    aws.tell(f"role {function.role}: policy {function.policy}, for the sink")


def _has_layer(aws: Aws, function: Function, wanted: Wanted) -> bool:
    now = configuration.read_when_still(aws, function.name)
    return now.update_status == "Successful" and any(map(wanted.names.holds, now.layers))


def _put_layer(aws: Aws, found: Plan, wanted: Wanted, journal: Journal, undo: Aws) -> None:
    function = found.function

    def put_back() -> None:
        def former(now: Function) -> Change:
            return with_former(now, function, wanted.names)

        now = configuration.read_when_still(undo, function.name)
        if former(now).is_at(now):
            return
        if not any(map(wanted.names.holds, former(now).layers)):
            roles.wait_until_undenied(undo, function, wanted.iam_timeout_s)
        configuration.change(undo, function.name, former)

    journal.begin("put layers and variables back", put_back, holds_others=True)
    watches = wanted.payload is not None or wanted.wait_for_line
    _apply(aws, found, wanted, verifies=watches)
    aws.tell(
        f"layer {wanted.layer.arn.partition(':layer:')[2]} is attached, and the update is successful"
    )
    if not watches:
        return
    since_ms = watching.now_ms()
    if wanted.payload is not None:
        error = watching.invoke(aws, function, wanted.payload)
        aws.tell(f"invoked{f', with an error: {error}' if error else ''}")
    group = next(iter(statements.kept_groups(function, found.variables.settings)))
    # Until the Deny, Lambda writes to its own streams in the group.
    is_shared = statements.shares_own_log_group(found.variables.settings)
    prefix = OWN_GROUP_PREFIX if is_shared and group == function.log_group else ""
    watching.wait_for_line(aws, group, since_ms, wanted.line_timeout_s, prefix=prefix)
    aws.tell(f"the recorder has delivered to {group}")
    _apply(aws, found, wanted, verifies=False)


def _apply(aws: Aws, found: Plan, wanted: Wanted, *, verifies: bool) -> None:
    """Change the function. It is checked anew, if somebody else changed it since it was looked at."""

    def make(now: Function) -> Change:
        change = _change_of(found, wanted, now, verifies=verifies)
        against = limits.obstacles(
            now, wanted.layer, {}, layers=change.layers, variables=change.variables
        )
        against += with_recorder(now, wanted, denied=found.denies).problems
        if (now.role_arn, now.log_group) != (found.function.role_arn, found.function.log_group):
            against.append("its role or log group has changed meanwhile: run the command again")
        if against:
            raise AttachError("; ".join(against))
        return change

    configuration.change(aws, found.function.name, make)


def _change_of(found: Plan, wanted: Wanted, now: Function, *, verifies: bool) -> Change:
    """Return what the function shall have.

    Args:
        found: What was found.
        wanted: What is asked for.
        now: The function as it is now.
        verifies: Whether each environment's first invocation is kept, so that there is something to see.
    """
    variables = dict(with_recorder(now, wanted, denied=found.denies).all)
    cold_starts = "true" if verifies else found.variables.all.get(COLD_STARTS)
    if cold_starts is None:
        variables.pop(COLD_STARTS, None)
    else:
        variables[COLD_STARTS] = cold_starts
    return Change(with_layer(now, wanted.layer, wanted.names), variables)


def _make_watch(aws: Aws, found: Plan, wanted: Wanted, journal: Journal, undo: Aws) -> None:
    """Put the alarms and the dashboard; delete alarms that could never ring."""
    function = found.function
    there = watching.there_are(aws, function)
    if found.variables.no_alarms:
        watching.delete_alarms(aws, there)
    else:
        new = [name for name in alarms.names(function) if name not in there]
        journal.begin("delete the new alarms", lambda: watching.delete_alarms(undo, new))
        for alarm in alarms.alarms(function, wanted.alarm_topic):
            watching.put_alarm(aws, alarm)
        aws.tell(f"alarms {', '.join(alarms.names(function))}")
    if wanted.dashboard and not found.variables.fleet:
        if not watching.has_dashboard(aws, function):
            journal.begin(
                "delete the new dashboard", lambda: watching.delete_dashboard(undo, function)
            )
        watching.put_dashboard(aws, function, wanted.dashboard)
        aws.tell(f"dashboard {alarms.dashboard_name(function)}")
