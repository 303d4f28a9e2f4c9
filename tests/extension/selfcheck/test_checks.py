"""The self-check: what it asks, whom, for how long; with real sockets."""

import gzip
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extension import PREFIX, boot
from extension.model.chunk import Chunk
from extension.model.receipt import Receipt
from extension.model.record import records_in
from extension.selfcheck import checks
from extension.selfcheck.checks import GRACE_S, MAX_S, REFERENCES_S, SINK_S, check, record_for
from extension.selfcheck.cli import BAD_USAGE, main
from extension.sinks.base import SinkConfig
from tests.doubles.scripted_server import ScriptedServer, status

SECRET = "hush-4711"
DENIED = status(
    400,
    "Content-Type: application/x-amz-json-1.1",
    body=b'{"__type":"AccessDeniedException","message":"hush-4711"}',
)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    made = ScriptedServer()
    yield made
    made.close()


def environ_of(*, aws: str = "", **values: str) -> dict[str, str]:
    environ = {
        "AWS_LAMBDA_FUNCTION_NAME": "checkout",
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    if aws:
        environ["AWS_ENDPOINT_URL"] = aws
    return environ | {PREFIX + name: value for name, value in values.items()}


def levels(**environ: str) -> dict[str, str]:
    """What was found, by what was looked at, the prefix left out."""
    return {
        finding.what.removeprefix(PREFIX): finding.level for finding in check(environ_of(**environ))
    }


def test_a_sink_is_given_one_record(server: ScriptedServer) -> None:
    """Through the code that delivers, with its headers: a record that says what it is, of the function."""
    found = levels(SINK=server.url, SINK_HEADERS=f"Authorization={SECRET}")

    assert found == {"settings": "ok", "SINK": "ok"}
    [body] = [one.body for one in server.requests]
    record = json.loads(gzip.decompress(body))
    assert server.requests[-1].headers["authorization"] == SECRET
    assert (record["type"], record["function"], record["reason"]) == (
        "flightRecorder.check",
        "checkout",
        "check",
    )


def test_every_sink_is_tried(server: ScriptedServer, tmp_path: Path) -> None:
    """SINK, FALLBACK_SINK and ARCHIVE_SINK, each for itself."""
    path = tmp_path / "kept.ndjson"

    found = levels(
        SINK=server.url, FALLBACK_SINK=f"file:{path}", ARCHIVE_SINK=f"file:{tmp_path}/no/where"
    )

    assert found == {"settings": "ok", "SINK": "ok", "FALLBACK_SINK": "ok", "ARCHIVE_SINK": "fail"}
    assert json.loads(path.read_text())["type"] == "flightRecorder.check"


def test_standard_output_is_not_written_to(capfd: pytest.CaptureFixture[str]) -> None:
    """A record would stand between the findings."""
    found = levels(SINK="stdout:")

    assert found == {"settings": "ok", "SINK": "warn"}
    assert capfd.readouterr().out == ""


def test_what_may_pass_is_tried_again(server: ScriptedServer) -> None:
    """A log group that was made just now, a receiver that is starting."""
    server.answers = [status(503), status(503)]

    assert levels(SINK=server.url)["SINK"] == "ok"
    assert len(server.requests) == 3


def test_what_is_denied_is_not_tried_again(server: ScriptedServer) -> None:
    """It takes somebody to change something."""
    server.answers = [status(401)]

    assert levels(SINK=server.url)["SINK"] == "fail"
    assert len(server.requests) == 1


def test_references_are_fetched_and_what_they_hold_is_tried(server: ScriptedServer) -> None:
    """A sink that is a parameter gets its record; its name and its value are not told."""
    answer = {"Parameters": [{"Name": "/sink", "Value": f"{server.url}&key={SECRET}"}]}
    server.answers = [status(200, body=json.dumps(answer).encode())]
    aws = server.url.partition("/in")[0]

    findings = check(environ_of(aws=aws, SINK="ssm:/sink"))

    assert [finding.level for finding in findings] == ["ok", "ok", "ok"]
    assert len(server.requests) == 2
    text = "".join(finding.text() for finding in findings)
    assert SECRET not in text
    assert "127.0.0.1" not in text


def test_a_sink_whose_reference_is_denied_is_not_tried(server: ScriptedServer) -> None:
    """It is not known what it is; the other two are."""
    server.answers = [DENIED]
    aws = server.url.partition("/in")[0]

    findings = check(environ_of(aws=aws, SINK="ssm:/sink", FALLBACK_SINK=server.url))

    told = {(finding.what.removeprefix(PREFIX), finding.level) for finding in findings}
    assert told == {("settings", "ok"), ("SINK", "fail"), ("FALLBACK_SINK", "ok")}
    assert any("ssm:GetParameters" in finding.todo for finding in findings)
    assert any("not tried" in finding.found for finding in findings)


def test_a_retention_that_is_denied_is_told(server: ScriptedServer) -> None:
    """The sink passes over it in silence, since delivery goes on."""
    server.answers = [status(200, body=b"{}"), status(200, body=b"{}"), DENIED]
    aws = server.url.partition("/in")[0]

    found = levels(aws=aws, RETENTION_DAYS="14")

    assert found == {"settings": "ok", "SINK": "ok", "RETENTION_DAYS": "warn"}
    assert json.loads(server.requests[-1].body) == {
        "logGroupName": "/flight-recorder/checkout",
        "retentionInDays": 14,
    }


def test_a_retention_that_nobody_answers_to_is_told(server: ScriptedServer) -> None:
    """As one that could not be set."""
    server.answers = [status(200, body=b"{}"), status(200, body=b"{}"), lambda *_: False]
    aws = server.url.partition("/in")[0]

    assert levels(aws=aws, RETENTION_DAYS="14")["RETENTION_DAYS"] == "warn"


# Bounds -------------------------------------------------------------------------------------------------------------


def test_the_parts_take_no_longer_than_the_whole_may() -> None:
    """References, sinks side by side, and the retention, each with what does not keep to its time."""
    assert REFERENCES_S + SINK_S + SINK_S / 2 + 3 * GRACE_S < MAX_S


def test_a_sink_that_does_not_answer_is_left(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the time it is given, which is said."""
    monkeypatch.setattr(checks, "SINK_S", 0.4)
    server.answers = [server.stall] * 5
    began_s = time.monotonic()

    [_, finding] = check(environ_of(SINK=server.url))

    assert finding.level == "fail"
    assert "timed out" in finding.found
    assert time.monotonic() - began_s < 3


class Hanging:
    """A sink that does not keep to its time, as while a name is being resolved."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def send(self, chunks: list[Chunk], *, timeout_s: float) -> Receipt:
        self.released.wait(20)
        raise AssertionError

    def abort(self) -> None: ...

    def close(self) -> None: ...


def test_what_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever hangs: the check goes on without it."""
    hanging = Hanging()
    monkeypatch.setattr(checks, "open_sink", lambda _config: hanging)
    monkeypatch.setattr(checks, "SINK_S", 0.1)
    monkeypatch.setattr(checks, "GRACE_S", 0.1)
    began_s = time.monotonic()

    [_, finding] = check(environ_of(SINK="s3://bucket"))
    took_s = time.monotonic() - began_s
    hanging.released.set()

    assert "no answer in time" in finding.found
    assert took_s < 2


def test_our_own_mistake_is_told_by_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """And its words are not, which may hold anything."""

    def fail(_config: SinkConfig) -> Any:
        raise KeyError(SECRET)

    monkeypatch.setattr(checks, "open_sink", fail)

    [_, finding] = check(environ_of(SINK="s3://bucket"))

    assert "internal error: KeyError" in finding.found
    assert SECRET not in finding.text()


# The command --------------------------------------------------------------------------------------------------------


def test_it_ends_with_0_if_nothing_failed(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line a finding, and a sum; a warning is no failure."""
    status_ = main(["--check"], environ_of(SINK=server.url, SAMPLE_RATE="1"))

    said = capsys.readouterr().out.splitlines()
    assert status_ == 0
    assert [line[:4].strip() for line in said[:-1]] == ["ok", "warn", "ok"]
    assert said[-1] == "2 ok, 1 to look at, 0 failed"


def test_it_ends_with_1_if_something_failed(capsys: pytest.CaptureFixture[str]) -> None:
    """With a dead port, and what to do."""
    status_ = main(["--check"], environ_of(SINK="http://127.0.0.1:9/in", FLUSH="never"))

    said = capsys.readouterr().out
    assert status_ == 1
    assert "connection refused -> nothing listens there" in said
    assert "FLIGHT_RECORDER_FLUSH" in said


def test_quiet_says_only_what_is_wrong(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing at all, if nothing is."""
    first = main(["--check", "--quiet"], environ_of(SINK=server.url))
    nothing = capsys.readouterr().out
    second = main(["--check", "--quiet"], environ_of(SINK=server.url, SAMPLE_RATE="1", FLUSH="x"))
    something = capsys.readouterr().out

    assert (first, nothing) == (0, "")
    assert second == 1
    assert re.findall(r"^\w+", something, re.MULTILINE) == ["fail", "warn"]


def test_json_is_one_object_a_line(
    server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """For programs."""
    main(["--check", "--json"], environ_of(SINK=server.url))

    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["level"] for one in told] == ["ok", "ok"]
    assert {tuple(one) for one in told} == {("level", "what", "found", "todo")}


@pytest.mark.parametrize("arguments", [["--chek"], ["--check", "now"], ["--quiet"], ["--", "x"]])
def test_what_it_does_not_know_is_told_how_to(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr; nothing is tried."""
    assert main(arguments, environ_of(SINK="http://127.0.0.1:9/")) == BAD_USAGE

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: flight-recorder --check" in captured.err


def test_help_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """It is what was asked for."""
    assert main(["--help"], {}) == 0
    assert "usage:" in capsys.readouterr().out


def test_no_secret_is_ever_told(server: ScriptedServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Not of a URL, a header, an answer, credentials or a bad value."""
    server.answers = [status(403, body=SECRET.encode()), DENIED, DENIED]
    environ = environ_of(
        aws=server.url.partition("/in")[0],
        SINK=server.url.replace("127.0.0.1", f"u:{SECRET}@127.0.0.1") + SECRET,
        SINK_HEADERS=f"Authorization={SECRET}",
        FALLBACK_SINK="cloudwatch:",
        ARCHIVE_SINK=f"{SECRET}://{SECRET}",
        REDACT=f"({SECRET}",
        KEEP_MARKER=f"secretsmanager:{SECRET}",
    )

    for more in ([], ["--json"], ["--quiet"]):
        main(["--check", *more], environ)

    captured = capsys.readouterr()
    assert "fail" in captured.out
    assert SECRET not in captured.out + captured.err


def test_the_record_has_a_time_and_an_id_of_its_own() -> None:
    """Receivers sort by the one and tell by the other."""
    [kept] = records_in([record_for(environ_of(), at_s=1_800_000_000.25, environment_id="ab12")])

    assert (kept.time, kept.id) == ("2027-01-15T08:00:00.250Z", "ab12-0")
    assert not kept.is_line


@pytest.mark.parametrize(
    "word", ["--check", "--", "--quiet", "check", "8f6d5c4b-3a29-4817-8655-44332211009g"]
)
def test_a_word_that_is_no_identifier_is_run_by_hand(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is registered, nor asked of Lambda, for somebody who runs it."""
    by_hand: list[list[str]] = []
    monkeypatch.setattr(boot, "run_by_hand", lambda arguments, _environ: by_hand.append(arguments))
    monkeypatch.setattr(boot, "Boot", None)

    boot.main([word])

    assert by_hand == [[word]]
