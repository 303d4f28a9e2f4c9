"""Programs are built by toolchains that stand in for the real ones; `tests/end_to_end/test_runtimes.py` runs real ones."""

from pathlib import Path

import pytest

from emulator.__main__ import main
from emulator.machine.programs import build, place_of
from emulator.model.errors import ComponentMissing

GO = '#!/bin/sh\necho built >>{log}\necho "$GOTOOLCHAIN" >bootstrap\n'


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of a stand-in for Go, which is on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "go").write_text(GO.format(log=tmp_path / "log"))
    (folder / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("LAMBDA_EMULATOR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "log").touch()
    return tmp_path / "log"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The sources of a program."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "go.mod").write_text("module mine\n")
    return folder


def test_a_program_is_built_once_and_again_after_a_change(log: Path, source: Path) -> None:
    """A second run starts at once, and nothing is written among the sources."""
    first = build(source)
    again = build(source)
    (source / "main.go").write_text("package main\n")
    changed = build(source)

    assert first == again != changed
    assert log.read_text() == "built\n" * 2
    assert [path.name for path in first.iterdir()] == ["bootstrap"]
    assert sorted(path.name for path in source.iterdir()) == ["go.mod", "main.go"]
    assert sorted(path.name for path in first.parent.iterdir()) == sorted(
        [first.name, changed.name]
    )


def test_a_build_fetches_no_other_toolchain(log: Path, source: Path) -> None:
    """Go would, where go.mod asks for a newer one."""
    assert (build(source) / "bootstrap").read_text() == "local\n"


def test_all_of_java_is_taken_over(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Classes at the root and libraries in lib/ become /var/task."""
    source = tmp_path / "java"
    source.mkdir()
    (source / "pom.xml").write_text("<project/>")
    maven = tmp_path / "bin" / "mvn"
    maven.write_text("#!/bin/sh\nmkdir -p target/classes/lib\ntouch target/classes/App.class\n")
    maven.chmod(0o755)

    built = build(source)

    assert sorted(path.name for path in built.iterdir()) == ["App.class", "lib"]


def test_a_missing_toolchain_is_named(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LAMBDA_EMULATOR_CACHE", str(tmp_path / "cache"))

    with pytest.raises(ComponentMissing, match=r"the program mine is not in .*; it needs Go"):
        build(source)


def test_a_program_that_must_be_there_is_not_built(log: Path, source: Path) -> None:
    """A test has a time-out, and builds nothing itself."""
    with pytest.raises(ComponentMissing):
        build(source, install=False)

    assert log.read_text() == ""


def test_sources_of_an_unknown_language_are_refused(tmp_path: Path) -> None:
    """The message names the files that tell the language."""
    with pytest.raises(ValueError, match=r"no go\.mod, Cargo\.toml, pom\.xml in"):
        place_of(tmp_path)


def test_the_command_builds_what_can_be_built(
    log: Path, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The directories are on stdout, for a script; the rest is on stderr."""
    rust = tmp_path / "rust"
    rust.mkdir()
    (rust / "Cargo.toml").write_text("")

    status = main(["build", str(rust), str(source)])

    captured = capsys.readouterr()
    assert status == 2
    assert captured.out == f"{place_of(source)}\n"
    assert f"building {source} (once, in about a minute)\n" in captured.err
    assert "the program rust" in captured.err
