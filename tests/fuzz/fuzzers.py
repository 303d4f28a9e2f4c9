"""All fuzzers, by the name that ``./build.sh fuzz --only`` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fuzz.answers import Answers
from tests.fuzz.batches import Batches
from tests.fuzz.configuration import Configuration
from tests.fuzz.environments import Environments
from tests.fuzz.expressions import Expressions
from tests.fuzz.http1 import Http1
from tests.fuzz.listeners import Listeners
from tests.fuzz.queues import Queue
from tests.fuzz.redaction import Redaction
from tests.fuzz.rows import Rows
from tests.fuzz.sinks import Sinks

if TYPE_CHECKING:
    from tests.fuzz.running import Fuzzer

FUZZERS: dict[str, type[Fuzzer]] = {
    "http1": Http1,
    "listener": Listeners,
    "batches": Batches,
    "environments": Environments,
    "queue": Queue,
    "rows": Rows,
    "expressions": Expressions,
    "redaction": Redaction,
    "settings": Configuration,
    "answers": Answers,
    "sinks": Sinks,
}
