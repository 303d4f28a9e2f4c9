import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from extension import __version__
from extension.model.chunk import Chunk
from extension.model.ndjson import encode
from extension.model.receipt import Answer, Receipt
from extension.sinks.base import SinkConfig
from extension.sinks.http import HttpSink, gzipped, read_url
from tests.doubles.extension.chunks import at, chunk, lines, now
from tests.doubles.lambda_events import line
from tests.doubles.scripted_server import OK, ScriptedServer, status
from tests.extension.sinks.formats.cases import AWKWARD
from tests.services import clickhouse, tls

WAIT_S = 5.0


def sink_of(url: str, **headers: str) -> HttpSink:
    return HttpSink(SinkConfig(url, {}, tuple(headers.items())))


@pytest.fixture
def sink(server: ScriptedServer) -> Iterator[HttpSink]:
    opened = sink_of(server.url)
    yield opened
    opened.close()


def send(sink: HttpSink, *texts: str, timeout_s: float = WAIT_S) -> Receipt:
    return sink.send([lines(*(texts or ("line",)))], timeout_s=timeout_s)


def test_sink_posts_gzipped_ndjson(server: ScriptedServer, sink: HttpSink) -> None:
    """One POST to the URL, whose body is the records and whose headers say so."""
    batch = [lines("first", "naïve ☃")]

    receipt = sink.send(batch, timeout_s=WAIT_S)

    head, body = server.requests[0].parts
    assert head.startswith(b"POST /in?a=b HTTP/1.1\r\n")
    assert gzip.decompress(body) == encode(batch)
    assert receipt == Receipt(Answer.TAKEN, sent_bytes=len(body))
    headers = server.requests[-1].headers
    assert headers["content-type"] == "application/x-ndjson"
    assert headers["content-encoding"] == "gzip"
    assert headers["user-agent"] == f"flight-recorder/{__version__}"
    assert headers["host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://HOST", b"/"),
        ("HTTP://HOST", b"/"),
        ("Http://HOST/A", b"/A"),
        ("json+http://HOST/in", b"/in"),
        ("http://HOST?token=a+b", b"/?token=a+b"),
        ("http://HOST/a+b", b"/a+b"),
        ("http://HOST/a?b=c%20d/e", b"/a?b=c%20d/e"),
        ("LOKI+http://HOST", b"/loki/api/v1/push"),
        ("loki+http://HOST/?a=b", b"/loki/api/v1/push?a=b"),
        ("loki+http://HOST/x+y", b"/x+y"),
        ("splunk+http://HOST", b"/services/collector/event"),
        ("datadog+http://HOST?ddtags=env:a", b"/api/v2/logs?ddtags=env:a"),
        ("logzio+http://HOST?token=t", b"/?token=t"),
        ("otlp+http://HOST", b"/v1/logs"),
        ("otlp+http://HOST/", b"/v1/logs"),
        ("otlp+http://HOST/otlp/v1/logs", b"/otlp/v1/logs"),
        ("otlp+http://HOST/api/", b"/api/"),
        ("otlp+http://HOST?key=a/b", b"/v1/logs?key=a/b"),
        ("otlp+http://HOST/?key=a", b"/v1/logs?key=a"),
        ("otlp+http://HOST/in?key=a?b", b"/in?key=a?b"),
        ("otlp+http://HOST#part", b"/v1/logs"),
        ("loki+http://HOST/?a=b#part", b"/loki/api/v1/push?a=b"),
        ("otlp+HTTP://user:pass@HOST", b"/v1/logs"),
    ],
)
def test_sink_posts_to_the_url_or_to_the_intakes_path(
    server: ScriptedServer, url: str, target: bytes
) -> None:
    """The URL as it is written; where it has no path, the one that the intake listens on."""
    sink = sink_of(url.replace("HOST", f"127.0.0.1:{server.port}"))

    send(sink)
    sink.close()

    assert server.requests[0].head.split(b" ")[1] == target


def test_read_url_keeps_the_brackets_of_an_ip_v6_address() -> None:
    """A port follows them, and no path does."""
    assert read_url("OTLP+http://[::1]:4318") == ("otlp", "http://[::1]:4318", "", "")


def test_sink_sends_the_users_headers(server: ScriptedServer) -> None:
    """SINK_HEADERS go with every request, and may replace ours; two of one name are joined (RFC 9110, section 5.3)."""
    tags = (("X-Tag", "a"), ("x-tag", "b"))
    headers = (
        ("Authorization", "Bearer s3cret"),
        ("user-agent", "mine"),
        ("content-type", "text/x"),
    )
    sink = HttpSink(SinkConfig(server.url, {}, headers + tags))

    send(sink)
    sink.close()

    sent = server.requests[-1].headers
    assert {name: sent[name.lower()] for name, _ in headers} == dict(headers)
    assert sent["x-tag"] == "a, b"
    for name in (b"user-agent:", b"content-type:"):
        assert server.requests[0].head.lower().count(name) == 1


def test_sink_is_unavailable_for_a_header_that_cannot_be_sent() -> None:
    """A value that no header can hold is told with the first batch, and opens the sink all the same."""
    sink = sink_of("http://127.0.0.1:1/", Authorization="schlüssel")

    assert send(sink) == Receipt(Answer.UNAVAILABLE, "a header cannot be sent as it is")


@pytest.mark.parametrize(("coding", "sent"), [("identity", None), ("x-none", "x-none")])
def test_content_encoding_of_the_user_turns_compression_off(
    server: ScriptedServer, coding: str, sent: str | None
) -> None:
    """A receiver that reads no gzip is told so by a header of the user's."""
    sink = sink_of(server.url, **{"content-encoding": coding})

    receipt = send(sink, "a")
    sink.close()

    assert server.requests[0].body == encode([lines("a")])
    assert server.requests[-1].headers.get("content-encoding") == sent
    assert receipt.sent_bytes == len(encode([lines("a")]))


def test_gzipped_has_the_same_bytes_each_time() -> None:
    """What compresses for other sinks makes the same bytes each time as well."""
    data = b"a line\n" * 1000

    assert gzip.decompress(gzipped([data])) == data
    assert gzipped([data])[4:8] == bytes(4)


@pytest.mark.parametrize(
    ("code", "answer"), [(204, Answer.TAKEN), (503, Answer.UNAVAILABLE), (415, Answer.REFUSED)]
)
def test_sink_passes_on_the_meaning_of_a_status(
    server: ScriptedServer, sink: HttpSink, code: int, answer: Answer
) -> None:
    """What an answer means is told on, and a connection that was answered is used again."""
    server.answers = [status(code, "Retry-After: 7", body=b"" if code == 204 else b"no!")]

    receipts = [send(sink), send(sink)]

    assert receipts[0].answer is answer
    assert receipts[0].detail == ("" if answer is Answer.TAKEN else f"status {code}")
    assert receipts[0].retry_after_s == (7.0 if answer is Answer.UNAVAILABLE else None)
    assert receipts[1].answer is Answer.TAKEN
    assert server.connections == 1


def test_sink_replaces_a_dead_connection_silently(server: ScriptedServer, sink: HttpSink) -> None:
    """After a thaw the old connection is gone: the batch goes over a fresh one, and nobody hears of it."""
    send(sink, "a")
    server.drop()

    receipt = send(sink, "b")

    assert receipt.answer is Answer.TAKEN
    assert server.connections == 2


def test_requests_of_a_batch_share_its_time(server: ScriptedServer) -> None:
    """Where a batch needs several requests, they have together what one would have."""

    def slowly(connection: socket.socket, _body: bytes) -> bool:
        server.released.wait(0.6)
        connection.sendall(OK)
        return True

    server.answers = [slowly] * 5
    sink = sink_of(f"datadog+{server.url}")

    receipt = sink.send([lines(*["a"] * 5000)], timeout_s=1.5)
    sink.close()

    assert receipt.answer is Answer.UNAVAILABLE
    # Each by itself has time enough: five requests with a time of their own would all be taken.
    assert 0 < len(receipt.taken) < 5000


def test_abort_breaks_off_an_answer_that_trickles(server: ScriptedServer, sink: HttpSink) -> None:
    """No time-out ends an answer whose head comes byte by byte; aborting does."""
    server.answers = [server.trickle(b"HTTP/1.1 200 O", b"K")]
    threading.Timer(0.3, sink.abort).start()
    began = time.monotonic()

    receipt = send(sink, timeout_s=0.2)

    assert receipt.answer is Answer.UNAVAILABLE
    assert time.monotonic() - began < 1.0


def test_sink_believes_a_status_before_the_rest_of_the_answer(
    server: ScriptedServer, sink: HttpSink
) -> None:
    """A batch whose success has been said is not sent again because the rest of the answer is slow."""
    server.answers = [server.trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x")]

    assert send(sink, timeout_s=0.2).answer is Answer.TAKEN


@pytest.mark.parametrize(
    "url",
    ["http://[::1/", "http://\x00/", "http://h:port/", "http:///path", "http:", "loki+http:///x"],
)
def test_sink_refuses_an_invalid_url(url: str) -> None:
    """Trying again would not mend it."""
    sink = sink_of(url)

    receipt = send(sink)
    sink.close()

    assert receipt == Receipt(Answer.REFUSED, "the URL is not valid")


# With real receivers -------------------------------------------------------------------------------------------------


def known() -> list[Chunk]:
    told = [line(text, time=at(now(), milliseconds=n)) for n, text in enumerate(AWKWARD)]
    return [chunk(told, first_number=70)]


@pytest.mark.services
def test_clickhouse_stores_every_line_as_it_was_written() -> None:
    """NDJSON is ``JSONEachRow`` to it: what it stored, read back, is what the function wrote, in order."""
    database = clickhouse.server()
    table = database.make_table()
    sink = sink_of(database.insert_url(table))
    batch = known()

    receipts = [sink.send(batch, timeout_s=WAIT_S) for _ in range(2)]
    sink.close()

    assert [one.answer for one in receipts] == [Answer.TAKEN, Answer.TAKEN]
    rows = database.rows(table)
    expected = [json.loads(one) for one in encode(batch).splitlines()]
    assert rows == [{name: one.get(name, "") for name in rows[0]} for one in expected]
    assert [one["record"] for one in rows] == AWKWARD
    # The second delivery is recognised by its ids.
    assert database.rows(table, "count() AS n, uniq(id) AS ids", order_by="n") == [
        {"n": str(2 * len(AWKWARD)), "ids": str(len(AWKWARD))}
    ]


@pytest.mark.services
def test_clickhouse_refuses_a_record_of_another_type() -> None:
    """A record that is not of the column's type is said to be unreadable: the batch is cut until it is found."""
    database = clickhouse.server()
    table = database.make_table()
    sink = sink_of(database.insert_url(table))

    unreadable = sink.send([lines({"an": "object"})], timeout_s=WAIT_S)
    missing = sink_of(database.insert_url("no_such_table"))
    absent = send(missing)
    after = send(sink, "text")
    for one in (sink, missing):
        one.close()

    assert unreadable.answer is Answer.UNREADABLE
    assert absent == Receipt(Answer.DENIED, "status 404")
    assert after.answer is Answer.TAKEN


@pytest.mark.services
@pytest.mark.parametrize("kind", ["", "json+"])
def test_sink_trusts_a_private_authority_that_the_environment_names(kind: str) -> None:
    """Caddy, with a certificate of its own authority, is sent the batch, over one connection."""
    front = tls.front()
    sink = HttpSink(SinkConfig(f"{kind}{front.url}", {"SSL_CERT_FILE": str(front.authority)}))

    receipts = [sink.send(known(), timeout_s=WAIT_S) for _ in range(2)]
    sink.close()

    assert [one.answer for one in receipts] == [Answer.TAKEN, Answer.TAKEN]


@pytest.mark.services
def test_sink_trusts_no_authority_that_nobody_named() -> None:
    """Nothing is sent, and what is the matter is said in words that help."""
    front = tls.front()
    sink = sink_of(front.url)

    receipt = send(sink)
    sink.close()

    assert receipt == Receipt(Answer.UNAVAILABLE, "the certificate is not trusted")


@pytest.mark.services
def test_sink_passes_on_a_bound_on_bodies() -> None:
    """What Caddy finds too large is said to be so, and what is smaller goes on being taken."""
    front = tls.front()
    environ = {"SSL_CERT_FILE": str(front.authority)}
    sink = HttpSink(SinkConfig(front.url + "bounded", environ, (("Content-Encoding", "identity"),)))

    large = send(sink, "x" * 2 * tls.MAX_BODY_BYTES)
    small = send(sink, "x")
    sink.close()

    assert large == Receipt(Answer.TOO_LARGE, "status 413")
    assert small.answer is Answer.TAKEN


@pytest.mark.services
def test_clickhouse_stores_every_line_behind_tls(tmp_path: Path) -> None:
    """A real database behind a real front: the lines come through both."""
    database = clickhouse.server()
    table = database.make_table()
    front = tls.front()
    path = database.insert_url(table).partition("://")[2].partition("/")[2]
    headers = (("X-Upstream", database.address),)
    config = SinkConfig(f"{front.url}to/{path}", {"SSL_CERT_FILE": str(front.authority)}, headers)
    sink = HttpSink(config)

    receipt = sink.send(known(), timeout_s=WAIT_S)
    sink.close()

    assert receipt.answer is Answer.TAKEN
    rows = database.rows(table)
    assert [one["record"] for one in rows] == AWKWARD
