"""The aws command, in whose place a few lines of shell stand: they show what it was called with."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from attach.cloud import command
from attach.cloud.command import Aws, AwsError, Interrupted, Stop

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Aws]:
    """Give what makes an Aws whose command is a script."""

    def make(script: str) -> Aws:
        program = tmp_path / "aws"
        program.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        return Aws("", "eu-west-1", Stop(), told.append)

    told.clear()
    return make


told: list[str] = []


def test_answer_is_read_and_retries_are_awss_own(aws: Callable[[str], Aws]) -> None:
    """Adaptive, and more of them than its default."""
    made = aws(
        'printf \'{"mode": "%s %s", "words": "%s"}\' "$AWS_RETRY_MODE" "$AWS_MAX_ATTEMPTS" "$*"'
    )

    assert made.call("iam", "get-role", "--role-name", "r") == {
        "mode": "adaptive 8",
        "words": "--region eu-west-1 iam get-role --role-name r --output json",
    }


def test_given_arguments_are_read_as_often_as_aws_wants(aws: Callable[[str], Aws]) -> None:
    """They are in no file of a folder, and on no command line."""
    made = aws('path="${@: -1}"; path="${path#file://}"; cat "$path" >/dev/null; cat "$path"')

    assert made.call("lambda", "update", given={"secret": "word"}) == {"secret": "word"}
    made = aws('path="${@: -1}"; exec 3<"${path#fileb://}"; printf \'"%s"\' "$(cat <&3)"')
    assert made.call("lambda", "invoke", payload=b"raw") == "raw"


def test_private_file_is_the_users_alone_where_memory_has_none(
    aws: Callable[[str], Aws], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS. It is gone afterwards."""
    monkeypatch.delattr(os, "memfd_create")
    made = aws(
        'path="${@: -1}"; printf \'["%s", "%s"]\' "${path#file://}" "$(stat -c %a "${path#file://}")"'
    )

    path, mode = made.call("lambda", "update", given={})

    assert int(mode, 8) == stat.S_IRUSR | stat.S_IWUSR
    assert not Path(path).exists()


def test_error_has_awss_name_and_no_secret(aws: Callable[[str], Aws]) -> None:
    """The message names the command."""
    made = aws('echo "An error occurred (NoSuchEntity) when calling: hidden-word" >&2; exit 254')
    made.hide({"PASSWORD": "hidden-word"})

    with pytest.raises(AwsError) as caught:
        made.call("iam", "get-role")

    assert caught.value.code == "NoSuchEntity"
    assert (
        str(caught.value) == "aws iam get-role: An error occurred (NoSuchEntity) when calling: ***"
    )


def test_answer_that_is_no_json_is_an_error(aws: Callable[[str], Aws]) -> None:
    """Nobody knows what it means."""
    with pytest.raises(AwsError, match="answered with no JSON"):
        aws("echo hello").call("iam", "get-role")


def test_command_that_takes_long_is_talked_about(
    aws: Callable[[str], Aws], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that takes too long is ended."""
    monkeypatch.setattr(command, "SAYS_SO_EVERY_S", 0.05)
    monkeypatch.setattr(command, "COMMAND_TIMEOUT_S", 0.3)

    with pytest.raises(AwsError, match="no answer within"):
        aws("exec sleep 60").call("iam", "get-role")

    assert told[0].startswith("still waiting for aws --region eu-west-1 iam get-role")


def test_wait_is_talked_about(aws: Callable[[str], Aws], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds without a word look like a fault."""
    monkeypatch.setattr(command, "SAYS_SO_EVERY_S", 0.0)
    monkeypatch.setattr(command, "SLICE_S", 0.01)

    aws("").sleep(0.1)

    assert told[0] == "waiting, 0 s more"


def test_signal_ends_the_run_before_the_next_command(aws: Callable[[str], Aws]) -> None:
    """An undo is not ended, and a second signal changes nothing."""
    made = aws("echo 1")
    made.stop.ask(signal.SIGTERM)
    made.stop.ask(signal.SIGINT)

    with pytest.raises(Interrupted):
        made.call("iam", "get-role")
    with pytest.raises(Interrupted):
        made.sleep(60)
    assert made.stop.number == signal.SIGTERM
    assert made.uninterrupted().call("iam", "get-role") == 1


def test_settings_of_the_user_win() -> None:
    """Whoever sets a number of attempts means it."""
    found = command.environ({"AWS_MAX_ATTEMPTS": "2", "AWS_PAGER": "less"})

    assert found == {"AWS_RETRY_MODE": "adaptive", "AWS_MAX_ATTEMPTS": "2", "AWS_PAGER": ""}
