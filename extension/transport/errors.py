"""Name the reasons why a server gave no answer."""

import errno
import socket
from enum import Enum

import httpx

CONNECTION_LOST = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


class Reason(Enum):
    """Why there was no answer, in words for people. No word is the server's."""

    CONNECT_TIMEOUT = "timed out connecting"
    SEND_TIMEOUT = "timed out sending"
    ANSWER_TIMEOUT = "timed out waiting for the answer"
    NAME_UNKNOWN = "the name cannot be resolved"
    NAME_TIMEOUT = "timed out resolving the name"
    CONNECTION_REFUSED = "connection refused"
    NO_ROUTE = "there is no route to the address"
    NO_CONNECTION = "no connection"
    CONNECTION_LOST = "the connection was lost"
    NOT_HTTP = "the answer is not HTTP"
    ONLY_INFORMATIONAL = "the server sends informational answers without end"
    SERVER_ERROR = "the server failed"
    CERTIFICATE_NOT_YET_VALID = "the certificate is not valid yet"
    CERTIFICATE_EXPIRED = "the certificate has expired"
    CERTIFICATE_FOR_OTHER_NAME = "the certificate is for another name"
    CERTIFICATE_FOR_OTHER_ADDRESS = "the certificate is for another address"
    CERTIFICATE_UNTRUSTED = "the certificate is not trusted"
    NOT_TLS = "the server does not speak TLS"
    TLS_FAILED = "the TLS handshake failed"
    AUTHORITIES_UNREADABLE = "the certificates to trust cannot be read"
    PROXY_REFUSED = "the proxy refused"
    PROXY_UNUSABLE = "the proxy cannot be used"
    URL_INVALID = "the URL is not valid"
    HEADER_INVALID = "a header cannot be sent as it is"


class Unreachable(Exception):  # noqa: N818 - the name says why there is no answer
    """There was no answer.

    Attributes:
        detail: the reason for people; holds nothing that was sent, and no address.
        uncertain: whether the request may have arrived all the same.
        permanent: whether retrying cannot help.
    """

    def __init__(self, reason: Reason, detail: str = "", *, uncertain: bool = False) -> None:
        self.reason = reason
        self.detail = detail or reason.value
        self.uncertain = uncertain
        self.permanent = reason is Reason.URL_INVALID
        super().__init__(self.detail)


_BY_ERROR = (
    (httpx.ReadTimeout, Reason.ANSWER_TIMEOUT),
    (httpx.WriteTimeout, Reason.SEND_TIMEOUT),
    (httpx.TimeoutException, Reason.CONNECT_TIMEOUT),
    (httpx.ProxyError, Reason.PROXY_REFUSED),
    (httpx.LocalProtocolError, Reason.HEADER_INVALID),
    (httpx.ReadError, Reason.CONNECTION_LOST),
    (httpx.WriteError, Reason.CONNECTION_LOST),
)

_BY_VERIFY_CODE = {
    9: Reason.CERTIFICATE_NOT_YET_VALID,
    10: Reason.CERTIFICATE_EXPIRED,
    62: Reason.CERTIFICATE_FOR_OTHER_NAME,
    64: Reason.CERTIFICATE_FOR_OTHER_ADDRESS,
}
"""By OpenSSL's error number (X509_V_ERR_...). OpenSSL's own words may name the host."""

_NOT_TLS = frozenset({"HTTP_REQUEST", "RECORD_LAYER_FAILURE", "WRONG_VERSION_NUMBER"})

_BY_ERRNO = {
    errno.ECONNREFUSED: Reason.CONNECTION_REFUSED,
    errno.EHOSTUNREACH: Reason.NO_ROUTE,
    errno.ENETUNREACH: Reason.NO_ROUTE,
}


def reason_for(error: httpx.HTTPError) -> tuple[Reason, str]:
    """Return the reason for an error of httpx, and its words if they say more."""
    for kind, reason in _BY_ERROR:
        if isinstance(error, kind):
            return reason, ""
    if isinstance(error, httpx.RemoteProtocolError):
        # The words of every other breach of the protocol quote the server.
        is_silence = str(error).startswith("Server disconnected")
        return (Reason.CONNECTION_LOST if is_silence else Reason.NOT_HTTP), ""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    if (reason_of_tls := _reason_for_tls(cause)) is not None:
        return reason_of_tls, ""
    if isinstance(cause, socket.gaierror):
        return Reason.NAME_UNKNOWN, ""
    if isinstance(cause, OSError) and cause.errno in _BY_ERRNO:
        return _BY_ERRNO[cause.errno], ""
    reason = Reason.NO_CONNECTION
    return reason, f"{reason.value}: {type(error).__name__}"


def _reason_for_tls(error: OSError | None) -> Reason | None:
    # By name: plain HTTP needs no TLS, so it may not be loaded.
    kinds = {kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "ssl"}
    if "SSLCertVerificationError" in kinds:
        code = getattr(error, "verify_code", 0)
        return _BY_VERIFY_CODE.get(code, Reason.CERTIFICATE_UNTRUSTED)
    if "SSLError" not in kinds:
        return None
    return Reason.NOT_TLS if getattr(error, "reason", "") in _NOT_TLS else Reason.TLS_FAILED
