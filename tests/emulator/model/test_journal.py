"""Test the account of what passed between the emulator and the processes."""

from tests.doubles.probe import Start


def test_the_journal_tells_what_an_extension_costs(start: Start) -> None:
    """spawn, register, subscribe, next, event, batch, in this order and on one clock."""
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
