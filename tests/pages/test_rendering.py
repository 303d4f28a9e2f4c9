"""Pages are tried in a browser with those who make them; here is what all of them promise."""

import re

import pytest
from jinja2 import UndefinedError

from pages.rendering import render

VALUES = {"lead": "<b>&", "notes": [], "kinds": [], "rows": [], "error_lines": []}


def test_text_is_escaped() -> None:
    """A log may hold markup."""
    assert "&lt;b&gt;&amp;" in render("show.report", "list.html", VALUES)


def test_page_allows_no_script_and_nothing_from_outside() -> None:
    """It can be sent by mail, and tells nobody that it was opened."""
    page = render("show.report", "list.html", VALUES)

    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert not re.search(r"https?:|src=|href=|url\(|@import|<script|<link", page)


def test_a_value_that_is_missing_is_an_error() -> None:
    """Not an empty place that nobody sees."""
    with pytest.raises(UndefinedError):
        render("show.report", "list.html", {"lead": "x"})
