"""Take the events that tell of the environment, and of no invocation: its init, and what Lambda lost on the way.

Pure.
"""

from collections.abc import Callable

from extension.diagnostics.account import Account
from extension.parsing.platform_events import (
    DurableFunction,
    ExtensionFailed,
    InitEnded,
    LogsDropped,
)
from extension.recorder.invocation import Invocation
from extension.recorder.screening import Screening
from extension.recorder.tail_sampler import TailSampler
from extension.sampling.policies import Signs


class EnvironmentEvents:
    """Take the events of one environment. ``running`` returns the invocation that started last, if it has not ended.

    ``signs_for_next`` are those of the next invocation, because none ran when they were seen; None for none.
    """

    def __init__(
        self,
        *,
        sampler: TailSampler,
        account: Account,
        screening: Screening,
        running: Callable[[], Invocation | None],
    ) -> None:
        self._sampler = sampler
        self._account = account
        self._screening = screening
        self._running = running
        self.signs_for_next: Signs | None = None

    def take_init_end(self, event: InitEnded) -> None:
        """Take the end of init: of the environment's, or of one within the running invocation."""
        sampler, running = self._sampler, self._running()
        # They are init's, if anybody's.
        sampler.judge_waiting()
        if event.failure is None:
            if event.in_invoke:
                self._sign("init_restarted")
        elif running is not None and event.in_invoke:
            sampler.fail(running, event.failure)
        else:
            sampler.fail(sampler.init, event.failure)
            sampler.end_init()

    def take_durable_function(self, _: DurableFunction) -> None:
        """Read what lines say of executions. INVOKE may come before this event, and no line does."""
        self._screening.read_executions()

    def take_logs_dropped(self, event: LogsDropped) -> None:
        """Count the records that Lambda dropped; the invocation lacks some of its lines."""
        self._account.platform_dropped += event.records
        self._sign("logs_dropped")

    def take_extension_failed(self, _: ExtensionFailed) -> None:
        """Note that an extension failed."""
        self._sign("extension_failed")

    def _sign(self, name: str) -> None:
        """Set a sign of the running invocation, or else of the next one."""
        running = self._running()
        if running is not None:
            setattr(running.signs, name, True)
            self._sampler.signed(running)
        else:
            self.signs_for_next = self.signs_for_next or Signs()
            setattr(self.signs_for_next, name, True)
