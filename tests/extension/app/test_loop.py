import json
import select
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from extension.app.flush_control import FlushControl
from extension.app.loop import DEADLINE_MARGIN_S, MAX_FAILURES_IN_A_ROW, Loop
from extension.app.metrics_reporter import MetricsReporter
from extension.app.parts import Parts
from extension.app.settings_refresh import SettingsRefresh
from extension.boot import Boot, listen, subscribe
from extension.config.parsers import Flush, PlatformEvents
from extension.config.references import Fetched, References
from extension.config.settings import Settings
from extension.delivery.delivery import Delivery
from extension.delivery.exporter import Exporter
from extension.delivery.queue import Queues, SendingQueue
from extension.delivery.worker import SinkWorker
from extension.diagnostics.account import Account
from extension.diagnostics.log import OwnLog
from extension.lambda_api import REGISTER_PAUSE_S
from extension.lambda_api.listener import Listener
from extension.model.chunk import Chunk
from extension.model.ndjson import encode
from extension.model.receipt import Answer, Receipt
from extension.recorder.recorder import Recorder
from extension.recorder.tail_sampler import TailSampler
from tests.doubles.extension.accounts import settled
from tests.doubles.extension.deliveries import ScriptedSink, said
from tests.doubles.extension.listeners import close_listener
from tests.doubles.lambda_events import event, line, runtime_done, start
from tests.doubles.recording_receiver import CLOSE, Cut, Reply
from tests.doubles.scripted_lambda import IDENTIFIER, ScriptedLambda

WAIT_S = 10.0
A = "aaaaaaaa-0000-4000-8000-000000000001"
B = "bbbbbbbb-0000-4000-8000-000000000002"
C = "cccccccc-0000-4000-8000-000000000003"
ERROR = "[ERROR] ValueError: told to\nTraceback (most recent call last):\n"


class MemorySink(ScriptedSink):
    """A scripted sink that keeps the records it has taken, and notes when it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[dict[str, Any]] = []
        self.asked_s: list[float] = []
        self.on_taken: Callable[[], None] = lambda: None

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
        self.asked_s.append(time.monotonic())
        data = encode(chunks)
        receipt = super().send(chunks, timeout_s=timeout_s)
        if receipt.answer is Answer.TAKEN:
            self.records += [json.loads(one) for one in data.splitlines()]
            self.on_taken()
        return receipt

    def lines(self, request_id: str | None = None) -> list[object]:
        return [
            one["record"]
            for one in self.records
            if one["type"] == "function" and request_id in (None, one.get("requestId"))
        ]


class Environment:
    """A real extension in a thread, without its process: everything but what __main__ puts around it."""

    def __init__(
        self,
        cloud: ScriptedLambda,
        *,
        on_restore: Callable[[], None] | None = None,
        renewal: SettingsRefresh | None = None,
        managed: bool = False,
        **settings: Any,
    ) -> None:
        self.cloud = cloud
        self.sink = MemorySink()
        changes: dict[str, Any] = {"sample_rate": 0.0, "flush": Flush.END} | settings
        given = Settings(**changes)
        self.account = Account()
        self._closed = False
        self.cpu_s = 0.0
        self.ended_s = 0.0
        self.error: BaseException | None = None
        self.boot = Boot({"AWS_LAMBDA_RUNTIME_API": cloud.address})
        self.boot.api.identifier = IDENTIFIER
        listen(self.boot)
        subscribe(self.boot)
        assert self.boot.listener is not None
        poll = select.poll()
        queues = Queues(SendingQueue(self.account, random=lambda: 0.0))
        sampler = TailSampler(given, queues=queues, account=self.account, managed_instances=managed)
        sampler.metadata.environment_id = "e"
        worker = SinkWorker(lambda: self.sink)
        log = OwnLog("info")
        self.listener = Listener(
            self.boot.listener, poll, path=self.boot.subscription.target, say=log.once
        )
        self.flush_control = FlushControl(given)
        self.lifecycle = Loop(
            Parts(
                api=self.boot.api,
                listener=self.listener,
                poll=poll,
                recorder=Recorder(
                    given,
                    sampler=sampler,
                    account=self.account,
                    managed_instances=managed,
                    on_restore=on_restore,
                ),
                sampler=sampler,
                delivery=Delivery(
                    [Exporter("SINK", queues.primary, worker)],
                    account=self.account,
                    log=log,
                    last_resort=None,
                ),
                flush_control=self.flush_control,
                renewal=renewal,
                account=self.account,
                log=log,
            )
        )
        self._thread = threading.Thread(target=self._run, name="main loop")
        self._thread.start()

    def _run(self) -> None:
        try:
            self.lifecycle.run()
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.error = error
        self.ended_s = time.monotonic()
        self.cpu_s = time.thread_time()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()

    def close(self) -> None:
        """Ends the loop if the test has not."""
        if self._closed:
            return
        self._closed = True
        self.sink.release.set()
        if self.alive:
            self.cloud.shut_down()
        self.join()
        close_listener(self.listener)
        self.boot.api.drop_connection()


Begin = Callable[..., Environment]


@pytest.fixture
def begin(cloud: ScriptedLambda) -> Iterator[Begin]:
    begun: list[Environment] = []

    def start_one(**settings: Any) -> Environment:
        begun.append(Environment(cloud, **settings))
        cloud.wait_for("next", 1)
        return begun[-1]

    yield start_one
    for environment in begun:
        environment.close()


def warnings(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [one for one in said(capsys) if one["level"] == "warning"]


def fail(cloud: ScriptedLambda, request_id: str = A, *, nexts: int = 0) -> None:
    """Go through an invocation that fails, up to the Next that follows it."""
    cloud.invoke(request_id)
    cloud.post([start(request_id), line(ERROR), runtime_done(request_id)])
    cloud.wait_for("next", nexts, timeout_s=1.0)


def until(condition: Callable[[], bool], *, timeout_s: float = WAIT_S) -> None:
    limit_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < limit_s, "it did not happen"
        time.sleep(0.005)


def stays_at(cloud: ScriptedLambda, nexts: int, *, for_s: float = 0.15) -> None:
    time.sleep(for_s)
    assert len(cloud.of("next")) == nexts


def assert_adds_up(environment: Environment) -> None:
    account = environment.account
    assert account.received == settled(account) + account.buffered


# Holding Next --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flush", "text", "delivered"),
    [
        (Flush.END, ERROR, ["one", ERROR]),
        (Flush.END, "fine", []),
        (Flush.BACKGROUND, ERROR, ["one", ERROR]),
    ],
    ids=["end, failed", "end, healthy", "background"],
)
def test_flush_decides_how_long_next_is_held(
    cloud: ScriptedLambda, begin: Begin, flush: Flush, text: str, delivered: list[str]
) -> None:
    """With end Next follows the end, and the delivery if there is one; with background it follows INVOKE."""
    environment = begin(flush=flush)
    order: list[str] = []
    environment.sink.on_taken = lambda: order.append("delivered")
    cloud.on_call = order.append

    cloud.invoke(A)
    if flush is Flush.BACKGROUND:
        cloud.wait_for("next", 2, timeout_s=1.0)
    cloud.post([start(A), line("one")])
    stays_at(cloud, 2 if flush is Flush.BACKGROUND else 1)
    cloud.post([line(text), runtime_done(A)])
    cloud.wait_for("next", 2, timeout_s=1.0)

    until(lambda: environment.sink.lines(A) == delivered)
    if flush is Flush.END:
        assert order == (["delivered"] if delivered else []) + ["next"]


def test_the_end_may_come_before_its_invoke(cloud: ScriptedLambda, begin: Begin) -> None:
    """The two streams race: an end that was read first still ends the hold."""
    environment = begin()

    cloud.post([start(A), line(ERROR), runtime_done(A)])
    until(lambda: bool(environment.sink.lines(A)))
    cloud.invoke(A)

    cloud.wait_for("next", 2, timeout_s=1.0)


def test_a_hold_is_bounded_by_flush_timeout(
    cloud: ScriptedLambda, begin: Begin, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sink that stalls holds an invocation for FLUSH_TIMEOUT and no longer."""
    environment = begin(flush_timeout_ms=200)
    environment.sink.release.clear()

    cloud.invoke(A)
    cloud.post([start(A), line(ERROR)])
    began_s = time.monotonic()
    cloud.post([runtime_done(A)])
    asked_s = cloud.wait_for("next", 2)[-1].at_s

    assert 0.15 <= asked_s - began_s < 0.8
    environment.close()
    problems = warnings(capsys)
    assert [one.get("variable") for one in problems] == ["FLIGHT_RECORDER_FLUSH_TIMEOUT"]


def test_a_stalled_sink_holds_once_only(cloud: ScriptedLambda, begin: Begin) -> None:
    """After one flush that took too long the next invocations do not wait for the same sink."""
    environment = begin(flush_timeout_ms=300)
    environment.sink.release.clear()
    fail(cloud, nexts=2)
    held_s = []

    for number, request_id in enumerate((B, C), 3):
        cloud.invoke(request_id)
        cloud.post([start(request_id), line(ERROR)])
        began_s = time.monotonic()
        cloud.post([runtime_done(request_id)])
        held_s.append(cloud.wait_for("next", number)[-1].at_s - began_s)
    environment.sink.release.set()

    assert max(held_s) < 0.2
    until(lambda: environment.sink.lines() == [ERROR] * 3)


def test_a_failing_sink_holds_nobody(
    cloud: ScriptedLambda, begin: Begin, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sink that is down is tried again in the background, and said to be down once."""
    environment = begin()
    environment.sink.answer = lambda _: Receipt(Answer.UNAVAILABLE, "status 503")

    for number, request_id in enumerate((A, B), 2):
        fail(cloud, request_id, nexts=number)
    until(lambda: len(environment.sink.asked_s) >= 2)
    environment.sink.answer = lambda _: Receipt(Answer.TAKEN)

    until(lambda: environment.sink.lines() == [ERROR] * 2)
    problems = warnings(capsys)
    assert [(one["problem"], one["variable"]) for one in problems] == [
        ("status 503", "FLIGHT_RECORDER_SINK")
    ]


def test_a_hold_is_bounded_by_the_deadline(
    cloud: ScriptedLambda, begin: Begin, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without an end Next is asked shortly before the deadline; after a second INVOKE ends are not waited for."""
    environment = begin()
    began_s = time.monotonic()

    cloud.invoke(A, timeout_s=0.5)
    asked_s = cloud.wait_for("next", 2)[-1].at_s
    cloud.invoke(B, timeout_s=30.0)
    cloud.wait_for("next", 3, timeout_s=1.0)

    assert 0.3 <= asked_s - began_s <= 0.5 - DEADLINE_MARGIN_S + 0.1
    environment.close()
    assert [one["event"] for one in said(capsys) if one["level"] == "warning"] == [
        "Lambda does not report when invocations end; Next is no longer held, so failures arrive with the next invocation"
    ]


def test_an_end_close_to_the_deadline_is_not_a_missing_one(
    cloud: ScriptedLambda, begin: Begin, capsys: pytest.CaptureFixture[str]
) -> None:
    """An invocation that ends within the last moments before its deadline says nothing against later ones."""
    environment = begin()
    cloud.invoke(A, timeout_s=0.3)
    cloud.post([start(A), line("one")])
    cloud.wait_for("next", 2)
    cloud.post([runtime_done(A)])

    cloud.invoke(B, timeout_s=5.0)
    stays_at(cloud, 2)
    cloud.post([start(B), runtime_done(B)])
    cloud.wait_for("next", 3, timeout_s=1.0)

    environment.close()
    assert warnings(capsys) == []


@pytest.mark.parametrize(
    "event",
    [
        pytest.param({"requestId": None}, id="no request id"),
        pytest.param({"requestId": 7}, id="request id is a number"),
        pytest.param({"deadlineMs": None}, id="no deadline"),
        pytest.param({"deadlineMs": "soon"}, id="deadline is a word"),
        pytest.param({"deadlineMs": 1e300}, id="deadline beyond all time"),
        pytest.param({"tracing": "Root=1"}, id="tracing is a string"),
        pytest.param({"tracing": {"value": 7}}, id="trace is a number"),
        pytest.param({"tracing": {}}, id="no trace"),
    ],
)
@pytest.mark.parametrize("flush", [Flush.END, Flush.BACKGROUND])
def test_an_odd_invoke_is_got_over(
    cloud: ScriptedLambda, begin: Begin, event: dict[str, Any], flush: Flush
) -> None:
    """Whatever INVOKE leaves out, the invocation goes on, its failure is delivered, and Next is called once."""
    environment = begin(flush=flush)

    cloud.invoke(A, **event)
    cloud.post([start(A), line(ERROR), runtime_done(A)])

    cloud.wait_for("next", 2, timeout_s=1.0)
    until(lambda: environment.sink.lines() == [ERROR])
    assert len(cloud.of("next")) == 2


# What Next may answer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Reply(403, b"{}"), id="403"),
        pytest.param(Reply(500, b"{}"), id="500"),
        pytest.param(Reply(200, b"not json"), id="no JSON"),
        pytest.param(Reply(200, b"[1]"), id="no object"),
        pytest.param(Reply(200, b"[" * 100_000), id="too deep"),
        pytest.param(Reply(200, b'{"eventType":"RESTORE"}'), id="unknown type"),
        pytest.param(Reply(200, b'{"eventType":["INVOKE"]}'), id="type is a list"),
        pytest.param(CLOSE, id="closed"),
    ],
)
def test_an_odd_answer_to_next_is_got_over(
    cloud: ScriptedLambda,
    begin: Begin,
    answer: Reply | Cut,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is no event is said once, and Next is asked again after a pause."""
    environment = begin()

    for _ in range(2):
        cloud.answer_next(answer)
    cloud.wait_for("next", 3)
    fail(cloud, nexts=4)

    asked = cloud.of("next")
    assert asked[1].at_s - asked[0].at_s >= 0.04
    assert environment.sink.lines() == [ERROR]
    assert len(warnings(capsys)) == 1


def test_lambda_cannot_be_reached_for_a_while(
    cloud: ScriptedLambda, begin: Begin, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where even connecting fails, Next is asked again until it works."""
    environment = begin()
    port = int(cloud.address.rpartition(":")[2])
    cloud.answer_next(CLOSE)
    cloud.close()
    until(lambda: environment.lifecycle._pause_s >= REGISTER_PAUSE_S * 4)

    with ScriptedLambda(port=port) as again:
        again.wait_for("next", 1)
        again.shut_down()
        environment.join()

    assert environment.error is None
    assert len(warnings(capsys)) == 1


def test_an_error_at_an_invoke_leaves_no_function_waiting(
    cloud: ScriptedLambda, begin: Begin, capsys: pytest.CaptureFixture[str]
) -> None:
    """Our own error at INVOKE is said, and Next is asked again, so that the invocation can end."""

    def fail() -> None:
        raise RuntimeError

    begin(on_restore=fail)

    cloud.invoke(A)

    cloud.wait_for("next", 2, timeout_s=2.0)
    assert any("internal error" in one["event"] for one in said(capsys))


def test_restore_is_noticed_once(cloud: ScriptedLambda, begin: Begin) -> None:
    """A copy of a snapshot begins anew with the first INVOKE, not before and not again."""
    renewed: list[int] = []
    begin(on_restore=lambda: renewed.append(len(cloud.of("next"))))

    for number, request_id in enumerate((A, B), 2):
        cloud.invoke(request_id)
        cloud.post([start(request_id), runtime_done(request_id)])
        cloud.wait_for("next", number)

    assert renewed == [1]


def test_an_error_waits_for_its_start_no_longer_than_telemetry_takes(
    cloud: ScriptedLambda, begin: Begin
) -> None:
    """On Managed Instances no other batch may come for hours, and the error must not wait for one."""
    environment = begin(managed=True)
    cloud.post([start(A), line({"level": "ERROR", "message": "x", "requestId": "own"})])

    until(lambda: len(environment.sink.lines()) == 1)

    assert [one.get("requestId") for one in environment.sink.records] == [None]


# What is posted ------------------------------------------------------------------------------------------------------


def test_loop_goes_on_after_garbage_batches(cloud: ScriptedLambda, begin: Begin) -> None:
    """Whatever is posted is answered 200, and what follows is recorded and delivered."""
    environment = begin()

    cloud.invoke(A)
    cloud.post([start(A)])
    for batch in (
        b"garbage",
        b"[" * 100_000,
        b'[{"time":1,"type":"platform.start","record":[]}]',
        b'[{"time":"t","type":"platform.new","record":1}]',
        b'[{"time":"t","type":"platform.start","record":{"requestId":{}}}]',
    ):
        cloud.post(batch)
    cloud.post([line(ERROR), runtime_done(A)])
    cloud.wait_for("next", 2, timeout_s=2.0)

    assert ERROR in environment.sink.lines()


ODD_VALUES: tuple[object, ...] = (
    None,
    0,
    -1.5,
    "",
    "x" * 300_000,
    [],
    {},
    [[]],
    {"requestId": A},
    True,
)


@pytest.mark.parametrize(
    "kind",
    [
        "start",
        "runtimeDone",
        "end",
        "report",
        "fault",
        "initStart",
        "initReport",
        "logsDropped",
        "new",
    ],
)
def test_faulty_platform_events_cost_nothing_but_themselves(
    cloud: ScriptedLambda, begin: Begin, kind: str
) -> None:
    """Lambda writes none of these. Whoever does, and whatever stands in each member, the next lines are recorded."""
    environment = begin(platform_events=PlatformEvents.ALL)
    members = ("requestId", "status", "metrics", "tracing", "spans", "reason", "droppedRecords")
    records = [
        *ODD_VALUES,
        *({"requestId": B, name: value} for name in members for value in ODD_VALUES),
    ]

    cloud.invoke(A)
    cloud.post([start(A)])
    for record in records:
        cloud.post([event(f"platform.{kind}", record)])
    cloud.post([start(A), line(ERROR), runtime_done(A)])
    cloud.wait_for("next", 2, timeout_s=WAIT_S)
    cloud.shut_down()
    environment.join()

    assert ERROR in environment.sink.lines()
    assert environment.error is None
    assert_adds_up(environment)


def test_an_internal_error_in_one_batch_does_not_end_the_loop(
    cloud: ScriptedLambda, begin: Begin, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pattern that raises costs its batch, is said once, and the loop goes on."""

    class Breaking:
        def search(self, text: str, /) -> object:
            if "break" in text:
                raise ZeroDivisionError
            return None

    environment = begin(error_pattern=Breaking())

    cloud.invoke(A)
    cloud.post([start(A)])
    for number in range(3):
        cloud.post([line(f"break {number}")])
    cloud.post([line(ERROR), runtime_done(A)])
    cloud.wait_for("next", 2, timeout_s=2.0)

    assert environment.sink.lines() == [ERROR]
    problems = warnings(capsys)
    assert [one["error"] for one in problems] == ["ZeroDivisionError"]


def test_too_many_internal_errors_in_a_row_end_the_loop(
    cloud: ScriptedLambda, begin: Begin
) -> None:
    """What does not mend is handed to the outermost guard, which goes on answering Next."""

    class Broken:
        def search(self, text: str, /) -> object:
            raise ZeroDivisionError

    environment = begin(error_pattern=Broken())

    for number in range(MAX_FAILURES_IN_A_ROW):
        cloud.post([line(f"{number}")])
    environment.join()

    assert isinstance(environment.error, ZeroDivisionError)


# SHUTDOWN -------------------------------------------------------------------------------------------------------------


def test_shutdown_delivers_an_invocation_that_was_cut_off(
    cloud: ScriptedLambda, begin: Begin
) -> None:
    """After a timeout the invocation that was running is delivered, with what is said while we end."""
    environment = begin(flush=Flush.BACKGROUND)
    cloud.invoke(A)
    cloud.post([start(A), line("one")])

    cloud.shut_down(reason="timeout")
    until(lambda: environment.lifecycle._shutdown_event is not None)
    cloud.post([line("two")])
    environment.join()

    assert environment.sink.lines(A) == ["one", "two"]
    summary = environment.sink.records[-1]
    assert summary["type"] == "flightRecorder.invocation"
    assert summary["record"]["outcome"] == "timeout"
    assert_adds_up(environment)


def test_shutdown_ends_before_its_deadline_with_a_sink_that_stalls(
    cloud: ScriptedLambda, begin: Begin, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sink that hangs costs what it was sent, which is counted, and not the account."""
    environment = begin(flush=Flush.BACKGROUND)
    environment.sink.release.clear()
    cloud.invoke(A)
    cloud.post([start(A), line("one")])
    until(lambda: environment.account.received == 1)
    began_s = time.monotonic()

    cloud.shut_down(reason="failure", timeout_s=0.8)
    environment.join()

    assert environment.ended_s - began_s < 0.8
    assert environment.account.lost == {"shutdown": 1}
    assert_adds_up(environment)
    events = [one["event"] for one in said(capsys)]
    assert events[-1] == "account"
    assert any("before all kept lines were delivered" in one for one in events)


def test_shutdown_with_a_sink_that_comes_back(cloud: ScriptedLambda, begin: Begin) -> None:
    """A sink that is down when SHUTDOWN comes is tried again until the deadline, and not in a hot loop."""
    environment = begin()
    back_s = time.monotonic() + 0.6

    def answer(_: list[str]) -> Receipt:
        up = time.monotonic() >= back_s
        return Receipt(Answer.TAKEN if up else Answer.UNAVAILABLE)

    environment.sink.answer = answer
    fail(cloud, nexts=2)

    cloud.shut_down()
    environment.join()

    assert environment.sink.lines(A) == [ERROR]
    assert len(environment.sink.asked_s) < 30


def test_shutdown_does_not_spin_while_it_waits(cloud: ScriptedLambda, begin: Begin) -> None:
    """While the sink is slow, a batch that comes meanwhile does not make the loop burn the CPU."""
    environment = begin(flush=Flush.BACKGROUND)
    cloud.invoke(A)
    cloud.post([start(A), line("one")])
    environment.sink.release.clear()
    until_s = time.monotonic() + 0.5

    cloud.shut_down(reason="failure", timeout_s=1.2)
    time.sleep(max(0.0, until_s - time.monotonic()))
    try:
        threading.Thread(target=cloud.post, args=([line("late")],), daemon=True).start()
        environment.join()
    finally:
        environment.sink.release.set()

    assert environment.cpu_s < 0.3


@pytest.mark.parametrize(
    "event",
    [
        b'{"eventType":"SHUTDOWN"}',
        b'{"eventType":"SHUTDOWN","shutdownReason":7,"deadlineMs":"soon"}',
        b'{"eventType":"SHUTDOWN","shutdownReason":"TIMEOUT","deadlineMs":1}',
        b'{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":1e300}',
    ],
)
def test_an_odd_shutdown_is_one(
    cloud: ScriptedLambda, begin: Begin, event: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever SHUTDOWN leaves out, even after an answer that was none, the loop ends in Lambda's own time."""
    environment = begin()
    began_s = time.monotonic()

    cloud.answer_next(CLOSE)
    cloud.answer_next(Reply(200, event))
    environment.join()

    assert environment.error is None
    assert environment.ended_s - began_s < 2.0
    account = said(capsys)[-1]
    assert (account["event"], account["received_lines"]) == ("account", 0)


# Settings that change -----------------------------------------------------------------------------------------------


class CountingReferences(References):
    """Brings something else each time."""

    def fetch(self, *, timeout_s: float = 1.0) -> Fetched:
        self.fetches = getattr(self, "fetches", 0) + 1
        return Fetched({"V": str(self.fetches)}, [])


def test_settings_are_fetched_anew_while_the_environment_runs(
    cloud: ScriptedLambda, begin: Begin
) -> None:
    """Before each multiple of the interval, without an invocation's doing, and what came is applied at it."""
    applied: list[str] = []
    begin(
        renewal=SettingsRefresh(
            CountingReferences({}, fetch=lambda *_, **__: ({}, {})),
            interval_s=0.1,
            random=lambda: 0.5,
            apply=lambda fetched: applied.append(fetched.values["V"]),
        )
    )

    until(lambda: applied[:3] == ["1", "2", "3"])


def test_a_changed_flush_applies_to_the_next_invocation(
    cloud: ScriptedLambda, begin: Begin
) -> None:
    """What is turned to `background` holds nobody from the next INVOKE on."""
    environment = begin(flush=Flush.END)
    environment.flush_control.apply(Settings(flush=Flush.BACKGROUND))

    cloud.invoke(A)

    cloud.wait_for("next", 2, timeout_s=1.0)


class BrokenReporting(MetricsReporter):
    """Notes when it was looked at, and fails at the end."""

    def __init__(self, ended: Callable[[], bool]) -> None:
        self._ended = ended
        self.checks = 0
        self.others_first = False

    def check(self) -> None:
        self.checks += 1

    def finish(self, until_s: float) -> bool:
        self.others_first = self._ended()
        raise RuntimeError


def test_metrics_come_last_and_cost_no_account(
    cloud: ScriptedLambda, begin: Begin, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are looked at when the loop wakes, told when all else is delivered, and whatever they do, the account is."""
    environment = begin()
    reporting = BrokenReporting(lambda: environment.sink.lines(A) == [ERROR])
    environment.lifecycle.reporting = reporting

    fail(cloud)
    cloud.shut_down()
    environment.join()

    assert reporting.checks > 0
    assert reporting.others_first
    assert [one["event"] for one in said(capsys)].count("account") == 1
    assert_adds_up(environment)
