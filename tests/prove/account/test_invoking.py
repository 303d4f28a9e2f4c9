from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from attach.cloud.command import Aws, Stop
from prove.account.invoking import invoke
from prove.plan.ways import WAYS, Told

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

TOLD = Told("f", 1, WAYS["healthy"], 2)
ID = "8f0c8c4e-1b3f-4d7c-9a0e-3c5b7f1d2a6b"


def aws_that(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """Give a command `aws` that is a script."""
    program = folder / "aws"
    program.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return Aws("", "eu-west-1", Stop(), print)


def test_error_and_request_id_come_from_the_answer_and_the_tail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that failed answers nothing of its own."""
    script = f"""log=$(printf 'x\\nEND RequestId: {ID}\\n' | base64 -w0)
printf '{{"StatusCode": 200, "FunctionError": "Unhandled", "LogResult": "%s"}}' "$log" """

    answer = invoke(aws_that(tmp_path, script, monkeypatch), TOLD)

    assert (answer.went.error, answer.went.request_id, answer.stream) == ("Unhandled", ID, "")


def test_function_that_answers_tells_its_stream_and_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = json.dumps({"before": "f #0 s", "stream": "s", "requestId": ID})
    script = f"""for word; do [[ $word != /*/tmp* && $word != /tmp* ]] || echo '{content}' >"$word"; done
echo '{{"StatusCode": 200}}'"""

    answer = invoke(aws_that(tmp_path, script, monkeypatch), TOLD)

    assert (answer.before, answer.stream, answer.went.request_id) == ("f #0 s", "s", ID)
    assert (answer.went.error, answer.went.problem) == ("", "")


def test_command_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other invocations are made all the same."""
    script = (
        "echo 'An error occurred (TooManyRequestsException) when calling: slow down' >&2; exit 254"
    )

    answer = invoke(aws_that(tmp_path, script, monkeypatch), TOLD)

    assert "slow down" in answer.went.problem
