"""Prefixes that a runtime's client writes, and those that their first characters name."""

import pytest

from extension.levels.forms import LOGGER, LOOKED_AT_CHARS, NODE, NOTHING, PYTHON, RUBY, Prefix
from extension.levels.level import Level
from extension.levels.prefixes import prefix_of
from tests.doubles.lambda_events import FIRST, TIME, node_line, python_line


@pytest.mark.parametrize(
    ("text", "level", "request_id", "writer", "message"),
    [
        (node_line("m"), Level.INFO, FIRST, NODE, "m\n"),
        (f"{TIME}\tundefined\tERROR\tm", Level.ERROR, "", NODE, "m"),
        (f"{TIME}\t-\tERROR\tm", Level.ERROR, "", NODE, "m"),
        (f"{TIME}\t\tERROR\tm", Level.ERROR, "", NODE, "m"),
        (f"{TIME}\t{FIRST}\tfail\tm", Level.ERROR, FIRST, NODE, "m"),
        (f"{TIME}\t{FIRST}\tloud\tm", None, FIRST, NODE, "m"),
        (python_line("m"), Level.INFO, FIRST, PYTHON, "m\n"),
        (f"[CRITICAL]\t{TIME}\t\tm", Level.FATAL, "", PYTHON, "m"),
        (
            f"E, [2026-11-28T12:00:00.123456 #8] ERROR {FIRST} -- : m",
            Level.ERROR,
            FIRST,
            RUBY,
            "-- : m",
        ),
        ("W, [2026-11-28T12:00:00.123456 #8]  WARN -- shop: m", Level.WARN, "", RUBY, "-- shop: m"),
        (
            f'{FIRST}\tInvoke Error\t{{"errorType":"E"}}',
            None,
            FIRST,
            LOGGER,
            'Invoke Error\t{"errorType":"E"}',
        ),
    ],
)
def test_prefix_of_a_runtime_s_client_is_read_whole(
    text: str, level: Level | None, request_id: str, writer: str, message: str
) -> None:
    """Its level, its request id, whose it is, and where the message begins."""
    prefix = prefix_of(text)

    assert prefix[:2] == (level, request_id)
    assert prefix.writer == writer
    assert text[prefix.end :] == message


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("<3>m", Level.ERROR),  # systemd, sd-daemon(3)
        ("<11>Nov 28 12:00:00 host shop: m", Level.ERROR),  # RFC 3164: facility 1, severity 3
        ("<0>m", Level.FATAL),
        ("<191>m", Level.DEBUG),
        ("E1128 12:00:00.123456       8 shop.go:17] m", Level.ERROR),  # glog, klog
        ("W20261128 12:00:00.123456  8 shop.cc:17] m", Level.WARN),  # glog of C++
        ("D1128 12:00:00.123456 8 shop.go:17] m", Level.DEBUG),  # go-logging
        ("F1128 12:00:00.123456 8 shop.go:17] m", Level.FATAL),
        ("[E 261128 12:00:00 web:17] m", Level.ERROR),  # Tornado
        ("[C 2026-11-28 12:00:00.123 ServerApp] m", Level.FATAL),  # Jupyter
        ("PHP Fatal error:  Uncaught E in /var/task/a.php:17", Level.ERROR),
        ("[28-Nov-2026 12:00:00 UTC] PHP Warning:  m", Level.WARN),
        ("PHP Deprecated:  m", Level.WARN),
        ("fail: Shop.Cart[17]", Level.ERROR),  # .NET's console
        ("crit: Shop.Cart[17]", Level.FATAL),
        ("at=ERROR msg=m", Level.ERROR),  # logfmter
        ('time="2026-11-28T12:00:00Z" level=error msg=m', Level.ERROR),  # logrus
        ("time=2026-11-28T12:00:00.000Z level=ERROR+4 msg=m", Level.ERROR),  # slog
        ("ts=2026-11-28T12:00:00Z caller=shop.go:17 level=warn msg=m", Level.WARN),  # go-kit
        ("time=2026-11-28 12:00:00,123 level=ERROR msg=m", Level.ERROR),
        ("level='error' msg=m", Level.ERROR),
        ("severity=ERROR m", Level.ERROR),
        ("0    [main] ERROR shop.Cart  - m", Level.ERROR),  # log4j's %r [%t] %-5p %c %x - %m
        ("1234567 [0x7f] WARN shop null - m", Level.WARN),  # log4cxx
        ("error(shop): m", Level.ERROR),  # Zig
    ],
)
def test_form_that_its_first_characters_name_is_read(text: str, level: Level) -> None:
    """These stand before a level that the grammar would not find."""
    prefix = prefix_of(text)

    assert prefix.level is level
    assert prefix.writer == LOGGER


@pytest.mark.parametrize(
    "text",
    [
        "<192>m",
        "<3 m",
        "<a>m",
        "<\u0663>m",
        "E1128 is a part",
        "[E 17] m",
        "PHP Wonders: m",
        "fail: 17",
        "at=home msg=m",
        "level=17",
        "a=1 b=2 c=3 d=4 e=5 f=6 g=7 level=error",
        "level is error",
        "0 [main] errors shop",
        "17 [ERROR] lines",
        "error(s): 0",
        f"{FIRST}\tInvoke Error",
    ],
)
def test_text_that_has_no_such_form_has_no_level(text: str) -> None:
    """Each form is matched whole."""
    assert prefix_of(text).level is None


def test_text_in_place_of_a_time_makes_no_prefix_of_nodes_client() -> None:
    """It writes an ASCII time; 24 other characters before a tab are the function's own words."""
    assert prefix_of(f"\u00e9{TIME[1:]}\t{FIRST}\tINFO\tm") == NOTHING


def test_empty_text_has_no_prefix() -> None:
    """Nothing is there."""
    assert prefix_of("") == NOTHING == Prefix(None, "", 0, LOGGER)


def test_prefix_is_looked_for_at_the_start_only() -> None:
    """A line may be a megabyte."""
    assert prefix_of(" " * LOOKED_AT_CHARS + "ERROR m") == NOTHING
