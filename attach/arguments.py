"""Parse the command line of attach, detach and status, and check its values as the extension does."""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

from attach.cloud.selection import Selection
from attach.detaching import Removal
from attach.fleet import MAX_PARALLEL
from attach.plan.alarms import is_dashboard
from attach.plan.model import AttachError, Names, Wanted, read_layer_version
from attach.plan.settings import retention_days, setting_problems
from extension import PREFIX
from extension.config.variables import SETTINGS
from whatif.model.problems import fault_text

PARALLEL = 4
"""Functions at a time. A step of a function waits for AWS most of the time."""

IAM_WAIT_S = 10.0
"""IAM's changes reach everything within seconds, as a rule."""

IAM_TIMEOUT_S = 30.0
"""If IAM still tells of a Deny after that, it is another one."""

MAX_WAIT_S = 3600.0

TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+")

PERMISSIONS = """You need these permissions: lambda:GetFunctionConfiguration, lambda:ListFunctions (for --functions-regex),
lambda:ListAliases, lambda:ListProvisionedConcurrencyConfigs, lambda:GetLayerVersion,
lambda:UpdateFunctionConfiguration, lambda:InvokeFunction (for --invoke), tag:GetResources (for --tag),
iam:GetRolePolicy, iam:PutRolePolicy, iam:DeleteRolePolicy, iam:SimulatePrincipalPolicy, logs:DescribeLogGroups,
logs:CreateLogGroup, logs:PutRetentionPolicy, logs:DeleteRetentionPolicy (for an undo), logs:FilterLogEvents (for
--invoke and --wait-for-line), cloudwatch:DescribeAlarms, cloudwatch:PutMetricAlarm, cloudwatch:DeleteAlarms,
cloudwatch:ListDashboards, cloudwatch:PutDashboard, cloudwatch:DeleteDashboards."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of all three commands."""
    main = argparse.ArgumentParser(prog="./build.sh")
    commands = main.add_subparsers(dest="command", required=True)
    attach = commands.add_parser(
        "attach",
        help="attach the layer",
        description="Attach the layer to functions that exist: the layer first, a look that it is there, and then the Deny on"
        " the function's own log group. What the function has and no option names stays.",
        epilog=PERMISSIONS,
    )
    _add_common(attach, required=True)
    _add_wanted(attach)
    detach = commands.add_parser(
        "detach",
        help="take the layer off",
        description="Take off what attach put: the Deny first, then the layer and the variables FLIGHT_RECORDER_..., then the"
        " policy, the alarms and the dashboard. The log groups stay, with all that was kept.",
        epilog=PERMISSIONS,
    )
    _add_common(detach, required=True)
    _add_change(detach)
    detach.add_argument(
        "--despite-role",
        action="store_true",
        help="take the layer off although nothing allows the role to write to the function's own log group",
    )
    status = commands.add_parser(
        "status",
        help="tell which functions have the layer",
        description="Show each function's layer, its sink, and whether its own log group is denied. The exit status is 1 if"
        " something is wrong, such as a Deny without a layer.",
        epilog="You need the permissions lambda:ListFunctions, lambda:GetFunctionConfiguration, lambda:ListAliases,"
        " lambda:ListProvisionedConcurrencyConfigs and iam:SimulatePrincipalPolicy.",
    )
    _add_common(status, required=False)
    return main


def selection_of(options: argparse.Namespace) -> Selection:
    """Return the functions that are meant; without any option, all."""
    try:
        re.compile(options.functions_regex)
    except re.error as error:
        raise AttachError(f"--functions-regex: {error}") from None
    names = tuple(name for one in options.functions for name in one.split(",") if name)
    # An empty variable of a script must not mean every function.
    if not (names or options.functions_regex or options.tag) and (
        options.functions or options.command != "status"
    ):
        raise AttachError("no function is named; --functions-regex . means all")
    return Selection(names=names, regex=options.functions_regex, tags=tuple(map(_tag, options.tag)))


def removal_of(options: argparse.Namespace) -> Removal:
    """Return what detach is asked for."""
    return Removal(
        names=Names(options.layer_name),
        iam_wait_s=options.iam_wait,
        iam_timeout_s=options.iam_timeout,
        despite_role=options.despite_role,
        dry_run=options.dry_run,
    )


def wanted_of(options: argparse.Namespace, environ: Mapping[str, str]) -> Wanted:
    """Return what attach is asked for.

    Raises:
        AttachError: A value cannot be used; the message has the extension's words for it.
    """
    settings = dict(_setting(text, environ) for text in options.set)
    for name in ("SINK", "SAMPLE_RATE", "METRICS"):
        given = getattr(options, name.lower())
        settings |= {name: given} if given else {}
    if options.metrics_fleet is not None:
        settings["METRICS_FLEET"] = options.metrics_fleet
    problems = list(map(fault_text, setting_problems(settings)))
    if options.alarm_topic and not TOPIC.fullmatch(options.alarm_topic):
        problems.append(f"--alarm-topic {options.alarm_topic} is not the ARN of an SNS topic")
    try:
        retention_days(options.retention_days)
    except ValueError:
        accepted = next(one.accepted for one in SETTINGS if one.name == "RETENTION_DAYS")
        problems.append(
            f"--retention-days={options.retention_days} cannot be used; accepted: {accepted}"
        )
    if problems:
        raise AttachError("; ".join(problems))
    layer = read_layer_version(options.layer)
    return Wanted(
        layer=layer,
        names=Names(options.layer_name, layer.name),
        settings=settings,
        retention_days=options.retention_days,
        own_log_group=options.own_log_group,
        alarm_topic=options.alarm_topic,
        dashboard=_dashboard(options.dashboard),
        payload=None if options.invoke is None else options.invoke.encode(),
        wait_for_line=options.wait_for_line,
        line_timeout_s=options.line_timeout,
        despite_versions=options.despite_versions,
        iam_wait_s=options.iam_wait,
        iam_timeout_s=options.iam_timeout,
        dry_run=options.dry_run,
    )


def _add_common(command: argparse.ArgumentParser, *, required: bool) -> None:
    which = command.add_mutually_exclusive_group(required=required)
    which.add_argument(
        "--functions", action="append", default=[], metavar="A,B", help="functions by name"
    )
    which.add_argument(
        "--functions-regex",
        default="",
        metavar="REGEX",
        help="functions in whose names this is found; ^shop- for all that begin so",
    )
    which.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="functions with this tag (repeatable: with all of them)",
    )
    command.add_argument("--profile", default="", help="a profile of the aws command")
    command.add_argument("--region", default="", help="default: that of the aws command")
    command.add_argument(
        "--layer-name",
        default=Names().layer,
        help="the name under which the layer was published (%(default)s)",
    )
    command.add_argument(
        "--parallel",
        type=_number(1, MAX_PARALLEL, int),
        default=PARALLEL,
        help=f"functions at a time, up to {MAX_PARALLEL} (%(default)s)",
    )


def _add_change(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--dry-run", action="store_true", help="tell what would be done, and change nothing"
    )
    command.add_argument(
        "--iam-wait",
        type=_number(0, MAX_WAIT_S, float),
        default=IAM_WAIT_S,
        metavar="SECONDS",
        help="between the end of a Deny and the end of the layer (%(default)s)",
    )
    command.add_argument(
        "--iam-timeout",
        type=_number(0, MAX_WAIT_S, float),
        default=IAM_TIMEOUT_S,
        metavar="SECONDS",
        help="the most to wait until IAM tells that a Deny has ended (%(default)s)",
    )


def _add_wanted(command: argparse.ArgumentParser) -> None:
    command.add_argument("layer", metavar="LAYER_ARN", help="the ARN of the layer's version")
    add = command.add_argument
    add(
        "--sink", default="", help="cloudwatch:GROUP, s3://BUCKET/PREFIX, firehose:STREAM, or a URL"
    )
    add("--sample-rate", default="", help="share of healthy transactions whose lines are kept")
    add(
        "--metrics",
        default="",
        help="how often the recorder writes its own metrics; off: no alarms",
    )
    add(
        "--metrics-fleet",
        metavar="NAME",
        help="the fleet whose metrics the function shares (default: as it is, and flight-recorder for a new function); an empty"
        " name: metrics, alarms and a dashboard of its own",
    )
    add(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other setting; NAME alone takes the value of FLIGHT_RECORDER_NAME in this shell (repeatable)",
    )
    add(
        "--retention-days",
        default="",
        help="of log groups that this makes (30), and of the kept one if it is there",
    )
    add(
        "--own-log-group",
        choices=["deny", "allow", "share"],
        default="",
        help="whether Lambda may write to the function's own log group: deny saves its cost; share too, and kept lines go there,"
        " in streams flight-recorder/... (default: deny, or what an earlier run put)",
    )
    _add_watch(command)
    _add_change(command)


def _add_watch(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--alarm-topic", default="", metavar="ARN", help="the SNS topic that alarms notify")
    add("--dashboard", type=Path, metavar="FILE", help="such as layer/templates/dashboard.json")
    add(
        "--invoke",
        metavar="PAYLOAD",
        help="invoke each function once, and wait for its lines before the Deny",
    )
    add(
        "--wait-for-line",
        action="store_true",
        help="wait until the recorder has delivered something before the Deny",
    )
    add(
        "--line-timeout",
        type=_number(1, MAX_WAIT_S, float),
        default=300.0,
        metavar="SECONDS",
        help="the most to wait for that (%(default)s)",
    )
    add(
        "--despite-versions",
        action="store_true",
        help="put the Deny although an alias or provisioned concurrency points to a version without the layer",
    )


def _number(least: float, most: float, kind: type[int] | type[float]) -> "argparse._ActionType":
    def parse(text: str) -> float:
        number = kind(text)
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least:g} and {most:g}")
        return number

    return parse


def _setting(text: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return a setting's name without the prefix, and its value; of a name alone, the value in this shell."""
    name, equals, value = text.partition("=")
    name = name.strip().removeprefix(PREFIX)
    if not equals:
        if PREFIX + name not in environ:
            raise AttachError(f"--set {name}: {PREFIX}{name} is not set in this shell")
        value = environ[PREFIX + name]
    return name, value


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise AttachError("--tag takes KEY=VALUE")
    return key, value


def _dashboard(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AttachError(f"--dashboard {file}: {error}") from None
    if not is_dashboard(text):
        raise AttachError(f"--dashboard {file} is no dashboard")
    return text
