import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from layer.function_python.dependencies import BuildError, install, select

ROOT = Path(__file__).resolve().parents[3]

PINNED = """\
apple==1.0 ; python_full_version < '3.11' \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via banana
banana==2.0 \\
    --hash=sha256:cc
    # via flight-recorder (pyproject.toml)
cherry==3.0 ; sys_platform == 'win32' \\
    --hash=sha256:dd
"""


def test_a_package_that_one_runtime_needs_is_in_the_layer_of_all() -> None:
    """Markers are evaluated for every Python runtime on Linux, then removed."""
    assert select(PINNED) == [
        "apple==1.0 --hash=sha256:aa --hash=sha256:bb",
        "banana==2.0 --hash=sha256:cc",
    ]


def test_a_package_in_two_versions_is_refused() -> None:
    """One set of files serves all runtimes, so there can be one version of each package only."""
    forked = PINNED + "banana==2.1 ; python_version >= '3.12' \\\n    --hash=sha256:ee\n"

    with pytest.raises(BuildError, match="banana is pinned to several versions"):
        select(forked)


@pytest.mark.parametrize("line", ["banana>=2 --hash=sha256:cc", "banana==2.0"])
def test_a_package_without_pin_or_hash_is_refused(line: str) -> None:
    """Nothing is installed of which the file does not say exactly what it is."""
    with pytest.raises(BuildError, match="banana is not pinned with a hash"):
        select(line)


def test_the_committed_requirements_serve_every_runtime() -> None:
    """What pyproject.toml asks for, and what Python 3.10 needs besides, is pinned and hashed."""
    lines = select((ROOT / "requirements-layer.txt").read_text(encoding="utf-8"))

    names = {line.partition("==")[0] for line in lines}
    assert {"httpx", "structlog", "anyio", "exceptiongroup", "typing-extensions"} <= names


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("requirements-*.txt")), ids=lambda path: path.name
)
def test_requirement_files_name_no_host(path: Path) -> None:
    """Where packages come from is the user's configuration, not ours."""
    text = path.read_text(encoding="utf-8")

    assert "://" not in text
    assert "--index" not in text


def make_wheel(folder: Path, tag: str, files: dict[str, str]) -> str:
    """Write a wheel of the package `fruit` and return its requirement line, by file name."""
    wheel = folder / f"fruit-1.0-{tag}.whl"
    info = "fruit-1.0.dist-info"
    files = files | {
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: fruit\nVersion: 1.0\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/licenses/LICENSE": "Do as you like.\n",
    }
    records = [
        f"{name},sha256={_digest(content)},{len(content)}" for name, content in files.items()
    ]
    files[f"{info}/RECORD"] = "\n".join([*records, f"{info}/RECORD,,"]) + "\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return f"{wheel} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"


def _digest(content: str) -> str:
    raw = hashlib.sha256(content.encode()).digest()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_installed_packages_keep_sources_metadata_and_licence_only(tmp_path: Path) -> None:
    """Tests and what only installers read are left out; METADATA and licences stay."""
    line = make_wheel(
        tmp_path,
        "py3-none-any",
        {"fruit/__init__.py": "", "fruit/tests/__init__.py": "", "fruit/py.typed": ""},
    )

    tree = install([line], tmp_path / "cache")

    found = {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}
    assert found == {
        "fruit/__init__.py",
        "fruit/py.typed",
        "fruit-1.0.dist-info/METADATA",
        "fruit-1.0.dist-info/licenses/LICENSE",
    }


def test_what_was_installed_once_is_not_asked_for_again(tmp_path: Path) -> None:
    """The second build needs no package index: here the wheel itself is gone by then."""
    line = make_wheel(tmp_path, "py3-none-any", {"fruit/__init__.py": ""})
    first = install([line], tmp_path / "cache")
    for wheel in tmp_path.glob("*.whl"):
        wheel.unlink()

    assert install([line], tmp_path / "cache") == first


def test_compiled_code_is_refused(tmp_path: Path) -> None:
    """A shared object serves one architecture and mostly one Python: it is no layer for all."""
    line = make_wheel(tmp_path, "py3-none-any", {"fruit/_core.abi3.so": "\x7fELF"})

    with pytest.raises(BuildError, match="is compiled code"):
        install([line], tmp_path / "cache")


def test_a_wrong_hash_is_refused(tmp_path: Path) -> None:
    """A wheel that is not the pinned one stops the build, and nothing is left in the cache."""
    line = make_wheel(tmp_path, "py3-none-any", {"fruit/__init__.py": ""})
    wrong = line.partition("sha256:")[0] + "sha256:" + "0" * 64

    with pytest.raises(BuildError, match="pip could not install"):
        install([wrong], tmp_path / "cache")

    assert not list((tmp_path / "cache").iterdir())
