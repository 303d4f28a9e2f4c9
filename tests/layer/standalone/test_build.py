"""What the command says; tests/standalone runs it with the real interpreter."""

import pytest

from layer.standalone.build import _warn_of_older, main


def test_older_sources_are_a_warning_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, where a person sees it among the lines of a build."""
    _warn_of_older(["openssl 1 instead of 2", "zlib 3 instead of 4"])

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("warning: these layers have openssl 1 instead of 2, zlib 3")
    assert "--refresh" in captured.err


def test_newest_sources_are_no_matter(capsys: pytest.CaptureFixture[str]) -> None:
    """A warning that always comes is read by nobody."""
    _warn_of_older([])

    assert capsys.readouterr() == ("", "")


def test_help_calls_the_build_by_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    """As people call it."""
    with pytest.raises(SystemExit):
        main(["--help"])

    assert capsys.readouterr().out.startswith("usage: ./build.sh layer --standalone [-h]")
