"""The whole program, with the real aws command, against the stand-ins that `bridge.py` names: lines really travel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from prove.__main__ import main
from tests.prove.bridge import run_prove
from tests.prove.left_over import left_over

if TYPE_CHECKING:
    from pathlib import Path

    from tests.prove.bridge import Bridge
    from tests.services.aws_command import Run

whole = [pytest.mark.services, pytest.mark.end_to_end, pytest.mark.timeout(240)]

QUICKLY = (
    "--region",
    "eu-west-1",
    "--arch",
    "x86_64",
    "--timeout",
    "4",
    "--iam-wait",
    "0",
    "--settle",
    "0",
)


def rows(run: Run) -> dict[str, list[list[str]]]:
    """Give the columns of each invocation's row, by the end of the function's name."""
    found: dict[str, list[list[str]]] = {}
    for line in run.out.splitlines():
        if match := re.match(r"flight-recorder-prove-[0-9a-f]{8}-(\S+) +\d", line):
            found.setdefault(match[1], []).append(re.split(r"  +", line)[1:])
    return found


@pytest.mark.usefixtures("bridge")
class TestWhole:
    """Runs that make, try and take down."""

    pytestmark = whole

    def test_every_line_of_a_python_function_is_found_in_each_sink(
        self, bridge: Bridge, dist: Path
    ) -> None:
        """It fails in each way, and every other invocation is healthy."""
        run = run_prove(bridge, *QUICKLY, "--yes", "--dist", str(dist), "--only", "python")

        assert run.status == 0, run.out + run.err
        found = rows(run)
        assert set(found) == {
            "python-x86_64-cloudwatch-0",
            "python-x86_64-cloudwatch-1",
            "python-x86_64-s3-0",
            "python-x86_64-own-0",
        }
        for name, told in found.items():
            ways = [row[1] for row in told]
            if name.endswith("-0"):
                assert len(told) == 11
                assert ways[1::2] == [
                    "logs an ERROR, succeeds",
                    "handler reports an error",
                    "hangs until the timeout",
                    "exits in the handler",
                    "runs out of memory",
                ]
                kept = [row[2:6] for row in told[1::2]]
                assert kept == [["41", "41", "0", "0"], *[["40", "40", "0", "0"]] * 4]
                assert [row[3] for row in told[0:5:2]] == ["0", "0", "0"]
            else:
                assert [row[2:6] for row in told] == [["40", "40", "0", "0"]] * 2
        assert "15 of 15 failed invocations are whole" in run.out
        assert "All that the run made is taken down." in run.out
        assert "instanceId? yes:" in run.out
        assert "with LOG_API=telemetry the Telemetry API" in run.out
        assert "own log group hold? yes: Lambda wrote to the own log group of none" in run.out
        assert "left out: a function in java: its code needs a build" in run.out
        assert left_over() == {}
        assert not list((bridge.folder / "journals").iterdir())

    def test_functions_without_python_have_the_standalone_layer(
        self, bridge: Bridge, dist: Path
    ) -> None:
        """Node.js with AWS's runtime client, and a custom runtime in bash."""
        kinds = ("--only", "nodejs", "--only", "bash", "--sink", "cloudwatch")
        ways = ("--way", "error-line", "--way", "exception", "--way", "exit")

        run = run_prove(bridge, *QUICKLY, "--yes", "--dist", str(dist), *kinds, *ways)

        assert run.status == 0, run.out + run.err
        found = rows(run)
        assert {name: len(told) for name, told in found.items()} == {
            "nodejs-x86_64-cloudwatch-0": 7,
            "nodejs-x86_64-cloudwatch-1": 2,
            "bash-x86_64-cloudwatch-0": 7,
            "bash-x86_64-cloudwatch-1": 2,
        }
        assert "6 of 6 failed invocations are whole" in run.out
        assert left_over() == {}

    def test_missing_lines_are_told_and_the_status_is_1(self, bridge: Bridge, dist: Path) -> None:
        """The recorder of one function reaches nobody; the other function's is well."""
        bridge.lose = "cloudwatch-0"
        what = ("--only", "bash", "--sink", "cloudwatch", "--way", "exception", "--wait", "1")

        run = run_prove(bridge, *QUICKLY, "--yes", "--dist", str(dist), *what)

        assert run.status == 1, run.out + run.err
        assert [row[2:6] for row in rows(run)["bash-x86_64-cloudwatch-0"]][1] == [
            "40",
            "0",
            "40",
            "0",
        ]
        assert [row[2:6] for row in rows(run)["bash-x86_64-cloudwatch-1"]] == [
            ["40", "40", "0", "0"]
        ] * 2
        assert "! 40 of 40 lines are missing, first: prove flight-recorder-prove-" in run.out
        assert "0 of 1 failed invocations are whole" in run.out
        assert left_over() == {}


def test_without_yes_nothing_is_asked_of_aws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells what it would make, what that costs at most, and what the caller needs."""
    monkeypatch.setenv("PATH", "")
    for kind in ("python", "x86_64", "arm64"):
        (tmp_path / f"flight-recorder-{kind}.zip").touch()

    status = main(["--region", "eu-west-1", "--dist", str(tmp_path), "--journals", str(tmp_path)])

    out = capsys.readouterr().out
    assert status == 0
    assert "-ruby-arm64-s3-0: 11 invocations" in out
    assert re.search(r"costs at most \$0\.0\d", out)
    assert "iam:PassRole" in out
    assert "left out: a function in java" in out
    assert "nothing was made; --yes does it" in out
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 2, "in which region? --region eu-west-1, or AWS_REGION"),
        (["--region", "moon"], 2, "moon is not the name of a region"),
        (["--region", "eu-west-1", "--dist", "/nowhere"], 1, "nothing can be tried"),
        (
            ["--region", "eu-west-1", "--dist", ".", "--only", "python", "--yes"],
            1,
            "the aws command cannot be started",
        ),
    ],
)
def test_what_cannot_begin_says_why(
    words: list[str],
    status: int,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flight-recorder-python.zip").touch()

    assert main([*words, "--journals", str(tmp_path)]) == status
    assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("*.json"))


def test_a_journal_that_cannot_be_read_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.json").write_text("{")

    assert main(["--clean", "--journals", str(tmp_path)]) == 1
    assert "x.json is no journal of a run" in capsys.readouterr().out
    assert (tmp_path / "x.json").exists()
