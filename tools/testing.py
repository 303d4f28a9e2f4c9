"""Run the tests on all Pythons found, as many at a time as keep the cores busy.

The newest Python runs everything, with coverage. The oldest runs the unit tests. The Pythons between them run the tests
marked `every_python`, whose outcome may differ by version: 20 s of a core, where all unit tests take 90 s. The newest
Python's run overlaps with the others, since tests wait for a process or a clock a third of their time.
"""

from __future__ import annotations

import contextlib
import enum
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from terminal.waiting import still
from tools.commands import LAYER, build_layer
from tools.console import CommandError, say, warn
from tools.environments import ensure_environment, remove
from tools.fetching import (
    ensure_aws_emulator,
    ensure_browser,
    ensure_loggers,
    ensure_node_client,
    ensure_programs,
    ensure_services,
    ensure_validators,
    machine_name,
    services_folder,
)
from tools.site import ensure_docs
from tools.summary import Run, summarise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from tools.environments import Workspace
    from tools.pythons import Python

MAX_WORKERS = 5
"""Each worker starts services of its own, which take memory; two cores need four workers: tests wait for half of their time."""

FUZZ_TIMEOUT_S = 3_600
"""Ends a property test that hangs; many thousand examples take minutes."""

OLDER_WORKERS = 0
"""The newest Python's run takes three times as long as all others together, so each of these is one process."""

RESULTS = "test-results"


class Selection(enum.Enum):
    """The tests that a Python runs, as an expression of markers; an empty one selects all."""

    ALL = ""
    UNIT = "not end_to_end and not services and not newest"
    VARYING = "every_python and not end_to_end and not services and not newest"


def selections(pythons: Sequence[Python]) -> list[tuple[Python, Selection]]:
    """Return which tests each Python runs, in the order of the Pythons, oldest first."""
    last = len(pythons) - 1
    chosen = {0: Selection.UNIT, last: Selection.ALL}
    return [
        (python, chosen.get(number, Selection.VARYING)) for number, python in enumerate(pythons)
    ]


def worker_count(workspace: Workspace) -> int:
    """Return FLIGHT_RECORDER_TEST_WORKERS, or two more than cores, 5 at most; 0 is all in one process.

    Raises:
        CommandError: the variable is not a number.
    """
    return _given_workers(workspace, min(_cores() + 2, MAX_WORKERS))


def run_tests(workspace: Workspace, arguments: Sequence[str]) -> int:
    """Prepare and run the tests on all Pythons, print coverage and summary, and return the exit status.

    Args:
        workspace: the checkout; the newest Python's environment has to be there.
        arguments: passed on to pytest on each Python.
    """
    remove(workspace.cache / RESULTS)
    (workspace.cache / RESULTS).mkdir(parents=True)
    python = str(workspace.python)
    subprocess.run([python, "-m", "coverage", "erase"], check=True, cwd=workspace.root)
    workers = worker_count(workspace)
    if workers == 0:
        runs = _run_in_turn(workspace, arguments)
    else:
        runs = _run_overlapping(workspace, arguments, workers)
    version = workspace.newest.version
    say(
        f"branch coverage of extension/ (Python {version}; what runs as python -S, as in the layer, is not seen)"
    )
    for command in (("combine", "--quiet"), ("report",)):
        done = subprocess.run([python, "-m", "coverage", *command], check=False, cwd=workspace.root)
        if done.returncode != 0:
            warn("  nothing of extension/ ran")
            break
    table, total = summarise(runs)
    say(table)
    return 0 if total.passed and all(run.succeeded for run in runs) else 1


def run_standalone_tests(workspace: Workspace, arguments: Sequence[str]) -> int:
    """Build and test the layers that bring their own Python, and return the exit status.

    The whole end-to-end suite runs on the layer for this machine, then come the tests of what only these layers
    promise. They are no part of the ordinary run: the first time, they compile two interpreters.
    """
    with ThreadPoolExecutor() as pool:
        preparations = _begin_preparing(pool, workspace)
        build_layer(workspace, ["--standalone"])
        _wait_for(preparations)
    say("test the standalone layers")
    dist = workspace.root / "dist"
    environ = _environ(workspace)
    environ["FLIGHT_RECORDER_LAYER_ZIP"] = str(dist / f"flight-recorder-{machine_name()}.zip")
    environ["FLIGHT_RECORDER_STANDALONE"] = str(dist)
    workers = _given_workers(workspace, _cores() + 1)
    command = [str(workspace.python), "-m", "pytest", "--quiet", f"--numprocesses={workers}"]
    command += ["tests/end_to_end", "tests/standalone", *arguments]
    return subprocess.run(command, check=False, cwd=workspace.root, env=environ).returncode


def run_property_tests(workspace: Workspace, arguments: Sequence[str]) -> int:
    """Run the property tests on many random examples, and return pytest's exit status.

    Examples that failed are kept in `.hypothesis/`, where hypothesis tries them first the next time.
    """
    files = []
    if not _names_files(workspace, arguments):
        files = files_with(workspace, "\nfrom hypothesis import")
    say(f"property tests on Python {workspace.newest.version}")
    command = [str(workspace.python), "-m", "pytest", "--quiet", "-m", "hypothesis"]
    command += ["--hypothesis-profile=fuzz", f"--timeout={FUZZ_TIMEOUT_S}"]
    command += [f"--numprocesses={worker_count(workspace)}", *files, *arguments]
    return subprocess.run(command, check=False, cwd=workspace.root).returncode


def files_with(workspace: Workspace, text: str) -> list[str]:
    """Return the test files that contain a text, relative to the checkout and sorted.

    pytest finds the same tests by their markers, but has to import all files for it: nine seconds of a core.
    """
    files = (workspace.root / "tests").rglob("test_*.py")
    return sorted(
        str(file.relative_to(workspace.root))
        for file in files
        if text in file.read_text(encoding="utf-8")
    )


def _run_in_turn(workspace: Workspace, arguments: Sequence[str]) -> list[Run]:
    """Run one Python's tests after the other, each in one process whose output is shown at once."""
    with ThreadPoolExecutor() as pool:
        preparations = _begin_preparing(pool, workspace)
        for python in workspace.pythons[:-1]:
            ensure_environment(workspace, python)
        _prepare_layer(workspace)
        _wait_for(preparations)
    return [
        _test_on(workspace, python, selection, arguments, workers=0)
        for python, selection in selections(workspace.pythons)
    ]


def _run_overlapping(workspace: Workspace, arguments: Sequence[str], workers: int) -> list[Run]:
    """Run the older Pythons' tests beside the newest Python's, whose output alone is shown at once."""
    *older, (newest, selection) = selections(workspace.pythons)
    with ThreadPoolExecutor() as pool:
        preparations = _begin_preparing(pool, workspace)
        if not _names_files(workspace, arguments):
            preparations.append(pool.submit(_compile_tests, workspace))
        beside = pool.submit(_run_older, workspace, older, arguments)
        _prepare_layer(workspace)
        _wait_for(preparations)
        if beside.done():
            beside.result()  # an environment that could not be made ends the command here
        run = _test_on(workspace, newest, selection, arguments, workers=workers)
        runs = beside.result()
    for of_older in runs:
        say(f"test on Python {of_older.version}")
        say(_log(workspace, of_older.version).read_text(encoding="utf-8", errors="replace"))
    return [*runs, run]


def _run_older(
    workspace: Workspace, older: Sequence[tuple[Python, Selection]], arguments: Sequence[str]
) -> list[Run]:
    """Make each older Python's environment and run its tests, one Python after the other.

    These runs need neither the layer nor the services, so they begin before both are there.
    """
    runs = []
    for python, selection in older:
        ensure_environment(workspace, python)
        runs.append(
            _test_on(
                workspace,
                python,
                selection,
                arguments,
                workers=OLDER_WORKERS,
                log=_log(workspace, python.version),
            )
        )
    return runs


def _test_on(
    workspace: Workspace,
    python: Python,
    selection: Selection,
    arguments: Sequence[str],
    *,
    workers: int,
    log: Path | None = None,
) -> Run:
    """Run a selection of the tests on one Python; with a log, its output goes there."""
    version = python.version
    report = workspace.cache / RESULTS / f"{version}.xml"
    command = _pytest_command(workspace, python, selection)
    command += ["--quiet", f"--numprocesses={workers}", "--dist=worksteal", f"--junit-xml={report}"]
    if selection is Selection.VARYING and not _names_files(workspace, arguments):
        command += files_with(workspace, "pytest.mark.every_python")
    say(f"test on Python {version}")
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        output = None if log is None else stack.enter_context(log.open("wb"))
        done = subprocess.run(
            [*command, *arguments],
            check=False,
            cwd=workspace.root,
            env=_environ(workspace),
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
        )
    seconds = round(time.monotonic() - started)
    return Run(version=version, status=done.returncode, seconds=seconds, report=report)


def _pytest_command(workspace: Workspace, python: Python, selection: Selection) -> list[str]:
    command = [str(workspace.interpreter(python)), "-m"]
    if selection is Selection.ALL:
        return [*command, "coverage", "run", "-m", "pytest"]
    # The newest Python builds and measures the layer, so the tests of both run on no other.
    command += ["pytest", "-m", selection.value, "--ignore=tests/layer", "--ignore=tests/bench"]
    return [*command, "-o", f"cache_dir=.cache/pytest-{python.version}"]


def _begin_preparing(pool: ThreadPoolExecutor, workspace: Workspace) -> list[Future[None]]:
    """Begin with what takes longest: compilers keep a core busy for more than a minute each."""
    optional = (
        ensure_programs,
        ensure_node_client,
        ensure_validators,
        ensure_services,
        ensure_loggers,
        ensure_browser,
        ensure_docs,
    )
    return [pool.submit(prepare, workspace) for prepare in optional]


def _compile_tests(workspace: Workspace) -> None:
    """Let the newest Python collect the tests once in a fresh checkout, so that its workers find bytecode.

    pytest rewrites each test file's assertions: ten seconds of a core, for each worker that finds no bytecode.
    """
    tag = workspace.newest.version.replace(".", "")
    if any((workspace.root / "tests" / "__pycache__").glob(f"*-{tag}-pytest-*")):
        return
    command = [str(workspace.python), "-m", "pytest", "--collect-only", "--quiet", "--quiet"]
    with still("compiling the tests"):
        subprocess.run(
            command,
            check=False,  # a file that does not import fails the run itself
            cwd=workspace.root,
            env=_environ(workspace),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def _wait_for(preparations: Sequence[Future[None]]) -> None:
    for preparation in preparations:
        preparation.result()


def _prepare_layer(workspace: Workspace) -> None:
    ensure_aws_emulator(workspace)
    build_layer(workspace, ["--output", LAYER])


def _log(workspace: Workspace, version: str) -> Path:
    return workspace.cache / RESULTS / f"{version}.log"


def _names_files(workspace: Workspace, arguments: Sequence[str]) -> bool:
    """Return whether arguments of pytest name files, folders or tests in files."""
    return any((workspace.root / word.partition("::")[0]).exists() for word in arguments)


def _given_workers(workspace: Workspace, default: int) -> int:
    given = workspace.environ.get("FLIGHT_RECORDER_TEST_WORKERS") or str(default)
    if not given.isdecimal():
        raise CommandError(f"FLIGHT_RECORDER_TEST_WORKERS is not a number: {given}")
    return int(given)


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _environ(workspace: Workspace) -> dict[str, str]:
    environ = dict(workspace.environ)
    # A container's variable; with it, every process compiles what it imports: a tenth of the whole run.
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    environ["FLIGHT_RECORDER_SERVICES"] = str(services_folder(workspace))
    environ["FLIGHT_RECORDER_LAYER_ZIP"] = str(workspace.root / LAYER)
    return environ
