from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from attach.cloud.command import Aws, Stop
from tests.services.aws_command import command_environ

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def told() -> list[str]:
    """Give the lines of progress."""
    return []


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> Callable[..., Aws]:
    """Give what makes an aws command that asks the control plane, with a fault and what others do."""

    def make(fault: str = "", *aside: tuple[str, str, Any]) -> Aws:
        for name, value in command_environ(fault, aside).items():
            monkeypatch.setenv(name, value)
        return Aws("", "eu-west-1", Stop(), told.append)

    return make
