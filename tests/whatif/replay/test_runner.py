import os
import signal

import pytest

from whatif.model.log import Environment
from whatif.replay.batches import Batch
from whatif.replay.runner import LocalRunner, ParallelRunner, Plan, RunnerError, runner_for
from whatif.replay.suggestion import Suggestion

pytestmark = pytest.mark.every_python

BATCH = Batch([], b'[{"time":"","type":"function","record":"x"}]')


def test_runner_counts_small_logs_in_this_process() -> None:
    """The start of others takes longer than a small log."""
    assert isinstance(runner_for(Plan([{}, {}]), size_bytes=1000), LocalRunner)


def test_runner_notices_a_dead_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command ends with a sentence instead of waiting for ever."""
    monkeypatch.setattr("whatif.replay.runner._POLL_S", 0.02)
    runner = ParallelRunner(Plan([{}, {}]), 2)
    runner.take(Environment("shop", "e"), BATCH)
    victim = runner._processes[1].pid
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    try:
        with pytest.raises(RunnerError, match="ended with code -9"):
            runner.finish()
    finally:
        runner.abort()

    assert not any(process.is_alive() for process in runner._processes)


def test_runner_stops_its_processes_on_abort() -> None:
    """Nothing is left running when reading has failed."""
    runner = ParallelRunner(Plan([{}]), 1)

    runner.abort()

    assert not runner._processes[0].is_alive()


def test_plan_keeps_the_comparison_with_the_users_own_settings() -> None:
    """Both replays see a batch in one process; the other processes compare nothing."""
    variables = [{"N": str(number)} for number in range(5)]
    suggestion = Suggestion((), {}, {})
    plan = Plan(variables, own=3, suggestion=suggestion)

    slices = [plan.slice_of(number, 2) for number in range(2)]

    assert slices == [
        Plan([variables[0], variables[2], variables[4]]),
        Plan([variables[1], variables[3]], own=1, suggestion=suggestion),
    ]
    assert Plan(variables).slice_of(1, 2) == Plan([variables[1], variables[3]])
