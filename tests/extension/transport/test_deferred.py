"""Modules that are loaded when something of them is asked for."""

import subprocess
import sys

import pytest

from extension.transport.deferred import defer


def test_the_tables_for_foreign_names_are_loaded_when_such_a_name_comes() -> None:
    """A sink whose name is ASCII, as nearly all are, never needs them."""
    program = (
        "import sys\nimport extension.transport.client, httpx\n"
        "httpx.Client().build_request('GET', 'https://example.com/a').url.raw_host\n"
        "print('idna.core' in sys.modules)\n"
        "print(httpx.URL('https://bücher.example/').raw_host)\n"
        "print('idna.core' in sys.modules)\n"
    )

    printed = subprocess.check_output([sys.executable, "-c", program], text=True, timeout=30)

    assert printed.splitlines() == ["False", "b'xn--bcher-kva.example'", "True"]


def test_a_module_that_is_loaded_already_stays_as_it_is() -> None:
    """So does one that is not there: whoever imports it is told."""
    before = sys.modules["subprocess"]

    defer("subprocess")
    defer("no_such_module_anywhere")

    assert sys.modules["subprocess"] is before
    with pytest.raises(ImportError):
        __import__("no_such_module_anywhere")
