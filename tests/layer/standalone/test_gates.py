import struct
from contextlib import nullcontext
from pathlib import Path

import pytest

from layer.function_python.dependencies import BuildError
from layer.standalone import gates
from layer.standalone.gates import check_paths, check_programs, check_sizes

X86_64, AARCH64, RISC_V = 62, 183, 243


def program(folder: Path, *names: str, machine: int = X86_64) -> None:
    """Write the parts of an ELF file that the checks read: the beginning of its header, and a string table."""
    path = folder / "bin" / "program"
    path.parent.mkdir()
    header = b"\x7fELF".ljust(18, b"\x02") + struct.pack("<H", machine)
    path.write_bytes(header + b"\0" + b"\0".join(name.encode() for name in names) + b"\0")


PROGRAMS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "old enough": (("GLIBC_2.2.5", "GLIBC_2.26", "libc.so.6", "libm.so.6"), X86_64, ""),
    "without a number": (("GLIBC_PRIVATE", "ld-linux-x86-64.so.2"), X86_64, ""),
    "with a library of the layer": (("libpython3.13.so.1.0",), X86_64, ""),
    "too new": (("GLIBC_2.27", "GLIBC_2.3"), X86_64, "needs glibc 2.27"),
    "compared as numbers": (("GLIBC_2.3", "GLIBC_2.100"), X86_64, "needs glibc 2.100"),
    "with another library": (("libz.so.1", "libc.so.6"), X86_64, "needs libz.so.1"),
    "for arm64": ((), AARCH64, "not x86_64"),
    "for an unknown machine": ((), RISC_V, "not x86_64"),
}


@pytest.mark.parametrize(("names", "machine", "complaint"), PROGRAMS.values(), ids=PROGRAMS)
def test_check_programs_refuses_what_a_runtime_may_lack(
    tmp_path: Path, names: tuple[str, ...], machine: int, complaint: str
) -> None:
    """One program that cannot start in Lambda stops the build, and its name is in the message."""
    program(tmp_path, *names, machine=machine)
    (tmp_path / "libpython3.13.so.1.0").write_bytes(b"")

    with pytest.raises(BuildError, match=complaint) if complaint else nullcontext():
        check_programs(tmp_path, arch="x86_64", oldest_glibc=(2, 26))


def test_check_programs_refuses_a_layer_without_a_program(tmp_path: Path) -> None:
    """A check of nothing is no success."""
    with pytest.raises(BuildError, match="no program"):
        check_programs(tmp_path, arch="x86_64", oldest_glibc=(2, 26))


def test_check_paths_searches_the_bytes_of_every_file(tmp_path: Path) -> None:
    """A path in a program is as much a trace of this machine as one in a text."""
    (tmp_path / "fine").write_bytes(b"/opt/flight-recorder/")
    check_paths(tmp_path, machine_paths=["/home/someone/"])
    (tmp_path / "program").write_bytes(b"\x7fELF\xff\0/home/someone/checkout/x.c\0")

    with pytest.raises(BuildError, match="program holds a path of this machine"):
        check_paths(tmp_path, machine_paths=["/home/someone/"])


@pytest.mark.parametrize("limit", ["MAX_ZIPPED_BYTES", "MAX_UNZIPPED_BYTES"])
def test_check_sizes_refuses_a_layer_over_either_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """A larger layer is there later, in every new environment."""
    root = tmp_path / "tree"
    root.mkdir()
    (root / "file").write_bytes(bytes(200))
    archive = tmp_path / "layer.zip"
    archive.write_bytes(bytes(200))
    check_sizes(root, archive)
    monkeypatch.setattr(gates, limit, 199)

    with pytest.raises(BuildError, match="200 bytes"):
        check_sizes(root, archive)
