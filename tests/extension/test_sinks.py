import contextlib
import email.utils
import gzip
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from extension import __version__
from extension.config import Settings
from extension.ndjson import encode
from extension.parcels import Answer, Parcel, Receipt, Stamp
from extension.recording import Segment
from extension.sinks import Sink, open_sink
from extension.sinks.file import FileSink
from extension.sinks.http import MAX_ANSWER_BYTES, HttpSink, _retry_after_s
from extension.sinks.stdout import StdoutSink, write_all

WAIT_S = 5.0
STAMP = Stamp("id", "", "f", "1", "e", "crash", 1.0, failed=True)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


def parcels(*texts: str) -> list[Parcel]:
    events = [
        json.dumps(
            {"time": "t", "type": "function", "record": text}, separators=(",", ":")
        ).encode()
        for text in texts or ("line",)
    ]
    return [Parcel(STAMP, [Segment(b",".join(events), count=len(events), first_number=0)])]


# http --------------------------------------------------------------------------------------------------------------

Script = Callable[[socket.socket, bytes], bool]


class Server:
    """Reads requests, and answers as it is told.

    Attributes:
        requests: head and body of each.
        connections: how many there have been.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[bytes, bytes]] = []
        self.connections = 0
        self.answers: list[bytes | Script] = []
        self.released = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/in?a=b"

    def close(self) -> None:
        self.released.set()
        # A thread that waits in accept keeps the port open unless it is woken.
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.drop()

    def drop(self) -> None:
        """Closes every connection."""
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._open = []

    def headers(self, number: int = -1) -> dict[str, str]:
        lines = self.requests[number][0].decode().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        data = b""
        try:
            while received := connection.recv(65536):
                data += received
                head, end, body = data.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
                if not end or len(body) < length:
                    continue
                data = body[length:]
                self.requests.append((head, body[:length]))
                answer = self.answers.pop(0) if self.answers else OK
                if isinstance(answer, bytes):
                    connection.sendall(answer)
                elif not answer(connection, body):
                    connection.close()
                    return
        except OSError:
            return


@pytest.fixture
def server() -> Iterator[Server]:
    opened = Server()
    yield opened
    opened.close()


@pytest.fixture
def sink(server: Server) -> Iterator[HttpSink]:
    opened = HttpSink(server.url)
    yield opened
    opened.close()


def hang_up(_connection: socket.socket, _body: bytes) -> bool:
    return False


def status(code: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {code} Status", "Content-Length: 3", *headers]
    return ("\r\n".join(lines) + "\r\n\r\nno!").encode()


def test_a_batch_is_posted_as_gzipped_ndjson(server: Server, sink: HttpSink) -> None:
    """One POST to the URL, whose body is the records and whose headers say so."""
    batch = parcels("first", "naïve ☃")

    receipt = sink.send(batch, timeout_s=WAIT_S)

    head, body = server.requests[0]
    assert head.startswith(b"POST /in?a=b HTTP/1.1\r\n")
    assert gzip.decompress(body) == encode(batch)
    assert receipt == Receipt(Answer.TAKEN, sent_bytes=len(body))
    headers = server.headers()
    assert headers["content-type"] == "application/x-ndjson"
    assert headers["content-encoding"] == "gzip"
    assert headers["user-agent"] == f"flight-recorder/{__version__}"
    assert headers["host"] == f"127.0.0.1:{server.port}"


def test_headers_of_the_user_are_sent(server: Server) -> None:
    """SINK_HEADERS go with every request, and may replace ours."""
    sink = HttpSink(
        server.url, headers=(("Authorization", "Bearer s3cret"), ("user-agent", "mine"))
    )

    sink.send(parcels(), timeout_s=WAIT_S)
    sink.close()

    headers = server.headers()
    assert headers["authorization"] == "Bearer s3cret"
    assert headers["user-agent"] == "mine"
    assert server.requests[0][0].lower().count(b"user-agent:") == 1


def test_the_same_batch_has_the_same_bytes(server: Server, sink: HttpSink) -> None:
    """A batch that is sent twice is recognisable: nothing in it depends on the time."""
    sink.send(parcels("a"), timeout_s=WAIT_S)
    sink.send(parcels("a"), timeout_s=WAIT_S)

    assert server.requests[0][1] == server.requests[1][1]


def test_one_connection_serves_many_batches(server: Server, sink: HttpSink) -> None:
    """The connection is kept, after refusals too."""
    server.answers = [OK, status(503), status(400), OK]

    answers = [sink.send(parcels(), timeout_s=WAIT_S).answer for _ in range(4)]

    assert answers == [Answer.TAKEN, Answer.UNAVAILABLE, Answer.REFUSED, Answer.TAKEN]
    assert server.connections == 1


def test_a_kept_connection_that_died_is_replaced_silently(server: Server, sink: HttpSink) -> None:
    """After a thaw the old connection is gone: the batch goes over a fresh one, and nobody hears of it."""
    sink.send(parcels("a"), timeout_s=WAIT_S)
    server.drop()

    receipt = sink.send(parcels("b"), timeout_s=WAIT_S)

    assert receipt.answer is Answer.TAKEN
    assert server.connections == 2


def test_a_kept_connection_that_dies_on_the_request_is_replaced_once(
    server: Server, sink: HttpSink
) -> None:
    """A connection that is closed on our request is tried once more afresh, and not a third time."""
    server.answers = [OK, hang_up, OK, hang_up, hang_up, OK]

    receipts = [sink.send(parcels(), timeout_s=WAIT_S) for _ in range(3)]

    assert [one.answer for one in receipts] == [Answer.TAKEN, Answer.TAKEN, Answer.UNAVAILABLE]
    assert len(server.requests) == 5
    assert receipts[2].detail == "RemoteProtocolError"


def test_a_fresh_connection_closed_without_answer_is_unavailable(
    server: Server, sink: HttpSink
) -> None:
    """Where the very first connection is closed on us there is no second attempt."""
    server.answers = [hang_up]

    receipt = sink.send(parcels(), timeout_s=WAIT_S)

    assert receipt.answer is Answer.UNAVAILABLE
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("code", "answer"),
    [(code, Answer.TAKEN) for code in (200, 201, 202, 204)]
    + [(code, Answer.UNAVAILABLE) for code in (408, 425, 429, 500, 502, 503, 504)]
    + [(code, Answer.REFUSED) for code in (301, 302, 307, 400, 401, 403, 404, 405, 413, 415, 501)],
)
def test_each_status_has_its_meaning(
    server: Server, sink: HttpSink, code: int, answer: Answer
) -> None:
    """Success is taken, what may change is tried again, anything else is refused; redirects are not followed."""
    server.answers = [
        status(code, f"Location: {server.url}") if code != 204 else b"HTTP/1.1 204 No\r\n\r\n"
    ]

    receipt = sink.send(parcels(), timeout_s=WAIT_S)

    assert receipt.answer is answer
    assert receipt.detail == ("" if answer is Answer.TAKEN else f"status {code}")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), (" 0 ", 0.0), ("soon", None), ("-5", None), ("1.5", None), ("", None)],
)
def test_retry_after_in_seconds(
    server: Server, sink: HttpSink, value: str, seconds: float | None
) -> None:
    """A number of seconds is told on; what is no such number is nothing."""
    server.answers = [status(503, f"Retry-After: {value}")]

    receipt = sink.send(parcels(), timeout_s=WAIT_S)

    assert receipt.retry_after_s == seconds


@pytest.mark.parametrize(("ahead_s", "least_s", "most_s"), [(120, 110.0, 121.0), (-120, 0.0, 0.0)])
def test_retry_after_as_a_date(
    server: Server, sink: HttpSink, ahead_s: int, least_s: float, most_s: float
) -> None:
    """A date is how long it is until then, and nothing once it is past."""
    date = email.utils.formatdate(time.time() + ahead_s, usegmt=True)
    server.answers = [status(429, f"Retry-After: {date}")]

    receipt = sink.send(parcels(), timeout_s=WAIT_S)

    assert receipt.retry_after_s is not None
    assert least_s <= receipt.retry_after_s <= most_s


def test_retry_after_of_a_refusal_is_nothing(server: Server, sink: HttpSink) -> None:
    """What was refused is not tried again, so there is nothing to wait for."""
    server.answers = [status(403, "Retry-After: 7")]

    assert sink.send(parcels(), timeout_s=WAIT_S).retry_after_s is None


@given(value=st.text(max_size=30) | st.from_regex(r"\d{1,400}", fullmatch=True) | st.just("²"))
def test_any_retry_after_can_be_read(value: str) -> None:
    """Whatever stands there, it is seconds from now on or nothing."""
    seconds = _retry_after_s(value)

    assert seconds is None or seconds >= 0.0


def test_a_sink_that_stalls_is_left_in_time(server: Server, sink: HttpSink) -> None:
    """An answer that does not come is waited for as long as was said, and no longer."""

    def stall(_connection: socket.socket, _body: bytes) -> bool:
        return server.released.wait(WAIT_S)

    server.answers = [stall]
    began = time.monotonic()

    receipt = sink.send(parcels(), timeout_s=0.2)

    assert receipt == Receipt(Answer.UNAVAILABLE, "ReadTimeout")
    assert 0.15 <= time.monotonic() - began < 1.0


def trickle(server: Server, beginning: bytes, byte: bytes) -> Script:
    """Answers a byte each 50 ms."""

    def answer(connection: socket.socket, _body: bytes) -> bool:
        connection.sendall(beginning)
        while not server.released.wait(0.05):
            connection.sendall(byte)
        return False

    return answer


def test_a_body_that_trickles_is_left_in_time(server: Server, sink: HttpSink) -> None:
    """The status is what counts: a body that comes byte by byte is not waited for."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    server.answers = [trickle(server, head, b"x")]
    began = time.monotonic()

    receipt = sink.send(parcels(), timeout_s=0.2)

    assert receipt.answer is Answer.TAKEN
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("used", [False, True])
def test_a_head_that_trickles_can_be_broken_off(server: Server, sink: HttpSink, used: bool) -> None:
    """No time-out ends an answer whose head comes byte by byte; aborting does."""
    slow = trickle(server, b"HTTP/1.1 200 O", b"K")
    server.answers = [OK, slow, slow] if used else [slow]
    if used:
        sink.send(parcels(), timeout_s=WAIT_S)
    timer = threading.Timer(0.3, sink.abort)
    timer.start()
    began = time.monotonic()

    receipt = sink.send(parcels(), timeout_s=0.2)

    assert receipt.answer is Answer.UNAVAILABLE
    assert time.monotonic() - began < 1.0
    timer.join()


@pytest.mark.parametrize("sink", [StdoutSink(), FileSink("/tmp/x"), HttpSink("http://h/")])
def test_aborting_what_is_not_under_way_is_harmless(sink: Sink) -> None:
    """There may be nothing to break off."""
    sink.abort()


def test_nobody_listens(server: Server) -> None:
    """A connection that is refused is unavailable at once."""
    server.close()
    sink = HttpSink(f"http://127.0.0.1:{server.port}/")

    receipt = sink.send(parcels(), timeout_s=WAIT_S)
    sink.close()

    assert receipt == Receipt(Answer.UNAVAILABLE, "ConnectError")


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 OK OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_unavailable(server: Server, sink: HttpSink, answer: bytes) -> None:
    """A peer that does not speak HTTP may be in the middle of a restart."""
    server.answers = [answer]

    assert sink.send(parcels(), timeout_s=0.5).answer is Answer.UNAVAILABLE


def test_a_large_answer_is_not_read_to_its_end(server: Server, sink: HttpSink) -> None:
    """Of an answer's body no more is read than the bound, and the next batch is delivered all the same."""
    size = 64 * 1024 * 1024
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    sent = 0

    def flood(connection: socket.socket, _body: bytes) -> bool:
        nonlocal sent
        connection.sendall(head)
        while sent < size:
            sent += connection.send(b"x" * 65536)
        return False

    server.answers = [flood]

    receipts = [sink.send(parcels(), timeout_s=WAIT_S) for _ in range(2)]

    assert [one.answer for one in receipts] == [Answer.TAKEN, Answer.TAKEN]
    assert MAX_ANSWER_BYTES < sent < size


@pytest.mark.parametrize("url", ["http://[::1/", "http://\x00/", "http://h:port/", "http:///path"])
def test_a_url_that_cannot_be_one_is_refused(url: str) -> None:
    """Trying again would not mend it, so what was kept is lost, and the problem is said."""
    sink = HttpSink(url)

    receipt = sink.send(parcels(), timeout_s=WAIT_S)
    sink.close()

    assert receipt.answer is Answer.REFUSED


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/", "http://exa mple/"])
def test_a_host_that_cannot_be_reached_is_unavailable(url: str) -> None:
    """What only the attempt to connect finds out is like any other connection that fails."""
    sink = HttpSink(url)

    receipt = sink.send(parcels(), timeout_s=WAIT_S)
    sink.close()

    assert receipt == Receipt(Answer.UNAVAILABLE, "ConnectError")


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:1", "gopher://127.0.0.1:1", "http://[::1", "http://127.0.0.1:1"]
)
def test_a_proxy_that_cannot_be_used_is_no_exception(
    server: Server, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """A proxy that the function's environment names may be of no use to us; it raises nothing."""
    monkeypatch.setenv("HTTP_PROXY", proxy)
    sink = HttpSink(server.url)

    receipt = sink.send(parcels(), timeout_s=WAIT_S)
    sink.close()

    assert isinstance(receipt, Receipt)


def test_https_needs_a_certificate_that_is_trusted(server: Server) -> None:
    """A peer that does not speak TLS, as one that nobody vouches for, is not sent anything."""
    sink = HttpSink(f"https://127.0.0.1:{server.port}/")

    receipt = sink.send(parcels(), timeout_s=0.5)
    sink.close()

    assert receipt.answer is Answer.UNAVAILABLE
    assert server.requests == []


def test_closing_twice_is_harmless(sink: HttpSink, server: Server) -> None:
    """A closed sink opens again when it is used."""
    sink.close()
    sink.close()

    assert sink.send(parcels(), timeout_s=WAIT_S).answer is Answer.TAKEN


# file --------------------------------------------------------------------------------------------------------------


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    """Batches follow each other in the file, behind what is in it."""
    path = tmp_path / "records.ndjson"
    path.write_bytes(b"before\n")
    sink = FileSink(str(path))

    receipts = [sink.send(parcels(text), timeout_s=1.0) for text in ("a", "b")]
    sink.close()

    first, second = encode(parcels("a")), encode(parcels("b"))
    assert path.read_bytes() == b"before\n" + first + second
    assert receipts == [
        Receipt(Answer.TAKEN, sent_bytes=len(first)),
        Receipt(Answer.TAKEN, sent_bytes=len(second)),
    ]


def test_a_file_may_be_moved_away(tmp_path: Path) -> None:
    """Each delivery opens the file anew."""
    path = tmp_path / "records.ndjson"
    sink = FileSink(str(path))
    sink.send(parcels("a"), timeout_s=1.0)
    path.rename(tmp_path / "old")

    sink.send(parcels("b"), timeout_s=1.0)

    assert path.read_bytes() == encode(parcels("b"))
    assert path.stat().st_mode & 0o777 == 0o644 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("missing/records", "No such file or directory"),
        (".", "Is a directory"),
        ("/dev/full", "No space left on device"),
    ],
)
def test_a_file_that_cannot_be_written_may_be_later(tmp_path: Path, path: str, detail: str) -> None:
    """A missing folder or a full disk may be put right, so it is tried again."""
    sink = FileSink(str(tmp_path / path))

    receipt = sink.send(parcels(), timeout_s=1.0)

    assert receipt == Receipt(Answer.UNAVAILABLE, f"file: {detail}")


def test_many_writers_share_a_file(tmp_path: Path) -> None:
    """Deliveries of several environments do not mix within a line."""
    path = tmp_path / "records.ndjson"

    def write(name: str) -> None:
        for _ in range(20):
            FileSink(str(path)).send(parcels(*[name * 200] * 20), timeout_s=1.0)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    records = [json.loads(line)["record"] for line in path.read_text().splitlines()]
    assert sorted(set(records)) == [name * 200 for name in "abcd"]
    assert len(records) == 4 * 20 * 20


# stdout ------------------------------------------------------------------------------------------------------------


def test_stdout_gets_ndjson(capfd: pytest.CaptureFixture[str]) -> None:
    """Records are lines on the process's own standard output."""
    sink = StdoutSink()

    receipt = sink.send(parcels("a", "b"), timeout_s=1.0)
    sink.close()

    written = capfd.readouterr().out
    assert written.encode() == encode(parcels("a", "b"))
    assert receipt == Receipt(Answer.TAKEN, sent_bytes=len(written.encode()))


def test_stdout_that_is_gone_is_unavailable() -> None:
    """Where standard output cannot be written to, the batch waits."""
    saved = os.dup(1)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        os.dup2(writing, 1)
        receipt = StdoutSink().send(parcels(), timeout_s=1.0)
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(writing)

    assert receipt == Receipt(Answer.UNAVAILABLE, "stdout: Broken pipe")


def test_everything_is_written_however_it_is_cut() -> None:
    """More than a pipe holds is written in as many pieces as the reader makes room for."""
    data = os.urandom(1_000_000)
    reading, writing = os.pipe()
    received: list[bytes] = []

    def read() -> None:
        while piece := os.read(reading, 50_000):
            received.append(piece)

    thread = threading.Thread(target=read)
    thread.start()
    write_all(writing, data)
    os.close(writing)
    thread.join()
    os.close(reading)

    assert b"".join(received) == data


# open_sink ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        ("stdout:", StdoutSink),
        ("file:/tmp/x", FileSink),
        ("FILE:/tmp/x", FileSink),
        ("http://127.0.0.1/", HttpSink),
        ("HTTPS://127.0.0.1/", HttpSink),
    ],
)
def test_the_scheme_chooses_the_sink(setting: str, kind: type) -> None:
    """SINK's scheme, in any case, names the kind of sink."""
    sink = open_sink(Settings(sink=setting))

    assert type(sink) is kind
    sink.close()


@pytest.mark.parametrize("form", ["file:{}", "file://{}"])
def test_both_forms_of_a_file(tmp_path: Path, form: str) -> None:
    """A path may be written as such or as a URL."""
    path = tmp_path / "records"

    open_sink(Settings(sink=form.format(path))).send(parcels(), timeout_s=1.0)

    assert path.read_bytes() == encode(parcels())


def test_headers_reach_the_http_sink(server: Server) -> None:
    """SINK_HEADERS are handed on."""
    sink = open_sink(Settings(sink=server.url, sink_headers=(("X-Key", "1"),)))

    sink.send(parcels(), timeout_s=WAIT_S)
    sink.close()

    assert server.headers()["x-key"] == "1"
