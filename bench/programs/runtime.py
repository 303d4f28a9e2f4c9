"""A runtime with a function in it, as Lambda's own behave: it gets ready, asks for an event and works on it.

    python runtime.py HOST:PORT wait|compute READY_MS FUNCTION_MS CORE...

It says that it is prepared, and begins to get ready with the first line of its standard input: by waiting, or by using
that much of the processor's time. Only then does it connect to the Runtime API and ask for an event (AWS: Lambda runtime
API). The function uses a given time of the processor, and its answer is nothing.
"""

import os
import socket
import sys
import time

_API = "/2018-06-01/runtime/invocation"
_ID = b"Lambda-Runtime-Aws-Request-Id: "


def compute(time_ms: float) -> None:
    """Use the processor for this long, however long that takes."""
    until_ns = time.process_time_ns() + round(time_ms * 1e6)
    while time.process_time_ns() < until_ns:
        pass


def wait(time_ms: float) -> None:
    """Use nothing for this long."""
    time.sleep(time_ms / 1e3)


def main(address: str, kind: str, ready_ms: float, function_ms: float, *, cores: list[int]) -> None:
    """Run until killed."""
    os.sched_setaffinity(0, cores)
    host, _, port = address.partition(":")
    connection = (
        socket.socket()
    )  # It takes an address as it is; others load a codec for names first.
    sys.stdout.write("prepared\n")
    sys.stdout.flush()
    sys.stdin.readline()
    (compute if kind == "compute" else wait)(ready_ms)
    connection.connect((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        connection.sendall(f"GET {_API}/next HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        answer = connection.recv(4096)
        if not answer:
            return
        identifier = answer.partition(_ID)[2].partition(b"\r\n")[0].decode()
        compute(function_ms)
        head = f"POST {_API}/{identifier}/response HTTP/1.1\r\nHost: {address}\r\n"
        connection.sendall(f"{head}Content-Length: 4\r\n\r\nnull".encode())
        connection.recv(4096)


main(
    sys.argv[1],
    sys.argv[2],
    float(sys.argv[3]),
    float(sys.argv[4]),
    cores=list(map(int, sys.argv[5:])),
)
