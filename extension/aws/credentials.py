"""Find the credentials that Lambda gives a function and its extensions.

Ordinarily they are variables, and valid for the life of the environment. With SnapStart a local endpoint provides them
for some hours at a time (AWS: "Improving startup performance with Lambda SnapStart"). The order in which variables are
read is that of AWS's SDKs ("Container credential provider" in the AWS SDKs and Tools reference guide).
"""

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlsplit

from extension.aws.errors import Missing
from extension.aws.sigv4 import Keys
from extension.transport.client import Reply, Transport
from extension.transport.errors import Reason, Unreachable

REFRESH_BEFORE_S = 300.0
"""Time before their end at which credentials are replaced: no signature, valid for 5 minutes, outlives its credentials."""

CONTAINER_HOST = "http://169.254.170.2"
"""Server of AWS_CONTAINER_CREDENTIALS_RELATIVE_URI."""

_LOCAL_HOSTS = ("127.", "169.254.")
_LOCAL_NAMES = frozenset({"localhost", "::1", "fd00:ec2::23"})
"""Hosts that may get the token without TLS: this machine, and the link-local addresses that AWS uses."""

_ENDPOINT = "the credentials endpoint"
_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI"


def _unusable(why: str) -> str:
    return f"{Missing.USABLE_CREDENTIALS.value}: {why}"


class NoCredentials(Exception):  # noqa: N818 - the name says what is missing
    """There are no credentials, and asking again soon cannot help. The text holds no value and no part of an answer."""


class Credentials:
    """Source of credentials; renews them before they expire, or keeps them until then. Used by one thread."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        # The endpoint is on this machine, and no proxy may see its token.
        self._transport = Transport(environ, direct=True)
        self._fetched: Keys | None = None
        self._expires_s = 0.0

    def get(self, *, now_s: float, until_s: float) -> Keys:
        """Return credentials that are valid at ``now_s``; raise NoCredentials, or Unreachable without an answer."""
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        given = Keys(*(self._environ.get(name, "") for name in names))
        if given.access_key_id and given.secret_access_key:
            return given
        if self._fetched is not None and now_s < self._expires_s - REFRESH_BEFORE_S:
            return self._fetched
        try:
            self._fetched, self._expires_s = self._fetch(until_s)
        except (NoCredentials, Unreachable):
            if self._fetched is None or now_s >= self._expires_s:
                raise
        return self._fetched

    def invalidate(self) -> bool:
        """Forget fetched credentials that AWS says have expired; return False if there are no others."""
        fetched, self._fetched = self._fetched, None
        return fetched is not None

    def abort(self) -> None:
        """Break a request off. Called from another thread."""
        self._transport.abort()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def _fetch(self, until_s: float) -> tuple[Keys, float]:
        url = self._url()
        headers = {"Accept": "application/json"}
        if token := self._token():
            headers["Authorization"] = token
        reply = self._transport.exchange("GET", url, headers=headers, body=b"", until_s=until_s)
        detail = _unusable(f"{_ENDPOINT} answered with status {reply.status}")
        if reply.status >= 500:  # noqa: PLR2004 - RFC 9110, section 15
            raise Unreachable(Reason.SERVER_ERROR, detail)
        if not reply.is_success:
            raise NoCredentials(detail)
        return _read(reply)

    def _url(self) -> str:
        if relative := self._environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
            return CONTAINER_HOST + relative
        url = self._environ.get(_URI, "")
        if not url:
            raise NoCredentials(Missing.CREDENTIALS.value)
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            raise NoCredentials(_unusable(f"{_URI} is not a URL")) from None
        # A name may begin like an address: 127.0.0.1.example.com.
        is_address = host.replace(".", "").isdigit()
        is_local = host in _LOCAL_NAMES or (host.startswith(_LOCAL_HOSTS) and is_address)
        if parts.scheme != "https" and not is_local:
            raise NoCredentials(_unusable(f"{_URI} is neither https nor a local address"))
        return url

    def _token(self) -> str:
        token = self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        variable = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
        if path := self._environ.get(variable):
            # Read each time, since its writer replaces it.
            try:
                token = Path(path).read_text("utf-8").strip()
            except (OSError, ValueError):
                raise NoCredentials(_unusable(f"{variable} cannot be read")) from None
        if not (token.isascii() and token.isprintable()):
            raise NoCredentials(_unusable(f"a header cannot hold the token of {_ENDPOINT}"))
        return token


def _read(reply: Reply) -> tuple[Keys, float]:
    try:
        answer = json.loads(reply.body)
        found = [answer[name] for name in ("AccessKeyId", "SecretAccessKey", "Token")]
        expires = answer.get("Expiration")
        expires_s = float("inf") if expires is None else _epoch_s(expires)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise NoCredentials(_unusable(f"the answer of {_ENDPOINT} cannot be read")) from None
    if not all(
        isinstance(one, str) and one and one.isascii() and one.isprintable() for one in found
    ):
        raise NoCredentials(_unusable(f"the answer of {_ENDPOINT} holds none"))
    return Keys(*found), expires_s


def _epoch_s(time: str) -> float:
    # Before Python 3.11 fromisoformat refuses a Z. Parts of a second do not matter here.
    moment = datetime.fromisoformat(time.removesuffix("Z").partition(".")[0])
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp()
