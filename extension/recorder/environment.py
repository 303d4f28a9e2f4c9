"""Take the events that tell of the environment, and of no invocation: its init, its restore, and what was lost on the way.

**SnapStart.** Lambda runs init once, when a version is published, and takes a snapshot of the environment with this process in
it. Each environment begins as a copy of that. So what init wrote is delivered once, when init is over, and no copy delivers it
again. An environment learns that it is a copy by the first of these: ``platform.restoreStart``, INVOKE, ``platform.start``. It then
drops what the snapshot held, and counts it. If the snapshot was taken before the sink had answered, no environment delivers
those lines (AWS: "Improving startup performance with Lambda SnapStart").

Pure.
"""

from collections.abc import Callable
from typing import Any

from extension.diagnostics.account import Account
from extension.model.chunk import WARNING, Chunk
from extension.parsing.batch import Unreadable
from extension.parsing.failures import Outcome
from extension.parsing.platform_events import (
    ExtensionFailed,
    InitEnded,
    InitStarted,
    LogsDropped,
    RestoreEnded,
    RestoreStarted,
)
from extension.recorder.invocation import Invocation
from extension.recorder.screening import Screening
from extension.recorder.tail_sampler import TailSampler
from extension.sampling.policies import Signs
from extension.sampling.verdict import PUBLISHED, SNAPSHOT


class EnvironmentEvents:
    """Take the events of one environment. ``running`` returns the invocation that started last, if it has not ended.

    Attributes:
        handlers: by the type of an event.
        signs_for_next: of the next invocation, because none ran when they were seen; None for none.
        is_snapshot: whether a snapshot is taken of the environment, and it does not know yet that it is a copy.
    """

    def __init__(
        self,
        *,
        sampler: TailSampler,
        account: Account,
        screening: Screening,
        running: Callable[[], Invocation | None],
        on_restore: Callable[[], None] | None,
    ) -> None:
        """Begin. ``on_restore`` is called once in each copy of a snapshot, before anything is dropped; None where none is taken."""
        self._sampler = sampler
        self._account = account
        self._screening = screening
        self._running = running
        self._on_restore = on_restore
        self._restore_failed = False
        self.is_snapshot = on_restore is not None
        self.handlers: dict[type, Callable[[Any], None]] = {
            InitStarted: self._take_init_start,
            InitEnded: self._take_init_end,
            RestoreStarted: self._take_restore_start,
            RestoreEnded: self._take_restore_end,
            LogsDropped: self._take_logs_dropped,
            ExtensionFailed: lambda _: self._sign("extension_failed"),
            Unreadable: self._take_unreadable,
        }
        self.signs_for_next: Signs | None = None

    def _take_init_start(self, event: InitStarted) -> None:
        """Learn what the environment is called, and whether to read what lines say of executions.

        INVOKE may come before this event, and no line does. In a copy of a snapshot the event is the snapshot's.
        """
        if self.is_snapshot or self._on_restore is None:
            self._take_instance_id(event.instance_id)
        if event.is_durable:
            self._screening.read_executions()

    def _take_instance_id(self, instance_id: str) -> None:
        # An event without one does not take away what an earlier one has told.
        self._sampler.metadata.instance_id = instance_id or self._sampler.metadata.instance_id

    def _take_init_end(self, event: InitEnded) -> None:
        """Take the end of init: of the environment's, or of one within the running invocation."""
        sampler, running = self._sampler, self._running()
        # They are init's, if anybody's.
        sampler.judge_waiting()
        if event.failure is None:
            if event.in_invoke:
                self._sign("init_restarted")
            elif self.is_snapshot:
                self._publish_init()
        elif running is not None and event.in_invoke:
            running.error_type = running.error_type or event.error_type
            sampler.fail(running, event.failure)
        else:
            sampler.init.error_type = event.error_type
            sampler.fail(sampler.init, event.failure)
            sampler.end_init()

    def restore(self) -> None:
        """Drop what the snapshot held. Only the first call does anything, and only in a copy of a snapshot."""
        if self.is_snapshot and self._on_restore is not None:
            self.is_snapshot = False
            # It is the snapshot's. The copy's own comes with the event.
            self._sampler.metadata.instance_id = ""
            self._on_restore()
            self._drop_init()
            self._drop_queued()

    def _take_restore_start(self, event: RestoreStarted) -> None:
        """Take the beginning of a restore: the lines before it are the snapshot's, even if INVOKE came first."""
        self.restore()
        self._take_instance_id(event.instance_id)
        self._drop_init()

    def _take_restore_end(self, event: RestoreEnded) -> None:
        """Take the end of a restore. Two events tell of a failed one."""
        sampler = self._sampler
        if event.failure is None or (self._restore_failed and not sampler.init.recording.lines):
            return
        self._restore_failed = True
        sampler.fail(sampler.init, event.failure)
        # An exception in a hook has its own line, which came before and tells less.
        sampler.init.outcome = event.failure.outcome
        sampler.end_init()

    def _take_logs_dropped(self, event: LogsDropped) -> None:
        """Count the records that Lambda dropped; the invocation lacks some of its lines."""
        self._account.platform_dropped += event.records
        self._sign("logs_dropped")

    def _take_unreadable(self, item: Unreadable) -> None:
        """Count the bytes of a part of a batch that is no event."""
        self._account.unreadable_bytes += len(item.raw)

    def _publish_init(self) -> None:
        """Deliver what init wrote before the snapshot is taken."""
        init = self._sampler.init
        init.verdict = init.verdict or PUBLISHED
        if init.failure is None:
            init.outcome = Outcome.SUCCESS
        self._sampler.end_init()

    def _drop_init(self) -> None:
        init, self._sampler.init = self._sampler.init, Invocation("")
        if init.recording.lines:
            self._account.drop(SNAPSHOT, init.recording.lines)

    def _drop_queued(self) -> None:
        """Drop what waited for the sinks when the snapshot was taken: each copy would deliver it again.

        What our own warnings tell is as true of the copy.
        """
        primary, fallback, archive = self._sampler.queues
        source = self._sampler.metadata
        for queue in (primary, fallback):
            for chunk in queue.take_all() if queue is not None else ():
                self._account.drop(SNAPSHOT, chunk.lines)
                if chunk.metadata.reason == WARNING:
                    of_copy = chunk.metadata._replace(
                        environment_id=source.environment_id, instance_id=""
                    )
                    primary.put(Chunk(of_copy, chunk.segments))
        for chunk in archive.take_all() if archive is not None else ():
            self._account.archive.lose(SNAPSHOT, chunk.lines)

    def _sign(self, name: str) -> None:
        """Set a sign of the running invocation, or else of the next one."""
        running = self._running()
        if running is not None:
            setattr(running.signs, name, True)
            self._sampler.signed(running)
        else:
            self.signs_for_next = self.signs_for_next or Signs()
            setattr(self.signs_for_next, name, True)
