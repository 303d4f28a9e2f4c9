import pytest

from extension.config.settings import Settings, read_settings
from extension.model.chunk import Chunk, Metadata
from extension.model.segment import Kind, Segment
from extension.recorder.recorder import REMEMBERED_INVOCATIONS
from tests.doubles.shop_logs import posted
from whatif.replay.replay import Replay, Requests
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


# Requests -----------------------------------------------------------------------------------------------------------


def chunk(at_s: int, *, failed: bool, kind: Kind = Kind.LINES, size: int = 10) -> Chunk:
    time = f"2026-11-24T15:{at_s // 60:02}:{at_s % 60:02}.000Z"
    raw = b'{"time":"%s","type":"function","record":"%s"}' % (time.encode(), b"x" * size)
    metadata = Metadata("id", "", "f", "1", "e", "crash" if failed else "sampled", 1.0, failed)
    return Chunk(metadata, [Segment(raw, count=1, first_number=at_s, kind=kind)])


def healthy(at_s: int, *, size: int = 10) -> Chunk:
    return chunk(at_s, failed=False, size=size)


def failure(at_s: int) -> list[Chunk]:
    return [chunk(at_s, failed=True), chunk(at_s, failed=True, kind=Kind.SUMMARY)]


def report(at_s: int) -> Chunk:
    return chunk(at_s, failed=True, kind=Kind.EVENT)


@pytest.mark.parametrize(
    ("chunks", "sent"),
    [
        ([], 0),
        ([healthy(0)], 1),
        ([healthy(0), healthy(59)], 1),
        ([healthy(0), healthy(61)], 2),
        ([*failure(0), report(1)], 2),
        ([*failure(0), report(1), healthy(2), *failure(30), report(31)], 3),
        ([healthy(0), *failure(10), healthy(20), healthy(30)], 2),
        ([healthy(0, size=600_000), healthy(1, size=600_000), healthy(2)], 2),
    ],
    ids=[
        "nothing",
        "what waits at the end",
        "one lot",
        "one a minute",
        "a report follows its failure at the end",
        "a report goes with the next failure",
        "a failure takes along what waits",
        "a full batch does not wait",
    ],
)
def test_requests_are_those_of_the_extension(chunks: list[Chunk], sent: int) -> None:
    """Healthy lines wait a minute, or for a full batch; failures do not."""
    requests = Requests(read_settings({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"})[0])

    assert sum(requests.take(one) for one in chunks) + requests.end() == sent


def test_without_linger_each_kept_invocation_is_a_request() -> None:
    """LINGER of the user's own settings counts."""
    requests = Requests(read_settings({"FLIGHT_RECORDER_LINGER": "0s"})[0])

    assert [requests.take(healthy(at_s)) for at_s in range(3)] == [1, 1, 1]
    assert requests.end() == 0


@pytest.mark.every_python
@pytest.mark.parametrize("digits", ["000", "000000"])
def test_times_of_both_lengths_move_the_clock(digits: str) -> None:
    """The text of a log has milliseconds, and `aws logs tail` microseconds. Python 3.10 parses neither if it is cut."""
    requests = Requests(read_settings({})[0])
    first, second = (
        Segment(
            f'{{"time":"2026-11-24T15:0{minute}:00.{digits}Z"}}'.encode(),
            count=1,
            first_number=minute,
        )
        for minute in (0, 2)
    )

    counts = [requests.take(Chunk(healthy(0).metadata, [one])) for one in (first, second)]

    assert counts == [0, 1]


def test_a_time_that_cannot_be_read_does_not_stop_the_clock() -> None:
    """Logs come in any state."""
    requests = Requests(read_settings({})[0])
    broken = Segment(b'{"time":"yesterday"}', count=1, first_number=1)

    counts = [
        requests.take(healthy(0)),
        requests.take(Chunk(healthy(0).metadata, [broken])),
        requests.take(healthy(61)),
    ]
    assert counts == [0, 0, 1]
