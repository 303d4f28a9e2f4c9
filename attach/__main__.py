"""Run `./build.sh attach`, `detach` or `status`: `python -m attach COMMAND ...`."""

import os
import signal
import sys
from argparse import Namespace

from attach import status
from attach.arguments import parser, removal_of, selection_of, wanted_of
from attach.attaching import attach
from attach.cloud import selection
from attach.cloud.command import Aws, Stop, say
from attach.detaching import detach
from attach.fleet import Fleet, summary
from attach.plan.model import AttachError, Names

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What a person, a system and a closed terminal send. Each ends the run between two steps, and undoes first."""

USAGE, FAILED, OF_SIGNAL = 2, 1, 128
"""Exit statuses; with the last, a shell's status for a program that a signal ended."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status."""
    options = parser().parse_args(arguments)
    stop = Stop()
    before = {number: signal.signal(number, stop.ask) for number in SIGNALS}
    try:
        return _run(options, stop)
    except AttachError as error:
        say(f"{options.command}: {error}")
        return OF_SIGNAL + stop.number if stop.number else FAILED
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(options: Namespace, stop: Stop) -> int:
    try:
        meant = selection_of(options)
        wanted = wanted_of(options, os.environ) if options.command == "attach" else None
    except AttachError as error:
        say(f"{options.command}: {error}")
        return USAGE
    names = selection.chosen(Aws(options.profile, options.region, stop, say), meant)
    fleet = Fleet(
        names=names,
        parallel=min(options.parallel, len(names)),
        profile=options.profile,
        region=options.region,
        stop=stop,
    )
    if options.command == "status":
        return _status(fleet, Names(options.layer_name))
    if wanted is not None:
        outcomes = fleet.each(lambda aws, name: attach(aws, name, wanted))
    else:
        removal = removal_of(options)
        outcomes = fleet.each(lambda aws, name: detach(aws, name, removal))
    print(*summary(outcomes), sep="\n")
    if stop.number:
        return OF_SIGNAL + stop.number
    return FAILED if any(one.failure for one in outcomes) else 0


def _status(fleet: Fleet, names: Names) -> int:
    outcomes = fleet.each(lambda aws, name: status.status(aws, name, names))
    rows = [one.result for one in outcomes if one.result is not None]
    failures = [f"{one.function}: {one.failure}" for one in outcomes if one.failure]
    if rows:
        print(*status.lines(rows), sep="\n")
    for failure in failures:
        say(f"status: {failure}")
    if fleet.stop.number:
        return OF_SIGNAL + fleet.stop.number
    return FAILED if failures or any(row.wrong for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
