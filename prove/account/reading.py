"""Read back all that a function's sink has, as `./build.sh show` reads it."""

import tempfile
import zlib
from pathlib import Path
from typing import Any

from attach.cloud.command import Aws, AwsError, is_absent
from prove.plan.deployment import Deployment, Planned
from show.model.entry import Entry
from show.reading.entries import entry_of_message, entry_of_record
from show.reading.ndjson import values_of

NO_GROUP = ("ResourceNotFoundException",)

CLOCKS_MS = 60_000
"""How far the clocks of this machine and of AWS may differ."""


class Reader:
    """Reads what the sinks of one run have."""

    def __init__(self, aws: Aws, deployment: Deployment, *, since_ms: int) -> None:
        self._aws = aws
        self._prefix = deployment.prefix
        self._since_ms = since_ms - CLOCKS_MS
        self._objects: dict[str, bytes] = {}

    def entries(self, function: Planned) -> list[Entry]:
        """Return all that the sink of a function has."""
        if function.sink.key == "s3":
            return self._from_bucket(function.name)
        own = function.sink.key == "own"
        return self._from_group(function.own_group if own else function.kept_group)

    def own_streams(self, function: Planned) -> list[str] | None:
        """Return the streams of the function's own log group; None if there is no group."""
        try:
            answer = self._aws.call(
                "logs", "describe-log-streams", "--log-group-name", function.own_group
            )
        except AwsError as error:
            if is_absent(error, NO_GROUP):
                return None
            raise
        return [str(one["logStreamName"]) for one in answer["logStreams"]]

    def _from_group(self, group: str) -> list[Entry]:
        # The aws command asks for page after page itself.
        answer = self._aws.call(
            *("logs", "filter-log-events", "--log-group-name", group),
            *("--start-time", str(self._since_ms)),
        )
        return [
            entry_of_message(
                str(event["message"]),
                place=group,
                stream=str(event.get("logStreamName", "")),
                at_ms=int(event["timestamp"]),
                order=order,
            )
            for order, event in enumerate(answer["events"])
        ]

    def _from_bucket(self, function: str) -> list[Entry]:
        answer = self._aws.call(
            *("s3api", "list-objects-v2", "--bucket", self._prefix),
            *("--prefix", f"kept/function={function}/"),
        )
        found: list[Any] = []
        for one in (answer or {}).get("Contents") or []:
            found += values_of(self._object(str(one["Key"])))
        entries = [
            entry_of_record(value, place=self._prefix, order=order)
            for order, value in enumerate(found)
        ]
        return [one for one in entries if one is not None]

    def _object(self, key: str) -> bytes:
        """Return an object's content, unzipped. The sink never writes a key again."""
        if key not in self._objects:
            with tempfile.NamedTemporaryFile() as file:
                self._aws.call(
                    "s3api", "get-object", "--bucket", self._prefix, "--key", key, file.name
                )
                data = Path(file.name).read_bytes()
            zipped = data.startswith(b"\x1f\x8b")
            self._objects[key] = zlib.decompress(data, zlib.MAX_WBITS | 16) if zipped else data
        return self._objects[key]
