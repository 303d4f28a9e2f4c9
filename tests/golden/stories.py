"""What functions write and Lambda tells: the scripts that the scenarios run, one a function."""

from tests.golden.lines import EMF, TRACEBACK, json_line, python_text, with_id
from tests.golden.script import HALF, IN, OUT, Script, Step, id_of

# One journey, to every sink ---------------------------------------------------------------------------------------------


def journey() -> list[Step]:
    """A function with text and JSON lines: failed, sampled by level, let go of but for metrics, failed again."""
    script = Script()
    script.post(*script.lines("loading the shop\n", json_line("INFO", "written during init", 0)))
    script.invocation(
        1,
        python_text("INFO", "order 17", 1),
        "two\nlines, one record\n",
        '{"level":"debug","correlation_id":"cart-17","n":1.50,"none":null}\n',
        '\u00fcmlaut \u20ac \u65e5\u672c \U0001f680 <&> \\ " \t \u2028 \x7f end',
        EMF + "\n",
        "",
        python_text("WARNING", "stock is low", 1),
        TRACEBACK,
    )
    script.invocation(
        2,
        python_text("INFO", "sampled, stands for two", 2),
        python_text("DEBUG", "not sampled at the rate of this level", 2),
        EMF + "\n",
        json_line("DEBUG", "nor is this", 2),
        json_line("WARN", "sampled, stands for five quarters", 2),
        "no level\n",
        randomness=HALF,
    )
    script.invocation(3, "let go of\n", EMF + "\n", json_line("INFO", "as well", 3))
    script.invocation(
        4,
        json_line("INFO", "names a span of its own", 4, span_id="00f067aa0ba902b7"),
        json_line("INFO", {"nested": [1, 2.0, {"deep": "\u20ac"}]}, 4, x=1),
        17,
        ["a", "list"],
        None,
        json_line("FATAL", "level of the worst", 4),
        "behind it\n",
        status="error",
        error_type="Runtime.ExitError",
        used_mb=128,
    )
    script.flush_report(delivers=True)
    script.invocation(5, "a whole sample\n", randomness=IN)
    return script.shut_down()


# Reasons: lines ---------------------------------------------------------------------------------------------------------


def lines_that_fail(cases: tuple[object, ...]) -> list[Step]:
    """Return an invocation for each of them."""
    script = Script()
    for number, line in enumerate(cases, 1):
        script.invocation(number, f"before {number}\n", with_id(line, number), "behind\n")
    return script.shut_down()


# Reasons: what Lambda tells ---------------------------------------------------------------------------------------------


def platform_failures() -> list[Step]:
    """Statuses, error types, faults, memory; and init that was done again, logs dropped, extensions failed."""
    script = Script()
    statuses = (
        ("timeout", ""),
        ("failure", ""),
        ("error", ""),
        ("error", "Runtime.ExitError"),
        ("error", "Runtime.OutOfMemory"),
        ("error", "Sandbox.Timedout"),
        ("error", "Function.Unknown"),
    )
    number = 0
    for number, (status, error_type) in enumerate(statuses, 1):
        script.invocation(number, f"{status} {error_type}\n", status=status, error_type=error_type)
    number += 1
    script.invocation(number, "memory is all used\n", status="failure", used_mb=128, reports=False)
    for text in (
        "Task timed out after 1.00 seconds",
        "RequestId: %s Error: Runtime.OutOfMemory",
        "RequestId: %s Process exited",
    ):
        number += 1
        fault = ("platform.fault", text.replace("%s", id_of(number)))
        script.invocation(number, "a fault\n", amid=fault)
    number += 1
    init = {"phase": "invoke", "status": "success"}
    script.invocation(number, "init was done again\n", amid=("platform.initRuntimeDone", init))
    number += 1
    init = {"phase": "invoke", "status": "error"}
    script.invocation(number, "and failed\n", amid=("platform.initReport", init))
    number += 1
    dropped = {"reason": "Consumer seems to have fallen behind", "droppedRecords": 12}
    script.invocation(number, "logs were dropped\n", amid=("platform.logsDropped", dropped))
    number += 1
    extension = {"name": "other", "state": "Registered", "errorType": "Extension.Throttled"}
    script.invocation(number, "an extension failed\n", amid=("platform.extension", extension))
    return script.shut_down()


def rules() -> list[Step]:
    """Cold start, marker, slow, memory, the floor, the draw."""
    script = Script()
    script.post(*script.lines("written during init\n"))
    script.invocation(1, "the first\n")
    script.invocation(2, "the floor has had one\n").pass_ms(1000)
    script.invocation(3, "neither\n")
    script.invocation(4, "KEEP-ME please\n", "more\n")
    script.invocation(5, json_line("INFO", {"note": "KEEP-ME"}, 5))
    script.invocation(6, "took long\n", took_ms=900)
    script.invocation(7, "much memory\n", used_mb=120)
    script.invocation(8, "sampled\n", randomness=IN)
    script.invocation(9, "not sampled\n", randomness=HALF).pass_ms(61_000)
    script.invocation(10, "the floor wants another\n")
    script.invocation(11, json_line("INFO", "sampled by its name", 11, order="o-3"))
    script.invocation(12, json_line("INFO", "not sampled by its name", 12, order="o-1"))
    script.invocation(13, json_line("INFO", "the name of the one above", 13, order="o-3"))
    return script.shut_down()


def levels() -> list[Step]:
    """Each level at a rate of its own, by one draw."""
    script = Script()
    for number, randomness in enumerate((OUT, "40000000000000", HALF, "c0000000000000", IN), 1):
        script.invocation(
            number,
            *(python_text(one, "text", number) for one in ("TRACE", "DEBUG", "INFO", "WARN")),
            *(json_line(one, "JSON", number) for one in ("trace", "debug", "info", "warn")),
            "without a level\n",
            randomness=randomness,
        )
    return script.shut_down()


def ends() -> list[Step]:
    """Ends that are never told, until two more have begun, and until SHUTDOWN; and a late error."""
    script = Script()
    script.invoke(1).post(script.start(1), *script.lines("its end never comes\n"))
    script.invoke(2).post(script.start(2), *script.lines("nor does this one's\n"))
    script.invoke(3).post(
        script.start(3), *script.lines("healthy so far\n"), script.done(3), delivers=True
    )
    script.invoke(4).post(
        script.report(3), script.start(4), *script.lines("four\n"), script.done(4), delivers=True
    )
    script.post(
        *script.lines(python_text("ERROR", "too late for what was let go of", 3)), delivers=True
    )
    script.invoke(5).post(script.start(5), *script.lines("five\n"), script.done(5))
    script.post(*script.lines(python_text("ERROR", "in time", 5)), delivers=True)
    script.invoke(6).post(script.start(6), *script.lines("still running\n"))
    return script.shut_down()


def shutdown_with(reason: str) -> list[Step]:
    """An invocation is running when the environment ends."""
    script = Script()
    script.invocation(1, "healthy\n")
    script.invoke(2, left_ms=0)
    script.post(script.report(1), script.start(2), *script.lines("running\n"))
    script.steps.extend(Script().shut_down(reason))
    return script.steps


def init_fails() -> list[Step]:
    """Init fails, is done again, and fails for good."""
    script = Script()
    script.post(
        script.event("platform.initStart", {"initializationType": "on-demand", "phase": "init"}),
        *script.lines("importing\n", TRACEBACK),
        script.event("platform.initRuntimeDone", {"phase": "init", "status": "error"}),
        script.event("platform.initReport", {"phase": "init", "status": "error"}),
        delivers=True,
    )
    script.post(*script.lines("importing again\n"))
    return script.shut_down("failure")


# What becomes of it -----------------------------------------------------------------------------------------------------


def flood() -> list[Step]:
    """Nearly all fail, and then it ends."""
    script = Script()
    for number in range(1, 6):
        error = python_text("ERROR", "boom", number)
        script.invocation(number, "one\n", "two\n", error, EMF + "\n", "three\n")
    script.pass_ms(61_000)
    script.invocation(6, "whole again\n", python_text("ERROR", "boom", 6))
    script.invocation(7, "healthy\n")
    return script.shut_down()


def history() -> list[Step]:
    """What was let go of before a failure."""
    script = Script()
    for number in range(1, 5):
        script.invocation(number, f"healthy {number}\n", EMF + "\n", "more\n")
    script.invocation(5, python_text("ERROR", "boom", 5))
    script.invocation(6, "healthy 6\n")
    script.invocation(7, "sampled\n", randomness=IN)
    script.invocation(8, "crashed\n", status="failure")
    return script.shut_down()


def masked() -> list[Step]:
    """Lines that are masked, and lines that nobody wants."""
    script = Script()
    script.invocation(
        1,
        "GET /health 200\n",
        "mail to jane.doe@example.com about customer-4711\n",
        "card 4111 1111 1111 1111, not 4111 1111 1111 1112\n",
        "Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789\n",
        'password="hunter2" pin=4711\n',
        json_line("INFO", {"password": "hunter2", "jane@example.com": "pin=12"}, 1),
        '{"level":"info","message":"pin=17 \\"GET /health\\""}\n',
        "AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
        python_text("ERROR", "customer-1 GET /health", 1),
        python_text("ERROR", "customer-2", 1),
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n",
    )
    return script.shut_down()


def uncorrelated() -> list[Step]:
    """Lines that name the transaction late, in fields of the function's own."""
    script = Script()
    script.invocation(
        1, "before its name\n", json_line("ERROR", "boom", 1), '{"order":"o-7"}\n', "behind\n"
    )
    script.invoke(2)
    script.post(script.start(2), *script.lines(json_line("ERROR", "waits for its name", 2)))
    script.post(*script.lines(json_line("INFO", "there it is", 2, cart=18)), script.done(2))
    script.invocation(3, '{"correlation_id":"is none of them"}\n', python_text("ERROR", "boom", 3))
    return script.shut_down()
