import struct
from pathlib import Path

import pytest

from layer.function_python.dependencies import BuildError
from layer.standalone import gates
from layer.standalone.gates import check_paths, check_programs, check_sizes

X86_64, AARCH64, RISC_V = 62, 183, 243


def program(folder: Path, *names: str, machine: int = X86_64) -> Path:
    """Write what the checks see of an ELF file: its header's beginning, and a string table."""
    path = folder / "bin" / "program"
    path.parent.mkdir(exist_ok=True)
    header = b"\x7fELF".ljust(18, b"\x02") + struct.pack("<H", machine)
    path.write_bytes(header + b"\0" + b"\0".join(name.encode() for name in names) + b"\0")
    return folder


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        pytest.param(("GLIBC_2.2.5", "GLIBC_2.26", "libc.so.6", "libm.so.6"), "", id="old enough"),
        pytest.param(("GLIBC_PRIVATE", "ld-linux-x86-64.so.2"), "", id="no number"),
        pytest.param(("GLIBC_2.27", "GLIBC_2.3"), "needs glibc 2.27", id="too new"),
        pytest.param(("GLIBC_2.3", "GLIBC_2.100"), "needs glibc 2.100", id="compared as numbers"),
        pytest.param(("libz.so.1", "libc.so.6"), "needs libz.so.1", id="a library"),
    ],
)
def test_a_program_needs_nothing_but_an_old_glibc(
    tmp_path: Path, names: tuple[str, ...], complaint: str
) -> None:
    """What a runtime may not have stops the build, named."""
    root = program(tmp_path, *names)

    if not complaint:
        check_programs(root, arch="x86_64", oldest_glibc=(2, 26))
        return
    with pytest.raises(BuildError, match=complaint):
        check_programs(root, arch="x86_64", oldest_glibc=(2, 26))


def test_a_library_that_the_layer_has_may_be_needed(tmp_path: Path) -> None:
    """An interpreter that was not compiled here may come with its own libpython."""
    root = program(tmp_path, "libpython3.13.so.1.0")
    (root / "libpython3.13.so.1.0").write_bytes(b"")

    check_programs(root, arch="x86_64", oldest_glibc=(2, 26))


@pytest.mark.parametrize("machine", [AARCH64, RISC_V])
def test_a_program_for_another_machine_is_refused(tmp_path: Path, machine: int) -> None:
    """One file of the other architecture is enough."""
    root = program(tmp_path, machine=machine)

    with pytest.raises(BuildError, match="not x86_64"):
        check_programs(root, arch="x86_64", oldest_glibc=(2, 26))


def test_a_layer_without_a_program_is_refused(tmp_path: Path) -> None:
    """If nothing is checked, that is no success."""
    (tmp_path / "text").write_text("no program")

    with pytest.raises(BuildError, match="no program"):
        check_programs(tmp_path, arch="x86_64", oldest_glibc=(2, 26))


def test_a_path_of_this_machine_is_found_anywhere_in_a_file(tmp_path: Path) -> None:
    """Text or program, compressed in the zip or not: the bytes are searched before."""
    (tmp_path / "fine").write_bytes(b"/opt/flight-recorder/")
    check_paths(tmp_path, machine_paths=["/home/someone/"])
    (tmp_path / "program").write_bytes(b"\x7fELF\xff\0/home/someone/checkout/x.c\0")

    with pytest.raises(BuildError, match="program holds a path of this machine"):
        check_paths(tmp_path, machine_paths=["/home/someone/"])


@pytest.mark.parametrize("limit", ["MAX_ZIPPED_BYTES", "MAX_UNZIPPED_BYTES"])
def test_a_layer_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """Both sizes have a limit."""
    root = tmp_path / "tree"
    root.mkdir()
    (root / "file").write_bytes(bytes(200))
    archive = tmp_path / "layer.zip"
    archive.write_bytes(bytes(200))
    check_sizes(root, archive)
    monkeypatch.setattr(gates, limit, 199)

    with pytest.raises(BuildError, match="200 bytes"):
        check_sizes(root, archive)
