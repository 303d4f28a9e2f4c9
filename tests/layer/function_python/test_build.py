import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from layer.function_python.build import Sources, build, main
from layer.function_python.dependencies import BuildError

pytestmark = pytest.mark.timeout(180)  # each builds or imports a whole layer, once a Python

ROOT = Path(__file__).resolve().parents[3]
CACHE = ROOT / ".cache" / "layer"

# As the launcher does.
FROM_LAYER = """
import sys
private = sys.argv[1] + "/flight-recorder"
sys.path[:] = [private] + [entry for entry in sys.path if entry]
from start import prepare
prepare(private)
"""


def import_from(
    layer: Path, python: Path, code: str, *, environ: dict[str, str] | None = None, flags: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `code` with the layer's import path, isolated as the launcher isolates Python."""
    return subprocess.run(
        [str(python), f"-ISB{flags}", "-c", FROM_LAYER + code, str(layer)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environ or {},
    )


def make_sources(folder: Path) -> Sources:
    """Make a small package and launcher in a folder of their own."""
    (folder / "extension" / "__pycache__").mkdir(parents=True)
    (folder / "extension" / "__init__.py").write_text('__version__ = "9.9.9"\n')
    (folder / "extension" / "rules.py").write_text('KINDS = frozenset({"a", "b", None})\n')
    (folder / "extension" / "__pycache__" / "rules.cpython-39.pyc").write_bytes(b"old")
    (folder / "flight-recorder").write_text("#!/bin/sh\nexit 0\n")
    return Sources(launcher=folder / "flight-recorder", package=folder / "extension")


def named(sources: Sources) -> list[str]:
    return [f"--launcher={sources.launcher}", f"--package={sources.package}"]


def kept_cache(folder: Path) -> Path:
    """Make a cache of a test's own, with the dependencies that are there."""
    cache = folder / "cache"
    cache.mkdir()
    for tree in CACHE.glob("deps-*"):
        (cache / tree.name).symlink_to(tree)
    return cache


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """Return a small package and launcher, to be changed."""
    return make_sources(tmp_path / "checkout")


@pytest.fixture(scope="module")
def small_layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a layer of the small package, to be read: a build takes seconds."""
    folder = tmp_path_factory.mktemp("small")
    output = folder / "layer.zip"
    build_for_this_python(make_sources(folder / "checkout"), output)
    return output


def build_for_this_python(sources: Sources, output: Path) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    pythons = {version: Path(sys.executable)}
    build(sources, output, pythons=pythons, cache=CACHE, environ={})


@pytest.mark.end_to_end
def test_layer_holds_the_launcher_and_one_private_folder(layer_zip: Path) -> None:
    """Lambda finds one executable extension, and a function imports nothing of the layer."""
    with zipfile.ZipFile(layer_zip) as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}

    assert {name.partition("/")[0] for name in modes} == {"extensions", "flight-recorder"}
    assert [name for name in modes if name.startswith("extensions/")] == [
        "extensions/flight-recorder"
    ]
    assert modes.pop("extensions/flight-recorder") == 0o100755
    assert set(modes.values()) == {0o100644}
    assert "flight-recorder/extension/__init__.py" in modes
    assert "flight-recorder/deps/httpx/__init__.py" in modes
    assert "flight-recorder/deps/exceptiongroup/__init__.py" in modes


@pytest.mark.end_to_end
def test_layer_keeps_licences_and_metadata(layer_zip: Path) -> None:
    """Licences demand it, and scanners read METADATA."""
    with zipfile.ZipFile(layer_zip) as archive:
        names = archive.namelist()

    packages = {name.split("/")[2] for name in names if ".dist-info/" in name}
    licensed = {
        name.split("/")[2]
        for name in names
        if ".dist-info/" in name and "licen" in name.rpartition(".dist-info/")[2].lower()
    }
    assert packages == licensed
    assert all(f"flight-recorder/deps/{package}/METADATA" in names for package in packages)


@pytest.mark.end_to_end
def test_layer_imports_from_bytecode_in_every_python(
    layer_dir: Path, pythons: dict[str, Path]
) -> None:
    """The folder is read-only in Lambda, and a compilation would cost time."""
    before = sorted(layer_dir.rglob("*"))
    code = (
        "import anyio, httpcore, httpx, structlog, extension\n"
        "assert hasattr(httpcore.AnyIOBackend, 'connect_tcp')\n"
        "httpx.Client(verify=False).close()\n"
    )

    for version, python in pythons.items():
        done = import_from(layer_dir, python, code, flags="v")

        assert done.returncode == 0, f"{version}: {done.stderr[-2000:]}"
        loaded = [line for line in done.stderr.splitlines() if str(layer_dir) in line]
        files = [line for line in loaded if line.startswith("# code object from '")]
        compiled = [line for line in loaded if line.startswith("# code object from /")]
        assert not compiled, version
        # All other modules are in the bundle.
        assert all("/start.cpython-" in one or "/certifi/" in one for one in files), version

    assert sorted(layer_dir.rglob("*")) == before


@pytest.mark.end_to_end
def test_layer_ignores_the_functions_modules(
    layer_dir: Path, pythons: dict[str, Path], tmp_path: Path
) -> None:
    """The function's own httpx, PYTHONPATH, PYTHONHOME and LD_LIBRARY_PATH have no effect."""
    broken = tmp_path / "python"
    broken.mkdir()
    for name in ("httpx", "structlog", "json", "sitecustomize"):
        (broken / f"{name}.py").write_text("raise SystemExit('the wrong one')\n")
    (broken / "libpython3.so").write_text("no library\n")
    environ = {
        "PYTHONPATH": str(broken),
        "PYTHONHOME": "/nonexistent",
        "PYTHONSTARTUP": str(broken / "httpx.py"),
        "LD_LIBRARY_PATH": str(broken),
    }

    for version, python in pythons.items():
        done = import_from(
            layer_dir, python, "import httpx, structlog; print(httpx.__file__)", environ=environ
        )

        assert done.returncode == 0, f"{version}: {done.stderr[-2000:]}"
        assert done.stdout.strip() == "/opt/flight-recorder/deps/httpx/__init__.py", version


@pytest.mark.end_to_end
def test_build_is_reproducible(layer_zip: Path, tmp_path: Path, pythons: dict[str, Path]) -> None:
    """The layer at hand equals one of a copy of its sources in another folder."""
    checkout = tmp_path / "another-folder" / "with-a-longer-name"
    package = checkout / "extension"
    shutil.copytree(ROOT / "extension", package)
    launcher = checkout / "flight-recorder"
    shutil.copy(ROOT / "layer" / "function_python" / "flight-recorder", launcher)
    output = checkout / "dist" / "layer.zip"

    build(
        Sources(launcher=launcher, package=package),
        output,
        pythons=pythons,
        cache=CACHE,
        environ=dict(os.environ),
    )

    assert output.read_bytes() == layer_zip.read_bytes()


def test_build_leaves_out_traces_of_the_machine(small_layer: Path) -> None:
    """Old bytecode is not shipped, and tracebacks name the files in Lambda."""
    with zipfile.ZipFile(small_layer) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}

    assert "flight-recorder/extension/__pycache__/rules.cpython-39.pyc" not in content
    bytecode = content[f"flight-recorder/modules.{sys.implementation.cache_tag}"]
    assert b"/opt/flight-recorder/extension/rules.py" in bytecode
    folder = str(small_layer.parent).encode()
    assert not [name for name, data in content.items() if folder in data]


def test_build_writes_unchecked_bytecode(small_layer: Path) -> None:
    """Lambda may give files any timestamp."""
    with zipfile.ZipFile(small_layer) as archive:
        flags = {
            int.from_bytes(archive.read(name)[4:8], "little")
            for name in archive.namelist()
            if name.endswith(".pyc")
        }

    assert flags == {0b01}


def test_build_refuses_a_package_that_does_not_import(tmp_path: Path, sources: Sources) -> None:
    """The last good layer stays."""
    output = tmp_path / "layer.zip"
    output.write_bytes(b"the last good one")
    (sources.package / "broken.py").write_text("import no_such_module\n")

    with pytest.raises(BuildError, match="no_such_module"):
        build_for_this_python(sources, output)

    assert output.read_bytes() == b"the last good one"


def test_build_refuses_a_layer_over_the_limit(
    tmp_path: Path, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Growth is noticed when it happens, not when functions start slower."""
    monkeypatch.setattr("layer.function_python.build.MAX_ZIPPED_BYTES", 1000)

    with pytest.raises(BuildError, match="over 1000"):
        build_for_this_python(sources, tmp_path / "layer.zip")

    assert not (tmp_path / "layer.zip").exists()


def test_build_prints_and_notes_what_it_has_built(
    tmp_path: Path, sources: Sources, capsys: pytest.CaptureFixture[str]
) -> None:
    """The hash, to compare with a release's; beside the zip the version, and the commit of the checkout."""
    output = tmp_path / "layer.zip"

    assert main([*named(sources), f"--output={output}", f"--cache={kept_cache(tmp_path)}"]) == 0

    digest = hashlib.sha256(output.read_bytes()).hexdigest()
    noted = json.loads((tmp_path / "layer.json").read_text())
    assert f"  sha256 {digest}\n" in capsys.readouterr().out
    assert (noted["sha256"], noted["version"]) == (digest, "9.9.9")
    assert re.fullmatch("[0-9a-f]{40}|", noted["commit"])


def test_build_for_an_architecture_names_the_layer_that_was_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """This layer serves both."""
    with pytest.raises(SystemExit) as caught:
        main(["--arch", "arm64"])

    assert caught.value.code == 2
    assert "./build.sh layer --standalone --arch arm64" in capsys.readouterr().err


def test_help_calls_the_build_by_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    """As people call it; what only tests use is not among the options."""
    with pytest.raises(SystemExit):
        main(["--help"])

    told = capsys.readouterr().out
    assert told.startswith("usage: ./build.sh layer [-h] [--output ZIP] [--python PYTHON]")
    assert "--launcher" not in told


def test_build_names_a_missing_launcher(
    tmp_path: Path, sources: Sources, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command fails with one line."""
    sources.launcher.unlink()

    status = main(
        [
            f"--launcher={sources.launcher}",
            f"--package={sources.package}",
            f"--output={tmp_path / 'layer.zip'}",
        ]
    )

    assert status == 1
    assert f"{sources.launcher} is missing" in capsys.readouterr().err


def test_build_skips_an_unchanged_layer(
    tmp_path: Path, sources: Sources, capsys: pytest.CaptureFixture[str]
) -> None:
    """A changed source makes it build."""
    cache = kept_cache(tmp_path)
    arguments = [*named(sources), f"--output={tmp_path / 'layer.zip'}", f"--cache={cache}"]

    assert main(arguments) == 0
    assert main(arguments) == 0
    unchanged = capsys.readouterr().out
    (sources.package / "rules.py").write_text("KINDS = ()\n")
    assert main(arguments) == 0
    changed = capsys.readouterr().out

    assert "is up to date" in unchanged
    assert "is up to date" not in changed
