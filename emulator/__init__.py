"""A local Lambda for people who write extensions; see README.md."""

from __future__ import annotations

from emulator.batcher import DeliveryPolicy
from emulator.cloud import LocalLambda
from emulator.ending import ExtensionEnd, ShutdownResult
from emulator.errors import (
    ComponentMissing,
    EmulatorError,
    EmulatorTimeout,
    EnvironmentDidNotStart,
    IsolationRefused,
    MisuseError,
)
from emulator.frames import Line
from emulator.function import Function
from emulator.invocation import InvokeResult
from emulator.journal import Entry, Journal
from emulator.layers import RootFileSystem
from emulator.starting import InitResult
from emulator.variations import GARBAGE_KINDS, Variations

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
