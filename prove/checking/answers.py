"""Find in what was kept the answers that only a real account can give. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

APIS = ("auto", "logs", "telemetry")
"""The values of LOG_API."""

NOT_SEEN = "not seen in this run"


class Seen(NamedTuple):
    """What a run saw of one function.

    Attributes:
        function: Its name.
        platform: Lambda's events that were kept, as ``(type, record)``.
        streams: Of each invocation that answered and was kept in CloudWatch: its stream in Lambda's words, and where it is.
        looks: What healthy invocations found in /tmp after a reset: the mark's stream, and their own; empty for no mark.
        reports: Of each kept invocation, whether its report was at the sink before the next invocation began.
        own_streams: The streams of the function's own log group; None if there is no group.
        sink: The key of its sink.
        log_api: Its setting LOG_API.
    """

    function: str
    platform: Sequence[tuple[str, Any]] = ()
    streams: Sequence[tuple[str, str]] = ()
    looks: Sequence[tuple[str, str]] = ()
    reports: Sequence[bool] = ()
    own_streams: Sequence[str] | None = None
    sink: str = "cloudwatch"
    log_api: str = "auto"


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
    """Tell it from the names of streams: only instanceId tells the recorder what Lambda calls the environment's."""
    streams = [one for function in seen for one in function.streams]
    if not streams:
        return f"{NOT_SEEN}: no invocation that could answer was kept in CloudWatch"
    same = sum(lambdas == ours for lambdas, ours in streams)
    if same == len(streams):
        return f"yes: the lines of all {same} invocations asked are in a stream of the name that Lambda gave"
    return f"not always: so are the lines of {same} of {len(streams)} invocations, and others in one of the recorder's name"


def _schema(seen: Sequence[Seen]) -> str:
    found = [_of_api(api, [one for one in seen if one.log_api == api]) for api in APIS]
    return "; ".join(filter(None, found)) or f"{NOT_SEEN}: no event of Lambda was kept"


def _of_api(api: str, seen: Sequence[Seen]) -> str:
    """Return which subscription the events with one setting of LOG_API show."""
    done, ends = _events(seen, "platform.runtimeDone"), _events(seen, "platform.end")
    if not (done or ends):
        return ""
    if any("metrics" in one for one in done):
        shown = "the Telemetry API, as runtimeDone has metrics"
    elif done:
        shown = "the Logs API with schema 2021-03-18, as runtimeDone has no metrics"
    else:
        shown = "the Logs API with schema 2020-08-15, as there is no runtimeDone"
    return f"with LOG_API={api} {shown}"


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
