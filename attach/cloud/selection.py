"""Find the functions that the command line means."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from attach.cloud.command import Aws
from attach.plan.model import FUNCTION_NAME, AttachError


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Functions by their names, by a regular expression found in the name, or by tags, all of which they have."""

    names: tuple[str, ...] = ()
    regex: str = ""
    tags: tuple[tuple[str, str], ...] = field(default=())


def chosen(aws: Aws, selection: Selection) -> list[str]:
    """Return the functions' names, each once, in order.

    Raises:
        AttachError: There is none, or a name is none.
    """
    if selection.names:
        found = [_checked(name) for name in selection.names]
    elif selection.tags:
        found = sorted(_tagged(aws, selection.tags))
    else:
        pattern = re.compile(selection.regex)
        answer = aws.call("lambda", "list-functions", "--query", "Functions[].FunctionName")
        found = sorted(name for name in answer or () if pattern.search(name))
    if not found:
        raise AttachError("no function is meant by that")
    return list(dict.fromkeys(found))


def _checked(name: str) -> str:
    """Return a name or an ARN as it is: Lambda refuses the ARN of another region."""
    if not FUNCTION_NAME.fullmatch(name):
        raise AttachError(
            f"{name} is no function's name: a layer is attached to the unpublished version, without : and an alias"
        )
    return name


def _tagged(aws: Aws, tags: Sequence[tuple[str, str]]) -> list[str]:
    answer = aws.call(
        "resourcegroupstaggingapi",
        "get-resources",
        "--resource-type-filters",
        "lambda:function",
        "--tag-filters",
        json.dumps([{"Key": key, "Values": [text]} for key, text in tags]),
        "--query",
        "ResourceTagMappingList[].ResourceARN",
    )
    return [str(arn).rpartition(":")[2] for arn in answer or ()]
