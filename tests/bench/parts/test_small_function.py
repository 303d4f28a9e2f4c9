import os
import sys
from pathlib import Path

import pytest

from bench.parts import small_function
from bench.parts.environments import Case
from bench.parts.small_function import SHARES, Share, live
from bench.subjects import KEEPING, Bench, Subject

PROGRAM = Path(__file__).resolve().parents[3] / "bench" / "programs" / "floor.py"


@pytest.mark.parametrize("share", SHARES, ids=[share.told for share in SHARES])
def test_lines_are_delivered_when_the_function_is_done(
    share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are posted then, whatever the share."""
    monkeypatch.setattr(small_function, "FUNCTION_MS", 1.0)
    floor = Subject(
        name=KEEPING,
        command=(sys.executable, "-ISB", str(PROGRAM), "keep", "hold"),
        environ=dict(os.environ),
    )
    bench = Bench(
        python=Path(sys.executable),
        version="",
        subjects={KEEPING: floor},
        beside=(),
        ways={},
        brings_python=False,
        quick=True,
        scratch=Path(),
    )

    lived = live(bench, Case(KEEPING, floor, is_https=False), share)

    assert 0 < lived.done_ms < lived.sink_ms
