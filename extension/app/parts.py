"""The parts of one environment, as the main loop drives them."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from extension.app.flush_control import FlushControl
from extension.delivery.delivery import Delivery
from extension.diagnostics.account import Account
from extension.diagnostics.log import OwnLog
from extension.lambda_api import ExtensionsApi
from extension.lambda_api.listener import Listener
from extension.recorder.recorder import Recorder
from extension.recorder.tail_sampler import TailSampler

if TYPE_CHECKING:
    import select

    from extension.app.settings_refresh import SettingsRefresh

INTERNAL_ERROR = "internal error; one batch or event is lost, and recording goes on"


class Parts(NamedTuple):
    """Everything that the main loop drives.

    Attributes:
        api: registered.
        listener: receives batches; None where Lambda delivers none, so that there is nothing to hold Next for.
        poll: the object that ``listener`` registers its connections with.
        renewal: fetches settings that are references; None where there are none.
        monotonic_s: a clock that does not jump, in seconds.
        wall_s: seconds since 1970, to read ``deadlineMs`` by.
    """

    api: ExtensionsApi
    listener: Listener | None
    poll: "select.poll"
    recorder: Recorder
    sampler: TailSampler
    delivery: Delivery
    flush_control: FlushControl
    account: Account
    log: OwnLog
    renewal: "SettingsRefresh | None" = None
    monotonic_s: Callable[[], float] = time.monotonic
    wall_s: Callable[[], float] = time.time
