"""The launcher's command line: ``--check``, ``--version``, ``--help``, and what is wrong with another one."""

import sys

import pytest

from extension import __version__, boot
from extension.selfcheck.cli import BAD_USAGE, USAGE, main
from extension.selfcheck.findings import CHECK_TYPE
from tests.doubles.scripted_server import ScriptedServer, status
from tests.extension.selfcheck.test_checks import DENIED, SECRET, environ_of


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--chek"], "there is no option --chek"),
        (["-x"], "there is no option -x"),
        (["--check", "now"], "there is no option now"),
        (["--check", "n\u00f6"], r"there is no option n\xf6"),
        (["--quiet"], "--quiet goes with --check"),
        (["--check", "--version"], "--version stands alone"),
        (["--", "x"], "there is no option --"),
        ([], "this is an extension, which Lambda starts"),
    ],
)
def test_command_names_what_is_wrong(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints that and its usage to standard error, and tries nothing."""
    assert main(arguments, environ_of(SINK="http://127.0.0.1:9/")) == BAD_USAGE

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"flight-recorder: {problem}")
    assert "\nusage: flight-recorder --check" in captured.err


def test_command_prints_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """Also of the Python, which a standalone layer brings along."""
    assert main(["--version"], {}) == 0

    python = ".".join(map(str, sys.version_info[:3]))
    assert capsys.readouterr().out == f"flight-recorder {__version__} (Python {python})\n"


def test_command_prints_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    """To ask for help is no failure."""
    assert main(["--help"], {}) == 0
    assert capsys.readouterr().out == USAGE
    assert CHECK_TYPE in USAGE


@pytest.mark.parametrize("option", ["--check", "--json", "--quiet"])
def test_command_shows_no_secret(
    server: ScriptedServer, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither of a URL nor of a header, an answer, credentials or a bad value."""
    server.answers = [status(403, body=SECRET.encode()), DENIED, DENIED]
    environ = environ_of(
        server,
        SINK=server.url.replace("127.0.0.1", f"u:{SECRET}@127.0.0.1") + SECRET,
        SINK_HEADERS=f"Authorization={SECRET}",
        FALLBACK_SINK="cloudwatch:",
        ARCHIVE_SINK=f"{SECRET}://{SECRET}",
        REDACT=f"({SECRET}",
        KEEP_MARKER=f"secretsmanager:{SECRET}",
    )

    main(["--check", option], environ)

    captured = capsys.readouterr()
    assert "fail" in captured.out
    assert SECRET not in captured.out + captured.err


@pytest.mark.parametrize(
    "word", ["--check", "--", "--quiet", "check", "-3", "8f6d5c4b-3a29-4817-8655-443322110099"]
)
def test_boot_runs_the_command_for_a_word_that_is_no_descriptor(
    word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody runs it by hand: nothing is registered with Lambda."""
    by_hand: list[list[str]] = []
    monkeypatch.setattr(boot, "run_by_hand", lambda arguments, _environ: by_hand.append(arguments))
    monkeypatch.setattr(boot, "Boot", None)
    monkeypatch.setenv(boot.RUNTIME_API, "127.0.0.1:9")

    boot.main([word])

    assert by_hand == [[word]]


@pytest.mark.parametrize("arguments", [[], ["3"], ["--check"]])
def test_boot_awaits_nothing_outside_of_lambda(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lambda always names its API. A number is no descriptor then, as no launcher has registered."""
    by_hand: list[list[str]] = []
    monkeypatch.setattr(boot, "run_by_hand", lambda arguments, _environ: by_hand.append(arguments))
    monkeypatch.setattr(boot, "Boot", None)
    monkeypatch.delenv(boot.RUNTIME_API, raising=False)

    boot.main(arguments)

    assert by_hand == [arguments]
