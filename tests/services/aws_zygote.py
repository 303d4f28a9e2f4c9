"""The aws command, loaded once: a command of a test runs in a fork of this process, and takes 10 ms instead of a second.

It is the command's own code (awscli) with all that it does. This program runs in the templates' environment, and speaks
with the tests' `aws`, a few lines of bash, over a socket. It can also make a command fail, as the `aws` of a test asks.

A fault is one word: `fail-3` answers the third command with an error and does nothing, `lost-3` does it and answers with
an error, `down-3` does as `fail` with this and all later ones, `kill-before-3` and `kill-after-3` end the process that
called, and `term-3`, `int-3` and `hup-3` send it a signal while the command runs. Several are separated by commas.
"""

import contextlib
import ctypes
import gc
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

FAILED, LOST = 254, 255

WORKERS = 8
"""Commands at the same time; more wait."""

COMMANDS = 16
"""A fork takes longer than a command. A driver is made for one command, and keeps something of each."""

PR_SET_PDEATHSIG = 1
"""See prctl(2): a worker ends with the process that forked it."""

WARM = (
    ("lambda", "list-functions"),
    ("iam", "list-roles"),
    ("logs", "describe-log-groups"),
    ("cloudwatch", "describe-alarms"),
)
"""A command of each service: what it loads, all forks have."""


def main() -> None:
    """Serve until standard input ends."""
    from awscli.clidriver import create_clidriver  # type: ignore[import-not-found, unused-ignore]

    driver = create_clidriver()
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        for words in WARM:
            driver.main([*words, "--output", "json"])
    gc.collect()
    gc.freeze()  # forks copy fewer pages
    gc.disable()
    server = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(server.getsockname()[1], flush=True)
    workers = 0
    while True:
        if workers < WORKERS:
            workers += 1
            if not os.fork():
                work(driver, server)
        else:
            os.wait()
            workers -= 1


def work(driver: Any, server: socket.socket) -> NoReturn:
    """Answer some commands in this process, and end."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        for _ in range(COMMANDS):
            connection, _ = server.accept()
            with connection:
                serve(driver, connection)
    finally:
        os._exit(0)


def serve(driver: Any, connection: socket.socket) -> None:
    """Answer one command: what it printed, what it complained, and its status."""
    stream = connection.makefile("rb")
    words = read_words(stream)
    caller, log, fault, aside = words[:4]
    arguments = words[4:]
    with Path(log).open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(arguments) + "\n")
    number = len(Path(log).read_text(encoding="utf-8").splitlines())
    answer = answer_to(
        driver, arguments, int(caller), faults(fault, number), json.loads(aside or "[]")
    )
    connection.sendall(b"".join(part + b"\0" for part in answer))


def read_words(stream: Any) -> list[str]:
    """Read words that end with NUL; the first is how many there are."""

    def word() -> str:
        read = bytearray()
        while (byte := stream.read(1)) not in (b"\0", b""):
            read += byte
        return read.decode()

    return [word() for _ in range(int(word()))]


def faults(text: str, number: int) -> set[str]:
    """Return the kinds of faults of the command with this number."""
    found = set()
    for one in filter(None, text.split(",")):
        kind, _, at = one.rpartition("-")
        if number == int(at) or (kind == "down" and number > int(at)):
            found.add(kind)
    return found


def answer_to(
    driver: Any, arguments: list[str], caller: int, kinds: set[str], aside: list[Any]
) -> tuple[bytes, bytes, bytes]:
    """Run the command, or fail as asked.

    Args:
        driver: of the aws command.
        arguments: of the command.
        caller: the process that called; faults may end it.
        kinds: of faults.
        aside: of `[action, when, words]` each: what somebody else does before or after a command of that action.
    """
    if "kill-before" in kinds:
        os.kill(caller, signal.SIGKILL)
        return b"", b"", b"1"
    for kind in kinds & {"term", "int", "hup"}:
        os.kill(caller, signal.Signals[f"SIG{kind.upper()}"])
    if kinds & {"fail", "down"}:
        return (
            b"",
            b"An error occurred (ServiceException) when calling: made up",
            str(FAILED).encode(),
        )
    answer = run_among_others(driver, arguments, [one for one in aside if one[0] in arguments])
    if "kill-after" in kinds:
        os.kill(caller, signal.SIGKILL)
    if "lost" in kinds:
        return b"", b"Could not connect to the endpoint URL: made up", str(LOST).encode()
    return answer


def run_among_others(
    driver: Any, arguments: list[str], of_others: list[Any]
) -> tuple[bytes, bytes, bytes]:
    """Run the command, with what somebody else does before and after it, or the answer instead of it."""
    if not of_others:
        return run_here(driver, arguments)
    for words in (one for _, when, one in of_others if when == "before"):
        run(driver, words)
    canned = [one for _, when, one in of_others if when == "instead"]
    answer = (json.dumps(canned[0]).encode(), b"", b"0") if canned else run(driver, arguments)
    for words in (one for _, when, one in of_others if when == "after"):
        run(driver, words)
    return answer


def run(driver: Any, words: list[str]) -> tuple[bytes, bytes, bytes]:
    """Run a command of aws in a process of its own: the driver runs one command in its life."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(
                writing, json.dumps([one.decode() for one in run_here(driver, words)]).encode()
            )
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        out, err, status = json.loads(stream.read())
    os.waitpid(child, 0)
    return out.encode(), err.encode(), status.encode()


def run_here(driver: Any, words: list[str]) -> tuple[bytes, bytes, bytes]:
    """Run a command of aws in this process, and return what it printed."""
    files = [os.memfd_create("out"), os.memfd_create("err")]
    kept = [os.dup(1), os.dup(2)]
    for number, file in enumerate(files, 1):
        os.dup2(file, number)
    try:
        status = int(driver.main(words) or 0)
    except SystemExit as error:
        status = int(error.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    for number, file in enumerate(kept, 1):
        os.dup2(file, number)
    out, err = (os.pread(one, 1 << 24, 0) for one in files)
    for file in (*files, *kept):
        os.close(file)
    return out, err, str(status).encode()


if __name__ == "__main__":
    main()
