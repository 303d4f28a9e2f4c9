"""The wiring: make the parts of one environment, before the first ``/event/next``.

Lambda's runtime initialises meanwhile, and has a whole processor. Once Next is asked for, an invocation may begin, and in a
small function each millisecond of a processor then takes fourteen. So nothing is left to load that each invocation needs. What
only a delivery needs is loaded with the first one, by the worker's thread.
"""

import _signal as signals  # type: ignore[import-not-found]  # signal makes enums of it, which takes a millisecond
import gc
import os
import select
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from extension import PREFIX
from extension.app.flush_control import FlushControl
from extension.app.loop import Loop
from extension.app.parts import Parts
from extension.app.sinks import Sinks
from extension.config.settings import Problem, Settings, linger_s, read_settings
from extension.delivery.delivery import Delivery
from extension.delivery.exporter import Exporter
from extension.delivery.pacing import Linger
from extension.delivery.queue import LINGERING_SHARE, MAX_BATCH_BYTES, Queues, SendingQueue
from extension.delivery.standard_output import STDOUT
from extension.diagnostics.account import Account, Tally
from extension.diagnostics.log import OwnLog
from extension.lambda_api import (
    LOGS_SCHEMAS,
    MANAGED_INSTANCES,
    SCHEMA_WITHOUT_ENDS,
    ExtensionsApi,
    Subscription,
)
from extension.lambda_api.listener import Listener
from extension.model.chunk import rewritten
from extension.recorder.recorder import Recorder
from extension.recorder.tail_sampler import TailSampler

if TYPE_CHECKING:
    from _socket import socket as Socket  # noqa: N812 - the class, under the name the standard library gives it

    from extension.app.settings_refresh import SettingsRefresh
    from extension.config.references import Fetched
    from extension.redaction.patterns import Patterns

ARCHIVE_LINGER_S = 60.0
"""How long lines for the archive wait for more. A write to cheap storage costs more than storing what it writes, so an
archive is written by the megabyte, or by the minute."""

DELIVERY_SETTINGS = frozenset({"REDACT", "SETTINGS"}) | frozenset(
    f"{prefix}SINK{suffix}"
    for prefix in ("", "FALLBACK_", "ARCHIVE_")
    for suffix in ("", "_HEADERS")
)
"""Until these are known, deliveries wait: they say where lines go, and what must not go there."""

PROXIES = frozenset(("http_proxy", "https_proxy", "all_proxy"))
"""Variables that name a proxy, in small letters. Without one NO_PROXY means nothing."""

SNAP_START = "snap-start"
"""AWS_LAMBDA_INITIALIZATION_TYPE where environments are copies of a snapshot (AWS: Lambda environment variables)."""

WHOLE_PROCESSOR_MB = 1769
"""Memory with which a function has one processor (AWS: Configure Lambda function memory)."""

LEAST_MEMORY_MB = 128
"""Of any function (AWS: Lambda quotas)."""

ENVIRONMENT_ID_BYTES = 8
"""64 random bits name an environment among all that a function ever has."""

PREPARE_S = 0.1
"""The most that init waits for the patterns of REDACT, while it has a whole processor: ``all`` takes a quarter of it if
the layer has none of them ready."""

SWITCH_INTERVAL_S = 0.0005
"""How long the delivery thread may keep the interpreter while an event waits (CPython's default is ten times that)."""


ENDING_SIGNALS = (signals.SIGTERM, signals.SIGINT, signals.SIGHUP)
"""Lambda sends an extension none of them. Containers that are stopped, terminals and local emulators do, and mean SHUTDOWN."""


def run(
    environ: dict[str, str],
    *,
    api: ExtensionsApi,
    subscription: Subscription,
    listener: "Socket | None",
    listener_problem: str,
) -> None:
    """Run the extension from its wiring until SHUTDOWN, then end the process.

    ``listener`` is the socket that Lambda delivers to; None if it could not be opened.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    wiring = Wiring(environ, api, subscription, listener)
    if listener is None:
        wiring.log.once(
            "could not open a port to listen on; nothing is recorded in this environment",
            problem=listener_problem,
        )
    wiring.log.hand_on(wiring.record_problem)
    for number in ENDING_SIGNALS:
        # One that is ignored, as under nohup, stays so.
        if signals.getsignal(number) != signals.SIG_IGN:
            signals.signal(number, wiring.loop.ask_to_end)
    wiring.await_patterns()
    gc.freeze()
    gc.enable()
    try:
        wiring.loop.run()
    finally:
        # If the loop has failed, there is nothing left to deliver.
        for number in ENDING_SIGNALS:
            if signals.getsignal(number) == wiring.loop.ask_to_end:
                signals.signal(number, signals.SIG_DFL)
    sys.stdout.flush()
    # Not by returning: a delivery that hangs would keep the process until Lambda kills it.
    os._exit(0)


class Wiring:
    """Make the parts of one environment, and apply changed settings to them."""

    _patterns: "Patterns | None" = None
    """Of REDACT, as they were applied last."""

    _preparing: threading.Thread | None = None
    """Makes ready what masks. At SHUTDOWN a small function has no time for it."""

    _awaits_fetch = False
    """Whether a copy of a snapshot delivers nothing, because AWS may yet answer with today's references."""

    def __init__(
        self,
        environ: dict[str, str],
        api: ExtensionsApi,
        subscription: Subscription,
        listener: "Socket | None",
    ) -> None:
        """Read the settings and make the parts."""
        settings, problems = read_settings(environ)
        initialization_type = environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")
        is_managed = self._is_managed = initialization_type == MANAGED_INSTANCES
        account = Account()
        self._environ = environ
        self._references = settings.unresolved
        self.log = OwnLog(settings.log_level)
        self._sinks = Sinks(settings, environ)
        self._report_problems(problems)
        self._queues, delivery = self._start_delivery(settings, account)
        sampler = self._sampler = TailSampler(
            settings,
            queues=self._queues,
            account=account,
            function=environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
            version=environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
            managed_instances=is_managed,
        )
        self._identify()
        poll, schema = select.poll(), subscription.schema
        self._parts = Parts(
            api=api,
            listener=self._receiver(subscription, listener, poll),
            poll=poll,
            recorder=Recorder(
                settings,
                sampler=sampler,
                account=account,
                managed_instances=is_managed,
                texts_only=schema in LOGS_SCHEMAS,
                on_restore=self._restored if initialization_type == SNAP_START else None,
            ),
            sampler=sampler,
            delivery=delivery,
            flush_control=FlushControl(settings, ends_are_told=schema != SCHEMA_WITHOUT_ENDS),
            account=account,
            log=self.log,
            renewal=self._settings_refresh(settings) if settings.unresolved else None,
        )
        self.loop = Loop(self._parts)
        self._apply_to_delivery(settings)
        self._apply_to_metrics(settings)

    def await_patterns(self) -> None:
        """Wait until masking is ready, within bounds."""
        if self._preparing is not None:
            self._preparing.join(PREPARE_S)

    def _start_delivery(self, settings: Settings, account: Account) -> tuple[Queues, Delivery]:
        exporters: list[Exporter] = []

        def start(name: str, queue: SendingQueue) -> SendingQueue | None:
            worker = self._sinks.worker_for(name)
            if worker is None:
                return None
            exporters.append(Exporter(name, queue, worker))
            return queue

        ripe_bytes = min(MAX_BATCH_BYTES, settings.buffer_bytes // LINGERING_SHARE)

        def queue(tally: Tally, lingers_s: float = 0.0) -> SendingQueue:
            return SendingQueue(
                tally,
                random=_random,
                linger=Linger(linger_s=lingers_s, ripe_bytes=ripe_bytes),
                buffer_bytes=settings.buffer_bytes,
            )

        primary = queue(account)
        start("SINK", primary)
        queues = Queues(
            primary,
            fallback=start("FALLBACK_SINK", queue(account)),
            archive=start("ARCHIVE_SINK", queue(account.archive, ARCHIVE_LINGER_S)),
        )
        last_resort = None if settings.sinks[0].url == "stdout:" else STDOUT
        delivery = Delivery(
            exporters,
            account=account,
            log=self.log,
            last_resort=last_resort,
            processor_share=processor_share(self._environ),
        )
        return queues, delivery

    def _receiver(
        self, subscription: Subscription, listener: "Socket | None", poll: "select.poll"
    ) -> Listener | None:
        if listener is not None and subscription.path:
            return Listener(
                listener,
                poll,
                path=subscription.target,
                # AWS's own emulator of Managed Instances posts to / whatever the URI's path is.
                accepts_root=self._is_managed,
                say=self.log.once,
            )
        if listener is not None:
            self.log.once(
                "Lambda accepted no subscription to logs; nothing is recorded in this environment",
                answers=subscription.refusals,
                variable=f"{PREFIX}LOG_API",
            )
        return None

    def _identify(self) -> None:
        self._sampler.metadata.environment_id = os.urandom(ENVIRONMENT_ID_BYTES).hex()

    def _restored(self) -> None:
        """Begin as a copy of a snapshot: with an identity of its own, and with references as they are today."""
        self._identify()
        delivery, renewal = self._parts.delivery, self._parts.renewal
        for descriptor in delivery.descriptors:
            # What a sink has taken before the snapshot is not dropped.
            delivery.collect(descriptor)
        if renewal is not None:
            renewal.fetch_anew()
            self._awaits_fetch = bool(self._references & DELIVERY_SETTINGS)
            delivery.is_ready = not self._awaits_fetch

    # Settings that are references -------------------------------------------------------------------------------

    def _settings_refresh(self, settings: Settings) -> "SettingsRefresh":
        # Imported here, with the AWS client: few functions have references.
        from extension.app.settings_refresh import refresh_from_aws

        interval_s = settings.refresh_interval_ms / 1000
        return refresh_from_aws(
            self._environ, interval_s=interval_s, apply=self._apply, random=_random
        )

    def _apply(self, fetched: "Fetched") -> None:
        """Apply the settings anew, with the values that were fetched."""
        for variable, detail in fetched.problems:
            self.log.once(
                "could not fetch the value a setting refers to; using the last known value or the default, and holding lines while no sink is known",
                variable=variable,
                problem=detail,
            )
        self._awaits_fetch &= fetched.again is not None
        settings, problems = read_settings(
            self._environ, fetched=fetched.values, document=fetched.document
        )
        for name in self._sinks.apply(settings):
            self._parts.delivery.forget(name)
        self._report_problems(problems)
        assert self._parts.renewal is not None  # noqa: S101 - it is what calls this
        self._parts.renewal.change_interval(settings.refresh_interval_ms / 1000)
        self.log.apply(settings.log_level)
        self._sampler.apply(settings)
        self._parts.recorder.apply(settings)
        self._parts.flush_control.apply(settings)
        self._apply_to_delivery(settings)
        self._apply_to_metrics(settings)

    def _report_problems(self, problems: Sequence[Problem]) -> None:
        variables = {name.lower() for name in self._environ}
        is_exempting = "no_proxy" in variables and not variables.isdisjoint(PROXIES)
        as_json = self._sinks.asking_for_otlp_json
        if not (problems or as_json or is_exempting):
            return
        # Imported here: most functions have no problem.
        from extension.app.problems import report_exemptions, report_problems

        report_problems(self.log, problems, asking_for_otlp_json=as_json)
        if is_exempting:
            report_exemptions(self.log, self._environ)

    def record_problem(self, event: str, fields: Mapping[str, object]) -> None:
        """Hand a problem to SINK as a record: stderr goes to the function's own log group, which may be denied."""
        from extension.app.problems import record_of

        self._queues.put(record_of(event, fields, self._sampler.metadata))

    def _apply_to_delivery(self, settings: Settings) -> None:
        delivery = self._parts.delivery
        delivery.is_ready = not (self._awaits_fetch or settings.unresolved & DELIVERY_SETTINGS)
        delivery.use(self._sinks.schemes)
        primary, fallback, _ = settings.sinks
        for queue, sink in ((self._queues.primary, primary), (self._queues.fallback, fallback)):
            if queue is not None:
                queue.linger.linger_s = linger_s(settings, sink)
        patterns = settings.redact
        if patterns == self._patterns:
            # What was masked by these is not masked again.
            return
        self._patterns = patterns
        if patterns is None:
            delivery.rewrite(None)
            return
        # Imported here, with the patterns: most functions mask nothing.
        from extension.redaction.redactor import Redactor

        redactor = Redactor(patterns)
        delivery.rewrite(partial(rewritten, rewrite=redactor.redact_all, by=patterns))
        if "SETTINGS" in settings.unresolved:
            return  # Lines are masked as a whole until it is known whether there are patterns at all.
        self._preparing = threading.Thread(target=redactor.prepare, name="redact", daemon=True)
        self._preparing.start()

    def _apply_to_metrics(self, settings: Settings) -> None:
        """Start to write metrics, go on, or stop, as METRICS says."""
        if settings.metrics_interval_ms and self.loop.reporting is None:
            # Imported here: METRICS is off by default.
            from extension.app.metrics_reporter import MetricsReporter

            sampler, queues, renewal = self._sampler, self._queues, self._parts.renewal
            self.loop.reporting = MetricsReporter(
                account=self._parts.account,
                sampler=sampler,
                own_metrics=self._parts.delivery.start_metrics(),
                held_bytes=lambda: sampler.held_bytes + queues.held_bytes,
                settings_age_s=lambda: None if renewal is None else renewal.age_s(),
                function=self._environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
                version=self._environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
            )
        if self.loop.reporting is not None:
            # Until the name of the fleet is fetched, a line would make metrics of the function alone, which cost something.
            is_named = "METRICS_FLEET" not in settings.unresolved
            self.loop.reporting.apply(
                interval_ms=settings.metrics_interval_ms if is_named else 0,
                fleet=settings.metrics_fleet,
                buffer_bytes=settings.buffer_bytes,
                schemes=self._sinks.schemes,
            )


def processor_share(environ: Mapping[str, str]) -> float:
    """Return what the environment has of a processor: it grows with memory (AWS: Configure Lambda function memory).

    On Managed Instances it is a whole one at least. 1.0 where the memory is not told.
    """
    memory_mb = environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    is_managed = environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == MANAGED_INSTANCES
    if is_managed or not memory_mb.isascii() or not memory_mb.isdigit():
        return 1.0
    return min(max(int(memory_mb), LEAST_MEMORY_MB) / WHOLE_PROCESSOR_MB, 1.0)


def _random() -> float:
    """Return a number in [0, 1). The random module's state is the same in each clone of a snapshot."""
    return int.from_bytes(os.urandom(4), "big") / 2**32
