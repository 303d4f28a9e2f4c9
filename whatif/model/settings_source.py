"""Collect the variables of a function, each with its origin.

Assumes of AWS: ``aws lambda get-function-configuration`` answers ``{"Environment": {"Variables": {...}}, "MemorySize":
..., ...}`` (AWS: Lambda API reference, GetFunctionConfiguration); ``get-function`` has the same under
``Configuration``.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from extension import PREFIX

ENVIRONMENT = "this shell's environment"
GIVEN = "--env"
MEMORY = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
NAME = "AWS_LAMBDA_FUNCTION_NAME"
_OF_INTEREST = (PREFIX, "AWS_LAMBDA_")

_BUILD_VARIABLES = frozenset(
    f"{PREFIX}{name}" for name in ("LAYER_ZIP", "PYTHON", "SERVICES", "TEST_WORKERS")
)
"""Variables of build.sh and the tests, which no function has."""


class SettingsError(Exception):
    """Variables cannot be read; the message says which and why, and never a value."""


class Sourced(NamedTuple):
    """Variables, and the origin of each."""

    values: dict[str, str]
    origins: dict[str, str]


def read_environ(
    environ: Mapping[str, str], *, file: Path | None = None, given: Iterable[str] = ()
) -> Sourced:
    """Collect variables: given ones override the file, which replaces this process's environment.

    Args:
        environ: The environment of this process.
        file: The answer of ``get-function-configuration``, or a plain JSON object of variables. With a file this
            process's environment does not count, since the function has its own.
        given: ``NAME=VALUE`` each; the name of a setting may go without its prefix.

    Raises:
        SettingsError: The file cannot be read, or a given text is not ``NAME=VALUE``.
    """
    values: dict[str, str] = {}
    origins: dict[str, str] = {}
    base = dict(environ) if file is None else _read_file(file)
    sources = [(ENVIRONMENT if file is None else str(file), base)]
    sources.append((GIVEN, dict(_pair(text) for text in given)))
    for origin, variables in sources:
        for name, value in variables.items():
            if name in _BUILD_VARIABLES and origin == ENVIRONMENT:
                continue
            if name.startswith(_OF_INTEREST):
                values[name] = value
                origins[name] = origin
    return Sourced(values, origins)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise SettingsError("--env takes NAME=VALUE")
    return (name if name.startswith(_OF_INTEREST) else PREFIX + name), value


def _read_file(file: Path) -> dict[str, str]:
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    except (ValueError, RecursionError):
        raise SettingsError(f"{file}: not JSON") from None
    if isinstance(document, dict) and isinstance(document.get("Configuration"), dict):
        document = document["Configuration"]
    if not isinstance(document, dict):
        raise SettingsError(f"{file}: not a JSON object")
    return _variables_of(document, file=file)


def _variables_of(document: dict[str, Any], *, file: Path) -> dict[str, str]:
    if not {"Environment", "MemorySize", "FunctionName"} & document.keys():
        found = {name: value for name, value in document.items() if isinstance(value, str)}
        if document and not found:
            raise SettingsError(
                f"{file}: neither what `aws lambda get-function-configuration` answers, nor an object of variables and"
                " their values, which are texts"
            )
        return found
    environment = document.get("Environment")
    variables = environment.get("Variables") if isinstance(environment, dict) else None
    found = {
        name: value
        for name, value in (variables if isinstance(variables, dict) else {}).items()
        if isinstance(value, str)
    }
    if isinstance(document.get("MemorySize"), int):
        found[MEMORY] = str(document["MemorySize"])
    if isinstance(document.get("FunctionName"), str):
        found[NAME] = document["FunctionName"]
    return found
