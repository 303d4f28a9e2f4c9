"""Recognise lines that hold metrics in CloudWatch's embedded metric format.

CloudWatch takes these metrics from the lines and from nowhere else, so such a line is never sampled away. It takes them:

- from a line that is a JSON object and nothing else (AWS: EMF specification, root node), with the JSON log format too;
- from Node.js's and .NET's Text format, in which the runtime's prefix stands before the object. AWS's own libraries write
  so, with ``console.log`` (aws-embedded-metrics 4; Powertools until November 2023, and with POWERTOOLS_DEV).

Nothing is documented of other text before the object. A line that is kept in vain costs its bytes, and a lost one a
metric. So every line counts in which such an object stands, whatever is before and behind it. Also counted is an object
that Lambda wraps as ``message``, from which CloudWatch takes nothing (AWS: EMF libraries, "metric loss").

Pure.
"""

import json
import re

from extension.levels.objects import Members
from extension.levels.reading import MAX_OBJECTS, Reading, read

DIRECTIVES = "CloudWatchMetrics"
"""The member that every such line has: in ``_aws``, and in version 0 of the format at the root."""

_OBJECT = r'\{(?=\s*")'

_decode_at = json.JSONDecoder().raw_decode


def holds_metrics(record: object, reading: Reading | None = None) -> bool:
    """Tell whether a ``function`` record of any JSON type holds metrics.

    Args:
        record: as decoded from its event.
        reading: what :func:`extension.levels.reading.read` made of it; None if nobody has read it yet.
    """
    if isinstance(record, str):
        if DIRECTIVES not in record:
            return False
    elif not isinstance(record, dict):
        return False
    reading = reading or read(record)
    return any(map(is_emf, reading.objects)) or (
        isinstance(record, str) and _stands_in(record, reading)
    )


def is_emf(line: Members) -> bool:
    """Tell whether a JSON line is in the embedded metric format.

    The OpenTelemetry Collector's ``awsemf`` exporter writes version 0, as does the CloudWatch agent.
    """
    metadata = line.get("_aws")
    if isinstance(metadata, dict) and DIRECTIVES in metadata:
        return True
    directives = line.get(DIRECTIVES)
    return isinstance(directives, list) and bool(directives) and isinstance(directives[0], dict)


def _stands_in(text: str, reading: Reading) -> bool:
    """Look for an object behind text that is no prefix."""
    if reading.objects:
        return False
    end = 0
    for _, match in zip(range(MAX_OBJECTS), re.finditer(_OBJECT, text), strict=False):
        if match.start() < end:
            continue
        try:
            found, end = _decode_at(text, match.start())
        except (ValueError, RecursionError):
            continue
        if is_emf(found):
            return True
    return False
