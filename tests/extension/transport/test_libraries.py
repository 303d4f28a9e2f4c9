"""httpx and httpcore, loaded without what a sender of logs never uses."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from extension.diagnostics.log import STRUCTLOG
from extension.stand_ins import Placeholder
from extension.transport.libraries import HTTPCORE, HTTPX
from tests.doubles.scripted_server import ScriptedServer, make_certificate

pytestmark = pytest.mark.every_python

ROOT = Path(__file__).resolve().parents[3]

POST = """
import sys
from extension.light_typing import stand_in_for_typing
stand_in_for_typing()
import contextlib, json, time
from extension.transport.client import Transport
from extension.transport.errors import Unreachable
before = set(sys.modules)
if sys.argv[1:]:
    until_s = time.monotonic() + 20
    with contextlib.suppress(Unreachable):
        Transport().exchange("POST", sys.argv[1], headers={"A": "b"}, body=b"x", until_s=until_s)
if type(sys.modules["typing"]).__name__ == "StandIn":
    before.discard("typing")
print(json.dumps([sorted(before), sorted(set(sys.modules) - before - {"typing"})]))
"""

NEVER = {
    "_asyncio",
    "anyio",
    "asyncio",
    "certifi",
    "concurrent",
    "dataclasses",
    "email",
    "encodings.idna",
    "hashlib",
    "http",
    "http.cookiejar",
    "httpcore._async",
    "httpx._api",
    "httpx._auth",
    "httpx._client",
    "httpx._main",
    "httpx._multipart",
    "httpx._status_codes",
    "httpx._types",
    "idna",
    "ipaddress",
    "inspect",
    "logging",
    "mimetypes",
    "pathlib",
    "selectors",
    "typing",
    "unicodedata",
    "urllib.parse",
    "urllib.request",
}
"""A library that wants one of these at its top, as a later version may, is imported anew with all of them."""


def loaded(*arguments: str, **environ: str) -> tuple[set[str], set[str]]:
    """Return the modules that are loaded with the client, and those that a request loads as well."""
    done = subprocess.run(
        [sys.executable, "-c", POST, *arguments],
        cwd=ROOT,
        # The measurement of coverage loads modules of its own.
        env={name: value for name, value in os.environ.items() if "COV" not in name} | environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    before, more = json.loads(done.stdout)
    return set(before), set(more)


def test_libraries_load_nothing_that_a_sender_of_logs_never_uses() -> None:
    """The pinned versions find all that they look up at their tops in the stand-ins."""
    before, _ = loaded()

    assert before & (NEVER | {"ssl"}) == set()
    assert {"httpx._models", "httpcore._sync.connection_pool", "h11._connection"} <= before


def test_request_loads_nothing_more() -> None:
    """No name of the stand-ins is missing on the way of a request, with a cookie and a date in the answer."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: a=b\r\nDate: today\r\n\r\nOK"
    with ScriptedServer() as server:
        server.answers.append(answer)
        _, more = loaded(server.url)

    assert more == set()


def test_request_with_tls_loads_tls_and_nothing_else(tmp_path: Path) -> None:
    """It comes with the first host that needs it."""
    certificate = make_certificate(tmp_path)
    if certificate is None:
        pytest.skip("openssl, which makes the test's certificate, is not installed")
    with ScriptedServer(certificate) as server:
        _, more = loaded(server.url, SSL_CERT_FILE=str(certificate))

    assert "ssl" in more
    assert not more & NEVER


def test_foreign_name_loads_its_tables() -> None:
    """A sink whose name is ASCII, as nearly all are, never needs them."""
    _, more = loaded("http://bücher.invalid/")

    assert "idna.core" in more


def test_no_placeholder_has_a_name_that_the_package_imports() -> None:
    """Another sink's thread may import it just then, and would keep what does nothing."""
    empty = {
        (module, name)
        for table in (HTTPX, HTTPCORE, STRUCTLOG)
        for module, known in table.items()
        for name, value in (known or {}).items()
        if value is Placeholder
    }
    imported = {
        (node.module, alias.name)
        for path in (ROOT / "extension").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert ("http.cookiejar", "CookieJar") in empty
    assert ("base64", "b64encode") in imported
    # Only a type checker imports that one.
    assert imported & empty <= {("ssl", "SSLContext")}
