"""Define the emulator's exceptions.

A function that fails is a result, not an exception. These are for a machine, a layer or a call that the emulator cannot
work with.

    EmulatorError
     +-- EnvironmentDidNotStart   an init phase failed, found by raise_for_status()
     +-- EmulatorTimeout          a bounded wait ran out
     +-- ComponentMissing         a runtime client, interpreter or package is missing
     +-- IsolationRefused         a mount namespace was demanded and the machine refuses it
     +-- MisuseError              a call that makes no sense in the present mode
"""


class EmulatorError(Exception):
    """The base of all exceptions of the emulator."""


class EnvironmentDidNotStart(EmulatorError):  # noqa: N818 - reads as the fact it tells
    """The init phase failed; the message ends with the last output of the processes."""


class EmulatorTimeout(EmulatorError):  # noqa: N818 - reads as the fact it tells
    """A bounded wait ran out."""


class ComponentMissing(EmulatorError):  # noqa: N818 - reads as the fact it tells
    """A component is not installed; the message says how to get it."""


class IsolationRefused(EmulatorError):  # noqa: N818 - reads as the fact it tells
    """A mount namespace was demanded and this machine does not allow it."""


class MisuseError(EmulatorError):
    """A call that makes no sense in the present mode."""
