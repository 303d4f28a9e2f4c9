"""One environment under one set of settings: the extension's own recorder, keeping and queue, without any I/O.

What is assumed: the sink is always there and takes everything, and every batch is delivered before the next one comes.
"""

from collections.abc import Callable

from extension.config.settings import Settings
from extension.delivery.queue import Queues, SendingQueue
from extension.diagnostics.account import Account
from extension.model.receipt import Answer, Receipt
from extension.recorder.recorder import REMEMBERED_INVOCATIONS, Recorder
from extension.recorder.tail_sampler import TailSampler
from whatif.replay.batches import Batch
from whatif.replay.tally import Followed, Tally

_TAKEN = Receipt(Answer.TAKEN)


class Replay:
    """Takes what Lambda would have told an extension, and counts what that would have delivered."""

    def __init__(
        self,
        settings: Settings,
        tally: Tally,
        *,
        environment_id: str,
        redact: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """Make a new environment.

        Args:
            settings: That are in force.
            tally: Counts for all environments under them.
            environment_id: 16 hex digits.
            redact: Does to the JSON of one event what the settings' REDACT asks for; None if that is nothing.
        """
        self._tally = tally
        self._redact = redact
        self._account = Account()
        self._queue = SendingQueue(self._account, random=_no_jitter)
        self._sampler = TailSampler(
            settings,
            queues=Queues(self._queue),
            account=self._account,
            function="function",
            version="$LATEST",
        )
        self._sampler.identify(environment_id)
        self._recorder = Recorder(settings, sampler=self._sampler, account=self._account)
        self._followed: dict[str, Followed] = {}

    def take(self, batch: Batch) -> None:
        """Take the INVOKE events and the batch that follows them."""
        for request_id, header in batch.invokes:
            self._recorder.invoked(request_id, trace_header=header)
        self._recorder.receive(batch.body)
        self._deliver()

    def close(self) -> None:
        """Take note that the environment has ended, as an idle one does."""
        self._sampler.shut_down(None)
        self._deliver()
        for request_id, one in self._followed.items():
            self._tally.settle(request_id, one)
        self._followed = {}
        self._tally.close(self._account)

    def _deliver(self) -> None:
        while True:
            chunks = self._queue.begin(0.0, at_once=True)
            if chunks is None:
                break
            self._tally.take(chunks, self._followed, redact=self._redact)
            self._queue.settle(_TAKEN, 0.0)
        # Beyond as many as the recorder remembers, nothing more can come of the oldest.
        while len(self._followed) > 2 * REMEMBERED_INVOCATIONS:
            request_id = next(iter(self._followed))
            self._tally.settle(request_id, self._followed.pop(request_id))


def _no_jitter() -> float:
    return 0.0
