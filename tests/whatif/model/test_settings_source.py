import json
from pathlib import Path

import pytest

from extension import PREFIX
from whatif.model.settings_source import ENVIRONMENT, GIVEN, SettingsError, read_environ

RATE = f"{PREFIX}SAMPLE_RATE"


def test_variables_come_from_the_environment_and_the_command_line() -> None:
    """What is given wins, with or without the prefix; what is no setting of ours is left out."""
    found = read_environ(
        {RATE: "1%", f"{PREFIX}FLUSH": "end", "HOME": "/"}, given=["SAMPLE_RATE=5%"]
    )

    assert found.values == {RATE: "5%", f"{PREFIX}FLUSH": "end"}
    assert found.origins == {RATE: GIVEN, f"{PREFIX}FLUSH": ENVIRONMENT}


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_function_s_configuration_is_read(tmp_path: Path, wrapped: bool) -> None:
    """get-function-configuration and get-function are both read, with the memory; this shell's variables do not count."""
    answer = {
        "FunctionName": "shop",
        "MemorySize": 1024,
        "Environment": {"Variables": {RATE: "2%"}},
    }
    file = tmp_path / "configuration.json"
    file.write_text(json.dumps({"Configuration": answer} if wrapped else answer))

    found = read_environ({RATE: "1%"}, file=file)

    assert found.values == {
        RATE: "2%",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_FUNCTION_NAME": "shop",
    }
    assert found.origins[RATE] == str(file)


def test_a_plain_object_of_variables_is_read(tmp_path: Path) -> None:
    """So that a part of a template can be tried."""
    file = tmp_path / "variables.json"
    file.write_text(json.dumps({RATE: "2%", "OTHER": 7}))

    assert read_environ({}, file=file).values == {RATE: "2%"}


@pytest.mark.parametrize("content", ["", "[]", '{"a":'])
def test_a_file_that_is_something_else_is_said(tmp_path: Path, content: str) -> None:
    """The message names the file, and nothing that is in it."""
    file = tmp_path / "x.json"
    file.write_text(content)

    with pytest.raises(SettingsError, match=r"x\.json: not (JSON|a JSON object)"):
        read_environ({}, file=file)
    with pytest.raises(SettingsError, match=r"absent\.json"):
        read_environ({}, file=tmp_path / "absent.json")


def test_a_pair_that_is_none_is_not_repeated() -> None:
    """It may be a secret whose name was forgotten."""
    with pytest.raises(SettingsError) as raised:
        read_environ({}, given=["hunter2"])

    assert "hunter2" not in str(raised.value)


def test_the_build_scripts_own_variables_are_no_settings() -> None:
    """They begin alike, and whoever sets them does not mean the function."""
    sourced = read_environ({f"{PREFIX}PYTHON": "/usr/bin/python3", f"{PREFIX}FLUSH": "end"})

    assert sourced.values == {f"{PREFIX}FLUSH": "end"}
