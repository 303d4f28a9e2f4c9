"""Test the account of what passed between the emulator and the processes."""

from tests.doubles.emulator.probe import Start


def test_journal_orders_the_calls_of_an_extension(start: Start) -> None:
    """Users read the cost of a start off the times."""
    cloud = start(probe={})

    cloud.invoke({})
    cloud.shutdown()

    journal = cloud.journal
    order = ["spawn", "register", "subscribe", "next", "event", "exit"]
    times = [journal.first(kind, "probe").at_ns for kind in order]
    assert times == sorted(times)
    assert journal.first("register").detail["headers"]["lambda-extension-name"] == "probe"
    batch = journal.first("batch", "probe").detail
    assert batch["types"][0] == "platform.initStart"
    assert batch["duration_ms"] < 1_000
