"""The command as a process, with the real aws command and moto behind it."""

import os
import pty
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.doubles.golden_events import (
    FIRST_MS,
    request_id,
    written_to_cloudwatch,
    written_to_file,
)
from tests.doubles.kept import ndjson, record, summary
from tests.doubles.kept_group import AGO_MS, kept_group, put
from tests.services.aws import REGION, moto
from tests.services.environment import unique
from tests.templates.validators import aws_environ

ROOT = Path(__file__).resolve().parents[2]
RUN_S = 90
ORDER = {"correlationId": "order-7"}


class Run(NamedTuple):
    """What came of a run."""

    status: int
    out: str
    err: str


def environ(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def show(folder: Path, *words: str, given: Mapping[str, str] | None = None) -> Run:
    done = subprocess.run(
        [sys.executable, "-m", "show", *words],
        cwd=folder,
        env={**environ(), **(given or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_S,
    )
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.fixture(name="folder")
def folder_with_a_file(tmp_path: Path) -> Path:
    (tmp_path / "kept.ndjson").write_text(written_to_file("history"), encoding="utf-8")
    return tmp_path


def test_failures_of_a_file_are_listed(folder: Path) -> None:
    """And nothing is written."""
    done = show(folder, "kept.ndjson")

    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("2 failures among 3 kept invocations in kept.ndjson.")
    assert [path.name for path in folder.iterdir()] == ["kept.ndjson"]


def test_an_invocation_of_a_file_is_shown_with_its_history(folder: Path) -> None:
    """By the beginning of its id."""
    done = show(folder, "kept.ndjson", request_id(5)[:8])

    assert done.status == 0
    order = [done.out.index(part) for part in ("level-error", "\tboom"[1:], "History", "healthy 3")]
    assert order == sorted(order)


def test_a_page_is_written_where_it_is_asked_for(folder: Path) -> None:
    """To no folder that is not there; that is told before anything is read."""
    done = show(folder, "kept.ndjson", "--html", "page.html")
    missing = show(folder, "kept.ndjson", "--html", "no/page.html")

    assert "The page: page.html" in done.out
    assert (folder / "page.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert (missing.status, missing.out) == (2, "")
    assert "no such folder" in missing.err


def test_an_id_that_is_not_there_says_what_was_looked_at(folder: Path) -> None:
    """With status 1, as when several ids begin so."""
    nothing = show(folder, "kept.ndjson", "zzz")
    several = show(folder, "kept.ndjson", "000000")

    assert nothing.status == several.status == 1
    assert "begins with zzz, in kept.ndjson." in nothing.out
    assert request_id(5) in several.out
    assert "Write more of the one that you mean." in several.out


def test_no_failures_are_good_news(tmp_path: Path) -> None:
    """It says what was looked at."""
    (tmp_path / "kept.ndjson").write_text(ndjson(summary(9, outcome="success")), encoding="utf-8")

    done = show(tmp_path, "kept.ndjson")

    assert done.status == 0
    assert "0 failures among 1 kept invocation in kept.ndjson." in done.out


def test_a_reader_may_stop_early(tmp_path: Path) -> None:
    """As head does; that is no error."""
    stated = (summary(9, request=n, id=f"e{n}-1") for n in range(400))
    (tmp_path / "kept.ndjson").write_text(ndjson(*stated), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "show", "kept.ndjson"],
        cwd=tmp_path,
        env=environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        process.stdout.close()
        said = process.stderr.read()

    assert (process.returncode, said) == (0, b"")


def test_standard_input_is_read(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "show", "-"],
        env=environ(),
        input=written_to_file("history"),
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_S,
    )

    assert "2 failures" in done.stdout


@pytest.mark.parametrize(("given", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_has_colours_and_its_width(
    folder: Path, given: dict[str, str], *, coloured: bool
) -> None:
    """A terminal of 70 columns breaks no row; NO_COLOR is obeyed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "show", "kept.ndjson"],
        cwd=folder,
        env=environ(COLUMNS="70", TERM="xterm", **given),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.STDOUT,
    )
    os.close(theirs)
    out = b""
    try:
        while part := os.read(ours, 65536):
            out += part
    except OSError:  # Linux's answer when the other end is closed
        pass
    os.close(ours)

    assert process.wait(RUN_S) == 0
    assert (b"\x1b[31m" in out) is coloured
    plain = out.decode().replace("\x1b[31m", "").replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert max(map(len, plain.replace("\r", "").split("\n"))) <= 80


@pytest.mark.services
@pytest.mark.timeout(240)
def test_a_transaction_is_followed_through_groups_buckets_and_files(tmp_path: Path) -> None:
    """One invocation whole, from a group; another of its transaction from a second group, and one from a file."""
    aws = moto()
    shift_ms = int(time.time() * 1000) - AGO_MS - FIRST_MS
    first = kept_group(aws)
    other = written_to_cloudwatch("sink-cloudwatch-records", shift_ms=shift_ms)
    moved = [
        {**event, "message": event["message"].replace("00000001-", "000000aa-")}
        for event in other.events
    ]
    second = put(aws, other._replace(events=moved), group=f"/flight-recorder/{unique('pay')}")
    told = summary(20, request=77, correlationId="cart-17", function="mail")
    (tmp_path / "kept.ndjson").write_text(ndjson(record(19, "x", request=77), told), "utf-8")

    done = show(
        tmp_path,
        *("kept.ndjson", "--region", REGION, "--html", "page.html"),
        *("--group", first, second, request_id(1)[:9]),
        given=aws_environ(aws),
    )

    assert done.status == 0, done.err
    assert "10 of 10 that it wrote" in done.out
    assert "loading the shop" in done.out
    whole, _, transaction = done.out.partition("The transaction")
    assert "2 other invocations" in transaction
    assert "mail" in transaction
    assert "000000aa" in transaction
    assert "stream 2026/11/24/[7]f11e000000000001" in whole
    assert "The transaction" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.services
@pytest.mark.timeout(240)
def test_a_missing_group_or_region_is_one_sentence(tmp_path: Path) -> None:
    """With status 2, and without a traceback."""
    given = {**aws_environ(moto()), "HOME": str(tmp_path)}
    without_region = {
        name: value
        for name, value in given.items()
        if name not in ("AWS_REGION", "AWS_DEFAULT_REGION")
    }

    missing = show(tmp_path, "--group", "/not/there", given=given)
    unplaced = show(tmp_path, "--group", "/not/there", given=without_region)
    nothing = show(tmp_path)

    assert [run.status for run in (missing, unplaced, nothing)] == [2, 2, 2]
    assert missing.err.count("\n") == unplaced.err.count("\n") == nothing.err.count("\n") == 1
    assert "there is no log group /not/there" in missing.err
    assert "add --region, or set AWS_REGION" in unplaced.err
    assert "name what to look at" in nothing.err
