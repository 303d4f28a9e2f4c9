"""What the emulator raises for its own troubles.

A function that fails is a result, not an exception: these are for a machine, a layer or a call that cannot be
worked with.

    EmulatorError
     +-- EnvironmentDidNotStart   an init that failed, asked about with raise_for_status()
     +-- EmulatorTimeout          a bounded wait that ran out
     +-- ComponentMissing         a runtime client, interpreter or package that is not there
     +-- IsolationRefused         a mount namespace was demanded and the machine refuses it
     +-- MisuseError              a call that makes no sense in the present mode
"""


class EmulatorError(Exception):
    """Base of everything the emulator raises on purpose."""


class EnvironmentDidNotStart(EmulatorError):  # noqa: N818 - reads as the fact it tells
    """The init phase failed; the message ends with the last output of the processes."""


class EmulatorTimeout(EmulatorError):  # noqa: N818 - reads as the fact it tells
    """A bounded wait ran out."""


class ComponentMissing(EmulatorError):  # noqa: N818 - reads as the fact it tells
    """Something that must be installed is not; the message says how to get it."""


class IsolationRefused(EmulatorError):  # noqa: N818 - reads as the fact it tells
    """A mount namespace was demanded and this machine does not allow it."""


class MisuseError(EmulatorError):
    """A call that makes no sense in the present mode."""
