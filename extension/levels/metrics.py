"""Recognise lines that hold metrics in CloudWatch's embedded metric format.

CloudWatch takes these metrics from the lines and from nowhere else, so such a line is never sampled away. It takes them:

- from a line that is a JSON object and nothing else (AWS: EMF specification, root node), with the JSON log format too;
- from Node.js's and .NET's Text format, in which the runtime's prefix stands before the object. AWS's own libraries write
  so, with ``console.log`` (aws-embedded-metrics 4; Powertools until November 2023, and with POWERTOOLS_DEV).

Nothing is documented of other prefixes. A line that is kept in vain costs its bytes, and a lost one a metric. So an object
counts behind any prefix that is known, and also where Lambda wraps it as ``message``, from which CloudWatch takes nothing
(AWS: EMF libraries, "metric loss").

Pure.
"""

from extension.levels.objects import Members
from extension.levels.reading import Reading, is_wide, read

DIRECTIVES = "CloudWatchMetrics"
"""The member that every such line has: in ``_aws``, and in version 0 of the format at the root."""


def holds_metrics(record: object, reading: Reading | None = None) -> bool:
    """Tell whether a ``function`` record of any JSON type holds metrics.

    Args:
        record: as decoded from its event.
        reading: what :func:`extension.levels.reading.read` made of it; None if nobody has read it yet.
    """
    if isinstance(record, str):
        if DIRECTIVES not in record:
            return False
        if is_wide(record):
            return True
    elif not isinstance(record, dict):
        return False
    reading = reading or read(record)
    return any(map(is_emf, reading.objects))


def is_emf(line: Members) -> bool:
    """Tell whether a JSON line is in the embedded metric format.

    The OpenTelemetry Collector's ``awsemf`` exporter writes version 0, as does the CloudWatch agent.
    """
    metadata = line.get("_aws")
    if isinstance(metadata, dict) and DIRECTIVES in metadata:
        return True
    directives = line.get(DIRECTIVES)
    return isinstance(directives, list) and bool(directives) and isinstance(directives[0], dict)
