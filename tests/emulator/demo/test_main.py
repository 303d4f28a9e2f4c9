"""Test the demo, run as a user runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from emulator.demo import __main__ as demo, run
from emulator.demo.plan import (
    CASES,
    FUNCTIONS,
    plan_of,
)
from terminal.layout import WIDTH

ROOT = Path(__file__).resolve().parents[3]


def test_demo_says_how_to_build_a_missing_layer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first run of a fresh clone ends here."""
    code = demo.main(["--layer", str(tmp_path / "none.zip")])

    assert code == 2
    assert "./build.sh layer" in capsys.readouterr().err


@pytest.mark.end_to_end
@pytest.mark.timeout(180)
def test_quick_demo_keeps_failed_invocations_whole(layer_zip: Path) -> None:
    """It is the whole product in one run: the built layer under the real Python client."""
    command = [
        sys.executable,
        "-m",
        "emulator.demo",
        "--layer",
        str(layer_zip),
        "--functions",
        "python",
    ]

    done = subprocess.run(
        [*command, "--quick"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=170
    )

    assert done.returncode == 0, done.stdout + done.stderr
    live = done.stdout.partition("As it happens")[2].partition("By function")[0]
    shown = [line.split() for line in live.splitlines() if line.startswith("orders")]
    assert len(shown) == len(plan_of(FUNCTIONS["python"], quick=True))
    assert sum("sampled, for 10" in " ".join(words) for words in shown) == 1
    assert sum("not sampled" in " ".join(words) for words in shown) == 1
    for reason in ("python-exception", "level-error", "timeout", "slow", "marker"):
        assert [words[-1] for words in shown].count(reason) == 1
    compared = done.stdout.partition("The same failures")[2].partition("All that")[0]
    counts = {
        " ".join(words[:-3]): words[-3:]
        for words in map(str.split, compared.splitlines())
        if words[-3:] and all(word.isdigit() for word in words[-3:])
    }
    assert counts["logs an ERROR, succeeds"] == ["11", "9", "11"]
    assert counts["hangs until the timeout"][1:] == ["0", "9"]
    for word in (
        "Checked line by line",
        "The buffer",
        "USD for a million",
        "./build.sh publish",
    ):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= WIDTH
    assert "\x1b" not in done.stdout
    assert done.stdout.isascii()


@pytest.mark.end_to_end
@pytest.mark.timeout(180)
def test_demo_fails_when_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A check that cannot fail proves nothing: a layer without the extension must be found out."""
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(run, "ARRIVAL_S", 0.05)
    monkeypatch.setattr(demo, "run_buffered", lambda *_: [])

    code = demo.main(["--layer", str(tmp_path / "empty"), "--functions", "python", "--quick"])

    output = capsys.readouterr().out
    assert code == 1
    assert "CHECK FAILED" in output
    for mishap in set(FUNCTIONS["python"].mishaps) - {"fine"}:
        assert CASES[mishap].text in output.partition("CHECK FAILED")[2]
