"""One environment's pure middle, put together for tests: recorder, keeping, outbox, account; no I/O anywhere."""

import json
from dataclasses import replace
from typing import Any

from extension.account import Account
from extension.backlog import Backlog
from extension.config import Settings
from extension.keeping import Keeping
from extension.ndjson import encode
from extension.outbox import Outbox
from extension.parcels import Answer, Receipt
from extension.recorder import Recorder
from tests.extension.batches import FIRST, TRACE, batch


class Environment:
    """Takes batches and events, and delivers to a list of records."""

    def __init__(
        self, *, managed_instances: bool = False, archive: bool = False, **settings: object
    ) -> None:
        given: dict[str, Any] = {"sample_rate": 0.0, **settings}
        self.settings = replace(Settings(), **given)
        self.account = Account()
        self.outbox = Outbox(self.account, random=lambda: 0.0)
        self.archive = Outbox(self.account.archive, random=lambda: 0.0) if archive else None
        self.backlog = Backlog(self.outbox, archive=self.archive)
        self.keeping = Keeping(
            self.settings,
            backlog=self.backlog,
            account=self.account,
            function="shop",
            version="7",
            managed_instances=managed_instances,
        )
        self.keeping.identify("e")
        self.recorder = Recorder(
            self.settings,
            keeping=self.keeping,
            account=self.account,
            managed_instances=managed_instances,
        )
        self.delivered: list[dict[str, Any]] = []
        self.now_s = 0.0

    def receive(self, *events: object) -> "Environment":
        """Posts one batch."""
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
            parcels = self.outbox.begin(self.now_s)
            if parcels is None:
                return
            if answer is Answer.TAKEN:
                self.delivered += [json.loads(one) for one in encode(parcels).splitlines()]
            for reason, parcel in self.outbox.settle(Receipt(answer), self.now_s):
                self.account.lose(reason, parcel.lines)
            if answer is Answer.UNAVAILABLE:
                return

    def lines(self, request_id: str | None = None) -> list[object]:
        """What the sink has of the functions' lines, of one request or of all."""
        self.deliver()
        return [
            record["record"]
            for record in self.delivered
            if record["type"] == "function" and request_id in (None, record.get("requestId"))
        ]

    def reasons(self) -> set[str]:
        """The reasons that stand on what was delivered."""
        self.deliver()
        return {record["reason"] for record in self.delivered}

    def summaries(self) -> list[dict[str, Any]]:
        """The summary records delivered."""
        self.deliver()
        return [
            one["record"] for one in self.delivered if one["type"] == "flightRecorder.invocation"
        ]

    @property
    def accounted_for(self) -> bool:
        """Invariant 3: received = kept + dropped + evicted + lost + still buffered."""
        buffered = self.keeping.buffered_lines + self.outbox.lines
        return self.account.received == self.account.settled() + buffered
