"""Commands whose output is read in part, as by head."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doubles import shop_logs

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.newest
@pytest.mark.parametrize(
    "words", [["whatif.explain"], ["whatif", "shop.log", "--no-html"], ["show", "kept.ndjson"]]
)
def test_reader_may_leave_early(words: list[str], tmp_path: Path) -> None:
    """Nothing is said on standard error, and the status is that of success."""
    (tmp_path / "shop.log").write_text(shop_logs.tail(shop_logs.shop()), encoding="utf-8")
    (tmp_path / "kept.ndjson").write_text(json.dumps({"id": "a-1", "weight": 1}) + "\n")

    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=50)

    assert (err, process.returncode) == (b"", 0)
