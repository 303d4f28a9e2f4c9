"""The account."""

from extension.account import Account


def test_every_fate_counts_towards_what_is_settled() -> None:
    """Received is settled plus buffered."""
    account = Account()
    account.receive(lines=10, size_bytes=1000)

    account.keep("sampled", 1)
    account.keep("sampled", 1)
    account.drop("not-sampled", 3)
    account.lose("refused", 2)
    account.evicted += 2

    assert account.settled() == 9
    assert account.received - account.settled() == 1


def test_the_summary_names_every_counter() -> None:
    """One line at SHUTDOWN tells everything, by reason."""
    account = Account()
    account.keep("timeout", 4)
    account.held_ms = 1.26

    summary = account.summary()

    assert summary["kept_lines"] == {"timeout": 4}
    assert summary["held_ms"] == 1.3
    assert set(summary) >= {
        "received_lines",
        "dropped_lines",
        "evicted_lines",
        "lost_lines",
        "buffered_lines",
    }
