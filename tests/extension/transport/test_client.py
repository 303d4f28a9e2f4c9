import contextlib
import errno
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from extension.transport.client import KEEPALIVE_S, MAX_ANSWER_BYTES, Reply, Transport
from extension.transport.errors import Unreachable
from tests.doubles.scripted_server import (
    OK,
    ScriptedServer,
    hang_up,
    make_certificate,
    reset,
    status,
)

WAIT_S = 5.0
CUT_HEAD = b"HTTP/1.1 200 O"
CUT_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    opened = ScriptedServer()
    yield opened
    opened.close()


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


def post(
    transport: Transport, url: str, *, timeout_s: float = WAIT_S, body: bytes = b"body"
) -> Reply:
    headers = {"X-Key": "s3cret"}
    until_s = time.monotonic() + timeout_s
    return transport.exchange("POST", url, headers=headers, body=body, until_s=until_s)


def refusal(transport: Transport, url: str, *, timeout_s: float = WAIT_S) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        post(transport, url, timeout_s=timeout_s)
    return caught.value


def seen(error: Unreachable) -> tuple[str, bool, bool]:
    return error.detail, error.uncertain, error.forever


# What is sent and what comes back ------------------------------------------------------------------------------------


def test_an_exchange(server: ScriptedServer, transport: Transport) -> None:
    """The request goes out as it is given, and the answer is its status, headers and body."""
    server.answers = [status(207, "X-Answer: yes", body=b"told")]

    reply = post(transport, server.url)

    assert (reply.status, reply.body, reply.complete) == (207, b"told", True)
    assert reply.headers["x-ANSWER"] == "yes"
    assert reply.is_success
    head, body = server.requests[0].parts
    assert head.startswith(b"POST /in?a=b HTTP/1.1\r\n")
    assert body == b"body"
    assert server.requests[-1].headers["x-key"] == "s3cret"


@pytest.mark.parametrize("code", [199, 300, 404, 500])
def test_only_2xx_is_success(code: int) -> None:
    """Anything else is no success."""
    assert not Reply(code, {}, b"").is_success


def test_headers_of_the_caller_win(server: ScriptedServer, transport: Transport) -> None:
    """What is set by default may be set otherwise, in any case."""
    transport.exchange(
        "PUT", server.url, headers={"USER-agent": "mine"}, body=b"", until_s=time.monotonic() + 5
    )

    assert server.requests[0].head.startswith(b"PUT ")
    assert server.requests[-1].headers["user-agent"] == "mine"
    assert server.requests[0].head.lower().count(b"user-agent:") == 1


def test_answers_are_asked_for_uncompressed(server: ScriptedServer, transport: Transport) -> None:
    """What is read of an answer is bounded, so it must not grow after that."""
    bomb = gzip.compress(bytes(50_000_000))
    server.answers = [status(200, "Content-Encoding: gzip", body=bomb)]

    reply = post(transport, server.url)

    assert server.requests[-1].headers["accept-encoding"] == "identity"
    assert reply.body == bomb


def test_a_large_answer_is_not_read_to_its_end(
    server: ScriptedServer, transport: Transport
) -> None:
    """Of a body no more is read than the bound, and the next request is answered all the same."""
    size = 64 * 1024 * 1024
    sent = 0

    def flood(connection: socket.socket, _body: bytes) -> bool:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        while sent < size:
            sent += connection.send(b"x" * 65536)
        return False

    server.answers = [flood]

    replies = [post(transport, server.url) for _ in range(2)]

    assert [one.complete for one in replies] == [False, True]
    assert MAX_ANSWER_BYTES < len(replies[0].body) < MAX_ANSWER_BYTES + 100_000
    assert sent < size


def test_redirects_are_not_followed(server: ScriptedServer, transport: Transport) -> None:
    """Where a batch goes is for the settings to say."""
    server.answers = [status(307, f"Location: {server.url}")]

    assert post(transport, server.url).status == 307
    assert len(server.requests) == 1


# Half an answer ------------------------------------------------------------------------------------------------------


def cut(beginning: bytes) -> object:
    def answer(connection: socket.socket, _body: bytes) -> bool:
        connection.sendall(beginning)
        return False

    return answer


@pytest.mark.parametrize(
    "beginning",
    [CUT_BODY, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nffff"],
)
def test_a_body_that_breaks_off_leaves_the_status(
    server: ScriptedServer, transport: Transport, beginning: bytes
) -> None:
    """The server has decided: the answer stands, and says that it is not all there."""
    server.answers = [cut(beginning)]  # type: ignore[list-item]

    reply = post(transport, server.url)

    assert reply == (200, reply.headers, b"half", False)
    assert len(server.requests) == 1


def test_a_head_that_breaks_off_is_no_answer(server: ScriptedServer, transport: Transport) -> None:
    """Without a status nothing has been said; the request has been heard, though."""
    server.answers = [cut(CUT_HEAD)]  # type: ignore[list-item]

    assert seen(refusal(transport, server.url)) == ("the connection was lost", True, False)


@pytest.mark.parametrize(
    "beginning", [CUT_BODY, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
)
def test_a_body_that_stalls_is_left_in_time(
    server: ScriptedServer, transport: Transport, beginning: bytes
) -> None:
    """The rest of a body is waited for no longer than was said."""

    def answer(connection: socket.socket, body: bytes) -> bool:
        connection.sendall(beginning)
        return server.stall(connection, body)

    server.answers = [answer]
    began = time.monotonic()

    reply = post(transport, server.url, timeout_s=0.2)

    assert (reply.status, reply.body, reply.complete) == (200, b"half", False)
    assert time.monotonic() - began < 1.0


def test_a_body_that_trickles_is_left_in_time(server: ScriptedServer, transport: Transport) -> None:
    """A body that comes byte by byte is not waited for, though each wait is short."""
    server.answers = [server.trickle(CUT_BODY, b"x")]
    began = time.monotonic()

    reply = post(transport, server.url, timeout_s=0.2)

    assert (reply.status, reply.complete) == (200, False)
    assert time.monotonic() - began < 1.0


# No answer -----------------------------------------------------------------------------------------------------------


def test_nobody_listens(server: ScriptedServer, transport: Transport) -> None:
    """A connection that is refused is told at once, and nothing has arrived."""
    server.close()

    assert seen(refusal(transport, server.url)) == ("connection refused", False, False)


@pytest.mark.parametrize("answer", [hang_up, reset])
def test_a_fresh_connection_that_is_lost_is_not_tried_again(
    server: ScriptedServer, transport: Transport, answer: object
) -> None:
    """Whoever closes the very first connection on a request has heard it, and may do it again."""
    server.answers = [answer]  # type: ignore[list-item]

    assert seen(refusal(transport, server.url)) == ("the connection was lost", True, False)
    assert len(server.requests) == 1


def test_a_request_that_was_not_sent_in_full_has_not_arrived(transport: Transport) -> None:
    """Whoever hangs up in the middle of a body cannot have taken it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse() -> None:
            connection, _ = listening.accept()
            connection.recv(1000)
            reset(connection, b"")
            connection.close()

        thread = threading.Thread(target=refuse)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        with pytest.raises(Unreachable) as caught:
            post(transport, url, body=bytes(20_000_000))
        thread.join()

    assert seen(caught.value) == ("the connection was lost", False, False)


def test_an_answer_before_the_body_has_been_read_is_heard(
    server: ScriptedServer, transport: Transport
) -> None:
    """A server that refuses by the head alone, and closes, has answered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse() -> None:
            connection, _ = listening.accept()
            connection.recv(1000)
            connection.sendall(status(413, "Connection: close"))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1_000_000):
                pass
            connection.close()

        thread = threading.Thread(target=refuse)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        reply = post(transport, url, body=bytes(20_000_000))
        thread.join()

    assert reply.status == 413


def test_a_server_that_stalls_is_left_in_time(server: ScriptedServer, transport: Transport) -> None:
    """An answer that does not come is waited for as long as was said; the request may have arrived."""
    server.answers = [server.stall]
    began = time.monotonic()

    error = refusal(transport, server.url, timeout_s=0.2)

    assert seen(error) == ("timed out waiting for the answer", True, False)
    assert 0.15 <= time.monotonic() - began < 1.0


def test_a_slow_server_is_waited_for(server: ScriptedServer, transport: Transport) -> None:
    """An answer within the time given is an answer."""

    def slowly(connection: socket.socket, _body: bytes) -> bool:
        server.released.wait(0.3)
        connection.sendall(OK)
        return True

    server.answers = [slowly]

    assert post(transport, server.url).status == 200


def test_a_server_that_does_not_read_is_left_in_time(transport: Transport) -> None:
    """Sending is bounded as well, and what was sent in part has not arrived."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        began = time.monotonic()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        with pytest.raises(Unreachable) as caught:
            post(transport, url, timeout_s=0.2, body=bytes(20_000_000))

    assert seen(caught.value) == ("timed out sending", False, False)
    assert time.monotonic() - began < 1.0


def test_a_host_that_does_not_accept_is_left_in_time(transport: Transport) -> None:
    """Where a connection does not come about, nothing has arrived."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        began = time.monotonic()
        error = refusal(transport, f"http://127.0.0.1:{address[1]}/", timeout_s=0.2)
        for one in waiting:
            one.close()

    assert seen(error) == ("timed out connecting", False, False)
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 OK OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_said_without_its_words(
    server: ScriptedServer, transport: Transport, answer: bytes
) -> None:
    """A peer that does not speak HTTP may be in the middle of a restart; what it said is not repeated."""
    server.answers = [answer]

    assert seen(refusal(transport, server.url)) == ("the answer is not HTTP", True, False)


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (OSError(errno.ENETUNREACH, "secret.example"), "there is no way to the address"),
        (OSError(errno.EHOSTUNREACH, "secret.example"), "there is no way to the address"),
        (PermissionError(errno.EACCES, "secret.example"), "no connection: ConnectError"),
        (ssl.SSLError(1, "secret.example"), "the TLS handshake failed"),
    ],
)
def test_other_reasons_are_told_in_our_words(
    transport: Transport, monkeypatch: pytest.MonkeyPatch, error: OSError, detail: str
) -> None:
    """What the system says may name the host."""

    def fail(*_args: object, **_more: object) -> None:
        raise error

    monkeypatch.setattr(socket, "create_connection", fail)

    assert seen(refusal(transport, "http://127.0.0.1:1/")) == (detail, False, False)


def test_a_name_that_is_none(transport: Transport) -> None:
    """A name that no resolver knows is told, but not repeated."""
    error = refusal(transport, "http://nowhere.invalid:1/secret")

    assert seen(error) == ("the name cannot be resolved", False, False)


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/", "http://exa mple/"])
def test_an_address_that_only_connecting_finds_out_about(transport: Transport, url: str) -> None:
    """It is like any other connection that fails."""
    assert not refusal(transport, url).forever


@pytest.mark.parametrize(
    "url", ["http://[::1/", "http://\x00/", "http://h:port/", "http:///path", "nothing", "ftp://h/"]
)
def test_an_address_that_is_none(transport: Transport, url: str) -> None:
    """Trying again would not mend it."""
    assert seen(refusal(transport, url)) == ("the address is none", False, True)


@pytest.mark.parametrize("value", ["a\r\nb", "schlüssel"])
def test_a_header_that_cannot_be_sent(
    server: ScriptedServer, transport: Transport, value: str
) -> None:
    """A token with a line break or an umlaut in it is not sent, and not repeated."""
    until_s = time.monotonic() + WAIT_S
    with pytest.raises(Unreachable) as caught:
        transport.exchange("POST", server.url, headers={"X": value}, body=b"", until_s=until_s)

    assert seen(caught.value) == ("a header cannot be sent as it is", False, False)
    assert server.requests == []


# Record connections ----------------------------------------------------------------------------------------------------


def test_one_connection_serves_many_requests(server: ScriptedServer, transport: Transport) -> None:
    """The connection is kept, whatever the status."""
    server.answers = [OK, status(503), status(400), OK]

    for _ in range(4):
        post(transport, server.url)

    assert server.connections == 1


def test_a_kept_connection_that_died_is_replaced_silently(
    server: ScriptedServer, transport: Transport
) -> None:
    """After a thaw the old connection is gone: the request goes over a fresh one, and nobody hears of it."""
    post(transport, server.url)
    server.drop()

    reply = post(transport, server.url)

    assert reply.status == 200
    assert server.connections == 2


@pytest.mark.parametrize("end", [hang_up, reset])
def test_a_kept_connection_that_dies_on_the_request_is_replaced_once(
    server: ScriptedServer, transport: Transport, end: object
) -> None:
    """A kept connection that is closed on the request is tried once more afresh, and not a third time."""
    server.answers = [OK, end, OK, end, end, OK]  # type: ignore[list-item]
    post(transport, server.url)
    post(transport, server.url)

    error = refusal(transport, server.url)

    assert seen(error) == ("the connection was lost", True, False)
    assert len(server.requests) == 5


def test_a_connection_made_for_the_request_is_not_a_kept_one(
    server: ScriptedServer, transport: Transport
) -> None:
    """Where the kept connection is seen to be gone beforehand, the fresh one has its one attempt."""
    post(transport, server.url)
    server.drop()
    server.answers = [hang_up, OK]

    refusal(transport, server.url)

    assert len(server.requests) == 2


def test_what_may_not_be_repeated_is_not(server: ScriptedServer, transport: Transport) -> None:
    """Where whoever reads it could not tell a repetition, the loss of a kept connection is told instead."""
    post(transport, server.url)
    server.answers = [hang_up, OK]
    until_s = time.monotonic() + WAIT_S

    with pytest.raises(Unreachable) as caught:
        transport.exchange(
            "POST", server.url, headers={}, body=b"x", until_s=until_s, repeatable=False
        )

    assert seen(caught.value) == ("the connection was lost", True, False)
    assert len(server.requests) == 2


def test_what_cannot_have_arrived_may_always_be_repeated(
    server: ScriptedServer, transport: Transport
) -> None:
    """A kept connection that takes no request at all is replaced in any case."""
    post(transport, server.url)

    server.drop()
    until_s = time.monotonic() + WAIT_S

    reply = transport.exchange(
        "POST", server.url, headers={}, body=b"x", until_s=until_s, repeatable=False
    )

    assert reply.status == 200
    assert server.connections == 2


def test_what_the_dead_connection_took_may_have_arrived(
    server: ScriptedServer, transport: Transport
) -> None:
    """Where the second attempt finds nobody, the first may have been heard all the same."""
    post(transport, server.url)

    def end(_connection: socket.socket, _body: bytes) -> bool:
        threading.Thread(target=server.close).start()
        server.released.wait(WAIT_S)
        time.sleep(0.1)
        return False

    server.answers = [end]

    assert seen(refusal(transport, server.url)) == ("connection refused", True, False)


def test_there_is_no_second_attempt_once_the_time_is_up(
    server: ScriptedServer, transport: Transport
) -> None:
    """A connection that dies at the end of the time given is told as such."""
    post(transport, server.url)

    def late(_connection: socket.socket, _body: bytes) -> bool:
        server.released.wait(0.3)
        return False

    server.answers = [late]
    with pytest.raises(Unreachable) as caught:
        # The wait for the answer is bounded by what is left as it begins.
        transport.exchange("POST", server.url, headers={}, body=b"", until_s=time.monotonic() + 0.1)

    assert caught.value.uncertain
    assert len(server.requests) == 2


@pytest.mark.parametrize("gap_s", [KEEPALIVE_S + 1, -3600.0])
def test_a_connection_from_before_a_freeze_is_not_used(
    server: ScriptedServer, gap_s: float
) -> None:
    """The monotonic clock may stand still in the freezer; the wall clock jumps, and that is enough."""
    now_s = 1_000_000.0
    transport = Transport({}, wall_s=lambda: now_s)
    post(transport, server.url)
    now_s += gap_s

    post(transport, server.url)
    post(transport, server.url)
    transport.close()

    assert server.connections == 2


def test_closing_twice_is_harmless(server: ScriptedServer, transport: Transport) -> None:
    """What was closed opens again when it is used."""
    transport.close()
    post(transport, server.url)
    transport.close()
    transport.close()

    assert post(transport, server.url).status == 200
    assert server.connections == 2


# Abort ---------------------------------------------------------------------------------------------------------------


def test_aborting_what_is_not_under_way_is_harmless(
    server: ScriptedServer, transport: Transport
) -> None:
    """There may be nothing to break off, and what comes later is not broken off."""
    transport.abort()
    post(transport, server.url)
    transport.abort()

    assert post(transport, server.url).status == 200


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize(
    "beginning", [CUT_HEAD, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"]
)
def test_an_answer_that_trickles_can_be_broken_off(
    server: ScriptedServer, transport: Transport, used: bool, beginning: bytes
) -> None:
    """No time-out ends an answer whose framing comes byte by byte; aborting does, without a second attempt."""
    server.answers = [*([OK] if used else []), server.trickle(beginning, b"x")]
    if used:
        post(transport, server.url)
    threading.Timer(0.3, transport.abort).start()
    began = time.monotonic()

    if beginning is CUT_HEAD:
        assert seen(refusal(transport, server.url)) == ("the connection was lost", True, False)
    else:
        assert not post(transport, server.url).complete

    assert 0.25 < time.monotonic() - began < 1.0
    assert len(server.requests) == 1 + used


def test_aborting_while_it_connects_ends_the_exchange(server: ScriptedServer) -> None:
    """What is aborted before there is a connection is not sent over it."""
    transport = Transport({})
    note = transport._note

    def abort_first(name: str, info: dict[str, object]) -> None:
        if name == "connection.connect_tcp.started":
            transport.abort()
        note(name, info)

    transport._note = abort_first  # type: ignore[method-assign]

    error = refusal(transport, server.url)
    transport.close()

    assert error.detail == "the connection was lost"
    assert server.requests == []


# TLS -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[ScriptedServer]:
    opened = ScriptedServer(certificate)
    yield opened
    opened.close()


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_certificate_that_the_settings_vouch_for_is_trusted(
    tls_server: ScriptedServer, certificate: Path, tmp_path: Path, variable: str
) -> None:
    """A private authority is named by OpenSSL's own variables, as a file or as a folder of hashed names."""
    value = str(certificate)
    if variable == "SSL_CERT_DIR":
        import subprocess

        command = ["openssl", "x509", "-hash", "-noout", "-in", value]
        name = subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
        (tmp_path / f"{name}.0").symlink_to(certificate)
        value = str(tmp_path)
    transport = Transport({variable: value})

    replies = [post(transport, tls_server.url) for _ in range(2)]
    transport.close()

    assert [one.status for one in replies] == [200, 200]
    assert tls_server.connections == 1


def test_a_certificate_that_nobody_vouches_for_is_not_sent_anything(
    tls_server: ScriptedServer,
) -> None:
    """It may be put right, so it is not for ever; what is wrong is said."""
    transport = Transport({})

    error = refusal(transport, tls_server.url)
    transport.close()

    assert seen(error) == ("the certificate is not trusted", False, False)
    assert tls_server.requests == []


@pytest.mark.parametrize(
    ("subject", "days", "detail"),
    [
        ("DNS:elsewhere.example", 2, "the certificate is for another name"),
        ("IP:10.0.0.1", 2, "the certificate is for another name"),
        ("IP:127.0.0.1", -1, "the certificate has expired"),
    ],
)
def test_what_is_wrong_with_a_certificate(
    certificate: Path, tmp_path: Path, subject: str, days: int, detail: str
) -> None:
    """A name that does not match and a date that is past are told apart, without the name."""
    made = make_certificate(tmp_path, subject=subject, days=days)
    server = ScriptedServer(made)
    transport = Transport({"SSL_CERT_FILE": str(made)})

    error = refusal(transport, server.url)
    transport.close()
    server.close()

    assert seen(error) in [
        (detail, False, False),
        (detail.replace("name", "address"), False, False),
    ]


def test_a_server_without_tls(server: ScriptedServer, transport: Transport) -> None:
    """A port that speaks plain HTTP where TLS was asked for is told as such, and nothing is sent."""

    def speak(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(1000)
            connection.sendall(status(400))
            connection.recv(1000)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=lambda: speak(listening.accept()[0]))
        thread.start()
        error = refusal(transport, f"https://127.0.0.1:{listening.getsockname()[1]}/")
        thread.join()

    assert seen(error) == ("the other side does not speak TLS", False, False)


@pytest.mark.parametrize("name", ["missing.pem", "garbage.pem"])
def test_authorities_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    """A file that is missing, or no certificate, may be put right."""
    (tmp_path / "garbage.pem").write_text("no certificate")
    transport = Transport({"SSL_CERT_FILE": str(tmp_path / name)})

    error = refusal(transport, "https://127.0.0.1:1/")

    assert seen(error) == ("the certificates to trust cannot be read", False, False)


def test_plain_http_needs_no_authorities(server: ScriptedServer) -> None:
    """What cannot be read for TLS does no harm where there is none."""
    transport = Transport({"SSL_CERT_FILE": "/missing"})

    assert post(transport, server.url).status == 200
    transport.close()


# Proxies -------------------------------------------------------------------------------------------------------------


def test_a_proxy_of_the_environment_is_used(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, transport: Transport
) -> None:
    """HTTP_PROXY counts, as for other programs."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.port}")

    post(transport, "http://intake.invalid/in")

    assert server.requests[0].head.startswith(b"POST http://intake.invalid/in HTTP/1.1\r\n")


def test_a_proxy_that_refuses(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, transport: Transport
) -> None:
    """What a proxy does not let through has not arrived."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.port}")
    server.answers = [status(403)]

    error = refusal(transport, "https://intake.invalid/in")

    assert seen(error) == ("the proxy refused", False, False)
    assert server.requests[0].head.startswith(b"CONNECT intake.invalid:443 HTTP/1.1\r\n")


@pytest.mark.parametrize("name", ["", "127.0.0.1"])
def test_a_server_behind_a_proxy_can_be_aborted(
    tls_server: ScriptedServer,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """A tunnel is broken off as well; NO_PROXY is heard."""
    monkeypatch.setenv("NO_PROXY", name)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        tunnels = 0

        def tunnel() -> None:
            nonlocal tunnels
            try:
                near, _ = listening.accept()
            except OSError:
                return
            tunnels += 1
            near.recv(10_000)
            far = socket.create_connection(("127.0.0.1", tls_server.port))
            near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

            def pass_on(source: socket.socket, target: socket.socket) -> None:
                with contextlib.suppress(OSError):
                    while data := source.recv(10_000):
                        target.sendall(data)
                    target.shutdown(socket.SHUT_RDWR)

            back = threading.Thread(target=pass_on, args=(far, near), daemon=True)
            back.start()
            pass_on(near, far)
            back.join()
            near.close()
            far.close()

        thread = threading.Thread(target=tunnel, daemon=True)
        thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{listening.getsockname()[1]}")
        transport = Transport({"SSL_CERT_FILE": str(certificate)})
        tls_server.answers = [tls_server.trickle(CUT_HEAD, b"x")]
        threading.Timer(0.4, transport.abort).start()
        began = time.monotonic()

        error = refusal(transport, tls_server.url)

        transport.close()
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()

    assert error.uncertain
    assert time.monotonic() - began < 2.0
    assert tunnels == (0 if name else 1)


def test_what_is_near_needs_no_proxy(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a transport is told to reach directly, the environment's proxy does not see."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    transport = Transport({}, direct=True)

    assert post(transport, server.url).status == 200
    transport.close()


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "gopher://127.0.0.1:1", "http://[::1"])
def test_a_proxy_that_cannot_be_used(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, transport: Transport, proxy: str
) -> None:
    """A proxy that the function's environment names may be of no use to us; that is said."""
    monkeypatch.setenv("HTTP_PROXY", proxy)

    error = refusal(transport, server.url)

    assert error.detail in {
        "the environment's proxy settings cannot be used",
        "the address is none",
    }
