"""Name the reasons why a server cannot be reached."""

import errno
import socket
import ssl

import httpx

CONNECTION_LOST = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


class Unreachable(Exception):  # noqa: N818 - it says what is the matter
    """There was no answer.

    Attributes:
        detail: for people; never of what was sent, nor where to.
        uncertain: whether the request may have arrived all the same.
        forever: whether trying again is of no use, as with an address that is none.
    """

    def __init__(self, detail: str, *, uncertain: bool = False, forever: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.uncertain = uncertain
        self.forever = forever


_CERTIFICATE = {
    9: "the certificate is not valid yet",
    10: "the certificate has expired",
    62: "the certificate is for another name",
    64: "the certificate is for another address",
}
"""By OpenSSL's number for it (X509_V_ERR_...); its own words may name the host."""

_NO_TLS = frozenset({"HTTP_REQUEST", "RECORD_LAYER_FAILURE", "WRONG_VERSION_NUMBER"})

_UNROUTABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH})

_REASONS = (
    (httpx.ReadTimeout, "timed out waiting for the answer"),
    (httpx.WriteTimeout, "timed out sending"),
    (httpx.TimeoutException, "timed out connecting"),
    (httpx.ProxyError, "the proxy refused"),
    (httpx.LocalProtocolError, "a header cannot be sent as it is"),
    (httpx.ReadError, "the connection was lost"),
    (httpx.WriteError, "the connection was lost"),
)


def reason_for(error: httpx.HTTPError) -> str:
    """Tells why there was no answer, in words for people, of which none are the other side's."""
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    if isinstance(error, httpx.RemoteProtocolError):
        # All other breaches of the protocol are told in words that quote them.
        is_silence = str(error).startswith("Server disconnected")
        return "the connection was lost" if is_silence else "the answer is not HTTP"
    return _reason_for_no_connection(error)


def _reason_for_no_connection(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(cause.verify_code, "the certificate is not trusted")
    if isinstance(cause, ssl.SSLError):
        is_plain = getattr(cause, "reason", "") in _NO_TLS
        return "the other side does not speak TLS" if is_plain else "the TLS handshake failed"
    if isinstance(cause, socket.gaierror):
        return "the name cannot be resolved"
    if isinstance(cause, ConnectionRefusedError):
        return "connection refused"
    if isinstance(cause, OSError) and cause.errno in _UNROUTABLE:
        return "there is no way to the address"
    return f"no connection: {type(error).__name__}"
