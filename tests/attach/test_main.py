"""Exit statuses of the command line."""

from __future__ import annotations

import pytest

from attach.__main__ import main

LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:flight-recorder:1"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--sample-rate", "12", LAYER],
            "FLIGHT_RECORDER_SAMPLE_RATE=12 cannot be used; accepted: a number from 0 to 1, or a percentage such as 5%",
        ),
        (
            ["--sink", "s3:my-logs", LAYER],
            "FLIGHT_RECORDER_SINK cannot be used; accepted: cloudwatch:",
        ),
        (
            ["--retention-days", "31", LAYER],
            "--retention-days=31 cannot be used; accepted: a number of days",
        ),
        (
            ["--metrics", "1s", LAYER],
            "FLIGHT_RECORDER_METRICS=1s cannot be used; accepted: off, or",
        ),
        (["--set", "SAMPLE_RAT=1", LAYER], "perhaps FLIGHT_RECORDER_SAMPLE_RATE was meant"),
        (["--set", "REDACT", LAYER], "FLIGHT_RECORDER_REDACT is not set in this shell"),
        (["flight-recorder"], "flight-recorder is not the ARN of a layer's version"),
        (["--alarm-topic", "on-call", LAYER], "is not the ARN of an SNS topic"),
        (["--dashboard", "/none.json", LAYER], "--dashboard /none.json"),
    ],
)
def test_value_is_refused_before_aws_is_asked(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the extension's own words, where it is one of its settings."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("FLIGHT_RECORDER_REDACT", raising=False)

    status = main(["attach", "--functions", "f", *words])

    assert status == 2
    assert capsys.readouterr().err.startswith("attach: ")
    main(["attach", "--functions", "f", *words])
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--functions", "f:live"], "f:live is no function's name"),
        (["--functions-regex", "x"], "the aws command cannot be started"),
    ],
)
def test_functions_that_cannot_be_found_are_a_failure(
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line says why."""
    monkeypatch.setenv("PATH", "")

    assert main(["status", *words]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("which", [["--functions", ""], ["--functions", ","]])
def test_empty_name_never_means_every_function(
    which: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script's variable may be empty."""
    monkeypatch.setenv("PATH", "")

    assert main(["detach", *which]) == 2
    assert "no function is named; --functions-regex . means all" in capsys.readouterr().err


def test_regular_expression_and_tag_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """They are arguments like others."""
    assert main(["status", "--functions-regex", "("]) == 2
    assert main(["status", "--tag", "team"]) == 2
    assert "--tag takes KEY=VALUE" in capsys.readouterr().err
