"""Test the clock that stands still while the environment is frozen."""

import asyncio

import pytest

from emulator.model.clock import Clock
from emulator.model.errors import EmulatorTimeout


def test_clock_stands_still_while_frozen() -> None:
    """A batch must not time out because its environment was frozen."""

    async def work() -> tuple[float, float, str]:
        clock, loop = Clock(), asyncio.get_running_loop()
        begun = loop.time()
        clock.freeze()
        clock.freeze()
        loop.call_later(0.06, clock.thaw)
        await clock.sleep(0.02)
        slept = loop.time() - begun
        clock.thaw()
        begun = loop.time()
        clock.freeze()
        loop.call_later(0.06, clock.thaw)
        with pytest.raises(EmulatorTimeout) as caught:
            await clock.bounded(loop.create_future(), 0.02)
        return slept, loop.time() - begun, str(caught.value)

    slept, waited, text = asyncio.run(work())

    assert min(slept, waited) > 0.079
    assert text == "no answer within 0.02 s"
