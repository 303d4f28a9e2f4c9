from extension.config.settings import Settings
from extension.recorder.recorder import REMEMBERED_INVOCATIONS
from tests.doubles.shop_logs import posted
from whatif.replay.replay import Replay
from whatif.replay.tally import Tally


def test_replay_accounts_for_every_line() -> None:
    """Received lines are delivered, dropped or evicted, or a figure of the report is wrong."""
    tally = Tally()
    replay = Replay(Settings(sample_rate=0.5), tally, environment_id="e")

    for number in range(40):
        replay.take(
            posted(
                f"request-{number}",
                "one\n",
                "two\n",
                status=["success", "timeout"][number % 9 == 0],
            )
        )
    replay.end()
    replay.close()

    assert tally.received == 80
    assert tally.kept_lines + tally.dropped + tally.evicted == tally.received
    assert (tally.invocations, dict(tally.failures)) == (40, {"timeout": 5})
    assert 0 < tally.kept["sampled"] < 35


def test_replay_bounds_the_invocations_in_memory() -> None:
    """A long log must not fill the memory."""
    replay = Replay(Settings(sample_rate=1.0), Tally(), environment_id="e")

    for number in range(5 * REMEMBERED_INVOCATIONS):
        replay.take(posted(f"request-{number}", "one\n"))
        replay.trim()

    assert len(replay.followed) <= 2 * REMEMBERED_INVOCATIONS


def test_replay_decides_alike_in_every_environment() -> None:
    """The decision depends on the request id alone."""
    kept = []
    for environment in ("a", "b"):
        tally = Tally()
        replay = Replay(Settings(sample_rate=0.2), tally, environment_id=environment)
        for number in range(50):
            replay.take(posted(f"request-{number}", "one\n"))
        replay.end()
        replay.close()
        kept.append(tally.kept["sampled"])

    assert kept[0] == kept[1] > 0
