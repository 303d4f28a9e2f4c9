"""``cloudwatch:[group]`` and ``records+cloudwatch:[group]``: CloudWatch Logs, written to with PutLogEvents.

Promises: the ordinary execution role suffices (AWS: AWSLambdaBasicExecutionRole, which allows CreateLogGroup,
CreateLogStream and PutLogEvents). Group and stream are created when they are missing, one stream an environment. Lines
read as they would in the function's own log, so that queries and metric filters go on working. Where an answer never
came, events may be written twice: an event of the type :data:`~extension.sinks.cloudwatch_events.REPEAT_TYPE` marks the
second copy.

Metrics are extracted from lines in the embedded metric format without a header that asks for it (AWS: "Using the
PutLogEvents API to send manually-created embedded metric format logs"). Bodies are not compressed, since the API
reference says nothing of it.
"""

import time
from collections.abc import Callable, Iterable

from extension.aws.accounts import refuse_other_account
from extension.aws.client import AwsClient
from extension.aws.errors import error_code, receipt_for_aws
from extension.model.aws_targets import read_log_group
from extension.model.chunk import Chunk, Metadata
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
from extension.transport.client import Reply
from extension.transport.errors import Unreachable
from extension.transport.responses import receipt_for_silence

DEFAULT_GROUP = "/flight-recorder/"
"""Before the function's name. Not Lambda's own group: people deny it to the function, to stop paying for it."""

MAX_PERHAPS_THERE = 2 * MAX_EVENTS
"""Numbers remembered of records that may have been written: no batch of the queue has more events."""

RETENTION_TRIES = 3
"""While CloudWatch throttles, which it does above 10 calls a second (AWS: CloudWatch Logs quotas)."""
RETENTION_S = 1.0
"""The most time for setting it, which delays the end of a delivery."""

ATTEMPTS = 2
"""To write: somebody may have deleted the group or the stream since it was made."""

_MISSING = "ResourceNotFoundException"
_EXISTS = frozenset({"ResourceAlreadyExistsException", "OperationAbortedException"})
"""Or another environment is making it at this moment."""


class CloudWatchSink:
    """Write to one log group, and in it to one stream."""

    def __init__(self, config: SinkConfig, *, wall_s: Callable[[], float] = time.time) -> None:
        """Open nothing yet. ``wall_s`` tells the time in seconds since 1970.

        The URL's scheme says whether each line is written as a record, with all that is known of it. The rest of the
        URL is the log group's name or ARN, empty for the default.
        """
        scheme, _, place = config.url.partition(":")
        self._group, self._arn = read_log_group(place)
        self._client = AwsClient("logs", config.environ, wall_s=wall_s, arn=self._arn)
        self.abort, self.close = self._client.abort, self._client.close
        self._wall_s = wall_s
        self._function = config.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        log_format = config.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper()
        self._form = Form.JSON if log_format == "JSON" else Form.TEXT
        if scheme.lower() == "records+cloudwatch":
            self._form = Form.RECORDS
        self._retention_days = config.retention_days
        self._retention_tries = RETENTION_TRIES
        self._environment_id = self._stream = ""
        self._limits = Limits()
        self._stream_exists = False
        self._perhaps_there: set[int] = set()

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
        """Write chunks to the stream, in as many requests as CloudWatch's limits want.

        ``sent_bytes`` counts as CloudWatch bills: messages in UTF-8, and 26 bytes for each.
        """
        if refusal := refuse_other_account(self._arn, chunks):
            return refusal
        until_s = time.monotonic() + timeout_s
        metadata = chunks[0].metadata
        self._name(metadata)
        events = mark_repetition(
            log_events(
                records_in(chunks),
                form=self._form,
                now_ms=int(self._wall_s() * 1000),
                stream=self._stream,
                message_bytes=self._limits.message_bytes,
            ),
            self._perhaps_there,
            environment_id=metadata.environment_id,
        )
        receipt = self._write_all(requests_of(events, self._limits.request_bytes), until_s)
        if receipt.answer is Answer.TAKEN:
            self._set_retention(until_s)
        return receipt

    def _name(self, metadata: Metadata) -> None:
        """Name group and stream, and again once the environment has another id, as after a snapshot."""
        self._group = self._group or DEFAULT_GROUP + (self._function or metadata.function)
        if self._environment_id == metadata.environment_id and self._stream:
            return
        date = time.strftime("%Y/%m/%d", time.gmtime(self._wall_s()))
        name = f"{date}/[{metadata.version}]{metadata.environment_id}"
        # A stream's name must hold neither (AWS: CloudWatch Logs, CreateLogStream).
        self._stream = name.replace(":", "_").replace("*", "_")
        self._environment_id = metadata.environment_id
        self._stream_exists = False
        self._perhaps_there = set()

    def _write_all(self, requests: Iterable[list[LogEvent]], until_s: float) -> Receipt:
        return send_in_turn(
            requests,
            lambda request: self._write(request, until_s),
            # Where the rest of a record is in the next request, the whole record comes again if that fails.
            numbers_of=lambda request: (event.number for event in request if event.ends),
        )

    def _write(self, request: list[LogEvent], until_s: float) -> Receipt:
        try:
            reply = self._put(request, until_s)
        except Unreachable as error:
            # Without a stream, the request that failed held no lines.
            is_uncertain = error.uncertain and self._stream_exists
            if is_uncertain:
                self._remember(request)
            return receipt_for_silence(error)._replace(uncertain=is_uncertain)
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

    def _put(self, request: list[LogEvent], until_s: float) -> Reply | Receipt:
        """Send a request, after creating the stream if it is missing; return a receipt if that fails."""
        events = [{"timestamp": event.at_ms, "message": event.message} for event in request]
        for _ in range(ATTEMPTS):
            failure = None if self._stream_exists else self._create_stream(until_s)
            if failure is not None:
                return failure
            # Not repeatable: sent twice by the transport, lines would stand there twice and unmarked.
            reply = self._call(
                "PutLogEvents",
                until_s,
                repeatable=False,
                logStreamName=self._stream,
                logEvents=events,
            )
            self._stream_exists = error_code(reply) != _MISSING
            if self._stream_exists:
                return reply
        # CloudWatch does not find yet what was just created.
        return Receipt(Answer.UNAVAILABLE, f"PutLogEvents: {_MISSING}")

    def _create_stream(self, until_s: float) -> Receipt | None:
        """Create the stream, and the group if it is missing too; return None once the stream exists."""
        reply = self._call("CreateLogStream", until_s, logStreamName=self._stream)
        if error_code(reply) == _MISSING:
            group = self._call("CreateLogGroup", until_s)
            if not group.is_success and error_code(group) not in _EXISTS:
                return _failure("CreateLogGroup", group)
            self._retention_tries = RETENTION_TRIES
            reply = self._call("CreateLogStream", until_s, logStreamName=self._stream)
            if error_code(reply) == _MISSING:
                return Receipt(Answer.UNAVAILABLE, f"CreateLogStream: {_MISSING}")
        if not reply.is_success and error_code(reply) not in _EXISTS:
            return _failure("CreateLogStream", reply)
        self._stream_exists = True
        return None

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


def _failure(action: str, reply: Reply) -> Receipt:
    """Return the receipt for a refused action, whose name tells which permission may be missing."""
    receipt = receipt_for_aws(reply, sent_bytes=0)
    return receipt._replace(detail=f"{action}: {receipt.detail}")
