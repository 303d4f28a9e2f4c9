import pytest

from extension.app.flush_control import GAPS_LOOKED_AT, NEAR_MS, FlushControl
from extension.config.parsers import Flush
from extension.config.settings import Settings

START_MS = 1_800_000_000_000
NEAR = 200
FAR = 60_000


def decisions(flush: Flush, gaps_ms: list[int]) -> list[bool]:
    """The decision for a first invocation, and for one after each gap."""
    flush_control = FlushControl(Settings(flush=flush))
    deadline_ms = START_MS
    held = [flush_control.holds(deadline_ms=deadline_ms)]
    for gap_ms in gaps_ms:
        deadline_ms += gap_ms
        held.append(flush_control.holds(deadline_ms=deadline_ms))
    return held


@pytest.mark.parametrize("gap_ms", [NEAR, FAR])
@pytest.mark.parametrize(("flush", "holds"), [(Flush.END, True), (Flush.BACKGROUND, False)])
def test_end_always_holds_and_background_never(flush: Flush, holds: bool, gap_ms: int) -> None:
    """However near the next invocation is, and not even for the first one."""
    assert decisions(flush, [gap_ms] * 8) == [holds] * 9


def test_adaptive_starts_by_holding() -> None:
    """Until a burst has been seen, an invocation may be the last one today."""
    held = decisions(Flush.ADAPTIVE, [NEAR] * (GAPS_LOOKED_AT + 2))

    assert held == [True] * GAPS_LOOKED_AT + [False] * 3


def test_one_silence_ends_a_burst() -> None:
    """One long gap, and invocations are held again until as many near ones have followed."""
    burst = [NEAR] * GAPS_LOOKED_AT
    held = decisions(Flush.ADAPTIVE, [*burst, FAR, *burst])

    assert held[GAPS_LOOKED_AT] is False
    assert held[GAPS_LOOKED_AT + 1 :] == [True] * GAPS_LOOKED_AT + [False]


@pytest.mark.parametrize(
    ("gap_ms", "held"),
    [(0, False), (NEAR_MS, False), (NEAR_MS + 1, True), (-1, True), (-3_600_000, True)],
)
def test_gaps_decide_whether_the_next_invocation_is_near(gap_ms: int, held: bool) -> None:
    """Up to the bound is near; a clock that went backwards says nothing, so it is not."""
    assert decisions(Flush.ADAPTIVE, [gap_ms] * GAPS_LOOKED_AT)[-1] is held


def test_a_clock_that_went_backwards_once_is_got_over() -> None:
    """One jump back holds for a while, and then the gaps count again."""
    held = decisions(Flush.ADAPTIVE, [-FAR, *[NEAR] * GAPS_LOOKED_AT])

    assert held == [True] * (GAPS_LOOKED_AT + 1) + [False]


@pytest.mark.parametrize("flush", [Flush.END, Flush.ADAPTIVE])
def test_giving_up_is_for_good(flush: Flush) -> None:
    """Where ends never come, holding would cost the whole timeout each time, so there is none any more."""
    flush_control = FlushControl(Settings(flush=flush))
    before = flush_control.holds(deadline_ms=START_MS)

    flush_control.give_up()

    assert before
    assert not any(
        flush_control.holds(deadline_ms=START_MS + FAR * number) for number in range(1, 9)
    )
