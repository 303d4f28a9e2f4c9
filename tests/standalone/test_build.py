"""The build itself, with the real interpreter for this machine: what it packs, and what stops it."""

import platform
import re
import shutil
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from layer.function_python.build import ROOT, Sources
from layer.function_python.dependencies import BuildError, install, select
from layer.standalone.build import BRINGS, build
from layer.standalone.compiling import ARCHITECTURES
from layer.standalone.contents import Job
from layer.standalone.gates import MAX_UNZIPPED_BYTES, MAX_ZIPPED_BYTES
from layer.standalone.interpreter import Workshop
from layer.standalone.packing import PACKINGS

pytestmark = pytest.mark.timeout(300)  # each compiles and imports a whole layer

PRIVATE = "flight-recorder/"
HERE = {arch: name for name, arch in ARCHITECTURES.items()}.get(platform.machine(), "")


@pytest.fixture(scope="module")
def job() -> Job:
    """Return what the layer for this machine is made of."""
    workshop = Workshop(
        folder=ROOT / ".cache" / "standalone", requirements=ROOT / "requirements-standalone.txt"
    )
    sources = Sources(launcher=ROOT / "layer" / "standalone" / "launcher.c")
    interpreter = workshop.interpreter(HERE)
    requirements = select(sources.requirements.read_text(encoding="utf-8"), [BRINGS])
    return Job(
        architecture=HERE,
        interpreter=interpreter,
        build_python=interpreter / "bin" / "python3",
        launcher=workshop.launcher(HERE, sources.launcher),
        launcher_license=workshop.launcher_license(),
        versions=workshop.versions(),
        dependencies=install(requirements, ROOT / ".cache" / "layer"),
        sources=sources,
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_zip_is_small_and_whole(zips: dict[str, Path], architecture: str) -> None:
    """It has one extension, one private folder, one file of modules, and a licence for every part."""
    with zipfile.ZipFile(zips[architecture]) as archive:
        entries = archive.infolist()
        versions = archive.read(f"{PRIVATE}VERSIONS").decode()
    names = [entry.filename for entry in entries]
    modes = {entry.filename: entry.external_attr >> 16 for entry in entries}

    assert zips[architecture].stat().st_size <= MAX_ZIPPED_BYTES
    assert sum(entry.file_size for entry in entries) <= MAX_UNZIPPED_BYTES
    assert {name.partition("/")[0] for name in names} == {"extensions", "flight-recorder"}
    executable = {name for name, mode in modes.items() if mode & 0o111}
    assert executable == {"extensions/flight-recorder", f"{PRIVATE}bin/python3"}
    assert f"{PRIVATE}modules" in names
    assert f"{PRIVATE}deps/certifi/cacert.pem" in names
    packages = {name.split("/")[2] for name in names if ".dist-info/" in name}
    licensed = {
        name.split("/")[2]
        for name in names
        if ".dist-info/" in name and "licen" in name.rpartition(".dist-info/")[2].lower()
    }
    assert packages == licensed
    for licence in ("LICENSE.txt", "LICENSE-openssl.txt", "LICENSE-zlib.txt"):
        assert f"{PRIVATE}lib/python{BRINGS}/{licence}" in names
    assert f"{PRIVATE}LICENSE-musl.txt" in names
    assert re.search(r"^openssl 3\.\d+\.\d+-", versions, re.MULTILINE)


def test_build_is_reproducible(job: Job, tmp_path: Path) -> None:
    """The place and the moment of a checkout leave no trace."""
    outputs = []
    for name in ("one", "another-folder/with-a-longer-name"):
        package = tmp_path / name / "extension"
        shutil.copytree(job.sources.package, package)
        output = tmp_path / name / "layer.zip"
        sources = replace(job.sources, package=package)
        environ = {"SOURCE_DATE_EPOCH": "1700000000"}
        machine_paths = [f"{tmp_path}/"]
        build(replace(job, sources=sources), output, machine_paths=machine_paths, environ=environ)
        outputs.append(output.read_bytes())

    assert outputs[0] == outputs[1]


def test_build_can_pack_a_tree_of_files(job: Job, tmp_path: Path) -> None:
    """It is there to measure the bundle against; only anyio keeps a source."""
    output = tmp_path / "layer.zip"

    build(replace(job, packing=PACKINGS[1]), output, machine_paths=[], environ={})

    with zipfile.ZipFile(output) as archive:
        names = archive.namelist()
    assert f"{PRIVATE}modules" not in names
    assert f"{PRIVATE}extension/boot.pyc" in names
    assert [name for name in names if name.endswith(".py")] == [f"{PRIVATE}deps/anyio/__init__.py"]


@pytest.mark.parametrize(
    ("damaged", "complaint"),
    [
        pytest.param("certifi/cacert.pem", "certificate", id="no authorities"),
        pytest.param("anyio/_core", "anyio", id="half of anyio"),
    ],
)
def test_build_refuses_a_layer_that_lacks_a_part(
    job: Job, tmp_path: Path, damaged: str, complaint: str
) -> None:
    """It would fail at its first delivery in Lambda."""
    dependencies = tmp_path / "deps"
    shutil.copytree(job.dependencies, dependencies)
    path = dependencies / damaged
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.write_text("")
    output = tmp_path / "layer.zip"

    with pytest.raises(BuildError, match=complaint):
        build(replace(job, dependencies=dependencies), output, machine_paths=[], environ={})

    assert not output.exists()


def test_build_refuses_a_missing_late_import(job: Job, tmp_path: Path) -> None:
    """An import within a function would fail in Lambda only, at its first call."""
    package = tmp_path / "extension"
    shutil.copytree(job.sources.package, package)
    (package / "late.py").write_text("def late():\n    import tkinter\n    return tkinter\n")
    sources = replace(job.sources, package=package)

    with pytest.raises(BuildError, match="tkinter"):
        build(replace(job, sources=sources), tmp_path / "layer.zip", machine_paths=[], environ={})


def test_build_refuses_an_interpreter_of_this_machine(job: Job, tmp_path: Path) -> None:
    """It needs a newer glibc than Lambda's oldest, or libraries beside it."""
    folder = tmp_path / "interpreter"
    (folder / "bin").mkdir(parents=True)
    shutil.copy(Path(sys.executable).resolve(), folder / "bin" / "python3")
    (folder / "lib").symlink_to(job.interpreter / "lib")
    output = tmp_path / "layer.zip"

    with pytest.raises(BuildError, match=r"bin/python3 needs (glibc|lib)"):
        build(replace(job, interpreter=folder), output, machine_paths=[], environ={})

    assert not output.exists()
