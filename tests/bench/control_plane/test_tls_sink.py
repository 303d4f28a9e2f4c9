import http.client
import ssl
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bench.control_plane.tls_sink import TlsSink, make_certificate


def test_sink_notes_when_a_delivery_has_arrived(tmp_path: Path) -> None:
    """Its certificate passes the strict checks of Python's default context, as an authority of the layer's has to."""
    certificate = make_certificate(tmp_path)
    if certificate is None:
        pytest.skip("openssl is missing")
    context = ssl.create_default_context(cafile=str(certificate))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    began_ns = time.monotonic_ns()

    with TlsSink(certificate) as sink:
        address = urlsplit(sink.url).netloc
        client = http.client.HTTPSConnection(address, context=context, timeout=20)
        client.request("POST", "/", body=b"[]")
        status = client.getresponse().status
        client.close()

    assert status == 200
    assert sink.taken.is_set()
    assert [began_ns < at_ns < time.monotonic_ns() for at_ns in sink.taken_ns] == [True]
