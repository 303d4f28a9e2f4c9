"""Run Lambda functions and extensions on one machine; README.md is the guide to it."""

from emulator.cloud import LocalLambda as LocalLambda
from emulator.machine.filesystem import RootFileSystem as RootFileSystem
from emulator.machine.frames import Line as Line
from emulator.model.errors import (
    ComponentMissing as ComponentMissing,
    EmulatorError as EmulatorError,
    EmulatorTimeout as EmulatorTimeout,
    EnvironmentDidNotStart as EnvironmentDidNotStart,
    IsolationRefused as IsolationRefused,
    MisuseError as MisuseError,
)
from emulator.model.function import Function as Function
from emulator.model.invocation import InvokeResult as InvokeResult
from emulator.model.journal import Entry as Entry, Journal as Journal
from emulator.model.variations import GARBAGE_KINDS as GARBAGE_KINDS, Variations as Variations
from emulator.phases.init import InitResult as InitResult
from emulator.phases.shutdown import ExtensionEnd as ExtensionEnd, ShutdownResult as ShutdownResult
from emulator.telemetry.batcher import DeliveryPolicy as DeliveryPolicy
