"""Run `./build.sh prove`: `python -m prove`."""

import os
import secrets
import signal
import sys
from argparse import Namespace

from attach.cloud.command import Aws, Stop, say
from attach.plan.model import AttachError
from prove.account.journal import Journal, journals
from prove.account.making import built, who_am_i
from prove.account.removing import remove_all
from prove.arguments import parser, refused_sinks, region_of, wanted_of
from prove.checking import report
from prove.checking.answers import answers
from prove.plan.cost import cost_of
from prove.plan.deployment import Deployment, plan
from prove.run import Options, Outcome, run
from prove.trial import Waits

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What a person, a system and a closed terminal send. Each ends the run between two commands, and takes everything down."""

USAGE, FAILED, OF_SIGNAL = 2, 1, 128
"""Exit statuses; with the last, a shell's status for a program that a signal ended."""

ID_BYTES = 4
"""Of a run's id: two runs of one account have the same once in billions."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    options = parser().parse_args(arguments)
    stop = Stop()
    before = {number: signal.signal(number, stop.ask) for number in SIGNALS}
    try:
        status = _clean(options, stop) if options.clean else _prove(options, stop)
    except AttachError as error:
        say(f"prove: {error}")
        status = FAILED
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return OF_SIGNAL + stop.number if stop.number else status


def _prove(options: Namespace, stop: Stop) -> int:
    try:
        region = region_of(options, os.environ)
    except AttachError as error:
        say(f"prove: {error}")
        return USAGE
    deployment = plan(
        secrets.token_hex(ID_BYTES),
        wanted_of(options),
        built=built(options.dist),
        refused_sinks=refused_sinks(),
    )
    if not options.yes:
        print(*report.explain(deployment, cost_of(deployment), region=region), "", sep="\n")
    if not deployment.functions:
        say("prove: nothing can be tried; see what is left out, or build the layer")
        return FAILED
    if not options.yes:
        print("nothing was made; --yes does it")
        return 0
    aws = Aws(options.profile, region, stop, say)
    journal = Journal(
        options.journals / f"{deployment.id}.json", region=region, profile=options.profile
    )
    chosen = Options(
        dist=options.dist,
        waits=Waits(last_s=options.wait, settle_s=options.settle),
        iam_wait_s=options.iam_wait,
        keep=options.keep,
    )
    outcome = run(aws, who_am_i(aws), deployment, journal, chosen)
    return _told(deployment, outcome, journal, kept=options.keep)


def _told(deployment: Deployment, outcome: Outcome, journal: Journal, *, kept: bool) -> int:
    """Print the report, and return the exit status."""
    rows = [(one.function, verdict) for one in outcome.results for verdict in one.verdicts]
    problems = [f"{one.function.name}: {one.problem}" for one in outcome.results if one.problem]
    if rows:
        print(*report.table(rows), "", sep="\n")
    seen = [one.seen for one in outcome.results if one.seen is not None]
    for question, answer in answers(seen) if seen else ():
        print(f"{question} {answer}.")
    print("", *report.left_out(deployment), *(f"! {one}" for one in problems), sep="\n")
    untried = len(deployment.functions) - len(outcome.results)
    if outcome.failure:
        print(f"! the run ended early, {untried} functions were not tried: {outcome.failure}")
    print("", *report.summary(rows), *_rest(outcome, journal, kept=kept), sep="\n")
    faulty = any(verdict.faults for _, verdict in rows)
    bad = faulty or problems or outcome.failure or outcome.left or not rows
    return FAILED if bad else 0


def _rest(outcome: Outcome, journal: Journal, *, kept: bool) -> list[str]:
    """Return what became of all that the run made."""
    if kept and journal.things:
        return [
            f"{len(journal.things)} things stay, as {journal.file} has them: --clean takes them down."
        ]
    if outcome.left:
        return [f"! {one}" for one in outcome.left] + [
            f"! {journal.file} has it: ./build.sh prove --clean tries again"
        ]
    return ["All that the run made is taken down."]


def _clean(options: Namespace, stop: Stop) -> int:
    """Take down what earlier runs left."""
    left = []
    found = journals(options.journals)
    for file in found:
        try:
            journal = Journal.read(file)
        except ValueError as error:
            left.append(str(error))
            continue
        left += remove_all(Aws(journal.profile, journal.region, stop, say), journal)
    print(*(f"! {one}" for one in left), sep="\n", end="\n" if left else "")
    print(f"{len(found)} journals of earlier runs in {options.journals}")
    return FAILED if left else 0


if __name__ == "__main__":
    sys.exit(main())
