"""Stack traces as text."""

import pytest

from extension.model.errors.stacks import MAX_FRAMES, Stack, frame_of, read_stack, typed

PYTHON = (
    'Traceback (most recent call last):\n  File "/var/task/a.py", line 3, in outer\n    inner()\n'
)

CHAINED = (
    f"{PYTHON}KeyError: 'x'\n\nDuring handling of the above exception, another exception occurred:\n\n"
    'Traceback (most recent call last):\n  File "/var/task/c.py", line 1, in h\nshop.Refused: no\nstock\n'
)


@pytest.mark.parametrize(
    ("text", "stack"),
    [
        (
            f'{PYTHON}  File "/var/task/b.py", line 9, in inner\n    raise KeyError("x")\nKeyError: \'x\'\n',
            Stack("KeyError", "'x'", ("inner /var/task/b.py", "outer /var/task/a.py")),
        ),
        (
            CHAINED,
            Stack("shop.Refused", "no\nstock", ("h /var/task/c.py",)),
        ),
        (
            f"[ERROR] ValueError: boom\r{PYTHON}".replace("\n", "\r").replace("  ", "\u00a0\u00a0"),
            Stack("ValueError", "boom", ("outer /var/task/a.py",)),
        ),
        (
            "Refused: no stock\n    at sell (/var/task/shop.js:3:9)\n    at async exports.handler (file:///var/task/a.mjs:1:2)",
            Stack(
                "Refused",
                "no stock",
                ("sell (/var/task/shop.js)", "exports.handler (/var/task/a.mjs)"),
            ),
        ),
        (
            "lookup failed TypeError: x is undefined\n    at f (/var/task/a.js:1:2)",
            Stack("TypeError", "x is undefined", ("f (/var/task/a.js)",)),
        ),
        (
            "main.f\n\t/var/task/main.go:19\nruntime.main\n\t/usr/lib/go/src/runtime/proc.go:250",
            Stack(
                "", "", ("main.f /var/task/main.go", "runtime.main /usr/lib/go/src/runtime/proc.go")
            ),
        ),
        (
            "#0 /var/task/a.php(24): App\\Shop->sell()\n#1 {main}",
            Stack("", "", ("/var/task/a.php: App\\Shop->sell()", "{main}")),
        ),
        ("no stack at all", Stack()),
        ("", Stack()),
    ],
    ids=[
        "Python",
        "Python, chained",
        "Python's client",
        "V8",
        "V8, text before",
        "Go",
        "PHP",
        "none",
        "empty",
    ],
)
def test_stack_is_read_in_each_language(text: str, stack: Stack) -> None:
    """The type and the message of the error that left, and its frames, the innermost first."""
    assert read_stack(text) == stack


def test_stack_has_a_bound() -> None:
    """A recursion may have thousands of frames, and its innermost ones tell enough."""
    text = "RangeError: x\n" + "    at f (/var/task/a.js:1:2)\n" * 5000

    assert len(read_stack(text).frames) == MAX_FRAMES


@pytest.mark.parametrize(
    ("written", "frame"),
    [
        ("a.B.c(D.java:12)", "a.B.c(D.java)"),
        ("a.B.c(D.java:12) ~[shop.jar:1.2]", "a.B.c(D.java)"),
        ("f (node:internal/timers:519:7)", "f (node:internal/timers)"),
        ("Shop.F.G(Int32 n) in /src/F.cs:line 12", "Shop.F.G(Int32 n) in /src/F.cs"),
        ("/var/task/a.php(3): f(1)", "/var/task/a.php: f(1)"),
    ],
)
def test_frame_names_no_line(written: str, frame: str) -> None:
    """The same failure in the next build has other line numbers."""
    assert frame_of(written) == frame


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ValueError: no: order", ("ValueError", "no: order")),
        ("Quiet", ("Quiet", "")),
        ("App\\Refused: x", ("App\\Refused", "x")),
        ("two words", ("", "")),
        ("", ("", "")),
    ],
)
def test_type_stands_before_the_message(text: str, found: tuple[str, str]) -> None:
    """In the languages that write both."""
    assert typed(text) == found
