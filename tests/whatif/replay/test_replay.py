import json

from extension.config.settings import Settings
from extension.recorder.recorder import REMEMBERED_INVOCATIONS
from whatif.replay.batches import Batch
from whatif.replay.replay import Replay
from whatif.replay.tally import Tally

TIME = "2026-11-20T08:00:00.000Z"


def batch(request_id: str, *lines: str, status: str = "success") -> Batch:
    record = {"requestId": request_id, "status": status, "metrics": {"durationMs": 1}}
    events = [
        {"time": TIME, "type": "platform.start", "record": {"requestId": request_id}},
        *({"time": TIME, "type": "function", "record": line} for line in lines),
        {"time": TIME, "type": "platform.runtimeDone", "record": record},
        {"time": TIME, "type": "platform.report", "record": record},
    ]
    return Batch([(request_id, "")], json.dumps(events, separators=(",", ":")).encode())


def test_an_environment_s_account_adds_up() -> None:
    """Every line that is taken in is delivered or let go when the environment has ended."""
    tally = Tally()
    replay = Replay(Settings(sample_rate=0.5), tally, environment_id="e")

    for number in range(40):
        replay.take(
            batch(
                f"request-{number}",
                "one\n",
                "two\n",
                status=["success", "timeout"][number % 9 == 0],
            )
        )
    replay.close()

    assert tally.received == 80
    assert tally.kept_lines + tally.dropped + tally.evicted == tally.received
    assert (tally.invocations, dict(tally.failures)) == (40, {"timeout": 5})
    assert 0 < tally.kept["sampled"] < 35


def test_what_is_remembered_of_invocations_has_a_bound() -> None:
    """A long log does not leave every invocation in memory."""
    replay = Replay(Settings(sample_rate=1.0), Tally(), environment_id="e")

    for number in range(5 * REMEMBERED_INVOCATIONS):
        replay.take(batch(f"request-{number}", "one\n"))

    assert len(replay._followed) <= 2 * REMEMBERED_INVOCATIONS


def test_the_decision_is_the_extension_s_own() -> None:
    """The same request ids are kept, whatever environment they come to."""
    kept = []
    for environment in ("a", "b"):
        tally = Tally()
        replay = Replay(Settings(sample_rate=0.2), tally, environment_id=environment)
        for number in range(50):
            replay.take(batch(f"request-{number}", "one\n"))
        replay.close()
        kept.append(tally.kept["sampled"])

    assert kept[0] == kept[1] > 0
