import socket
import threading
import time
from collections.abc import Iterator

import pytest

from extension import lambda_api
from extension.lambda_api import ExtensionsApi
from extension.lambda_api.http1 import Message
from tests.doubles.recording_receiver import CLOSE, Answer, Reply
from tests.doubles.scripted_lambda import IDENTIFIER, REGISTERED, ScriptedLambda

pytestmark = pytest.mark.every_python

EVENTS = '["INVOKE","SHUTDOWN"]'


@pytest.fixture
def api(cloud: ScriptedLambda) -> Iterator[ExtensionsApi]:
    opened = ExtensionsApi(cloud.address, identifier=IDENTIFIER)
    yield opened
    opened.drop_connection()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where connections are taken and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def next_event(api: ExtensionsApi) -> Message:
    api.ask_next()
    while (answer := api.read_next()) is None:
        pass
    return answer


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize(
    ("answers", "status", "identifier"),
    [([REGISTERED], 200, IDENTIFIER), ([Reply(403, b"{}")], 403, "")],
)
def test_register_keeps_the_identifier(
    host: str, answers: list[Answer], status: int, identifier: str
) -> None:
    """Registering names the extension and its events; a refusal leaves no identifier, and tells why."""
    with ScriptedLambda(register=answers) as cloud:
        api = ExtensionsApi(cloud.address.replace("127.0.0.1", host))

        answer = api.register("flight-recorder", events=EVENTS)

    assert answer is not None
    assert (answer.status, api.identifier) == (status, identifier)
    assert cloud.calls[0][:2] == ("register", '["INVOKE", "SHUTDOWN"]')


def test_subscribing_names_the_extension(cloud: ScriptedLambda, api: ExtensionsApi) -> None:
    """A subscription is put to the path that was asked for, under our identifier."""
    body = '{"schemaVersion":"2021-03-18","destination":{"URI":"http://sandbox.localdomain:81/"}}'

    answer = api.subscribe("/2020-08-15/logs", body=body)

    assert answer is not None
    assert (answer.status, answer.body) == (200, b'"OK"')
    assert cloud.calls[0][:2] == ("subscribe", "/2020-08-15/logs 2021-03-18")
    assert cloud.identifiers == [IDENTIFIER]


def test_next_is_asked_on_one_kept_connection(cloud: ScriptedLambda, api: ExtensionsApi) -> None:
    """Every Next goes out on the connection of the first, under our identifier."""
    for number in range(3):
        cloud.answer_next(Reply(200, b"%d" % number))

    bodies = [next_event(api).body for _ in range(3)]

    assert bodies == [b"0", b"1", b"2"]
    assert len(set(cloud.peers)) == 1
    assert cloud.identifiers == [IDENTIFIER] * 3


def test_api_awaits_an_answer_from_the_call_on(cloud: ScriptedLambda, api: ExtensionsApi) -> None:
    """Whether an answer is owed to us is known at every step."""
    before = api.awaiting
    connection = api.ask_next()
    asked = api.awaiting
    cloud.answer_next(Reply(200, b"{}"))
    api.read_next()

    assert (before, asked, api.awaiting) == (False, True, False)
    assert api.descriptor == connection.fileno()


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", b"}"], b"{}"),
        ([b"HTTP/1.1 200 OK\r\n\r\n{}", b""], b"{}"),
        ([b"SSH-2.0-OpenSSH_9.2\r\n\r\n"], None),
    ],
    ids=["in pieces", "ended by the connection", "no HTTP"],
)
def test_read_next_waits_for_a_whole_answer(pieces: list[bytes], body: bytes | None) -> None:
    """An answer may come in pieces or end with the connection; a peer that speaks no HTTP is left."""
    found = None
    with socket.create_server(("127.0.0.1", 0)) as server:
        api = ExtensionsApi(f"127.0.0.1:{server.getsockname()[1]}")
        api.ask_next()
        peer, _ = server.accept()
        with peer:
            peer.recv(4096)
            for piece in pieces:
                peer.sendall(piece)
                if not piece:
                    peer.shutdown(socket.SHUT_WR)
                if body is None:
                    with pytest.raises(OSError):  # noqa: PT011 - any OSError is what callers catch
                        api.read_next()
                    continue
                assert found is None
                assert api.awaiting
                found = api.read_next()
        if pieces[-1]:
            api.drop_connection()

    assert (None if found is None else found.body) == body
    assert (api.awaiting, api.descriptor) == (False, -1)


def test_a_connection_closed_without_answer_is_an_error(
    cloud: ScriptedLambda, api: ExtensionsApi
) -> None:
    """When Lambda closes instead of answering, reading raises, and asking again uses a new connection."""
    cloud.answer_next(CLOSE)
    cloud.answer_next(Reply(200, b"{}"))
    api.ask_next()

    with pytest.raises(OSError):  # noqa: PT011 - any OSError is what callers catch
        api.read_next()

    assert not api.awaiting
    assert next_event(api).body == b"{}"
    assert len(set(cloud.peers)) == 2


def test_a_kept_connection_that_was_closed_is_replaced(
    cloud: ScriptedLambda, api: ExtensionsApi
) -> None:
    """If the idle connection is gone, the next event is had after one reconnection at most."""
    cloud.answer_next(Reply(200, b"first", {"Connection": "close"}))
    assert next_event(api).body == b"first"
    connection = api._connection
    assert connection is not None
    connection.shutdown(socket.SHUT_RDWR)
    cloud.answer_next(Reply(200, b"second"))

    second = next_event(api)

    assert second.body == b"second"
    assert cloud.peers[0] != cloud.peers[1]


def test_reading_without_having_asked_is_an_error(api: ExtensionsApi) -> None:
    """There is nothing to read before Next has been asked for."""
    with pytest.raises(OSError):  # noqa: PT011 - as above
        api.read_next()


def test_next_never_times_out(
    cloud: ScriptedLambda, api: ExtensionsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda may freeze us for hours inside Next: no time-out is set on that connection."""
    monkeypatch.setattr(lambda_api, "ANSWER_TIMEOUT_S", 0.05)
    connection = api.ask_next()
    threading.Timer(0.15, cloud.answer_next, (Reply(200, b"late"),)).start()

    answer = api.read_next()

    assert connection.gettimeout() is None
    assert answer is not None
    assert answer.body == b"late"


def test_register_and_subscribe_do_time_out(
    silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer that does not answer is waited for no longer than the bound."""
    monkeypatch.setattr(lambda_api, "ANSWER_TIMEOUT_S", 0.1)
    api = ExtensionsApi(f"127.0.0.1:{silent_port}")
    began = time.monotonic()

    answers = [api.register("name", events=EVENTS), api.subscribe("/logs", body="{}")]

    assert answers == [None, None]
    assert 0.2 <= time.monotonic() - began < 1.0


def test_api_survives_where_nobody_listens() -> None:
    """Where nobody listens, register has no answer and Next is an OSError."""
    api = ExtensionsApi(f"127.0.0.1:{unused_port()}")

    answer = api.register("name", events=EVENTS)

    assert answer is None
    with pytest.raises(OSError):  # noqa: PT011 - as above
        api.ask_next()
    assert (api.awaiting, api.descriptor) == (False, -1)


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK\r\nContent-Len", b"what?\r\n\r\n"])
def test_register_survives_what_is_no_answer(reply: bytes) -> None:
    """A connection that ends early or talks nonsense is no answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        answer = ExtensionsApi(f"127.0.0.1:{server.getsockname()[1]}").register("n", events="[]")
        thread.join()

    assert answer is None


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("127.0.0.1:9001", "127.0.0.1", 9001),
        ("169.254.100.1:9001", "169.254.100.1", 9001),
        ("localhost", "localhost", 80),
    ],
)
def test_the_address_differs_between_environments(address: str, host: str, port: int) -> None:
    """AWS_LAMBDA_RUNTIME_API is taken as it is, with HTTP's own port where it names none."""
    api = ExtensionsApi(address)

    assert (api._host, api._port) == (host, port)
