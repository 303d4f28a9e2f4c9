"""The thread that takes batches to a sink."""

import select
import threading
import time

import pytest

from extension.delivery.worker import SinkWorker
from extension.model.chunk import Chunk, Metadata
from extension.model.receipt import Answer, Receipt
from extension.model.segment import Segment
from extension.sinks.base import Sink

WAIT_S = 5.0
STAMP = Metadata("id", "", "f", "1", "e", "crash", 1.0, failed=True)


def chunk() -> Chunk:
    return Chunk(STAMP, [Segment(b"{}", count=1, first_number=0)])


class ListSink:
    """Notes what it is handed, and where."""

    def __init__(self, receipts: list[Receipt | Exception] | None = None) -> None:
        self.receipts = receipts or []
        self.sent: list[tuple[list[Chunk], float]] = []
        self.threads: list[str] = []
        self.aborted = self.closed = False

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
        self.sent.append((chunks, timeout_s))
        self.threads.append(threading.current_thread().name)
        receipt = self.receipts.pop(0) if self.receipts else Receipt(Answer.TAKEN)
        if isinstance(receipt, Exception):
            raise receipt
        return receipt

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.closed = True


def receipt_of(worker: SinkWorker) -> Receipt:
    poll = select.poll()
    poll.register(worker.descriptor, select.POLLIN)
    assert poll.poll(WAIT_S * 1000), "no receipt was announced"
    receipt = worker.collect()
    assert receipt is not None
    return receipt


def answer_of(worker: SinkWorker) -> Receipt:
    worker.send([chunk()], timeout_s=1.0)
    return receipt_of(worker)


def test_worker_delivers_a_batch_on_its_own_thread() -> None:
    """The sink gets the very batch and its time-out, in another thread than ours."""
    sink = ListSink([Receipt(Answer.TAKEN, sent_bytes=7)])
    worker = SinkWorker(lambda: sink)
    batch = [chunk()]

    worker.send(batch, timeout_s=1.5)
    receipt = receipt_of(worker)

    assert receipt == Receipt(Answer.TAKEN, sent_bytes=7)
    assert sink.sent == [(batch, 1.5)]
    assert sink.threads == ["worker"]


def test_the_descriptor_is_readable_only_while_a_receipt_waits() -> None:
    """Before a batch and after its receipt, a poll on the descriptor finds nothing."""
    poll = select.poll()
    worker = SinkWorker(ListSink)
    poll.register(worker.descriptor, select.POLLIN)

    before = poll.poll(0)
    worker.send([chunk()], timeout_s=1.0)
    announced = poll.poll(WAIT_S * 1000)
    worker.collect()
    after = poll.poll(0)

    assert (before, after) == ([], [])
    assert [descriptor for descriptor, _ in announced] == [worker.descriptor]


def test_an_exception_in_a_sink_is_a_receipt() -> None:
    """What breaks in a sink keeps its batch, is told by its type alone, and does not end the thread."""
    sink = ListSink([ValueError("secret-token")])
    worker = SinkWorker(lambda: sink)

    first = answer_of(worker)
    second = answer_of(worker)

    assert first == Receipt(Answer.UNAVAILABLE, "internal error: ValueError")
    assert second.answer is Answer.TAKEN


def test_worker_opens_a_sink_again_that_could_not_be_opened() -> None:
    """A sink that could not be opened with one batch is opened with a later one."""
    sink = ListSink()
    attempts = []

    def open_sink() -> Sink:
        attempts.append(1)
        if len(attempts) < 2:
            raise PermissionError
        return sink

    worker = SinkWorker(open_sink)
    answers = [answer_of(worker).answer for _ in range(3)]

    assert answers == [Answer.UNAVAILABLE, Answer.TAKEN, Answer.TAKEN]
    assert len(attempts) == 2


def test_worker_starts_a_thread_and_opens_its_sink_with_the_first_batch() -> None:
    """An environment that delivers nothing loads nothing for it. A second batch finds both there."""
    done: list[str] = []

    def open_sink() -> Sink:
        done.append(threading.current_thread().name)
        return ListSink()

    before = threading.active_count()
    worker = SinkWorker(open_sink)

    assert threading.active_count() == before
    assert done == []
    assert [answer_of(worker).answer for _ in range(2)] == [Answer.TAKEN] * 2
    assert done == ["worker"]


def test_worker_tries_again_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function may have used up the environment's threads: the batch stays, and the next attempt may find one."""
    worker = SinkWorker(ListSink)

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        refused = answer_of(worker)

    assert refused == Receipt(Answer.UNAVAILABLE, "no thread can be started")
    assert answer_of(worker).answer is Answer.TAKEN


def test_send_does_not_wait_for_the_sink() -> None:
    """The main loop goes on while the sink stalls."""
    release = threading.Event()

    class Stalled(ListSink):
        def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
            release.wait(WAIT_S)
            return super().send(chunks, timeout_s=timeout_s)

    worker = SinkWorker(Stalled)
    began = time.monotonic()

    worker.send([chunk()], timeout_s=10.0)
    early = worker.collect()
    took_s = time.monotonic() - began
    release.set()

    assert early is None
    assert took_s < 0.5
    assert receipt_of(worker).answer is Answer.TAKEN


def test_abort_reaches_a_busy_sink() -> None:
    """Aborting reaches the sink while it is busy."""
    release = threading.Event()

    class Busy(ListSink):
        def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
            release.wait(WAIT_S)
            return Receipt(Answer.UNAVAILABLE, f"aborted: {self.aborted}")

        def abort(self) -> None:
            super().abort()
            release.set()

    worker = SinkWorker(Busy)
    worker.send([chunk()], timeout_s=1.0)
    while not release.is_set():
        worker.abort()

    assert receipt_of(worker).detail == "aborted: True"


def test_abort_is_harmless_without_a_sink() -> None:
    """Before the sink is open there is nothing to end."""
    SinkWorker(ListSink).abort()


def test_change_closes_the_sink_and_opens_another() -> None:
    """After a change the next batch goes to the new sink, and the old one is closed."""
    first, second = ListSink(), ListSink()
    worker = SinkWorker(lambda: first)
    answer_of(worker)

    worker.change(lambda: second)
    answer_of(worker)

    assert (len(first.sent), first.closed) == (1, True)
    assert (len(second.sent), second.closed) == (1, False)


def test_worker_rewrites_a_batch_before_it_leaves() -> None:
    """In the delivery thread; what is kept for a repetition stays as it was."""
    sink = ListSink()
    worker = SinkWorker(lambda: sink)
    first, second, new = chunk(), chunk(), chunk()
    worker.rewrite = lambda chunks: [new if one is first else one for one in chunks]
    batch = [first, second]

    worker.send(batch, timeout_s=1.0)
    receipt_of(worker)

    assert sink.sent[0][0] == [new, second]
    assert worker.rewritten == [new, second]
    assert batch == [first, second]


def test_a_cancelled_batch_is_rewritten_and_encoded_no_further() -> None:
    """What was rewritten before is there for whoever takes the batch over; the sink gets none of it."""
    sink = ListSink()
    worker = SinkWorker(lambda: sink)
    masked = chunk()

    def rewrite(chunks: list[Chunk]) -> list[Chunk]:
        worker.cancel()
        return [masked for _ in chunks]

    worker.rewrite = rewrite
    worker.send([chunk(), chunk(), chunk()], timeout_s=1.0)
    receipt = receipt_of(worker)

    assert receipt == Receipt(Answer.UNAVAILABLE, "internal error: CancelledError")
    assert worker.rewritten == [masked]
    assert sink.sent == []


def test_the_batch_after_a_cancelled_one_is_sent() -> None:
    """Cancelling ends with the batch that it was meant for."""
    sink = ListSink()
    worker = SinkWorker(lambda: sink)

    def rewrite(chunks: list[Chunk]) -> list[Chunk]:
        worker.cancel()
        return chunks

    worker.rewrite = rewrite
    worker.send([chunk(), chunk()], timeout_s=1.0)
    receipt_of(worker)
    worker.rewrite = None

    worker.send([chunk()], timeout_s=1.0)

    assert receipt_of(worker).answer is Answer.TAKEN
    assert worker.rewritten == []
