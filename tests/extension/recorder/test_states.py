"""The life of an invocation: every state, every event, and the picture of both."""

import itertools
from collections import deque
from typing import Any

import pytest

from extension.recorder.invocation import Invocation
from extension.recorder.release import Release
from extension.recorder.states import HELD, MANAGED, ORDINARY, Event, State
from extension.recorder.tail_sampler import Lingering, TailSampler
from tests.doubles.extension.environment import Environment
from tests.doubles.extension.queues import chunks_in
from tests.doubles.lambda_events import FIRST, done, event, line, python_line, report, start
from tests.extension.recorder.state_diagram import PAGE, on_page, pictures

HALF_IN = "Root=1-5f35ae12-0c0fec141a80000000000001;Sampled=1"
ERROR = line(python_line("wrong", level="ERROR"))
BY_LEVEL: dict[str, Any] = {"sample_rate": 0.01, "sample_rate_warn": 0.5}
WARNED = [line({"level": "WARN"}), line({"level": "DEBUG"})]
SILENT_REPORT = event("platform.report", {"requestId": FIRST, "status": "success"})

# The events that lead to each state on ordinary functions, with the settings that it takes.
ORDINARY_WAYS: dict[State, tuple[dict[str, Any], list[dict[str, object]]]] = {
    State.RUNNING: ({}, []),
    State.KEPT: ({}, [ERROR]),
    State.UNDECIDED: ({"keep_memory_above": 0.9}, [done()]),
    State.AT_HAND: ({}, [done()]),
    State.PARTLY_KEPT: (BY_LEVEL, [*WARNED, done()]),
    State.UNEXPLAINED: ({}, [done(status="error")]),
    State.HISTORY: ({"history": 1}, [done(), report()]),
    State.PARTLY_HISTORY: ({**BY_LEVEL, "history": 1}, [*WARNED, done(), report()]),
    State.DELIVERED: ({}, [ERROR, done()]),
    State.DROPPED: ({}, [done(), report()]),
}

# On Managed Instances the report is the end, and makes nothing expire.
MANAGED_WAYS: dict[State, tuple[dict[str, Any], list[dict[str, object]]]] = {
    **ORDINARY_WAYS,
    State.UNDECIDED: ({"keep_memory_above": 0.9}, [done()]),
    State.AT_HAND: ({}, [report()]),
    State.DELIVERED: ({}, [line({"level": "ERROR", "requestId": FIRST}), report()]),
    State.KEPT: ({}, [line({"level": "ERROR", "requestId": FIRST})]),
    State.PARTLY_KEPT: (
        BY_LEVEL,
        [*(line({"level": one, "requestId": FIRST}) for one in ("WARN", "DEBUG")), report()],
    ),
}
del MANAGED_WAYS[State.UNEXPLAINED]

TRANSIENT = (State.DECIDING, State.EXPIRING)


def reach(state: State, *, managed: bool) -> tuple[Environment, Invocation]:
    """Bring an invocation with a line to a state, by events alone; to one that lasts for an action, by hand."""
    ways = MANAGED_WAYS if managed else ORDINARY_WAYS
    settings, events = ways.get(state, ({}, []))
    env = Environment(managed_instances=managed, archive=True, correlation_fields=(), **settings)
    env.recorder.invoked(FIRST, trace_header=HALF_IN)
    text = line({"level": "INFO", "requestId": FIRST}) if managed else line("a")
    env.receive(start(), text)
    invocation = env.recorder.expected(FIRST)
    assert invocation is not None
    env.receive(*events)
    if managed and state in (State.HISTORY, State.PARTLY_HISTORY, State.DROPPED):
        life = env.sampler
        while life.lingering.expire_oldest() is not None:
            pass
    if state in TRANSIENT:
        invocation.state = state
    return env, invocation


def fields_of(one: object) -> dict[str, object]:
    slots = itertools.chain.from_iterable(
        getattr(kind, "__slots__", ()) for kind in type(one).__mro__
    )
    names = (*slots, *getattr(one, "__dict__", ()))
    return {name: repr(getattr(one, name)) for name in names}


def all_that_may_change(env: Environment, invocation: Invocation) -> list[object]:
    """Everything that an event may change, in a form that can be compared."""
    life = env.sampler
    recording = invocation.recording
    return [
        fields_of(invocation),
        [segment.raw for segment in recording.segments],
        (recording.held_bytes, recording.lines),
        fields_of(env.account),
        [[id(chunk) for chunk in chunks_in(queue)] for queue in env.queues if queue],
        [queue.held_bytes for queue in env.queues if queue],
        env.sampler.metadata.next_number,
        [*map(id, life.running)],
        [*map(id, life.lingering.held.values())],
        [*map(id, life.lingering.history)],
        life._unexplained,
    ]


PAIRS = [
    pytest.param(state, event, managed, id=f"{state.name}-{event.name}-{name}")
    for managed, name, table in ((False, "ordinary", ORDINARY), (True, "managed", MANAGED))
    for state in table
    for event in Event
]


@pytest.mark.parametrize(("state", "event", "managed"), PAIRS)
def test_event_does_what_the_table_says_and_an_illegal_one_only_counts(
    state: State, event: Event, managed: bool
) -> None:
    """Two streams overtake each other, and a batch may be garbage: no order of events may break the account."""
    env, invocation = reach(state, managed=managed)
    table = MANAGED if managed else ORDINARY
    assert invocation.state is state
    before = all_that_may_change(env, invocation)

    env.sampler.step(invocation, event)

    if event in table[state]:
        after, action = table[state][event]
        assert env.sampler.illegal_events == 0
        assert invocation.state in (reachable(after, managed=managed) if action else {after})
    else:
        assert env.sampler.illegal_events == 1
        assert all_that_may_change(env, invocation) == before


def reachable(first: State, *, managed: bool) -> set[State]:
    """Return a state, and those that its action may lead to by decisions and expiry."""
    raised = {Event.KEEP, Event.KEEP_BY_LEVEL, Event.DROP, Event.WAIT, Event.CRASH}
    raised |= {Event.EXPIRE, Event.FORGET}
    table = MANAGED if managed else ORDINARY
    found, waiting = {first}, deque([first])
    while waiting:
        row = table[waiting.popleft()]
        for one, (after, _) in row.items():
            if one in raised and after not in found:
                found.add(after)
                waiting.append(after)
    return found


@pytest.mark.parametrize("table", [ORDINARY, MANAGED], ids=["ordinary", "managed"])
def test_every_state_is_reached_and_every_action_is_a_method(
    table: dict[State, dict[Event, tuple[State, str]]],
) -> None:
    """A row that nothing leads to, or that names nothing, would be a lie."""
    steps = [step for row in table.values() for step in row.values()]

    assert {after for after, _ in steps} | {State.RUNNING} == set(table)
    names = {name for _, actions in steps for name in actions.split()}
    assert all(
        hasattr(TailSampler, f"_{name}") or hasattr(Lingering, name) or hasattr(Release, name)
        for name in names
    )


def test_an_invocation_that_waits_can_expire() -> None:
    """Otherwise its lines would be held for ever."""
    for table in (ORDINARY, MANAGED):
        assert {state for state, row in table.items() if Event.EXPIRE in row} == HELD


def test_a_second_end_is_counted_as_illegal() -> None:
    """Lambda sends one; a second one must not decide again."""
    env = Environment().invoke().receive(start(), line("a"), done()).receive(done(mark=2))

    assert env.sampler.illegal_events == 1
    assert env.accounted_for


def test_documentation_shows_the_table() -> None:
    """A picture that is drawn by hand is wrong after the first change."""
    assert on_page(PAGE.read_text()) == pictures() + "\n"
