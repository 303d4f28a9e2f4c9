"""Fixtures of the emulator's tests."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.cloud import LocalLambda
from emulator.model.function import Function
from tests.doubles.emulator.probe import APP, Start, make_function, make_layer

HERE = "tests/emulator/"
FUNCTION_FIELDS = {field.name for field in dataclasses.fields(Function)}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start emulators that end with the test; ``probe`` are the probe's settings, None for no extension."""
    with contextlib.ExitStack() as stack:

        def begin(
            *,
            probe: dict[str, str] | None,
            names: tuple[str, ...] = (),
            app: str = APP,
            **settings: Any,
        ) -> LocalLambda:
            configured = {name: settings.pop(name) for name in FUNCTION_FIELDS & set(settings)}
            function = Function(code=make_function(tmp_path, app), **configured)
            layers = [] if probe is None else [make_layer(tmp_path, *names, settings=probe)]
            return stack.enter_context(LocalLambda(function, **{"layers": layers, **settings}))

        yield begin


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what starts an emulator on one Python only, as all end-to-end tests."""
    for item in items:
        if item.nodeid.startswith(HERE) and not {"start", "monkeypatch"}.isdisjoint(
            getattr(item, "fixturenames", ())
        ):
            item.add_marker(pytest.mark.end_to_end)
