"""Share the cases of a seed among processes, and sum up what they tried."""

from __future__ import annotations

import itertools
import multiprocessing
import queue
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tests.fuzz.fuzzers import FUZZERS
from tests.fuzz.running import Breach, breach_of, kind_of, run_cases

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.queues import Queue as Channel

    from tests.fuzz.running import Fuzzer

SLICE_S = 1.0
"""How long a fuzzer runs before the next one does."""

KINDS_EACH = 5
"""Breaches of a fuzzer that are reduced and shown. With more, it is not run any longer."""

PROGRESS_S = 30.0

GRACE_S = 60.0
"""Beyond the time given: for a case under way, and for reducing what was found at the end."""


class Tried(NamedTuple):
    """What a worker did in one slice."""

    name: str
    cases: int
    inputs: int
    seconds: float


@dataclass
class Total:
    """Sums over all slices, by fuzzer."""

    cases: Counter[str] = field(default_factory=Counter)
    inputs: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    breaches: dict[tuple[str, str], Breach] = field(default_factory=dict)
    on_breach: Callable[[Breach], object] = lambda _: None

    def add(self, told: Tried | Breach) -> None:
        if isinstance(told, Breach):
            if (told.name, told.kind) not in self.breaches:
                self.breaches[told.name, told.kind] = told
                self.on_breach(told)
            return
        self.cases[told.name] += told.cases
        self.inputs[told.name] += told.inputs
        self.seconds[told.name] = self.seconds.get(told.name, 0.0) + told.seconds


def run(
    names: list[str],
    *,
    seed: int,
    workers: int,
    within_s: float,
    on_breach: Callable[[Breach], object],
) -> Total:
    """Run fuzzers for a time in some processes; tell of each breach when it is found."""
    context = multiprocessing.get_context("spawn")
    channel: Channel[Tried | Breach | None] = context.Queue()
    processes = [
        context.Process(
            target=_work, args=(names, seed, number, workers, within_s, channel), daemon=True
        )
        for number in range(workers)
    ]
    for process in processes:
        process.start()
    total, running, shown_s = Total(on_breach=on_breach), workers, time.monotonic()
    until_s = time.monotonic() + within_s + GRACE_S * len(names)
    while running and time.monotonic() < until_s:
        try:
            told = channel.get(timeout=5.0)
        except queue.Empty:
            if not any(one.is_alive() for one in processes):
                break
            continue
        if told is None:
            running -= 1
        else:
            total.add(told)
        if time.monotonic() - shown_s > PROGRESS_S:
            shown_s = time.monotonic()
            print(f"  {total.inputs.total():,} inputs, {len(total.breaches)} breaches", flush=True)
    if running:
        total.add(Breach("runner", seed, -1, "a process ended or hung", "", None))
    return total


def _work(
    names: list[str],
    seed: int,
    number: int,
    workers: int,
    within_s: float,
    channel: Channel[Tried | Breach | None],
) -> None:
    """Run the fuzzers in turn, on every ``workers``-th case."""
    fuzzers: dict[str, Fuzzer] = {name: FUZZERS[name]() for name in names}
    at = dict.fromkeys(names, number)
    kinds: dict[str, set[str]] = {name: set() for name in names}
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s and fuzzers:
        for name, fuzzer in list(fuzzers.items()):
            began_s = time.monotonic()
            cases, inputs, failed = run_cases(
                name,
                fuzzer,
                seed=seed,
                numbers=itertools.count(at[name], workers),
                until_s=min(began_s + SLICE_S, until_s),
            )
            at[name] += cases * workers
            channel.put(Tried(name, cases, inputs, time.monotonic() - began_s))
            if failed is None:
                continue
            failed_number, error = failed
            at[name] += workers
            if kind_of(error) not in kinds[name]:
                kinds[name].add(kind_of(error))
                channel.put(_breach(name, fuzzer, seed, failed_number, error))
            if len(kinds[name]) >= KINDS_EACH:
                del fuzzers[name]
    channel.put(None)


def _breach(name: str, fuzzer: Fuzzer, seed: int, number: int, error: BaseException) -> Breach:
    """Reduce a case; one that holds when it is run again is told as it was."""
    again = breach_of(name, fuzzer, seed=seed, number=number)
    return again or Breach(
        name, seed, number, f"{kind_of(error)}, not again", str(error)[:2000], None
    )
