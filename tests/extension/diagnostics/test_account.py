"""The account."""

from extension.diagnostics.account import MAX_LOSSES, Account
from tests.doubles.extension.accounts import settled


def test_every_fate_counts_towards_what_is_settled() -> None:
    """Received is settled plus buffered."""
    account = Account()
    account.receive(lines=11, size_bytes=1000)

    account.keep("sampled", 1)
    account.keep("sampled", 1)
    account.drop("not-sampled", 3)
    account.lose("refused", 2)
    account.evict(2, request_id="a", failed=False)
    account.handed_to_stdout += 1

    assert settled(account) == 10
    assert account.received - settled(account) == 1


def test_the_summary_names_every_counter() -> None:
    """One line at SHUTDOWN tells everything, by reason."""
    account = Account()
    account.keep("timeout", 4)
    account.held_ms["outcome"] += 25.26

    summary = account.summary()

    assert summary["kept_lines"] == {"timeout": 4}
    assert summary["held_ms"] == {"outcome": 25.3, "delivery": 0.0}
    assert set(summary) >= {
        "received_lines",
        "dropped_lines",
        "evicted_lines",
        "lost_lines",
        "buffered_lines",
    }


def test_summary_tells_of_standard_output_where_lines_went_there() -> None:
    """They are no kept lines: nobody can tell whether Lambda may write them anywhere."""
    account = Account()
    without = account.summary()
    account.handed_to_stdout += 3

    assert "handed_to_stdout_lines" not in without
    assert account.summary()["handed_to_stdout_lines"] == 3
    assert account.summary()["kept_lines"] == {}


def test_an_invocation_that_loses_lines_to_the_bound_counts_once() -> None:
    """Healthy and failed ones are counted apart, however often each has to give."""
    account = Account()

    for _ in range(3):
        account.evict(10, request_id="a", failed=False)
    account.evict(1, request_id="b", failed=True)
    account.evict(0, request_id="c", failed=True)

    assert account.evicted == 31
    assert account.summary()["evicted_invocations"] == {"healthy": 1, "failed": 1}


def test_sink_that_names_ever_new_refusals_takes_no_more_memory() -> None:
    """Every line is counted all the same."""
    account = Account()

    for number in range(1000):
        account.lose(f"kind_{number}", 1)
    account.lose("kind_0", 1)

    assert len(account.lost) == MAX_LOSSES + 1
    assert (account.lost["kind_0"], account.lost["other"]) == (2, 1000 - MAX_LOSSES)


def test_account_counts_archived_lines_apart() -> None:
    """The archive's lines are no part of what was received and settled."""
    account = Account()
    account.receive(lines=1, size_bytes=100)

    account.archive.keep("archive", 1)
    account.archive.lose("denied", 2)
    account.archive.count_delivery("taken", sent_bytes=50)

    assert settled(account) == 0
    assert account.summary()["archive"] == {
        "kept_lines": 1,
        "evicted_lines": 0,
        "lost_lines": {"denied": 2},
        "delivered_bytes": 50,
        "deliveries": {"taken": 1},
    }
