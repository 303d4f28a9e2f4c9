"""Tell which function wrote a log: by its stream, its log group, or the place of its file.

Assumes of AWS: Lambda's own log groups are ``/aws/lambda/<function>``; in a group that several functions share, the names
of streams hold the function's, ``2026/11/20/shop[$LATEST]...`` (AWS: Configuring CloudWatch log groups). An export task
writes ``<prefix>/<task>/<stream>/000000.gz``, without the log group (AWS: Exporting log data to Amazon S3).

Pure.
"""

import re
from pathlib import PurePath

OWN_GROUP = "/aws/lambda/"

_STREAM = re.compile(r"\d{4}[/-]\d\d[/-]\d\d[/-]([^\[\]/]+)\[")
_TASK = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_TASK_CHARS = 8


def function_of_stream(stream: str) -> str:
    """Return the function that the name of a stream holds; empty where it holds none."""
    match = _STREAM.match(stream)
    return match.group(1) if match is not None else ""


def function_of_group(group: str) -> str:
    """Return the function of a log group, or the name of a group that is not Lambda's own."""
    name = group.rpartition(":")[2]
    return name.removeprefix(OWN_GROUP)


def source_of_path(name: str, *, stream: str) -> str:
    """Return a name for what stands in a file: the folder of its export task, or the file itself.

    Args:
        name: The file's name, as given.
        stream: The log stream that its folder is named by; empty where it is none.
    """
    path = PurePath(name)
    if not stream:
        return path.name
    task = path.parent.parent
    if _TASK.fullmatch(task.name):
        return "/".join(one for one in (task.parent.name, task.name[:_TASK_CHARS]) if one)
    return task.name or str(path.parent)
