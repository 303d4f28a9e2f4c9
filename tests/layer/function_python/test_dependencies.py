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


def test_select_takes_what_any_runtime_needs() -> None:
    """Markers are evaluated for every Python runtime on Linux, then removed."""
    assert select(PINNED) == [
        "apple==1.0 --hash=sha256:aa --hash=sha256:bb",
        "banana==2.0 --hash=sha256:cc",
    ]


@pytest.mark.parametrize(
    ("requirements", "complaint"),
    [
        (
            PINNED + "banana==2.1 ; python_version >= '3.12' \\\n    --hash=sha256:ee\n",
            "banana is pinned to several versions",
        ),
        ("banana>=2 --hash=sha256:cc", "banana is not pinned with a hash"),
        ("banana==2.0", "banana is not pinned with a hash"),
    ],
    ids=["two versions", "no pin", "no hash"],
)
def test_select_refuses_requirements_that_leave_a_choice(requirements: str, complaint: str) -> None:
    """One set of files serves all runtimes, and nothing is installed that the file does not name exactly."""
    with pytest.raises(BuildError, match=complaint):
        select(requirements)


def test_select_accepts_the_committed_requirements() -> None:
    """pyproject.toml asks for some, Python 3.10 needs others besides."""
    lines = select((ROOT / "requirements-layer.txt").read_text(encoding="utf-8"))

    names = {line.partition("==")[0] for line in lines}
    assert {"httpx", "structlog", "anyio", "exceptiongroup", "typing-extensions"} <= names


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("requirements-*.txt")), ids=lambda path: path.name
)
def test_requirement_files_name_no_host(path: Path) -> None:
    """The place of packages is the user's configuration."""
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


def test_install_keeps_sources_metadata_and_licences_only(tmp_path: Path) -> None:
    """Tests and installers' files would only make the layer larger."""
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


def test_install_reuses_what_it_installed(tmp_path: Path) -> None:
    """The second build needs no package index: here the wheel is gone by then."""
    line = make_wheel(tmp_path, "py3-none-any", {"fruit/__init__.py": ""})
    first = install([line], tmp_path / "cache")
    for wheel in tmp_path.glob("*.whl"):
        wheel.unlink()

    assert install([line], tmp_path / "cache") == first


@pytest.mark.parametrize(
    ("file", "digit", "complaint"),
    [
        ("fruit/_core.abi3.so", "", "is compiled code"),
        ("fruit/__init__.py", "0", "pip could not install"),
    ],
    ids=["compiled code", "a wrong hash"],
)
def test_install_refuses_a_wheel_that_is_no_layer_for_all(
    tmp_path: Path, file: str, digit: str, complaint: str
) -> None:
    """A shared object serves one architecture, a wheel with another hash is another wheel; nothing is left behind."""
    name, _, digest = make_wheel(tmp_path, "py3-none-any", {file: "\x7fELF"}).partition("sha256:")

    with pytest.raises(BuildError, match=complaint):
        install([f"{name}sha256:{digit * 64 or digest}"], tmp_path / "cache")

    assert not list((tmp_path / "cache").glob("deps-*"))
