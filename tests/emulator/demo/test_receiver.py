"""Test the sink of the demo."""

import contextlib
import gzip
import http.client

from emulator.demo.receiver import Receiver


def post(url: str, body: bytes, encoding: str) -> int:
    address = url.removeprefix("http://").rstrip("/")
    with contextlib.closing(http.client.HTTPConnection(address, timeout=5)) as connection:
        connection.request("POST", "/", body, {"Content-Encoding": encoding})
        return connection.getresponse().status


def test_receiver_takes_gzipped_records_and_refuses_the_rest() -> None:
    """A body that the demo cannot read must show as a fault, not vanish."""
    body = gzip.compress(
        b'{"type":"function","record":"a","requestId":"r-1"}\n{"requestId":"r-2"}\n'
    )

    with Receiver() as sink:
        statuses = [
            post(sink.url, body, "gzip"),
            post(sink.url, b"no", "gzip"),
            post(sink.url, b"[]", ""),
        ]

        assert statuses == [200, 400, 400]
        assert [(r.is_line, r.size_bytes) for r in sink.of("r-1")] == [(True, 50)]
        assert len(sink.records) == 2
        assert len(sink.refused) == 2
        assert sink.wire_bytes == len(body)
