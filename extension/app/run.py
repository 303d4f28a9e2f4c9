"""The wiring: everything that is loaded after the first ``/event/next``, put together."""

import os
import select
import sys
from _socket import socket as Socket  # noqa: N812 - the class, under the name the standard library gives it
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from extension import PREFIX
from extension.app.flush_control import FlushControl
from extension.app.loop import Loop
from extension.app.sinks import Sinks
from extension.config.settings import Problem, Settings, read_settings
from extension.delivery.delivery import STDOUT, Delivery
from extension.delivery.queue import MAX_BATCH_BYTES, Queues, SendingQueue
from extension.delivery.worker import Rewrite
from extension.diagnostics.account import Account
from extension.diagnostics.log import OwnLog
from extension.lambda_api import MANAGED_INSTANCES, SCHEMA_WITHOUT_ENDS, ExtensionsApi, Subscription
from extension.lambda_api.listener import Listener
from extension.model.chunk import rewritten
from extension.recorder.recorder import Recorder
from extension.recorder.tail_sampler import TailSampler

if TYPE_CHECKING:
    from extension.app.metrics_reporter import MetricsReporter
    from extension.app.settings_refresh import Renewal
    from extension.config.references import Fetched

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


def _tell(log: OwnLog, problems: list[Problem], sinks: Sinks) -> None:
    for problem in problems:
        known = {"value": problem.value, "fault": problem.fault, "accepted": problem.accepted}
        log.once(
            "a setting cannot be used",
            variable=problem.variable,
            **{name: text for name, text in known.items() if text},
            used=problem.used,
        )
    for variable in sinks.asking_for_otlp_json:
        log.once("OTLP is sent as protobuf; JSON is no longer written", variable=PREFIX + variable)


def run(
    environ: dict[str, str],
    *,
    api: ExtensionsApi,
    subscription: Subscription,
    listener: Socket | None,
    listener_problem: str,
) -> None:
    """Run the extension from the first Next until SHUTDOWN, then end the process.

    Args:
        environ: the process's environment.
        api: registered, with the first Next asked for.
        subscription: which API delivers.
        listener: the socket that Lambda delivers to; None if it could not be opened.
        listener_problem: why there is no listener; empty if there is one.
    """
    managed_instances = environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == MANAGED_INSTANCES
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    settings, problems = read_settings(environ)
    log = OwnLog(settings.log_level)
    account = Account()
    sinks = Sinks(settings, environ)
    _tell(log, problems, sinks)
    primary = sinks.start("SINK", prepare=log.preload)
    assert primary is not None  # noqa: S101 - SINK has a default
    fallback, archive = sinks.start("FALLBACK_SINK"), sinks.start("ARCHIVE_SINK")
    queues = Queues(
        SendingQueue(account, random=_random),
        fallback=None if fallback is None else SendingQueue(account, random=_random),
        archive=None
        if archive is None
        else SendingQueue(
            account.archive,
            random=_random,
            ripe_bytes=min(MAX_BATCH_BYTES, settings.buffer_bytes // ARCHIVE_SHARE),
            linger_s=ARCHIVE_LINGER_S,
        ),
    )
    sampler = TailSampler(
        settings,
        queues=queues,
        account=account,
        function=environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        version=environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        managed_instances=managed_instances,
    )

    def identify() -> None:
        sampler.identify(os.urandom(ENVIRONMENT_ID_BYTES).hex())

    identify()
    poll = select.poll()
    receiver = None
    if listener is not None and subscription.path:
        receiver = Listener(listener, poll)
    elif listener_problem:
        log.once("no port to listen on; nothing will be recorded", problem=listener_problem)
    else:
        log.once(
            "Lambda offers no logs here; nothing will be recorded",
            answers=subscription.refusals,
            variable=f"{PREFIX}LOG_API",
        )
    recorder = Recorder(
        settings, sampler=sampler, account=account, managed_instances=managed_instances
    )
    delivery = Delivery(
        queues,
        primary=primary,
        fallback=fallback,
        archive=archive,
        account=account,
        log=log,
        last_resort=None if settings.sink == "stdout:" else STDOUT,
    )
    delivery.is_ready = not settings.unresolved & DELIVERY_SETTINGS
    delivery.rewrite(_rewriting(settings))
    reporting = partial(
        _reporting,
        environ,
        sampler=sampler,
        queues=queues,
        delivery=delivery,
        account=account,
        log=log,
    )

    def apply(fetched: "Fetched") -> None:
        for variable, detail in fetched.problems:
            log.once(
                "what a setting refers to could not be fetched; the last value known, or the default, is used",
                variable=variable,
                problem=detail,
            )
        settings, problems = read_settings(environ, fetched=fetched.values)
        sinks.apply(settings)
        _tell(log, problems, sinks)
        log.apply(settings.log_level)
        sampler.apply(settings)
        recorder.apply(settings)
        lifecycle.apply(settings)
        delivery.rewrite(_rewriting(settings))
        delivery.is_ready = not settings.unresolved & DELIVERY_SETTINGS
        _report(settings, lifecycle, reporting, sinks.schemes)

    is_clone = environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"
    lifecycle = Loop(
        settings=settings,
        api=api,
        listener=receiver,
        poll=poll,
        recorder=recorder,
        sampler=sampler,
        delivery=delivery,
        flush_control=FlushControl(
            settings.flush, ends_are_told=subscription.schema != SCHEMA_WITHOUT_ENDS
        ),
        renewal=_renewal(environ, settings, apply) if settings.unresolved else None,
        account=account,
        log=log,
        renew_identity=identify if is_clone else None,
    )
    _report(settings, lifecycle, reporting, sinks.schemes)
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
    from extension.redaction.redactor import Redactor

    return lambda: partial(rewritten, rewrite=Redactor(patterns).redact)


def _report(
    settings: Settings,
    lifecycle: Loop,
    make: "Callable[[], MetricsReporter]",
    schemes: Mapping[str, str],
) -> None:
    """Begins to write metrics, goes on, or ends it, as METRICS says."""
    if settings.metrics_interval_ms and lifecycle.reporting is None:
        lifecycle.reporting = make()
    if lifecycle.reporting is not None:
        lifecycle.reporting.apply(
            interval_ms=settings.metrics_interval_ms,
            buffer_bytes=settings.buffer_bytes,
            schemes=schemes,
        )


def _reporting(
    environ: Mapping[str, str],
    *,
    sampler: TailSampler,
    queues: Queues,
    delivery: Delivery,
    account: Account,
    log: OwnLog,
) -> "MetricsReporter":
    # Imported here: it is off by default.
    from extension.app.metrics_reporter import MetricsReporter
    from extension.delivery.own_metrics import OwnMetrics

    return MetricsReporter(
        account=account,
        sampler=sampler,
        own_metrics=OwnMetrics(delivery, log=log),
        held_bytes=lambda: sampler.held_bytes + queues.held_bytes,
        function=environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        version=environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
    )


def _renewal(
    environ: Mapping[str, str], settings: Settings, apply: "Callable[[Fetched], None]"
) -> "Renewal":
    # Imported here, with what they need to speak to AWS: most functions refer to nothing.
    from extension.app.settings_refresh import Refresher, Renewal
    from extension.config.references import References

    interval_s = settings.refresh_interval_ms / 1000
    return Renewal(
        Refresher(References(environ, random=_random)), interval_s=interval_s, apply=apply
    )


def _random() -> float:
    """A number in [0, 1) from the system: the random module's state would be the same in each clone of a snapshot."""
    return int.from_bytes(os.urandom(4), "big") / 2**32
