"""The kinds of sink that faults are tried on: how each is named, and what somebody who looks there finds.

Behind CloudWatch, S3 and Firehose stands moto, behind OTLP rotel, behind plain HTTP a receiver that keeps bodies. Each
family has a group, bucket, stream or service of its own, so that tests do not see each other's lines.
"""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tests.end_to_end.support import CARGO, SECRET, Receiver
from tests.services.aws import moto
from tests.services.collector import collector
from tests.services.environment import unique

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.services.front import Dialect

REPEAT_TYPE = "flightRecorder.repeat"


class Found(NamedTuple):
    """A line that somebody who looks there finds; CloudWatch has no place for an id, so it is empty there."""

    text: str
    id: str = ""


class Family(Protocol):
    """A kind of sink, and a receiver behind it.

    Attributes:
        backend: the receiver's URL, without a path.
        dialect: in which its service tells errors.
        overwrites: whether what is sent twice is there once.
        sorts: whether lines are shown in the order of their times, and have no ids: copies are announced instead.
    """

    backend: str
    dialect: Dialect
    overwrites: bool
    sorts: bool

    def environment(self, url: str) -> dict[str, str]:
        """Give the variables that make it the sink, at ``url`` instead of the receiver's own."""

    def found(self) -> list[Found]:
        """Read back the function's lines, in order of their ids, or of their times where they have none."""

    def announced(self) -> int:
        """Give how many events were announced as being there perhaps twice."""

    def close(self) -> None:
        """End what was started for this alone."""


def variables(sink: str, **others: str) -> dict[str, str]:
    """Make the variables that name the sink."""
    return {"FLIGHT_RECORDER_SINK": sink, **others}


class _Aws:
    dialect: Dialect = "aws-json"
    overwrites = sorts = False

    def __init__(self) -> None:
        self.backend = moto().url

    def aws(self, sink: str, service: str, url: str) -> dict[str, str]:
        keys = moto().environ()
        del keys["AWS_ENDPOINT_URL"]
        return {**keys, f"AWS_ENDPOINT_URL_{service}": url, "FLIGHT_RECORDER_SINK": sink}

    def announced(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing: moto goes on for other tests."""


class CloudWatch(_Aws):
    sorts = True

    def __init__(self) -> None:
        super().__init__()
        self._group = unique("/faults/function")

    def environment(self, url: str) -> dict[str, str]:
        return self.aws(f"cloudwatch:{self._group}", "LOGS", url)

    def _messages(self) -> list[str]:
        groups = moto().call("Logs_20140328.DescribeLogGroups", logGroupNamePrefix=self._group)
        if not groups["logGroups"]:
            return []
        streams = sorted(moto().log_streams(self._group))
        events = [event for one in streams for event in moto().log_events(self._group, one)]
        return [event["message"] for event in events]

    def found(self) -> list[Found]:
        # A summary quotes the line of the error.
        lines = (one for one in self._messages() if '"type":"flightRecorder.' not in one)
        return [Found(message) for message in lines if CARGO in message]

    def announced(self) -> int:
        marks = [json.loads(one) for one in self._messages() if f'"{REPEAT_TYPE}"' in one]
        return sum(mark["record"]["events"] for mark in marks)


class S3(_Aws):
    dialect: Dialect = "s3"
    overwrites = True

    def __init__(self) -> None:
        super().__init__()
        self._bucket = moto().make_bucket(unique("faults"))

    def environment(self, url: str) -> dict[str, str]:
        return self.aws(f"s3://{self._bucket}/kept", "S3", url)

    def found(self) -> list[Found]:
        keys = moto().object_keys(self._bucket)
        bodies = [gzip.decompress(moto().object(self._bucket, key).content) for key in keys]
        return lines_in(b"".join(bodies))


class Firehose(_Aws):
    def __init__(self) -> None:
        super().__init__()
        self._stream = unique("faults")
        self._bucket = moto().make_bucket(self._stream)
        moto().call(
            "Firehose_20150804.CreateDeliveryStream",
            DeliveryStreamName=self._stream,
            DeliveryStreamType="DirectPut",
            ExtendedS3DestinationConfiguration={
                "BucketARN": f"arn:aws:s3:::{self._bucket}",
                "RoleARN": "arn:aws:iam::123456789012:role/firehose",
            },
        )

    def environment(self, url: str) -> dict[str, str]:
        return self.aws(f"firehose:{self._stream}", "FIREHOSE", url)

    def found(self) -> list[Found]:
        keys = moto().object_keys(self._bucket)
        return lines_in(b"".join(moto().object(self._bucket, key).content for key in keys))


class Otlp:
    dialect: Dialect = "plain"
    overwrites = sorts = False

    def __init__(self) -> None:
        self.backend = collector().url
        self._service = unique("faults")

    def environment(self, url: str) -> dict[str, str]:
        return variables(
            f"otlp+{url}/v1/logs",
            OTEL_SERVICE_NAME=self._service,
            FLIGHT_RECORDER_SINK_HEADERS=f"Authorization=Bearer {SECRET}",
        )

    def found(self) -> list[Found]:
        printed = collector().printed(self._service, count=0)
        found = [
            Found(one.body, one.attributes["log.record.uid"].removeprefix("Str(").removesuffix(")"))
            for one in printed
            if CARGO in one.body and not one.body.startswith('{"outcome":')
        ]
        return sorted(found, key=_place)

    def announced(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing: the collector goes on for other tests."""


class Http:
    dialect: Dialect = "plain"
    overwrites = sorts = False

    def __init__(self) -> None:
        self._receiver = Receiver()
        self._receiver.listen()
        self.backend = self._receiver.url.removesuffix("/in")

    def environment(self, url: str) -> dict[str, str]:
        return variables(
            f"{url}/in?key={SECRET}", FLIGHT_RECORDER_SINK_HEADERS=f"Authorization=Bearer {SECRET}"
        )

    def found(self) -> list[Found]:
        bodies = [gzip.decompress(request.body) for request in self._receiver.taken]
        return lines_in(b"".join(bodies))

    def announced(self) -> int:
        return 0

    def close(self) -> None:
        self._receiver.close()


FAMILIES: dict[str, Callable[[], Family]] = {
    "cloudwatch": CloudWatch,
    "s3": S3,
    "firehose": Firehose,
    "otlp": Otlp,
    "http": Http,
}


def lines_in(ndjson: bytes) -> list[Found]:
    """Read the function's lines out of our NDJSON."""
    records = [json.loads(line) for line in ndjson.split(b"\n")[:-1]]
    found = [
        Found(_text(record["record"]), record["id"])
        for record in records
        if record["type"] == "function"
    ]
    return sorted(found, key=_place)


def _text(record: Any) -> str:
    assert isinstance(record, str), "the functions here write text"
    return record


def _place(found: Found) -> tuple[str, int]:
    environment, _, number = found.id.rpartition("-")
    return environment, int(number)
