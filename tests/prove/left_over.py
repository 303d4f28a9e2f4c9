"""What is in the control plane with a run's name, as the control plane itself tells."""

from __future__ import annotations

import re

from tests.services.aws import control_plane

NAME = re.compile(r"flight-recorder-prove-[0-9a-f]{8}")


def left_over() -> dict[str, list[str]]:
    """Give the names of all that runs have made, by their kind."""
    aws = control_plane()
    groups = aws.call("Logs_20140328.DescribeLogGroups")["logGroups"]
    functions = aws.rest("GET", "/2015-03-31/functions/")["Functions"]
    layers = aws.rest("GET", "/2018-10-31/layers")["Layers"]
    found = {
        "functions": [one["FunctionName"] for one in functions],
        "groups": [one["logGroupName"] for one in groups],
        "layers": [one["LayerName"] for one in layers],
        "roles": re.findall("<RoleName>(.*?)</RoleName>", aws.query("iam", "ListRoles")),
        "buckets": aws.bucket_names(),
    }
    named = {kind: [one for one in names if NAME.search(one)] for kind, names in found.items()}
    return {kind: names for kind, names in named.items() if names}


def runs_in(left: dict[str, list[str]]) -> set[str]:
    """Give the prefixes of the runs that left something."""
    return {found[0] for names in left.values() for one in names if (found := NAME.search(one))}
