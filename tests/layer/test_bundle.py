import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

LAYER = Path(__file__).resolve().parents[2] / "layer"
NAME = f"modules.{sys.implementation.cache_tag}"


# `start.py` is a program of Lambda's: it is loaded here by its path, as anything but the main program. The standard
# library, which the layer has in its bundle, is here where it always is.
LOAD = """
import runpy, sys
library = list(sys.path)
start = runpy.run_path(sys.argv[1], run_name="start")
start["prepare"](sys.argv[2])
sys.path += library
"""

PACKAGE = "import inspect, sys\nSOURCE = inspect.getsource(sys.modules[__name__])\n"
INNER = "from . import SOURCE\nfrom .other import NAMES\ndef fail():\n    raise KeyError(NAMES)\n"
OTHER = "NAMES = frozenset({'a', 'b', 'c'})\n"


@pytest.fixture
def write_bundle(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes a bundle of sources by name, and gives the folder it is in."""

    def write(sources: dict[str, str], *, with_source: str = "", into: str = "root") -> Path:
        folder = tmp_path / into
        folder.mkdir()
        listed = []
        for name, text in sources.items():
            place = name.replace(".", "/")
            packages = {known.rpartition(".")[0] for known in sources}
            path = tmp_path / (f"{place}/__init__.py" if name in packages else f"{place}.py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            shown = f"/opt/private/{path.relative_to(tmp_path)}"
            about = {"name": name, "path": str(path), "shown": shown}
            listed.append({**about, "source": name == with_source, "target": ""})
        subprocess.run(
            [sys.executable, "-SBs", str(LAYER / "bundle.py"), str(folder / NAME)],
            input=json.dumps(listed),
            text=True,
            check=True,
            env={"PYTHONHASHSEED": "0"},
            timeout=60,
        )
        return folder

    return write


def run(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code that finds modules in the bundle of a folder."""
    start = LAYER / "start.py"
    return subprocess.run(
        [sys.executable, "-ISB", "-c", LOAD + code, str(start), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_bundle_holds_packages_and_modules(write_bundle: Callable[..., Path]) -> None:
    """Relative imports work, and modules name the files they would be."""
    sources = {"package": PACKAGE, "package.inner": INNER, "package.other": OTHER}
    folder = write_bundle(sources, with_source="package")

    done = run(folder, "import package.inner as inner; print(inner.__file__, sorted(inner.NAMES))")

    assert done.stdout == "/opt/private/package/inner.py ['a', 'b', 'c']\n", done.stderr


def test_bundle_has_the_source_of_a_package_that_reads_it(
    write_bundle: Callable[..., Path],
) -> None:
    """Anyio does, and imports all of itself where it cannot."""
    folder = write_bundle({"package": PACKAGE, "package.other": OTHER}, with_source="package")

    done = run(folder, "import package; print(package.SOURCE, end='')")

    assert done.stdout == PACKAGE, done.stderr


def test_traceback_names_the_file_and_the_line(write_bundle: Callable[..., Path]) -> None:
    """A report from Lambda leads to the line, though there is no source to quote."""
    sources = {"package": PACKAGE, "package.inner": INNER, "package.other": OTHER}
    folder = write_bundle(sources, with_source="package")

    done = run(folder, "from package.inner import fail; fail()")

    assert 'File "/opt/private/package/inner.py", line 4, in fail' in done.stderr


def test_import_looks_beside_the_bundle(
    write_bundle: Callable[..., Path],
) -> None:
    """A package with data of its own is there; a missing module raises the usual error."""
    folder = write_bundle({"package": "", "package.other": OTHER})
    (folder / "deps").mkdir()
    (folder / "deps" / "beside.py").write_text("WHERE = __file__\n")

    done = run(
        folder,
        "import beside; print(beside.WHERE)\n"
        "try:\n    import package.nowhere\nexcept ModuleNotFoundError as error:\n    print(error.name)\n",
    )

    assert done.stdout == f"{folder}/deps/beside.py\npackage.nowhere\n", done.stderr


def test_bundle_of_equal_sources_has_equal_bytes(write_bundle: Callable[..., Path]) -> None:
    """The order in frozensets depends on the hash seed."""
    sources = {"package": PACKAGE, "package.inner": INNER, "package.other": OTHER}

    folders = [write_bundle(sources, with_source="package", into=name) for name in ("a", "b")]

    first, second = ((folder / NAME).read_bytes() for folder in folders)
    assert first == second


def test_bundle_leaves_out_docstrings_alone(write_bundle: Callable[..., Path]) -> None:
    """Functions of nothing but a docstring work, lines keep their numbers, assertions hold.

    Classes keep a word: for a dataclass without any, one would be made of its signature when it is imported.
    """
    text = (
        '"""Words."""\nfrom __future__ import annotations\n\nclass Kind:\n    """Words."""\n\n'
        'def nothing():\n    """Words."""\n\ndef check():\n    """Words."""\n    assert nothing(), "held"\n'
    )
    folder = write_bundle({"package": text})

    done = run(
        folder,
        "import package\nprint(package.__doc__, package.Kind.__doc__, package.nothing.__doc__)\npackage.check()",
    )

    assert done.stdout == "None . None\n"
    assert "line 12, in check" in done.stderr
    assert "AssertionError: held" in done.stderr


@pytest.mark.parametrize("head", [None, b"\0\0\r\n"])
def test_sources_are_read_where_nobody_has_compiled_for_this_python(
    write_bundle: Callable[..., Path], head: bytes | None
) -> None:
    """A newer Python has another tag; one that is not released yet may have another form of bytecode under the same."""
    folder = write_bundle({"package": "WHERE = 'bundle'\n"})
    (folder / "package.py").write_text("WHERE = 'source'\n")
    if head is None:
        (folder / NAME).unlink()
    else:
        (folder / NAME).write_bytes(head + (folder / NAME).read_bytes()[4:])

    done = run(folder, "import package; print(package.WHERE)")

    assert done.stdout == "source\n", done.stderr


def test_start_finds_the_standard_library_where_the_bundle_has_none(
    write_bundle: Callable[..., Path],
) -> None:
    """The layer that borrows its Python takes it from there, before its own dependencies; the private folder is not searched."""
    folder = write_bundle({"package": "import json\n"})
    (folder / "deps").mkdir()
    for place in (folder, folder / "deps"):
        (place / "textwrap.py").write_text("raise SystemExit('the wrong one')\n")
    code = "sys.path[:] = [sys.argv[2], *library]; start['prepare'](sys.argv[2])\n"

    done = run(
        folder, code + "import package, textwrap; print(sys.path[-1] == sys.argv[2] + '/deps')"
    )

    assert done.stdout == "True\n", done.stderr
