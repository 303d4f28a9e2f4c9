"""Send signed requests to one AWS service.

Promises: an answer, or :class:`~extension.transport.errors.Unreachable`, within the time given. A call corrects three
causes of a refusal, each once: clock skew, by the ``Date`` of AWS's answer; expired credentials, where new ones can be
fetched; and the region of a bucket, which S3 names (AWS: "Request routing" of Amazon S3, header
``x-amz-bucket-region``). Missing credentials make a reply like any other.

Assumes of AWS: all services but S3 speak the JSON 1.1 protocol (``X-Amz-Target``). Error codes stand where the AWS JSON
and REST-XML protocols put them (smithy.io, "Operation error serialization").
"""

import hashlib
import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, quote, urlsplit

from extension.aws.credentials import Credentials, NoCredentials
from extension.aws.endpoints import endpoint_for, is_region, partition_of, region_of
from extension.aws.errors import CLOCK_CODES, EXPIRED_CODES, LOCAL_STATUS, Missing, error_code
from extension.aws.sigv4 import Request, Scope, sign
from extension.model.aws_targets import Arn
from extension.transport.client import Reply, Transport
from extension.transport.errors import Reason, Unreachable

ANY_REGION = "us-east-1"
"""Region to sign for at a custom endpoint if no region is set. Emulators accept any region."""

CLOCK_TOLERANCE_S = 60.0
"""Clock skew below this bound does not explain a refused signature: AWS allows 5 minutes, S3 15."""


class AwsClient:
    """Client of one service, by its signing name, in one region.

    Used by one thread; another thread may call :meth:`abort`. Without a region, ``endpoint`` is empty.
    """

    def __init__(
        self,
        service: str,
        environ: Mapping[str, str],
        *,
        wall_s: Callable[[], float] = time.time,
        arn: Arn | None = None,
        host_service: str = "",
        host_prefix: str = "",
    ) -> None:
        """Open nothing yet.

        Args:
            service: the signing name.
            environ: region, credentials, endpoints and, in ``AWS_CA_BUNDLE``, certificate authorities to trust.
            wall_s: tells the time in seconds since 1970.
            arn: of the resource; its region, if it has one, goes before the function's.
            host_service: the service's name in its hosts, if that is not the signing name.
            host_prefix: for the host of AWS's own endpoint, such as ``bucket.``.
        """
        self._environ = environ
        self._host_service, self._host_prefix = host_service or service, host_prefix
        self.service = service
        region = (arn.region if arn else "") or region_of(environ)
        self._is_elsewhere = (
            arn is not None and region != "" and partition_of(region).name != arn.partition
        )
        self._scope = Scope(region or ANY_REGION, service)
        self.endpoint = endpoint_for(self._host_service, environ, host_prefix, region=region)
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
        """Call an action of a JSON service, such as ``Logs_20140328.PutLogEvents``; see :meth:`request`."""
        text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
        # JSON can hold half of a surrogate pair, UTF-8 cannot: it becomes a question mark.
        body = text.encode("utf-8", "replace")
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
        return self.request(
            "POST", "/", headers=headers, body=body, until_s=until_s, repeatable=repeatable
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
        """Send a signed request, until ``time.monotonic`` reaches ``until_s``.

        The path is not encoded yet, begins with a slash, and no part of it is ``.`` or ``..``. The query is
        percent-encoded, a space as ``%20``. All headers but ``Host`` and those of the signature are given, and signed.
        If not ``repeatable``, a request that may have arrived is not sent again.

        Raises:
            Unreachable: there was no answer.
        """
        if not self.endpoint:
            return _local_reply("NoRegion", f"{Missing.REGION.value}: AWS_REGION is not set")
        if self._is_elsewhere:
            # A bucket of the same name in this partition may be a stranger's.
            return _local_reply("OtherPartition", Missing.PARTITION.value)
        given = dict(headers or {})
        if self.service == "s3":
            digest = hashlib.sha256(body)
            given["x-amz-content-sha256"] = digest.hexdigest()
            if body:
                # A bucket with Object Lock takes nothing without it (AWS: PutObject).
                given["x-amz-checksum-sha256"] = b64encode(digest.digest()).decode("ascii")
        try:
            request = Request(method, path, query, tuple(given.items()), body)
            reply = self._send(request, until_s, repeatable=repeatable)
            if not reply.is_success and self._correct(reply):
                reply = self._send(request, until_s, repeatable=repeatable)
        except NoCredentials as error:
            return _local_reply("NoCredentials", str(error))
        return reply

    @property
    def region(self) -> str:
        """The region that requests are signed for: of a bucket, the one that S3 has named."""
        return self._scope.region

    def abort(self) -> None:
        """Break a request off. Called from another thread."""
        self._credentials.abort()
        self._transport.abort()

    def close(self) -> None:
        """Close the connections."""
        self._credentials.close()
        self._transport.close()

    def _send(self, plain: Request, until_s: float, *, repeatable: bool) -> Reply:
        """Sign and send a request whose path is not encoded and that has no ``Host`` yet."""
        try:
            base = urlsplit(self.endpoint)
            host = _host(base)
        except ValueError:
            detail = f"{Reason.URL_INVALID.value}: the AWS endpoint"
            raise Unreachable(Reason.URL_INVALID, detail) from None
        request = plain._replace(
            path=base.path + quote(plain.path, safe="/-_.~", errors="replace"),
            headers=(("Host", host), *plain.headers),
        )
        now_s = self._wall_s() + self._clock_offset_s
        keys = self._credentials.get(now_s=now_s, until_s=until_s)
        url = f"{base.scheme}://{base.netloc}{request.path}"
        return self._transport.exchange(
            request.method,
            f"{url}?{request.query}" if request.query else url,
            headers=dict(request.headers) | sign(request, keys, self._scope, at_s=now_s),
            body=request.body,
            until_s=until_s,
            repeatable=repeatable,
        )

    def _correct(self, reply: Reply) -> bool:
        """Correct the cause of a refusal, if possible; return whether to send the request again."""
        region = reply.headers.get("x-amz-bucket-region") or self._scope.region
        if self.service == "s3" and region != self._scope.region:
            return self._move_to(region)
        code = error_code(reply)
        if code in EXPIRED_CODES:
            return self._credentials.invalidate()
        if code not in CLOCK_CODES:
            return False
        # Imported here: nearly all clocks are right.
        from email.utils import parsedate_to_datetime

        try:
            aws_s = parsedate_to_datetime(reply.headers.get("Date", "")).timestamp()
        except (TypeError, ValueError, OverflowError):
            return False
        offset_s = aws_s - self._wall_s()
        if abs(offset_s - self._clock_offset_s) <= CLOCK_TOLERANCE_S:
            return False
        self._clock_offset_s = offset_s
        return True

    def _move_to(self, region: str) -> bool:
        """Switch to the region of a bucket; return False if that cannot be.

        The bucket stays the same one, whoever owns it: a bucket's name is unique in a partition (AWS: "Bucket naming
        rules"), so no bucket moves to another.
        """
        if not is_region(region) or partition_of(region) != partition_of(self._scope.region):
            return False
        self._scope = self._scope._replace(region=region)
        self.endpoint = endpoint_for(
            self._host_service, self._environ, self._host_prefix, region=region
        )
        return True


def _local_reply(code: str, detail: str) -> Reply:
    return Reply(LOCAL_STATUS, {"x-amzn-errortype": code}, detail.encode())


def _host(base: SplitResult) -> str:
    """Return the ``Host`` header, without the port if it is the default of the scheme."""
    name, default = base.hostname or "", {"http": 80, "https": 443}.get(base.scheme)
    shown = f"[{name}]" if ":" in name else name
    return shown if base.port in {None, default} else f"{shown}:{base.port}"
