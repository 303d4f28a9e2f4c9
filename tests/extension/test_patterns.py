"""Regular expressions that the layer's build has compiled."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.every_python

ROOT = Path(__file__).resolve().parents[2]

PRELUDE = """
import _sre, re, sys
sys.path.insert(0, sys.argv[1])
from extension.patterns import use
compiler = getattr(re, "_compiler", None) or re.sre_compile
from_text, texts = compiler.compile, []
def counted(pattern, flags=0):
    texts.append(pattern)
    return from_text(pattern, flags)
compiler.compile = counted
made = []
real = compiler._sre
class Engine:
    MAGIC = real.MAGIC
    def compile(self, pattern, flags, code, groups, names, numbers):
        data = b"".join(one.to_bytes(4, sys.byteorder) for one in code)
        made.append((int(flags), data, groups, dict(names), numbers))
        return real.compile(pattern, flags, code, groups, names, numbers)
    def __getattr__(self, name):
        return getattr(real, name)
compiler._sre = Engine()
TEXT = r"(?P<day>\\d+)-(?:x|(y))"
for flags in (0, re.IGNORECASE):
    re.compile(TEXT, flags)
compiler._sre = real
re.purge()
texts.clear()
class Loader:
    def patterns_for(self, magic):
        known = {(TEXT, 0): made[0], (TEXT, 2): made[1], ("broken", 0): (32, b"....", 0, {}, (None,))}
        return (lambda pattern, flags: known.get((pattern, flags))) if magic == _sre.MAGIC else None
"""


def said_by(program: str) -> list[str]:
    command = [sys.executable, "-ISB", "-c", PRELUDE + program, str(ROOT)]
    return subprocess.check_output(command, text=True, timeout=30).splitlines()


def test_expression_of_the_layer_is_not_compiled_from_its_text() -> None:
    """It matches as one that is, with its groups, and with each of its flags."""
    said = said_by(
        "use(Loader())\n"
        "plain, folded = re.compile(TEXT), re.compile(TEXT, re.IGNORECASE)\n"
        "print(texts, plain.groupindex, plain.flags == re.UNICODE, plain.pattern == TEXT)\n"
        "print(plain.match('17-y').groups(), plain.match('17-Y'), folded.match('17-Y').groups())\n"
    )

    assert said == [
        "[] {'day': 1} True True",
        "('17', 'y') None ('17', 'Y')",
    ]


def test_expression_that_the_layer_has_not_is_compiled() -> None:
    """So are one that it has with other flags, one whose code the engine refuses, and one that is wrong."""
    said = said_by(
        "use(Loader())\n"
        "print(re.compile('a+').match('aa').end(), re.compile(TEXT, re.ASCII).match('1-x').end())\n"
        "print(re.compile('broken').match('broken').end(), texts == ['a+', TEXT, 'broken'])\n"
        "try:\n    re.compile('(')\nexcept re.error as error:\n    print(error)\n"
    )

    assert said == ["2 3", "6 True", "missing ), unterminated subpattern at position 0"]


@pytest.mark.parametrize(
    "loader",
    ["None", "object()", "type('Other', (), {'patterns_for': lambda self, magic: None})()"],
)
def test_nothing_changes_without_expressions_of_this_engine(loader: str) -> None:
    """As from a checkout, or on a Python whose engine has another form of code."""
    said = said_by(f"before = compiler.compile\nuse({loader})\nprint(compiler.compile is before)\n")

    assert said == ["True"]


LAYER = """
import json, sys
root = sys.argv[1] + "/flight-recorder"
sys.path.insert(0, root)
from start import prepare
prepare(root)
import extension.boot as boot
import re
compiler = getattr(re, "_compiler", None) or re.sre_compile
from_text, texts = compiler.compile, []
def counted(pattern, flags=0):
    texts.append(repr(pattern))
    return from_text(pattern, flags)
compiler.compile = counted
from extension.patterns import use
use(boot.__spec__.loader)
from extension.config.settings import read_settings
from extension.parsing.batch import read_batch
from extension.parsing.line import LineRules
from extension.redaction.redactor import Redactor
settings, _ = read_settings({"FLIGHT_RECORDER_REDACT": "all"})
Redactor(settings.redact).prepare()
for text in ("[ERROR] m", "2026-11-28 12:00:00,123 - shop - ERROR - m", '{"level":"error"}'):
    event = {"time": "2026-11-28T12:00:00.123Z", "type": "function", "record": text}
    body = json.dumps([event] * 4, separators=(",", ":")).encode()
    assert list(read_batch(body, rules=LineRules(), open_id=b"x"))
import extension.transport.client, extension.model.errors.details, extension.model.errors.fingerprint
print(json.dumps(texts))
"""


@pytest.mark.end_to_end
def test_layer_has_the_expressions_that_a_failed_invocation_needs(
    layer_dir: Path, pythons: dict[str, Path]
) -> None:
    """Those of lines, of REDACT's presets and of the libraries, for each Python that it is compiled for."""
    for version, python in pythons.items():
        command = [str(python), "-ISB", "-c", LAYER, str(layer_dir)]
        texts = json.loads(subprocess.check_output(command, text=True, timeout=60, env={}))

        assert texts == [], version
