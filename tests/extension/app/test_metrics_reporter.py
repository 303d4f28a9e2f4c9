"""When a line of metrics is written, and in which form it is handed on."""

import json
from collections.abc import Callable, Mapping

from extension.app.metrics_reporter import MetricsReporter
from extension.delivery.own_metrics import OwnMetrics, text_of
from extension.diagnostics.account import Account
from extension.model.chunk import Chunk
from extension.model.record import records_in
from extension.sinks.cloudwatch_events import Form, log_events
from tests.doubles.extension.emf import parse
from tests.doubles.extension.environment import Environment

NOON_S = 1_800_000_000.25
BUFFER_BYTES = 1000
SCHEMES = {"SINK": "cloudwatch"}


class TakingMetrics(OwnMetrics):
    """Takes what it is given, or does not; without sinks."""

    def __init__(self) -> None:
        self.takes = True
        self.taken: list[Chunk] = []
        self.last: list[Chunk] = []
        self.schemes: Mapping[str, str] = {}
        self.on_answer: Callable[[float], None] | None = None

    def apply(self, schemes: Mapping[str, str]) -> None:
        self.schemes = schemes

    def report(self, line: Chunk) -> bool:
        if self.takes:
            self.taken.append(line)
        return self.takes

    def report_last(self, line: Chunk, until_s: float) -> bool:
        self.last.append(line)
        return True


class World:
    """Metrics whose clock is set by hand."""

    def __init__(self, *, interval_ms: int = 60_000) -> None:
        self.now_s = NOON_S
        self.held_bytes = 0
        self.settings_age_s: float | None = None
        self.account = Account()
        self.own_metrics = TakingMetrics()
        self.sampler = Environment().sampler
        self.reporting = MetricsReporter(
            account=self.account,
            sampler=self.sampler,
            own_metrics=self.own_metrics,
            held_bytes=lambda: self.held_bytes,
            settings_age_s=lambda: self.settings_age_s,
            function="checkout",
            version="7",
            wall_s=lambda: self.now_s,
        )
        self.apply(interval_ms=interval_ms)

    def apply(self, *, interval_ms: int = 60_000, fleet: str = "") -> None:
        self.reporting.apply(
            interval_ms=interval_ms, fleet=fleet, buffer_bytes=BUFFER_BYTES, schemes=SCHEMES
        )

    def pass_s(self, seconds: float) -> None:
        self.now_s += seconds
        self.reporting.check()

    def lines(self) -> list[dict[str, object]]:
        return [parse(text_of(chunk).decode()) for chunk in self.own_metrics.taken]


def test_reporter_writes_one_line_an_interval_if_anything_happened() -> None:
    """However often it is looked at."""
    world = World()
    world.account.invocations = 1
    for _ in range(130):
        world.pass_s(1.0)
    world.account.invocations = 2
    world.pass_s(50.0)

    assert [one["Invocations"] for one in world.lines()] == [1, 1]


def test_reporter_tells_with_the_next_line_what_could_not_be_handed_on() -> None:
    """It is tried whenever the loop wakes, and told once."""
    world = World()
    world.account.invocations = 1
    world.own_metrics.takes = False
    world.pass_s(60.0)
    world.account.invocations = 2
    world.own_metrics.takes = True
    world.pass_s(1.0)
    world.pass_s(1.0)

    assert [one["Invocations"] for one in world.lines()] == [2]


def test_the_most_that_was_held_is_told() -> None:
    """As a share of BUFFER_SIZE, whenever it was."""
    world = World()
    world.account.invocations = 1
    for held_bytes in (100, 730, 20):
        world.held_bytes = held_bytes
        world.pass_s(20.0)

    assert [one["BufferUsed"] for one in world.lines()] == [73.0]


def test_reporter_notes_how_long_a_sink_took() -> None:
    """The delivery tells of them."""
    world = World()
    world.account.invocations = 1
    assert world.own_metrics.on_answer is not None
    world.own_metrics.on_answer(17.0)
    world.pass_s(60.0)

    assert world.lines()[0]["DeliveryTime"] == [17.0]


def test_settings_tell_their_age_where_they_are_references() -> None:
    """As old as they are when the line is drawn up, the last one too."""
    world = World()
    world.account.invocations = 1
    world.pass_s(60.0)
    world.account.invocations = 2
    world.settings_age_s = 312.5
    world.pass_s(60.0)
    world.account.invocations = 3
    world.settings_age_s = 400.0
    world.reporting.finish(0.0)

    [last] = world.own_metrics.last
    assert [one.get("SettingsAge") for one in world.lines()] == [None, 312.5]
    assert parse(text_of(last).decode())["SettingsAge"] == 400.0


def test_fleet_may_get_another_name() -> None:
    """METRICS_FLEET may be a reference; the sums go on."""
    world = World()
    for count, fleet in enumerate(("", "shop", "all"), start=1):
        world.apply(fleet=fleet)
        world.account.invocations = count
        world.pass_s(60.0)

    told = [(one.get("Fleet"), one["FunctionName"], one["Invocations"]) for one in world.lines()]
    assert told == [(None, "checkout", 1), ("shop", "checkout", 1), ("all", "checkout", 1)]


def test_metrics_can_be_switched_off_and_on() -> None:
    """METRICS may be a reference: nothing is written meanwhile, and nothing is missing from the sums."""
    world = World()
    world.account.invocations = 1
    world.apply(interval_ms=0)
    world.pass_s(600.0)
    world.reporting.finish(0.0)
    while_off = [*world.own_metrics.taken, *world.own_metrics.last]
    hook = world.own_metrics.on_answer
    world.apply(interval_ms=10_000)
    world.pass_s(0.0)

    assert while_off == []
    assert hook is None
    assert [one["Invocations"] for one in world.lines()] == [1]


def test_the_last_line_tells_what_no_other_did() -> None:
    """At SHUTDOWN, if there is anything."""
    world = World()
    world.account.invocations = 3
    world.pass_s(60.0)
    world.reporting.finish(0.0)
    nothing = list(world.own_metrics.last)
    world.account.failed_invocations = 1
    world.reporting.finish(0.0)

    assert nothing == []
    [chunk] = world.own_metrics.last
    assert parse(text_of(chunk).decode())["FailedInvocations"] == 1


def test_a_line_is_nothing_but_the_metrics_wherever_it_goes() -> None:
    """As a line of NDJSON and as a log event: one bare object, of the time it was drawn up."""
    world = World()
    world.account.invocations = 1
    world.pass_s(60.0)
    [chunk] = world.own_metrics.taken

    events = [log_events(records_in([chunk]), form=form, now_ms=0) for form in Form]
    [event] = events[0]
    printed = text_of(chunk).decode()

    assert printed == event.message + "\n"
    assert events == [[event]] * len(Form)
    assert event.at_ms == int((NOON_S + 60) * 1000)
    assert parse(event.message)["_aws"]["Timestamp"] == event.at_ms
    assert chunk.lines == 0
    assert json.loads(printed)["FunctionName"] == "checkout"


def test_records_of_metrics_have_numbers_of_their_own() -> None:
    """A sink says by the number what became of a record, so no two have the same."""
    world = World()
    numbers = [world.sampler.metadata.number()]
    for count in (1, 2):
        world.account.invocations = count
        world.pass_s(60.0)
    numbers += [chunk.segments[0].first_number for chunk in world.own_metrics.taken]

    assert len(set(numbers)) == 3


def test_records_of_metrics_name_their_environment() -> None:
    """They may be the first that a sink gets, which names its log stream by that."""
    world = World()
    world.sampler.metadata.instance_id = "2026/11/30/[7]0123"
    world.account.invocations = 1

    world.pass_s(60.0)

    (chunk,) = world.own_metrics.taken
    assert chunk.metadata.environment_id == "e"
    assert chunk.metadata.instance_id == "2026/11/30/[7]0123"
