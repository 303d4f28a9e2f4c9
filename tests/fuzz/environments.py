"""Whole environments: what Lambda sends, in any order. The account adds up and memory is bounded after every batch."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from extension.config.parsers import Pace
from extension.model.receipt import Answer
from tests.doubles.extension.environment import Environment
from tests.doubles.extension.queues import chunks_in, lines_in
from tests.doubles.lambda_events import compact, line
from tests.extension.recorder import script
from tests.extension.recorder.script import SHUTDOWNS, TRACES, request_id_of
from tests.fuzz.running import Fuzzer, pick, some

if TYPE_CHECKING:
    from random import Random

Setting = tuple[str, int]
Step = tuple[str, list[str]]
"""``post`` with words of :mod:`tests.extension.recorder.script`, an answer of the sink, or another word."""

EnvironmentCase = tuple[bool, bool, list[Setting], list[Step]]
"""Whether on Managed Instances, whether there is an archive, settings, steps."""

SLACK_BYTES = 1500
"""Gaps and summaries tell what is gone, and take some room themselves."""

LATE = (
    "DEBUG",
    "INFO",
    "WARN",
    "ERROR",
    "DEBUG2",
    "INFO2",
    "WARN2",
    "ERROR2",
    "INFO9",
    "named",
    "named2",
    "leg",
    "retry",
)
WORDS = (
    *(
        "start",
        "start2",
        "start3",
        "done",
        "done2",
        "done3",
        "report",
        "report2",
        "report3",
        "failed2",
        "crashed",
        "fault",
    ),
    *(
        "restart",
        "end",
        "report-failed",
        "done-slow",
        "report-large",
        "report-full2",
        "error",
        "error2",
        "error9",
        ">a",
        ">b2",
    ),
    *(
        "init-done",
        "init-failed",
        "init-again",
        "init-timeout",
        "logs-dropped",
        "metrics",
        "prefixed",
        "prefixed2",
        "keep-this",
    ),
    *LATE,
)
LARGE = "x" * 600

SETTINGS: dict[str, tuple[Any, ...]] = {
    "sample_rate": (0.0, 0.3, 1.0),
    "buffer_bytes": (64_000, 20_000, 4_000),
    "correlation_fields": ((), ("correlationId",)),
    "sample_rate_debug": (0.0, 0.1, 1.0),
    "sample_rate_warn": (0.0, 0.9, 1.0),
    "keep_marker": ("keep-this",),
    "keep_cold_starts": (True,),
    "keep_slower_than_ms": (2,),
    "keep_memory_above": (0.2,),
    "keep_at_least": (Pace(1, 20_000),),
    "keep_at_most": (Pace(1, 20_000),),
    "history": (1, 3, 20, 100),
}
"""What a setting may be; a case names it by a number."""


class Environments(Fuzzer):
    """Play what Lambda may send, and what others may forge, to a recorder with its queues."""

    def draw(self, random: Random) -> EnvironmentCase:
        given = [(name, int(random.random() * 9)) for name in SETTINGS if random.random() < 0.35]
        steps = [self._step(random) for _ in range(5 + int(random.random() * 40))]
        return random.random() < 0.4, random.random() < 0.3, given, steps

    def _step(self, random: Random) -> Step:
        kind = random.random()
        if kind < 0.1:
            return pick(random, list(Answer)).value, []
        if kind < 0.2:
            return pick(
                random, ("invoke", "invoke2", "invoke3", "in", "out2", "again", "again")
            ), []
        if kind < 0.25:
            return "garbage", some(
                random, ("17", "{", '"time"', "[", "]", "}", ",", "\ud800"), most=5
            )
        if kind < 0.35:
            return "large", [""] * (1 + int(random.random() * 30))
        if kind < 0.5:
            # A whole life in one batch.
            number = pick(random, ("", "2", "3", "4", "5", "6"))
            words = ("a", "b", f"error{number}", f">x{number}", *[f"wide{number}"] * 6)
            middle = some(random, words if random.random() < 0.3 else words[4:], most=12)
            end = [f"done{number}", f"report{number}"][: pick(random, (0, 1, 2, 2))]
            return "post", [f"start{number}", *middle, *end]
        return "post", [pick(random, WORDS) for _ in range(1 + int(random.random() * 5))]

    def check(self, case: EnvironmentCase) -> int:
        managed, archive, given, steps = case
        env = Environment(managed_instances=managed, archive=archive, **_settings(given))
        played = _Play(env)
        for number, step in enumerate(steps):
            played.step(step, number)
            played.assert_sound()
        env.sampler.shut_down(SHUTDOWNS["spindown"])
        assert env.accounted_for
        env.deliver()
        assert env.accounted_for
        assert env.account.received == played.sent
        assert lines_in(env.queue) == env.sampler.buffered_lines == 0
        ids = [one["id"] for one in env.delivered]
        assert len(ids) == len(set(ids))
        assert_told(env)
        return len(steps) + 1


class _Play:
    """One environment, and the lines that it was sent."""

    def __init__(self, env: Environment) -> None:
        self.env = env
        self.sent = 0
        self._last = b"[]"
        self._seen: set[bytes] = set()

    def step(self, step: Step, number: int) -> None:
        kind, words = step
        name, about = script._parts(kind)
        if kind == "post":
            self._post([_encoded(word, number % 60) for word in words])
        elif kind == "large":
            self._post([compact(line(f"{LARGE}{number}{at}")) for at in range(len(words))])
        elif kind == "again":
            self._receive(self._last, 0)
        elif kind == "garbage":
            self.env.recorder.receive("".join(words).encode("utf-8", "surrogatepass"))
        elif name in TRACES:
            self.env.invoke(request_id_of(about or 1), trace=TRACES[name])
        else:
            self.env.deliver(Answer(kind))

    def _post(self, events: list[bytes]) -> None:
        body = b"[" + b",".join(events) + b"]"
        self._receive(body, sum(b'","type":"function","record":' in one for one in events))

    def _receive(self, body: bytes, lines: int) -> None:
        # The recorder forgets batches after a while; then the same one counts again.
        before = self.env.account.duplicate_batches
        self.env.recorder.receive(body)
        if self.env.account.duplicate_batches == before:
            self.sent += self._lines_of.get(body, lines) if lines == 0 else lines
        self._last = body
        if lines:
            self._lines_of[body] = lines

    @property
    def _lines_of(self) -> dict[bytes, int]:
        return _LINES_OF

    def assert_sound(self) -> None:
        env = self.env
        assert env.accounted_for
        queues = [one for one in env.queues if one is not None]
        under_way = sum(one._under_way is not None for one in queues)
        assert not under_way
        for queue in queues:
            assert queue.held_bytes == sum(one.held_bytes for one in chunks_in(queue))
        held_bytes = env.sampler.held_bytes + env.queues.held_bytes
        assert held_bytes <= env.settings.buffer_bytes + SLACK_BYTES, held_bytes


_LINES_OF: dict[bytes, int] = {}


def _settings(given: list[Setting]) -> dict[str, Any]:
    return {
        name: SETTINGS[name][number % len(SETTINGS[name])]
        for name, number in given
        if name in SETTINGS
    }


@cache
def _encoded(word: str, second: int) -> bytes:
    kind, number = script._parts(word)
    if kind == "wide":
        record = {"level": "INFO", "requestId": request_id_of(number or 1), "message": LARGE * 3}
        return compact(line(record, time=f"2026-10-12T00:01:{second:02d}.123Z"))
    event = script._event(kind, number, request_id_of(number or 1))
    minute = 2 if kind == "restart" else 1
    return compact({**event, "time": f"2026-10-12T00:{minute:02d}:{second:02d}.123Z"})


def assert_told(env: Environment) -> None:
    """Of each failed invocation all is there, but for what its summary counts as missing."""
    if env.account.lost:
        return  # A sink that takes nothing.
    found: dict[str, list[dict[str, Any]]] = {}
    for one in env.delivered:
        found.setdefault(one.get("requestId", ""), []).append(one)
    for request_id, records in found.items():
        summaries = [one for one in records if one["type"] == "flightRecorder.invocation"]
        told = [one["record"] for one in summaries]
        # What was sampled may have an end that nobody told of.
        failed = [
            one for one in summaries if one["record"]["outcome"] not in {"success", "unknown"}
        ]
        if not request_id or len(told) != 1 or not failed:
            continue
        lines = sum(one["type"] == "function" for one in records)
        missing = sum(told[0].get(f"{name}Lines", 0) for name in ("evicted", "dropped", "withheld"))
        in_gaps = sum(
            one["record"]["evictedLines"] for one in records if one["type"] == "flightRecorder.gap"
        )
        assert lines + max(missing, in_gaps) + env.account.evicted >= told[0]["lines"]
        if not env.account.evicted:
            assert lines + missing >= told[0]["lines"]
