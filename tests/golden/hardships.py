"""More stories: more than the bound holds, sinks that do not take it, and Lambda's less usual ways."""

from tests.golden.lines import EMF, TRACEBACK, json_line, node_text, python_text
from tests.golden.script import HALF, IN, Script, Step, id_of, trace_of


def evicted() -> list[Step]:
    """More than BUFFER_SIZE holds, of a healthy invocation and of failed ones."""
    script = Script()
    long = "x" * 4000
    script.invocation(1, *(f"{number} {long}\n" for number in range(30)), randomness=IN)
    script.invocation(
        2,
        *(f"{number} {long}\n" for number in range(12)),
        python_text("ERROR", "amid", 2),
        *(f"{number} {long}\n" for number in range(12, 30)),
    )
    script.invoke(3, IN)
    for batch in range(4):
        begin = () if batch else (script.start(3),)
        lines = (f"{batch}.{number} {'y' * 4000}\n" for number in range(8))
        script.post(*begin, *script.lines(*lines))
    script.post(script.done(3))
    return script.shut_down()


def too_much() -> list[Step]:
    """More failed and healthy invocations than BUFFER_SIZE holds, for a sink that takes none."""
    script = Script()
    for number in range(1, 9):
        lines = (f"{number}.{line} {'z' * 2000}\n" for line in range(4))
        error = python_text("ERROR", "boom", number) if number % 2 else EMF
        script.invocation(number, *lines, error, randomness=IN)
    return script.shut_down(left_ms=700)


def large_batches() -> list[Step]:
    """Batches of so many bytes that lines are searched all at once, of one kind and of several."""
    script = Script()
    pad = "w" * 3000
    texts = [python_text("INFO", f"{line} {pad}", 1) for line in range(6)]
    script.invocation(1, *texts, "plain\n", TRACEBACK, randomness=IN)
    objects = [json_line("INFO", f"{line} {pad}", 2) for line in range(6)]
    script.invocation(2, *objects, json_line("ERROR", "boom", 2), json_line("INFO", "behind", 2))
    script.invoke(3)
    script.post(script.start(3))
    script.post(*script.lines(*(json_line("DEBUG", f"{line} {pad}", 3) for line in range(6))))
    script.post(*script.lines(*(node_text("INFO", f"{line} {pad}", 3) for line in range(6))))
    script.post(
        *script.lines(*(f'{{"level":"warn","n":{line},"pad":"{pad}"}}' for line in range(6)))
    )
    script.post(*script.lines(*(f"{line} {pad}\n" for line in range(6)), EMF))
    script.post(script.done(3, "timeout"))
    return script.shut_down()


def failed() -> list[Step]:
    """One failed invocation."""
    script = Script()
    script.invoke(1)
    boom = python_text("ERROR", "boom", 1)
    script.post(script.start(1), *script.lines("failed\n", boom), script.done(1))
    return script.shut_down()


def refused(*, left_ms: int = 2000) -> list[Step]:
    """Failed and healthy invocations, for sinks that do not take them."""
    script = Script()
    script.invocation(1, "failed\n", python_text("ERROR", "boom", 1))
    script.invocation(2, "sampled\n", randomness=IN)
    return script.shut_down(left_ms=left_ms)


def too_late() -> list[Step]:
    """Errors that come when their invocations are over, without any report: of one let go of, and of one at hand."""
    script = Script()
    for number in range(1, 4):
        script.invoke(number)
        script.post(script.start(number), *script.lines("healthy\n", EMF), script.done(number))
    for number in (1, 3, 2):
        late = script.lines(python_text("ERROR", "late", number))
        script.post(*late, delivers=True, after_next=True)
    return script.shut_down()


def garbage() -> list[Step]:
    """Batches that are no batches, twice the same, out of order, of types and shapes that nobody knows."""
    script = Script()
    script.invoke(1)
    script.post_raw(b"")
    script.post_raw(b"[]")
    script.post_raw(b"no JSON at all")
    script.post_raw(b'{"an":"object"}')
    script.post_raw(b'[{"time":"2026-11-24T12:00:00.001Z","type":"function","record":"cut of')
    script.post(script.start(1), *script.lines("a line\n"))
    script.post(script.start(1), *script.lines("start came twice\n"))
    repeated = script.lines("posted twice, taken once\n")
    script.post(*repeated)
    script.post(*repeated)
    script.post_raw(b'[{"type":"function","record":"no time"},{"record":"no type"},7,null,"text"]')
    script.post_raw(b'[ {"record" : {"b":1, "a": 2.50} , "type":"function", "time":"not a time"} ]')
    script.post_raw(
        b'[{"time":"2026-11-24T12:00:00.001Z","type":"function","record":"bytes \xff\xfe\\ud800"}]'
    )
    script.post_raw(
        b'[{"time":"2026-11-24T12:00:00.001234Z","type":"function","record":"micro"}]\n'
    )
    script.post(script.event("extension", "another's line"), script.event("platform.new", {}))
    script.post(
        *script.lines('","type":"platform.start"', '},{"time":"', {"type": "platform.start"})
    )
    script.post(*script.lines(python_text("INFO", "names one that is not known", 77)))
    script.post(*script.lines(python_text("ERROR", "boom", 1)), script.done(1), delivers=True)
    early = script.lines("started before INVOKE\n")
    script.post(script.start(2), *early, script.done(2, "failure"), delivers=True)
    script.invoke(2)
    ends = script.report(2), script.done(9, "timeout"), script.event("platform.start", {})
    script.post(*ends, delivers=True)
    return script.shut_down()


def managed_instances() -> list[Step]:
    """Invocations side by side, told apart by the ids in their lines."""
    script = Script()
    script.post(
        *script.lines("before any\n"),
        script.start(
            1,
            tracing={
                "type": "X-Amzn-Trace-Id",
                "value": trace_of(1, HALF),
                "spanId": "00f067aa0ba902b7",
            },
        ),
        script.start(2, tracing={"type": "X-Amzn-Trace-Id", "value": trace_of(2)}),
        *script.lines(
            json_line("INFO", "one", 1),
            json_line("INFO", "two", 2),
            "nobody's\n",
            json_line("DEBUG", "one again", 1),
            json_line("ERROR", "two fails", 2),
            json_line("INFO", "before its start", 3),
            EMF,
            {"level": "ERROR", "message": "nobody's error"},
        ),
        script.done(1),
        script.report(1, status="success"),
        script.start(3),
        delivers=True,
    )
    script.post(
        *script.lines(json_line("INFO", "two, late", 2)),
        script.report(2, status="success"),
        script.report(3, status="error", errorType="Function.Unhandled"),
        *script.lines(json_line("INFO", "one, late", 1)),
        delivers=True,
    )
    script.post(script.start(4), *script.lines(json_line("INFO", "runs at the end", 4)))
    return script.shut_down()


def without_ends() -> list[Step]:
    """The Logs API's first schema: there is no runtimeDone."""
    script = Script()
    script.invoke(1).post(
        script.start(1),
        *script.lines("healthy\n"),
        script.event("platform.end", {"requestId": id_of(1)}),
        script.report(1),
    )
    script.invoke(2).post(
        script.start(2),
        *script.lines(TRACEBACK),
        script.event("platform.end", {"requestId": id_of(2)}),
        script.report(2),
        delivers=True,
    )
    return script.shut_down()


def first_of_all() -> list[Step]:
    """An environment with one invocation, and lines before it."""
    script = Script()
    script.post(*script.lines("written before the snapshot\n"))
    script.invocation(1, "sampled\n", randomness=IN)
    return script.shut_down()


def clone() -> list[Step]:
    """A version's publication, and an environment that is a copy of it: what init wrote leaves once."""
    script = Script()
    published = {"initializationType": "snap-start", "phase": "snap-start", "status": "success"}
    script.post(
        *script.lines("written before the snapshot\n"),
        script.event("platform.initRuntimeDone", published),
        script.event("platform.initReport", published | {"metrics": {"durationMs": 900.1}}),
        delivers=True,
    )
    script.post(*script.lines("on its way as the snapshot was taken\n"))
    for _ in range(10):
        # The sink's answer to what was published comes on its way meanwhile.
        script.post_raw(b"[]")
    restored = {"status": "success"}
    script.invoke(1, IN).post(
        script.event("platform.restoreStart", {"functionName": "shop", "functionVersion": "7"}),
        *script.lines("written at the restore\n"),
        script.event("platform.restoreRuntimeDone", restored),
        script.event("platform.restoreReport", restored | {"metrics": {"durationMs": 150.5}}),
        script.start(1),
        *script.lines("sampled\n"),
        script.done(1),
    )
    script.post(script.report(1), after_next=True)
    return script.shut_down()


def unrestored() -> list[Step]:
    """A copy of a snapshot that cannot be restored."""
    script = Script()
    script.post(*script.lines("written before the snapshot\n"))
    failed = {"status": "error", "errorType": "Runtime.ExitError"}
    script.post(
        script.event("platform.restoreStart", {"functionName": "shop", "functionVersion": "7"}),
        *script.lines("no connection to the database\n"),
        script.event("platform.restoreRuntimeDone", failed),
        script.event("platform.restoreReport", failed | {"metrics": {"durationMs": 150.5}}),
        delivers=True,
    )
    return script.shut_down()


def one_of_each() -> list[Step]:
    """A failed invocation, a sampled one, and one that is let go of."""
    script = Script()
    script.invocation(1, "failed\n", EMF + "\n", python_text("ERROR", "boom", 1))
    script.invocation(2, "let go of\n", EMF + "\n")
    script.invocation(3, "sampled\n", randomness=IN)
    return script.shut_down()
