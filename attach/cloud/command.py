"""Call the aws command: bounded, with its own retries, never silent for long, and never between two steps of an undo.

Promises: no variable's value is on a command line or in a message. What may hold one goes through a file in memory that
ends with this process, or where the system has none through a file that only the user can read, which is removed after the
command. A signal to this process does not reach a running command: the command ends,
and the run ends before the next one.

Assumes of the aws command, 1 or 2: `--cli-input-json file://PATH`, and that it reads the file more than once; errors as `An error occurred (CODE) when ...`
on standard error, with an exit status that is not 0.
"""

import contextlib
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from attach.plan.model import AttachError

COMMAND_TIMEOUT_S = 900.0
"""An invocation may take 15 minutes, Lambda's longest time-out; aws has shorter time-outs of its own for other requests."""

SAYS_SO_EVERY_S = 8.0
"""A person takes a program that says nothing for ten seconds for a dead one."""

SLICE_S = 0.1
"""How often a wait looks whether a signal came."""

MAX_ATTEMPTS = "8"
"""Of one request, by aws itself: with its waits of up to 20 s between, a minute or two of throttling."""

MIN_MASKED_CHARS = 4
"""Shorter values, such as `1` or `on`, are no secrets, and masking them would hide the message."""

LEAST_FD = 100
"""Of a file in memory: where aws is a shell script that starts the command, it may use small numbers itself."""

MAX_MESSAGE_CHARS = 2000
"""Of an error of aws; the longest that says something are of policies."""

_ERROR = re.compile(r"An error occurred \((?P<code>[A-Za-z.]+)\)")

_MEASURED = re.compile(r"String measured:.*", re.DOTALL)
"""Lambda's error for too many variables shows all of them."""


class AwsError(AttachError):
    """The aws command failed. Nobody knows whether the request took effect.

    Attributes:
        code: AWS's name of the error; empty if aws itself failed.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Interrupted(AttachError):  # noqa: N818 - it says what happened
    """A signal asked the run to end."""


@dataclass
class Stop:
    """Whether a signal asked the run to end.

    Attributes:
        number: its number; 0 before one came.
    """

    number: int = 0

    def ask(self, number: int, _frame: object = None) -> None:
        """Take a signal. It ends nothing at once: a step is never left half done."""
        self.number = self.number or number

    def check(self) -> None:
        """Raise Interrupted if a signal came."""
        if self.number:
            raise Interrupted(f"{signal.Signals(self.number).name} came")


_says = threading.Lock()


def say(text: str) -> None:
    """Write one line of progress. A terminal that is gone ends nothing half way."""
    with _says, contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


@dataclass
class Aws:
    """The aws command, for one function.

    Attributes:
        profile: a profile of the command; empty for its default.
        region: empty for the command's own.
        stop: asked before each command.
        tell: takes one line of progress.
        secrets: texts that are masked in messages.
    """

    profile: str
    region: str
    stop: Stop
    tell: Callable[[str], None]
    secrets: set[str] = field(default_factory=set)

    def hide(self, variables: Mapping[str, str]) -> None:
        """Mask the values of these variables from now on."""
        long = {text for text in variables.values() if len(text) >= MIN_MASKED_CHARS}
        self.secrets |= long | {json.dumps(text)[1:-1] for text in long}

    def uninterrupted(self) -> "Aws":
        """Return the same command for an undo, which no signal ends."""
        return Aws(self.profile, self.region, Stop(), self.tell, self.secrets)

    def call(
        self,
        service: str,
        action: str,
        *arguments: str,
        given: object = None,
        payload: bytes | None = None,
    ) -> Any:
        """Run a command, and return its answer.

        Args:
            service: such as `lambda`.
            action: such as `get-function-configuration`.
            arguments: of the command; none of them may be secret.
            given: more arguments, which may be secret.
            payload: of an invocation.

        Raises:
            AwsError: The command failed.
            Interrupted: A signal came before.
        """
        self.stop.check()
        command = ["aws", *(["--profile", self.profile] if self.profile else [])]
        command += ["--region", self.region] if self.region else []
        command += [service, action, *arguments, "--output", "json"]
        with contextlib.ExitStack() as stack:
            if given is not None:
                path = stack.enter_context(_private_file(json.dumps(given).encode()))
                command += ["--cli-input-json", f"file://{path}"]
            if payload is not None:
                path = stack.enter_context(_private_file(payload))
                command += ["--payload", f"fileb://{path}"]
            out, err, status = self._run(command)
        if status:
            found = _ERROR.search(err)
            raise AwsError(
                f"aws {service} {action}: {self._masked(err) or f'exit status {status}'}",
                found["code"] if found else "",
            )
        try:
            return json.loads(out) if out.strip() else None
        except ValueError:
            raise AwsError(f"aws {service} {action} answered with no JSON") from None

    def sleep(self, seconds: float) -> None:
        """Wait; raise Interrupted if a signal comes."""
        started = told = time.monotonic()
        while (left := started + seconds - time.monotonic()) > 0:
            self.stop.check()
            if time.monotonic() - told > SAYS_SO_EVERY_S:
                told = time.monotonic()
                self.tell(f"waiting, {left:.0f} s more")
            time.sleep(min(left, SLICE_S))

    def _run(self, command: Sequence[str]) -> tuple[str, str, int]:
        started = time.monotonic()
        shown = " ".join(command[: _shown_words(command)])
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environ(os.environ),
                close_fds=False,  # the private files, and nothing else of Python's, are inheritable
                # Ctrl-C reaches every process of the terminal's group, and would end a request half way.
                start_new_session=True,
            )
        except OSError as error:
            raise AwsError(f"the aws command cannot be started: {error.strerror}") from None
        with process:
            while True:
                try:
                    out, err = process.communicate(timeout=SAYS_SO_EVERY_S)
                except subprocess.TimeoutExpired:  # noqa: PERF203 - each turn waits for seconds
                    waited_s = time.monotonic() - started
                    if waited_s > COMMAND_TIMEOUT_S:
                        process.kill()
                        raise AwsError(f"no answer within {waited_s:.0f} s: {shown}") from None
                    self.tell(f"still waiting for {shown}, {waited_s:.0f} s")
                else:
                    return (
                        out.decode("utf-8", "replace"),
                        err.decode("utf-8", "replace"),
                        process.returncode,
                    )

    def _masked(self, text: str) -> str:
        text = _MEASURED.sub("(not shown)", text.strip())
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text[:MAX_MESSAGE_CHARS]


@contextlib.contextmanager
def _private_file(content: bytes) -> Iterator[str]:
    """Give the path of a file that nobody else can read, for a process that this one starts."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("given"), "wb") as memory:
            memory.write(content)
            memory.flush()
            # Such a copy is inherited by the processes that this one starts.
            copy = fcntl.fcntl(memory, fcntl.F_DUPFD, LEAST_FD)
            try:
                yield f"/dev/fd/{copy}"
            finally:
                os.close(copy)
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        yield file.name


def environ(base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the command: its own retries wait while AWS throttles, and no pager waits for a key."""
    return {
        "AWS_RETRY_MODE": "adaptive",
        "AWS_MAX_ATTEMPTS": MAX_ATTEMPTS,
        **base,
        "AWS_PAGER": "",
    }


def is_absent(error: AwsError, codes: Iterable[str]) -> bool:
    """Tell whether an error says that something is not there."""
    return error.code in set(codes)


def _shown_words(command: Sequence[str]) -> int:
    """Return how many words to show: up to the action's."""
    return next((at for at, word in enumerate(command) if word == "--output"), len(command))
