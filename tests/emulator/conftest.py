"""Fixtures of the emulator's tests."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from emulator.cloud import LocalLambda
from emulator.model.function import Function
from tests.emulator.support import make_function, make_layer

HERE = Path(__file__).parent

Start = "Callable[..., LocalLambda]"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., LocalLambda]]:
    """Start emulators that are ended with the test; ``probe`` are the probe's settings, None for no extension."""
    with contextlib.ExitStack() as stack:

        def begin(
            *,
            probe: dict[str, str] | None,
            names: tuple[str, ...] = (),
            timeout_ms: int = 3_000,
            memory_mb: int = 128,
            log_format: Literal["Text", "JSON"] = "Text",
            log_level: str | None = None,
            environment: dict[str, str] | None = None,
            app: str | None = None,
            **settings: Any,
        ) -> LocalLambda:
            code = make_function(tmp_path) if app is None else make_function(tmp_path, app)
            layers = [] if probe is None else [make_layer(tmp_path, *names, settings=probe)]
            function = Function(
                code=code,
                timeout_ms=timeout_ms,
                memory_mb=memory_mb,
                log_format=log_format,
                log_level=log_level,
                environment=environment or {},
            )
            settings.setdefault("layers", layers)
            return stack.enter_context(LocalLambda(function, **settings))

        yield begin


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what starts an emulator on one Python only, as all end-to-end tests."""
    for item in items:
        if item.path.is_relative_to(HERE) and not {"start", "monkeypatch"}.isdisjoint(
            getattr(item, "fixturenames", ())
        ):
            item.add_marker(pytest.mark.end_to_end)
