"""The floor: the least that CPython can do to take part in the protocol, with nothing but raw sockets.

It registers, subscribes, asks for the next event and answers each batch with 200. Words on its command line make it
do more, still as cheaply as can be:

    keep   holds the batches of an invocation as they came, and posts them to the sink when a line among them begins
           with ``[ERROR]`` or the status is not ``success``
    hold   asks for the next event only when ``platform.runtimeDone`` has come (and what is owed has been posted)

It is a measuring stick, not an extension: no errors are handled, nothing is bounded, settings do not exist.
"""

import posix
import sys

# None of socket, os, threading or json: each costs more to import than everything below takes to run.
from _socket import socket
from _thread import allocate_lock, start_new_thread

keeps = "keep" in sys.argv
holds = "hold" in sys.argv
host, port = posix.environ[b"AWS_LAMBDA_RUNTIME_API"].decode().split(":")
sink = posix.environ.get(b"FLIGHT_RECORDER_SINK", b"").decode()
ended = allocate_lock()
ended.acquire()  # pylint: disable=consider-using-with


def connect(address):
    """Opens a connection to ``(host, port)``."""
    connection = socket()
    connection.connect(address)
    return connection


def ask(head, body=b""):
    """Sends one request on a connection of its own, and gives the answer."""
    connection = connect((host, int(port)))
    connection.sendall(b"%b\r\nContent-Length: %d\r\n\r\n%b" % (head, len(body), body))
    answer = connection.recv(4096)
    connection.close()
    return answer


def deliver(bodies):
    """Posts batches to the sink as they are, and waits for its answer."""
    address, _, path = sink.removeprefix("http://").partition("/")
    name, _, number = address.partition(":")
    connection = connect((name, int(number)))
    size = sum(map(len, bodies))
    connection.sendall(b"POST /%b HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (path.encode(), size))
    for body in bodies:
        connection.sendall(body)
    connection.recv(4096)
    connection.close()


def take(body, kept):
    """Keeps a batch if that is asked for, and gives or sends away what is kept when its invocation ends."""
    if keeps:
        kept.append(body)
    if b"platform.runtimeDone" not in body:
        return
    if keeps and any(b'"record":"[ERROR]' in each for each in kept):
        deliver(kept)
    kept.clear()
    if holds:
        ended.release()


def receive():
    """Answers every batch on every connection, one after another."""
    kept = []
    while True:
        descriptor, _ = listener._accept()
        connection = socket(fileno=descriptor)
        data = b""
        while piece := connection.recv(1 << 20):
            data += piece
            head, found, body = data.partition(b"\r\n\r\n")
            if not found:
                continue
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            if len(body) < length:
                pieces = [body]
                missing = length - len(body)
                while missing:
                    piece = connection.recv(missing)
                    pieces.append(piece)
                    missing -= len(piece)
                body = b"".join(pieces)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            take(body, kept)
            data = b""


answer = ask(
    b"POST /2020-01-01/extension/register HTTP/1.1\r\nLambda-Extension-Name: floor",
    b'{"events":["INVOKE","SHUTDOWN"]}',
)
identifier = answer.partition(b"Identifier: ")[2].partition(b"\r\n")[0]
listener = socket()
listener.bind(("0.0.0.0", 0))
listener.listen(16)
ask(
    b"PUT /2020-08-15/logs HTTP/1.1\r\nLambda-Extension-Identifier: " + identifier,
    b'{"schemaVersion":"2021-03-18","types":["platform","function"],'
    b'"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":25},'
    b'"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:%d/"}}'
    % listener.getsockname()[1],
)
api = connect((host, int(port)))
request = (
    b"GET /2020-01-01/extension/event/next HTTP/1.1\r\nLambda-Extension-Identifier: %b\r\n\r\n"
    % identifier
)
api.sendall(request)
start_new_thread(receive, ())
while True:
    event = api.recv(4096)
    if not event or b'"SHUTDOWN"' in event:
        break
    if holds:
        ended.acquire()
    api.sendall(request)
