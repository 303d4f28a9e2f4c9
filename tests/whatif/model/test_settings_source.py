import json
from pathlib import Path

import pytest

from extension import PREFIX
from whatif.model.settings_source import ENVIRONMENT, GIVEN, SettingsError, read_environ

RATE = f"{PREFIX}SAMPLE_RATE"


def test_read_environ_prefers_given_variables() -> None:
    """With or without the prefix they override the environment, and foreign variables are left out."""
    found = read_environ(
        {RATE: "1%", f"{PREFIX}FLUSH": "end", "HOME": "/"}, given=["SAMPLE_RATE=5%"]
    )

    assert found.values == {RATE: "5%", f"{PREFIX}FLUSH": "end"}
    assert found.origins == {RATE: GIVEN, f"{PREFIX}FLUSH": ENVIRONMENT}


ANSWER = {"FunctionName": "shop", "MemorySize": 1024, "Environment": {"Variables": {RATE: "2%"}}}
MORE = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024", "AWS_LAMBDA_FUNCTION_NAME": "shop"}


@pytest.mark.parametrize(
    ("document", "more"),
    [(ANSWER, MORE), ({"Configuration": ANSWER}, MORE), ({RATE: "2%", "OTHER": 7}, {})],
    ids=["get-function-configuration", "get-function", "plain variables"],
)
def test_read_environ_reads_a_file(
    tmp_path: Path, document: dict[str, object], more: dict[str, str]
) -> None:
    """The function has its own variables and memory, so this shell's do not count."""
    file = tmp_path / "configuration.json"
    file.write_text(json.dumps(document))

    found = read_environ({RATE: "1%"}, file=file)

    assert found.values == {RATE: "2%", **more}
    assert found.origins[RATE] == str(file)


@pytest.mark.parametrize("content", ["", "[]", '{"a":'])
def test_read_environ_refuses_another_file(tmp_path: Path, content: str) -> None:
    """The message names the file, and nothing of its content."""
    file = tmp_path / "x.json"
    file.write_text(content)

    with pytest.raises(SettingsError, match=r"x\.json: not (JSON|a JSON object)"):
        read_environ({}, file=file)
    with pytest.raises(SettingsError, match=r"absent\.json"):
        read_environ({}, file=tmp_path / "absent.json")


@pytest.mark.parametrize("content", ['{"a": 1}', '{"Functions": []}'])
def test_read_environ_refuses_an_object_of_something_else(tmp_path: Path, content: str) -> None:
    """All settings would be at their defaults, which looks like an answer."""
    file = tmp_path / "x.json"
    file.write_text(content)

    with pytest.raises(SettingsError, match=r"x\.json: neither what `aws lambda get-function"):
        read_environ({}, file=file)


def test_read_environ_does_not_repeat_a_bad_pair() -> None:
    """It may be a secret whose name was forgotten."""
    with pytest.raises(SettingsError) as raised:
        read_environ({}, given=["hunter2"])

    assert "hunter2" not in str(raised.value)


def test_read_environ_ignores_variables_of_the_build() -> None:
    """They begin alike, and no function has them."""
    sourced = read_environ({f"{PREFIX}PYTHON": "/usr/bin/python3", f"{PREFIX}FLUSH": "end"})

    assert sourced.values == {f"{PREFIX}FLUSH": "end"}
