"""The wiring: make the parts of one environment, after the first ``/event/next``."""

import os
import select
import sys
from _socket import socket as Socket  # noqa: N812 - the class, under the name the standard library gives it
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from extension import PREFIX
from extension.app.flush_control import FlushControl
from extension.app.loop import Loop
from extension.app.parts import Parts
from extension.app.sinks import Sinks
from extension.config.settings import Problem, Settings, read_settings
from extension.delivery.delivery import Delivery
from extension.delivery.queue import MAX_BATCH_BYTES, Queues, SendingQueue
from extension.delivery.standard_output import STDOUT
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
    from extension.app.settings_refresh import SettingsRefresh
    from extension.config.references import Fetched

ARCHIVE_LINGER_S = 60.0
"""How long lines for the archive wait for more. A write to cheap storage costs more than storing what it writes, so an
archive is written by the megabyte, or by the minute."""

ARCHIVE_SHARE = 4
"""One in this many bytes of BUFFER_SIZE may wait for that."""

DELIVERY_SETTINGS = frozenset({"REDACT"}) | frozenset(
    f"{prefix}SINK{suffix}"
    for prefix in ("", "FALLBACK_", "ARCHIVE_")
    for suffix in ("", "_HEADERS")
)
"""Until these are known, deliveries wait: they say where lines go, and what must not go there."""

ENVIRONMENT_ID_BYTES = 8
"""64 random bits name an environment among all that a function ever has."""

SWITCH_INTERVAL_S = 0.0005
"""How long the delivery thread may keep the interpreter while an event waits (CPython's default is ten times that)."""


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
        subscription: the API that delivers.
        listener: the socket that Lambda delivers to; None if it could not be opened.
        listener_problem: why there is no listener; empty if there is one.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    wiring = Wiring(environ, api, subscription, listener)
    if listener is None:
        wiring.log.once(
            "could not open a port to listen on; nothing is recorded in this environment",
            problem=listener_problem,
        )
    wiring.loop.run()
    sys.stdout.flush()
    # Not by returning: a delivery that hangs would keep the process until Lambda kills it.
    os._exit(0)


class Wiring:
    """Make the parts of one environment, and apply changed settings to them.

    Attributes:
        log: the extension's own log.
        loop: the main loop, which drives all parts.
    """

    def __init__(
        self,
        environ: dict[str, str],
        api: ExtensionsApi,
        subscription: Subscription,
        listener: Socket | None,
    ) -> None:
        """Read the settings, start the sinks' threads, and make the parts. The arguments are those of :func:`run`."""
        settings, problems = read_settings(environ)
        self._environ = environ
        self._function = environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        self._version = environ.get("AWS_LAMBDA_FUNCTION_VERSION", "")
        initialization_type = environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")
        managed_instances = initialization_type == MANAGED_INSTANCES
        self._is_clone = initialization_type == "snap-start"
        self._settings = settings
        self.log = OwnLog(settings.log_level)
        self._account = Account()
        self._sinks = Sinks(settings, environ)
        self._report_problems(problems)
        self._queues, self._delivery = self._start_delivery()
        self._sampler = TailSampler(
            settings,
            queues=self._queues,
            account=self._account,
            function=self._function,
            version=self._version,
            managed_instances=managed_instances,
        )
        self._identify()
        self._recorder = Recorder(
            settings,
            sampler=self._sampler,
            account=self._account,
            managed_instances=managed_instances,
        )
        self.loop = Loop(self._parts(api, subscription, listener))
        self._apply_to_metrics(settings)

    def _start_delivery(self) -> tuple[Queues, Delivery]:
        settings, account, sinks = self._settings, self._account, self._sinks
        primary = sinks.start("SINK", prepare=self.log.preload)
        assert primary is not None  # noqa: S101 - SINK has a default
        fallback, archive = sinks.start("FALLBACK_SINK"), sinks.start("ARCHIVE_SINK")
        ripe_bytes = min(MAX_BATCH_BYTES, settings.buffer_bytes // ARCHIVE_SHARE)
        queues = Queues(
            SendingQueue(account, random=_random),
            fallback=None if fallback is None else SendingQueue(account, random=_random),
            archive=None
            if archive is None
            else SendingQueue(
                account.archive, random=_random, ripe_bytes=ripe_bytes, linger_s=ARCHIVE_LINGER_S
            ),
        )
        delivery = Delivery(
            queues,
            primary=primary,
            fallback=fallback,
            archive=archive,
            account=account,
            log=self.log,
            last_resort=None if settings.sinks[0].url == "stdout:" else STDOUT,
        )
        _apply_to_delivery(delivery, settings)
        return queues, delivery

    def _parts(
        self, api: ExtensionsApi, subscription: Subscription, listener: Socket | None
    ) -> Parts:
        settings = self._settings
        poll = select.poll()
        receiver = None
        if listener is not None and subscription.path:
            receiver = Listener(listener, poll)
        elif listener is not None:
            self.log.once(
                "Lambda accepted no subscription to logs; nothing is recorded in this environment",
                answers=subscription.refusals,
                variable=f"{PREFIX}LOG_API",
            )
        ends_are_told = subscription.schema != SCHEMA_WITHOUT_ENDS
        return Parts(
            settings=settings,
            api=api,
            listener=receiver,
            poll=poll,
            recorder=self._recorder,
            sampler=self._sampler,
            delivery=self._delivery,
            flush_control=FlushControl(settings.flush, ends_are_told=ends_are_told),
            account=self._account,
            log=self.log,
            renewal=self._settings_refresh() if settings.unresolved else None,
            renew_identity=self._identify if self._is_clone else None,
        )

    def _identify(self) -> None:
        self._sampler.metadata.environment_id = os.urandom(ENVIRONMENT_ID_BYTES).hex()

    # Settings that are references -------------------------------------------------------------------------------

    def _settings_refresh(self) -> "SettingsRefresh":
        # Imported here, with the AWS client: few functions have references.
        from extension.app.settings_refresh import SettingsRefresh
        from extension.aws.secrets import fetch
        from extension.config.references import References

        references = References(self._environ, fetch=partial(fetch, random=_random))
        return SettingsRefresh(
            references,
            interval_s=self._settings.refresh_interval_ms / 1000,
            apply=self._apply,
        )

    def _apply(self, fetched: "Fetched") -> None:
        """Apply the settings anew, with the values that were fetched."""
        for variable, detail in fetched.problems:
            self.log.once(
                "could not fetch the value a setting refers to; using the last known value or the default",
                variable=variable,
                problem=detail,
            )
        settings, problems = read_settings(self._environ, fetched=fetched.values)
        self._sinks.apply(settings)
        self._report_problems(problems)
        self.log.apply(settings.log_level)
        self._sampler.apply(settings)
        self._recorder.apply(settings)
        self.loop.apply(settings)
        _apply_to_delivery(self._delivery, settings)
        self._apply_to_metrics(settings)

    def _report_problems(self, problems: Sequence[Problem]) -> None:
        for problem in problems:
            known = {"value": problem.value, "fault": problem.fault, "accepted": problem.accepted}
            self.log.once(
                "a setting cannot be used",
                variable=problem.variable,
                **{name: text for name, text in known.items() if text},
                used=problem.used,
            )
        for name in self._sinks.asking_for_otlp_json:
            self.log.once(
                "OTLP is sent as protobuf; JSON is no longer written", variable=PREFIX + name
            )

    # Metrics ----------------------------------------------------------------------------------------------------

    def _apply_to_metrics(self, settings: Settings) -> None:
        """Start to write metrics, go on, or stop, as METRICS says."""
        loop = self.loop
        if settings.metrics_interval_ms and loop.reporting is None:
            loop.reporting = self._reporter()
        if loop.reporting is not None:
            loop.reporting.apply(
                interval_ms=settings.metrics_interval_ms,
                buffer_bytes=settings.buffer_bytes,
                schemes=self._sinks.schemes,
            )

    def _reporter(self) -> "MetricsReporter":
        # Imported here: METRICS is off by default.
        from extension.app.metrics_reporter import MetricsReporter

        sampler, queues = self._sampler, self._queues
        return MetricsReporter(
            account=self._account,
            sampler=sampler,
            own_metrics=self._delivery.start_metrics(),
            held_bytes=lambda: sampler.held_bytes + queues.held_bytes,
            function=self._function,
            version=self._version,
        )


def _apply_to_delivery(delivery: Delivery, settings: Settings) -> None:
    delivery.is_ready = not settings.unresolved & DELIVERY_SETTINGS
    delivery.rewrite(_rewriting(settings))


def _rewriting(settings: Settings) -> Callable[[], Rewrite] | None:
    """Return a maker of rewriters that mask lines; None if nothing is masked."""
    patterns = settings.redact
    if patterns is None:
        return None
    # Imported here, with the patterns: most functions mask nothing.
    from extension.redaction.redactor import Redactor

    return lambda: partial(rewritten, rewrite=Redactor(patterns).redact)


def _random() -> float:
    """Return a number in [0, 1). The random module's state is the same in each clone of a snapshot."""
    return int.from_bytes(os.urandom(4), "big") / 2**32
