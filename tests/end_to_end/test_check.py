"""The self-check as people run it: the built layer's launcher, against AWS on this machine."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emulator.model.function import Function
from extension import __version__
from tests.end_to_end.support import EXTENSION, SECRET, running, settings, write_python
from tests.services.aws import ministack, moto
from tests.services.environment import free_port, unique

if TYPE_CHECKING:
    from collections.abc import Mapping

PYTHON = Path(sys.base_prefix) / "bin" / "python3"
TIMEOUT_S = 40
NAME = "checkout"


def _check(
    layer: Path, environ: Mapping[str, str], *arguments: str, shell: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the launcher as the function's owner would, in the function's environment."""
    launcher = str(layer / "extensions" / EXTENSION)
    return subprocess.run(
        [*([shell] if shell else []), launcher, *(arguments or ("--check",))],
        env={
            "PATH": f"{PYTHON.parent}:/usr/bin:/bin",
            "AWS_LAMBDA_FUNCTION_NAME": NAME,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            **environ,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


def _lines(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Give the lines by what they are about, without the prefix; the sum is left out."""
    assert done.stderr == ""
    lines = [
        line for line in done.stdout.splitlines() if line[:6].strip() in {"ok", "warn", "fail"}
    ]
    return {line[6:].partition(":")[0].removeprefix("FLIGHT_RECORDER_"): line for line in lines}


@pytest.mark.services
@pytest.mark.parametrize("shell", ["", "bash", "dash"], ids=["as it is", "bash", "dash"])
def test_all_is_well(layer_dir: Path, shell: str, request: pytest.FixtureRequest) -> None:
    """Settings, references and three sinks: each has its record, and nothing is registered with Lambda."""
    found = ""
    if shell:
        request.getfixturevalue("borrows_python")
        found = shutil.which(shell) or ""
        if not found:
            pytest.skip(f"{shell} is not installed here")
    aws, group, parameter = moto(), unique("/kept"), unique("/rate")
    bucket = aws.make_bucket(unique("bucket"))
    aws.call("AmazonSSM.PutParameter", Name=parameter, Value="0.2", Type="String")
    with socket.create_server(("127.0.0.1", 0)) as lambda_api:
        lambda_api.settimeout(0.1)
        address = f"127.0.0.1:{lambda_api.getsockname()[1]}"
        environ = settings(
            sink=f"cloudwatch:{group}",
            sample_rate=f"ssm:{parameter}",
            archive_sink=f"s3://{bucket}/all",
            retention_days="14",
        )
        done = _check(
            layer_dir,
            {**environ, **aws.environ(), "AWS_LAMBDA_RUNTIME_API": address},
            shell=found,
        )
        with pytest.raises(TimeoutError):
            lambda_api.accept()

    lines = _lines(done)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == "6 ok, 0 to look at, 0 failed"
    sinks = {"SINK", "ARCHIVE_SINK", "RETENTION_DAYS"}
    assert set(lines) == {"settings", "SAMPLE_RATE", "own log group", *sinks}
    (stream,) = aws.log_streams(group)
    [event] = aws.log_events(group, stream)
    assert json.loads(event["message"])["type"] == "flightRecorder.check"
    [key] = aws.object_keys(bucket, "all/")
    assert f"function={NAME}" in key


@pytest.mark.services
def test_a_bucket_that_is_missing_is_told(layer_dir: Path) -> None:
    """With what to make, and what the role needs."""
    bucket = unique("nowhere")

    done = _check(layer_dir, {**settings(sink=f"s3://{bucket}/kept"), **moto().environ()})

    line = _lines(done)["SINK"]
    assert done.returncode == 1
    assert "NoSuchBucket" in line
    assert "make the bucket" in line
    assert f'"arn:aws:s3:::{bucket}/kept/*"' in line


@pytest.mark.services
@pytest.mark.parametrize("region", ["eu-west-1"])
def test_a_log_group_that_is_denied_is_told(layer_dir: Path, region: str) -> None:
    """The action that was denied, and the statement that allows it; with that in force the check is well."""
    aws, group = ministack(), unique("/kept")
    environ = settings(sink=f"cloudwatch:{group}")

    denied = _check(layer_dir, {**environ, **aws.environ(aws.user_keys(None))})

    line = _lines(denied)["SINK"]
    statement, _ = json.JSONDecoder().raw_decode(line[line.index("{") :])
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    allowed = _check(layer_dir, {**environ, **aws.environ(aws.user_keys(policy))})
    assert denied.returncode == 1
    assert "AccessDenied" in line
    assert f"arn:aws:logs:{region}:*:log-group:{group}:*" in statement["Resource"]
    assert allowed.returncode == 0, allowed.stdout
    assert "took a record" in _lines(allowed)["SINK"]


@pytest.mark.services
@pytest.mark.parametrize("fallback", ["", "file"], ids=["alone", "with a fallback"])
@pytest.mark.parametrize("group", ["there", "missing"])
def test_the_deny_on_the_own_log_group_is_told(
    layer_dir: Path, tmp_path: Path, group: str, fallback: str
) -> None:
    """As the templates write it, beside the managed policy; nothing is written, denied or not."""
    aws, name = ministack(), unique("checkout")
    own = f"/aws/lambda/{name}"
    if group == "there":
        aws.call("Logs_20140328.CreateLogGroup", logGroupName=own)
    writing = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    basic = {"Effect": "Allow", "Action": writing, "Resource": "*"}
    arn = f"arn:aws:logs:eu-west-1:*:log-group:{own}"
    deny = {"Effect": "Deny", "Action": writing, "Resource": [arn, f"{arn}:*"]}
    environ = {
        **settings(
            sink=f"file:{tmp_path}/kept",
            fallback_sink=f"file:{tmp_path}/second" if fallback else "",
        ),
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_LOG_GROUP_NAME": own,
    }
    told = {}
    for case, statements in (("allowed", [basic]), ("denied", [basic, deny])):
        keys = aws.user_keys({"Version": "2012-10-17", "Statement": statements})
        done = _check(layer_dir, {**environ, **aws.environ(keys)})
        assert done.returncode == 0, done.stdout
        told[case] = _lines(done)["own log group"]

    assert told["allowed"].startswith("ok ")
    assert f"the role may write to {own}" in told["allowed"]
    assert told["denied"].startswith("ok " if fallback else "warn ")
    assert f"the role may not write to {own}" in told["denied"]
    assert ("FLIGHT_RECORDER_FALLBACK_SINK" in told["denied"]) is not bool(fallback)
    if group == "there":
        assert aws.log_streams(own) == []


@pytest.mark.services
def test_the_deny_on_lambdas_streams_is_told(layer_dir: Path) -> None:
    """With the statements that the check itself proposes, one after the other, it is well in the end."""
    aws, name = ministack(), unique("checkout")
    own = f"/aws/lambda/{name}"
    environ = {
        **settings(sink="own+cloudwatch:", fallback_sink="stdout:"),
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_LOG_GROUP_NAME": own,
    }
    writing = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    basic = {"Effect": "Allow", "Action": writing, "Resource": "*"}
    arn = f"arn:aws:logs:eu-west-1:*:log-group:{own}"
    whole = {"Effect": "Deny", "Action": writing, "Resource": [arn, f"{arn}:*"]}

    def told(*statements: object) -> tuple[int, dict[str, str]]:
        keys = aws.user_keys({"Version": "2012-10-17", "Statement": statements})
        done = _check(layer_dir, {**environ, **aws.environ(keys)})
        return done.returncode, _lines(done)

    stopped, stopping = told(basic, whole)
    paid, paying = told(basic)
    line = paying["own log group"]
    deny, _ = json.JSONDecoder().raw_decode(line[line.index("{") :])
    held, holding = told(basic, deny)

    assert (stopped, paid, held) == (1, 0, 0)
    assert stopping["SINK"].startswith("fail ")
    assert stopping["own log group"].startswith("fail ")
    assert f"{own}:log-stream:20*" in stopping["own log group"]
    assert line.startswith("warn ")
    assert "there twice" in line
    assert deny["Effect"] == "Deny"
    assert holding["SINK"].startswith("ok ")
    assert "the role may not write to Lambda's streams" in holding["own log group"]
    # A check leaves its record in the recorder's stream and nothing in one of Lambda's.
    streams = aws.log_streams(own)
    assert streams
    assert all(stream.startswith("flight-recorder/") for stream in streams)


@pytest.mark.services
def test_a_parameter_that_is_denied_is_told(layer_dir: Path, tmp_path: Path) -> None:
    """By its action; the sink is tried all the same."""
    aws = ministack()
    environ = settings(sink=f"file:{tmp_path}/kept", sample_rate="ssm:/rate")

    done = _check(layer_dir, {**environ, **aws.environ(aws.user_keys(None))})

    lines = _lines(done)
    assert done.returncode == 1
    assert "ssm:GetParameters" in lines["SAMPLE_RATE"]
    assert lines["SINK"].startswith("ok ")


def test_a_host_that_is_not_there_is_told(layer_dir: Path) -> None:
    """A name that does not resolve, and a port where nobody listens, both in words and in time."""
    environ = settings(
        sink=f"https://u:{SECRET}@nowhere.invalid/{SECRET}",
        fallback_sink=f"http://127.0.0.1:{free_port()}/in",
        sink_headers=f"Authorization={SECRET}",
    )

    done = _check(layer_dir, environ)

    lines = _lines(done)
    assert done.returncode == 1
    # Where the machine has no resolver at all, that takes the time it has, and is told so.
    assert any(
        reason in lines["SINK"] for reason in ("name cannot be resolved", "no answer in time")
    )
    assert "connection refused" in lines["FALLBACK_SINK"]
    assert SECRET not in done.stdout


def test_bad_settings_are_told(layer_dir: Path, tmp_path: Path) -> None:
    """Each by name, with what is accepted; and the traps that the environment shows."""
    environ = {
        **settings(sink=f"file:{tmp_path}/kept", rate=2, flush="never", sampel_rate="1"),
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_LEVEL": "ERROR",
    }

    done = _check(layer_dir, environ)

    lines = _lines(done)
    assert done.returncode == 1
    assert "a number from 0 to 1" in lines["SAMPLE_RATE"]
    assert "end, background or adaptive" in lines["FLUSH"]
    assert "perhaps FLIGHT_RECORDER_SAMPLE_RATE was meant" in lines["SAMPEL_RATE"]
    assert lines["AWS_LAMBDA_LOG_LEVEL"].startswith("warn ")
    assert lines["SINK"].startswith("ok ")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["--chek"], ["check"]])
def test_nothing_is_registered_whatever_the_words_are(
    layer_dir: Path, arguments: list[str]
) -> None:
    """Somebody who runs it by hand gets an answer, and Lambda no call."""
    with socket.create_server(("127.0.0.1", 0)) as lambda_api:
        lambda_api.settimeout(0.1)
        address = f"127.0.0.1:{lambda_api.getsockname()[1]}"
        done = _check(layer_dir, {"AWS_LAMBDA_RUNTIME_API": address}, *arguments)
        with pytest.raises(TimeoutError):
            lambda_api.accept()

    told = done.stdout + done.stderr
    assert done.returncode == (0 if arguments[0] in {"--help", "--version"} else 2)
    if arguments == ["--version"]:
        assert re.fullmatch(rf"flight-recorder {__version__} \(Python 3\.[0-9.]+\)\n", told)
    else:
        assert "usage: flight-recorder --check" in told
        assert told.startswith(
            "usage" if done.stdout else f"flight-recorder: there is no option {arguments[0]}"
        )


@pytest.mark.parametrize("shell", ["", "bash", "dash"], ids=["as it is", "bash", "dash"])
def test_launcher_says_what_it_is_outside_of_lambda(
    layer_dir: Path, shell: str, request: pytest.FixtureRequest
) -> None:
    """Somebody tries the layer on a laptop: it ends at once, and names what may be tried."""
    found = ""
    if shell:
        request.getfixturevalue("borrows_python")
        found = shutil.which(shell) or ""
        if not found:
            pytest.skip(f"{shell} is not installed here")
    launcher = str(layer_dir / "extensions" / EXTENSION)

    done = subprocess.run(
        [*([found] if found else []), launcher],
        env={"PATH": f"{PYTHON.parent}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("flight-recorder: this is an extension, which Lambda starts")
    assert "try --check" in done.stderr


@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_it_is_told_in_any_locale(layer_dir: Path, tmp_path: Path, locale: str) -> None:
    """What a terminal cannot show does not end it."""
    environ = settings(sink=f"file:{tmp_path}/kept", error_pattern="日本|\udcff|\n")

    done = _check(layer_dir, {**environ, "LC_ALL": locale})

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 3


APP = """
import os, subprocess

def handler(event, context):
    done = subprocess.run([event["launcher"], "--check"], capture_output=True, text=True)
    return [done.returncode, done.stdout]
"""


def test_a_function_can_check_itself(layer_dir: Path, tmp_path: Path) -> None:
    """From its own handler, beside the extension that runs: with the variables and the credentials that it has."""
    function = Function(
        code=write_python(tmp_path, APP),
        name=NAME,
        timeout_ms=20_000,
        environment={
            **settings(sink=f"file:{tmp_path}/kept"),
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
        },
    )

    with running(function, layers=[layer_dir]) as cloud:
        result = cloud.invoke({"launcher": str(layer_dir / "extensions" / EXTENSION)})
        status, said = result.payload

    assert status == 0, said
    assert f"file:{tmp_path}/kept took a record" in said
    assert f"may write to /aws/lambda/{NAME} could not be found out: connection refused" in said
    assert "AWS_LAMBDA_FUNCTION_NAME" not in said
