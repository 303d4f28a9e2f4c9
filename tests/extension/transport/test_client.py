"""Requests over real sockets: what a server does, and the answer or the reason that comes of it."""

import base64
import contextlib
import errno
import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from extension.transport.client import KEEPALIVE_S, MAX_ANSWER_BYTES, Reply, Transport
from extension.transport.errors import Reason, Unreachable
from tests.doubles.scripted_server import (
    OK,
    ScriptedServer,
    hang_up,
    make_certificate,
    reset,
    status,
)

WAIT_S = 5.0
SHORT_S = 0.2
HEAD = b"HTTP/1.1 200 OK\r\n"
CUT_HEAD = b"HTTP/1.1 200 O"
CUT_BODY = HEAD + b"Content-Length: 100\r\n\r\nhalf"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LARGE = bytes(20_000_000)
LOST = (Reason.CONNECTION_LOST, True)


@pytest.fixture
def transport() -> Iterator[Transport]:
    opened = Transport({})
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_certificate(tmp_path_factory.mktemp("certificate"))
    if made is None:
        pytest.skip("openssl, which makes the test's certificate, is not installed")
    return made


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[ScriptedServer]:
    opened = ScriptedServer(certificate)
    yield opened
    opened.close()


@contextlib.contextmanager
def listening(serve: Callable[[socket.socket], object] | None = None) -> Iterator[str]:
    """Listen on a port, and hand its first connection to ``serve``; yield its URL."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        thread = threading.Thread(target=lambda: serve and serve(opened.accept()[0]))
        thread.start()
        yield f"http://127.0.0.1:{opened.getsockname()[1]}/"
        thread.join()


def post(
    transport: Transport,
    url: str,
    *,
    timeout_s: float = WAIT_S,
    body: bytes = b"body",
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Reply:
    until_s = time.monotonic() + timeout_s
    given = {"X-Key": "s3cret"} if headers is None else headers
    return transport.exchange("POST", url, headers=given, body=body, until_s=until_s, **more)


def failure(transport: Transport, url: str, **more: Any) -> tuple[Reason, bool]:
    """Return why a request got no answer, and whether it may have arrived."""
    with pytest.raises(Unreachable) as caught:
        post(transport, url, **more)
    error = caught.value
    assert error.detail.startswith(error.reason.value)
    assert error.permanent == (error.reason is Reason.URL_INVALID)
    return error.reason, error.uncertain


# Answers -------------------------------------------------------------------------------------------------------------


def test_exchange_sends_the_request_and_returns_the_answer(
    server: ScriptedServer, transport: Transport
) -> None:
    """Status, headers and body arrive as they were sent, in both directions."""
    server.answers = [status(207, "X-Answer: yes", body=b"told")]

    reply = post(transport, server.url)

    assert (reply.status, reply.body, reply.complete) == (207, b"told", True)
    assert reply.headers["x-ANSWER"] == "yes"
    assert reply.is_success
    head, body = server.requests[0].parts
    assert head.startswith(b"POST /in?a=b HTTP/1.1\r\n")
    assert body == b"body"
    assert server.requests[-1].headers["x-key"] == "s3cret"
    assert server.requests[-1].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("code", [199, 300, 404, 500])
def test_reply_is_a_success_only_with_2xx(code: int) -> None:
    """Every other status means that the records were not taken."""
    assert not Reply(code, {}, b"").is_success


def test_headers_of_the_caller_replace_the_defaults(
    server: ScriptedServer, transport: Transport
) -> None:
    """An intake may want a header of its own, in any case."""
    post(transport, server.url, headers={"USER-agent": "mine"})

    assert server.requests[-1].headers["user-agent"] == "mine"
    assert server.requests[0].head.lower().count(b"user-agent:") == 1


def test_answer_is_not_decompressed(server: ScriptedServer, transport: Transport) -> None:
    """The bound on an answer would not hold for what it expands to."""
    bomb = gzip.compress(bytes(50_000_000))
    server.answers = [status(200, "Content-Encoding: gzip", body=bomb)]

    assert post(transport, server.url).body == bomb


def test_answer_is_read_up_to_a_bound(server: ScriptedServer, transport: Transport) -> None:
    """A server cannot fill the memory, and the next request is answered all the same."""
    size = 64 * 1024 * 1024
    sent = 0

    def flood(connection: socket.socket, _body: bytes) -> bool:
        nonlocal sent
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % size)
        while sent < size:
            sent += connection.send(b"x" * 65536)
        return False

    server.answers = [flood]

    replies = [post(transport, server.url) for _ in range(2)]

    assert [one.complete for one in replies] == [False, True]
    assert MAX_ANSWER_BYTES < len(replies[0].body) < MAX_ANSWER_BYTES + 100_000
    assert sent < size


def test_redirects_are_not_followed(server: ScriptedServer, transport: Transport) -> None:
    """Only the settings say where log lines go."""
    server.answers = [status(307, f"Location: {server.url}")]

    assert post(transport, server.url).status == 307
    assert len(server.requests) == 1


def test_slow_answer_within_the_time_is_an_answer(
    server: ScriptedServer, transport: Transport
) -> None:
    """The time given is used."""

    def slowly(connection: socket.socket, _body: bytes) -> bool:
        server.released.wait(0.3)
        connection.sendall(OK)
        return True

    server.answers = [slowly]

    assert post(transport, server.url).status == 200


def test_answer_before_the_body_is_sent_is_heard(transport: Transport) -> None:
    """A server may refuse by the head alone, and close."""

    def refuse(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(status(413, "Connection: close"))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1_000_000):
            pass
        connection.close()

    with listening(refuse) as url:
        reply = post(transport, url, body=LARGE)

    assert reply.status == 413


def cut(beginning: bytes) -> Callable[[ScriptedServer], object]:
    return lambda _server: lambda connection, _body: connection.sendall(beginning) is not None


def stalling(beginning: bytes) -> Callable[[ScriptedServer], object]:
    def answers(server: ScriptedServer) -> object:
        def answer(connection: socket.socket, body: bytes) -> bool:
            connection.sendall(beginning)
            return server.stall(connection, body)

        return answer

    return answers


@pytest.mark.parametrize(
    "answer",
    [
        *(cut(CUT_BODY), cut(CHUNKED + b"4\r\nhalf\r\nffff")),
        *(stalling(CUT_BODY), stalling(CHUNKED + b"4\r\nhalf\r\n")),
    ],
    ids=["breaks off", "breaks off in a chunk", "stalls", "stalls after a chunk"],
)
def test_body_that_does_not_end_leaves_the_status(
    server: ScriptedServer, transport: Transport, answer: Callable[[ScriptedServer], Any]
) -> None:
    """The server has decided: the answer stands, and says that it is not complete."""
    server.answers = [answer(server)]

    reply = post(transport, server.url, timeout_s=SHORT_S)

    assert reply == (200, reply.headers, b"half", False)
    assert len(server.requests) == 1


def test_body_that_trickles_is_left_in_time(server: ScriptedServer, transport: Transport) -> None:
    """No single wait is too long; the sum of them is."""
    server.answers = [server.trickle(CUT_BODY, b"x")]

    assert not post(transport, server.url, timeout_s=SHORT_S).complete


# No answer -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda _: hang_up, LOST),
        (lambda _: reset, LOST),
        (cut(CUT_HEAD), LOST),
        (lambda server: server.stall, (Reason.ANSWER_TIMEOUT, True)),
        (lambda _: b"SSH-2.0-OpenSSH_9.2\r\n\r\n", (Reason.NOT_HTTP, True)),
        (lambda _: b"HTTP/1.1 OK OK\r\n\r\n", (Reason.NOT_HTTP, True)),
        (lambda _: HEAD + b"Content-Length: x\r\n\r\n", (Reason.NOT_HTTP, True)),
    ],
    ids=["hangs up", "resets", "cuts the head", "stalls", "SSH", "no status", "no length"],
)
def test_server_that_does_not_answer_has_its_reason(
    server: ScriptedServer,
    transport: Transport,
    answer: Callable[[ScriptedServer], Any],
    expected: object,
) -> None:
    """The request has been heard, so it is not sent again on a connection that was made for it."""
    server.answers = [answer(server)]

    assert failure(transport, server.url, timeout_s=SHORT_S) == expected
    assert len(server.requests) == 1


def hang_up_early(connection: socket.socket) -> None:
    connection.recv(1000)
    reset(connection, b"")
    connection.close()


@pytest.mark.parametrize(
    ("serve", "expected"),
    [(hang_up_early, Reason.CONNECTION_LOST), (None, Reason.SEND_TIMEOUT)],
    ids=["hangs up in the middle", "does not read"],
)
def test_request_that_was_sent_in_part_has_not_arrived(
    transport: Transport, serve: Callable[[socket.socket], None] | None, expected: Reason
) -> None:
    """Whoever has not read a whole body cannot have taken it."""
    timeout_s = WAIT_S if serve else SHORT_S
    with listening(serve) as url:
        assert failure(transport, url, timeout_s=timeout_s, body=LARGE) == (expected, False)


def test_host_that_does_not_accept_is_left_in_time(transport: Transport) -> None:
    """Where no connection comes about, nothing has arrived."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        opened.listen(0)
        address = opened.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        found = failure(transport, f"http://127.0.0.1:{address[1]}/", timeout_s=SHORT_S)
        for one in waiting:
            one.close()

    assert found == (Reason.CONNECT_TIMEOUT, False)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:9/", Reason.CONNECTION_REFUSED),
        ("http://nowhere.invalid:1/secret", Reason.NAME_UNKNOWN),
        ("http://[::1/", Reason.URL_INVALID),
        ("http://\x00/", Reason.URL_INVALID),
        ("http://h:port/", Reason.URL_INVALID),
        ("http:///path", Reason.URL_INVALID),
        ("nothing", Reason.URL_INVALID),
        ("ftp://h/", Reason.URL_INVALID),
        (f"http://{'label' * 20}.invalid/", Reason.URL_INVALID),
    ],
)
def test_url_that_leads_nowhere_has_its_reason(
    transport: Transport, url: str, expected: Reason
) -> None:
    """Only a URL that is not valid is given up for good."""
    assert failure(transport, url) == (expected, False)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:99999/", "http://localhost:99999/", "http://exa mple/"]
)
def test_url_that_fails_while_connecting_is_retried(transport: Transport, url: str) -> None:
    """It looks like any other connection that fails."""
    assert failure(transport, url)[0] is not Reason.URL_INVALID


@pytest.mark.parametrize(
    ("error", "expected", "detail"),
    [
        (OSError(errno.ENETUNREACH, "secret.example"), Reason.NO_ROUTE, ""),
        (OSError(errno.EHOSTUNREACH, "secret.example"), Reason.NO_ROUTE, ""),
        (PermissionError(errno.EACCES, "secret"), Reason.NO_CONNECTION, ": ConnectError"),
        (ssl.SSLError(1, "secret.example"), Reason.TLS_FAILED, ""),
    ],
)
def test_error_of_the_system_is_told_in_our_words(
    transport: Transport, monkeypatch: pytest.MonkeyPatch, error: OSError, expected: Reason, detail: str
) -> None:  # fmt: skip
    """The words of the system may name the host."""

    def fail(*_args: object, **_more: object) -> None:
        raise error

    monkeypatch.setattr(socket, "create_connection", fail)
    with pytest.raises(Unreachable) as caught:
        post(transport, "http://127.0.0.1:1/")

    assert caught.value.reason is expected
    assert str(caught.value) == caught.value.detail == expected.value + detail


@pytest.mark.parametrize("value", ["a\r\nb", "schlüssel"])
def test_header_that_http_cannot_hold_is_not_sent(
    server: ScriptedServer, transport: Transport, value: str
) -> None:
    """A token with a line break could smuggle in a request."""
    found = failure(transport, server.url, headers={"X": value})

    assert found == (Reason.HEADER_INVALID, False)
    assert server.requests == []


HOSTILE_COOKIES = [
    [f"Set-Cookie: c{number}={'x' * 500}; Max-Age=99999" for number in range(50)],
    [f"Set-Cookie: c{number}={'x' * 40_000}" for number in range(50)],
    ["Set-Cookie: same=1; Domain=127.0.0.1; Path=/", "Set-Cookie2: old=1; Version=1"] * 25,
]


@pytest.mark.parametrize("cookies", HOSTILE_COOKIES, ids=["many", "large", "of any kind"])
def test_cookies_are_neither_kept_nor_sent(
    server: ScriptedServer, transport: Transport, cookies: list[str]
) -> None:
    """They would grow the head until the server refuses it, and are headers that nobody asked for."""
    server.answers = [status(200, cookie) for cookie in cookies]

    for _ in range(len(cookies) + 1):
        assert post(transport, server.url).status == 200

    assert len({one.head for one in server.requests}) == 1
    assert "cookie" not in server.requests[-1].headers


def test_cookie_that_is_configured_is_sent(server: ScriptedServer, transport: Transport) -> None:
    """A header of the settings is one that somebody asked for."""
    server.answers = [status(200, "Set-Cookie: theirs=1"), OK]

    for _ in range(2):
        post(transport, server.url, headers={"Cookie": "mine=1"})

    assert [one.headers["cookie"] for one in server.requests] == ["mine=1", "mine=1"]


# Kept connections ----------------------------------------------------------------------------------------------------


def test_connection_is_kept_for_the_next_request(
    server: ScriptedServer, transport: Transport
) -> None:
    """A TLS handshake costs a small function more than the request."""
    server.answers = [OK, status(503), status(400), OK]

    for _ in range(4):
        post(transport, server.url)

    assert server.connections == 1


@pytest.mark.parametrize("end", [hang_up, reset])
def test_kept_connection_that_dies_on_the_request_is_replaced_once(
    server: ScriptedServer, transport: Transport, end: Any
) -> None:
    """The request is repeated on a new connection, and not a third time."""
    server.answers = [OK, end, OK, end, end, OK]
    post(transport, server.url)
    post(transport, server.url)

    assert failure(transport, server.url) == LOST
    assert len(server.requests) == 5


@pytest.mark.parametrize(
    ("dropped", "repeatable", "answer", "expected", "connections"),
    [
        (True, True, OK, 200, 2),
        (True, False, OK, 200, 2),
        (True, True, hang_up, LOST, 2),
        (False, False, hang_up, LOST, 1),
    ],
    ids=["died before", "died before a request that is not repeatable", "new one dies", "not repeatable"],
)  # fmt: skip
def test_request_is_sent_twice_only_on_a_connection_that_died(
    server: ScriptedServer, transport: Transport, dropped: bool, repeatable: bool, answer: Any, expected: object, connections: int
) -> None:  # fmt: skip
    """After a thaw the old connection is gone and took no request; a new one has one attempt, as a loss may be a duplicate."""
    post(transport, server.url)
    if dropped:
        server.drop()
    server.answers = [answer, OK]

    send = failure if expected == LOST else lambda *args, **more: post(*args, **more).status

    assert send(transport, server.url, repeatable=repeatable) == expected
    assert (len(server.requests), server.connections) == (2, connections)


def test_request_on_the_dead_connection_may_have_arrived(
    server: ScriptedServer, transport: Transport
) -> None:
    """The second attempt finds nobody; the first may have been heard all the same."""
    post(transport, server.url)

    def end(_connection: socket.socket, _body: bytes) -> bool:
        server.close()
        return False

    server.answers = [end]

    assert failure(transport, server.url) == (Reason.CONNECTION_REFUSED, True)


def test_request_is_not_repeated_once_the_time_is_up(
    server: ScriptedServer, transport: Transport
) -> None:
    """A connection that dies at the end of the time given has no second attempt."""
    post(transport, server.url)

    def late(_connection: socket.socket, _body: bytes) -> bool:
        server.released.wait(0.3)
        return False

    server.answers = [late]

    # httpx bounds the wait for the answer by the time left when that wait begins.
    assert failure(transport, server.url, timeout_s=0.1)[1]
    assert len(server.requests) == 2


@pytest.mark.parametrize("gap_s", [KEEPALIVE_S + 1, -3600.0])
def test_connection_from_before_a_freeze_is_not_used(server: ScriptedServer, gap_s: float) -> None:
    """The monotonic clock stands still while the environment is frozen; the wall clock jumps."""
    now_s = 1_000_000.0
    transport = Transport({}, wall_s=lambda: now_s)
    post(transport, server.url)
    now_s += gap_s

    post(transport, server.url)
    post(transport, server.url)
    transport.close()

    assert server.connections == 2


def test_transport_opens_again_after_it_was_closed(
    server: ScriptedServer, transport: Transport
) -> None:
    """Closing twice does no harm."""
    transport.close()
    post(transport, server.url)
    transport.close()
    transport.close()

    assert post(transport, server.url).status == 200
    assert server.connections == 2


# Abort ---------------------------------------------------------------------------------------------------------------


def test_abort_without_a_request_does_nothing(server: ScriptedServer, transport: Transport) -> None:
    """A request that comes later is not broken off."""
    transport.abort()
    post(transport, server.url)
    transport.abort()

    assert post(transport, server.url).status == 200


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("beginning", [CUT_HEAD, CHUNKED + b"1;"])
def test_abort_ends_an_answer_that_trickles(
    server: ScriptedServer, transport: Transport, used: bool, beginning: bytes
) -> None:
    """Whoever waits no longer need not wait for the time-out; there is no second attempt."""
    server.answers = [*([OK] if used else []), server.trickle(beginning, b"x")]
    if used:
        post(transport, server.url)
    threading.Timer(0.3, transport.abort).start()

    if beginning is CUT_HEAD:
        assert failure(transport, server.url) == LOST
    else:
        assert not post(transport, server.url).complete

    assert len(server.requests) == 1 + used


def test_abort_while_connecting_ends_the_exchange(
    server: ScriptedServer, transport: Transport
) -> None:
    """Nothing is sent over a connection that comes too late."""
    note = transport._note

    def abort_first(name: str, info: dict[str, object]) -> None:
        if name == "connection.connect_tcp.started":
            transport.abort()
        note(name, info)

    transport._note = abort_first  # type: ignore[method-assign]

    assert failure(transport, server.url)[0] is Reason.CONNECTION_LOST
    assert server.requests == []


# TLS -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_authorities_of_the_environment_are_trusted(
    tls_server: ScriptedServer, certificate: Path, tmp_path: Path, variable: str
) -> None:
    """OpenSSL's own variables name a private authority, as a file or as a folder of hashed names."""
    value = str(certificate)
    if variable == "SSL_CERT_DIR":
        command = ["openssl", "x509", "-hash", "-noout", "-in", value]
        name = subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
        (tmp_path / f"{name}.0").symlink_to(certificate)
        value = str(tmp_path)
    transport = Transport({variable: value})

    replies = [post(transport, tls_server.url) for _ in range(2)]
    transport.close()

    assert [one.status for one in replies] == [200, 200]
    assert tls_server.connections == 1


FOR_OTHER = {Reason.CERTIFICATE_FOR_OTHER_NAME, Reason.CERTIFICATE_FOR_OTHER_ADDRESS}


@pytest.mark.parametrize(
    ("subject", "days", "trusted", "expected"),
    [
        ("IP:127.0.0.1", 2, False, {Reason.CERTIFICATE_UNTRUSTED}),
        ("IP:127.0.0.1", -1, True, {Reason.CERTIFICATE_EXPIRED}),
        ("DNS:elsewhere.example", 2, True, FOR_OTHER),
        ("IP:10.0.0.1", 2, True, FOR_OTHER),
    ],
)
@pytest.mark.usefixtures("certificate")
def test_bad_certificate_gets_no_request(
    tmp_path: Path, subject: str, days: int, trusted: bool, expected: set[Reason]
) -> None:
    """The reason says what to correct, without the name; somebody may correct it."""
    made = make_certificate(tmp_path, subject=subject, days=days)
    server = ScriptedServer(made)
    transport = Transport({"SSL_CERT_FILE": str(made)} if trusted else {})

    reason, uncertain = failure(transport, server.url)
    transport.close()
    server.close()

    assert reason in expected
    assert not uncertain
    assert server.requests == []


def test_server_without_tls_has_its_reason(transport: Transport) -> None:
    """A port that speaks plain HTTP is a common mistake in a URL."""

    def speak(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(1000)
            connection.sendall(status(400))
            connection.recv(1000)

    with listening(speak) as url:
        assert failure(transport, url.replace("http", "https", 1)) == (Reason.NOT_TLS, False)


@pytest.mark.parametrize("name", ["missing.pem", "garbage.pem"])
def test_authorities_that_cannot_be_read_stop_only_tls(
    server: ScriptedServer, tmp_path: Path, name: str
) -> None:
    """A file that is missing, or holds no certificate, may be corrected; plain HTTP needs none."""
    (tmp_path / "garbage.pem").write_text("no certificate")
    transport = Transport({"SSL_CERT_FILE": str(tmp_path / name)})

    found = failure(transport, "https://127.0.0.1:1/")

    assert found == (Reason.AUTHORITIES_UNREADABLE, False)
    assert post(transport, server.url).status == 200
    transport.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an authority without key usage, as `openssl req -x509` does, and a certificate that it signed."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the test's certificates, is not installed")
    folder = tmp_path_factory.mktemp("authority")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:false\n")
    # Without a configuration of the system's, which may add extensions.
    (folder / "config").write_text(
        "[req]\ndistinguished_name=n\nx509_extensions=e\n[n]\n[e]\nbasicConstraints=CA:true\n"
    )
    curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    for command in (
        f"openssl req -x509 -config config {curve} -subj /CN=private -days 2 -keyout ca.key -out ca.pem",
        f"openssl req -new -config config {curve} -subj /CN=server -keyout key -out request",
        "openssl x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out certificate",
    ):
        subprocess.run(command.split(), cwd=folder, capture_output=True, check=True)
    both = (folder / "certificate").read_text() + (folder / "key").read_text()
    (folder / "server.pem").write_text(both)
    return folder


@pytest.mark.every_python
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_private_authority_without_key_usage_is_trusted(
    authority: Path, tmp_path: Path, variable: str
) -> None:
    """Python 3.13 refuses such an authority by default, and whoever raises a function's runtime changes no certificate."""
    value = authority / "ca.pem"
    if variable == "SSL_CERT_DIR":
        hashed = subprocess.run(
            ["openssl", "x509", "-hash", "-noout", "-in", value], capture_output=True, check=True
        )
        (tmp_path / f"{hashed.stdout.decode().strip()}.0").symlink_to(value)
        value = tmp_path
    transport = Transport({variable: str(value)})
    with ScriptedServer(authority / "server.pem") as server:
        reply = post(transport, server.url)
    transport.close()

    assert reply.status == 200


@pytest.mark.every_python
def test_public_authorities_are_checked_as_strictly_as_python_does(transport: Transport) -> None:
    """Only an authority of one's own may lack what the public ones have."""
    ours = transport._trust_for(httpx.URL("https://h/"))

    assert ours is not None
    assert ours.verify_flags == ssl.create_default_context().verify_flags
    assert ours.check_hostname
    assert ours.verify_mode is ssl.CERT_REQUIRED


def test_private_authority_does_not_make_others_trusted(
    authority: Path, tls_server: ScriptedServer
) -> None:
    """A certificate that it did not sign is refused before a byte of ours is sent."""
    transport = Transport({"SSL_CERT_FILE": str(authority / "ca.pem")})

    assert failure(transport, tls_server.url) == (Reason.CERTIFICATE_UNTRUSTED, False)
    assert tls_server.requests == []


# Proxies -------------------------------------------------------------------------------------------------------------


def test_proxy_of_the_environment_is_used(server: ScriptedServer) -> None:
    """HTTP_PROXY counts, as for other programs, with its user."""
    transport = Transport({"HTTP_PROXY": f"http://us%40er:pass@127.0.0.1:{server.port}"})

    post(transport, "http://intake.invalid/in")
    transport.close()

    [request] = server.requests
    assert request.head.startswith(b"POST http://intake.invalid/in HTTP/1.1\r\n")
    assert base64.b64decode(request.headers["proxy-authorization"].split()[1]) == b"us@er:pass"


def test_each_server_has_the_proxy_that_is_right_for_it(server: ScriptedServer) -> None:
    """S3 names another region, and NO_PROXY may name that region's host and not the first one."""
    transport = Transport({"HTTP_PROXY": f"http://127.0.0.1:{server.port}"})

    post(transport, "http://intake.invalid/in")
    post(transport, server.url)
    transport.close()

    assert [one.target for one in server.requests] == ["http://intake.invalid/in", "/in?a=b"]


@pytest.mark.parametrize("exemption", ["", "127.0.0.0/8", "[::1],fc00::/7,10.0.0.0/99"])
@pytest.mark.parametrize(
    "proxy", ["", "http://127.0.0.1:1", "socks5://127.0.0.1:1", "http://[::1", "gopher:"]
)
def test_loopback_is_reached_without_a_proxy(
    server: ScriptedServer, proxy: str, exemption: str
) -> None:
    """Neither a proxy that cannot be used, nor an exemption that cannot be read, stands in the way."""
    transport = Transport({"ALL_PROXY": proxy, "NO_PROXY": exemption})

    assert post(transport, server.url).status == 200
    transport.close()


def test_proxy_that_cannot_be_used_is_not_asked_for_an_exempt_host() -> None:
    """Other programs of the function may use a proxy that we cannot, and its owner exempts the sink."""
    environ = {"ALL_PROXY": "socks5://127.0.0.1:1", "NO_PROXY": ".invalid"}

    assert failure(Transport(environ), "https://intake.invalid/in")[0] is Reason.NAME_UNKNOWN
    assert failure(Transport(environ), "https://intake.test/in")[0] is Reason.PROXY_UNUSABLE


def test_direct_transport_uses_no_proxy(server: ScriptedServer) -> None:
    """A proxy must not see the token of a server on this machine."""
    environ = {"HTTP_PROXY": f"http://127.0.0.1:{server.port}"}
    transport = Transport(environ, direct=True)

    assert failure(transport, "http://intake.invalid/in")[0] is Reason.NAME_UNKNOWN
    assert server.requests == []


def test_proxy_that_refuses_has_its_reason(server: ScriptedServer) -> None:
    """A request that a proxy does not let through has not arrived."""
    transport = Transport({"HTTPS_PROXY": f"http://127.0.0.1:{server.port}"})
    server.answers = [status(403)]

    found = failure(transport, "https://intake.invalid/in")

    assert found == (Reason.PROXY_REFUSED, False)
    assert server.requests[0].head.startswith(b"CONNECT intake.invalid:443 HTTP/1.1\r\n")


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    "proxy",
    [
        *("socks5://s3cret@127.0.0.1:1", "gopher://127.0.0.1:1", "http://[::1", "http://", "http://:1"),
        *("http://us er:s3cret@h:99999", "http://us er:s3cret@h:port", "http://s3\0cret"),
    ],
)  # fmt: skip
def test_proxy_that_cannot_be_used_is_named_by_its_variable(variable: str, proxy: str) -> None:
    """The function's environment may name a proxy that we cannot use; its value may hold a password."""
    with pytest.raises(Unreachable) as caught:
        post(Transport({variable: proxy}), "http://intake.invalid/")

    assert caught.value.reason is Reason.PROXY_UNUSABLE
    assert caught.value.detail == (
        f"the proxy cannot be used: {variable} is not the URL of an http or https proxy"
    )
    assert not caught.value.permanent


def tunnel(port: int) -> Callable[[socket.socket], None]:
    """Return a proxy that passes one connection on to a port."""

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(10_000):
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)

    def serve(near: socket.socket) -> None:
        near.recv(10_000)
        with socket.create_connection(("127.0.0.1", port)) as far, near:
            near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=pass_on, args=(far, near), daemon=True)
            back.start()
            pass_on(near, far)
            back.join()

    return serve


@pytest.fixture(scope="session")
def named_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for a host behind a proxy, and for the proxy."""
    folder = tmp_path_factory.mktemp("named")
    made = make_certificate(folder, subject="DNS:intake.invalid,IP:127.0.0.1")
    if made is None:
        pytest.skip("openssl, which makes the test's certificate, is not installed")
    return made


def test_abort_ends_a_request_through_a_proxy(named_certificate: Path) -> None:
    """A tunnel is broken off as well."""
    with ScriptedServer(named_certificate) as server:
        server.answers = [server.trickle(CUT_HEAD, b"x")]
        with listening(tunnel(server.port)) as url:
            transport = Transport({"SSL_CERT_FILE": str(named_certificate), "HTTPS_PROXY": url})
            threading.Timer(0.4, transport.abort).start()
            _, uncertain = failure(transport, "https://intake.invalid/in")
            transport.close()

        assert uncertain
        assert [one.target for one in server.requests] == ["/in"]


def test_proxy_that_speaks_tls_is_trusted_by_the_same_authorities(named_certificate: Path) -> None:
    """A company's proxy has a certificate of the company's authority."""
    with ScriptedServer(named_certificate) as server:
        proxy = server.url.partition("/in")[0]
        transport = Transport({"SSL_CERT_FILE": str(named_certificate), "HTTP_PROXY": proxy})
        reply = post(transport, "http://intake.invalid/in")
        transport.close()

        assert reply.status == 200
        assert [one.target for one in server.requests] == ["http://intake.invalid/in"]
