"""The scripted server as a service of AWS: it answers in JSON, and gives its last answer again and again."""

import json
import time
from collections.abc import Callable
from socket import socket
from typing import Any, NamedTuple

from tests.extension.scripted_server import OK, Script, Server, status


class Asked(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class LocalServer(Server):
    def __init__(self) -> None:
        super().__init__()
        self.answers = [OK]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def asked(self) -> list[Asked]:
        """Return every request, in order."""
        found = []
        for number, (head, body) in enumerate(self.requests):
            method, path, _ = head.decode().split(" ", 2)
            found.append(Asked(method, path, self.headers(number), body))
        return found

    def next_answer(self) -> bytes | Script:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def as_json(value: Any, code: int = 200, **headers: str) -> bytes:
    lines = [f"{name}: {text}" for name, text in headers.items()]
    return status(code, *lines, body=json.dumps(value).encode())


def by_payload(answer: Callable[[Any], bytes]) -> Script:
    """Return a script that answers by the payload of a call."""

    def script(connection: socket, body: bytes) -> bool:
        connection.sendall(answer(json.loads(body)))
        return True

    return script


def stall(_connection: socket, _body: bytes) -> bool:
    time.sleep(1.0)
    return False
