"""``/opt/extensions/flight-recorder --check``: tries what the extension would do, and says what to put right.

Promises: Lambda is not asked for anything; what is sent is one record a sink, through the code that delivers; all of it
takes less than :data:`MAX_S`, whatever hangs. What is found is judged in :mod:`extension.selfcheck.findings`; this does the asking.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import TypeVar

from extension import PREFIX, __version__
from extension.config.parsers import kind_of_sink
from extension.config.settings import REFERENCE_FORMS, Settings, read_settings
from extension.model.chunk import Chunk, Metadata
from extension.model.receipt import Answer, Receipt
from extension.model.record import dumps
from extension.model.segment import Kind, Segment
from extension.selfcheck.findings import (
    CHECK_TYPE,
    FAIL,
    OK,
    WARN,
    Finding,
    judge_environment,
    judge_reference,
    judge_retention,
    judge_settings,
    judge_sink,
)
from extension.selfcheck.remedies import NO_ANSWER, group_of
from extension.sinks import open_sink
from extension.sinks.base import SinkConfig

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

_Result = TypeVar("_Result")


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


def summary_text(findings: list[Finding]) -> str:
    """Count the findings of each level, in words."""
    counts = {level: sum(one.level == level for one in findings) for level in (OK, WARN, FAIL)}
    return f"{counts[OK]} ok, {counts[WARN]} to look at, {counts[FAIL]} failed"


def _references(environ: Mapping[str, str]) -> tuple[list[Finding], dict[str, str]]:
    """Fetches what settings refer to, with the code that does so in the function."""
    if not any(
        name.startswith(PREFIX) and value.strip().startswith(REFERENCE_FORMS)
        for name, value in environ.items()
    ):
        return [], {}
    from extension.aws.secrets import fetch
    from extension.config.references import References

    references = References(environ, fetch=partial(fetch, random=lambda: 0.5))
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
    configs = _configs_of(settings, environ)
    skipped = [
        Finding(
            FAIL,
            PREFIX + variable,
            "not tried: what is needed for it could not be fetched",
            "put the references right first",
        )
        for variable in configs
        if settings.unresolved & {variable, f"{variable}_HEADERS"}
    ]
    tried = {
        variable: config
        for variable, config in configs.items()
        if config.url
        and not settings.unresolved & {variable, f"{variable}_HEADERS"}
        # What is written there would be a line between ours, and can hardly fail.
        and config.url != "stdout:"
    }
    tries = [_trying(config, environ) for config in tried.values()]
    receipts = _each_in_time(tries, within_s=SINK_S + GRACE_S, otherwise=_silence)
    findings = []
    for (variable, config), receipt in zip(tried.items(), receipts, strict=True):
        is_reference = environ.get(PREFIX + variable, "").strip().startswith(REFERENCE_FORMS)
        findings.append(
            judge_sink(variable, config.url, receipt, environ, is_reference=is_reference)
        )
    taken = [
        config.url
        for config, finding in zip(tried.values(), findings, strict=True)
        if finding.level == OK and kind_of_sink(config.url) == "cloudwatch"
    ]
    if settings.retention_days and taken:
        findings.append(_retention(taken[0], settings, environ))
    return [*skipped, *findings]


def _configs_of(settings: Settings, environ: Mapping[str, str]) -> dict[str, SinkConfig]:
    # No retention: that it cannot be set is no failure of a sink, so it would not be told.
    return {
        variable: SinkConfig(url, environ, headers) for variable, url, headers in settings.sinks
    }


def _trying(config: SinkConfig, environ: Mapping[str, str]) -> Callable[[], Receipt]:
    return lambda: _try(config, environ)


def _try(config: SinkConfig, environ: Mapping[str, str]) -> Receipt:
    """Delivers the record, and again where that may help."""
    until_s = time.monotonic() + SINK_S
    chunks = [record_for(environ, at_s=time.time(), environment_id=os.urandom(8).hex())]
    attempt = 1
    with contextlib.closing(open_sink(config)) as sink:
        while True:
            receipt = sink.send(chunks, timeout_s=max(until_s - time.monotonic(), 0.1))
            is_over = attempt == ATTEMPTS or time.monotonic() + PAUSE_S >= until_s
            if receipt.answer is not Answer.UNAVAILABLE or is_over:
                return receipt
            attempt += 1
            time.sleep(PAUSE_S)


def record_for(environ: Mapping[str, str], *, at_s: float, environment_id: str) -> Chunk:
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
    metadata = Metadata(
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
    return Chunk(metadata, [Segment(raw, count=1, first_number=0, kind=Kind.EVENT)])


def _retention(url: str, settings: Settings, environ: Mapping[str, str]) -> Finding:
    """Sets the retention, which the sink does without a word, to see whether it may."""
    from extension.aws.client import AwsClient
    from extension.aws.errors import receipt_for_aws
    from extension.transport.errors import Unreachable
    from extension.transport.responses import receipt_for_silence

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
    results = [otherwise(NO_ANSWER) for _ in calls]

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
