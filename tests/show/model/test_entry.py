from show.model.entry import in_order
from tests.doubles.kept import entries, record


def test_text_has_no_newline_at_its_end() -> None:
    """Lines are shown one by one, and objects as JSON."""
    first, second = entries(record(1, "two\nlines\n"), record(2, {"n": 1}))

    assert (first.text, second.text) == ("two\nlines", '{"n":1}')


def test_records_are_in_the_order_of_their_numbers() -> None:
    """As numbers, not as text. Times may go back."""
    made = entries(record(10, "b", at_ms=1), record(9, "a", at_ms=2))

    assert [entry.text for entry in in_order(made)] == ["a", "b"]


def test_metrics_and_history_are_known() -> None:
    """Both are kept of invocations that were let go of."""
    metrics, history = entries(
        record(1, '{"_aws":{"CloudWatchMetrics":[]}}', reason="emf"),
        record(2, "a", reason="history", weight=0),
    )

    assert (metrics.is_metrics, metrics.is_history) == (True, False)
    assert (history.is_metrics, history.is_history) == (False, True)
