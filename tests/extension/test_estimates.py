"""What the weights are for: sums over what was kept estimate what there was, whatever mix of rules and rates kept it."""

import math
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from extension.config.parsers import Pace
from extension.levels.level import Level
from tests.doubles.extension.environment import Environment
from tests.doubles.lambda_events import done, line, report, start

pytestmark = pytest.mark.newest

INVOCATIONS = 2500
MINUTE_MS = 60_000
SIGMAS = 4.0
"""With a fixed seed the test always says the same; the bound is what chance would break once in 15,000 times."""

MIXES: dict[str, dict[str, Any]] = {
    "the draw alone": {"sample_rate": 0.05},
    "rules beside the draw": {
        "sample_rate": 0.1,
        "keep_slower_than_ms": 900,
        "keep_cold_starts": True,
        "keep_marker": "keep-this",
    },
    "a rule that waits for the report": {"sample_rate": 0.1, "keep_memory_above": 0.8},
    "a floor": {"sample_rate": 0.02, "keep_at_least": Pace(1, 5 * MINUTE_MS)},
    "levels": {
        "sample_rate": 0.1,
        "sample_rate_debug": 0.02,
        "sample_rate_warn": 0.5,
        "keep_slower_than_ms": 900,
    },
    "history": {"sample_rate": 0.1, "history": 3},
    "transactions by name": {"sample_rate": 0.1, "keep_slower_than_ms": 900},
}


@dataclass
class World:
    """Invocations of many environments, and what there really was."""

    mix: str
    chance: random.Random = field(default_factory=lambda: random.Random(20261124))
    truth: Counter[str] = field(default_factory=Counter)
    estimate: Counter[str] = field(default_factory=Counter)
    variance: Counter[str] = field(default_factory=Counter)
    settings: dict[str, Any] = field(default_factory=dict)

    def run(self) -> "World":
        self.settings = MIXES[self.mix]
        number = 0
        while number < INVOCATIONS:
            env = Environment(**self.settings)
            for _ in range(self.chance.randint(1, 40)):
                self._invoke(env, number)
                number += 1
            env.sampler.shut_down(None)
            env.deliver()
            assert env.accounted_for
            for record in env.delivered:
                if record["type"] == "function":
                    self.estimate[str(record.get("level"))] += record["weight"]
                elif record["type"] == "flightRecorder.invocation":
                    self.estimate["invocations"] += record["weight"]
        return self

    def _invoke(self, env: Environment, number: int) -> None:
        chance = self.chance
        request_id = f"{number:08d}-0000-4000-8000-000000000000"
        trace = f"Root=1-5f35ae12-{chance.getrandbits(96):024x}"
        time = f"2026-10-{1 + number // 1440:02d}T{number // 60 % 24:02d}:{number % 60:02d}:00.000Z"
        levels = chance.choices(
            [Level.DEBUG, Level.INFO, Level.WARN], [6, 3, 1], k=chance.randint(1, 6)
        )
        if chance.random() < 0.03:
            levels.append(Level.ERROR)
        lines: list[dict[str, object]] = [line({"level": level.name}) for level in levels]
        if chance.random() < 0.05:
            lines.append(line({"level": "INFO", "note": "keep-this"}))
            levels.append(Level.INFO)
        if self.mix == "transactions by name":
            lines[0]["record"] = {"level": levels[0].name, "correlationId": f"{number}"}
        metrics = {
            "durationMs": chance.uniform(0, 1000),
            "memorySizeMB": 128,
            "maxMemoryUsedMB": chance.randint(60, 128),
        }
        env.invoke(request_id, trace=trace)
        env.receive(start(request_id, time=time), *lines)
        env.receive(
            {**done(request_id, metrics=metrics), "time": time},
            {**report(request_id, metrics=metrics), "time": time},
        )
        rate = self.settings["sample_rate"]
        rates = {Level.DEBUG: self.settings.get("sample_rate_debug", rate)}
        rates |= {Level.WARN: self.settings.get("sample_rate_warn", rate)}
        self.truth["invocations"] += 1
        self.variance["invocations"] += 1 / rate - 1
        for level, count in Counter(levels).items():
            self.truth[level.name] += count
            # Lines of one invocation are in or out together. Rules only make the variance smaller.
            self.variance[level.name] += count**2 * (1 / rates.get(level, rate) - 1)


@pytest.mark.parametrize("mix", MIXES)
def test_the_sum_of_weights_estimates_what_there_was(mix: str) -> None:
    """Invocations, and lines of each level: within the bound that chance leaves, neither more nor less."""
    world = World(mix).run()

    for what, truth in world.truth.items():
        bound = SIGMAS * math.sqrt(world.variance[what])
        assert abs(world.estimate[what] - truth) <= bound, (what, world.estimate[what], truth)
        assert bound < truth or what in {"ERROR", "WARN"}
    # What failed is all there, so of it the sum is the count.
    assert world.estimate["ERROR"] == world.truth["ERROR"]
