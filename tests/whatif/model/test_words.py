import pytest

from whatif.model.words import bytes_text, counted, listed, share_text, span_text, usd_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (counted(1, "invocation"), "1 invocation"),
        (counted(0, "line"), "0 lines"),
        (counted(1234, "file more"), "1,234 files more"),
        (listed(["a"]), "a"),
        (listed(["a", "b"]), "a and b"),
        (listed(["a", "b", "c"], last="or"), "a, b or c"),
    ],
)
def test_words_write_counts_and_lists(text: str, expected: str) -> None:
    """One is one, and two are more."""
    assert text == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (share_text(1, 3), "33%"),
        (share_text(1, 30), "3.3%"),
        (share_text(0, 30), "0%"),
        (share_text(1, 0), ""),
        (usd_text(1234.5), "1,234.50"),
        (usd_text(0.01234), "0.012"),
        (usd_text(0), "0.00"),
        (usd_text(1.1e-8), "<0.0001"),
        (bytes_text(999), "999 bytes"),
        (bytes_text(8_057_009), "8.06 MB"),
        (span_text(90), "90 seconds"),
        (span_text(7200), "2 hours"),
        (span_text(86_400 * 3), "3 days"),
        (span_text(86_400 * 1284), "1,284 days"),
    ],
)
def test_figures_have_the_digits_that_matter(text: str, expected: str) -> None:
    """People read no more than three."""
    assert text == expected
