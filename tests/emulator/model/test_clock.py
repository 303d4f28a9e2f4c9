"""Test the clock that stands still while the environment is frozen."""

import asyncio

import pytest

from emulator.model.clock import Clock
from emulator.model.errors import EmulatorTimeout


def test_time_stands_still_while_frozen() -> None:
    """Sleeps and time-outs count running time only."""

    async def work() -> tuple[float, str]:
        clock = Clock()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        clock.freeze()
        clock.freeze()
        loop.call_later(0.2, clock.thaw)
        await clock.sleep(0.05)
        slept = loop.time() - begun
        clock.thaw()
        forever = loop.create_future()
        loop.call_later(0.02, clock.freeze)
        loop.call_later(0.2, clock.thaw)
        begun = loop.time()
        with pytest.raises(EmulatorTimeout) as caught:
            await clock.bounded(forever, 0.1)
        return slept, f"{loop.time() - begun > 0.25} {caught.value}"

    slept, text = asyncio.run(work())

    assert slept > 0.24
    assert text == "True no answer within 0.1 s"
