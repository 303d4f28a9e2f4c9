"""A local Lambda for people who write extensions; see README.md."""

from __future__ import annotations

from emulator.cloud import LocalLambda
from emulator.machine.filesystem import RootFileSystem
from emulator.machine.frames import Line
from emulator.model.errors import (
    ComponentMissing,
    EmulatorError,
    EmulatorTimeout,
    EnvironmentDidNotStart,
    IsolationRefused,
    MisuseError,
)
from emulator.model.function import Function
from emulator.model.invocation import InvokeResult
from emulator.model.journal import Entry, Journal
from emulator.model.variations import GARBAGE_KINDS, Variations
from emulator.phases.init import InitResult
from emulator.phases.shutdown import ExtensionEnd, ShutdownResult
from emulator.telemetry.batcher import DeliveryPolicy

__all__ = [
    "GARBAGE_KINDS",
    "ComponentMissing",
    "DeliveryPolicy",
    "EmulatorError",
    "EmulatorTimeout",
    "Entry",
    "EnvironmentDidNotStart",
    "ExtensionEnd",
    "Function",
    "InitResult",
    "InvokeResult",
    "IsolationRefused",
    "Journal",
    "Line",
    "LocalLambda",
    "MisuseError",
    "RootFileSystem",
    "ShutdownResult",
    "Variations",
]
