"""A front before a real receiver that can be made to fail in every way a network and a service do, while it runs.

It listens on a socket of its own, with TLS if it is asked to, takes each request whole, and passes it on to the receiver
byte for byte, the Host header too, so that signatures still hold. What is answered instead, where a fault wants that, is
what the service itself would say: AWS's JSON services and S3 have errors of their own (AWS: "Common Error Types" of each
API reference; Amazon S3, "Error responses"), other intakes a bare status.
"""

from __future__ import annotations

import functools
import http.client
import json
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from dataclasses import dataclass
from email.utils import formatdate
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import pytest

from tests.doubles.recording_receiver import (
    CLOSE,
    RESET,
    SLOW_S,
    Answer,
    Cut,
    RecordingReceiver,
    Reply,
)

if TYPE_CHECKING:
    from tests.doubles.http_server import Request

BACKEND_S = 20.0
"""For the receiver's answer."""
HOLD_LIMIT_S = 60.0
"""For a request that is held: a test that forgets one does not hang for ever."""
RETRY_AFTER_S = 1


class Fault(Enum):
    """What is the matter; ``NONE`` passes everything on."""

    NONE = "none"
    REFUSED = "refused"
    RESET = "reset"
    STALLED = "stalled"
    SLOW = "slow"
    ERROR_500 = "500"
    ERROR_503 = "503 with Retry-After"
    THROTTLED = "429"
    DENIED = "403"
    TOO_LARGE = "413"
    HALF_AN_ANSWER = "half a response"
    UNTRUSTED = "TLS failure"
    EXPIRED = "expired credentials"
    HELD = "held"
    HELD_AND_LOST = "held and lost"


NOT_GIVEN_BACK = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})

Dialect = Literal["aws-json", "s3", "plain"]

_STATUSES: dict[Fault, dict[Dialect, tuple[int, str]]] = {
    Fault.ERROR_500: {
        "aws-json": (500, "InternalFailure"),
        "s3": (500, "InternalError"),
        "plain": (500, ""),
    },
    Fault.ERROR_503: {
        "aws-json": (503, "ServiceUnavailableException"),
        "s3": (503, "ServiceUnavailable"),
        "plain": (503, ""),
    },
    Fault.THROTTLED: {
        "aws-json": (400, "ThrottlingException"),
        "s3": (503, "SlowDown"),
        "plain": (429, ""),
    },
    Fault.DENIED: {
        "aws-json": (400, "AccessDeniedException"),
        "s3": (403, "AccessDenied"),
        "plain": (403, ""),
    },
    Fault.TOO_LARGE: {
        "aws-json": (413, "RequestEntityTooLargeException"),
        "s3": (400, "EntityTooLarge"),
        "plain": (413, ""),
    },
    Fault.EXPIRED: {
        "aws-json": (400, "ExpiredTokenException"),
        "s3": (400, "ExpiredToken"),
        "plain": (401, ""),
    },
}
"""Of faults that are answers: the status, and the code of the error."""


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and a server that it vouches for.

    Attributes:
        certificate: a file that names the authority, for SSL_CERT_FILE.
        context: of a server at 127.0.0.1.
    """

    certificate: Path
    context: ssl.SSLContext


@functools.cache
def authority(name: str) -> Authority:
    """Make an authority, once a test process; skip the test where there is no openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes certificates, is not on PATH")
    folder = Path(tempfile.mkdtemp(prefix="authority-"))
    try:
        return _made_by(openssl, folder, name)
    finally:
        # All but the authority's certificate is in memory by now.
        for path in folder.glob("*.key"):
            path.unlink()


def _made_by(openssl: str, folder: Path, name: str) -> Authority:
    def make(stem: str, subject: str, *more: str) -> None:
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        files = ("-keyout", str(folder / f"{stem}.key"), "-out", str(folder / f"{stem}.pem"))
        command = [openssl, "req", "-x509", "-days", "2", *key, *files, "-subj", subject, *more]
        subprocess.run(command, check=True, capture_output=True, timeout=30)

    make(
        "authority",
        f"/CN={name}",
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )
    make(
        "server",
        "/CN=127.0.0.1",
        *("-CA", str(folder / "authority.pem"), "-CAkey", str(folder / "authority.key")),
        *("-addext", "subjectAltName=IP:127.0.0.1"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return Authority(folder / "authority.pem", context)


class Front(RecordingReceiver):
    """A running front before a receiver.

    A request's ``behaviour`` is the fault at the time.

    Attributes:
        trusted: the authority of the certificate, if the front speaks TLS.
        max_body_bytes: what is larger is TOO_LARGE, while that is the fault.
        held: how many requests are being held at this moment.
    """

    def __init__(
        self, backend: str, dialect: Dialect, *, secret: str = "", tls: bool = False
    ) -> None:
        """Take a port, and listen on it.

        Args:
            backend: the receiver's URL, without a path; plain HTTP.
            dialect: in which errors are told.
            secret: stands in every error's message.
            tls: whether the front speaks TLS, with a certificate of ``authority("trusted")``.
        """
        address = urlsplit(backend)
        self._backend = address.hostname or "", address.port or 80
        self._dialect, self._secret = dialect, secret
        self.trusted = authority("trusted") if tls else None
        self._untrusted = authority("untrusted") if tls else None
        self._fault = Fault.NONE
        self.max_body_bytes = 0
        self.held = 0
        super().__init__()

    def context(self) -> ssl.SSLContext | None:
        """Return the context of the authority that is shown."""
        shown = self._untrusted if self._fault is Fault.UNTRUSTED else self.trusted
        return None if shown is None else shown.context

    def set(self, fault: Fault) -> None:
        """Begin to fail in one way, or stop to. What is being held then goes on."""
        with self.changed:
            before, self._fault = self._fault, fault
            self.changed.notify_all()
        if fault is Fault.REFUSED:
            self.refuse()
        elif before is Fault.REFUSED:
            self.listen()
        if fault is Fault.UNTRUSTED:
            self.drop()

    def close(self) -> None:
        """End everything."""
        self.set(Fault.NONE)
        super().close()

    def answer_to(self, request: Request) -> Answer:
        """Do as the fault wants."""
        fault = request.behaviour = self._fault
        answer = Reply()
        if fault in (Fault.HELD_AND_LOST, Fault.HALF_AN_ANSWER):
            answer = self._ask(request)
        if fault in (Fault.STALLED, Fault.HELD, Fault.HELD_AND_LOST):
            self._hold(fault)
        if fault is Fault.HALF_AN_ANSWER:
            sent = answer.encode()
            return Cut(sent[: len(sent) // 2])
        if fault is Fault.RESET:
            return RESET
        if fault in (Fault.STALLED, Fault.HELD_AND_LOST):
            return CLOSE
        if fault is Fault.SLOW:
            time.sleep(SLOW_S)
        is_let_through = fault is Fault.TOO_LARGE and len(request.body) <= self.max_body_bytes
        if fault in _STATUSES and not is_let_through:
            return self._refuse_as(fault)
        return self._ask(request)

    def _hold(self, fault: Fault) -> None:
        with self.changed:
            self.held += 1
            self.changed.wait_for(lambda: self._fault is not fault, HOLD_LIMIT_S)
            self.held -= 1

    def _ask(self, request: Request) -> Reply:
        """Give the receiver the request byte for byte, and return its answer."""
        with socket.create_connection(self._backend, BACKEND_S) as connection:
            connection.sendall(request.head + b"\r\n\r\n" + request.body)
            response = http.client.HTTPResponse(connection, method=request.method)
            response.begin()
            body = response.read()
        headers = {
            name: value
            for name, value in response.getheaders()
            if name.lower() not in NOT_GIVEN_BACK
        }
        return Reply(response.status, body, headers)

    def _refuse_as(self, fault: Fault) -> Reply:
        status, code = _STATUSES[fault][self._dialect]
        headers = {"Date": formatdate(usegmt=True)}
        if fault is Fault.ERROR_503:
            headers["Retry-After"] = str(RETRY_AFTER_S)
        message = f"not to be shown: {self._secret}"
        if self._dialect == "aws-json":
            headers["Content-Type"] = "application/x-amz-json-1.1"
            body = json.dumps({"__type": code, "message": message})
        elif self._dialect == "s3":
            headers["Content-Type"] = "application/xml"
            body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        else:
            body = message
        return Reply(status, body.encode(), headers)
