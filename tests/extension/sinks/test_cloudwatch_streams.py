"""Which log stream lines go to: the environment's own, or the one for all while its own cannot be created."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from extension.model.chunk import Chunk, Metadata
from extension.model.receipt import Answer, Receipt
from extension.sinks.base import SinkConfig
from extension.sinks.cloudwatch import CloudWatchSink
from extension.sinks.cloudwatch_events import MAX_EVENTS, REPEAT_TYPE
from extension.sinks.cloudwatch_streams import OVERFLOW_S, Streams
from extension.sinks.stream_name import name_file
from tests.doubles.extension.chunks import ENVIRONMENT, STAMP, at, chunk, lines, now
from tests.doubles.http_server import Request
from tests.doubles.lambda_events import FIRST, event, line
from tests.services.aws import moto
from tests.services.environment import unique
from tests.services.limits import (
    Behaviour,
    LimitsFront,
    fail,
    hang_up,
    succeed,
    swallow,
)
from tests.services.throttling import CREATE_LOG_STREAM_PER_S, Throttling, TokenBucket

WAIT_S = 10.0
NOON_S = 1_796_040_000.0
DAY = "2026/11/30"
OWN, OVERFLOW = f"{DAY}/[$LATEST]{ENVIRONMENT}", f"{DAY}/[$LATEST]overflow"
LAMBDAS = f"{DAY}/[$LATEST]22be53a8cfde4e68b844f8ec293b2543"
COPYS = f"{DAY}/[$LATEST]82561ce053dd47d190e0c8f5e063e62e"
OTHER = STAMP._replace(environment_id="fedcba9876543210")
KEYS = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

MISSING = fail("ResourceNotFoundException")
EXISTS = fail("ResourceAlreadyExistsException")
THROTTLED = fail("ThrottlingException")
DENIED = fail("AccessDeniedException")
OK = succeed()
PUT, CREATE = "PutLogEvents", "CreateLogStream"


class Clock:
    """The time in seconds since 1970, set by hand."""

    now_s = NOON_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


# Which stream --------------------------------------------------------------------------------------------------------


def streams(
    clock: Clock, environ: Mapping[str, str] = {}, *, drawn: float = 0.0, prefix: str = ""
) -> Streams:
    return Streams(environ, wall_s=clock, random=lambda: drawn, prefix=prefix)


def told(instance_id: str, metadata: Metadata = STAMP) -> Chunk:
    return lines("a", metadata=metadata._replace(instance_id=instance_id))


@pytest.mark.parametrize(
    ("batches", "names"),
    [
        ([[told("")]], [OWN]),
        ([[told(LAMBDAS)]], [LAMBDAS]),
        ([[told("82561ce0")]], [f"{DAY}/[$LATEST]82561ce0"]),
        ([[told(""), told(LAMBDAS), told("")]], [LAMBDAS]),
        ([[told("")], [told(LAMBDAS)], [told("")]], [OWN, LAMBDAS, LAMBDAS]),
        ([[told(LAMBDAS)], [told(COPYS, OTHER)]], [LAMBDAS, COPYS]),
        ([[told(LAMBDAS)], [told("", OTHER)]], [LAMBDAS, f"{DAY}/[$LATEST]fedcba9876543210"]),
    ],
    ids=[
        "unknown",
        "known",
        "known, and no name of a stream",
        "known within a batch",
        "known later",
        "a copy of a snapshot",
        "a copy of which nothing is told",
    ],
)
def test_stream_is_named_by_what_lambda_calls_the_environment(
    clock: Clock, batches: list[list[Chunk]], names: list[str]
) -> None:
    """A batch may reach the sink before that is known, and metrics of the extension's own may not know it."""
    chosen = streams(clock)
    found = []

    for batch in batches:
        chosen.begin(batch)
        found.append(chosen.name)

    assert found == names


def test_prefix_stands_before_each_name(clock: Clock, tmp_path: Path) -> None:
    """Before the overflow stream's too. The file for the next process holds the name without it, for every sink."""
    environ = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "TMPDIR": str(tmp_path)}
    chosen, other = streams(clock, environ, prefix="flight-recorder/"), streams(clock, environ)

    chosen.begin([told(LAMBDAS)])
    other.begin([told(LAMBDAS)])
    own = chosen.name
    chosen.overflow()

    assert (own, chosen.name) == (f"flight-recorder/{LAMBDAS}", f"flight-recorder/{OVERFLOW}")
    assert other.name == LAMBDAS
    kept = name_file(str(tmp_path), function="shop", version="$LATEST")
    assert Path(kept).read_text() == f"{LAMBDAS}\n"


def test_name_that_is_too_long_with_its_prefix_is_cut(clock: Clock) -> None:
    """CloudWatch takes 512 characters (AWS: CreateLogStream)."""
    longest = LAMBDAS + "x" * (512 - len(LAMBDAS))
    chosen = streams(clock, prefix="flight-recorder/")

    chosen.begin([told(longest)])

    assert chosen.name == f"flight-recorder/{longest}"[:512]


def test_another_environment_is_told_from_the_same(clock: Clock) -> None:
    """What may have been written of a copy's snapshot has ids of another process."""
    chosen = streams(clock)
    batches = [told(""), told(""), told(LAMBDAS), told("", OTHER), told(COPYS, OTHER)]

    assert [chosen.begin([one]) for one in batches] == [True, False, False, True, False]


def test_name_is_kept_in_the_temporary_folder(
    clock: Clock, tmp_path: Path, end_process: Callable[[], None]
) -> None:
    """For the next process of the environment, where Lambda tells no id."""
    environ = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "TMPDIR": str(tmp_path)}
    first, second = (streams(clock, environ) for _ in range(2))
    first.begin([told("")])
    end_process()
    clock.now_s += 60.0

    second.begin([told("", OTHER)])

    assert [first.name, second.name] == [OWN, OWN]
    assert [one.name for one in tmp_path.iterdir()] == ["flight-recorder-shop-$LATEST.stream"]


def test_snapshots_copy_does_not_believe_the_temporary_folder(clock: Clock, tmp_path: Path) -> None:
    """The folder is a copy as well: all copies would write to one stream."""
    path = Path(name_file(str(tmp_path), function="shop", version="$LATEST"))
    path.write_text(f"{LAMBDAS}\n")
    environ = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "TMPDIR": str(tmp_path)}
    chosen = streams(clock, {**environ, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"})

    chosen.begin([told("")])

    assert chosen.name == OWN
    assert path.read_text() == f"{OWN}\n"


def test_no_name_is_kept_outside_of_lambda(clock: Clock, tmp_path: Path) -> None:
    """A self-check, say, is no environment that another process goes on with."""
    streams(clock, {"TMPDIR": str(tmp_path)}).begin([told("")])

    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(("drawn", "stay_s"), [(0.0, OVERFLOW_S), (0.5, 1.5 * OVERFLOW_S)])
def test_environment_stays_with_the_overflow_stream_for_a_time(
    clock: Clock, drawn: float, stay_s: float
) -> None:
    """It is drawn, and the own stream is tried at the first delivery behind it."""
    chosen = streams(clock, drawn=drawn)
    chosen.begin([told("")])
    chosen.overflow()
    found = [chosen.name]

    for after_s in (0.0, stay_s - 1.0, stay_s):
        clock.now_s = NOON_S + after_s
        chosen.begin([told("")])
        found.append(chosen.name)

    assert found == [OVERFLOW, OVERFLOW, OVERFLOW, OWN]


def test_clock_that_is_set_back_makes_the_stay_no_longer(clock: Clock) -> None:
    """An environment with a wrong clock would never come back."""
    chosen = streams(clock)
    chosen.begin([told("")])
    chosen.overflow()
    clock.now_s -= 86_400.0

    chosen.begin([told("")])

    assert not chosen.is_overflow


def test_overflow_stream_is_the_days(clock: Clock) -> None:
    """A stream with the date of the first day would be looked for in vain."""
    clock.now_s = NOON_S + 12 * 3600 - 60.0
    chosen = streams(clock)
    chosen.begin([told("")])
    chosen.overflow()
    clock.now_s += 120.0

    chosen.begin([told("")])

    assert chosen.name == "2026/12/01/[$LATEST]overflow"


def test_copy_of_a_snapshot_tries_its_own_stream(clock: Clock) -> None:
    """The snapshot was refused, and not the copy."""
    chosen = streams(clock)
    chosen.begin([told("")])
    chosen.overflow()

    chosen.begin([told(COPYS, OTHER)])

    assert (chosen.name, chosen.is_overflow) == (COPYS, False)


def test_ten_thousand_environments_come_back_within_the_quota() -> None:
    """With room for others: they were refused in the same second, and deliver all the time."""
    clock = Clock()
    seconds: Counter[int] = Counter()
    for _ in range(10_000):
        chosen = Streams({}, wall_s=clock)
        chosen.begin([told("")])
        chosen.overflow()
        seconds[int(chosen._overflow_until_s - NOON_S)] += 1

    assert min(seconds) >= OVERFLOW_S
    assert max(seconds) <= 2 * OVERFLOW_S
    assert max(seconds.values()) < CREATE_LOG_STREAM_PER_S


# One delivery --------------------------------------------------------------------------------------------------------


MakeSink = Callable[..., CloudWatchSink]


@pytest.fixture
def sink(front: LimitsFront, clock: Clock) -> Iterator[MakeSink]:
    made: list[CloudWatchSink] = []

    def make(scheme: str = "", **more: str) -> CloudWatchSink:
        environ = {
            **KEYS,
            "AWS_ENDPOINT_URL": front.url,
            "AWS_LAMBDA_FUNCTION_NAME": "shop",
            **more,
        }
        made.append(CloudWatchSink(SinkConfig(f"{scheme}cloudwatch:", environ), wall_s=clock))
        return made[-1]

    yield make
    for one in made:
        one.close()


def asked(front: LimitsFront) -> list[tuple[str, str]]:
    """Return the requests' actions and streams."""
    return [(one.action, one.payload.get("logStreamName", "")) for one in front.requests]


def messages(request: Request) -> list[str]:
    return [one["message"] for one in request.payload["logEvents"]]


def records(request: Request) -> list[dict[str, Any]]:
    return [json.loads(message) for message in messages(request)]


def send(opened: CloudWatchSink, *chunks: Chunk) -> Receipt:
    return opened.send([*chunks], timeout_s=WAIT_S)


def test_new_stream_is_made_before_anything_is_written(
    front: LimitsFront, sink: MakeSink, tmp_path: Path, end_process: Callable[[], None]
) -> None:
    """To be told that it is missing would cost one of the account's PutLogEvents. After a crash the stream is there."""
    environ = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "TMPDIR": str(tmp_path)}
    first = sink(**environ)
    for name in "ab":
        send(first, lines(name))
    end_process()

    send(sink(**environ), lines("c"))

    assert asked(front) == [(CREATE, OWN), (PUT, OWN), (PUT, OWN), (PUT, OWN)]


def test_new_stream_that_is_refused_costs_no_request_to_write(
    front: LimitsFront, sink: MakeSink, tmp_path: Path
) -> None:
    """Ten thousand environments that crash within a second have no more than two each."""
    environ = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "TMPDIR": str(tmp_path)}
    front.behaviours.append(THROTTLED)

    receipt = send(sink(**environ), lines("a"))

    assert asked(front) == [(CREATE, OWN), (PUT, OVERFLOW)]
    assert (receipt.answer, receipt.refused_streams) == (Answer.TAKEN, 1)


REFUSED = [(PUT, OWN), (CREATE, OWN)]


@pytest.mark.parametrize(
    ("answers", "more"),
    [
        ([], [(PUT, OVERFLOW)]),
        ([MISSING], [(PUT, OVERFLOW), (CREATE, OVERFLOW), (PUT, OVERFLOW)]),
        ([MISSING, EXISTS], [(PUT, OVERFLOW), (CREATE, OVERFLOW), (PUT, OVERFLOW)]),
    ],
    ids=["there", "missing", "made meanwhile"],
)
def test_delivery_whose_stream_is_refused_goes_to_the_overflow_stream_at_once(
    front: LimitsFront,
    sink: MakeSink,
    answers: list[Behaviour],
    more: list[tuple[str, str]],
) -> None:
    """Behind a crash there is no second attempt to wait for, and no time for a second handshake."""
    front.behaviours.extend([MISSING, THROTTLED, *answers])

    receipt = send(sink(), lines("a", "b"))

    assert asked(front) == [*REFUSED, *more]
    assert (receipt.answer, receipt.refused_streams) == (Answer.TAKEN, 1)
    assert not receipt.is_throttled
    assert [one["record"] for one in records(front.requests[-1])] == ["a", "b"]
    assert {one.connection for one in front.requests} == {1}


def test_overflow_stream_has_records_and_metrics_as_they_were_written(
    front: LimitsFront, sink: MakeSink
) -> None:
    """Lines of many environments are mixed there, and none names its own. CloudWatch takes metrics from lines alone."""
    front.behaviours.extend([MISSING, THROTTLED])
    metrics = '{"_aws":{"CloudWatchMetrics":[]}}'
    summary = event("flightRecorder.invocation", {"outcome": "crash"})

    send(sink(), chunk([line("a"), line(metrics), summary]))

    first, second = (messages(one) for one in front.requests if one.action == PUT)
    assert first[:2] == ["a", metrics]
    assert json.loads(first[2])["logStream"] == OWN
    a_line, same, told_last = second
    written = json.loads(a_line)
    assert (written["record"], written["requestId"]) == ("a", FIRST)
    assert written["id"] == f"{ENVIRONMENT}-0"
    assert same == metrics
    assert json.loads(told_last)["logStream"] == OVERFLOW


@pytest.mark.parametrize(
    "answers", [[MISSING, DENIED], [MISSING, fail("Busy", 503)], [MISSING, MISSING, THROTTLED]]
)
def test_any_other_refusal_leads_to_no_other_stream(
    front: LimitsFront, sink: MakeSink, answers: list[Behaviour]
) -> None:
    """What is denied to one stream is denied to all, and without a group there is none."""
    front.behaviours.extend(answers)
    opened = sink()

    receipt = send(opened, lines("a"))

    assert receipt.answer is not Answer.TAKEN
    assert receipt.refused_streams == 0
    assert send(opened, lines("a")).answer is Answer.TAKEN
    assert {stream for _, stream in asked(front)} <= {OWN, ""}


def test_group_that_cannot_be_created_for_now_is_tried_again(
    front: LimitsFront, sink: MakeSink
) -> None:
    """An account has ten CreateLogGroup a second: that is no denial."""
    front.behaviours.extend([MISSING, MISSING, THROTTLED, MISSING, MISSING])
    opened = sink()

    receipts = [send(opened, lines("a")) for _ in range(2)]

    assert [one.answer for one in receipts] == [Answer.UNAVAILABLE, Answer.TAKEN]
    assert receipts[0].is_throttled
    group = [(PUT, OWN), (CREATE, OWN), ("CreateLogGroup", "")]
    assert asked(front) == [*group, *group, (CREATE, OWN), (PUT, OWN)]


def test_refused_overflow_stream_is_tried_again_and_the_own_is_not(
    front: LimitsFront, sink: MakeSink
) -> None:
    """By then another environment has made it. Each CreateLogStream of its own would take that from others."""
    front.behaviours.extend([MISSING, THROTTLED, MISSING, THROTTLED])
    front.behaviours.extend([MISSING, THROTTLED])
    opened = sink()

    receipts = [send(opened, lines("a")) for _ in range(3)]

    unavailable, taken = Answer.UNAVAILABLE, Answer.TAKEN
    assert [one.answer for one in receipts] == [unavailable, unavailable, taken]
    assert [one.is_throttled for one in receipts] == [True, True, False]
    assert [one.refused_streams for one in receipts] == [2, 1, 0]
    overflow = [(PUT, OVERFLOW), (CREATE, OVERFLOW)]
    assert asked(front) == [*REFUSED, *overflow, *overflow, (PUT, OVERFLOW)]


def test_environment_goes_back_to_a_stream_of_its_own(
    front: LimitsFront, sink: MakeSink, clock: Clock
) -> None:
    """At the first delivery behind its stay; refused again, it stays as long again."""
    front.behaviours.extend([MISSING, THROTTLED, OK, OK, MISSING, THROTTLED, OK, OK, MISSING])
    opened = sink()
    for _ in range(3):
        send(opened, lines("a"))
        send(opened, lines("a"))
        clock.now_s += 2 * OVERFLOW_S

    there = [*REFUSED, (PUT, OVERFLOW), (PUT, OVERFLOW)]
    assert asked(front) == [*there, *there, *REFUSED, (PUT, OWN), (PUT, OWN)]
    assert messages(front.requests[-1]) == ["a"]


# Two streams and one record ----------------------------------------------------------------------------------------


def mark(events: int, first: int, last: int) -> dict[str, object]:
    told = {"events": events, "first": f"{ENVIRONMENT}-{first}", "last": f"{ENVIRONMENT}-{last}"}
    return {"type": REPEAT_TYPE, "record": told}


def test_mark_stands_in_the_overflow_stream_before_what_may_be_in_the_own(
    front: LimitsFront, sink: MakeSink
) -> None:
    """The answer got lost, and then the stream: what was written is written again elsewhere."""
    front.behaviours.extend([hang_up, MISSING, THROTTLED])
    opened = sink()
    batch = lines("a", "b")

    receipts = [send(opened, one) for one in (batch, batch, lines("c", first_number=2))]

    assert [one.answer for one in receipts] == [Answer.UNAVAILABLE, Answer.TAKEN, Answer.TAKEN]
    assert receipts[0].uncertain
    assert asked(front) == [(PUT, OWN), *REFUSED, (PUT, OVERFLOW), (PUT, OVERFLOW)]
    repeated, new = (records(one) for one in front.requests[-2:])
    assert repeated[0] == mark(2, 0, 1)
    assert [one["record"] for one in repeated[1:]] == ["a", "b"]
    assert [one["record"] for one in new] == ["c"]


def test_mark_stands_in_the_own_stream_before_what_may_be_in_the_overflow(
    front: LimitsFront, sink: MakeSink, clock: Clock
) -> None:
    """The other way round, where the stay ends between two attempts."""
    front.behaviours.extend([MISSING, THROTTLED, hang_up])
    opened = sink()

    first = send(opened, lines("a", "b"))
    clock.now_s += 2 * OVERFLOW_S
    second = send(opened, lines("a", "b"))

    assert (first.answer, first.uncertain) == (Answer.UNAVAILABLE, True)
    assert first.refused_streams == 1
    assert second.answer is Answer.TAKEN
    assert asked(front)[-1] == (PUT, OWN)
    told_first, *rest = messages(front.requests[-1])
    assert json.loads(told_first) == mark(2, 0, 1)
    assert rest == ["a", "b"]


def test_mark_stands_in_the_stream_that_lambda_names(front: LimitsFront, sink: MakeSink) -> None:
    """The name may become known between two attempts, and the lines be in the stream of the process's own id."""
    front.behaviours.append(hang_up)
    opened = sink()
    batch = lines("a", "b")
    more = lines("c", first_number=2, metadata=STAMP._replace(instance_id=LAMBDAS))

    receipts = [send(opened, batch), send(opened, batch, more)]

    assert [one.answer for one in receipts] == [Answer.UNAVAILABLE, Answer.TAKEN]
    assert asked(front) == [(PUT, OWN), (PUT, LAMBDAS)]
    told_first, *rest = messages(front.requests[-1])
    assert json.loads(told_first) == mark(2, 0, 1)
    assert rest == ["a", "b", "c"]


def test_no_mark_stands_where_the_own_stream_was_missing(
    front: LimitsFront, sink: MakeSink
) -> None:
    """CloudWatch has said that nothing was written."""
    front.behaviours.extend([MISSING, THROTTLED, MISSING, THROTTLED])
    opened = sink()

    for _ in range(2):
        send(opened, lines("a"))

    assert [one["record"] for one in records(front.requests[-1])] == ["a"]


def test_only_what_the_own_stream_lacks_goes_to_the_overflow_stream(
    front: LimitsFront, sink: MakeSink
) -> None:
    """Somebody may delete the stream between two requests of a batch."""
    front.behaviours.extend([OK, MISSING, THROTTLED])
    texts = [str(number) for number in range(MAX_EVENTS + 2)]

    receipt = send(sink(), lines(*texts))

    assert asked(front) == [(PUT, OWN), *REFUSED, (PUT, OVERFLOW)]
    assert [one["record"] for one in records(front.requests[-1])] == texts[-2:]
    assert receipt.answer is Answer.TAKEN
    assert receipt.sent_bytes > MAX_EVENTS * 27


def test_line_whose_beginning_is_in_the_own_stream_is_whole_in_the_overflow(
    front: LimitsFront, sink: MakeSink
) -> None:
    """A line of more than a request's size: its first piece is there, so a mark says that all of it comes again."""
    front.behaviours.extend([OK, OK, MISSING, THROTTLED])
    large = "x" * 1_500_000

    receipt = send(sink(), lines("a", large))

    assert receipt.answer is Answer.TAKEN
    puts = [one for one in front.requests if one.payload.get("logStreamName") == OVERFLOW]
    whole = [message for one in puts for message in messages(one)]
    assert json.loads(whole[0]) == mark(2, 1, 1)
    assert json.loads("".join(whole[1:]))["record"] == large


def test_receipt_of_two_streams_names_what_either_has_taken(
    front: LimitsFront, sink: MakeSink
) -> None:
    """What was taken does not come again, whichever stream it is in."""
    info = {"rejectedLogEventsInfo": {"tooOldLogEventEndIndex": 1}}
    front.behaviours.extend([succeed(json.dumps(info).encode()), MISSING, THROTTLED, OK, DENIED])
    texts = [str(number) for number in range(3 * MAX_EVENTS)]

    receipt = send(sink(), lines(*texts))

    assert (receipt.answer, receipt.refused_streams) == (Answer.DENIED, 1)
    assert dict(receipt.refused) == {0: "too-old"}
    assert len(receipt.taken) > MAX_EVENTS
    assert receipt.taken == frozenset(range(1, len(receipt.taken) + 1))


# The service -------------------------------------------------------------------------------------------------------


class Fleet:
    """Environments of one function, before moto behind a quota of CreateLogStream."""

    def __init__(self, front: LimitsFront, count: int) -> None:
        function = unique("shop")
        self.group = f"/flight-recorder/{function}"
        environ = moto().environ(AWS_ENDPOINT_URL=front.url, AWS_LAMBDA_FUNCTION_NAME=function)
        config = SinkConfig("cloudwatch:", environ)
        self.sinks = [CloudWatchSink(config) for _ in range(count)]
        moto().call("Logs_20140328.CreateLogGroup", logGroupName=self.group)

    def crash(self, number: int) -> Receipt:
        """Deliver the line of a crash in one environment."""
        metadata = STAMP._replace(environment_id=f"{number:016x}")
        batch = chunk([line(f"crash {number}", time=at(now()))], metadata=metadata)
        return self.sinks[number].send([batch], timeout_s=WAIT_S)

    def found(self) -> dict[str, list[str]]:
        """Return the messages by stream."""
        names = moto().log_streams(self.group)
        return {
            name.rpartition("]")[2]: [one["message"] for one in moto().log_events(self.group, name)]
            for name in names
        }

    def close(self) -> None:
        for one in self.sinks:
            one.close()


@pytest.fixture
def fleet(cloud: LimitsFront) -> Iterator[Callable[[int], Fleet]]:
    made: list[Fleet] = []

    def make(count: int) -> Fleet:
        made.append(Fleet(cloud, count))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.services
def test_every_environment_delivers_whatever_the_quota(
    cloud: LimitsFront, fleet: Callable[[int], Fleet]
) -> None:
    """Two get streams of their own; one of the others, a second later, makes the one for all."""
    clock = Clock()
    throttling = Throttling({CREATE: TokenBucket(1.0, 2.0, monotonic_s=clock)})
    cloud.then = throttling
    opened = fleet(6)

    first = [opened.crash(number) for number in range(6)]
    clock.now_s += 1.0
    second = [opened.crash(number) for number in range(2, 6)]

    assert [one.answer for one in first] == [Answer.TAKEN] * 2 + [Answer.UNAVAILABLE] * 4
    assert [one.is_throttled for one in first] == [False] * 2 + [True] * 4
    assert {one.answer for one in second} == {Answer.TAKEN}
    refused = sum(one.refused_streams for one in (*first, *second))
    assert refused == throttling.refused[CREATE] == 8
    assert throttling.asked[CREATE] == 11
    found = opened.found()
    assert {name for name in found if name != "overflow"} == {f"{n:016x}" for n in range(2)}
    assert [json.loads(one)["record"] for one in found["overflow"]] == [
        f"crash {number}" for number in range(2, 6)
    ]


@pytest.mark.services
def test_crash_in_every_environment_at_once_is_delivered(
    cloud: LimitsFront, fleet: Callable[[int], Fleet]
) -> None:
    """Each asks for a stream of its own once, however often it is refused, and every line is there once."""
    count, attempts = 24, 100
    throttling = Throttling({CREATE: TokenBucket(5.0, 5.0)})
    cloud.then = throttling
    opened = fleet(count)
    receipts: dict[int, list[Receipt]] = {number: [] for number in range(count)}
    begin = threading.Barrier(count)

    def end(number: int) -> None:
        begin.wait()
        for _ in range(attempts):
            receipts[number].append(opened.crash(number))
            if receipts[number][-1].answer is Answer.TAKEN:
                return
            time.sleep(0.1)

    threads = [threading.Thread(target=end, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {one[-1].answer for one in receipts.values()} == {Answer.TAKEN}
    created = Counter(request.payload["logStreamName"] for request in cloud.of(CREATE))
    assert {times for name, times in created.items() if not name.endswith("overflow")} == {1}
    refused = sum(one.refused_streams for each in receipts.values() for one in each)
    assert refused == throttling.refused[CREATE] > 0
    found = opened.found()
    said = [
        json.loads(one)["record"] if name == "overflow" else one
        for name, written in found.items()
        for one in written
    ]
    assert sorted(said) == sorted(f"crash {number}" for number in range(count))


@pytest.mark.services
def test_query_by_request_finds_an_invocation_in_the_overflow_stream(
    cloud: LimitsFront, fleet: Callable[[int], Fleet]
) -> None:
    """A filter by the stream and the times alone would show other environments' lines."""
    cloud.then = Throttling({CREATE: TokenBucket(0.0, monotonic_s=Clock())})
    opened = fleet(2)
    moto().call(
        "Logs_20140328.CreateLogStream",
        logGroupName=opened.group,
        logStreamName=time.strftime("%Y/%m/%d/[$LATEST]overflow", time.gmtime()),
    )
    time_now = at(now())
    for number, text in enumerate(("mine", "another's")):
        metadata = STAMP._replace(environment_id=f"{number:016x}", request_id=f"request-{number}")
        summary = event("flightRecorder.invocation", {"outcome": "crash"}, time=time_now)
        batch = chunk([line(text, time=time_now), summary], metadata=metadata)
        opened.sinks[number].send([batch], timeout_s=WAIT_S)

    found = moto().call(
        "Logs_20140328.FilterLogEvents",
        logGroupName=opened.group,
        filterPattern='"request-0"',  # moto has no patterns by field.
    )

    shown = [json.loads(one["message"]) for one in found["events"]]
    assert [one["type"] for one in shown] == ["function", "flightRecorder.invocation"]
    assert shown[0]["record"] == "mine"
    assert shown[1]["logStream"].endswith("[$LATEST]overflow")


@pytest.mark.services
def test_answer_that_got_lost_is_marked_where_the_lines_come_again(
    cloud: LimitsFront, fleet: Callable[[int], Fleet]
) -> None:
    """The lines arrived in the environment's own stream, and it is deleted before they come again."""
    opened = fleet(1)
    opened.crash(0)
    cloud.behaviours.append(swallow)
    lost = opened.crash(0)
    (own,) = moto().log_streams(opened.group)
    moto().call("Logs_20140328.DeleteLogStream", logGroupName=opened.group, logStreamName=own)
    moto().call(
        "Logs_20140328.CreateLogStream",
        logGroupName=opened.group,
        logStreamName=own.replace("0" * 16, "overflow"),
    )
    cloud.then = Throttling({CREATE: TokenBucket(0.0, monotonic_s=Clock())})

    again = opened.crash(0)

    assert (lost.answer, lost.uncertain, again.answer) == (Answer.UNAVAILABLE, True, Answer.TAKEN)
    marked, repeated = (json.loads(one) for one in opened.found()["overflow"])
    assert marked["type"] == REPEAT_TYPE
    assert marked["record"]["events"] == 1
    assert repeated["record"] == "crash 0"
