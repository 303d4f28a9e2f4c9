"""The wiring: everything that is loaded after the first ``/event/next``, put together."""

import gc
import os
import select
import sys
from dataclasses import replace
from functools import partial

from .account import Account
from .boot import SCHEMA_WITHOUT_ENDS, Boot, main
from .config import PREFIX, Settings, read_settings
from .courier import Courier
from .holding import Holding
from .keeping import Keeping
from .lifecycle import Lifecycle
from .listener import Listener
from .log import OwnLog
from .outbox import Outbox
from .recorder import Recorder
from .sinks import Sink, open_sink

ENVIRONMENT_ID_BYTES = 8
"""64 random bits name an environment among all that a function ever has."""

SWITCH_INTERVAL_S = 0.0005
"""How long the delivery thread may keep the interpreter while an event waits (CPython's default is ten times that)."""


def _guarded(settings: Settings, log: OwnLog) -> Settings:
    if settings.error_pattern is None:
        return settings
    from .patterns import GuardedPattern

    def given_up() -> None:
        log.once(
            "the pattern took too long on a line; it is not used any more",
            variable=f"{PREFIX}ERROR_PATTERN",
        )

    return replace(
        settings, error_pattern=GuardedPattern(settings.error_pattern, given_up=given_up)
    )


def run(boot: Boot) -> None:
    """Runs the extension from the first Next on, until SHUTDOWN."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    settings, problems = read_settings(boot.environ)
    log = OwnLog(settings.log_level)
    for problem in problems:
        log.once(
            "a setting cannot be used",
            variable=problem.variable,
            value=problem.value,
            accepted=problem.accepted,
            used=problem.used,
        )
    settings = _guarded(settings, log)
    account = Account()
    outbox = Outbox(account, random=_random)
    keeping = Keeping(
        settings,
        outbox=outbox,
        account=account,
        function=boot.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        version=boot.environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        managed_instances=boot.managed_instances,
    )

    def identify() -> None:
        keeping.environment_id = os.urandom(ENVIRONMENT_ID_BYTES).hex()

    identify()
    poll = select.poll()
    listener = None
    if boot.listener is not None and boot.subscription.path:
        listener = Listener(boot.listener, poll)
    elif boot.listener_problem:
        log.once("no port to listen on; nothing will be recorded", problem=boot.listener_problem)
    else:
        log.once(
            "Lambda offers no logs here; nothing will be recorded",
            answers=boot.subscription.refusals,
            variable=f"{PREFIX}LOG_API",
        )
    courier = Courier(partial(_open_for_good, settings), prepare=log.preload)
    courier.start()
    is_clone = boot.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"
    lifecycle = Lifecycle(
        settings=settings,
        api=boot.api,
        listener=listener,
        poll=poll,
        recorder=Recorder(
            settings, keeping=keeping, account=account, managed_instances=boot.managed_instances
        ),
        keeping=keeping,
        outbox=outbox,
        courier=courier,
        holding=Holding(
            settings.flush, ends_are_told=boot.subscription.schema != SCHEMA_WITHOUT_ENDS
        ),
        account=account,
        log=log,
        renew_identity=identify if is_clone else None,
    )
    lifecycle.run()
    sys.stdout.flush()
    # Not by returning: a delivery that hangs would keep the process until Lambda kills it.
    os._exit(0)


def _open_for_good(settings: Settings) -> Sink:
    """Opens the sink, and exempts all that has been loaded by then from garbage collection: none of it will go."""
    sink = open_sink(settings)
    gc.freeze()
    return sink


def _random() -> float:
    """A number in [0, 1) from the system: the random module's state would be the same in each clone of a snapshot."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


if __name__ == "__main__":
    main(sys.argv[1:])
