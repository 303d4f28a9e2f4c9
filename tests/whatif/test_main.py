import subprocess
import sys
from pathlib import Path

import pytest

from extension import PREFIX
from tests.doubles import shop_logs
from whatif.__main__ import main, parser

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(name="log")
def shop_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(f"{PREFIX}SAMPLE_RATE", raising=False)
    path = tmp_path / "shop.log"
    path.write_text(shop_logs.tail(shop_logs.shop()), encoding="utf-8")
    return path


def test_command_prints_a_table_and_writes_a_page(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The printed text names the page."""
    assert main([str(log), "--set", "SAMPLE_RATE=0,1"]) == 0

    printed = capsys.readouterr().out
    assert "SAMPLE_RATE=1" in printed
    assert "whatif.html" in printed
    assert (log.parent / "whatif.html").read_text().startswith("<!DOCTYPE html>")


def test_command_writes_no_page_on_request(log: Path) -> None:
    """``--no-html`` leaves the folder alone."""
    assert main([str(log), "--no-html"]) == 0

    assert not (log.parent / "whatif.html").exists()


def test_command_tries_the_functions_own_variables(
    log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are the point of comparison."""
    monkeypatch.setenv(f"{PREFIX}SAMPLE_RATE", "50%")

    main([str(log), "--no-html", "--env", "ERROR_LEVEL=OFF"])

    assert "as set" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["absent.log"], "absent.log: no such file"),
        (["shop.log", "--set", "SAMPLE_RATE=12"], "SAMPLE_RATE=12 cannot be used"),
        (["shop.log", "--env", "x"], "--env takes NAME=VALUE"),
        (["shop.log", "--html", "absent/x.html"], "absent/x.html: there is no such folder"),
    ],
)
def test_command_reports_an_error_in_one_sentence(
    log: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    """The code is 2, without a traceback."""
    assert main(words) == 2

    assert said in capsys.readouterr().err


def test_command_fails_for_a_file_that_is_no_log(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code is 1, and the message lists the kinds of logs."""
    log.write_text("hello\n")

    assert main([str(log)]) == 1
    assert "none of the known kinds of logs" in " ".join(capsys.readouterr().out.split())


def test_command_fails_for_a_filtered_log(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The code is 1, and a sentence says what is missing and what to do."""
    errors = [event for event in shop_logs.shop() if "ERROR" in event.message]
    log.write_text(shop_logs.tail(errors), encoding="utf-8")

    assert main([str(log)]) == 1

    printed = " ".join(capsys.readouterr().out.split())
    assert "export it without a filter" in printed
    assert "Failures found" not in printed
    assert not (log.parent / "whatif.html").exists()


def test_docs_list_every_option() -> None:
    """An option that is not in docs/whatif.md does not exist for its readers."""
    text = (ROOT / "docs" / "whatif.md").read_text(encoding="utf-8")
    options = [one for action in parser()._actions for one in action.option_strings]

    assert all(f"`{option}" in text for option in options if option not in ("-h", "--help"))


def test_command_reads_standard_input(log: Path) -> None:
    """``aws logs tail ... | ./build.sh whatif -`` needs no file."""
    done = subprocess.run(
        [sys.executable, "-m", "whatif", "-", "--no-html"],
        input=log.read_bytes(),
        capture_output=True,
        cwd=ROOT,
        check=False,
        timeout=50,
    )

    assert done.returncode == 0, done.stderr
    assert b"24 invocations in 2 environments" in done.stdout
