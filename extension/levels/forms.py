"""What prefixes are made of: times and ids as patterns, and the prefix as a value.

Pure.
"""

from typing import NamedTuple

from extension.levels.level import Level

LOOKED_AT_CHARS = 400
"""Of a line. A prefix is shorter."""

UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"

DATE = r"(?:\d{4}[-/]\d\d[-/]\d\d|\d\d/\d\d/\d\d)"
CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
ZONE = r"(?: ?Z| ?UTC| ?[+-]\d\d:?\d\d)?"
TIME = (
    rf"(?:{DATE}(?:T|,? ){CLOCK}{ZONE}"
    rf"|{CLOCK}"
    r"|\d{1,2}:\d\d[AP]M"  # zerolog
    rf"|\d{{1,2}}/\d{{1,2}}/\d{{4}}, \d{{1,2}}:\d\d:\d\d [AP]M"  # NestJS
    rf"|\d\d/[A-Z][a-z]{{2}}/\d{{4}} {CLOCK}"  # Django
    rf"|(?:[A-Z][a-z]{{2}} )?[A-Z][a-z]{{2}} [ \d]\d {CLOCK}(?: \d{{4}})?)"  # syslog, Apache
)

NODE = "node"
PYTHON = "python"
RUBY = "ruby"
LOGGER = "logger"


class Prefix(NamedTuple):
    """Describe what stands before a message.

    Attributes:
        level: None where the prefix tells none.
        request_id: the request id in it; empty where it has none.
        end: the offset of the message, in the text that was read.
        writer: whose prefix it is: ``NODE`` (Node.js, .NET, LLRT), ``PYTHON``, ``RUBY``, or ``LOGGER`` for a logger's.
    """

    level: Level | None
    request_id: str
    end: int
    writer: str


NOTHING = Prefix(None, "", 0, LOGGER)
