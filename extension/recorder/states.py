"""The life of an invocation, as a table.

Rule 1: the state of an invocation is ``Invocation.state`` and nothing else. No flag and no container knows more.

Rule 2: this file holds every way from one state to another, and does nothing itself. A row names the next state and
its actions, in order. Each is a method of :class:`extension.recorder.tail_sampler.TailSampler`, of ``Lingering`` there, or of
:class:`extension.recorder.release.Release`.

Theory of operation
===================

Lambda tells the life of an invocation in two streams that overtake each other. Telemetry brings its lines, its end
(``runtimeDone``) and its report; the Extensions API brings INVOKE. Only the report is certain to be the last word, and
it comes with the next invocation or at SHUTDOWN. So a recording is held as long as it may still be wanted:

1. RUNNING. Lines are held. Nothing healthy is decided, because the invocation may still fail.

2. KEPT. A failure, a policy or a rate of 1 has decided while the function runs. Lines are delivered as they arrive.

3. DECIDING. The invocation is over and the policies are asked. This state lasts for one action, which raises one of
   the decisions below: KEEP, KEEP_BY_LEVEL, DROP, WAIT or CRASH.

4. UNDECIDED. A policy waits for the report, or the draw waits for the trace id, which only INVOKE has. Neither is far.

5. AT_HAND. The draw is against the invocation. Its lines stay for a while: a late error still saves them.

6. PARTLY_KEPT. Some levels are sampled in and delivered. The lines of the others are at hand.

7. UNEXPLAINED. The process was killed. All lines are delivered, but the summary waits for the fault or the report,
   which tell what killed it.

8. HISTORY and PARTLY_HISTORY. The invocation has been at hand for long enough. Its dropped lines are delivered if one
   of the next invocations fails; where the setting HISTORY is 0, FORGET follows at once. An invocation that is
   delivered after all keeps its place there until newer ones take it, so FORGET may come to a delivered one.

9. DELIVERED and DROPPED. All is done, and late lines get the same treatment. A late failure still brings a dropped
   invocation back, with a summary that counts the lines that are gone.

INVOKE changes a state only where something waits for it. In all others the invocation keeps what it said, because its
stream does not wait for the other one.

EXPIRING is for an undecided invocation what DECIDING is for a running one: it makes way, so it must be decided now.

An event that a state has no row for is illegal there: it changes nothing and is counted. A row without an action says
that the event is expected and means nothing in that state.

Events come from three places: from Lambda (LINES to INIT_END), from bounds on what is held (EXPIRE, FORGET, EXPLAIN),
and from actions (the decisions). An action may raise the next event before it returns.

On Managed Instances the same table holds but for three things. INVOKE never comes, so nothing waits for a trace id.
Nothing is UNEXPLAINED: many invocations share the process. And lines may follow the report, so an invocation stays at hand
until newer ones take its place.

The environment's init is an invocation without a request id. It is RUNNING or KEPT until INIT_END, and then DELIVERED.
"""

from enum import Enum


class State(str, Enum):
    """Name the states of an invocation."""

    RUNNING = "running"
    KEPT = "kept"
    DECIDING = "deciding"
    UNDECIDED = "undecided"
    AT_HAND = "at hand"
    PARTLY_KEPT = "partly kept"
    UNEXPLAINED = "unexplained"
    EXPIRING = "expiring"
    HISTORY = "history"
    PARTLY_HISTORY = "partly history"
    DELIVERED = "delivered"
    DROPPED = "dropped"


class Event(str, Enum):
    """Name the events in the life of an invocation."""

    LINES = "lines"
    """A segment has been added to its recording."""
    SIGN = "sign"
    """A sign has been seen that a policy may speak of."""
    FAILURE = "failure"
    INVOKE = "INVOKE"
    END = "end"
    REPORT = "report"
    """Its report has come. The recorder raises END before it, where no other event told the end."""
    INIT_END = "init end"
    """Of the environment's init alone."""
    EXPIRE = "expire"
    """It has been at hand long enough: newer invocations, the memory bound or SHUTDOWN take its place."""
    FORGET = "forget"
    """The same for its place in the history."""
    EXPLAIN = "explain"
    """Nothing more will be told about its crash."""
    KEEP = "keep"
    KEEP_BY_LEVEL = "keep by level"
    DROP = "drop"
    WAIT = "wait"
    CRASH = "crash"


Row = dict[Event, tuple[State, str]]
Table = dict[State, Row]

_S, _E = State, Event

ORDINARY: Table = {
    _S.RUNNING: {
        _E.LINES: (_S.RUNNING, ""),
        _E.SIGN: (_S.RUNNING, "evaluate"),
        _E.KEEP: (_S.KEPT, "keep"),
        _E.FAILURE: (_S.KEPT, "fail_early"),
        _E.INVOKE: (_S.RUNNING, ""),
        _E.END: (_S.DECIDING, "leave_running decide"),
        _E.INIT_END: (_S.DELIVERED, "close_init release_metrics discard"),
    },
    _S.KEPT: {
        _E.LINES: (_S.KEPT, "release"),
        _E.SIGN: (_S.KEPT, ""),
        _E.FAILURE: (_S.KEPT, "fail_early"),
        _E.INVOKE: (_S.KEPT, ""),
        _E.END: (_S.DECIDING, "leave_running decide"),
        _E.INIT_END: (_S.DELIVERED, "close_init release_metrics discard"),
    },
    _S.DECIDING: {
        _E.KEEP: (_S.DELIVERED, "deliver"),
        _E.KEEP_BY_LEVEL: (_S.PARTLY_KEPT, "deliver hold"),
        _E.DROP: (_S.AT_HAND, "release_metrics hold"),
        _E.WAIT: (_S.UNDECIDED, "hold"),
        _E.CRASH: (_S.UNEXPLAINED, "release"),
    },
    _S.UNDECIDED: {
        _E.LINES: (_S.UNDECIDED, ""),
        _E.SIGN: (_S.UNDECIDED, "evaluate"),
        _E.KEEP: (_S.DELIVERED, "deliver"),
        _E.KEEP_BY_LEVEL: (_S.PARTLY_KEPT, "deliver hold"),
        _E.FAILURE: (_S.DELIVERED, "accept_failure deliver"),
        _E.INVOKE: (_S.DECIDING, "leave_running decide"),
        _E.REPORT: (_S.UNDECIDED, "close"),
        _E.EXPIRE: (_S.EXPIRING, "decide_finally"),
    },
    _S.AT_HAND: {
        _E.LINES: (_S.AT_HAND, ""),
        _E.SIGN: (_S.AT_HAND, "evaluate"),
        _E.KEEP: (_S.DELIVERED, "deliver"),
        _E.KEEP_BY_LEVEL: (_S.PARTLY_KEPT, "deliver hold"),
        _E.FAILURE: (_S.DELIVERED, "accept_failure deliver"),
        _E.INVOKE: (_S.AT_HAND, ""),
        _E.REPORT: (_S.AT_HAND, "close"),
        _E.EXPIRE: (_S.HISTORY, "release_metrics remember archive_summary"),
    },
    _S.PARTLY_KEPT: {
        _E.LINES: (_S.PARTLY_KEPT, "release"),
        _E.SIGN: (_S.PARTLY_KEPT, ""),
        _E.FAILURE: (_S.DELIVERED, "fail_early"),
        _E.INVOKE: (_S.PARTLY_KEPT, ""),
        _E.REPORT: (_S.PARTLY_HISTORY, "release release_metrics remember"),
        _E.EXPIRE: (_S.PARTLY_HISTORY, "release release_metrics remember"),
        _E.FORGET: (_S.PARTLY_KEPT, "release_metrics discard"),
    },
    _S.UNEXPLAINED: {
        _E.LINES: (_S.UNEXPLAINED, "release"),
        _E.SIGN: (_S.UNEXPLAINED, ""),
        _E.FAILURE: (_S.UNEXPLAINED, ""),
        _E.INVOKE: (_S.UNEXPLAINED, ""),
        _E.REPORT: (_S.DELIVERED, "explain"),
        _E.EXPLAIN: (_S.DELIVERED, "explain"),
    },
    _S.EXPIRING: {
        _E.KEEP: (_S.DELIVERED, "deliver"),
        _E.KEEP_BY_LEVEL: (_S.PARTLY_HISTORY, "deliver release release_metrics remember"),
        _E.DROP: (_S.HISTORY, "release_metrics remember archive_summary"),
    },
    _S.HISTORY: {
        _E.LINES: (_S.HISTORY, "release_metrics"),
        _E.SIGN: (_S.HISTORY, "evaluate"),
        _E.KEEP: (_S.DELIVERED, "deliver"),
        _E.KEEP_BY_LEVEL: (_S.PARTLY_KEPT, "deliver hold"),
        _E.FAILURE: (_S.DELIVERED, "accept_failure deliver"),
        _E.INVOKE: (_S.HISTORY, ""),
        _E.REPORT: (_S.HISTORY, "close"),
        _E.FORGET: (_S.DROPPED, "discard"),
    },
    _S.PARTLY_HISTORY: {
        _E.LINES: (_S.PARTLY_HISTORY, "release release_metrics"),
        _E.SIGN: (_S.PARTLY_HISTORY, ""),
        _E.FAILURE: (_S.DELIVERED, "fail_early"),
        _E.INVOKE: (_S.PARTLY_HISTORY, ""),
        _E.REPORT: (_S.PARTLY_HISTORY, ""),
        _E.FORGET: (_S.DELIVERED, "discard"),
    },
    _S.DELIVERED: {
        _E.LINES: (_S.DELIVERED, "release release_metrics discard"),
        _E.SIGN: (_S.DELIVERED, ""),
        _E.FAILURE: (_S.DELIVERED, "fail_early"),
        _E.INVOKE: (_S.DELIVERED, ""),
        _E.REPORT: (_S.DELIVERED, ""),
        _E.FORGET: (_S.DELIVERED, "discard"),
    },
    _S.DROPPED: {
        _E.LINES: (_S.DROPPED, "release_metrics discard"),
        _E.SIGN: (_S.DROPPED, "evaluate"),
        _E.KEEP: (_S.DELIVERED, "deliver"),
        _E.KEEP_BY_LEVEL: (_S.PARTLY_KEPT, "deliver hold"),
        _E.FAILURE: (_S.DELIVERED, "accept_failure deliver"),
        _E.INVOKE: (_S.DROPPED, ""),
        _E.REPORT: (_S.DROPPED, "close"),
    },
}
"""For ordinary functions: invocations follow each other, and the report ends all waiting."""

_MANAGED_ROWS: Table = {
    _S.RUNNING: {_E.END: (_S.DECIDING, "leave_running settle")},
    _S.KEPT: {_E.END: (_S.DECIDING, "leave_running settle")},
    _S.UNDECIDED: {
        _E.INVOKE: (_S.DECIDING, "leave_running settle"),
        _E.REPORT: (_S.DECIDING, "decide_finally"),
    },
    _S.AT_HAND: {_E.REPORT: (_S.AT_HAND, "evaluate")},
    _S.PARTLY_KEPT: {_E.REPORT: (_S.PARTLY_KEPT, "")},
    _S.HISTORY: {_E.REPORT: (_S.HISTORY, "evaluate")},
    _S.DROPPED: {_E.REPORT: (_S.DROPPED, "evaluate")},
}

MANAGED: Table = {
    state: {
        event: step
        for event, step in (row | _MANAGED_ROWS.get(state, {})).items()
        if event is not Event.CRASH
    }
    for state, row in ORDINARY.items()
    if state is not State.UNEXPLAINED
}
"""For Managed Instances: invocations run side by side, and lines may follow the report."""

HELD = frozenset({State.UNDECIDED, State.AT_HAND, State.PARTLY_KEPT})
"""States of ended invocations that expire, in the order in which they ended."""

OVER = frozenset({State.DELIVERED, State.DROPPED})
"""States of invocations of which nothing is held: only late lines can come."""
