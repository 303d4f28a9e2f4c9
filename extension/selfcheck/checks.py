"""Try the settings, references and sinks of a function: ``/opt/extensions/flight-recorder --check``.

Promises: the check does not call Lambda. It sends one record to each sink, through the code that delivers, and writes
nothing to the function's own log group. It takes less than :data:`MAX_S`, whatever hangs.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from extension import PREFIX, __version__
from extension.aws.secrets import Stores
from extension.config.parsers import kind_of_sink
from extension.config.references import Fetched, References
from extension.config.settings import Settings, is_reference, read_settings, with_document
from extension.config.variables import SINKS
from extension.model.aws_targets import (
    OWN_GROUP_PREFIX,
    Arn,
    is_own_log_group,
    read_log_group,
)
from extension.model.own_event import own_event
from extension.model.receipt import Answer, Receipt
from extension.selfcheck.findings import (
    CHECK_TYPE,
    FAIL,
    OK,
    Finding,
    judge_environment,
    judge_own_group,
    judge_reference,
    judge_retention,
    judge_settings,
    judge_shared_group,
    judge_sink,
)
from extension.selfcheck.remedies import NO_ANSWER, group_of, is_nameless, own_group_of
from extension.sinks import open_sink
from extension.sinks.base import SinkConfig
from extension.sinks.stream_name import day_of

MAX_S = 30.0
"""Bound on the whole check: somebody waits for it. The other bounds add up to less."""

REFERENCES_S = 6.0

SINK_S = 8.0
"""Bound on the tries of one sink: a TLS handshake and two requests of a small function."""

CALL_S = 4.0
"""Bound on one call about a log group: a TLS handshake and a request of a small function."""

GRACE_S = 2.0
"""Extra time for calls that exceed their bound, as when a server stretches the TLS handshake."""

ATTEMPTS = 3

PAUSE_S = 0.5
"""Pause between attempts. A log group may have been made just now, or a connection refused once."""

_Result = TypeVar("_Result")


def check(
    environ: Mapping[str, str], *, sleep: Callable[[float], None] = time.sleep
) -> list[Finding]:
    """Check the settings, the references and the sinks of the function with this environment."""
    references = References(environ, fetch=Stores().fetch)
    fetched = _fetch(references, sleep)
    document = fetched.document
    settings, problems = read_settings(environ, fetched=fetched.values, document=document)
    own, environ = environ, with_document(environ, document)
    failures = dict(fetched.problems)
    return [
        *judge_settings(own, problems, document=document or {}),
        *(
            judge_reference(variable, failures.get(variable, ""), environ)
            for variable in references.references
        ),
        *judge_environment(environ, settings),
        *_sinks(
            environ,
            settings,
            sleep,
            fetched=[name for name in environ if environ[name] != own.get(name)],
        ),
    ]


def _fetch(references: References, sleep: Callable[[float], None]) -> Fetched:
    """Fetch the references, with the code that fetches them in the function; repeat that where it may help."""
    until_s = time.monotonic() + REFERENCES_S

    def fetch() -> Fetched:
        attempt = 1
        while True:
            fetched = references.fetch(timeout_s=max(until_s - time.monotonic(), 0.1))
            is_over = attempt == ATTEMPTS or time.monotonic() + PAUSE_S >= until_s
            if fetched.again is None or is_over:
                return fetched
            attempt += 1
            sleep(PAUSE_S)

    [fetched] = _each_in_time(
        [fetch], within_s=REFERENCES_S + GRACE_S, otherwise=references.last_known
    )
    return fetched


def _sinks(
    environ: Mapping[str, str],
    settings: Settings,
    sleep: Callable[[float], None],
    *,
    fetched: Collection[str],
) -> list[Finding]:
    """Deliver a record to each sink, to all at the same time. ``fetched`` are variables that were fetched in a document."""
    findings, tried = [], []
    for sink in settings.sinks:
        is_set = sink.variable == SINKS[0] or environ.get(PREFIX + sink.variable, "").strip()
        if not is_set:
            continue
        if settings.unresolved & {sink.variable, f"{sink.variable}_HEADERS"}:
            found = "not tried: what is needed for it could not be fetched"
            todo = "put the references right first"
            findings.append(Finding(FAIL, PREFIX + sink.variable, found, todo))
        elif is_nameless(sink.url, environ):
            found = "not tried: the log group has the function's name, and AWS_LAMBDA_FUNCTION_NAME is not set"
            todo = "export the function's variables first, or name a group: cloudwatch:/my/group"
            findings.append(Finding(FAIL, PREFIX + sink.variable, found, todo))
        # A record on standard output would stand between the findings, and can hardly fail. What is unusable is said.
        elif kind_of_sink(sink.url) not in {"", "stdout", "unusable"}:
            tried.append(sink)
    # Without a retention: a sink does not report that it cannot set one.
    configs = [SinkConfig(sink.url, environ, sink.headers) for sink in tried]
    tries = [partial(_try, config, environ, sleep) for config in configs]
    receipts = _each_in_time(tries, within_s=SINK_S + GRACE_S, otherwise=_silence)
    taken, hidden = [], set()
    for sink, receipt in zip(tried, receipts, strict=True):
        variable = PREFIX + sink.variable
        is_fetched = variable in fetched or is_reference(
            sink.variable, environ.get(variable, "").strip()
        )
        judged = judge_sink(sink.variable, sink.url, receipt, environ, is_reference=is_fetched)
        findings.append(judged)
        if is_fetched:
            hidden.add(sink.url)
        if judged.level == OK and kind_of_sink(sink.url) == "cloudwatch":
            taken.append(sink.url)
    return [*findings, *_groups(environ, settings, taken, hidden=hidden)]


def _groups(
    environ: Mapping[str, str],
    settings: Settings,
    taken: Sequence[str],
    *,
    hidden: Collection[str],
) -> Iterator[Finding]:
    """Check the function's own log group, and the retention of the group of the first sink that took a record.

    ``hidden`` are sinks that were fetched, which no finding may show.
    """
    url = taken[0] if settings.retention_days and taken else ""
    shared = next((sink.url for sink in settings.sinks if is_own_log_group(sink.url)), "")
    own = group_of(shared, environ) if shared else own_group_of(environ)
    is_asked = bool(own_group_of(environ)) and kind_of_sink(settings.sinks[0].url) != "stdout"
    name = f"flight-recorder-check-{os.urandom(8).hex()}"
    streams = [f"{day_of(time.time())}/{name}"] + ([OWN_GROUP_PREFIX + name] if shared else [])
    calls = [partial(_put_nowhere, own, one, environ) for one in streams if is_asked]
    calls += [partial(_retain, url, settings, environ)] if url else []
    receipts = iter(_each_in_time(calls, within_s=CALL_S + GRACE_S, otherwise=_silence))
    if is_asked and shared:
        named = "GROUP" if shared in hidden else own
        yield from judge_shared_group(next(receipts), next(receipts), settings, named, environ)
    elif is_asked:
        yield from judge_own_group(next(receipts), settings, environ)
    if url:
        yield judge_retention(next(receipts), settings, url, environ)


def _try(config: SinkConfig, environ: Mapping[str, str], sleep: Callable[[float], None]) -> Receipt:
    """Deliver the record, and repeat the delivery where that may help."""
    until_s = time.monotonic() + SINK_S
    record = own_event(
        CHECK_TYPE,
        {"message": "a self-check of Flight Recorder", "extension": __version__},
        at_s=time.time(),
        number=0,
        function=environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
        version=environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
        environment_id=os.urandom(8).hex(),
        reason="check",
    )
    with contextlib.closing(open_sink(config)) as sink:
        attempt = 1
        while True:
            receipt = sink.send([record], timeout_s=max(until_s - time.monotonic(), 0.1))
            is_over = attempt == ATTEMPTS or time.monotonic() + PAUSE_S >= until_s
            if receipt.answer is not Answer.UNAVAILABLE or is_over:
                return receipt
            attempt += 1
            sleep(PAUSE_S)


def _put_nowhere(group: str, stream: str, environ: Mapping[str, str]) -> Receipt:
    """Put an event into a stream that does not exist: AWS looks at permissions first, and then finds nothing to write to."""
    event = {"timestamp": int(time.time() * 1000), "message": "a self-check of Flight Recorder"}
    payload = {
        "logGroupName": group,
        "logStreamName": stream,
        "logEvents": [event],
    }
    return _call("PutLogEvents", payload, environ)


def _retain(url: str, settings: Settings, environ: Mapping[str, str]) -> Receipt:
    """Set the retention, as the sink does silently, to see whether the role may."""
    payload = {"logGroupName": group_of(url, environ), "retentionInDays": settings.retention_days}
    arn = read_log_group(url.partition(":")[2]).arn
    return _call("PutRetentionPolicy", payload, environ, arn=arn)


def _call(
    action: str,
    payload: Mapping[str, object],
    environ: Mapping[str, str],
    *,
    arn: Arn | None = None,
) -> Receipt:
    """Call CloudWatch Logs, in the region of the ARN if there is one."""
    from extension.aws.client import AwsClient
    from extension.aws.errors import receipt_for_aws
    from extension.transport.errors import Unreachable
    from extension.transport.responses import receipt_for_silence

    until_s = time.monotonic() + CALL_S
    with contextlib.closing(AwsClient("logs", environ, arn=arn)) as client:
        try:
            reply = client.call(f"Logs_20140328.{action}", payload, until_s=until_s)
        except Unreachable as error:
            return receipt_for_silence(error)
    return receipt_for_aws(reply, sent_bytes=0)


_silence = partial(Receipt, Answer.UNAVAILABLE)


def _each_in_time(
    calls: Sequence[Callable[[], _Result]],
    *,
    within_s: float,
    otherwise: Callable[[str], _Result],
) -> list[_Result]:
    """Run calls at the same time; ``otherwise`` makes the result of a call without one, from the reason."""
    results = [otherwise(NO_ANSWER) for _ in calls]

    def run(number: int, call: Callable[[], _Result]) -> None:
        try:
            results[number] = call()
        except Exception as error:  # noqa: BLE001 - reported by its type alone; the other checks go on
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
