"""Libraries that are imported without what nobody uses of them."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.every_python

ROOT = Path(__file__).resolve().parents[2]


def said_by(program: str, folder: Path) -> list[str]:
    """Run a program in a process of its own, whose path begins with a folder; return what it printed."""
    start = f"import sys\nsys.path[:0] = [{str(folder)!r}, {str(ROOT)!r}]\n"
    start += "from extension.stand_ins import Placeholder, load\n"
    command = [sys.executable, "-ISB", "-c", start + program]
    return subprocess.check_output(command, text=True, timeout=30).splitlines()


def library(folder: Path, source: str) -> None:
    """Write a library of one module, named ``lib``, which imports ``heavy``, ``heavy.part`` and ``absent``."""
    (folder / "heavy").mkdir()
    (folder / "heavy" / "__init__.py").write_text(
        "print('heavy is loaded')\nNAME = OTHER = 'real'\n"
    )
    (folder / "heavy" / "part.py").write_text("print('part is loaded')\nclass Part: pass\n")
    (folder / "absent.py").write_text("print('absent is loaded')\n")
    (folder / "lib.py").write_text(source)


IMPORTS = """
import heavy
import heavy.part
try:
    import absent
except ImportError:
    absent = None
class Own(heavy.part.Part):
    pass
def later():
    return heavy.OTHER
"""
LOAD = "lib = load('lib', {'heavy': {'NAME': 1}, 'heavy.part': {'Part': Placeholder}, 'absent': None})\n"


def test_stand_ins_take_the_place_of_what_a_library_imports(tmp_path: Path) -> None:
    """Neither module is loaded, one counts as not installed, and later importers get the real ones."""
    library(tmp_path, IMPORTS)

    said = said_by(
        LOAD + "print(lib.heavy.NAME, lib.absent, lib.Own().__class__.__mro__[1].__name__)\n"
        "print([name for name in ('heavy', 'heavy.part', 'absent') if name in sys.modules])\n"
        "import heavy, absent\nprint(heavy.NAME)",
        tmp_path,
    )

    assert said == [
        "1 None Placeholder",
        "[]",
        "heavy is loaded",
        "absent is loaded",
        "real",
    ]


def test_name_that_a_stand_in_has_not_loads_the_real_module(tmp_path: Path) -> None:
    """A way of the library that nobody has thought of works all the same, and takes its time."""
    library(tmp_path, IMPORTS)

    said = said_by(LOAD + "print(lib.later(), lib.heavy.NAME)", tmp_path)

    assert said == ["heavy is loaded", "real real"]


@pytest.mark.parametrize(
    "wants",
    [
        "from heavy.part import Other",
        "class Both(heavy.part.Part, heavy.part.Part): pass",
        "import absent.more",
    ],
)
def test_library_that_wants_more_gets_the_real_modules(tmp_path: Path, wants: str) -> None:
    """A later version may: it is imported anew, and its own error is what is left of it."""
    library(tmp_path, f"import heavy, heavy.part\nif heavy.NAME != 'real':\n    {wants}\n")

    said = said_by(LOAD + "print(lib.heavy.NAME, lib.heavy.part.Part.__name__)", tmp_path)

    assert said == ["heavy is loaded", "part is loaded", "real Part"]


def test_library_that_cannot_be_imported_says_so(tmp_path: Path) -> None:
    """Its error is that of the real modules, and no stand-in is left."""
    library(tmp_path, "import heavy, no_such_module_anywhere\n")

    said = said_by(
        f"try:\n    {LOAD}except ImportError as error:\n    print(error)\n"
        "print('absent' in sys.modules)",
        tmp_path,
    )

    assert said == ["heavy is loaded", "No module named 'no_such_module_anywhere'", "False"]


def test_module_that_is_loaded_already_has_no_stand_in(tmp_path: Path) -> None:
    """A second call imports nothing, and gives the same library."""
    library(tmp_path, IMPORTS)

    said = said_by(
        "import heavy\n" + LOAD + "print(lib.heavy is heavy, load('lib', {}) is lib)", tmp_path
    )

    assert said == ["heavy is loaded", "True True"]
