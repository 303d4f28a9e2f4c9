r"""Make telemetry events, and encode them for each kind of subscriber.

An event is made once and encoded once per *flavour*: Logs API, Telemetry API with string records (schema
2022-07-01), Telemetry API with JSON records. Encoding follows Go's ``encoding/json``, which the agent inside Lambda
uses: compact, fixed key order, UTF-8 unescaped but ``<``, ``>``, ``&``, U+2028 and U+2029 as ``\u…``.
Shapes: AWS "Lambda Logs API" and "Lambda Telemetry API Event schema reference".
"""

import json
import re
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from typing import Any

_GO_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
_GO_SPECIAL = re.compile("[<>&\u2028\u2029]")


class Flavour(Enum):
    """The API and the schema of a subscriber, which decide the form of its records."""

    LOGS_2020 = "Logs API 2020-08-15"
    LOGS_2021 = "Logs API 2021-03-18"
    TELEMETRY_STRINGS = "Telemetry API 2022-07-01"
    TELEMETRY_OBJECTS = "Telemetry API from 2022-12-13"

    @property
    def is_logs_api(self) -> bool:
        """Whether this is the older API."""
        return self in (Flavour.LOGS_2020, Flavour.LOGS_2021)


def encode(value: Any) -> bytes:
    """Encode a value as JSON, as Go's default encoder does."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return go_escape(text).encode("utf-8", "replace")


def go_escape(text: str) -> str:
    """Escape the characters that Go's encoder escapes and Python's does not."""
    return text.translate(_GO_ESCAPES) if _GO_SPECIAL.search(text) else text


def iso_time(time_ns: int, *, microseconds: bool = False) -> str:
    """Format nanoseconds since 1970 as the platform does: UTC, milliseconds (or microseconds), ``Z``."""
    seconds, rest_ns = divmod(time_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{rest_ns // 1_000:06d}" if microseconds else f"{rest_ns // 1_000_000:03d}"
    return f"{moment}.{fraction}Z"


@dataclass(slots=True)
class Event:
    """One telemetry event, for all flavours.

    Attributes:
        kind: The ``type`` on the wire.
        time: The ``time`` on the wire.
        record: Record for the Telemetry API; None where that API has no such event.
        logs_record: Record for the Logs API; None where that API has no such event.
        raw_object: JSON text of an object or wrapped line for subscribers with JSON records.
    """

    kind: str
    time: str
    record: Any
    logs_record: Any
    raw_object: str | None = None
    _encoded: dict[Flavour, bytes] = field(default_factory=dict)

    @property
    def category(self) -> str:
        """``platform``, ``function`` or ``extension``, as in a subscription's ``types``."""
        return self.kind.partition(".")[0]

    def suits(self, flavour: Flavour) -> bool:
        """Return whether a subscriber of this flavour gets the event."""
        if not flavour.is_logs_api:
            return self.record is not None
        if flavour is Flavour.LOGS_2020 and (
            self.kind == "platform.runtimeDone" or self.kind.startswith("platform.init")
        ):
            return False  # AWS "Lambda Logs API": added by schema 2021-03-18
        return self.logs_record is not None

    def encoded(self, flavour: Flavour) -> bytes:
        """Return the event's JSON for a flavour."""
        found = self._encoded.get(flavour)
        if found is None:
            head = f'{{"time":"{self.time}","type":"{self.kind}","record":'.encode()
            if flavour is Flavour.TELEMETRY_OBJECTS and self.raw_object is not None:
                body = go_escape(self.raw_object).encode("utf-8", "replace")
            else:
                body = encode(self.logs_record if flavour.is_logs_api else self.record)
            found = self._encoded[flavour] = head + body + b"}"
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return the event in its richest form, for inspection."""
        if self.raw_object is not None:
            return {"time": self.time, "type": self.kind, "record": json.loads(self.raw_object)}
        record = self.logs_record if self.record is None else self.record
        return {"time": self.time, "type": self.kind, "record": record}


def platform_event(
    kind: str,
    record: Any,
    *,
    logs_record: Any = None,
    time_ns: int | None = None,
    microseconds: bool = False,
) -> Event:
    """Make a ``platform.…`` event; ``record`` None for the Logs API only, ``logs_record`` None for Telemetry only."""
    moment = iso_time(time.time_ns() if time_ns is None else time_ns, microseconds=microseconds)
    return Event(f"platform.{kind}", moment, record, logs_record)


def function_event(
    text: str, *, kind: str, time_ns: int, json_format: bool, microseconds: bool = False
) -> Event:
    """Make the event of one output line; ``kind`` is ``function`` or ``extension``.

    With the JSON log format, an object goes through verbatim, and any other line is wrapped.
    """
    moment = iso_time(time_ns, microseconds=microseconds)
    raw = None
    if json_format:
        stripped = text.strip()
        if _is_object(stripped):
            raw = stripped
        else:
            wrapped = {"timestamp": moment, "level": "INFO", "message": text.removesuffix("\n")}
            raw = json.dumps(wrapped, separators=(",", ":"), ensure_ascii=False)
    return Event(kind, moment, text, text, raw)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _is_object(text: str) -> bool:
    if not text.startswith("{"):
        return False
    try:
        return isinstance(json.loads(text, parse_constant=_refuse_constant), dict)
    except (ValueError, RecursionError):
        return False
