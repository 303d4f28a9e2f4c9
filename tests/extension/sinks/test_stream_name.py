"""What the stream of an environment is called, and how the next process in it finds the name."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from extension.sinks.stream_name import (
    StreamName,
    is_stream_name,
    keep_name,
    name_file,
    stream_name,
)

ROOT = Path(__file__).resolve().parents[3]
NOON_S = 1_796_040_000.0
TODAY, YESTERDAY, EARLIER = "2026/11/30", "2026/11/29", "2026/11/28"
OWN, OTHER = f"{TODAY}/[7]0123456789abcdef", f"{TODAY}/[7]fedcba9876543210"
LAMBDAS = f"{TODAY}/[7]22be53a8cfde4e68b844f8ec293b2543"

KEEPS = """
import resource, sys
from extension.sinks.stream_name import keep_name

path, name, environment_id, file_bytes = sys.argv[1:]
if file_bytes:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(file_bytes), int(file_bytes)))
kept = keep_name(
    name, path=path, environment_id=environment_id, is_known=False, is_copied=False, at_s=1_796_040_000.0
)
print(kept.name, flush=True)
sys.stdin.read()
"""
"""A process that keeps a name for as long as it lives."""


class Process:
    """A real process that keeps a name, and its name."""

    def __init__(self, path: Path, name: str, *, file_bytes: str = "") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", KEEPS, str(path), name, name[-16:], file_bytes],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.name = self._process.stdout.readline().strip()

    def end(self) -> None:
        """End it as Lambda does after a crash."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def process() -> Iterator[Callable[..., Process]]:
    made: list[Process] = []

    def make(path: Path, name: str, *, file_bytes: str = "") -> Process:
        made.append(Process(path, name, file_bytes=file_bytes))
        return made[-1]

    yield make
    for one in made:
        one.end()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(name_file(str(tmp_path), function="shop", version="7"))


def keep(
    path: Path,
    name: str = OWN,
    *,
    environment_id: str = OWN[-16:],
    is_known: bool = False,
    is_copied: bool = False,
) -> str:
    return kept(
        path, name, environment_id=environment_id, is_known=is_known, is_copied=is_copied
    ).name


def kept(
    path: Path,
    name: str = OWN,
    *,
    environment_id: str = OWN[-16:],
    is_known: bool = False,
    is_copied: bool = False,
) -> StreamName:
    return keep_name(
        name,
        path=str(path),
        environment_id=environment_id,
        is_known=is_known,
        is_copied=is_copied,
        at_s=NOON_S,
    )


@pytest.mark.parametrize("is_known", [False, True])
def test_stream_is_new_until_a_process_has_kept_its_name(
    path: Path, is_known: bool, end_process: Callable[[], None]
) -> None:
    """The process that follows a crash finds the stream; until then there can be none."""
    first, second_sink = (kept(path, is_known=is_known) for _ in range(2))
    end_process()
    after_a_crash = kept(path, is_known=is_known)

    assert [first, second_sink, after_a_crash] == [
        StreamName(OWN, is_new=True),
        StreamName(OWN),
        StreamName(OWN),
    ]


def test_stream_does_not_count_as_new_where_its_name_cannot_be_kept(tmp_path: Path) -> None:
    """After each crash the next process would ask for it again, and the quota of streams is the small one."""
    assert kept(tmp_path / "missing" / "file") == StreamName(OWN)


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "version", "name"),
    [
        ("0123456789abcdef", "$LATEST", f"{TODAY}/[$LATEST]0123456789abcdef"),
        ("82561ce0-53dd-47d1-90e0-c8f5e063e62e", "7", f"{TODAY}/[7]82561ce0-53dd-47d1-90e0-c8f5e063e62e"),
        ("i:1*", "a:*b", f"{TODAY}/[a__b]i_1_"),
        (LAMBDAS, "8", LAMBDAS),
        (f"{EARLIER}/[$LATEST]22be53a8", "8", f"{EARLIER}/[$LATEST]22be53a8"),
        (
            "2024/04/25/hello-world[$LATEST]22be53a8cfde4e68b844f8ec293b2543",
            "$LATEST",
            "2024/04/25/hello-world[$LATEST]22be53a8cfde4e68b844f8ec293b2543",
        ),
        ("2024/04/25/a:b[1]2*", "1", "2024/04/25/a_b[1]2_"),
        ("2024/04/25/no-version", "1", f"{TODAY}/[1]2024/04/25/no-version"),
        ("x" * 512, "1", f"{TODAY}/[1]" + "x" * 498),
        ("2024/04/25/[1]" + "x" * 498, "1", "2024/04/25/[1]" + "x" * 498),
    ],
)  # fmt: skip
def test_stream_is_called_what_the_functions_own_is_called(
    environment: str, version: str, name: str
) -> None:
    """Lambda's id as a rule is that name; any other id stands in the same place of one, within CloudWatch's bounds."""
    assert stream_name(environment, version=version, at_s=NOON_S) == name
    assert len(name) <= 512


@pytest.mark.parametrize(
    ("function", "version", "name"),
    [
        ("shop", "$LATEST", "flight-recorder-shop-$LATEST.stream"),
        ("../a/b", "7", "flight-recorder-.._a_b-7.stream"),
        ("ä\n", "", "flight-recorder-__-.stream"),
        ("x" * 300, "7", "flight-recorder-" + "x" * 200 + ".stream"),
    ],
)
def test_file_is_called_after_function_and_version(function: str, version: str, name: str) -> None:
    """Several functions may share a folder, as in local emulators; no name leads out of it."""
    assert name_file("/tmp", function=function, version=version) == f"/tmp/{name}"


# Two processes of one environment, and of two --------------------------------------------------------------------------


def test_next_process_of_the_environment_finds_the_name(
    path: Path, process: Callable[..., Process]
) -> None:
    """A crash ends a process, and /tmp stays: one stream for each crash is more than an account may create."""
    first = process(path, OWN)
    first.end()

    second = process(path, OTHER)

    assert [first.name, second.name] == [OWN, OWN]
    assert path.read_text() == f"{OWN}\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_living_processes_never_share_a_stream(
    path: Path, process: Callable[..., Process]
) -> None:
    """Environments of an emulator may have one /tmp: who is not the first has a name of its own."""
    first, second = process(path, OWN), process(path, OTHER)
    third = f"{TODAY}/[7]1111111111111111"
    first.end()

    assert [first.name, second.name] == [OWN, OTHER]
    assert process(path, third).name == OWN
    assert process(path, third).name == third


def test_sinks_of_one_process_share_the_name(path: Path) -> None:
    """SINK and ARCHIVE_SINK may both be log groups; a settings' change opens a sink anew."""
    assert [keep(path), keep(path), keep(path)] == [OWN] * 3


def test_process_that_keeps_another_file_gives_the_first_one_up(
    path: Path, process: Callable[..., Process]
) -> None:
    """No more than one is open, whatever the names of functions and versions are."""
    keep(path)
    keep(path.with_name("another"), OTHER)

    assert process(path, OTHER).name == OWN
    assert process(path.with_name("another"), OWN).name == OWN
    assert path.with_name("another").read_text() == f"{OTHER}\n"


# What Lambda tells, and snapshots --------------------------------------------------------------------------------------


def test_known_name_wins_over_the_file_and_is_written(
    path: Path, end_process: Callable[[], None]
) -> None:
    """The file has what an earlier process knew. The next process may deliver before it is told anything."""
    path.write_text(f"{OTHER}\n")

    known = keep(path, LAMBDAS, is_known=True)
    end_process()

    assert known == LAMBDAS
    assert path.read_text() == f"{LAMBDAS}\n"
    assert keep(path) == LAMBDAS


def test_name_that_becomes_known_later_is_used_and_written(path: Path) -> None:
    """A batch may have reached the sink before; the other sink of the process has the new name, too."""
    names = [keep(path), keep(path, LAMBDAS, is_known=True), keep(path)]

    assert names == [OWN, LAMBDAS, LAMBDAS]
    assert path.read_text() == f"{LAMBDAS}\n"


def test_copy_of_a_snapshot_forgets_the_name(path: Path) -> None:
    """All copies have the snapshot's memory and files; each takes a name of its own, and writes that."""
    names = [keep(path), keep(path, OTHER, environment_id=OTHER[-16:])]

    assert names == [OWN, OTHER]
    assert path.read_text() == f"{OTHER}\n"


def test_file_that_may_be_a_snapshots_is_not_believed(path: Path) -> None:
    """A process of the snapshot may have ended before it was taken."""
    path.write_text(f"{OTHER}\n")

    assert keep(path, is_copied=True) == OWN
    assert path.read_text() == f"{OWN}\n"


# What cannot be had ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "is_believed"),
    [
        (f"{OTHER}\n", True),
        (f"{YESTERDAY}/[7]fedcba9876543210\n", True),
        (f"{TODAY}/shop[$LATEST]fedcba9876543210\n", True),
        (f"{EARLIER}/[7]fedcba9876543210\n", False),
        ("", False),
        ("\n", False),
        (OTHER, False),
        (f"{OTHER}\nmore\n", False),
        (f"{OTHER} \n", False),
        ("fedcba9876543210\n", False),
        (f"{TODAY}/[7]a:b\n", False),
        (f"{TODAY}/[7]a*b\n", False),
        (f"{TODAY}/[7]\x00\n", False),
        (f"{TODAY}/[7]ä\n", False),
        (f"{TODAY}/[7]{'x' * 498}\n", True),
        (f"{TODAY}/[7]{'x' * 499}\n", False),
        ("x" * 1_000_000, False),
    ],
)
def test_file_is_believed_if_it_holds_a_recent_name_and_nothing_else(
    path: Path, content: str, is_believed: bool
) -> None:
    """The function can write to the same folder, and the disk may have been full."""
    path.write_text(content)

    kept = keep(path)

    assert kept == (content.strip() if is_believed else OWN)
    assert path.read_text() == f"{kept}\n"
    assert is_stream_name(kept)


def a_directory(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_link(path: Path) -> None:
    (path.parent / "elsewhere").write_text(f"{OTHER}\n")
    path.symlink_to(path.parent / "elsewhere")


def nothing(path: Path) -> None:
    path.parent.rmdir()


@pytest.mark.parametrize("place", [a_directory, a_pipe, a_link, nothing])
def test_place_that_cannot_be_used_leaves_the_processes_own_name(
    path: Path, place: Callable[[Path], None]
) -> None:
    """A link may lead to a file of somebody else's; a folder may be missing or read only."""
    place(path)

    names = [
        keep(path),
        keep(path),
        keep(path, LAMBDAS, is_known=True),
        keep(path, OTHER, environment_id=OTHER[-16:]),
    ]

    assert names == [OWN, OWN, LAMBDAS, OTHER]
    elsewhere = path.parent / "elsewhere"
    assert not elsewhere.exists() or elsewhere.read_text() == f"{OTHER}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_file_of_somebody_else_is_left_alone(path: Path) -> None:
    """On a machine with several users."""
    path.write_text(f"{OTHER}\n")
    os.chown(path, 12345, -1)

    assert keep(path) == OWN
    assert path.read_text() == f"{OTHER}\n"


@pytest.mark.parametrize("file_bytes", ["0", "20"])
def test_disk_that_is_full_changes_the_name_alone(
    path: Path, process: Callable[..., Process], file_bytes: str
) -> None:
    """Half a name would be that of nobody, or of somebody else."""
    # A process that may write no more bytes has the same error at the same call.
    first = process(path, OWN, file_bytes=file_bytes)
    first.end()

    assert first.name == OWN
    assert process(path, OTHER).name == OTHER
