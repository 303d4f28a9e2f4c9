"""``cloudwatch:[group]`` and ``own+cloudwatch:[group]``, both also ``records+``: CloudWatch Logs, written to with PutLogEvents.

Promises: the ordinary execution role suffices (AWS: AWSLambdaBasicExecutionRole, which allows CreateLogGroup,
CreateLogStream and PutLogEvents). Group and stream are created when CloudWatch says that they are missing, a new environment's stream before. An environment
has one stream, called what Lambda calls the function's own, and each process in the environment writes to it. Where CloudWatch
refuses to create it because too many streams are created, the same delivery goes to one stream for all environments, as records
(see :mod:`extension.sinks.cloudwatch_streams`). Otherwise lines read as they would in the function's own log, so that queries
and metric filters go on working. With ``own+`` the group is the function's own, and names of streams begin with ``flight-recorder/``, so
that a policy tells them from Lambda's. Where an answer never came, events may be written twice: an event of the type
:data:`~extension.sinks.cloudwatch_events.REPEAT_TYPE` marks the second copy, in whichever stream that is.

Metrics are extracted from lines in the embedded metric format without a header that asks for it (AWS: "Using the
PutLogEvents API to send manually-created embedded metric format logs"). Bodies are not compressed, since the API
reference says nothing of it.
"""

import time
from collections.abc import Callable, Iterable

from extension.aws.accounts import refuse_other_account
from extension.aws.client import AwsClient
from extension.aws.errors import error_code, receipt_for_aws
from extension.model.aws_targets import (
    OWN_GROUP_PREFIX,
    default_log_group,
    is_own_log_group,
    read_log_group,
)
from extension.model.chunk import Chunk, without
from extension.model.receipt import Answer, Receipt, send_in_turn
from extension.model.record import records_in
from extension.sinks.base import SinkConfig
from extension.sinks.cloudwatch_events import (
    MAX_EVENTS,
    Form,
    Limits,
    LogEvent,
    cut_anew,
    log_events,
    mark_repetition,
    refused_by,
    requests_of,
)
from extension.sinks.cloudwatch_streams import Streams
from extension.transport.client import Reply
from extension.transport.errors import Unreachable
from extension.transport.responses import receipt_for_silence

MAX_PERHAPS_THERE = 2 * MAX_EVENTS
"""Numbers remembered of records that may have been written: no batch of the queue has more events."""

RETENTION_TRIES = 3
"""While CloudWatch throttles, which it does above 10 calls a second (AWS: CloudWatch Logs quotas)."""
RETENTION_S = 1.0
"""The most time for setting it, which delays the end of a delivery."""

ATTEMPTS = 2
"""To write: the stream may be missing, or somebody may have deleted it since it was made."""

_MISSING = "ResourceNotFoundException"
_EXISTS = frozenset({"ResourceAlreadyExistsException", "OperationAbortedException"})
"""Or another environment is making it at this moment."""


class CloudWatchSink:
    """Write to one log group, and in it to one stream at a time."""

    def __init__(self, config: SinkConfig, *, wall_s: Callable[[], float] = time.time) -> None:
        """Open nothing yet. ``wall_s`` tells the time in seconds since 1970.

        The URL's scheme says whether each line is written as a record, with all that is known of it, and whether the
        group is the function's own. The rest of the URL is the group's name or ARN, empty for the default.
        """
        scheme, _, place = config.url.partition(":")
        self._url = config.url
        self._group, self._arn = read_log_group(place)
        self._client = AwsClient("logs", config.environ, wall_s=wall_s, arn=self._arn)
        self.abort, self.close = self._client.abort, self._client.close
        self._wall_s = wall_s
        self._environ = config.environ
        log_format = config.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper()
        self._form = Form.JSON if log_format == "JSON" else Form.TEXT
        if scheme.lower().startswith("records+"):
            self._form = Form.RECORDS
        self._retention_days = config.retention_days
        self._retention_tries = RETENTION_TRIES
        prefix = OWN_GROUP_PREFIX if is_own_log_group(config.url) else ""
        self._streams = Streams(config.environ, wall_s=wall_s, prefix=prefix)
        self._limits = Limits()
        self._perhaps_there: set[int] = set()

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
        """Write chunks to the stream, in as many requests as CloudWatch's limits want.

        What is left when the environment's own stream is refused goes to the overflow stream, within the same time.
        ``sent_bytes`` counts as CloudWatch bills: messages in UTF-8, and 26 bytes for each.
        """
        if refusal := refuse_other_account(self._arn, chunks):
            return refusal
        until_s = time.monotonic() + timeout_s
        self._name(chunks)
        receipt = self._send(chunks, until_s)
        if receipt.refused_streams and not self._streams.is_overflow:
            self._streams.overflow()
            gone = receipt.taken.union(receipt.refused)
            left = without(chunks, gone) if gone else chunks
            receipt = _both(receipt, self._send(left, until_s))
        if receipt.answer is Answer.TAKEN:
            self._set_retention(until_s)
        return receipt

    def _name(self, chunks: list[Chunk]) -> None:
        """Name the group, and the stream of this delivery."""
        if not self._group:
            function = self._environ.get("AWS_LAMBDA_FUNCTION_NAME") or chunks[0].metadata.function
            self._group = default_log_group(self._url, function=function, environ=self._environ)
        if self._streams.begin(chunks):
            self._perhaps_there = set()

    def _send(self, chunks: list[Chunk], until_s: float) -> Receipt:
        """Write chunks to the stream, in the form that its readers need."""
        events = mark_repetition(
            log_events(
                records_in(chunks),
                # Lines of many environments are side by side in the overflow stream, and a line names none.
                form=Form.RECORDS if self._streams.is_overflow else self._form,
                now_ms=int(self._wall_s() * 1000),
                stream=self._streams.name,
                message_bytes=self._limits.message_bytes,
            ),
            self._perhaps_there,
            environment_id=chunks[0].metadata.environment_id,
        )
        return self._write_all(requests_of(events, self._limits.request_bytes), until_s)

    def _write_all(self, requests: Iterable[list[LogEvent]], until_s: float) -> Receipt:
        return send_in_turn(
            requests,
            lambda request: self._write(request, until_s),
            # Where the rest of a record is in the next request, the whole record comes again if that fails.
            numbers_of=lambda request: (event.number for event in request if event.ends),
        )

    def _write(self, request: list[LogEvent], until_s: float) -> Receipt:
        """Write a request to the stream, and remember what may be there without an answer."""
        try:
            reply = self._put_or_create(request, until_s)
        except Unreachable as error:
            if error.uncertain:
                self._remember(request)
            return receipt_for_silence(error)
        if isinstance(reply, Receipt):
            return reply
        if reply.is_success:
            self._forget(request)
            sent_bytes = sum(event.size_bytes for event in request)
            refused = refused_by(reply.body, request) if b"rejected" in reply.body else {}
            return Receipt(Answer.TAKEN, sent_bytes=sent_bytes, refused=refused)
        if lower := self._limits.learned(reply.body):
            # For good, as a smaller batch after 413. Each time the limits are lower, so this ends.
            self._limits = lower
            return self._write_all(cut_anew(request, lower), until_s)
        if reply.status >= 500:  # noqa: PLR2004 - RFC 9110, section 15.6
            self._remember(request)
        return _failure("PutLogEvents", reply)

    def _put_or_create(self, request: list[LogEvent], until_s: float) -> Reply | Receipt:
        """Send a request; create the stream before where it is known to be missing, or CloudWatch says so.

        A process that follows a crash finds the stream. Where there can be none, to be told so would cost one of the account's
        PutLogEvents, at the moment when a whole fleet may need them. Return a receipt if the stream cannot be created.
        """
        is_missing = self._streams.is_new
        for _ in range(ATTEMPTS):
            failure = self._create_stream(until_s) if is_missing else None
            if failure is not None:
                return failure
            reply = self._put(request, until_s)
            is_missing = error_code(reply) == _MISSING
            if not is_missing:
                return reply
        # CloudWatch does not find yet what was just created.
        return Receipt(Answer.UNAVAILABLE, f"PutLogEvents: {_MISSING}")

    def _put(self, request: list[LogEvent], until_s: float) -> Reply:
        events = [{"timestamp": event.at_ms, "message": event.message} for event in request]
        # Not repeatable: sent twice by the transport, lines would stand there twice and unmarked.
        return self._call(
            "PutLogEvents",
            until_s,
            repeatable=False,
            logStreamName=self._streams.name,
            logEvents=events,
        )

    def _create_stream(self, until_s: float) -> Receipt | None:
        """Create the stream, and the group if it is missing too; return None once the stream exists."""
        try:
            reply = self._call("CreateLogStream", until_s, logStreamName=self._streams.name)
            if error_code(reply) == _MISSING:
                group = self._call("CreateLogGroup", until_s)
                if not group.is_success and error_code(group) not in _EXISTS:
                    return _failure("CreateLogGroup", group)
                self._retention_tries = RETENTION_TRIES
                reply = self._call("CreateLogStream", until_s, logStreamName=self._streams.name)
        except Unreachable as error:
            # The request that failed held no lines.
            return receipt_for_silence(error)._replace(uncertain=False)
        if reply.is_success or error_code(reply) in _EXISTS:
            self._streams.made()
            return None
        if error_code(reply) == _MISSING:
            return Receipt(Answer.UNAVAILABLE, f"CreateLogStream: {_MISSING}")
        refused = _failure("CreateLogStream", reply)
        return refused._replace(refused_streams=int(refused.is_throttled))

    def _call(
        self, action: str, until_s: float, *, repeatable: bool = True, **more: object
    ) -> Reply:
        payload = {"logGroupName": self._group, **more}
        target = f"Logs_20140328.{action}"
        return self._client.call(target, payload, until_s=until_s, repeatable=repeatable)

    def _set_retention(self, until_s: float) -> None:
        """Set the group's retention, once an environment, if asked to and allowed to.

        The ordinary role lacks the permission (logs:PutRetentionPolicy), so a failure changes nothing.
        """
        now_s = time.monotonic()
        if not self._retention_days or not self._retention_tries or until_s <= now_s:
            return
        self._retention_tries -= 1
        until_s = min(until_s, now_s + RETENTION_S)
        try:
            reply = self._call("PutRetentionPolicy", until_s, retentionInDays=self._retention_days)
        except Unreachable:
            return
        if receipt_for_aws(reply, sent_bytes=0).answer is not Answer.UNAVAILABLE:
            self._retention_tries = 0

    def _remember(self, request: list[LogEvent]) -> None:
        numbers = {event.number for event in request}
        if len(self._perhaps_there) + len(numbers) > MAX_PERHAPS_THERE:
            self._perhaps_there = set()
        self._perhaps_there |= numbers

    def _forget(self, request: list[LogEvent]) -> None:
        self._perhaps_there.difference_update(event.number for event in request)
        if not request[-1].ends:
            # The rest of the record is in the next request. If that fails, the whole record comes again.
            self._perhaps_there.add(request[-1].number)


def _both(first: Receipt, second: Receipt) -> Receipt:
    """Return the receipt of a delivery that began in one stream and went on in another."""
    return second._replace(
        sent_bytes=first.sent_bytes + second.sent_bytes,
        refused={**first.refused, **second.refused},
        refused_streams=first.refused_streams + second.refused_streams,
        taken=first.taken | second.taken,
    )


def _failure(action: str, reply: Reply) -> Receipt:
    """Return the receipt for a refused action, whose name tells which permission may be missing."""
    receipt = receipt_for_aws(reply, sent_bytes=0)
    return receipt._replace(detail=f"{action}: {receipt.detail}")
