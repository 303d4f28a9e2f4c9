"""Read a stack trace in text: the type and the message of its error, and its frames, the innermost first.

Pure. Knows the text forms of CPython's ``traceback``, V8's ``stack``, Java's ``printStackTrace``, .NET's
``Exception.ToString``, Ruby's ``full_message``, Go's ``debug.Stack`` as zap writes it, and PHP's ``getTraceAsString``. No
pattern has two ways through the same text, so no line can make one slow.
"""

import re
from typing import NamedTuple

MAX_STACK_CHARS = 64 * 1024
"""Of a stack, from its start: some five hundred frames."""

MAX_HEADER_LINES = 64
"""In front of the first frame. A message of more lines is no longer looked through for its type."""

MAX_FRAMES = 100
"""More than the runtimes print by themselves: V8 10, CPython 1,000 only of a recursion, Java 1,024."""

MAX_FRAME_CHARS = 512
"""A frame of more characters holds generated names, whose beginning tells enough."""

MAX_NAME_CHARS = 256
"""A longer word is no class's name."""

TRACEBACK = "Traceback (most recent call last):"

_PYTHON_FRAME = re.compile(r'^ +File "([^"\n]+)", line \d+(?:, in (.+))?$', re.MULTILINE)
_FRAME = re.compile(r"^[ \t]*at (.+)$", re.MULTILINE)
_PHP_FRAME = re.compile(r"^#\d+ (.+)$", re.MULTILINE)
_RUBY_FRAME = re.compile(r"^[ \t]*(?:from )?(\S+?):\d+:in [`'](.+)'$", re.MULTILINE)
_GO_FRAME = re.compile(r"^(\S.*)\n\t(\S+):\d+", re.MULTILINE)

_PLACE = re.compile(
    r"(?::\d+)+(?=\)?$)|(?<=\.java):\d+|(?<=\.kt):\d+|(?<=\.php)\(\d+\)(?=:|$)|:line \d+$"
    r"|\s~?\[[^\]]{0,200}\]$|^async |(?<=\()file://"
)
_NAME = r"[^\W\d][\w$]*(?:(?:\.|::|\\)[^\W\d][\w$]*)*"
_TYPED = re.compile(rf"({_NAME})(?:: ([\s\S]*))?")
_LOOKS_LIKE_ERROR = re.compile(r"(?:Error|Exception|Failure|Fault|Panic|Interrupt|Exit)$")
_SAID_BEFORE = re.compile(rf"(?:^|[\s(])({_NAME}(?:Error|Exception)): ")
_JAVA_CLASS = re.compile(rf": ({_NAME})$")
_RUBY_CLASS = re.compile(r"^(.*) \(([A-Z]\w*(?:::\w+)*)\)$")


class Stack(NamedTuple):
    """What a stack tells; empty where it does not. Each frame names a function and a file, without a line number."""

    type: str = ""
    message: str = ""
    frames: tuple[str, ...] = ()


def read_stack(text: str) -> Stack:
    """Read the last traceback of Python's in a text, or the first stack of another language."""
    text = text[:MAX_STACK_CHARS].replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    if TRACEBACK in text:
        return _python(text)
    first = _FRAME.search(text)
    if first is not None:
        frames = [frame_of(match[1]) for match in _FRAME.finditer(text)]
        return _headed(text[: first.start()], frames)
    ruby = [f"{match[2]} {match[1]}" for match in _RUBY_FRAME.finditer(text)]
    if ruby:
        return _ruby(text, ruby)
    php = [frame_of(match[1]) for match in _PHP_FRAME.finditer(text)]
    go = [] if php else [f"{match[1]} {match[2]}" for match in _GO_FRAME.finditer(text)]
    if php or go:
        return Stack(frames=tuple((php or go)[:MAX_FRAMES]))
    return _headed(text, [])


def typed(text: str) -> tuple[str, str]:
    """Split ``Type: message`` or ``Type``; both are empty where the text does not begin with a type."""
    match = _TYPED.fullmatch(text)
    if match is None or len(match[1]) > MAX_NAME_CHARS:
        return "", ""
    return match[1], (match[2] or "").strip()


def looks_like_error(name: str) -> bool:
    """Tell whether a name has a usual ending of an error's class."""
    return _LOOKS_LIKE_ERROR.search(name) is not None


def _is_qualified(name: str) -> bool:
    return "." in name and name.rpartition(".")[2][:1].isupper()


def frame_of(written: str) -> str:
    """Return a frame without what changes from build to build: line, column, and the archive of a class."""
    return _PLACE.sub("", written[:MAX_FRAME_CHARS].strip())


def _python(text: str) -> Stack:
    # The last traceback is of the error that left; those before it are its causes.
    before, _, behind = text.rpartition(TRACEBACK)
    found = [f"{match[2] or ''} {match[1]}" for match in _PYTHON_FRAME.finditer(behind)]
    frames = tuple(reversed(found[-MAX_FRAMES:]))
    lines = behind.split("\n")
    # Behind the frames, each of which is indented, comes the error. Lambda's client writes it in front instead.
    last = next((n for n in range(len(lines) - 1, 0, -1) if lines[n].startswith(" ")), 0)
    kind, message = typed("\n".join(lines[last + 1 :]).strip())
    if not kind:
        head = before.rstrip("\n").rpartition("\n")[2]
        if head.startswith("[ERROR] "):
            kind, message = typed(head.removeprefix("[ERROR] "))
    return Stack(kind, message, frames)


def _ruby(text: str, frames: list[str]) -> Stack:
    match = _RUBY_CLASS.match(text.partition("\n")[0])
    kind, message = (match[2], match[1]) if match else ("", "")
    return Stack(kind, message.rpartition(" : ")[2], tuple(frames[:MAX_FRAMES]))


def _headed(header: str, frames: list[str]) -> Stack:
    """Read what stands before the frames: the type and the message, in the form of Java's client twice."""
    lines = header.rstrip().split("\n")[:MAX_HEADER_LINES]
    told = tuple(frames[:MAX_FRAMES])
    for number, line in enumerate(lines):
        twice = _JAVA_CLASS.search(line)
        follows = lines[number + 1] if number + 1 < len(lines) else ""
        is_class = twice and (looks_like_error(twice[1]) or _is_qualified(twice[1]))
        if twice and is_class and (frames or follows.startswith(twice[1])):
            message = "\n".join([*lines[:number], line[: twice.start()]])
            return Stack(twice[1], "" if message == "null" else message, told)
    for number, line in enumerate(lines):
        kind, message = typed(line)
        if looks_like_error(kind) or (frames and _is_qualified(kind)):
            return Stack(kind, "\n".join([message, *lines[number + 1 :]]).strip(), told)
    if not frames:
        return Stack()
    kind, message = typed(lines[0])
    if kind and message:
        return Stack(kind, "\n".join([message, *lines[1:]]), told)
    said = _SAID_BEFORE.search(header)
    return Stack(said[1], header[said.end() :].strip(), told) if said else Stack(frames=told)
