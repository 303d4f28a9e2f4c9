"""Sign requests with AWS Signature Version 4, in the ``Authorization`` header.

Promises: the signature that AWS computes for the same request, if the caller sends the path, the query and the signed
headers byte for byte. Pure. Source: "Create a signed AWS API request" (AWS: IAM user guide). For S3 the path is encoded
once and not normalised. For the other services it is normalised, and encoded once more than it is sent.
"""

import hashlib
import hmac
from collections.abc import Iterable
from posixpath import normpath
from time import gmtime, strftime
from typing import NamedTuple
from urllib.parse import quote, unquote

ALGORITHM = "AWS4-HMAC-SHA256"


class Keys(NamedTuple):
    """Credentials. The session token is empty for a user's own keys."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    def __repr__(self) -> str:
        """Show no key: a traceback or a log may hold the text."""
        return "Keys(...)"


class Scope(NamedTuple):
    """Region, such as ``eu-west-1``, and signing name of the service, such as ``logs``, that a signature is valid for."""

    region: str
    service: str


class Request(NamedTuple):
    """A request as it is sent: path and query percent-encoded, and all headers to sign, with ``Host``."""

    method: str
    path: str
    query: str
    headers: Iterable[tuple[str, str]]
    body: bytes


def sign(request: Request, keys: Keys, scope: Scope, *, at_s: float) -> dict[str, str]:
    """Sign a request; return the headers to add. For S3, its headers must hold ``x-amz-content-sha256``.

    ``at_s`` is in seconds since 1970. AWS refuses signatures older than 5 minutes (S3: 15).
    """
    moment = strftime("%Y%m%dT%H%M%SZ", gmtime(at_s))
    added = {"X-Amz-Date": moment}
    if keys.session_token:
        added["X-Amz-Security-Token"] = keys.session_token
    names, canonical = canonical_request(request, added.items(), is_s3=scope.service == "s3")
    credential_scope = f"{moment[:8]}/{scope.region}/{scope.service}/aws4_request"
    text = string_to_sign(canonical, moment, credential_scope)
    added["Authorization"] = (
        f"{ALGORITHM} Credential={keys.access_key_id}/{credential_scope}, "
        f"SignedHeaders={names}, Signature={signature(text, keys, credential_scope)}"
    )
    return added


def sha256(body: bytes) -> str:
    """Return the digest of a body, or of a canonical request, in hexadecimal digits."""
    return hashlib.sha256(body).hexdigest()


def canonical_request(
    request: Request, added: Iterable[tuple[str, str]], *, is_s3: bool
) -> tuple[str, str]:
    """Return the names of the signed headers, and the request in its canonical form."""
    values: dict[str, list[str]] = {}
    for name, value in (*request.headers, *added):
        values.setdefault(name.lower(), []).append(" ".join(value.split()))
    headers = sorted(values.items())
    names = ";".join(name for name, _ in headers)
    lines = [
        request.method,
        request.path if is_s3 else _canonical_path(request.path),
        _canonical_query(request.query),
        *(f"{name}:{','.join(several)}" for name, several in headers),
        "",
        names,
        sha256(request.body),
    ]
    return names, "\n".join(lines)


def string_to_sign(canonical: str, moment: str, credential_scope: str) -> bytes:
    """Return the string to sign."""
    return f"{ALGORITHM}\n{moment}\n{credential_scope}\n{sha256(canonical.encode())}".encode()


def signature(text: bytes, keys: Keys, credential_scope: str) -> str:
    """Sign ``text`` with the key of the scope's day, region and service."""
    key = f"AWS4{keys.secret_access_key}".encode()
    for part in credential_scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text, "sha256").hex()


def _canonical_path(path: str) -> str:
    # normpath keeps two leading slashes, and removes the last slash.
    normal = "/" + normpath(path).lstrip("/") if path else "/"
    if normal != "/" and path.endswith(("/", "/.", "/..")):
        normal += "/"
    return quote(normal, safe="/-_.~")


def _canonical_query(query: str) -> str:
    pairs = []
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        pairs.append((_encoded(name), _encoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(unquote(text), safe="-_.~")
