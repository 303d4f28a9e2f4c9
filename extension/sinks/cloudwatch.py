"""``cloudwatch:[group]`` and ``records+cloudwatch:[group]``: CloudWatch Logs, written to with PutLogEvents.

Promises: works as it is under the ordinary execution role (AWS: AWSLambdaBasicExecutionRole, which allows
CreateLogGroup, CreateLogStream and PutLogEvents); group and stream are created when they are missing, one stream an
environment; lines read as they would in the function's own log, so that queries and metric filters go on working. What
may have been written twice, because an answer never came, is marked by an event of the type
:data:`~extension.sinks.timeline.REPEAT_TYPE` before its second copy.

Metrics are extracted from lines in the embedded metric format without a header that asks for it (AWS: "Using the
PutLogEvents API to send manually-created embedded metric format logs"). Bodies are not compressed, since the API
reference says nothing of it.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from extension.aws.client import AwsClient
from extension.aws.errors import error_code, receipt_for_aws
from extension.model.chunk import Chunk, Metadata
from extension.model.receipt import Answer, Receipt
from extension.model.record import records_in
from extension.sinks.base import SinkConfig
from extension.sinks.cloudwatch_events import (
    MAX_EVENTS,
    Form,
    LogEvent,
    log_events,
    mark_repetition,
    refused_by,
    requests_of,
)
from extension.transport.client import Reply
from extension.transport.errors import Unreachable
from extension.transport.responses import receipt_for_silence

DEFAULT_GROUP = "/flight-recorder/"
"""Before the function's name. Not Lambda's own group, which people deny the function to stop paying for it."""

MAX_PERHAPS_THERE = 2 * MAX_EVENTS
"""Numbers remembered of records that may have been written: a batch sealed by the queue has no more events."""

RETENTION_TRIES = 3
"""While CloudWatch is throttling, which it does from 10 calls a second on (AWS: CloudWatch Logs quotas)."""
RETENTION_S = 1.0
"""The most that setting it may take: it comes after a delivery, and holds it up at most as long."""

ATTEMPTS = 2
"""At writing: somebody may have deleted the group or the stream since it was made."""

_API = "Logs_20140328."
_MISSING = "ResourceNotFoundException"
_EXISTS = frozenset({"ResourceAlreadyExistsException", "OperationAbortedException"})
"""Or is being made by another environment at this moment."""
_SERVER_ERROR = 500


class CloudWatchSink:
    """Writes to one log group, and in it to one stream."""

    def __init__(
        self,
        config: SinkConfig,
        *,
        group: str,
        as_records: bool = False,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """Opens nothing yet.

        Args:
            config: of the sink.
            group: the log group's name; empty for the default.
            as_records: whether each line is written as the record that it is, with all that is known of it.
            wall_s: the time since 1970 in seconds.
        """
        self._client = AwsClient("logs", config.environ, wall_s=wall_s)
        self._wall_s = wall_s
        self._group = group
        self._function = config.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        json_format = config.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
        self._form = Form.RECORDS if as_records else Form.JSON if json_format else Form.TEXT
        self._retention_days = config.retention_days
        self._retention_tries = RETENTION_TRIES
        self._environment_id = self._stream = ""
        self._stream_exists = False
        self._perhaps_there: set[int] = set()

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
        """Writes chunks to the stream, in as many requests as CloudWatch's limits want.

        ``sent_bytes`` counts as CloudWatch bills: messages in UTF-8, and 26 bytes for each.
        """
        until_s = time.monotonic() + timeout_s
        metadata = chunks[0].metadata
        self._name(metadata)
        events = mark_repetition(
            log_events(
                records_in(chunks),
                form=self._form,
                now_ms=int(self._wall_s() * 1000),
            ),
            self._perhaps_there,
            environment_id=metadata.environment_id,
        )
        receipt = self._write(requests_of(events), until_s)
        if receipt.answer is Answer.TAKEN:
            self._set_retention(until_s)
        return receipt

    def abort(self) -> None:
        """Breaks the connection off."""
        self._client.abort()

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()

    def _name(self, metadata: Metadata) -> None:
        """Names group and stream; anew for an environment that has become another, as after a snapshot."""
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

    def _write(self, requests: Iterable[list[LogEvent]], until_s: float) -> Receipt:
        taken: set[int] = set()
        refused: dict[int, str] = {}
        sent_bytes = 0
        for request in requests:
            receipt = self._write_one(request, until_s)
            if receipt.answer is not Answer.TAKEN:
                return replace(
                    receipt,
                    sent_bytes=sent_bytes,
                    refused=refused,
                    taken=frozenset(taken - refused.keys()),
                )
            sent_bytes += receipt.sent_bytes
            refused.update(receipt.refused)
            taken.update(event.number for event in request if event.ends)
        return Receipt(Answer.TAKEN, sent_bytes=sent_bytes, refused=refused)

    def _write_one(self, request: list[LogEvent], until_s: float) -> Receipt:
        try:
            reply = self._put_into_stream(request, until_s)
        except Unreachable as error:
            receipt = receipt_for_silence(error)
            if not self._stream_exists:
                # What was under way were no lines.
                return replace(receipt, uncertain=False)
            if error.uncertain:
                self._remember(request)
            return receipt
        if isinstance(reply, Receipt):
            return reply
        if reply.is_success:
            self._forget(request)
            return Receipt(
                Answer.TAKEN,
                sent_bytes=sum(event.size_bytes for event in request),
                refused=refused_by(reply.body, request),
            )
        if reply.status >= _SERVER_ERROR:
            self._remember(request)
        return self._failure("PutLogEvents", reply)

    def _put_into_stream(self, request: list[LogEvent], until_s: float) -> Reply | Receipt:
        """Sends a request, once there is a stream for it; a receipt if there is none."""
        for _ in range(ATTEMPTS):
            missing = None if self._stream_exists else self._create_stream(until_s)
            if missing is not None:
                return missing
            reply = self._put(request, until_s)
            if error_code(reply) != _MISSING:
                return reply
            self._stream_exists = False
        return self._not_yet("PutLogEvents")

    def _put(self, request: list[LogEvent], until_s: float) -> Reply:
        events = [{"timestamp": event.at_ms, "message": event.message} for event in request]
        payload = {
            "logGroupName": self._group,
            "logStreamName": self._stream,
            "logEvents": events,
        }
        # Sent twice by the transport, lines would stand there twice and unmarked.
        return self._client.call(_API + "PutLogEvents", payload, until_s=until_s, repeatable=False)

    def _create_stream(self, until_s: float) -> Receipt | None:
        """Makes the stream, and the group where that is missing too; None once the stream is there."""
        names = {"logGroupName": self._group, "logStreamName": self._stream}
        reply = self._client.call(_API + "CreateLogStream", names, until_s=until_s)
        if error_code(reply) == _MISSING:
            group = self._client.call(
                _API + "CreateLogGroup", {"logGroupName": self._group}, until_s=until_s
            )
            if not group.is_success and error_code(group) not in _EXISTS:
                return self._failure("CreateLogGroup", group)
            self._retention_tries = RETENTION_TRIES
            reply = self._client.call(_API + "CreateLogStream", names, until_s=until_s)
            if error_code(reply) == _MISSING:
                return self._not_yet("CreateLogStream")
        if not reply.is_success and error_code(reply) not in _EXISTS:
            return self._failure("CreateLogStream", reply)
        self._stream_exists = True
        return None

    def _not_yet(self, action: str) -> Receipt:
        """Gives the receipt for what was made just now and is missing: that it is there has not got about yet."""
        self._stream_exists = False
        return Receipt(Answer.UNAVAILABLE, f"{action}: {_MISSING}")

    def _failure(self, action: str, reply: Reply) -> Receipt:
        receipt = receipt_for_aws(reply, sent_bytes=0)
        # Which action it was is which permission may be missing.
        return replace(receipt, detail=f"{action}: {receipt.detail}")

    def _set_retention(self, until_s: float) -> None:
        """Sets how long the group keeps events, once an environment, if asked to and allowed to.

        It costs a permission that the ordinary role does not have (logs:PutRetentionPolicy), so failing is no failure.
        """
        left_s = min(until_s - time.monotonic(), RETENTION_S)
        if not self._retention_days or not self._retention_tries or left_s <= 0:
            return
        self._retention_tries -= 1
        payload = {"logGroupName": self._group, "retentionInDays": self._retention_days}
        try:
            reply = self._client.call(
                _API + "PutRetentionPolicy", payload, until_s=time.monotonic() + left_s
            )
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
            # The rest of it is in the next request. If that fails, the whole record comes again.
            self._perhaps_there.add(request[-1].number)
