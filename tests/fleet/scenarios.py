"""What a fleet of real processes goes through: crashes, a setting that changes, a flood of failures."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from bench.fleet.quotas import percentile
from tests.fleet.account import GROUP, account
from tests.fleet.environments import AT_ONCE, FOLDER, LINES, fleet

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fleet.account import Account
    from tests.fleet.environments import Environment, Fleet

    Count = Callable[[str], int]

OVERFLOW = "overflow"
"""In the name of the stream that all environments may share."""

PARAMETER = "/shop/rate"
INTERVAL_S = 30
"""REFRESH_INTERVAL: the shortest that is accepted."""

APPLIED_S = 1.0
"""After a multiple: by then what was fetched is in force."""

DRAIN_S = 60.0
"""For what a flood leaves: ten times as long as an environment that was throttled waits."""

CALM_PER_S = 40.0
"""Invocations a second that two cores do easily."""

LOADED_S = 1.0
"""After the last has asked for Next: all have loaded what they load by then."""


class Crashes(NamedTuple):
    """What came of environments that crashed in their first invocation.

    Attributes:
        environments: how many crashed.
        delivered: those whose lines are all in the account; ``own`` in their own stream, ``overflow`` in that for all.
        printed: those that wrote lines to standard output, and ``lost`` those with a line that is nowhere.
        killed: those that were still there at the deadline.
        create_asked: CreateLogStream, and ``create_refused`` how many of them were refused; the same of PutLogEvents.
    """

    environments: int
    delivered: int
    own: int
    overflow: int
    printed: int
    lost: int
    killed: int
    create_asked: int
    create_refused: int
    put_asked: int
    put_refused: int


def crash(
    environments: int, *, layer: Path, per_s: float, creates_per_s: float, puts_per_s: float
) -> Crashes:
    """Let all environments crash in their first invocation, so many a second."""
    quotas = {"CreateLogStream": creates_per_s, "PutLogEvents": puts_per_s}
    with account(quotas) as aws, tempfile.TemporaryDirectory() as folder:
        variables = aws.variables(SINK=f"cloudwatch:{GROUP}", SAMPLE_RATE="0")
        with fleet(environments, variables, layer=layer, folder=Path(folder)) as running:
            time.sleep(LOADED_S)
            running.each(lambda one: one.crash(), per_s=per_s)
            streams = aws.messages()
            there = {stream: "\n".join(messages) for stream, messages in streams.items()}
            own = "\n".join(text for name, text in there.items() if OVERFLOW not in name)
            shared = "\n".join(text for name, text in there.items() if OVERFLOW in name)
            all_of = running.environments
            return Crashes(
                environments=environments,
                delivered=sum(_is_there(one, own + shared) for one in all_of),
                own=sum(_is_there(one, own) for one in all_of),
                overflow=sum(_is_there(one, shared) for one in all_of),
                printed=sum(any(line in one.printed for line in one.written) for one in all_of),
                lost=sum(not _is_there(one, own + shared + one.printed) for one in all_of),
                killed=sum(one.was_killed for one in all_of),
                create_asked=aws.asked("CreateLogStream"),
                create_refused=aws.refused("CreateLogStream"),
                put_asked=aws.asked("PutLogEvents"),
                put_refused=aws.refused("PutLogEvents"),
            )


def _is_there(environment: Environment, text: str) -> bool:
    return all(line in text for line in environment.written)


class First(NamedTuple):
    """What came of first fetches.

    Attributes:
        environments: how many fetched.
        answered: those that have the value.
        asked: GetParameters, and ``refused`` how many of them were refused.
        took_s: until the last had it, from the first one's start.
    """

    environments: int
    answered: int
    asked: int
    refused: int
    took_s: float


def first_fetch(
    environments: int, *, layer: Path, per_s: float, gets_per_s: float, within_s: float
) -> First:
    """Start so many environments a second, and wait until all have fetched a setting."""
    with account({"GetParameters": gets_per_s}) as aws, tempfile.TemporaryDirectory() as folder:
        aws.aws.call("AmazonSSM.PutParameter", Name=PARAMETER, Value="1", Type="String")
        # The longest: next to nobody refreshes meanwhile.
        variables = aws.variables(
            SINK="stdout:", SAMPLE_RATE=f"ssm:{PARAMETER}", REFRESH_INTERVAL="15m"
        )
        began_s = time.monotonic()
        with fleet(environments, variables, layer=layer, folder=Path(folder), per_s=per_s):
            # Each asks until it is answered, and then not before its next multiple.
            while _answered(aws.asked, aws.refused) < environments:
                if time.monotonic() > began_s + within_s:
                    break
                time.sleep(0.1)
            return First(
                environments=environments,
                answered=_answered(aws.asked, aws.refused),
                asked=aws.asked("GetParameters"),
                refused=aws.refused("GetParameters"),
                took_s=time.monotonic() - began_s,
            )


def _answered(asked: Count, refused: Count) -> int:
    return asked("GetParameters") - refused("GetParameters")


class Refreshed(NamedTuple):
    """What came of a value that changed.

    Attributes:
        environments: how many fetch it.
        fresh_1: those in which the change was in force at the first multiple after a whole interval, ``fresh_2`` at the second.
        asked: GetParameters within both intervals, and ``refused`` how many of them were refused.
        others: calls of everybody else meanwhile, and ``others_refused`` how many of them were refused.
    """

    environments: int
    fresh_1: int
    fresh_2: int
    asked: int
    refused: int
    others: int
    others_refused: int


def refresh(
    environments: int, *, layer: Path, gets_per_s: float, others_per_s: float, seed: int = 1
) -> Refreshed:
    """Change a setting at a multiple of REFRESH_INTERVAL, and invoke all environments after each of the next two."""
    quotas = {"GetParameters": gets_per_s}
    with account(quotas) as aws, tempfile.TemporaryDirectory() as folder:
        variables = aws.variables(
            SINK=f"file:{FOLDER}/kept",
            SAMPLE_RATE=f"ssm:{PARAMETER}",
            REFRESH_INTERVAL=f"{INTERVAL_S}s",
        )
        _set_rate(aws, "0")
        with (
            fleet(environments, variables, layer=layer, folder=Path(folder)) as running,
            aws.with_others("GetParameters", others_per_s, seed=seed),
        ):
            while _answered(aws.asked, aws.refused) < environments:
                time.sleep(0.1)
            changed_s = _next_multiple()
            _set_rate(aws, "1")
            before = aws.asked("GetParameters"), aws.refused("GetParameters")
            others = aws.others, aws.others_refused
            fresh_1 = _fresh(running, changed_s + INTERVAL_S)
            _wait_until(changed_s + 2 * INTERVAL_S)
            counts = aws.asked("GetParameters"), aws.refused("GetParameters")
            return Refreshed(
                environments=environments,
                fresh_1=fresh_1,
                fresh_2=_fresh(running, changed_s + 2 * INTERVAL_S),
                asked=counts[0] - before[0],
                refused=counts[1] - before[1],
                others=aws.others - others[0],
                others_refused=aws.others_refused - others[1],
            )


def _set_rate(aws: Account, rate: str) -> None:
    aws.aws.call(
        "AmazonSSM.PutParameter", Name=PARAMETER, Value=rate, Type="String", Overwrite=True
    )


def _next_multiple() -> float:
    """Wait for a multiple of the interval on the clock, and return it."""
    at_s = (time.time() // INTERVAL_S + 1) * INTERVAL_S
    time.sleep(at_s - time.time())
    return at_s


def _wait_until(at_s: float) -> None:
    time.sleep(max(0.0, at_s - time.time()))


def _fresh(running: Fleet, at_s: float) -> int:
    """Invoke all after a multiple; return how many keep the healthy invocation, as the new rate wants."""
    _wait_until(at_s + APPLIED_S)
    running.each(
        lambda one: one.write(one.invoke(), status="success", level="INFO"), per_s=CALM_PER_S
    )
    time.sleep(LOADED_S)
    return sum(one.keeps_its_last for one in running.environments)


class Flooded(NamedTuple):
    """What came of a flood of failures.

    Attributes:
        environments: how many failed.
        invocations: how many failed in all. ``delivered``: how many of them arrived meanwhile; ``later``: in the end.
        asked: PutLogEvents, and ``refused`` how many of them were refused.
        others: of everybody else meanwhile, and ``others_refused`` how many of them were refused.
        age_p50_s: from a line to its arrival.
    """

    environments: int
    invocations: int
    delivered: int
    later: int
    asked: int
    refused: int
    others: int
    others_refused: int
    age_p50_s: float
    age_p99_s: float


def flood(
    environments: int,
    *,
    layer: Path,
    failures_per_s: float,
    lasts_s: float,
    puts_per_s: float,
    others_per_s: float,
    seed: int = 1,
) -> Flooded:
    """Let all environments fail again and again, each with a stream of its own already."""
    rng = Random(seed)
    starts = [rng.random() / failures_per_s for _ in range(environments)]
    with account({}) as aws, tempfile.TemporaryDirectory() as folder:
        variables = aws.variables(SINK=f"cloudwatch:{GROUP}", SAMPLE_RATE="0")
        with fleet(environments, variables, layer=layer, folder=Path(folder)) as running:
            running.each(_fail, per_s=CALM_PER_S)
            time.sleep(LOADED_S)
            aws.press({"PutLogEvents": puts_per_s})
            asked, refused = aws.asked("PutLogEvents"), aws.refused("PutLogEvents")
            written = sum(len(one.written) for one in running.environments)
            with aws.with_others("PutLogEvents", others_per_s, seed=seed):
                began_s = time.monotonic()

                def fail(one: Environment) -> None:
                    times = Random(seed + one.number)
                    at_s = began_s + starts[one.number]
                    while at_s < began_s + lasts_s:
                        time.sleep(max(0.0, at_s - time.monotonic()))
                        _fail(one)
                        at_s += times.uniform(0.8, 1.2) / failures_per_s

                running.each(fail, per_s=AT_ONCE)
                others, others_refused = aws.others, aws.others_refused
            asked, refused = (
                aws.asked("PutLogEvents") - asked,
                aws.refused("PutLogEvents") - refused,
            )
            ages_s = aws.ages_s(since_s=began_s)
            lines = sum(len(one.written) for one in running.environments) - written
            until_s = time.monotonic() + DRAIN_S
            while (later := len(aws.ages_s(since_s=began_s))) < lines:
                if time.monotonic() > until_s:
                    break
                time.sleep(LOADED_S)
            return Flooded(
                environments=environments,
                invocations=lines // LINES,
                delivered=len(ages_s) // LINES,
                later=later // LINES,
                asked=asked,
                refused=refused,
                others=others,
                others_refused=others_refused,
                age_p50_s=percentile(ages_s, 0.5),
                age_p99_s=percentile(ages_s, 0.99),
            )


def _fail(one: Environment) -> None:
    one.write(one.invoke(), status="error")
