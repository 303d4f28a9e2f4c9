import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.control_plane import cpu_share
from bench.control_plane.cpu_share import SHARE, CpuGroup, Held, controllers, means


@pytest.fixture
def process() -> Iterator["subprocess.Popen[bytes]"]:
    """Start a process that ends with its standard input."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as started:
        yield started
        started.kill()


def ends(process: "subprocess.Popen[bytes]") -> bool:
    process.communicate(b"\n", timeout=20)
    return process.returncode == 0


def is_stopped(process: "subprocess.Popen[bytes]") -> bool:
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    return os.WIFSTOPPED(status)


@pytest.mark.parametrize(
    ("share", "period_us", "files"),
    [
        (
            0.0725,
            20_000,
            [
                {"cpu.cfs_period_us": "20000", "cpu.cfs_quota_us": "1450"},
                {"cpu.max": "1450 20000"},
            ],
        ),
        (
            0.0725,
            100_000,
            [
                {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "7250"},
                {"cpu.max": "7250 100000"},
            ],
        ),
        (
            None,
            100_000,
            [
                {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "-1"},
                {"cpu.max": "max 100000"},
            ],
        ),
    ],
)
def test_share_is_written_as_each_version_of_control_groups_has_it(
    share: float | None, period_us: int, files: list[dict[str, str]]
) -> None:
    """Microseconds of processor time in a period."""
    assert [one.limit(share, period_us) for one in controllers(Path("/"))] == files


def test_version_that_is_not_there_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder without the controller's files gives no share, and nothing is left in it."""
    (tmp_path / "cpu").mkdir()
    for folder in (tmp_path, tmp_path / "cpu"):
        (folder / "cgroup.procs").touch()
    monkeypatch.setattr(cpu_share, "ROOT", tmp_path)

    assert means() == "stop and go"
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_dir()) == ["cpu"]


@pytest.mark.skipif(means() == "stop and go", reason="no control group can be made here")
def test_group_limits_its_processes_and_leaves_nothing(
    process: "subprocess.Popen[bytes]",
) -> None:
    """The process goes on without a limit when the group has gone."""
    with CpuGroup("test") as group:
        group.add(process.pid)
        group.limit(SHARE)
        within = Path(f"/proc/{process.pid}/cgroup").read_text()
        folder = next(cpu_share.ROOT.rglob(f"flight-recorder-{os.getpid()}-test"))
        limits = [
            path.read_text().split()[0]
            for path in folder.glob("cpu.*")
            if "7250" in path.read_text()
        ]

    assert f"flight-recorder-{os.getpid()}-test" in within
    assert limits == ["7250"]
    assert not folder.exists()
    assert ends(process)


def test_busy_process_without_a_group_stops_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stopped when it has used up its share of a period, and never at the end."""
    monkeypatch.setattr(cpu_share, "ROOT", tmp_path)
    with (
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy,
        CpuGroup("test") as group,
    ):
        group.add(busy.pid)
        group.limit(SHARE)
        stopped = is_stopped(busy)
        group.limit(None)
        _, status = os.waitpid(busy.pid, os.WCONTINUED)
        busy.kill()

    assert group.means == "stop and go"
    assert stopped
    assert os.WIFCONTINUED(status)


def test_process_goes_on_when_nobody_holds_it_any_longer(
    process: "subprocess.Popen[bytes]",
) -> None:
    """A freeze may fall into a stop of the processor's share."""
    held = Held(process.pid)
    with held:
        with held:
            pass
        assert is_stopped(process)

    assert ends(process)
