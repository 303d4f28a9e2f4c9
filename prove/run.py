"""Make everything, try each function, and take everything down again, whatever happens."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from attach.cloud.command import Aws, Interrupted
from attach.plan.model import told
from prove.account.journal import Journal
from prove.account.making import Account, Maker
from prove.account.reading import Reader
from prove.account.removing import remove_all
from prove.plan.deployment import Deployment, Planned
from prove.trial import Result, Trial, Waits

AT_A_TIME = 4
"""Functions. Most of a trial is waiting for AWS, and FilterLogEvents may be called five times a second."""

IAM_WAIT_S = 10.0
"""A new policy reaches everything within seconds, as a rule (IAM User Guide). A Deny that does not hold yet leaves traces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a run goes.

    Attributes:
        dist: The folder of the layers' zips.
        keep: Whether all that is made stays.
    """

    dist: Path
    waits: Waits
    iam_wait_s: float = IAM_WAIT_S
    keep: bool = False


@dataclass(slots=True)
class Outcome:
    """What came of a run.

    Attributes:
        results: Of the functions that were tried, or could not be.
        failure: Why the run ended early; empty if it did not.
        left: What could not be taken down, in sentences.
    """

    results: list[Result]
    failure: str = ""
    left: tuple[str, ...] = ()


def run(
    aws: Aws, account: Account, deployment: Deployment, journal: Journal, options: Options
) -> Outcome:
    """Make, try and take down."""
    outcome = Outcome([])
    try:
        _try_all(aws, account, deployment, journal, options, outcome.results.append)
    except Exception as error:  # noqa: BLE001 - whatever it is, what was made is taken down
        outcome.failure = told(error)
        aws.tell(f"failed: {outcome.failure}")
    finally:
        if not options.keep:
            outcome.left = tuple(remove_all(aws.uninterrupted(), journal))
    return outcome


def _try_all(
    aws: Aws,
    account: Account,
    deployment: Deployment,
    journal: Journal,
    options: Options,
    add: Callable[[Result], None],
) -> None:
    maker = Maker(aws, account, deployment, journal)
    reader = Reader(aws, deployment, since_ms=time.time_ns() // 1_000_000)
    layers = {layer: maker.layer(layer, options.dist) for layer in deployment.layers}
    roles = {sink: maker.role(sink) for sink in deployment.sinks}
    if any(sink.key == "s3" for sink in deployment.sinks):
        maker.bucket()
    aws.sleep(options.iam_wait_s)

    def tried(function: Planned) -> Result:
        try:
            maker.function(function, role=roles[function.sink], layer=layers[function.layer])
            return Trial(aws, reader, function, options.waits).run()
        except Interrupted:
            raise
        except Exception as error:  # noqa: BLE001 - the others can still show something
            return Result(function, problem=told(error))

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for future in [pool.submit(tried, one) for one in deployment.functions]:
            add(future.result())
