"""The self-check over real sockets: what it sends, to whom, and for how long."""

import gzip
import json
import re
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from extension import PREFIX
from extension.model.chunk import Chunk
from extension.model.receipt import Receipt
from extension.selfcheck import checks
from extension.selfcheck.checks import ATTEMPTS, CALL_S, GRACE_S, MAX_S, REFERENCES_S, SINK_S
from extension.selfcheck.findings import Finding
from extension.sinks.base import SinkConfig
from tests.doubles.scripted_server import ScriptedServer, status

SECRET = "hush-4711"
DENIED = status(400, body=b'{"__type":"AccessDeniedException","message":"hush-4711"}')
EMPTY = status(200, body=b"{}")

check = partial(checks.check, sleep=lambda _seconds: None)


def environ_of(server: ScriptedServer | None = None, **values: str) -> dict[str, str]:
    """Return a function's environment; the server, if given, answers for AWS. Without one there is no AWS."""
    environ = {"AWS_LAMBDA_FUNCTION_NAME": "checkout", "AWS_LAMBDA_FUNCTION_VERSION": "7"}
    if server is not None:
        environ |= {
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": server.url.partition("/in")[0],
        }
    return environ | {PREFIX + name: value for name, value in values.items()}


def levels(findings: list[Finding]) -> dict[str, str]:
    return {one.what.removeprefix(PREFIX): one.level for one in findings}


def test_check_delivers_one_record_to_a_sink(server: ScriptedServer) -> None:
    """The record goes through the code that delivers, with the headers, and says what it is."""
    found = levels(check(environ_of(SINK=server.url, SINK_HEADERS=f"Authorization={SECRET}")))

    assert found == {"settings": "ok", "SINK": "ok"}
    [body] = [one.body for one in server.requests]
    record = json.loads(gzip.decompress(body))
    said = (record["type"], record["function"], record["version"], record["reason"])
    assert SECRET in [one.headers["authorization"] for one in server.requests]
    assert said == ("flightRecorder.check", "checkout", "7", "check")
    assert not record["id"].startswith("-")


def test_check_names_the_variable_of_a_proxy_that_cannot_be_used(server: ScriptedServer) -> None:
    """Sinks and references on this machine, and those that NO_PROXY names, are reached all the same."""
    environ = environ_of(
        server,
        SINK=server.url,
        FALLBACK_SINK="https://intake.invalid/",
        ARCHIVE_SINK="https://intake.test/",
        SINK_HEADERS="ssm:/headers",
    )
    environ |= {
        "ALL_PROXY": f"socks5://{SECRET}@proxy:1",
        "NO_PROXY": "fc00::/7,[::1],intake.invalid",
    }
    server.answers = [status(200, body=b'{"Parameters":[{"Name":"/headers","Value":"A=1"}]}')]

    findings = {one.what.removeprefix(PREFIX): one for one in check(environ)}

    assert [one.what for one in findings.values() if one.level == "fail"] == [
        f"{PREFIX}FALLBACK_SINK",
        f"{PREFIX}ARCHIVE_SINK",
    ]
    assert "the name cannot be resolved" in findings["FALLBACK_SINK"].found
    assert "the proxy cannot be used: ALL_PROXY" in findings["ARCHIVE_SINK"].found
    assert SECRET not in repr(findings)


def test_check_tries_every_sink(server: ScriptedServer, tmp_path: Path) -> None:
    """A fallback that does not work is found before it is needed."""
    path = tmp_path / "kept.ndjson"

    found = check(
        environ_of(
            SINK=server.url, FALLBACK_SINK=f"file:{path}", ARCHIVE_SINK=f"file:{tmp_path}/no/where"
        )
    )

    sinks = {"SINK": "ok", "FALLBACK_SINK": "ok", "ARCHIVE_SINK": "fail"}
    assert levels(found) == {"settings": "ok", **sinks}
    assert json.loads(path.read_text())["type"] == "flightRecorder.check"


def test_sink_that_cannot_be_used_is_one_failure() -> None:
    """Nothing is tried in its place."""
    [finding, _] = check(
        environ_of(SINK="s3://arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1")
    )

    assert finding.level == "fail"
    assert "S3 on Outposts is not supported" in finding.found
    assert "standard output" in finding.found


def test_check_makes_no_log_group_without_a_name(server: ScriptedServer) -> None:
    """By hand, outside of Lambda, AWS would make a group called /flight-recorder/ and take the record."""
    server.answers = [EMPTY]
    environ = environ_of(server)
    del environ["AWS_LAMBDA_FUNCTION_NAME"]

    findings = {one.what: one for one in check(environ)}
    named = levels(check(environ | {f"{PREFIX}SINK": "cloudwatch:/kept"}))

    sink = findings[f"{PREFIX}SINK"]
    assert sink.level == "fail"
    assert "AWS_LAMBDA_FUNCTION_NAME is not set" in sink.found
    assert "cloudwatch:/my/group" in sink.todo
    assert named["SINK"] == "ok"
    assert all(b"/flight-recorder/" not in one.body for one in server.requests)
    assert server.requests


def test_check_writes_nothing_to_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """A record would stand between the findings."""
    assert levels(check(environ_of(SINK="stdout:"))) == {"settings": "ok", "SINK": "warn"}
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("answers", "level", "requests"),
    [
        ([503, 503], "ok", ATTEMPTS),
        ([503] * ATTEMPTS, "fail", ATTEMPTS),
        ([401], "fail", 1),
        ([400], "fail", 1),
    ],
)
def test_check_repeats_a_delivery_that_may_succeed_later(
    server: ScriptedServer, answers: list[int], level: str, requests: int
) -> None:
    """A log group was made just now, a receiver is starting; a wrong token stays wrong."""
    server.answers = [status(code) for code in answers]

    assert levels(check(environ_of(SINK=server.url)))["SINK"] == level
    assert len(server.requests) == requests


def test_check_fetches_references_and_tries_their_values(server: ScriptedServer) -> None:
    """A sink that is a parameter gets its record; neither its name nor its value is shown."""
    answer = {"Parameters": [{"Name": "/sink", "Value": f"{server.url}&key={SECRET}"}]}
    server.answers = [status(200, body=json.dumps(answer).encode())]

    findings = check(environ_of(server, SINK="ssm:/sink"))

    assert [finding.level for finding in findings] == ["ok", "ok", "ok", "ok"]
    assert len(server.requests) == 3
    text = "".join(finding.text() for finding in findings)
    assert SECRET not in text
    assert "127.0.0.1" not in text


def test_check_skips_a_sink_whose_reference_is_denied(server: ScriptedServer) -> None:
    """Its value is not known; the other sinks are tried."""
    server.answers = [DENIED]

    findings = check(environ_of(server, SINK="ssm:/sink", FALLBACK_SINK=server.url))

    told = {(finding.what.removeprefix(PREFIX), finding.level) for finding in findings}
    assert told == {
        ("settings", "ok"),
        ("SINK", "fail"),
        ("FALLBACK_SINK", "ok"),
        ("own log group", "ok"),
    }
    assert any("ssm:GetParameters" in finding.todo for finding in findings)
    assert any("not tried" in finding.found for finding in findings)


def answer(**values: str) -> bytes:
    """Return the answer of Systems Manager for parameters."""
    found = [{"Name": f"/{name}", "Value": value} for name, value in values.items()]
    return json.dumps({"Parameters": found}).encode()


def test_check_reads_the_document_of_settings(server: ScriptedServer) -> None:
    """What it sets, and what it refers to, is checked like variables; no value of it is shown."""
    document = {
        "SINK": f"{server.url}&key={SECRET}",
        "SINK_HEADERS": "ssm:/headers",
        "FLUSH": SECRET,
        "SAMPLE_RATE": 0.5,
        "HISTORY": 3,
    }
    server.answers = [
        status(200, body=answer(all=json.dumps(document))),
        status(200, body=answer(headers=f"Authorization={SECRET}")),
    ]

    findings = check(environ_of(server, SETTINGS="ssm:/all", HISTORY="2"))

    told = levels(findings)
    assert told == {
        "settings": "ok",
        "SETTINGS": "ok",
        "SINK_HEADERS": "ok",
        "FLUSH": "fail",
        "SINK": "ok",
        "own log group": "ok",
    }
    [settings] = [one for one in findings if one.what == "settings"]
    assert settings.found == (
        "HISTORY=2, SETTINGS (a reference), SAMPLE_RATE (in SETTINGS), SINK (in SETTINGS),"
        " SINK_HEADERS (in SETTINGS)"
    )
    assert SECRET in [one.headers["authorization"] for one in server.requests]
    text = "".join(finding.text() for finding in findings)
    assert SECRET not in text
    assert "127.0.0.1" not in text


def test_check_names_what_a_denied_document_needs(server: ScriptedServer) -> None:
    """SINK is not tried: it may be in it. Sinks that are not set are not spoken of."""
    server.answers = [status(403, body=b"<Error><Code>AccessDenied</Code></Error>")]

    findings = check(environ_of(server, SETTINGS=f"s3://{SECRET}/a"))

    told = {"settings": "ok", "SETTINGS": "fail", "SINK": "fail", "own log group": "ok"}
    assert levels(findings) == told
    [denied] = [one for one in findings if one.what == f"{PREFIX}SETTINGS"]
    assert '"s3:GetObject"' in denied.todo
    assert "arn:aws:s3:::BUCKET/KEY" in denied.todo
    assert "s3:ListBucket" in denied.todo
    assert SECRET not in denied.text()


@pytest.mark.parametrize(("throttled", "level"), [(1, "ok"), (ATTEMPTS, "fail")])
def test_check_fetches_again_what_is_throttled(
    server: ScriptedServer, throttled: int, level: str
) -> None:
    """A fleet may use up the quota just now."""
    refusal = status(400, body=b'{"__type":"ThrottlingException"}')
    server.answers = [*[refusal] * throttled]
    if level == "ok":
        server.answers.append(status(200, body=answer(rate="0.5")))

    findings = check(environ_of(server, SAMPLE_RATE="ssm:/rate", SINK="stdout:"))

    assert levels(findings)["SAMPLE_RATE"] == level


@pytest.mark.parametrize("answer", [DENIED, lambda *_: False])
def test_check_reports_that_the_retention_cannot_be_set(
    server: ScriptedServer, answer: Any
) -> None:
    """The sink itself passes over it in silence, since delivery goes on."""

    def answer_about_retention(connection: Any, body: bytes) -> bool:
        if b"retentionInDays" not in body or isinstance(answer, bytes):
            connection.sendall(answer if b"retentionInDays" in body else EMPTY)
            return True
        return False

    # The own log group is asked about at the same time.
    server.answers = [EMPTY, answer_about_retention, answer_about_retention]

    found = levels(check(environ_of(server, RETENTION_DAYS="14")))

    told = {"settings": "ok", "SINK": "ok", "own log group": "ok", "RETENTION_DAYS": "warn"}
    assert found == told
    payload = {"logGroupName": "/flight-recorder/checkout", "retentionInDays": 14}
    assert payload in [json.loads(one.body) for one in server.requests[1:]]


MISSING = status(400, body=b'{"__type":"ResourceNotFoundException"}')


@pytest.mark.parametrize(
    ("answer", "level"),
    [(MISSING, "ok"), (DENIED, "warn"), (status(500), "warn")],
    ids=["allowed", "denied", "unknown"],
)
def test_check_asks_whether_the_own_log_group_may_be_written(
    server: ScriptedServer, tmp_path: Path, answer: bytes, level: str
) -> None:
    """With an event for a stream that nobody has, in the group that Lambda names."""
    server.answers = [answer] * 2
    environ = environ_of(server, SINK=f"file:{tmp_path}/kept")

    found = check({**environ, "AWS_LAMBDA_LOG_GROUP_NAME": "/shared/all"})

    [finding] = [one for one in found if one.what == "own log group"]
    assert finding.level == level
    assert "/shared/all" in finding.found
    asked = json.loads(server.requests[0].body)
    assert server.requests[0].headers["x-amz-target"] == "Logs_20140328.PutLogEvents"
    assert (asked["logGroupName"], len(asked["logEvents"])) == ("/shared/all", 1)
    assert re.match(r"20\d\d/\d\d/\d\d/flight-recorder-check-", asked["logStreamName"])


@pytest.mark.parametrize(
    ("denied", "level"),
    [(["20"], "warn"), ([], "warn"), (["20", "flight-recorder/"], "fail"), (None, "warn")],
    ids=["held apart", "nothing denied", "all denied", "unknown"],
)
def test_check_asks_for_both_kinds_of_streams_in_a_shared_group(
    server: ScriptedServer, denied: list[str] | None, level: str
) -> None:
    """One stream as Lambda calls its own, and one as the sink does: does the Deny hold, and does it spare the sink?"""

    def answer(connection: Any, body: bytes) -> bool:
        asked = json.loads(body)
        is_check = "flight-recorder-check-" in asked["logStreamName"]
        if denied is None and is_check:
            connection.sendall(status(500))
        elif is_check:
            is_denied = asked["logStreamName"].startswith(tuple(denied or []))
            connection.sendall(DENIED if is_denied else MISSING)
        else:
            connection.sendall(EMPTY)
        return True

    server.answers = [answer] * 6

    found = check(environ_of(server, SINK="own+cloudwatch:"))

    [finding] = [one for one in found if one.what == "own log group"]
    assert (levels(found)["SINK"], finding.level) == ("ok", level)
    asked = [json.loads(one.body) for one in server.requests]
    assert {one["logGroupName"] for one in asked} == {"/aws/lambda/checkout"}
    streams = {one["logStreamName"] for one in asked if "-check-" in one["logStreamName"]}
    assert sorted(name.rpartition("flight-recorder-check-")[0][:2] for name in streams) == [
        "20",
        "fl",
    ]
    assert all(one["logStreamName"][:2] in {"20", "fl"} for one in asked)


def test_check_shows_no_shared_group_that_was_fetched(server: ScriptedServer) -> None:
    """A reference's value is never shown, nor is the group in it."""
    value = status(200, body=answer(sink=f"own+cloudwatch:/{SECRET}"))
    server.answers = [value, EMPTY, MISSING, MISSING]

    findings = check(environ_of(server, SINK="ssm:/sink"))

    assert levels(findings)["own log group"] == "warn"
    assert SECRET not in "".join(finding.text() for finding in findings)


def test_check_leaves_the_own_log_group_alone_where_it_is_the_sink(server: ScriptedServer) -> None:
    """What is on standard output is judged with SINK."""
    assert "own log group" not in levels(check(environ_of(server, SINK="stdout:")))
    assert server.requests == []


# Bounds -------------------------------------------------------------------------------------------------------------


def test_bounds_of_the_parts_add_up_to_less_than_the_whole() -> None:
    """References, then sinks side by side, then two calls about log groups, each with its grace."""
    assert REFERENCES_S + SINK_S + CALL_S + 3 * GRACE_S < MAX_S


def test_check_leaves_a_sink_that_does_not_answer(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finding says that the time was up."""
    monkeypatch.setattr(checks, "SINK_S", 0.4)
    server.answers = [server.stall] * 5

    [_, finding] = check(environ_of(SINK=server.url))

    assert finding.level == "fail"
    assert "timed out" in finding.found


class HangingSink:
    """A sink that exceeds its time, as while a name is resolved."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
        self.released.wait(20)
        raise AssertionError

    def abort(self) -> None: ...

    def close(self) -> None: ...


def test_check_goes_on_without_a_sink_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the check gets the other findings."""
    hanging = HangingSink()
    monkeypatch.setattr(checks, "open_sink", lambda _config: hanging)
    monkeypatch.setattr(checks, "SINK_S", 0.1)
    monkeypatch.setattr(checks, "GRACE_S", 0.1)
    began_s = time.monotonic()

    [_, finding] = check(environ_of(SINK="s3://bucket"))
    took_s = time.monotonic() - began_s
    hanging.released.set()

    assert "no answer in time" in finding.found
    assert took_s < 10


def test_check_reports_an_error_of_our_own_by_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words of the error may hold anything."""

    def fail(_config: SinkConfig) -> Any:
        raise KeyError(SECRET)

    monkeypatch.setattr(checks, "open_sink", fail)

    [_, finding] = check(environ_of(SINK="s3://bucket"))

    assert "internal error: KeyError" in finding.found
    assert SECRET not in finding.text()
