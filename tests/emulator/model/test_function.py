"""Test the configuration of a function."""

from pathlib import Path

import pytest

from emulator.model.function import Function


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"code": Path("/nonexistent")}, "must be a directory"),
        ({"runtime": "cobol"}, "must begin with python, nodejs or provided"),
        ({"memory_mb": 64}, "memory_mb must be 128"),
        ({"timeout_ms": 0}, "timeout_ms must be 1"),
        ({"log_format": "xml"}, "Text or JSON"),
        ({"log_level": "INFO"}, "needs log_format JSON"),
    ],
)
def test_a_function_lambda_would_refuse_is_refused(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    """With the setting's name."""
    with pytest.raises(ValueError, match=words):
        Function(**({"code": tmp_path} | change))  # type: ignore[arg-type]
