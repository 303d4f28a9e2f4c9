import pytest

from whatif.model.words import counted, listed


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
