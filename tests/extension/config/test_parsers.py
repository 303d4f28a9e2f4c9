"""How the text of a setting is read; every setting's own values are in test_config.py."""

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from extension.config import parsers


def refuses(read: Callable[[str], object], text: str) -> bool:
    """Tells whether reading raises ValueError, which is how a value is refused."""
    try:
        read(text)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize(
    "text",
    [
        "cloudwatch:/aws/lambda/shop-1.x_y#z",
        "s3://abc",
        "s3://a-b.c/",
        "firehose:s",
        "HTTPS://Host/Path",
        "Loki+HTTP://host",
        "https://user:password@host:8443/a?b=c&d=%20#e",
        "https://[::1]:8080/in",
        "file:relative",
        "file:///absolute",
        "stdout",
    ],
)
def test_a_sink_in_every_form(text: str) -> None:
    """What is accepted comes back as it was written, but for the colon that may be left out."""
    assert parsers.read_sink(text) == (text if ":" in text else text + ":")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "cloud watch:",
        "s3:///prefix",
        "s3://-a/",
        "s3://bucket/a/../b",
        "https:///path",
        "https://?q",
        "https://a b/",
    ],
)
def test_what_is_no_sink(text: str) -> None:
    """A form that nothing could be delivered to is refused when it is read, not when it is needed."""
    assert refuses(parsers.read_sink, text)


@given(text=st.text(max_size=40))
def test_whatever_is_read_as_a_sink_is_refused_or_used(text: str) -> None:
    """Nothing else comes of it."""
    assert refuses(parsers.read_sink, text) or parsers.read_sink(text).startswith(text)


@pytest.mark.parametrize(("text", "days"), [("1", 1), ("3653", 3653), ("365", 365)])
def test_a_retention_is_one_that_cloudwatch_offers(text: str, days: int) -> None:
    """A number of days from a list (AWS: PutRetentionPolicy)."""
    assert parsers.read_retention_days(text) == days


def test_an_interval_has_a_least_and_a_most() -> None:
    """From half a minute to a quarter of an hour."""
    assert parsers.read_interval_ms("30s") == parsers.MIN_REFRESH_INTERVAL_MS
    assert refuses(parsers.read_interval_ms, "29999ms")
    assert refuses(parsers.read_interval_ms, "16m")
