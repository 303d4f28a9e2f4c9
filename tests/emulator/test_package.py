"""emulator/pyproject.toml: what is in the package, and what it says of itself."""

import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from extension import __version__
from tests.emulator.packaged import ROOT, build

pytestmark = pytest.mark.newest

EMULATOR = ROOT / "emulator"
INFO = f"flight_recorder_local_lambda-{__version__}.dist-info"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", EMULATOR, tmp_path_factory.mktemp("package") / "wheel")


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def metadata(wheel: Path) -> Message:
    return Parser().parsestr(contents(wheel)[f"{INFO}/METADATA"].decode())


def test_wheel_holds_every_module_and_neither_demo_nor_tests(wheel: Path) -> None:
    """Each file has the bytes that the checkout has."""
    modules = {
        path
        for path in EMULATOR.rglob("*.py")
        if not path.is_relative_to(EMULATOR / "demo") and not path.name.startswith("test_")
    }
    examples = {
        EMULATOR / "examples" / "bash_function" / "bootstrap",
        EMULATOR / "examples" / "hello_extension" / "extensions" / "hello",
    }
    files = {*modules, *examples, EMULATOR / "py.typed"}

    found = {name: data for name, data in contents(wheel).items() if not name.startswith(INFO)}

    assert found == {str(path.relative_to(ROOT)): path.read_bytes() for path in files}


def test_metadata_is_that_of_the_project(wheel: Path) -> None:
    """The package has the project's version and licence, and requires nothing."""
    said = metadata(wheel)

    assert (said["Name"], said["Version"]) == ("flight-recorder-local-lambda", __version__)
    assert (said["License-Expression"], said["Requires-Python"]) == ("Apache-2.0", ">=3.10")
    assert contents(wheel)[f"{INFO}/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    assert said.get_all("Requires-Dist") == ["awslambdaric>=4; extra == 'python'"]
    assert "Typing :: Typed" in said.get_all("Classifier", [])
    assert said["Description-Content-Type"] == "text/markdown"
    assert said.get_payload() == (EMULATOR / "README.md").read_text("utf-8")


def test_wheel_of_the_source_distribution_is_the_same(wheel: Path, tmp_path: Path) -> None:
    """Installers that get no wheel build one from it, byte for byte."""
    sdist = build("sdist", EMULATOR, tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")

    again = build("wheel", tmp_path / sdist.name.removesuffix(".tar.gz"), tmp_path / "again")

    assert again.name == wheel.name
    assert contents(again) == contents(wheel)


def test_editable_install_takes_the_checkout(tmp_path: Path) -> None:
    """The package has the name of its folder, so the folder above goes on the path."""
    held = contents(build("editable", EMULATOR, tmp_path / "editable"))

    (path,) = (data for name, data in held.items() if name.endswith(".pth"))
    assert path.decode().split() == [str(ROOT)]
