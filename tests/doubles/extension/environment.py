"""One environment's pure middle, put together for tests: recorder, keeping, queue, account; no I/O anywhere."""

import json
from typing import Any

from extension.config.settings import DEFAULT_BUFFER_MAX_BYTES, Settings
from extension.delivery.queue import Queues, SendingQueue
from extension.diagnostics.account import Account
from extension.model.ndjson import encode
from extension.model.receipt import Answer, Receipt
from extension.recorder.recorder import Recorder
from extension.recorder.tail_sampler import TailSampler
from tests.doubles.extension.accounts import settled
from tests.doubles.extension.queues import lines_in
from tests.doubles.lambda_events import FIRST, TRACE, batch


class Environment:
    """Takes batches and events, and delivers to a list of records."""

    def __init__(
        self,
        *,
        managed_instances: bool = False,
        snap_start: bool = False,
        archive: bool = False,
        **settings: object,
    ) -> None:
        given: dict[str, Any] = {"sample_rate": 0.0, **settings}
        if managed_instances:
            # Functions there have 2 GB of memory or more.
            given.setdefault("buffer_bytes", DEFAULT_BUFFER_MAX_BYTES)
        self.settings = Settings()._replace(**given)
        self.account = Account()
        self.queue = SendingQueue(self.account, random=lambda: 0.0)
        self.archive = SendingQueue(self.account.archive, random=lambda: 0.0) if archive else None
        self.queues = Queues(self.queue, archive=self.archive)
        self.sampler = TailSampler(
            self.settings,
            queues=self.queues,
            account=self.account,
            function="shop",
            version="7",
            managed_instances=managed_instances,
        )
        self.sampler.metadata.environment_id = "e"
        self.recorder = Recorder(
            self.settings,
            sampler=self.sampler,
            account=self.account,
            managed_instances=managed_instances,
            on_restore=self._restored if snap_start else None,
        )
        self.restores = 0
        self.delivered: list[dict[str, Any]] = []
        self.now_s = 0.0

    def _restored(self) -> None:
        """Take an identity of its own, as the wiring does in a copy of a snapshot."""
        self.restores += 1
        self.sampler.metadata.environment_id = f"copy{self.restores}"

    def receive(self, *events: object) -> "Environment":
        """Post one batch."""
        self.recorder.receive(batch(events))
        return self

    def invoke(self, request_id: str = FIRST, *, trace: str = TRACE) -> "Environment":
        """Brings an INVOKE event."""
        self.recorder.invoked(request_id, trace_header=trace)
        return self

    def deliver(self, answer: Answer = Answer.TAKEN) -> None:
        """Lets the sink answer everything that is owed."""
        while True:
            self.now_s += 60.0
            chunks = self.queue.begin(self.now_s)
            if chunks is None:
                return
            if answer is Answer.TAKEN:
                self.delivered += [json.loads(one) for one in encode(chunks).splitlines()]
            for reason, chunk in self.queue.settle(Receipt(answer), self.now_s) or []:
                self.account.lose(reason, chunk.lines)
            if answer is Answer.UNAVAILABLE:
                return

    def lines(self, request_id: str | None = None) -> list[object]:
        """Return the functions' lines that the sink has, of one request or of all."""
        self.deliver()
        return [
            record["record"]
            for record in self.delivered
            if record["type"] == "function" and request_id in (None, record.get("requestId"))
        ]

    def reasons(self) -> set[str]:
        """Return the reasons of the delivered records."""
        self.deliver()
        return {record["reason"] for record in self.delivered}

    def summaries(self) -> list[dict[str, Any]]:
        """Return the delivered summary records."""
        self.deliver()
        return [
            one["record"] for one in self.delivered if one["type"] == "flightRecorder.invocation"
        ]

    @property
    def accounted_for(self) -> bool:
        """Invariant 3: received = kept + handed to standard output + dropped + evicted + lost + still buffered."""
        buffered = self.sampler.buffered_lines + lines_in(self.queue)
        return self.account.received == settled(self.account) + buffered
