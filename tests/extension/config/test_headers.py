"""Headers of a sink: text in, names and values out."""

import pytest
from hypothesis import given, strategies as st

from extension.config.headers import read_headers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1", [("A", "1")]),
        ("A = 1 ,b-c=2,D=", [("A", "1"), ("b-c", "2"), ("D", "")]),
        ("Authorization=Basic dTpw==", [("Authorization", "Basic dTpw==")]),
        ("VL-Stream-Fields=function,level", [("VL-Stream-Fields", "function,level")]),
        ("A=1, 2 ,3,B=4, 5", [("A", "1, 2 ,3"), ("B", "4, 5")]),
        ("A=1,,B=2,", [("A", "1"), ("B", "2")]),
        ('"A=1, b=2", C=3', [("A", "1, b=2"), ("C", "3")]),
        ('"A=say ""hi"", c=d"', [("A", 'say "hi", c=d')]),
        ('A="x", "y" ,B=1', [("A", '"x", "y"'), ("B", "1")]),
        ("A=1,A=2", [("A", "1"), ("A", "2")]),
        ("A=100%, B=%2C", [("A", "100%"), ("B", "%2C")]),
    ],
)
def test_headers_are_read(text: str, expected: list[tuple[str, str]]) -> None:
    """A comma stands between headers, or in a value that goes on without ``=``, or within quotes."""
    assert read_headers(text) == (tuple(expected), ())


@pytest.mark.parametrize(
    ("text", "sent", "problem"),
    [
        ("A=1, B=é", "A", "left out: B"),
        ("s3cret, A=1", "A", "left out: header 1"),
        ("A=1, s3 cret=2, more", "A", "left out: header 2"),
        ("A=1, B=s3cret\x00, =s3cret, C=2", "A C", "left out: B, header 3"),
        ('"A=s3cret, B=1', "B", "left out: header 1"),
    ],
)
def test_header_that_cannot_be_sent_is_left_out_alone(text: str, sent: str, problem: str) -> None:
    """It is told by its name, or by its place where that may be a part of a secret."""
    headers = read_headers(text)

    assert [name for name, _ in headers.sent] == sent.split()
    assert headers.problems == (problem,)
    assert "more" not in repr(headers)


@given(
    headers=st.lists(
        st.tuples(
            st.from_regex(r"[A-Za-z-]{1,9}", fullmatch=True),
            st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_header_can_be_written_in_quotes(headers: list[tuple[str, str]]) -> None:
    """Whatever a value holds, there is a way to send it."""
    text = ",".join('"' + f"{name}={value}".replace('"', '""') + '"' for name, value in headers)

    expected = tuple((name, value.strip()) for name, value in headers)
    assert read_headers(text) == (expected, ())
