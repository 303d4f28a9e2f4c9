"""The wiring: everything that is loaded after the first ``/event/next``, put together."""

import gc
import os
import select
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from .account import Account
from .backlog import Backlog
from .boot import SCHEMA_WITHOUT_ENDS, Boot, main
from .config import PREFIX, Problem, Settings, read_settings
from .courier import Courier, Rewrite
from .delivery import STDOUT, Delivery
from .holding import Holding
from .keeping import Keeping
from .lifecycle import Lifecycle
from .listener import Listener
from .log import OwnLog
from .outbox import MAX_BATCH_BYTES, Outbox
from .parcels import rewritten
from .recorder import Recorder
from .sinks import Sink, SinkPlan, open_sink
from .values import kind_of_sink

if TYPE_CHECKING:
    from .references import Fetched
    from .renewal import Renewal
    from .reporting import Reporting

ARCHIVE_LINGER_S = 60.0
"""What is to be archived waits for more to come: an archive is written by the megabyte, or by the minute, since each
write to cheap storage costs more than what it stores."""

ARCHIVE_SHARE = 4
"""Of BUFFER_SIZE, the share that may wait for that."""

DELIVERY_SETTINGS = frozenset({"REDACT"}) | frozenset(
    f"{prefix}SINK{suffix}"
    for prefix in ("", "FALLBACK_", "ARCHIVE_")
    for suffix in ("", "_HEADERS")
)
"""Without these it is not known where to, or what must not go there."""

ENVIRONMENT_ID_BYTES = 8
"""64 random bits name an environment among all that a function ever has."""

SWITCH_INTERVAL_S = 0.0005
"""How long the delivery thread may keep the interpreter while an event waits (CPython's default is ten times that)."""


class _Sinks:
    """The sinks that settings ask for, and the threads that take things there."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._plans = self._plans_of(settings)
        self.couriers: dict[str, Courier] = {}

    def start(self, name: str, *, prepare: Callable[[], None] | None = None) -> Courier | None:
        """Starts the courier of one sink, if it is set."""
        plan = self._plans[name]
        if not plan.url:
            return None
        courier = Courier(partial(_open_for_good, plan), prepare=prepare)
        courier.start()
        self.couriers[name] = courier
        return courier

    def apply(self, settings: Settings) -> None:
        """Lets couriers take what comes next elsewhere, where the settings have changed."""
        plans = self._plans_of(settings)
        for name, courier in self.couriers.items():
            if plans[name] != self._plans[name] and plans[name].url:
                courier.change(partial(open_sink, plans[name]))
        self._plans = plans

    @property
    def schemes(self) -> dict[str, str]:
        """The kind of each sink that is set, by variable."""
        return {name: kind_of_sink(self._plans[name].url) for name in self.couriers}

    def _plans_of(self, settings: Settings) -> dict[str, SinkPlan]:
        given = {
            "SINK": (settings.sink, settings.sink_headers),
            "FALLBACK_SINK": (settings.fallback_sink, settings.fallback_sink_headers),
            "ARCHIVE_SINK": (settings.archive_sink, settings.archive_sink_headers),
        }
        return {
            name: SinkPlan(
                url or ("cloudwatch:" if name in settings.unresolved else ""),
                self._environ,
                headers,
                settings.retention_days,
            )
            for name, (url, headers) in given.items()
        }


def _tell(log: OwnLog, problems: list[Problem]) -> None:
    for problem in problems:
        known = {"value": problem.value, "fault": problem.fault, "accepted": problem.accepted}
        log.once(
            "a setting cannot be used",
            variable=problem.variable,
            **{name: text for name, text in known.items() if text},
            used=problem.used,
        )


def run(boot: Boot) -> None:
    """Runs the extension from the first Next on, until SHUTDOWN."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    settings, problems = read_settings(boot.environ)
    log = OwnLog(settings.log_level)
    _tell(log, problems)
    account = Account()
    sinks = _Sinks(settings, boot.environ)
    primary = sinks.start("SINK", prepare=log.preload)
    assert primary is not None  # noqa: S101 - SINK has a default
    fallback, archive = sinks.start("FALLBACK_SINK"), sinks.start("ARCHIVE_SINK")
    backlog = Backlog(
        Outbox(account, random=_random),
        fallback=None if fallback is None else Outbox(account, random=_random),
        archive=None
        if archive is None
        else Outbox(
            account.archive,
            random=_random,
            ripe_bytes=min(MAX_BATCH_BYTES, settings.buffer_bytes // ARCHIVE_SHARE),
            linger_s=ARCHIVE_LINGER_S,
        ),
    )
    keeping = Keeping(
        settings,
        backlog=backlog,
        account=account,
        function=boot.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        version=boot.environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        managed_instances=boot.managed_instances,
    )

    def identify() -> None:
        keeping.identify(os.urandom(ENVIRONMENT_ID_BYTES).hex())

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
    recorder = Recorder(
        settings, keeping=keeping, account=account, managed_instances=boot.managed_instances
    )
    delivery = Delivery(
        backlog,
        primary=primary,
        fallback=fallback,
        archive=archive,
        account=account,
        log=log,
        last_resort=None if settings.sink == "stdout:" else STDOUT,
    )
    delivery.make_ready(ready=not settings.unresolved & DELIVERY_SETTINGS)
    delivery.rewrite(_rewriting(settings))

    delivery.lead_metrics(sinks.schemes)
    reporting = partial(
        _reporting,
        boot.environ,
        keeping=keeping,
        backlog=backlog,
        delivery=delivery,
        account=account,
    )

    def apply(fetched: "Fetched") -> None:
        for variable, detail in fetched.problems:
            log.once(
                "what a setting refers to could not be fetched; the last value known, or the default, is used",
                variable=variable,
                problem=detail,
            )
        settings, problems = read_settings(boot.environ, fetched=fetched.values)
        _tell(log, problems)
        log.apply(settings.log_level)
        sinks.apply(settings)
        keeping.apply(settings)
        recorder.apply(settings)
        lifecycle.apply(settings)
        delivery.rewrite(_rewriting(settings))
        delivery.make_ready(ready=not settings.unresolved & DELIVERY_SETTINGS)
        delivery.lead_metrics(sinks.schemes)
        _report(settings, lifecycle, reporting)

    is_clone = boot.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"
    lifecycle = Lifecycle(
        settings=settings,
        api=boot.api,
        listener=listener,
        poll=poll,
        recorder=recorder,
        keeping=keeping,
        delivery=delivery,
        holding=Holding(
            settings.flush, ends_are_told=boot.subscription.schema != SCHEMA_WITHOUT_ENDS
        ),
        renewal=_renewal(boot.environ, settings, apply) if settings.unresolved else None,
        account=account,
        log=log,
        renew_identity=identify if is_clone else None,
    )
    _report(settings, lifecycle, reporting)
    lifecycle.run()
    sys.stdout.flush()
    # Not by returning: a delivery that hangs would keep the process until Lambda kills it.
    os._exit(0)


def _rewriting(settings: Settings) -> Callable[[], Rewrite] | None:
    """Gives what makes, for each thread, what masks lines before they leave; None if nothing is to be masked."""
    patterns = settings.redact
    if patterns is None:
        return None
    # Imported here, with the patterns: most functions mask nothing.
    from .redaction import Redactor

    return lambda: partial(rewritten, rewrite=Redactor(patterns).redact)


def _report(settings: Settings, lifecycle: Lifecycle, make: "Callable[[], Reporting]") -> None:
    """Begins to write metrics, goes on, or ends it, as METRICS says."""
    if settings.metrics_interval_ms and lifecycle.reporting is None:
        lifecycle.reporting = make()
    if lifecycle.reporting is not None:
        lifecycle.reporting.apply(
            interval_ms=settings.metrics_interval_ms, buffer_bytes=settings.buffer_bytes
        )


def _reporting(
    environ: Mapping[str, str],
    *,
    keeping: Keeping,
    backlog: Backlog,
    delivery: Delivery,
    account: Account,
) -> "Reporting":
    # Imported here: it is off by default.
    from .reporting import Reporting

    return Reporting(
        account=account,
        keeping=keeping,
        delivery=delivery,
        held_bytes=lambda: keeping.held_bytes + backlog.held_bytes,
        function=environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        version=environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
    )


def _renewal(
    environ: Mapping[str, str], settings: Settings, apply: "Callable[[Fetched], None]"
) -> "Renewal":
    # Imported here, with what they need to speak to AWS: most functions refer to nothing.
    from .references import References, Refresher
    from .renewal import Renewal

    interval_s = settings.refresh_interval_ms / 1000
    return Renewal(
        Refresher(References(environ, random=_random)), interval_s=interval_s, apply=apply
    )


def _open_for_good(plan: SinkPlan) -> Sink:
    """Opens a sink, and exempts all that has been loaded by then from garbage collection: none of it will go."""
    sink = open_sink(plan)
    gc.freeze()
    return sink


def _random() -> float:
    """A number in [0, 1) from the system: the random module's state would be the same in each clone of a snapshot."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


if __name__ == "__main__":
    main(sys.argv[1:])
