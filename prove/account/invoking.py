"""Invoke a function, and read how it went from Lambda's answer and from the tail of its log."""

import base64
import json
import re
import tempfile
from pathlib import Path
from typing import NamedTuple

from attach.cloud.command import Aws, AwsError
from prove.checking.compare import Went
from prove.plan.ways import Told

_REQUEST_ID = re.compile(r"RequestId: ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


class Answer(NamedTuple):
    """An invocation's answer.

    Attributes:
        went: How it went.
        before: The mark that it found in /tmp; empty for none.
        stream: Its log stream; empty if it did not answer.
    """

    went: Went
    before: str = ""
    stream: str = ""


def invoke(aws: Aws, told: Told) -> Answer:
    """Invoke a function once.

    The aws command tries again where the connection breaks. Lines are then there twice, and the report says so: nobody
    can tell that from a recorder that delivers twice.
    """
    with tempfile.NamedTemporaryFile() as file:
        try:
            answer = aws.call(
                *("lambda", "invoke", "--function-name", told.function),
                *("--log-type", "Tail", "--cli-read-timeout", "0", file.name),
                # With characters as they are: the runtime in bash decodes no escapes.
                payload=json.dumps(told.event, ensure_ascii=False).encode(),
            )
        except AwsError as error:
            return Answer(Went(problem=str(error)))
        content = _object(Path(file.name).read_bytes())
    tail = base64.b64decode(str(answer.get("LogResult") or "")).decode("utf-8", "replace")
    found = _REQUEST_ID.search(tail)
    request_id = str(content.get("requestId") or (found[1] if found else ""))
    went = Went(error=str(answer.get("FunctionError") or ""), request_id=request_id)
    return Answer(went, str(content.get("before", "")), str(content.get("stream", "")))


def _object(data: bytes) -> dict[str, object]:
    try:
        value = json.loads(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
