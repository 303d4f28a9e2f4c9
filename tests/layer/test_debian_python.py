import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from layer import debian_python
from layer.debian_python import ARCHITECTURES, MODULES, PACKAGES, RELEASE, WHEELS, main

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="it unpacks packages")

MACHINE = "http://mirror.example/debian/\tbookworm\tDebian\n"

# Stands in for the machine's apt: all files are in one package.
APT_GET = """#!/bin/sh
case "$*" in
    *indextargets*) cat "$STAND_INS/targets" ;;
    *update*) [ ! -e "$STAND_INS/hangs" ] || exec sleep 60 ;;
    *" download "*) printf '%s\\n' "$@" >"$STAND_INS/asked"; cp "$STAND_INS/all.deb" . || exit 100 ;;
esac
"""

# They have the shape of Debian's, and write down how they are called.
FILES = {
    "usr/bin/python3.14": '#!/bin/sh\nprintf "%s\\n" "$*" >>"$STAND_INS/python.calls"\n',
    "usr/bin/patchelf": '#!/bin/sh\nprintf "%s\\n" "$*" >>"$STAND_INS/patchelf"\n',
    "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": '#!/bin/sh\nshift 2\nexec "$@"\n',
    "usr/lib/python3.14/EXTERNALLY-MANAGED": "",
    "usr/lib/python3.14/_sysconfigdata__linux.py": '{"WHEEL_PKG_DIR": "/usr/share/python-wheels/"}',
    "usr/lib/python3/dist-packages/other.py": "",
    "usr/lib64/ld-linux-x86-64.so.2": "",
    "usr/share/python-wheels/pip.whl": "",
    "usr/share/doc/python": "",
}

Package = Callable[..., None]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """Let apt have a package with these files, some of them with another content."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "apt-get").write_text(APT_GET)
    (programs / "apt-get").chmod(0o755)
    (tmp_path / "targets").write_text(MACHINE)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("STAND_INS", str(tmp_path))

    def build(**other: str) -> None:
        root = tmp_path / "all"
        for name, content in FILES.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(other.get(path.name.partition(".")[0], content))
            path.chmod(0o755)
        (root / "DEBIAN").mkdir()
        (root / "DEBIAN" / "control").write_text(
            "Package: all\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n"
        )
        subprocess.run(["dpkg-deb", "--build", root], check=True, stdout=subprocess.DEVNULL)

    return build


def test_interpreter_finds_its_loader_and_its_libraries_where_it_is(
    package: Package, tmp_path: Path
) -> None:
    """The machine's own libraries are those of another release. Both at once break the executable."""
    package()
    target = tmp_path / "made" / "python"

    assert main([str(target)]) == 0

    libraries = target / "lib" / "x86_64-linux-gnu"
    rpath, interpreter = (tmp_path / "patchelf").read_text().splitlines()
    assert rpath.startswith(f"--force-rpath --set-rpath {libraries} ")
    assert interpreter.startswith(f"--set-interpreter {libraries / 'ld-linux-x86-64.so.2'} ")
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[asked.index("download") + 1 :] == PACKAGES
    assert (target / "bin" / "python3").resolve() == target / "bin" / "python3.14"
    assert [path.name for path in target.parent.iterdir()] == ["python"]


def test_interpreter_makes_environments_with_the_pip_beside_it(
    package: Package, tmp_path: Path
) -> None:
    """Debian's has the path of the machine's wheels, and is marked as one that pip must not touch."""
    package()

    main([str(tmp_path / "python")])

    library = tmp_path / "python" / "lib" / "python3.14"
    assert str(tmp_path / "python" / WHEELS) in (library / "_sysconfigdata__linux.py").read_text()
    assert [path.name for path in library.iterdir()] == ["_sysconfigdata__linux.py"]
    assert sorted(path.name for path in (tmp_path / "python").iterdir()) == ["bin", "lib", "share"]
    assert [path.name for path in (tmp_path / "python" / "share").iterdir()] == ["python-wheels"]


def test_interpreter_is_tried_and_its_library_compiled(package: Package, tmp_path: Path) -> None:
    """Bytecode holds for a copy of the folder as well."""
    package()

    main([str(tmp_path / "python")])

    tried, compiled = (tmp_path / "python.calls").read_text().splitlines()
    assert tried == f"-I -c import {MODULES}"
    assert compiled.startswith("-I -m compileall ")
    assert "--invalidation-mode unchecked-hash" in compiled


def test_interpreter_that_does_not_run_is_not_left(
    package: Package, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever looks for a Python would find it."""
    package(python3="#!/bin/sh\necho 'no module ssl' >&2\nexit 1\n")

    assert main([str(tmp_path / "made" / "python")]) == 1

    assert "no module ssl" in capsys.readouterr().err
    assert list((tmp_path / "made").iterdir()) == []


def test_package_that_cannot_be_fetched_is_said(
    package: Package, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tests go on without this Python."""
    assert main([str(tmp_path / "python")]) == 1

    assert f"apt-get download failed for Debian {RELEASE}" in capsys.readouterr().err
    assert not (tmp_path / "python").exists()


@pytest.mark.parametrize("has_apt", [True, False])
def test_machine_without_a_mirror_of_debians_is_told_so(
    package: Package,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    has_apt: bool,
) -> None:
    """Other distributions have their own way to a newer Python."""
    (tmp_path / "targets").write_text("")
    if not has_apt:
        monkeypatch.setenv("PATH", "")

    assert main([str(tmp_path / "python")]) == 1

    assert "no apt with a mirror of Debian's" in capsys.readouterr().err


def test_other_machines_have_no_such_python(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Lambda has two architectures, and so have the packages that are asked for."""
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")

    assert main([str(tmp_path)]) == 1

    assert "riscv64" in capsys.readouterr().err
    assert set(ARCHITECTURES) == {"x86_64", "aarch64"}


def test_mirror_that_does_not_answer_is_given_up(
    package: Package,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The tests would wait for it each time."""
    (tmp_path / "hangs").touch()
    monkeypatch.setattr(debian_python, "FETCH_TIMEOUT_SECONDS", 0.2)

    assert main([str(tmp_path / "python")]) == 1

    assert "apt-get got no answer in 0 s" in capsys.readouterr().err


def test_step_that_hangs_ends(
    package: Package,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No run of the tests waits for it without end."""
    package(python3="#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(debian_python, "STEP_TIMEOUT_SECONDS", 0.2)

    assert main([str(tmp_path / "python")]) == 1

    assert "timed out after 0.2 seconds" in capsys.readouterr().err
