"""Call the aws command. Its answers stay in memory, and its errors become one sentence with what to do.

Assumes of the aws command, 1 or 2: errors as ``An error occurred (CODE) when calling the ACTION operation: ...`` on standard
error, with an exit status that is not 0; and its sentences for what is not configured.
"""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from show.model.errors import ShowError
from show.sources.progress import EVERY_S, Progress

COMMAND_TIMEOUT_S = 120.0
"""One page takes a second or two. The aws command has shorter time-outs of its own, and tries again itself."""

MAX_MESSAGE_CHARS = 600
"""Of an error that is not known here."""

_CODE = re.compile(r"An error occurred \((?P<code>[A-Za-z.0-9]+)\)")

_UNCONFIGURED = (
    (
        re.compile(r"Unable to locate credentials|Partial credentials", re.IGNORECASE),
        "the aws command has no credentials: run `aws configure` or `aws sso login`, or set AWS_PROFILE",
    ),
    (
        re.compile(r"must specify a region|You must specify.*region", re.IGNORECASE),
        "the aws command knows no region: add --region, or set AWS_REGION",
    ),
    (
        re.compile(
            r"ExpiredToken|InvalidClientTokenId|UnrecognizedClient|token.*expired", re.IGNORECASE
        ),
        "the credentials are not, or no longer, valid: run `aws sso login`, or look at AWS_PROFILE",
    ),
    (
        re.compile(r"config profile .* could not be found", re.IGNORECASE),
        "AWS_PROFILE names a profile that the aws command does not have: see `aws configure list-profiles`",
    ),
    (
        re.compile(r"Could not connect to the endpoint URL|Connect timeout", re.IGNORECASE),
        "AWS cannot be reached: look at the network, and whether the region exists (--region)",
    ),
)


class AwsError(ShowError):
    """The aws command failed.

    Attributes:
        code: AWS's name of the error.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Aws:
    """The aws command, for one region."""

    def __init__(self, region: str, progress: Progress, environ: Mapping[str, str]) -> None:
        self._region = region
        self._progress = progress
        self._environ = environ

    @property
    def region(self) -> str:
        """The region asked, in words."""
        return self._region or self._environ.get("AWS_REGION") or "the aws command's region"

    def call(self, service: str, action: str, *arguments: str) -> dict[str, Any]:
        """Run a command that answers with JSON, and return the answer.

        Raises:
            ShowError: The command failed.
        """
        out = self.read(service, action, *arguments, "--output", "json")
        try:
            answer = json.loads(out) if out.strip() else {}
        except ValueError:
            raise ShowError(
                f"aws {service} {action} answered with something else than JSON"
            ) from None
        return answer if isinstance(answer, dict) else {}

    def read(self, service: str, action: str, *arguments: str) -> bytes:
        """Run a command, and return its standard output.

        Raises:
            ShowError: The command failed.
        """
        command = ["aws", *self._region_words(), service, action, *arguments]
        shown = f"aws {service} {action}"
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**self._environ, "AWS_PAGER": ""},
            )
        except OSError:
            raise ShowError(
                "the aws command is not installed, and CloudWatch and S3 are read with it: see https://aws.amazon.com/cli/"
            ) from None
        with process:
            out, err = self._waited(process, shown)
        if process.returncode:
            raise _error(shown, err.decode("utf-8", "replace"))
        return out

    def _waited(self, process: subprocess.Popen[bytes], shown: str) -> tuple[bytes, bytes]:
        waited_s = 0.0
        while True:
            try:
                return process.communicate(timeout=EVERY_S)
            except subprocess.TimeoutExpired:  # noqa: PERF203 - each turn waits for seconds
                waited_s += EVERY_S
                if waited_s >= COMMAND_TIMEOUT_S:
                    process.kill()
                    raise ShowError(f"{shown} did not answer within {waited_s:.0f} s") from None
                self._progress.tell(f"{shown} has not answered for {waited_s:.0f} s")
            except BaseException:
                process.kill()
                raise

    def _region_words(self) -> Sequence[str]:
        # Version 1 of the command looks at AWS_DEFAULT_REGION alone.
        region = self._region or self._environ.get("AWS_REGION", "")
        return ["--region", region] if region else []


def environ() -> dict[str, str]:
    """Return the environment of the command: it waits itself while AWS throttles."""
    return {"AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": "6", **os.environ}


def _error(shown: str, said: str) -> ShowError:
    found = _CODE.search(said)
    code = found["code"] if found else ""
    for pattern, told in _UNCONFIGURED:
        if pattern.search(said):
            return AwsError(told, code)
    words = " ".join(said.split())[:MAX_MESSAGE_CHARS]
    return AwsError(f"{shown}: {words or 'it failed, and said nothing'}", code)
