"""SHUTDOWN where a function of 128 MB has its share of a processor, and Lambda kills what outlasts the deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.control_plane.cpu_share import means
from tests.chaos.shutdown import Case, shut_down

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024

pytestmark = pytest.mark.skipif(
    means() == "stop and go",
    reason="no control group can be made here: only that gives an exact share",
)


@pytest.mark.parametrize(
    ("redact", "size_bytes"), [("", MIB), ("all", MIB // 4)], ids=["as written", "masked"]
)
@pytest.mark.parametrize("sink", ["stalls", "denies"])
def test_what_a_failed_invocation_wrote_is_out_before_the_deadline(
    layer_dir: Path, tmp_path: Path, sink: str, redact: str, size_bytes: int
) -> None:
    """With the account, and none of it unmasked. ``./build.sh chaos --shutdown`` measures more, on a machine of its own."""
    ended = shut_down(Case(True, redact, size_bytes, sink), layer_dir, tmp_path)

    assert ended.printed == ended.written
    assert bool(ended.shown) == (not redact)
    assert ended.account is not None
    assert ended.account["handed_to_stdout_lines"] == ended.written
