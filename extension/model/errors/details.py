"""Read an error line: what went wrong, and where.

Pure. This runs for the lines that made an invocation a failed one. The forms are those that the runtimes' interface clients
write (AWS: "Sending Lambda function logs to CloudWatch Logs", for each language) and the loggers named at each key.
"""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from extension.levels.reading import objects_in
from extension.model.errors.stacks import (
    MAX_FRAMES,
    MAX_STACK_CHARS,
    TRACEBACK,
    Stack,
    frame_of,
    looks_like_error,
    read_stack,
    typed,
)

MAX_PREFIX_CHARS = 256
"""Of a text line, in which its prefix of time, level, thread and logger ends."""

MAX_NAMES, MAX_NAMES_CHARS = 3, 80
"""Names that may stand between the time and the level of a text line, and their characters."""

MAX_JSON_STARTS = 4
"""Braces in a text line that are tried as the beginning of JSON."""

_ERROR_KEYS = ("err", "error", "exception", "thrown", "exc_info")
"""Members that hold an error as an object: pino, bunyan; ECS, Datadog, roarr; Monolog, structlog, loguru; log4j2."""

_OWN_TYPES = "errorType exception_name exception.type error.type error.kind"
_OWN_MESSAGES = "errorMessage exception.message error.message"
_STACKS = (
    "stackTrace stack exception stack_trace stacktrace trace traceback frames extendedStackTrace exc_info thrown"
    " Exception full_message error.stack_trace error.stack exception.stacktrace text"
)
_SAYINGS = "message msg event short_message @message Message body log_format text reason"
_OWN_TYPE_KEYS = tuple(_OWN_TYPES.split())
"""Of a line itself. There ``type``, ``name`` and ``class`` mean other things, which within an error mean its type."""
_TYPE_KEYS = (*_OWN_TYPE_KEYS, "exc_type", "type", "kind", "class", "name")
_OWN_MESSAGE_KEYS = tuple(_OWN_MESSAGES.split())
_MESSAGE_KEYS = (*_OWN_MESSAGE_KEYS, "exc_value", "message", "value")
_STACK_KEYS = tuple(_STACKS.split())
_SAID_KEYS = tuple(_SAYINGS.split())
"""What a line says."""

_NESTS = ("fields", "attributes", "Properties", "context", "payload", "record", "extra", "data")
"""Members in which loggers put what a line tells."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CAPITALS = "ERROR|ERR|EROR|FATAL|CRITICAL|CRIT|FAIL|SEVERE|PANIC|ALERT|EMERG|EMERGENCY"
_PREFIX = re.compile(
    r"(?:\s+|[|:/-]+(?=\s)|\[(?!REDACTED)[^\]\n]{0,80}\]:?|<[^>\n]{0,80}>|\([^()\n]{0,80}(?:\([^()\n]{0,40}\))?\)(?=\s)"
    r"|\d{2,4}[-/.]\d\d[-/.]\d\d(?:[T ,]+\d\d:\d\d:\d\d\S*)?|\d\d:\d\d:\d\d\S*"
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[EFC]\d{4}|[+-]?\d+(?=\s)|[EF],(?=\s)"
    rf"|(?:\w+\.)?(?:{_CAPITALS})(?:\[\d+\]|/\S*)?(?=[\s:\]|]|$):?"
    rf"|(?i:{_CAPITALS})(?:[:|]|(?=\t)))"
)
"""One part of what loggers write before a message: white space and separators, brackets, times, ids, numbers, levels. A mask
of REDACT stands for the message."""

_BASIC = re.compile(rf"(?:{_CAPITALS}):[\w.]{{1,80}}:")
"""Of Python's logging.basicConfig."""

_LEVEL = re.compile(rf"(?<![\w-])(?:{_CAPITALS})(?![\w-])")
_LOGGER = re.compile(r"[\w.$/@<>#-]{1,80}(?::[\w.$/<>-]{1,80})*(?:\[\w*\])?(?: -| {0,60}:)\s+")
_LOGFMT = re.compile(
    r"""(?<!\S)(msg|message|event)=(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(\S+))"""
)
_INSPECTED = re.compile(r"(errorType|errorMessage): '((?:[^'\\]|\\.)*)'")
"""As Node.js's and LLRT's console show an object."""
_OBJECT_BEHIND = re.compile(r"[ \t](?=\{)")
_RUST_SPANS = re.compile(r"Lambda runtime invoke(?:\{[^}\n]*\})?: (?:\w+: )?")
_RUST_TYPE = re.compile(r"([A-Z]\w*(?:::\w+)*)(?: \{|\()")
_SAID_TYPE = re.compile(r"(?<!\S)((?:[\w$]+[.\\])+[\w$]*(?:Error|Exception)): ")


class ErrorDetails(NamedTuple):
    """What an error line tells. Each is empty where the line does not tell it.

    Attributes:
        type: the error's class, as its language writes it.
        message: the error's message, or else what the line says without its prefix.
        frames: functions and files, the innermost first.
        line: the line as text.
    """

    type: str = ""
    message: str = ""
    frames: tuple[str, ...] = ()
    line: str = ""


def details_of(record: object) -> ErrorDetails:
    """Read a ``function`` record of any JSON type."""
    line = record if isinstance(record, str) else _json(record)
    objects = objects_in(record)
    innermost = objects[-1].get("message") if objects else record
    if isinstance(innermost, str):
        objects = (*objects, *_objects_behind(innermost))
    told = [_of_object(one) for one in objects] or [_of_text(line)]
    found = next((one for one in told if one.type), None) or next(
        (one for one in reversed(told) if one.message), None
    )
    if found is None:
        # zap's development form and Monolog's: what is said stands before an object of fields.
        found = _of_text(_OBJECT_BEHIND.split(line, maxsplit=1)[0])
    return found._replace(line=line.strip())


def _json(record: object) -> str:
    try:
        return json.dumps(record, separators=(",", ":"), ensure_ascii=False)
    except RecursionError:
        return ""


def _objects_behind(line: str) -> tuple[dict[str, object], ...]:
    """Return the object behind a prefix: a date of Go's, ``Invoke Error`` and a tab of Node.js's and of bref's."""
    at = -1
    for _ in range(MAX_JSON_STARTS):
        at = line.find("{", at + 1)
        if at < 0:
            break
        if line[at - 1 : at] in {"\t", " "}:
            try:
                found, _ = json.JSONDecoder().raw_decode(line, at)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict) and found:
                return (found, *objects_in(found)[1:])
    return ()


def _of_object(line: dict[str, object]) -> ErrorDetails:
    levels = [line, *(value for key in _NESTS if isinstance(value := line.get(key), dict))]
    kind, message = _text_in(levels, _OWN_TYPE_KEYS), _text_in(levels, _OWN_MESSAGE_KEYS)
    errors = [error for fields in levels for error in _errors_in(fields)]
    # Node.js's client tells of a rejected promise with the error that it was rejected with.
    reasons = [value for one in levels if isinstance(value := one.get("reason"), dict)]
    stacks = [_stack_in(one) for one in (*errors, *reasons, *levels)]
    stack = next((one for one in stacks if one.type or one.frames), Stack())
    kind = kind or _text_in(errors, _TYPE_KEYS) or stack.type
    message = message or _text_in(errors, _MESSAGE_KEYS)
    if TRACEBACK in message:
        # Of daiquiri's formatter for Datadog.
        stack, message = read_stack(message), ""
    said = _text_in(levels, _SAID_KEYS)
    if kind or stack.frames:
        return ErrorDetails(kind, message or stack.message or said, stack.frames)
    inner = _of_text(said)
    return ErrorDetails(inner.type, message or inner.message, inner.frames)


def _errors_in(fields: dict[str, object]) -> Iterator[dict[str, object]]:
    """Yield the objects that describe an error, the one that began it first where several are listed."""
    for key in _ERROR_KEYS:
        value = fields.get(key)
        # structlog's dict_tracebacks lists an error and its causes, the last of them first.
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, dict):
            yield value


def _stack_in(fields: dict[str, object]) -> Stack:
    """Return the first stack with frames, or else the first with a type."""
    typed_only = Stack()
    for key in _STACK_KEYS:
        value = fields.get(key)
        if isinstance(value, dict):
            # Powertools for Python.
            value = value.get("frames")
        if isinstance(value, str):
            stack = read_stack(value)
        elif isinstance(value, list):
            stack = _stack_of_list(value)
        else:
            continue
        if stack.frames:
            return stack
        typed_only = typed_only if typed_only.type else stack
    return typed_only


def _stack_of_list(listed: list[object]) -> Stack:
    if all(isinstance(one, str) for one in listed):
        text = "\n".join(str(one).rstrip() for one in listed[:MAX_FRAMES])
        stack = read_stack(text)
        if stack.frames or not text:
            return stack
        if '  File "' in text:
            return read_stack(f"{TRACEBACK}\n{text}")
        return Stack(frames=tuple(frame_of(str(one)) for one in listed[:MAX_FRAMES]))
    frames = [_frame_of_object(one) for one in listed[:MAX_FRAMES] if isinstance(one, dict)]
    # Python names the caller first; so do structlog and Powertools, whose frames say which file and line.
    is_python = any(
        isinstance(one, dict) and ("lineno" in one or "statement" in one) for one in listed
    )
    return Stack(frames=tuple(reversed(frames) if is_python else frames))


def _frame_of_object(frame: dict[str, object]) -> str:
    """Write a frame of Go's client, structlog, Powertools or log4j2."""
    function = _first_text(frame, ("label", "function", "method", "name"))
    place = _first_text(frame, ("path", "filename", "file"))
    owner = _first_text(frame, ("class",))
    return f"{owner}{'.' if owner else ''}{function} {place}".strip()


def _first_text(fields: dict[str, object], keys: tuple[str, ...]) -> str:
    return next((value for key in keys if isinstance(value := fields.get(key), str) and value), "")


def _text_in(several: list[dict[str, object]], keys: tuple[str, ...]) -> str:
    return next(filter(None, (_first_text(one, keys) for one in several)), "")


def _of_text(line: str) -> ErrorDetails:
    """Read a text line: a stack with what stands before it, or a message behind a prefix."""
    line = _COLOUR.sub("", line[:MAX_STACK_CHARS])
    text = _without_prefix(line)
    shown = dict(_INSPECTED.findall(text))
    if "errorType" in shown:
        return ErrorDetails(shown["errorType"], shown.get("errorMessage", ""))
    stack = read_stack(line if line.startswith("[ERROR] ") else text)
    if stack.type:
        return ErrorDetails(*stack)
    if stack.frames:
        return ErrorDetails("", _first_line(text), stack.frames)
    kind, said = typed(_first_line(text))
    if said and looks_like_error(kind):
        return ErrorDetails(kind, text.partition(": ")[2].strip())
    known = _SAID_TYPE.search(text)
    rust = _RUST_TYPE.match(text)
    logfmt = _LOGFMT.search(text)
    message = next(filter(None, logfmt.groups()[1:]), "") if logfmt else text
    return ErrorDetails(known[1] if known else rust[1] if rust else "", message)


def _first_line(text: str) -> str:
    return text.replace("\r", "\n").partition("\n")[0].strip()


def _without_prefix(line: str) -> str:
    """Return a text line without time, level, ids, thread and logger, as far as their forms are known."""
    basic = _BASIC.match(line)
    if basic:
        return line[basic.end() :].strip()
    at = _past_prefix(line, 0)
    # Host or logger may stand between the time and the level.
    level = _LEVEL.search(line, at, at + MAX_NAMES_CHARS) if at else None
    if level and len(line[at : level.start()].split()) <= MAX_NAMES:
        at = _past_prefix(line, level.start())
    spans = _RUST_SPANS.match(line, at)
    at = spans.end() if spans else at
    logger = _LOGGER.match(line, at) if at and not spans else None
    if logger and not looks_like_error(logger[0].rstrip(" :-")):
        at = logger.end()
    return line[at:].strip() or line.strip()


def _past_prefix(line: str, at: int) -> int:
    limit = min(len(line), MAX_PREFIX_CHARS)
    while at < limit and (match := _PREFIX.match(line, at)) and match.end() > at:
        at = match.end()
    return at
