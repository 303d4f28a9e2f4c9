"""Signed requests to one AWS service, and what its answers mean.

Promises: an answer, or :class:`~extension.transport.Unreachable`, within the time given. What can be put right here is,
once a call: a clock that is off, by the time that stands in AWS's answer, credentials that have expired, where new ones
can be had, and the region of a bucket that is in another than the function. Where there are no credentials, that is an
answer like any other, see :func:`receipt_for_aws`.

Assumes of AWS: the JSON 1.1 protocol for all but S3 (``X-Amz-Target``), error codes where the AWS JSON and REST-XML
protocols put them (smithy.io, "Operation error serialization"), ``Date`` in every answer, and of S3 that it names the
region of a bucket it was asked for in the wrong one (AWS: "Request routing" of Amazon S3, header ``x-amz-bucket-region``).
"""

import json
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urlsplit

from extension.aws.credentials import Credentials, NoCredentials
from extension.aws.endpoints import endpoint_for, has_custom_endpoint, region_of
from extension.aws.errors import CLOCK_CODES, EXPIRED_CODES, LOCAL_STATUS, Missing, error_code
from extension.aws.sigv4 import Keys, Request, Scope, sha256, sign
from extension.transport.client import Reply, Transport
from extension.transport.errors import Reason, Unreachable

_BAD_ENDPOINT = f"{Reason.URL_INVALID.value}: the AWS endpoint"

ANY_REGION = "us-east-1"
"""What is signed for at an endpoint of one's own where no region is set: emulators take any."""

CLOCK_TOLERANCE_S = 60.0
"""A clock that is off by less is no reason for AWS to refuse a signature: it allows 5 minutes, S3 15."""


class AwsClient:
    """One service in one region. Used by one thread; :meth:`abort` may come from another.

    Attributes:
        endpoint: the service's base URL, without a final slash; empty where no region is set.
    """

    def __init__(
        self,
        service: str,
        environ: Mapping[str, str],
        *,
        wall_s: Callable[[], float] = time.time,
        host_prefix: str = "",
    ) -> None:
        """Opens nothing yet.

        Args:
            service: its signing name, such as ``logs``.
            environ: region, credentials, endpoints and, in ``AWS_CA_BUNDLE``, certificate authorities to trust.
            wall_s: seconds since 1970.
            host_prefix: what goes before the host of AWS's own endpoint, such as ``bucket.``.
        """
        self._environ = environ
        self._host_prefix = host_prefix
        self._scope = Scope(region_of(environ) or ANY_REGION, service)
        self.endpoint = self._endpoint(environ)
        self._credentials = Credentials(environ)
        bundle = environ.get("AWS_CA_BUNDLE")
        self._transport = Transport({**environ, "SSL_CERT_FILE": bundle} if bundle else environ)
        self._wall_s = wall_s
        self._clock_offset_s = 0.0

    def call(
        self,
        target: str,
        payload: Mapping[str, object],
        *,
        until_s: float,
        repeatable: bool = True,
    ) -> Reply:
        """Calls an action of a JSON service.

        Args:
            target: such as ``Logs_20140328.PutLogEvents``.
            payload: its parameters.
            until_s: when to give up, by ``time.monotonic``.
            repeatable: see :meth:`extension.transport.client.Transport.exchange`.

        Raises:
            Unreachable: there was no answer.
        """
        # Half of a surrogate pair, which JSON can hold and UTF-8 cannot, becomes a question mark.
        body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
        return self.request(
            "POST",
            "/",
            headers=headers,
            body=body.encode("utf-8", "replace"),
            until_s=until_s,
            repeatable=repeatable,
        )

    def request(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        until_s: float,
        repeatable: bool = True,
    ) -> Reply:
        """Sends a signed request.

        Args:
            method: such as PUT.
            path: not encoded yet; begins with a slash, and has no ``.`` or ``..`` for a part.
            query: percent-encoded, a space as ``%20``.
            headers: all but ``Host`` and those of the signature; they are signed too.
            body: as it goes out.
            until_s: when to give up, by ``time.monotonic``.
            repeatable: see :meth:`extension.transport.client.Transport.exchange`.

        Raises:
            Unreachable: there was no answer.
        """
        if not self.endpoint:
            return _local_reply("NoRegion", f"{Missing.REGION.value}: AWS_REGION is not set")
        given = dict(headers or {})
        if self._scope.service == "s3":
            given["x-amz-content-sha256"] = sha256(body)
        try:
            request = Request(method, path, query, tuple(given.items()), body)
            reply = self._send(request, until_s, repeatable=repeatable)
            if not reply.is_success and self._put_right(reply):
                reply = self._send(request, until_s, repeatable=repeatable)
        except NoCredentials as error:
            return _local_reply("NoCredentials", error.detail)
        return reply

    def abort(self) -> None:
        """Breaks a request off. Called from another thread."""
        self._credentials.abort()
        self._transport.abort()

    def close(self) -> None:
        """Closes the connections."""
        self._credentials.close()
        self._transport.close()

    def _send(self, plain: Request, until_s: float, *, repeatable: bool) -> Reply:
        """Signs and sends a request whose path is not encoded, and which has no ``Host`` yet."""
        try:
            base = urlsplit(self.endpoint)
            host = _host(base.hostname or "", base.port, base.scheme)
        except ValueError:
            raise Unreachable(Reason.URL_INVALID, _BAD_ENDPOINT) from None
        request = plain._replace(
            path=base.path + quote(plain.path, safe="/-_.~", errors="replace"),
            headers=(("Host", host), *plain.headers),
        )
        now_s = self._wall_s() + self._clock_offset_s
        keys: Keys = self._credentials.get(now_s=now_s, until_s=until_s)
        signature = sign(request, keys, self._scope, at_s=now_s)
        return self._transport.exchange(
            request.method,
            f"{base.scheme}://{base.netloc}{request.path}{'?' if request.query else ''}{request.query}",
            headers={**dict(request.headers), **signature},
            body=request.body,
            until_s=until_s,
            repeatable=repeatable,
        )

    def _put_right(self, reply: Reply) -> bool:
        """Puts right, if it can, what made AWS refuse the request; says whether there was anything."""
        region = reply.headers.get("x-amz-bucket-region") or self._scope.region
        if self._scope.service == "s3" and region != self._scope.region:
            return self._move_to(region)
        code = error_code(reply)
        if code in EXPIRED_CODES:
            return self._credentials.invalidate()
        if code not in CLOCK_CODES:
            return False
        try:
            told_s = parsedate_to_datetime(reply.headers.get("Date", "")).timestamp()
        except (TypeError, ValueError, OverflowError):
            return False
        offset_s = told_s - self._wall_s()
        if abs(offset_s - self._clock_offset_s) <= CLOCK_TOLERANCE_S:
            return False
        self._clock_offset_s = offset_s
        return True

    def _move_to(self, region: str) -> bool:
        """Turns to where a bucket is; False if that is no region."""
        environ = {**self._environ, "AWS_REGION": region}
        if region_of(environ) != region:
            return False
        self._scope = self._scope._replace(region=region)
        self.endpoint = self._endpoint(environ)
        return True

    def _endpoint(self, environ: Mapping[str, str]) -> str:
        service = self._scope.service
        url = endpoint_for(service, environ)
        if has_custom_endpoint(service, environ):
            return url
        return url.replace("://", f"://{self._host_prefix}", 1)


def _local_reply(code: str, detail: str) -> Reply:
    return Reply(LOCAL_STATUS, {"x-amzn-errortype": code}, detail.encode())


def _host(name: str, port: int | None, scheme: str) -> str:
    """Gives the ``Host`` header: without the port where it is the scheme's own."""
    shown = f"[{name}]" if ":" in name else name
    return shown if port in {None, {"http": 80, "https": 443}.get(scheme)} else f"{shown}:{port}"
