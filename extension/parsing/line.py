"""Read one line: its level, the ids it names, whether it means failure, whether it holds metrics.

Pure. This is for the few lines that :mod:`extension.parsing.batch` could not pass by on their first bytes.
"""

import json
from collections.abc import Callable
from typing import NamedTuple

from extension.levels.level import Level, LevelReader
from extension.levels.metrics import holds_metrics
from extension.levels.objects import Members, plain_key
from extension.levels.reading import Reading, read
from extension.parsing.failures import Failure, Outcome, failure_by_level, failure_in_line
from extension.parsing.platform_events import MAX_REQUEST_ID_CHARS

_OWN_ID_NAMES = frozenset(("awsrequestid", "functionrequestid", "lambdarequestid"))
"""Where JSON lines name Lambda's request, without case and separators: Java; Powertools; others."""

_ID_NAMES = _OWN_ID_NAMES | {"requestid"}
"""The last one is that of Python, Node.js and .NET, and of everybody else's requests as well."""

MAX_IDS = 8
"""Of one line. A line that waits for its invocation is found by each of them."""

ID_NESTS = frozenset(
    (
        "span",
        "labels",
        "mdc",
        "contextMap",
        "context",
        "fields",
        "extra",
        "attributes",
        "Properties",
    )
)
"""Where loggers put it one level down: Rust's tracing; AWS's LambdaLayout.json and ECS; Quarkus; log4j2; roarr; apex; Monolog;
OpenTelemetry; Serilog."""

_PATTERN = Failure("pattern", Outcome.ERROR)


class LineRules(NamedTuple):
    """Define which lines are remarkable.

    Attributes:
        error_level: a line at or above it is a failure; ``level.OFF`` for no line.
        pattern: ERROR_PATTERN's search, or None.
        level_in: LEVEL_PATTERN's reading of the level of a line that tells it in no known form, or None.
        texts_only: whether Lambda's schema makes every line a text, so that no batch has to be searched for objects.
        by_id_only: whether every line's id is wanted, as on Managed Instances, where invocations interleave.
    """

    error_level: int = Level.ERROR
    pattern: Callable[[str], object] | None = None
    by_id_only: bool = False
    texts_only: bool = False
    level_in: LevelReader | None = None

    @property
    def reads_all(self) -> bool:
        """Whether every line must be read, so that none is passed by on its first bytes."""
        return self.by_id_only or self.pattern is not None or self.level_in is not None


class LineFacts(NamedTuple):
    """Hold what :func:`look_at` found in one line.

    Attributes:
        level: as :func:`extension.levels.reading.level_of` reads it.
        request_ids: every id that the line may name its invocation by, the likeliest first. Only those that Lambda has
            told count, because an application may call its own ids so.
        failure: what the line says of its invocation, None for a healthy line.
        is_emf: whether it holds metrics, so that it is never sampled away.
        is_text: whether it certainly is no JSON.
    """

    level: Level | None
    request_ids: tuple[str, ...]
    failure: Failure | None
    is_emf: bool
    is_text: bool = False


def look_at(record: object, *, rules: LineRules) -> LineFacts:
    """Read one ``function`` record of any JSON type, as decoded from the batch."""
    reading = read(record)
    if reading.level is None and rules.level_in is not None:
        reading = reading._replace(level=rules.level_in(_text_of(record)))
    failure = failure_in_line(record, reading) or failure_by_level(
        reading.level, error_level=rules.error_level
    )
    if failure is None and rules.pattern is not None:
        failure = _PATTERN if rules.pattern(_text_of(record)) else None
    return LineFacts(
        reading.level,
        _request_ids_of(reading),
        failure,
        is_emf=holds_metrics(record, reading),
        is_text=not reading.objects,
    )


def _text_of(record: object) -> str:
    return record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)


def _request_ids_of(reading: Reading) -> tuple[str, ...]:
    found: list[tuple[str, object]] = []
    for line in reading.objects:
        found += _ids_in(line)
        for name in ID_NESTS.intersection(line):
            inside = line[name]
            if isinstance(inside, dict):
                found += _ids_in(inside)
    if len(found) > 1:
        found.sort(key=lambda one: one[0] not in _OWN_ID_NAMES)
    ids = [*reading.request_ids, *(value for _, value in found if isinstance(value, str) and value)]
    return tuple(dict.fromkeys([one for one in ids if len(one) <= MAX_REQUEST_ID_CHARS]))[:MAX_IDS]


def _ids_in(fields: Members) -> list[tuple[str, object]]:
    # Lines without these letters are passed by: no logger writes the name in capitals, or cuts this word in two.
    return [
        (name, value)
        for key, value in fields.items()
        if "equest" in key and (name := plain_key(key)) in _ID_NAMES
    ]
