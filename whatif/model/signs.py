r"""Define the signs by which a person might call an invocation failed.

They are wider than the rules of the extension, which search no message. Each is a regular expression that ERROR_PATTERN
takes: without backreferences and lookaround, and without the apostrophe by which shells quote.

Pure.
"""

from typing import NamedTuple


class Sign(NamedTuple):
    """One sign.

    Attributes:
        name: For people.
        pattern: What ERROR_PATTERN takes to keep invocations that show it.
        example: A line that shows it.
    """

    name: str
    pattern: str
    example: str


_SAYS = r"(?:[^\s\dfFnN]|[fF](?:[^a\W]|a[^l\W])|[nN](?:[^iou\W]|o(?:[^n\W]| \w)))"
"""The first letters of a message, which are not a number, false, none, nil or null, nor no alone."""

_WORDS = "ERROR|FATAL|CRITICAL|SEVERE|PANIC"
_SMALL_WORDS = "error|fatal|critical|severe|panic"
_LEVEL_KEY = (
    r'"[\w.@-]*(?:[Ll]evel|LEVEL|[Ss]everity|[Ll]vl|[Ss]tatus|[Tt]ype|[Kk]ind)\w*" ?: ?'
    r'"(?:[Ee]rror|ERROR|[Ff]atal|FATAL|[Cc]ritical|CRITICAL)\b'
)
_MESSAGE_KEY = r'"(?:[Mm]essage|[Mm]sg)" ?: ?"[^("]'

SIGNS = (
    Sign(
        "Traceback",
        r"Traceback \(most recent call last\)",
        "order 17 skipped\nTraceback (most recent call last):\n  File ...",
    ),
    Sign(
        "Exception or Error",
        r"\w\.[A-Z]\w*(?:Exception|Error): |(?m:(?:^|: )[\w.]+\.[A-Z]\w*(?:Exception|Error)$)"
        rf"|(?:^|[^\w.])(?:[A-Z]\w*)?(?:Exception|[Ee]rror): {_SAYS}",
        "order 17 not stored: ValueError: bad price",
    ),
    Sign(
        "panic",
        r"(?m:^panic: |^fatal error: )|^thread .{1,60} panicked at ",
        "panic: runtime error: index out of range [3] with length 3",
    ),
    Sign(
        "level word",
        # In capitals, behind a sign or a time, and before a bracket or a word other than count; or small, in brackets.
        rf"(?:^|[^\w\s=]\s?|\d\d |\t)(?:{_WORDS})(?: ?[\])|>*]|:? +(?:[^\W\dc]|c[^\Wo]|co[^\Wu]|cou[^\Wn]))"
        rf"|\[(?:{_SMALL_WORDS}) *\]",
        "order 17: ERROR payment refused",
    ),
    Sign(
        "level word in JSON",
        rf"{_LEVEL_KEY}(?s:.*){_MESSAGE_KEY}|{_MESSAGE_KEY}(?s:.*){_LEVEL_KEY}",
        '{"kind":"error","message":"payment refused"}',
    ),
    Sign(
        "status 5xx",
        r'(?:^|[\s{,(\["])[\w.]*[Ss]tatus(?:_?[Cc]ode)?"? ?[=:] ?"?5\d\d(?:[^\w.]|$)'
        r'|HTTP(?:/[\d.]+)?"? 5\d\d(?:[^\w.]|$)'
        r"|5\d\d (?:Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?out)",
        '{"statusCode":502,"body":"upstream is down"}',
    ),
)
"""The surest first."""
