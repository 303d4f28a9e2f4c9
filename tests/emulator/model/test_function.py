"""Test the configuration of a function."""

from pathlib import Path

import pytest

from emulator.model.function import Function


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"code": Path("/nonexistent")}, "must be a directory"),
        ({"runtime": "cobol"}, "must begin with python, nodejs, java or provided"),
        ({"memory_mb": 64}, "memory_mb must be 128"),
        ({"timeout_ms": 0}, "timeout_ms must be 1"),
        ({"log_format": "xml"}, "Text or JSON"),
        ({"log_level": "INFO"}, "needs log_format JSON"),
    ],
)
def test_function_refuses_values_that_lambda_refuses(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    """A test that passes here must not fail at deployment."""
    with pytest.raises(ValueError, match=words):
        Function(**({"code": tmp_path} | change))  # type: ignore[arg-type]
