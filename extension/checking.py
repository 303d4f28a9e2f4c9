"""``/opt/extensions/flight-recorder --check``: tries what the extension would do, and says what to put right.

Promises: Lambda is not asked for anything; what is sent is one record a sink, through the code that delivers; all of it
takes less than :data:`MAX_S`, whatever hangs. What is found is judged in :mod:`extension.check`; this does the asking.
"""

import contextlib
import io
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import TypeVar

from . import EXTENSION_NAME, __version__
from .check import (
    CHECK_TYPE,
    FAIL,
    OK,
    SINKS,
    WARN,
    Finding,
    judge_environment,
    judge_reference,
    judge_retention,
    judge_settings,
    judge_sink,
)
from .config import PREFIX, REFERENCE_FORMS, Settings, read_settings
from .kept import dumps
from .parcels import Answer, Parcel, Receipt, Stamp
from .recording import Kind, Segment
from .remedies import group_of
from .sinks import SinkPlan, open_sink
from .values import kind_of_sink

MAX_S = 30.0
"""For the whole check: what somebody who waits for it puts up with. The rest adds up to less."""

REFERENCES_S = 6.0
SINK_S = 8.0
"""For one attempt and its repetition: a TLS handshake and two requests of a small function."""
GRACE_S = 2.0
"""Beyond those, for what does not keep to them: resolving a name takes as long as the system's resolver does."""

ATTEMPTS = 3
PAUSE_S = 0.5
"""Between them: for a log group that was made just now, or a connection that was refused once."""

USAGE = f"""usage: {EXTENSION_NAME} --check [--quiet] [--json]

Verifies the settings in the environment, fetches what they refer to, and delivers one record of the type
{CHECK_TYPE} to each sink. Does not register with Lambda. Ends with 0 if nothing failed, 1 if something did.

  --quiet   only what is wrong
  --json    one JSON object a line: level (ok, warn, fail), what, found, todo
"""
_OPTIONS = frozenset({"--check", "--quiet", "--json"})
BAD_USAGE = 2

_Result = TypeVar("_Result")


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs the check; gives the exit status.

    Args:
        arguments: those of the command line.
        environ: the process's environment.
    """
    if "--check" not in arguments or not _OPTIONS.issuperset(arguments):
        is_help = list(arguments) == ["--help"]
        print(USAGE, end="", file=sys.stdout if is_help else sys.stderr, flush=True)
        return 0 if is_help else BAD_USAGE
    findings = check(environ)
    shown = [one for one in findings if one.level != OK or "--quiet" not in arguments]
    lines = [one.json() if "--json" in arguments else one.text() for one in shown]
    if not {"--json", "--quiet"} & set(arguments):
        lines.append(_summary(findings))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    # Whoever reads it may have seen enough.
    with contextlib.suppress(OSError):
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    return int(any(one.level == FAIL for one in findings))


def check(environ: Mapping[str, str]) -> list[Finding]:
    """Finds out everything there is to find out."""
    findings, fetched = _references(environ)
    settings, problems = read_settings(environ, fetched=fetched)
    findings = [
        *judge_settings(environ, problems),
        *findings,
        *judge_environment(environ, settings),
    ]
    return [*findings, *_sinks(environ, settings)]


def _summary(findings: list[Finding]) -> str:
    counts = {level: sum(one.level == level for one in findings) for level in (OK, WARN, FAIL)}
    return f"{counts[OK]} ok, {counts[WARN]} to look at, {counts[FAIL]} failed"


def _references(environ: Mapping[str, str]) -> tuple[list[Finding], dict[str, str]]:
    """Fetches what settings refer to, with the code that does so in the function."""
    if not any(
        name.startswith(PREFIX) and value.strip().startswith(REFERENCE_FORMS)
        for name, value in environ.items()
    ):
        return [], {}
    from .references import References

    references = References(environ, random=lambda: 0.5)
    [fetched] = _each_in_time(
        [lambda: references.fetch(timeout_s=REFERENCES_S)],
        within_s=REFERENCES_S + GRACE_S,
        otherwise=references.last_known,
    )
    problems = dict(fetched.problems)
    findings = [
        judge_reference(variable, problems.get(variable, ""), environ)
        for variable in references.references
    ]
    return findings, fetched.values


def _sinks(environ: Mapping[str, str], settings: Settings) -> list[Finding]:
    """Gives each sink a record, all at the same time."""
    plans = _plans_of(settings, environ)
    skipped = [
        Finding(
            FAIL,
            PREFIX + variable,
            "not tried: what is needed for it could not be fetched",
            "put the references right first",
        )
        for variable in SINKS
        if settings.unresolved & {variable, f"{variable}_HEADERS"}
    ]
    tried = {
        variable: plan
        for variable, plan in plans.items()
        if plan.url
        and not settings.unresolved & {variable, f"{variable}_HEADERS"}
        # What is written there would be a line between ours, and can hardly fail.
        and plan.url != "stdout:"
    }
    tries = [_trying(plan, environ) for plan in tried.values()]
    receipts = _each_in_time(tries, within_s=SINK_S + GRACE_S, otherwise=_silence)
    findings = []
    for (variable, plan), receipt in zip(tried.items(), receipts, strict=True):
        is_reference = environ.get(PREFIX + variable, "").strip().startswith(REFERENCE_FORMS)
        findings.append(judge_sink(variable, plan.url, receipt, environ, is_reference=is_reference))
    taken = [
        plan.url
        for plan, finding in zip(tried.values(), findings, strict=True)
        if finding.level == OK and kind_of_sink(plan.url) == "cloudwatch"
    ]
    if settings.retention_days and taken:
        findings.append(_retention(taken[0], settings, environ))
    return [*skipped, *findings]


def _plans_of(settings: Settings, environ: Mapping[str, str]) -> dict[str, SinkPlan]:
    given = (
        (settings.sink, settings.sink_headers),
        (settings.fallback_sink, settings.fallback_sink_headers),
        (settings.archive_sink, settings.archive_sink_headers),
    )
    # No retention: that it cannot be set is no failure of a sink, so it would not be told.
    return {
        variable: SinkPlan(url, environ, headers)
        for variable, (url, headers) in zip(SINKS, given, strict=True)
    }


def _trying(plan: SinkPlan, environ: Mapping[str, str]) -> Callable[[], Receipt]:
    return lambda: _try(plan, environ)


def _try(plan: SinkPlan, environ: Mapping[str, str]) -> Receipt:
    """Delivers the record, and again where that may help."""
    until_s = time.monotonic() + SINK_S
    parcels = [record_for(environ, at_s=time.time(), environment_id=os.urandom(8).hex())]
    attempt = 1
    with contextlib.closing(open_sink(plan)) as sink:
        while True:
            receipt = sink.send(parcels, timeout_s=max(until_s - time.monotonic(), 0.1))
            is_over = attempt == ATTEMPTS or time.monotonic() + PAUSE_S >= until_s
            if receipt.answer is not Answer.UNAVAILABLE or is_over:
                return receipt
            attempt += 1
            time.sleep(PAUSE_S)


def record_for(environ: Mapping[str, str], *, at_s: float, environment_id: str) -> Parcel:
    """Makes the record that a sink is given.

    Args:
        environ: says what the function is called.
        at_s: its time, since 1970.
        environment_id: to name it by.
    """
    moment = datetime.fromtimestamp(at_s, timezone.utc)
    event = {
        "time": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z",
        "type": CHECK_TYPE,
        "record": {"message": "a self-check of Flight Recorder", "extension": __version__},
    }
    stamp = Stamp(
        request_id="",
        trace_id="",
        function=environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        version=environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        environment_id=environment_id,
        reason="check",
        weight=1.0,
        failed=False,
    )
    raw = dumps(event).encode("utf-8", "replace")
    return Parcel(stamp, [Segment(raw, count=1, first_number=0, kind=Kind.EVENT)])


def _retention(url: str, settings: Settings, environ: Mapping[str, str]) -> Finding:
    """Sets the retention, which the sink does without a word, to see whether it may."""
    from .aws.client import AwsClient, receipt_for_aws
    from .sinks.answers import receipt_for_silence
    from .transport import Unreachable

    payload = {
        "logGroupName": group_of(url, environ),
        "retentionInDays": settings.retention_days,
    }

    def ask() -> Receipt:
        until_s = time.monotonic() + SINK_S / 2
        with contextlib.closing(AwsClient("logs", environ)) as client:
            try:
                reply = client.call("Logs_20140328.PutRetentionPolicy", payload, until_s=until_s)
            except Unreachable as error:
                return receipt_for_silence(error)
        return receipt_for_aws(reply, sent_bytes=0)

    [receipt] = _each_in_time([ask], within_s=SINK_S / 2 + GRACE_S, otherwise=_silence)
    return judge_retention(receipt, settings, url, environ)


def _silence(detail: str) -> Receipt:
    return Receipt(Answer.UNAVAILABLE, detail)


def _each_in_time(
    calls: Sequence[Callable[[], _Result]],
    *,
    within_s: float,
    otherwise: Callable[[str], _Result],
) -> list[_Result]:
    """Calls all at once, and gives the results.

    Args:
        calls: what to call.
        within_s: the most that they may take together.
        otherwise: makes a result of the reason why there is none, in words.
    """
    results = [otherwise("no answer in time") for _ in calls]

    def run(number: int, call: Callable[[], _Result]) -> None:
        try:
            results[number] = call()
        except Exception as error:  # noqa: BLE001 - told by its type alone; the other checks go on
            results[number] = otherwise(f"internal error: {type(error).__name__}")

    threads = [
        threading.Thread(target=run, args=(number, call), daemon=True)
        for number, call in enumerate(calls)
    ]
    until_s = time.monotonic() + within_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until_s - time.monotonic()))
    return list(results)
