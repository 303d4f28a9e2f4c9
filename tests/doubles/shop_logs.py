"""One small shop's log, in each of the forms that it can be exported in.

Two environments over two hours: healthy invocations, an exception, a timeout, a crash, a line at ERROR, metrics.
"""

import base64
import contextlib
import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from whatif.replay.batches import Batch

FIRST_MS = 1_795_161_600_000
"""2026-11-20, 08:00 UTC."""
STREAMS = tuple(f"2026/11/20/[$LATEST]{digit * 32}" for digit in "ab")
INVOCATIONS = 24
LINES = 24 * 5 + 2
FAILURES = {"python-exception": 2, "timeout": 1, "crash": 1, "level-error": 1}


class Event(NamedTuple):
    """One event of CloudWatch Logs."""

    stream: str
    at_ms: int
    message: str


def request_id_of(number: int) -> str:
    return str(UUID(int=0x1000_0000_0000_4000_8000_0000_0000_0000 + number * 7919))


def trace_id_of(number: int) -> str:
    return f"1-6a1f2b00-{number * 0xA5A5A5A5A5A5A5A5A5A5A5A5 % (1 << 96):024x}"


def iso(at_ms: int, digits: int = 3) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[: 20 + digits]


def invocation(number: int, stream: str, at_ms: int) -> list[Event]:
    """One invocation's events, as Lambda writes them."""
    request_id = request_id_of(number)

    def logged(offset_ms: int, message: str) -> Event:
        return Event(stream, at_ms + offset_ms, message)

    def line(offset_ms: int, level: str, text: str) -> Event:
        return logged(offset_ms, f"[{level}]\t{iso(at_ms + offset_ms)}Z\t{request_id}\t{text}")

    events = [logged(0, f"START RequestId: {request_id} Version: $LATEST")]
    events += [
        line(1 + i, "INFO", f"order {number}: item {i} is in stock, größe M") for i in range(4)
    ]
    status = fault = ""
    last = line(9, "DEBUG", "priced")
    if number in (5, 17):
        traceback = (
            'Traceback (most recent call last):\n  File "/var/task/app.py", line 7, in handler'
        )
        last = logged(9, f"[ERROR] KeyError: 'price'\n{traceback}\n    raise KeyError(name)")
    elif number == 8:
        status = "\tStatus: timeout"
    elif number == 11:
        fault = f"RequestId: {request_id} Error: Runtime exited with error: exit status 1\nRuntime.ExitError"
    elif number == 14:
        last = line(9, "ERROR", "the warehouse says no")
    events.append(last)
    if number == 2:
        metrics = [{"Namespace": "shop", "Dimensions": [[]], "Metrics": [{"Name": "carts"}]}]
        emf = {"_aws": {"Timestamp": at_ms, "CloudWatchMetrics": metrics}, "carts": 1}
        events.append(logged(10, json.dumps(emf)))
    if number == 3:
        events.append(logged(10, "a print without any id"))
    events += [logged(11, fault)] if fault else []
    events.append(logged(12, f"END RequestId: {request_id}"))
    report = (
        f"REPORT RequestId: {request_id}\tDuration: {12.5 + number} ms\tBilled Duration: {13 + number} ms\t"
        f"Memory Size: 512 MB\tMax Memory Used: 87 MB{status}\t"
        f"\nXRAY TraceId: {trace_id_of(number)}\tSegmentId: {number:016x}\tSampled: true\t"
    )
    return [*events, logged(12, report)]


def shop() -> list[Event]:
    """All events, in the order of their times."""
    events = []
    for place, stream in enumerate(STREAMS):
        at_ms = FIRST_MS + place * 1000
        arn = "arn:aws:lambda:eu-central-1::runtime:1234"
        events.append(
            Event(
                stream,
                at_ms,
                f"INIT_START Runtime Version: python:3.13.v1\tRuntime Version ARN: {arn}",
            )
        )
    for number in range(INVOCATIONS):
        at_ms = FIRST_MS + 2000 + number * 300_000
        events += invocation(number, STREAMS[number % 2], at_ms)
    return events


def posted(request_id: str, *lines: str, status: str = "success") -> Batch:
    """Return one whole invocation as Lambda would have posted it."""
    record = {"requestId": request_id, "status": status, "metrics": {"durationMs": 1}}
    events = [
        ("platform.start", {"requestId": request_id}),
        *(("function", line) for line in lines),
        ("platform.runtimeDone", record),
        ("platform.report", record),
    ]
    body = [
        {"time": "2026-11-20T08:00:00.000Z", "type": kind, "record": one} for kind, one in events
    ]
    return Batch([(request_id, "")], json.dumps(body, separators=(",", ":")).encode())


# Forms ----------------------------------------------------------------------------------------------------------------


def tail(events: list[Event]) -> str:
    lines = (f"{iso(e.at_ms, 6)}+00:00 {e.stream} {e.message.rstrip()}\n" for e in events)
    return "".join(lines)


def tail_coloured(events: list[Event]) -> str:
    green, cyan, reset = "\x1b[32m", "\x1b[36m", "\x1b[0m"
    return "".join(
        f"{green}{iso(e.at_ms, 6)}+00:00{reset} {cyan}{e.stream}{reset} {e.message.rstrip()}\n"
        for e in events
    )


def tail_json(events: list[Event]) -> str:
    """As ``aws logs tail --format json``: messages that are JSON are written over several lines."""
    text = ""
    for event in events:
        message = event.message.rstrip()
        with contextlib.suppress(ValueError):
            message = "\n" + json.dumps(json.loads(message), indent=4)
        text += f"{iso(event.at_ms, 6)}+00:00 {event.stream} {message}\n"
    return text


def tail_short(events: list[Event]) -> str:
    return "".join(f"{iso(e.at_ms)[:19]} {e.message.rstrip()}\n" for e in events)


def sam(events: list[Event]) -> str:
    return "".join(f"{e.stream} {iso(e.at_ms, 6)} {e.message.rstrip()}\n" for e in events)


def filtered(events: list[Event]) -> str:
    """As ``aws logs filter-log-events``, pretty-printed by the CLI."""
    found = [
        {
            "logStreamName": event.stream,
            "timestamp": event.at_ms,
            "message": event.message + "\n",
            "ingestionTime": event.at_ms + 900,
            "eventId": f"3{number:055d}",
        }
        for number, event in enumerate(events)
    ]
    searched = [{"logStreamName": stream, "searchedCompletely": True} for stream in STREAMS]
    document = {"events": found, "searchedLogStreams": searched, "nextToken": "Bxkq6kVGFtq2y"}
    return json.dumps(document, indent=4)


def deliveries(events: list[Event]) -> str:
    """As a subscription filter delivers, strung together without anything between by Firehose."""
    return "".join(map(json.dumps, subscribed(events)))


CONTROL = "CWL CONTROL MESSAGE: Checking health of destination Firehose."


def subscribed(events: list[Event], *, group: str = "/aws/lambda/shop") -> list[dict[str, object]]:
    """As a subscription filter puts it: a check of the destination, then ten events of one stream at a time."""
    check = {"id": "", "timestamp": 1_510_109_208_016, "message": CONTROL}
    found: list[dict[str, object]] = [
        {
            "messageType": "CONTROL_MESSAGE",
            "owner": "CloudwatchLogs",
            "logGroup": "",
            "logStream": "",
            "subscriptionFilters": [],
            "logEvents": [check],
        }
    ]
    for stream in STREAMS:
        own = [e for e in events if e.stream == stream]
        for begin in range(0, len(own), 10):
            entries = [
                {"id": str(e.at_ms), "timestamp": e.at_ms, "message": e.message + "\n"}
                for e in own[begin : begin + 10]
            ]
            found.append(
                {
                    "messageType": "DATA_MESSAGE",
                    "owner": "123456789012",
                    "logGroup": group,
                    "logStream": stream,
                    "subscriptionFilters": ["all"],
                    "logEvents": entries,
                }
            )
    return found


def packed(message: Mapping[str, object]) -> str:
    """As a subscription filter hands it to Lambda, Kinesis and Firehose: gzipped, in base64."""
    return base64.b64encode(gzip.compress(json.dumps(message).encode())).decode()


def lambda_events(events: list[Event]) -> str:
    """As Lambda invokes a function with them (AWS: Lambda, Process Amazon CloudWatch Logs events), one a line."""
    return "".join(
        json.dumps({"awslogs": {"data": packed(one)}}) + "\n" for one in subscribed(events)
    )


def kinesis_event(events: list[Event]) -> str:
    """As Lambda invokes a function with a batch of a stream (AWS: Lambda, Using Lambda with Kinesis)."""
    records = [
        {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": "1",
                "sequenceNumber": "4959",
                "data": packed(one),
                "approximateArrivalTimestamp": 1545084650.987,
            },
            "eventSource": "aws:kinesis",
            "eventID": "shardId-000000000006:4959",
        }
        for one in subscribed(events)
    ]
    return json.dumps({"Records": records})


def kinesis_records(events: list[Event]) -> str:
    """As ``aws kinesis get-records`` answers."""
    records = [
        {"SequenceNumber": "4959", "Data": packed(one), "PartitionKey": "1"}
        for one in subscribed(events)
    ]
    document = {"Records": records, "NextShardIterator": "AAAA", "MillisBehindLatest": 0}
    return json.dumps(document, indent=4)


def firehose_event(events: list[Event]) -> str:
    """As Firehose invokes a function that transforms (AWS: Lambda, Process Amazon Data Firehose records)."""
    records = [
        {"recordId": str(number), "approximateArrivalTimestamp": 1, "data": packed(one)}
        for number, one in enumerate(subscribed(events))
    ]
    document = {"invocationId": "i", "deliveryStreamArn": "arn", "region": "eu-central-1"}
    return json.dumps({**document, "records": records})


def base64_lines(events: list[Event]) -> str:
    """As ``aws kinesis get-records --query 'Records[].Data' --output text``: in one line, with tabs between."""
    return "\t".join(map(packed, subscribed(events))) + "\n"


def extracted(events: list[Event]) -> str:
    """As Firehose's message extraction leaves them: nothing but the messages."""
    return "".join(f"{event.message}\n" for event in events)


def _insights_time(at_ms: int) -> str:
    return iso(at_ms).replace("T", " ")


def insights_json(events: list[Event]) -> str:
    """As ``aws logs get-query-results``: newest first, unless a query says otherwise."""
    rows = [
        [
            {"field": "@timestamp", "value": _insights_time(event.at_ms)},
            {"field": "@message", "value": event.message + "\n"},
            {"field": "@logStream", "value": event.stream},
            {"field": "@ptr", "value": "CmEKJgoi"},
        ]
        for event in reversed(events)
    ]
    statistics = {"recordsMatched": float(len(rows)), "bytesScanned": 1.0}
    document = {
        "queryLanguage": "CWLI",
        "results": rows,
        "statistics": statistics,
        "status": "Complete",
    }
    return json.dumps(document, indent=4)


def insights_csv(events: list[Event]) -> str:
    table = io.StringIO(newline="")
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(["@timestamp", "@message", "@logStream"])
    rows.writerows([_insights_time(e.at_ms), e.message, e.stream] for e in reversed(events))
    return table.getvalue()


NAMED: dict[str, Callable[[list[Event]], str]] = {
    "aws logs tail": tail,
    "aws logs tail, coloured": tail_coloured,
    "aws logs tail, json": tail_json,
    "sam logs": sam,
    "filter-log-events": filtered,
    "subscription": deliveries,
    "subscription, Lambda's events": lambda_events,
    "subscription, a Kinesis event": kinesis_event,
    "subscription, get-records": kinesis_records,
    "subscription, a Firehose event": firehose_event,
    "subscription, base64": base64_lines,
    "Insights, JSON": insights_json,
    "Insights, CSV": insights_csv,
}
"""The forms that name the environment of each event."""


def write_export(folder: Path, events: list[Event]) -> Path:
    """As an export task leaves a bucket: one folder a stream, gzipped."""
    task = folder / "exported" / "0f5f0f58-7d0c-4a43-8f3d-2a6d2f7a9f10"
    for stream in STREAMS:
        below = task / stream.replace("/", "-")
        below.mkdir(parents=True)
        text = "".join(
            f"{iso(e.at_ms)}Z {e.message.rstrip()}\n" for e in events if e.stream == stream
        )
        (below / "000000.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "exported" / "aws-logs-write-test").write_text("Permission Check Successful")
    return folder / "exported"
