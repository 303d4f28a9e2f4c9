"""A front for an emulator of AWS that holds requests to the limits which AWS enforces and no emulator does.

Each request is measured; one that breaks a limit is noted, and answered as AWS would answer it. Any other is passed on
as it came, its Host header too, so that signatures still hold. Sources: AWS's API references of PutLogEvents,
InputLogEvent, CreateLogGroup and CreateLogStream, of Firehose's PutRecordBatch, and of S3's PutObject.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import re
import time
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from tests.doubles.http_server import Request
from tests.doubles.recording_receiver import CLOSE, Answer, RecordingReceiver, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

BACKEND_S = 20.0
OK = 200
DAY_MS = 24 * 60 * 60 * 1000
OLDEST_MS = 14 * DAY_MS
NEWEST_MS = 2 * 60 * 60 * 1000
MAX_BATCH_BYTES = 1_048_576
EVENT_BYTES = 26
MAX_EVENT_BYTES = 1_048_576
MAX_EVENTS = 10_000
MAX_SPAN_MS = DAY_MS
MAX_FIREHOSE_RECORDS = 500
MAX_FIREHOSE_RECORD_BYTES = 1000 * 1024
MAX_FIREHOSE_BODY_BYTES = 4 * 1024 * 1024
MAX_KEY_BYTES = 1024
GROUP_NAME = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
STREAM_NAME = re.compile(r"[^:*]{1,512}")
FIREHOSE_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
SHA256 = re.compile(r"[0-9a-f]{64}")
NOT_PASSED_ON = frozenset({"connection", "transfer-encoding", "keep-alive", "date", "server"})
DROPPED = NOT_PASSED_ON | {"content-length"}


Behaviour = Callable[[Request, Callable[[], Reply]], Reply | None]
"""What is done with one request: given it, and what passes it on; None hangs up without an answer."""


def succeed(body: bytes = b"{}") -> Behaviour:
    """Hold the request to the limits, and answer with success instead of the backend."""

    def answer(request: Request, _pass_on: Callable[[], Reply]) -> Reply:
        broken = broken_limits(request)
        assert not broken, broken
        return Reply(200, body, {"Content-Type": "application/x-amz-json-1.1"})

    return answer


def hang_up(_request: Request, _pass_on: Callable[[], Reply]) -> None:
    """Never answer: nobody knows whether it has arrived."""


def swallow(_request: Request, pass_on: Callable[[], Reply]) -> None:
    """Pass the request on, and never answer: it has arrived, and nobody knows."""
    pass_on()


def fail(code: str, status: int = 400, **headers: str) -> Behaviour:
    """Answer with an error of AWS's JSON services, and pass nothing on."""

    def answer(_request: Request, _pass_on: Callable[[], Reply]) -> Reply:
        return _error(status, code, "made up", {n.replace("_", "-"): v for n, v in headers.items()})

    return answer


def then_pass(_request: Request, pass_on: Callable[[], Reply]) -> Reply:
    """Pass the request on: the place of one that is not to be disturbed."""
    return pass_on()


class LimitsFront(RecordingReceiver):
    """A running front.

    Attributes:
        violations: what broke a limit, for people.
        behaviours: what is done with the next requests, one each.
        then: what is done with those after that.
    """

    def __init__(self, backend_url: str) -> None:
        """Take the backend, such as ``http://127.0.0.1:5000``."""
        backend = urlsplit(backend_url)
        self._backend = backend.hostname or "", backend.port or 80
        self.violations: list[str] = []
        self.behaviours: deque[Behaviour] = deque()
        self.then: Behaviour = then_pass
        super().__init__(dated=True)

    def of(self, action: str) -> list[Request]:
        """Return the requests of one action."""
        return [request for request in self.requests if request.action == action]

    def answer_to(self, request: Request) -> Answer:
        """Do with a request as the next behaviour says."""
        with self.changed:
            behaviour = self.behaviours.popleft() if self.behaviours else self.then
        answer = behaviour(request, lambda: self._judge(request))
        return CLOSE if answer is None else answer

    def _judge(self, request: Request) -> Reply:
        broken = broken_limits(request)
        if broken:
            self.violations += [f"{request.action}: {what}" for what, _ in broken]
            return broken[0][1]
        answer = self._pass_on(request)
        if request.action == "PutLogEvents" and answer.status == OK:
            return _count_as_aws_does(request, answer)
        return answer

    def _pass_on(self, request: Request) -> Reply:
        connection = http.client.HTTPConnection(*self._backend, timeout=BACKEND_S)
        try:
            connection.putrequest(
                request.method, request.target, skip_host=True, skip_accept_encoding=True
            )
            for name, value in request.headers.items():
                if name not in NOT_PASSED_ON:
                    connection.putheader(name, value)
            connection.putheader("Connection", "close")
            connection.endheaders(request.body)
            response = connection.getresponse()
            headers = dict(response.getheaders())
            kept = {name: value for name, value in headers.items() if name.lower() not in DROPPED}
            return Reply(response.status, response.read(), kept)
        finally:
            connection.close()


@contextlib.contextmanager
def limits_front(backend_url: str) -> Iterator[LimitsFront]:
    """Run a front before a backend."""
    with LimitsFront(backend_url) as front:
        yield front


Broken = tuple[str, Reply]


def broken_limits(request: Request) -> list[Broken]:
    """Say which limits a request breaks, each with what AWS answers to that."""
    target = request.headers.get("x-amz-target", "")
    if target.startswith("Logs_20140328."):
        return list(_of_logs(request))
    if target.startswith("Firehose_20150804."):
        return list(_of_firehose(request))
    if not target and request.method == "PUT":
        return list(_of_s3(request))
    return []


def _of_logs(request: Request) -> Iterator[Broken]:
    payload = request.payload
    if "content-encoding" in request.headers:
        yield _invalid("a body that is encoded")
    if not GROUP_NAME.fullmatch(payload.get("logGroupName", "")):
        yield _invalid("the group's name")
    if request.action in {"CreateLogStream", "PutLogEvents"} and not STREAM_NAME.fullmatch(
        payload.get("logStreamName", "")
    ):
        yield _invalid("the stream's name")
    if request.action == "PutLogEvents":
        yield from _of_log_events(payload.get("logEvents", []))


def _of_log_events(events: list[dict[str, Any]]) -> Iterator[Broken]:
    times = [event["timestamp"] for event in events]
    sizes = [len(event["message"].encode()) for event in events]
    whole = sum(sizes) + EVENT_BYTES * len(events)
    if not 1 <= len(events) <= MAX_EVENTS:
        yield _invalid(f"{len(events)} events")
    if 0 in sizes:
        yield _invalid("an empty message")
    if max(sizes, default=0) > MAX_EVENT_BYTES:
        yield _invalid(f"an event of {max(sizes)} bytes")
    if whole > MAX_BATCH_BYTES:
        yield _invalid(f"Upload too large: {whole} bytes")
    if any(not isinstance(at, int) or at < 0 for at in times):
        yield _invalid("a time that is none")
    elif times != sorted(times):
        yield _invalid("events that are not in the order of their times")
    elif times and times[-1] - times[0] > MAX_SPAN_MS:
        yield _invalid("a batch that spans more than 24 hours")


def _count_as_aws_does(request: Request, answer: Reply) -> Reply:
    """Put right which events were rejected: moto tells the last too old and the last too new.

    AWS (CloudWatch Logs, RejectedLogEventsInfo): the first that is too new, and the first that is not too old.
    """
    parsed = json.loads(answer.body)
    if not parsed.get("rejectedLogEventsInfo"):
        return answer
    times = [event["timestamp"] for event in request.payload["logEvents"]]
    now_ms = time.time() * 1000
    info = {
        "tooOldLogEventEndIndex": sum(at < now_ms - OLDEST_MS for at in times),
        "tooNewLogEventStartIndex": sum(at <= now_ms + NEWEST_MS for at in times),
    }
    if not info["tooOldLogEventEndIndex"]:
        del info["tooOldLogEventEndIndex"]
    if info["tooNewLogEventStartIndex"] == len(times):
        del info["tooNewLogEventStartIndex"]
    return answer._replace(body=json.dumps({**parsed, "rejectedLogEventsInfo": info}).encode())


def _of_firehose(request: Request) -> Iterator[Broken]:
    payload = request.payload

    def invalid(what: str) -> Broken:
        return _invalid(what, "InvalidArgumentException")

    if not FIREHOSE_NAME.fullmatch(payload.get("DeliveryStreamName", "")):
        yield invalid("the stream's name")
    if request.action != "PutRecordBatch":
        return
    records = payload.get("Records", [])
    if not 1 <= len(records) <= MAX_FIREHOSE_RECORDS:
        yield invalid(f"{len(records)} records")
    if len(request.body) > MAX_FIREHOSE_BODY_BYTES:
        yield invalid(f"a body of {len(request.body)} bytes")
    for record in records:
        try:
            size = len(b64decode(record["Data"], validate=True))
        except NoBase64:
            yield invalid("a record that is no base64")
            continue
        if not 1 <= size <= MAX_FIREHOSE_RECORD_BYTES:
            yield invalid(f"a record of {size} bytes")


def _of_s3(request: Request) -> Iterator[Broken]:
    def invalid(code: str, what: str) -> Broken:
        xml = f"<Error><Code>{code}</Code><Message>{what}</Message></Error>"
        return what, Reply(400, xml.encode(), {"Content-Type": "application/xml"})

    told = request.headers.get("x-amz-content-sha256", "")
    if not SHA256.fullmatch(told):
        yield invalid("MissingSecurityHeader", f"x-amz-content-sha256 is {told!r}")
    elif told != hashlib.sha256(request.body).hexdigest():
        yield invalid("XAmzContentSHA256Mismatch", "the body is another than was signed")
    checksum = b64encode(hashlib.sha256(request.body).digest()).decode()
    if request.headers.get("x-amz-checksum-sha256", checksum) != checksum:
        yield invalid("BadDigest", "the body has another checksum")
    if "content-length" not in request.headers:
        yield invalid("MissingContentLength", "no Content-Length")
    if len(unquote(request.path.lstrip("/").partition("/")[2]).encode()) > MAX_KEY_BYTES:
        yield invalid("KeyTooLongError", "the key's length")


def _invalid(what: str, code: str = "InvalidParameterException") -> Broken:
    return what, _error(400, code, what)


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Reply:
    body = json.dumps({"__type": code, "message": message}).encode()
    content_type = {"Content-Type": "application/x-amz-json-1.1"}
    return Reply(status, body, content_type | (headers or {}))
