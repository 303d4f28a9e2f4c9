"""Parse the command line of `./build.sh prove`."""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

from attach.plan.model import AttachError
from attach.plan.settings import setting_problems
from prove.checking.report import PERMISSIONS
from prove.plan.deployment import Wanted
from prove.plan.kinds import ARCHITECTURES, KINDS, SINKS
from prove.plan.ways import FAILING
from prove.run import IAM_WAIT_S
from prove.trial import Waits

ROOT = Path(__file__).resolve().parent.parent
REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")

TIMEOUT_S = 10
"""Of the functions. A process that starts anew after a crash starts within an invocation, with little CPU."""

MOST_TIMEOUT_S = 60
"""More would only cost money: hanging invocations take as long as they may."""

MAX_WAIT_S = 900.0


def parser() -> argparse.ArgumentParser:
    """Return the parser; its help is the reference of the command line."""
    found = argparse.ArgumentParser(
        prog="./build.sh prove",
        description="Prove in a real AWS account that every line of a failed invocation is kept: make functions of every kind"
        " with the built layer, let them fail in every way, compare line by line, and take everything down again."
        " Without --yes: tell what would be made, what it costs, and what it needs.",
        epilog=f"You need these permissions: {', '.join(PERMISSIONS)}.",
    )
    add = found.add_argument
    add("--region", default="", help="default: AWS_REGION")
    add("--profile", default="", help="a profile of the aws command")
    add("--yes", action="store_true", help="do it")
    add("--keep", action="store_true", help="leave everything there; --clean takes it down")
    add("--clean", action="store_true", help="take down what earlier runs left, and try nothing")
    _some(found, "--only", [kind.key for kind in KINDS], "kind of function")
    _some(found, "--arch", list(ARCHITECTURES), "architecture")
    _some(found, "--sink", [sink.key for sink in SINKS], "sink")
    _some(found, "--way", list(FAILING), "way of failing")
    _add_waits(found)
    _add_folders(found)
    return found


def _add_waits(found: argparse.ArgumentParser) -> None:
    add = found.add_argument
    add(
        "--timeout",
        type=_number(1, MOST_TIMEOUT_S),
        default=TIMEOUT_S,
        metavar="SECONDS",
        help="of the functions (%(default)s)",
    )
    add(
        "--iam-wait",
        type=_number(0, MAX_WAIT_S),
        default=IAM_WAIT_S,
        metavar="SECONDS",
        help="from the making of a role to its first use (%(default)s)",
    )
    add(
        "--wait",
        type=_number(0, MAX_WAIT_S),
        default=Waits().last_s,
        metavar="SECONDS",
        help="the most, after a function's last invocation, until its lines are there (%(default)s)",
    )
    add(
        "--settle",
        type=_number(0, MAX_WAIT_S),
        default=Waits().settle_s,
        metavar="SECONDS",
        help="after that, for lines that come twice (%(default)s)",
    )


def _add_folders(found: argparse.ArgumentParser) -> None:
    add = found.add_argument
    add(
        "--dist",
        type=Path,
        default=ROOT / "dist",
        metavar="FOLDER",
        help="take the layers' zips from this folder, which may be a release's (dist)",
    )
    add(
        "--journals",
        type=Path,
        default=ROOT / ".cache" / "prove",
        metavar="FOLDER",
        help="where a run writes down what it makes (.cache/prove)",
    )


def region_of(options: argparse.Namespace, environ: Mapping[str, str]) -> str:
    """Return the region.

    Raises:
        AttachError: None is named, or it is no region's name.
    """
    region = options.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    if not region:
        raise AttachError("in which region? --region eu-west-1, or AWS_REGION")
    if not REGION.fullmatch(region):
        raise AttachError(f"{region} is not the name of a region")
    return str(region)


def wanted_of(options: argparse.Namespace) -> Wanted:
    """Return what the command line asks for."""
    return Wanted(
        kinds=tuple(options.only or [kind.key for kind in KINDS]),
        architectures=tuple(options.arch or ARCHITECTURES),
        sinks=tuple(options.sink or [sink.key for sink in SINKS]),
        ways=tuple(options.way or FAILING),
        timeout_s=int(options.timeout),
    )


def refused_sinks() -> dict[str, str]:
    """Return the sinks that this version of the extension does not know."""
    return {
        sink.key: "this version of the extension does not have it"
        for sink in SINKS
        if setting_problems({"SINK": sink.url("a-bucket")})
    }


def _some(found: argparse.ArgumentParser, name: str, choices: list[str], what: str) -> None:
    found.add_argument(
        name, action="append", choices=choices, help=f"this {what} only (repeatable; default: all)"
    )


def _number(least: float, most: float) -> "argparse._ActionType":
    def parse(text: str) -> float:
        number = float(text)
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least:g} and {most:g}")
        return number

    return parse
