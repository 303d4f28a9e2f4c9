from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.doubles.checkout import report
from tools.console import CommandError
from tools.testing import (
    Selection,
    files_with,
    run_property_tests,
    run_standalone_tests,
    run_tests,
    selections,
    worker_count,
)

if TYPE_CHECKING:
    from tests.doubles.checkout import Call, Checkout

ROOT = Path(__file__).parent.parent.parent

ALL_PASS = (
    ("3.10/bin/python -m pytest", report(passed=10)),
    ("3.11/bin/python -m pytest", report(passed=2)),
    ("3.12/bin/python -m pytest", report(passed=2)),
    ("3.13/bin/python -m coverage run", report(passed=30, skipped=1)),
)


@pytest.fixture
def ready(checkout: Checkout) -> Checkout:
    """A checkout with all that tests need, in which all of them pass."""
    checkout.fetched()
    for command, xml in ALL_PASS:
        checkout.answer(command, report=xml, prints=f"{command}\n")
    return checkout


def with_workers(checkout: Checkout, number: str) -> None:
    environ = {**checkout.workspace.environ, "FLIGHT_RECORDER_TEST_WORKERS": number}
    checkout.workspace = dataclasses.replace(checkout.workspace, environ=environ)


def runs(checkout: Checkout) -> dict[str, Call]:
    """Return pytest's calls by Python."""
    return {call.program.parent.parent.name: call for call in checkout.calls("--junit-xml")}


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, [Selection.ALL]),
        (2, [Selection.UNIT, Selection.ALL]),
        (4, [Selection.UNIT, Selection.VARYING, Selection.VARYING, Selection.ALL]),
    ],
)
def test_oldest_and_newest_python_run_what_is_the_same_on_every_python(
    checkout: Checkout, number: int, expected: list[Selection]
) -> None:
    """The newest runs everything, also where it is the only one."""
    pythons = checkout.workspace.pythons[:number]

    assert selections(pythons) == list(zip(pythons, expected, strict=True))


@pytest.mark.parametrize("workers", [0, 3])
def test_each_python_runs_its_selection(
    ready: Checkout, capsys: pytest.CaptureFixture[str], workers: int
) -> None:
    """In one process each for a debugger, else beside each other."""
    with_workers(ready, str(workers))

    status = run_tests(ready.workspace, ["-k", "buffer"])

    assert status == 0
    called = runs(ready)
    assert sorted(called) == ["3.10", "3.11", "3.12", "3.13"]
    for version, call in called.items():
        assert call.cwd == ready.root
        assert call.arguments[-2:] == ["-k", "buffer"]
        assert call.environ["FLIGHT_RECORDER_SERVICES"] == str(ready.root / ".cache" / "services")
        assert call.environ["FLIGHT_RECORDER_LAYER_ZIP"] == str(
            ready.root / "dist" / "flight-recorder-python.zip"
        )
        expected = workers if version == "3.13" else 0
        assert f"--numprocesses={expected}" in call.arguments
    assert called["3.13"].arguments[:4] == ["-m", "coverage", "run", "-m"]
    assert Selection.UNIT.value in called["3.10"].arguments
    assert Selection.VARYING.value in called["3.11"].arguments
    output = capsys.readouterr().out
    assert output.splitlines()[-1] == "total: 44 passed, 0 failed, 1 skipped"


@pytest.mark.parametrize("is_fresh", [True, False], ids=["fresh checkout", "later run"])
def test_workers_find_bytecode_and_keep_it(ready: Checkout, *, is_fresh: bool) -> None:
    """A container's PYTHONDONTWRITEBYTECODE would let every process compile all that it imports."""
    environ = {**ready.workspace.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    ready.workspace = dataclasses.replace(ready.workspace, environ=environ)
    bytecode = ready.root / "tests" / "__pycache__" / "conftest.cpython-313-pytest-9.2.0.pyc"
    bytecode.parent.mkdir(parents=True)
    if not is_fresh:
        bytecode.touch()

    run_tests(ready.workspace, [])

    collections = ready.calls("--collect-only")
    assert [call.program for call in collections] == [ready.workspace.python] * is_fresh
    for call in [*collections, *runs(ready).values()]:
        assert "PYTHONDONTWRITEBYTECODE" not in call.environ


def test_nothing_is_collected_beforehand_for_a_named_file(ready: Checkout) -> None:
    """All files take longer than most of them alone."""
    (ready.root / "tests").mkdir()

    run_tests(ready.workspace, ["tests"])

    assert ready.calls("--collect-only") == []


def test_output_of_older_pythons_is_shown_after_the_newest_ones(
    ready: Checkout, capfd: pytest.CaptureFixture[str]
) -> None:
    """Two runs that print at the same time cannot be read."""
    with_workers(ready, "3")

    run_tests(ready.workspace, [])

    printed = [line for line in capfd.readouterr().out.splitlines() if "/bin/python -m" in line]
    assert [line[:4] for line in printed] == ["3.13", "3.10", "3.11", "3.12"]


@pytest.mark.parametrize(
    ("command", "status", "xml"),
    [
        pytest.param("3.12/bin/python -m pytest", 1, report(failures=1), id="an older one fails"),
        pytest.param("3.13/bin/python -m coverage run", 2, report(), id="the newest breaks off"),
        pytest.param("--junit-xml", 5, report(), id="no test ran at all"),
    ],
)
def test_one_failure_fails_the_command(
    ready: Checkout, command: str, status: int, xml: str
) -> None:
    """So does a run without a test: a misspelt -k is no success."""
    ready.answer(command, status=status, report=xml)

    assert run_tests(ready.workspace, []) == 1


def test_python_for_which_no_test_is_meant_has_not_failed(ready: Checkout) -> None:
    """Most tests asked for by name are meant for some Pythons only."""
    ready.answer("3.11/bin/python -m pytest", status=5, report=report())

    assert run_tests(ready.workspace, []) == 0


def test_coverage_of_nothing_is_said(ready: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    """Combining would fail on it, and the tests have not."""
    ready.answer("coverage combine", status=1)

    assert run_tests(ready.workspace, []) == 0
    assert capsys.readouterr().err.endswith("  nothing of extension/ ran\n")
    assert ready.calls("coverage report") == []


def test_environment_that_cannot_be_made_ends_the_command(ready: Checkout) -> None:
    """Half of the Pythons is no answer."""
    (ready.root / ".venv" / "3.11" / "installed").unlink()
    ready.answer("-m venv", status=1)

    with pytest.raises(CommandError, match=r"could not make \.venv/3\.11"):
        run_tests(ready.workspace, [])


def test_standalone_layers_are_built_and_tested(ready: Checkout) -> None:
    """By the newest Python, on the layer for this machine."""
    ready.answer("tests/standalone", status=3)

    status = run_standalone_tests(ready.workspace, ["-x"])

    assert status == 3
    build, test = ready.calls("standalone")
    assert build.arguments == ["-m", "layer.standalone.build"]
    assert test.arguments[-3:] == ["tests/end_to_end", "tests/standalone", "-x"]
    assert test.environ["FLIGHT_RECORDER_STANDALONE"] == str(ready.root / "dist")
    layer = Path(test.environ["FLIGHT_RECORDER_LAYER_ZIP"])
    assert layer.parent == ready.root / "dist"
    assert layer.name in {"flight-recorder-x86_64.zip", "flight-recorder-arm64.zip"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-k", "redaction"], ["tests/room/test_a.py", "-k", "redaction"]),
        (["tests/room"], ["tests/room"]),
    ],
    ids=["no files are named", "the user names files"],
)
def test_property_tests_run_with_a_profile_of_many_examples(
    checkout: Checkout, arguments: list[str], expected: list[str]
) -> None:
    """On the newest Python alone."""
    tests = checkout.root / "tests"
    (tests / "room").mkdir(parents=True)
    (tests / "room" / "test_a.py").write_text("import x\nfrom hypothesis import given\n")
    (tests / "room" / "test_b.py").write_text('"""Says: from hypothesis import given"""\n')
    checkout.answer("-m hypothesis", status=1)

    assert run_property_tests(checkout.workspace, arguments) == 1

    (call,) = checkout.calls()
    assert call.program == checkout.workspace.python
    assert "--hypothesis-profile=fuzz" in call.arguments
    numbered = next(word for word in call.arguments if word.startswith("--numprocesses="))
    assert call.arguments[call.arguments.index(numbered) + 1 :] == expected


@pytest.mark.parametrize("text", ["\nfrom hypothesis import", "pytest.mark.every_python"])
def test_files_of_this_repository_are_found(checkout: Checkout, text: str) -> None:
    """However their rooms are named."""
    workspace = dataclasses.replace(checkout.workspace, root=ROOT)

    found = files_with(workspace, text)

    assert len(found) > 3
    assert all((ROOT / name).is_file() for name in found)


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        (["-k", "x"], ["tests/test_a.py", "-k", "x"]),
        (["tests/test_b.py::test_x", "-x"], ["tests/test_b.py::test_x", "-x"]),
    ],
    ids=["no files are named", "the user names files"],
)
def test_pythons_between_read_no_file_without_a_test_for_them(
    ready: Checkout, arguments: list[str], files: list[str]
) -> None:
    """To import all test files takes as long as the tests for them."""
    (ready.root / "tests").mkdir()
    (ready.root / "tests" / "test_a.py").write_text("pytestmark = pytest.mark.every_python\n")
    (ready.root / "tests" / "test_b.py").write_text("\n")

    run_tests(ready.workspace, arguments)

    called = runs(ready)
    for version in ("3.11", "3.12"):
        words = called[version].arguments
        assert (
            words[words.index(f"--junit-xml={ready.root}/.cache/test-results/{version}.xml") + 1 :]
            == files
        )
    assert "tests/test_a.py" not in called["3.10"].arguments


def test_number_of_workers_is_the_users_or_follows_the_cores(checkout: Checkout) -> None:
    """0 is a number too: all in one process."""
    assert 2 <= worker_count(checkout.workspace) <= 5
    with_workers(checkout, "0")
    assert worker_count(checkout.workspace) == 0
    with_workers(checkout, "two")
    with pytest.raises(CommandError, match="is not a number: two"):
        worker_count(checkout.workspace)
