"""Find in what was kept the answers that only a real account can give. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

NOT_SEEN = "not seen in this run"


class Seen(NamedTuple):
    """What a run saw of one function.

    Attributes:
        function: Its name.
        platform: Lambda's events that were kept, as ``(type, record)``.
        looks: What healthy invocations found in /tmp after a reset: the mark's stream, and their own; empty for no mark.
        reports: Of each kept invocation, whether its report was at the sink before the next invocation began.
        own_streams: The streams of the function's own log group; None if there is no group.
        sink: The key of its sink.
    """

    function: str
    platform: Sequence[tuple[str, Any]] = ()
    looks: Sequence[tuple[str, str]] = ()
    reports: Sequence[bool] = ()
    own_streams: Sequence[str] | None = None
    sink: str = "cloudwatch"


def answers(seen: Sequence[Seen]) -> list[tuple[str, str]]:
    """Return each question with its answer."""
    return [
        ("Does platform.initStart carry instanceId?", _instance_id(seen)),
        ("Which subscription did Lambda accept?", _schema(seen)),
        ("Does /tmp survive the reset after a crash or a timeout?", _tmp(seen)),
        ("When does REPORT come?", _report(seen)),
        ("Does the Deny on the function's own log group hold?", _deny(seen)),
        ("Does the Deny on log-stream:20* hold?", _deny_of_streams(seen)),
    ]


def _events(seen: Iterable[Seen], kind: str) -> list[dict[str, Any]]:
    return [
        record
        for one in seen
        for name, record in one.platform
        if name == kind and isinstance(record, dict)
    ]


def _instance_id(seen: Sequence[Seen]) -> str:
    starts = _events(seen, "platform.initStart")
    if not starts:
        return f"{NOT_SEEN}: no platform.initStart was kept"
    having = sum("instanceId" in one for one in starts)
    return f"{having} of {len(starts)} that were kept do"


def _schema(seen: Sequence[Seen]) -> str:
    found = []
    for kind, api in (
        ("platform.logsSubscription", "the Logs API"),
        ("platform.telemetrySubscription", "the Telemetry API"),
    ):
        count = len(_events(seen, kind))
        if count:
            found.append(f"{api} ({count} events)")
    newest = any("instanceId" in one for one in _events(seen, "platform.initStart"))
    found += ["instanceId tells of schema 2025-01-29"] if newest else []
    return "; ".join(found) or f"{NOT_SEEN}: no event about a subscription was kept"


def _tmp(seen: Sequence[Seen]) -> str:
    looks = [look for one in seen for look in one.looks]
    same = sum(1 for left, now in looks if left and left == now)
    gone = sum(1 for left, _ in looks if not left)
    if not looks:
        return f"{NOT_SEEN}: no invocation after a reset could answer"
    return (
        f"after {len(looks)} resets the mark of the failed invocation was there {same} times with the same log stream,"
        f" and {gone} times gone (a new environment, or an empty /tmp)"
    )


def _report(seen: Sequence[Seen]) -> str:
    reports = [one for function in seen for one in function.reports]
    if not reports:
        return f"{NOT_SEEN}: no report was kept"
    early = sum(reports)
    return f"{early} of {len(reports)} were at the sink before the next invocation began, the others after that"


def _deny(seen: Sequence[Seen]) -> str:
    asked = [one for one in seen if one.sink != "own"]
    broken = [one.function for one in asked if one.own_streams]
    if not asked:
        return NOT_SEEN
    if broken:
        return f"no: Lambda wrote to the own log group of {', '.join(broken)}"
    return f"yes: Lambda wrote to the own log group of none of {len(asked)} functions"


def _deny_of_streams(seen: Sequence[Seen]) -> str:
    asked = [one for one in seen if one.sink == "own"]
    if not asked:
        return f"{NOT_SEEN}: no function had the sink own+cloudwatch:"
    broken = [
        one.function
        for one in asked
        if any(name.startswith("20") for name in one.own_streams or ())
    ]
    if broken:
        return f"no: there are streams that begin with 20 in the groups of {', '.join(broken)}"
    return f"yes: none of {len(asked)} groups has a stream that begins with 20"
