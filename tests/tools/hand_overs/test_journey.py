"""The batch's way as it is cut out of a trace."""

from tools.hand_overs.call_trace import Event
from tools.hand_overs.journey import Counts, Journey, window

MAIN, SINK = 1, 2
LISTENER = 4711


def events(*moments: tuple[int, str, str]) -> list[Event]:
    """Make a trace. Each moment is a thread, a kind, and ``module:function`` or the C function's name."""
    made = []
    for at_ns, (thread, kind, name) in enumerate(moments):
        module, _, function = name.rpartition(":")
        owner = function if kind.startswith("c_") else ""
        port = LISTENER if owner == "recv" else 0
        made.append(Event(at_ns, thread, kind, module or "m.py", owner, function, port))
    return made


def names(calls: list[Event]) -> list[str]:
    """Name functions in order."""
    return [call.function for call in calls]


def journey(*modules: str) -> Journey:
    """Make a journey of one call in each module."""
    return Journey(events(*((MAIN, "call", f"{module}:f") for module in modules)))


def test_window_puts_a_sinks_thread_behind_the_main_loops_turn() -> None:
    """Two threads run side by side, and a count that depends on their luck holds nothing."""
    trace = events(
        (MAIN, "call", "a.py:before"),
        (MAIN, "c_call", "recv"),
        (MAIN, "call", "a.py:queue"),
        (SINK, "c_return", "get"),
        (SINK, "call", "b.py:send"),
        (MAIN, "call", "a.py:idle"),
        (MAIN, "return", "a.py:idle"),
        (MAIN, "c_call", "poll"),
        (MAIN, "c_return", "poll"),
        (MAIN, "call", "a.py:settle"),
        (MAIN, "c_return", "read"),
        (MAIN, "return", "a.py:settle"),
        (MAIN, "call", "a.py:after"),
    )

    assert names(window(trace, main=MAIN, port=LISTENER)) == ["queue", "idle", "send", "settle"]


def test_window_closes_with_the_handler_even_if_a_helper_polls() -> None:
    """Where the loop polls is the extension's affair."""
    trace = events(
        (MAIN, "c_call", "recv"),
        (MAIN, "call", "a.py:poll_once"),
        (MAIN, "c_return", "poll"),
        (MAIN, "return", "a.py:poll_once"),
        (MAIN, "call", "a.py:attend"),
        (MAIN, "call", "a.py:collect"),
        (MAIN, "c_return", "read"),
        (MAIN, "return", "a.py:collect"),
        (MAIN, "call", "a.py:settle"),
        (MAIN, "return", "a.py:settle"),
        (MAIN, "return", "a.py:attend"),
        (MAIN, "call", "a.py:after"),
    )

    assert names(window(trace, main=MAIN, port=LISTENER))[-1] == "settle"


def test_window_without_a_receipt_holds_all_that_was_called() -> None:
    """A healthy invocation is dropped, and its way ends where the loop waits again."""
    trace = events(
        (MAIN, "c_call", "recv"),
        (MAIN, "call", "a.py:receive"),
        (MAIN, "return", "a.py:receive"),
        (MAIN, "call", "a.py:drop"),
        (MAIN, "return", "a.py:drop"),
    )

    assert names(window(trace, main=MAIN, port=LISTENER)) == ["receive", "drop"]


def test_journey_counts_changes_of_module_and_returns() -> None:
    """Calls within a module are no hand-over."""
    counts = journey("a.py", "b.py", "b.py", "a.py", "c.py").counts

    assert counts == Counts(calls=5, modules=3, classes=0, hand_overs=3, returns=1)


def test_journey_leaves_folders_of_values_out_of_the_stages() -> None:
    """Each stage reads the values, so they would count with every step."""
    stages = journey("parsing/a.py", "model/b.py", "parsing/c.py", "sinks/d.py").between_stages

    assert stages == {("parsing", "sinks"): 1}
