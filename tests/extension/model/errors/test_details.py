"""What an error line tells."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from extension.model.errors.details import ErrorDetails, details_of

CAPTURED = [
    json.loads(line)
    for line in Path(__file__).with_name("captured.ndjson").read_text(encoding="utf-8").splitlines()
]
"""Error lines that each program wrote in the version it names, as Lambda delivers them with the log format named, and what
a person reads in them: the error's type and message, and its innermost frames."""

FRAMES = "\tat shop.Handler.handleRequest(Handler.java:12)\n\tat java.base/java.lang.reflect.Method.invoke(Unknown Source)\n"
CAUSED = (
    f"java.sql.SQLException: no route: shop.Refused\nshop.Refused: java.sql.SQLException: no route\n{FRAMES}"
    "Caused by: java.sql.SQLException: no route\n\tat shop.Db.open(Db.java:3)\n"
)
QUARKUS = (
    "2026-11-28 19:38:06,123 ERROR [io.qua.ama.lam.run.AbstractLambdaPollLoop] (Lambda Thread (NORMAL))"
    " Failed to run lambda (NORMAL): java.lang.RuntimeException: boom\n"
)
DOTNET = (
    "2026-11-28T19:38:06.123Z\tid\tfail\tSystem.ApplicationException: boom\n"
    "   at Shop.Function.Handler(Stream s) in /src/Function.cs:line 12\n   at lambda_method1(Closure, Stream)\n"
)
DOTNET_OBJECT = {
    "level": "Error",
    "message": "boom",
    "errorType": "System.ApplicationException",
    "errorMessage": "boom",
    "stackTrace": ["at Shop.Function.Handler(Stream s)"],
}
RUBY = (
    "E, [2026-11-28T19:47:11.257961 #17736] ERROR id -- : bad (ArgumentError)\n"
    "/var/task/fn.rb:14:in `handler'\n/var/task/boot.rb:4:in `<main>'"
)
UUID = "3da1f2dc-3222-475e-9205-e2e6c6318895"
HANDLER = "shop.Handler.handleRequest(Handler.java)"


@pytest.mark.parametrize(
    "captured",
    CAPTURED,
    ids=[f"{one['program']}, {one['config']}, {one['log_format']}" for one in CAPTURED],
)
def test_details_read_what_runtimes_and_loggers_write(captured: dict[str, Any]) -> None:
    """Unhandled errors of every runtime that could be run, and loggers with an exception or without."""
    found = details_of(captured["record"])

    assert (found.type, found.message) == (captured["type"], captured["message"])
    assert list(found.frames[:2]) == captured["frames"]


@pytest.mark.parametrize(
    ("record", "kind", "message", "frame"),
    [
        (
            f"boom: java.lang.IllegalStateException\njava.lang.IllegalStateException: boom\n{FRAMES}",
            *("java.lang.IllegalStateException", "boom", HANDLER),
        ),
        (
            f"null: java.lang.IllegalStateException\njava.lang.IllegalStateException\n{FRAMES}",
            *("java.lang.IllegalStateException", "", HANDLER),
        ),
        (
            "not found: shop.NotFoundException\nshop.NotFoundException: not found\n\n",
            *("shop.NotFoundException", "not found", ""),
        ),
        (
            f"order 17: shop.OrderException\nOrderException{{order=17}}\n{FRAMES}",
            *("shop.OrderException", "order 17", HANDLER),
        ),
        (
            f"bad order:\n - no total: shop.OrderException\nshop.OrderException: bad order:\n - no total\n{FRAMES}",
            *("shop.OrderException", "bad order:\n - no total", HANDLER),
        ),
        (
            CAUSED,
            *("shop.Refused", "java.sql.SQLException: no route", HANDLER),
        ),
        (
            {"level": "ERROR", "AWSRequestId": "id", "message": f"b: a.C\na.C: b\n{FRAMES}"},
            *("a.C", "b", HANDLER),
        ),
        (
            QUARKUS,
            *("java.lang.RuntimeException", "Failed to run lambda (NORMAL): ", ""),
        ),
        (
            DOTNET,
            *(
                "System.ApplicationException",
                "boom",
                "Shop.Function.Handler(Stream s) in /src/Function.cs",
            ),
        ),
        (
            DOTNET_OBJECT,
            *("System.ApplicationException", "boom", "Shop.Function.Handler(Stream s)"),
        ),
        (
            RUBY,
            *("ArgumentError", "bad", "handler /var/task/fn.rb"),
        ),
        (
            "2026-11-28T19:38:06.123Z\tid\tERROR\t{ errorType: 'Error', errorMessage: 'boom', stackTrace: '' }\n",
            *("Error", "boom", ""),
        ),
        ({"Level": "Error", "Exception": f"a.B: c\n{FRAMES}"}, "a.B", "c", HANDLER),
    ],
    ids=[
        *(
            "Java",
            "Java, no message",
            "Java, no frames",
            "Java, its own toString",
            "Java, two lines",
        ),
        *(
            "Java, a cause",
            "Java, JSON",
            "Quarkus",
            ".NET",
            ".NET, JSON",
            "Ruby",
            "LLRT",
            "Serilog",
        ),
    ],
)
def test_details_read_documented_shapes(
    record: object, kind: str, message: str, frame: str
) -> None:
    """Of clients that cannot be run here, the forms in their sources (aws-lambda-java-libs, aws-lambda-dotnet)."""
    found = details_of(record)

    assert found.type == kind
    assert found.message.startswith(message)
    assert bool(found.message) == bool(message)
    assert next(iter(found.frames), "") == frame


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"[ERROR]\t2026-11-28T19:57:35.000Z\t{UUID}\tpayment refused\n", "payment refused"),
        ("2026-11-28 19:49:10,890 - shop - ERROR - payment refused\n", "payment refused"),
        (f"[ERROR]\t2026-11-24T12:00:00.000Z\t{UUID}\t[REDACTED] is bad", "[REDACTED] is bad"),
        ("Error raised from handler method\n", "Error raised from handler method"),
        ("payment ERROR, try again", "payment ERROR, try again"),
        ("ERROR", "ERROR"),
        ("", ""),
        (["a", 1], '["a",1]'),
        (None, "null"),
        ({"detail": {"text": "ALARM"}}, '{"detail":{"text":"ALARM"}}'),
    ],
)
def test_message_of_a_line_without_an_error_is_what_it_says(line: object, message: str) -> None:
    """Without time, level, id and logger where those are known, and never nothing for something."""
    assert details_of(line)[:3] == ("", message, ())


def test_details_hold_the_line_as_text() -> None:
    """An object as JSON, text without its newline."""
    assert details_of("[ERROR] x: ä\n").line == "[ERROR] x: ä"
    assert details_of({"level": "error", "message": "ä"}).line == '{"level":"error","message":"ä"}'


PIECES = st.sampled_from(
    [
        *(
            "Traceback (most recent call last):",
            '  File "a.py", line 1, in f',
            "\tat a.B.c(D.java:1)",
        ),
        *(
            "    at f (a.js:1:2)",
            "a.B: c",
            ": a.B",
            "Error: x",
            "ERROR",
            " - ",
            "{",
            '{"errorType":"E"}',
            "}",
        ),
        *(
            "\n",
            "\r\n",
            " ",
            "\t",
            ":1:1",
            "#0 a.php(3): f()",
            "(",
            "[",
            "a.rb:1:in `f'",
            'msg="a',
            "'",
            "\x1b[31m",
        ),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.lists(PIECES).map("".join),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "err",
                    "error",
                    "exception",
                    "stack",
                    "message",
                    "stackTrace",
                    "frames",
                    "type",
                    "fields",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(JSON)
def test_no_line_is_too_odd_for_details(record: object) -> None:
    """Whatever a function writes, a summary is made of it."""
    found = details_of(record)

    assert isinstance(found, ErrorDetails)
    assert all(
        isinstance(text, str) for text in (found.type, found.message, found.line, *found.frames)
    )


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        ".",
        "1",
        ":1",
        " ",
        "\n",
        "\t",
        "(",
        "[",
        "{",
        " {",
        "'",
        '"',
        "a.",
        "a: ",
        "at ",
        "\tat a\n",
        "ERROR ",
    ],
)
def test_no_line_makes_details_slow(piece: str) -> None:
    """A pattern with two ways through the same text would not come to an end on a line of this kind."""
    assert details_of("[ERROR] " + piece * 60_000).line
