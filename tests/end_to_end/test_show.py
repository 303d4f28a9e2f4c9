"""What the layer delivers is what `./build.sh show` shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.support import Delivered, wrote
from tests.services.aws import REGION, moto
from tests.services.environment import unique
from tests.templates.validators import aws_environ

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.end_to_end.support import Run

ROOT = Path(__file__).resolve().parents[2]
SHOW_S = 60

APP = """
import json, logging
log = logging.getLogger()
log.setLevel("INFO")

def handler(event, context):
    print(json.dumps({"correlation_id": "order-7", "step": event["step"]}))
    log.info("cargo-5d1f step %s", event["step"])
    print("cargo-5d1f two\\nlines \\u20ac")
    if event["step"] == 3:
        raise ValueError("cargo-5d1f no price")
"""


def show(folder: Path, *words: str, environ: Mapping[str, str]) -> str:
    """Run the command, and give what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "show", *words],
        cwd=folder,
        env={**environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=SHOW_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown_lines(out: str) -> list[str]:
    """Give the lines of the invocation that are shown, without times and levels."""
    rows = out.partition("\nHistory\n")[0].split("\n")
    return [
        row[19:]
        for row in rows
        if (row[:2].isdigit() and row[2] == ":") or row.startswith(" " * 19)
    ]


def test_an_invocation_of_a_file_is_shown_whole(run: Run, sink_path: Path, tmp_path: Path) -> None:
    """With its history: the lines of the two invocations before it, which were let go of."""
    with run(APP, history=2, platform_events="none") as cloud:
        results = [cloud.invoke({"step": step}) for step in (1, 2, 3)]
    failed = results[-1].request_id

    listed = show(tmp_path, str(sink_path), environ={})
    out = show(tmp_path, str(sink_path), failed, environ={})

    assert "1 failure among 1 kept invocation" in listed
    assert "ValueError: cargo-5d1f no price" in listed
    expected = [
        part
        for text in wrote(cloud, failed)
        for part in text.rstrip("\n").expandtabs(4).split("\n")
    ]
    assert [line for line in shown_lines(out) if not line.startswith("end: ")] == [
        part.rstrip() for part in expected
    ]
    assert "Lines of 2 earlier invocations" in out
    assert "step 2" in out.partition("\nHistory\n")[2]
    assert len(Delivered.read(sink_path).lines(failed)) == len(wrote(cloud, failed))


@pytest.mark.services
@pytest.mark.timeout(180)
@pytest.mark.parametrize("form", ["cloudwatch", "records+cloudwatch", "own+cloudwatch"])
def test_an_invocation_of_a_log_group_is_shown_whole(run: Run, tmp_path: Path, form: str) -> None:
    """In both forms, and in the function's own group, by its correlation id; the report is there as well."""
    aws, group = moto(), unique("/kept")
    with run(APP, sink=f"{form}:{group}", variables=aws.environ()) as cloud:
        results = [cloud.invoke({"step": step}) for step in (1, 3)]
    failed = results[-1].request_id

    words = ("--group", group, "order-7", "--region", REGION)
    out = show(tmp_path, *words, environ=aws_environ(aws))

    assert failed in out.split("\n")[0]
    assert f"{len(wrote(cloud, failed))} of {len(wrote(cloud, failed))} that it wrote" in out
    assert "cargo-5d1f two" in shown_lines(out)
    assert "lines \u20ac" in shown_lines(out)
    assert f"REPORT RequestId: {failed}" in out
