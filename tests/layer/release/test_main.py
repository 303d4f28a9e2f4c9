"""The whole command, in a checkout of its own: a real build, for the Python that runs the tests."""

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from extension import __version__
from layer.release.bill import validate
from tests.doubles.git import commit_all, git

ROOT = Path(__file__).resolve().parents[3]

pytestmark = [pytest.mark.newest, pytest.mark.timeout(300)]  # builds a whole layer twice


def release(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as ./build.sh does."""
    command = [sys.executable, "-m", "layer.release", f"--python={sys.executable}", *words]
    return subprocess.run(
        command, cwd=checkout, capture_output=True, text=True, check=False, timeout=200
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose one commit may be released, with the dependencies that are here."""
    folder = tmp_path_factory.mktemp("checkout")
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in ("extension", "layer", "terminal"):
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    for path in (*ROOT.glob("requirements-*.txt"), ROOT / "LICENSE", ROOT / ".gitignore"):
        shutil.copy(path, folder / path.name)
    (folder / "CHANGELOG.md").write_text(f"## [{__version__}] - 2026-11-30\n")
    commit_all(folder)
    (folder / ".cache" / "layer").mkdir(parents=True)
    for kept in (ROOT / ".cache" / "layer").glob("deps-*"):
        (folder / ".cache" / "layer" / kept.name).symlink_to(kept)
    return folder


@pytest.fixture(scope="module")
def made(checkout: Path) -> tuple[Path, str]:
    """The folder of a release, and what the command printed."""
    done = release(checkout, "--allow-missing-pythons")
    assert done.returncode == 0, done.stderr
    return checkout / "dist" / f"release-{__version__}", done.stdout


def bill(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("*.cdx.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_release_has_the_version_in_its_names(made: tuple[Path, str]) -> None:
    """And prints each with its hash."""
    folder, printed = made

    names = {path.name for path in folder.iterdir()}
    assert names == {
        f"flight-recorder-python-{__version__}.zip",
        f"flight-recorder-python-{__version__}.cdx.json",
        f"flight-recorder-{__version__}.licenses.txt",
        f"flight-recorder-{__version__}.provenance.json",
        "SHA256SUMS",
    }
    for name in names - {"SHA256SUMS"}:
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert f"  {digest}  {name}\n" in printed
    assert "none is signed" in printed


def test_checksums_are_those_that_sha256sum_checks(made: tuple[Path, str]) -> None:
    """As whoever downloads a release does, by the command that is printed."""
    folder, printed = made
    command = printed.splitlines()[-1].partition(")")[0].lstrip("(")

    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder.parents[1],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.count(": OK\n") == 4


def test_bill_keeps_to_the_schema_and_names_every_dependency(made: tuple[Path, str]) -> None:
    """Each with its version, licence, package URL and the hash of its wheel, which is one of those pinned."""
    folder, _ = made
    (archive,) = folder.glob("*.zip")
    told = bill(folder)

    assert validate(json.dumps(told)) == ""
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    with zipfile.ZipFile(archive) as layer:
        packages = {
            name.split("/")[2].partition("-")[0]
            for name in layer.namelist()
            if name.endswith(".dist-info/METADATA")
        }
    assert {one["name"] for one in told["components"]} == packages
    pins = (ROOT / "requirements-layer.txt").read_text()
    for one in told["components"]:
        assert one["version"]
        assert one["licenses"]
        assert one["purl"].startswith("pkg:pypi/")
        assert f"--hash=sha256:{one['hashes'][0]['content']}" in pins
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert told["metadata"]["component"]["hashes"][0]["content"] == digest
    assert told["metadata"]["component"]["version"] == __version__


def test_damaged_bill_does_not_keep_to_the_schema(made: tuple[Path, str]) -> None:
    """The check is one."""
    told = bill(made[0])
    told["components"][0]["hashes"][0]["content"] = "no hash"

    assert validate(json.dumps(told)) != ""


def test_licences_have_the_text_of_each(made: tuple[Path, str]) -> None:
    """A table first; then ours, and those of the dependencies."""
    text = (made[0] / f"flight-recorder-{__version__}.licenses.txt").read_text()

    assert (ROOT / "LICENSE").read_text().rstrip() in text
    for one in bill(made[0])["components"]:
        assert f"\n{one['name']} " in text.partition("====")[0]
        assert f"\n{one['name']} {one['version']}: licenses/" in text


def test_provenance_tells_the_commit_the_command_and_the_inputs(
    made: tuple[Path, str], checkout: Path
) -> None:
    """An in-toto statement with SLSA's predicate; its subjects are the files that are there."""
    folder, _ = made
    told = json.loads((folder / f"flight-recorder-{__version__}.provenance.json").read_text())

    assert told["_type"] == "https://in-toto.io/Statement/v1"
    assert told["predicateType"] == "https://slsa.dev/provenance/v1"
    for subject in told["subject"]:
        content = (folder / subject["name"]).read_bytes()
        assert subject["digest"] == {"sha256": hashlib.sha256(content).hexdigest()}
    definition = told["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {
        "command": ["./build.sh", "release", "--allow-missing-pythons"],
        "commit": git(checkout, "rev-parse", "HEAD"),
        "version": __version__,
    }
    inputs = {
        one.get("uri", one["name"]): one["digest"] for one in definition["resolvedDependencies"]
    }
    pins = hashlib.sha256((ROOT / "requirements-layer.txt").read_bytes()).hexdigest()
    assert inputs["requirements-layer.txt"] == {"sha256": pins}
    assert {one["purl"] for one in bill(folder)["components"]} <= set(inputs)
    assert str(checkout) not in json.dumps(told)


def test_second_run_gives_the_same_bytes(made: tuple[Path, str], checkout: Path) -> None:
    """Nothing in a release tells when it was made."""
    folder, _ = made
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    done = release(checkout, "--allow-missing-pythons")

    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_release_wants_every_python(checkout: Path) -> None:
    """Without bytecode for a runtime its functions start slower, which a release should not do unasked."""
    done = release(checkout)

    assert done.returncode == 1
    assert done.stderr.startswith("release: there is no Python 3.")
    assert "--allow-missing-pythons" in done.stderr


def test_release_of_a_changed_tree_is_refused_in_one_line(
    made: tuple[Path, str], checkout: Path
) -> None:
    """It says what to do, and leaves the last release as it was."""
    extra = checkout / "extension" / "extra.py"
    extra.touch()
    try:
        done = release(checkout, "--allow-missing-pythons")
    finally:
        extra.unlink()

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "release: the working tree has changes that are in no commit (extension/extra.py): commit them or take them away\n"
    )
    assert (made[0] / "SHA256SUMS").is_file()
