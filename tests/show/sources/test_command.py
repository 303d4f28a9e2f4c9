import os
from pathlib import Path

import pytest

from show.model.errors import ShowError
from show.sources import command
from show.sources.command import Aws, AwsError
from show.sources.progress import Progress
from tests.services.aws import REGION, moto
from tests.templates.validators import aws_environ


def saying(folder: Path, script: str) -> Aws:
    """Give a command that runs a script in place of aws, as a process."""
    program = folder / "aws"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    environ = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "AWS_REGION": "eu-west-3"}
    return Aws("", Progress(), environ)


def test_region_of_the_option_or_of_the_environment_is_named(tmp_path: Path) -> None:
    """Version 1 of the command does not look at AWS_REGION."""
    aws = saying(tmp_path, 'echo "{\\"words\\": \\"$*\\", \\"pager\\": \\"$AWS_PAGER\\"}"')

    answer = aws.call("logs", "do", "--it")

    assert answer["words"] == "--region eu-west-3 logs do --it --output json"
    assert answer["pager"] == ""


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Unable to locate credentials. You can configure them", "aws configure"),
        ("You must specify a region.", "--region"),
        ("An error occurred (ExpiredTokenException) when calling", "aws sso login"),
        ("The config profile (x) could not be found", "AWS_PROFILE"),
        ('Could not connect to the endpoint URL: "https://x"', "network"),
        ("An error occurred (Odd) when calling the X operation: so", "aws logs do: .*Odd"),
        ("", "said nothing"),
    ],
)
def test_errors_become_a_sentence_with_what_to_do(said: str, told: str, tmp_path: Path) -> None:
    aws = saying(tmp_path, f"echo '{said}' >&2; exit 255")

    with pytest.raises(AwsError, match=told):
        aws.call("logs", "do")


def test_without_the_command_it_is_said_where_to_get_it(tmp_path: Path) -> None:
    aws = Aws("", Progress(), {"PATH": str(tmp_path)})

    with pytest.raises(ShowError, match="not installed"):
        aws.call("logs", "do")


def test_an_answer_that_is_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShowError, match="something else than JSON"):
        saying(tmp_path, "echo hello").call("logs", "do")


def test_a_command_that_hangs_is_spoken_of_and_then_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its process does not stay."""
    monkeypatch.setattr(command, "EVERY_S", 0.2)
    monkeypatch.setattr(command, "COMMAND_TIMEOUT_S", 0.6)
    said: list[str] = []
    aws = saying(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 600")
    aws._progress = Progress(said.append, monotonic_s=iter(range(0, 1000, 6)).__next__)

    with pytest.raises(ShowError, match="did not answer"):
        aws.call("logs", "do")

    assert said[0].startswith("show: aws logs do has not answered for")
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.services
def test_the_real_command_answers_and_fails() -> None:
    """Codes and sentences are its own."""
    aws = Aws(REGION, Progress(), aws_environ(moto()))

    assert aws.call("logs", "describe-log-groups")["logGroups"] is not None
    with pytest.raises(AwsError) as failed:
        aws.call("logs", "filter-log-events", "--log-group-name", "/not/there")
    assert failed.value.code == "ResourceNotFoundException"


@pytest.mark.services
@pytest.mark.parametrize(
    ("missing", "told"),
    [("AWS_ACCESS_KEY_ID", "no credentials"), ("AWS_DEFAULT_REGION", "--region")],
)
def test_what_the_real_command_lacks_is_told(missing: str, told: str, tmp_path: Path) -> None:
    """Its own sentences, of this version."""
    environ = {**aws_environ(moto()), "HOME": str(tmp_path)}
    for name in (missing, "AWS_REGION", "AWS_SECRET_ACCESS_KEY" if "KEY" in missing else missing):
        environ.pop(name, None)

    with pytest.raises(AwsError, match=told):
        Aws("" if "REGION" in missing else REGION, Progress(), environ).call(
            "logs", "describe-log-groups"
        )
