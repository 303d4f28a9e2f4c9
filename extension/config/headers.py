"""Parse the headers of a sink: ``NAME=VALUE``, several separated by commas. Pure.

A part without ``=`` belongs to the value before it, as in ``Accept=text/plain, text/html``. A header in double quotes may
hold any comma, as in ``"Cookie=a=1, b=2"``; a quote in it is doubled. Only a setting of headers loads this module.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_PART = re.compile(r'\s*("(?:[^"]|"")*"(?=\s*(?:,|$))|[^,]*)\s*(?:,|$)')
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x20-\x7e\t]*")
"""RFC 9110, sections 5.1 and 5.5. Bytes beyond ASCII are obsolete there."""


class Headers(NamedTuple):
    """The headers that can be sent, as names and values, and the names of the others."""

    sent: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()


def read_headers(text: str) -> Headers:
    """Parse headers; leave out those that HTTP cannot hold. Raise ValueError if there is none that it can."""
    sent: list[tuple[str, str]] = []
    bad: list[str] = []
    for number, header in enumerate(_split(text), 1):
        name, equals, value = (piece.strip() for piece in header.partition("="))
        is_name = _NAME.fullmatch(name) is not None
        if equals and is_name and _VALUE.fullmatch(value):
            sent.append((name, value))
        else:
            # What stands where a name should may be a part of a secret.
            bad.append(name if equals and is_name else f"header {number}")
    if not sent:
        raise ValueError
    return Headers(tuple(sent), (f"left out: {', '.join(bad)}",) if bad else ())


def _split(text: str) -> Iterator[str]:
    header = ""
    for match in _PART.finditer(text):
        part = match[1]
        if not part.strip():
            continue
        if "=" not in part and header:
            header += f",{match[0].removesuffix(',')}"
            continue
        if header:
            yield header
        is_quoted = len(part) > 1 and part[0] == part[-1] == '"'
        header = part[1:-1].replace('""', '"') if is_quoted else part
    if header:
        yield header
