"""What prefixes are made of: times and ids as patterns, and the prefix as a value.

Digits and letters are ASCII's: use the patterns with ``re.ASCII``, or on bytes.

Pure.
"""

from typing import NamedTuple

from extension.levels.level import LEVEL_NAMES, SHORT_NAMES, Level

LOOKED_AT_CHARS = 400
"""Of a line. A prefix is shorter."""

UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"

DATE = r"(?:\d{4}[-/.]\d\d[-/.]\d\d|\d\d/\d\d/\d\d(?:\d\d)?|\d\d[.-]\d\d[.-]\d{4}|(?:\d\d-)?\d\d-\d\d|20\d{6})"
CLOCK = r"\d\d:\d\d:\d\d(?:[.,:]\d{1,9})?"
ZONE = r"(?: ?Z| (?:UTC|GMT|[CEMP][DS]T|CES?T|BST|IST|JST)\b| [AP]M\b| ?[+-]\d\d(?::?\d\d)?)?"
DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
TIME = (
    rf"(?:{DATE}(?:T|,? ){CLOCK}{ZONE}"
    rf"|{CLOCK}Z?"
    r"|20\d{6}T\d{6}"  # ISO 8601, the basic format
    r"|1\d{9}(?:\.\d{1,9}|\d{3}|\d{9})(?!\d)"  # since 1970
    rf"|(?:{DAY}, )?\d\d {MONTH} \d{{4}} {CLOCK}{ZONE}"  # RFC 1123
    r"|\d{1,2}:\d\d[AP]M"  # zerolog
    r"|\d\d:\d\d(?= {1,2}[A-Z]{4,8}[: ])"  # minlog
    rf"|\d{{1,2}}/\d{{1,2}}/\d{{4}}, \d{{1,2}}:\d\d:\d\d [AP]M"  # NestJS
    rf"|\d\d/{MONTH}/\d{{4}} {CLOCK}"  # Django
    rf"|(?:{DAY} )?{MONTH} [ \d]\d {CLOCK}(?: \d{{4}})?)"  # syslog, Apache
)

TIME_HEAD = (
    rb"((?:\[[A-Z]{4,8}\]\\t|\[[A-Z][a-z]+\] \d+  - |[A-Z], \[|[DIWECF](?:\d{4})?\d{4} |\[[DIWECF] (?:\d{6} )?|[\[(<]|[a-z]{1,9}=(?:\\\")?)?)(?:"
    + TIME.encode()
    + rb")"
)
"""A logger's own sign, where it has one, and the time: what differs from line to line. Of lines as they stand in a batch."""

_SMALL = b"|".join(sorted((name.encode() for name in LEVEL_NAMES | SHORT_NAMES), reverse=True))
_NO_WORDS = b"|".join((_SMALL, MONTH.encode(), DAY.encode()))

SAYS = (
    rb"(?=[A-Za-z])(?!(?:"
    + _NO_WORDS
    + rb")\b)[A-Z]?[a-z]+(?: (?![A-Z]{4})[A-Za-z0-9]+(?:[ ,.;:!?\"]|\\(?!u001b))|[,.!?]?(?:\\n)?\")"
)
"""Words of a message, of which the first is no level, no name before one, and no part of a time. A colour may stand in a name.
Of lines as they stand in a batch."""

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
