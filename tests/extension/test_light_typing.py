"""The stand-in for typing during start-up, held against typing itself."""

import copy
import subprocess
import sys
import sysconfig
import typing
from pathlib import Path
from typing import Any

import pytest

from extension.light_typing import MANY, NamedTuple

pytestmark = pytest.mark.every_python


ROOT = Path(__file__).resolve().parents[2]


class Ours(NamedTuple):
    """Made as during start-up."""

    name: str
    number: int = 1
    more: tuple[str, ...] = ()

    @property
    def doubled(self) -> int:
        return self.number * 2


class Real(typing.NamedTuple):
    """Made by typing."""

    name: str
    number: int = 1
    more: tuple[str, ...] = ()

    @property
    def doubled(self) -> int:
        return self.number * 2


CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("a",), {}),
    (("a", 2), {}),
    (("a", 2, ("b",)), {}),
    (("a",), {"more": ("b",)}),
    ((), {"number": 3, "name": "a"}),
    ((), {}),
    (("a", 2, (), 4), {}),
    (("a",), {"name": "b"}),
    (("a",), {"other": 1}),
    ((), {"number": 3}),
]


def outcome(kind: Any, values: tuple[Any, ...], named: dict[str, Any]) -> Any:
    try:
        made = kind(*values, **named)
    except TypeError:
        return TypeError
    return tuple(made), made.doubled, repr(made).partition("(")[2]


@pytest.mark.parametrize(("values", "named"), CALLS)
def test_instance_is_made_and_refused_as_typing_does(
    values: tuple[Any, ...], named: dict[str, Any]
) -> None:
    """Before its class is compiled, and afterwards."""
    expected = outcome(Real, values, named)

    assert {str(outcome(Ours, values, named)) for _ in range(MANY + 1)} == {str(expected)}


def test_copies_and_patterns_are_those_of_typing() -> None:
    """Fields, a changed copy, values by name, equality with a tuple, structural patterns."""
    kind: Any = Ours
    ours: Any = kind("a", 2)
    real: Any = Real("a", 2)

    assert issubclass(Ours, tuple)
    assert ours == real
    assert real == ("a", 2, ())
    assert ours._fields == real._fields
    assert ours._replace(number=3) == real._replace(number=3)
    assert type(ours._replace(number=3)) is Ours
    assert ours._asdict() == real._asdict()
    assert copy.copy(ours) == ours
    assert ours.__match_args__ == real.__match_args__
    for one in (ours, real):
        with pytest.raises((TypeError, ValueError), match="other"):
            one._replace(other=1)
        with pytest.raises(AttributeError):
            one.name = "b"


PROGRAM = """
import sys
sys.path[:0] = sys.argv[1:]
from extension.light_typing import stand_in_for_typing
stand_in_for_typing()
import extension.app.run, extension.model.errors.details, extension.transport.client, extension.sinks.http
from extension.diagnostics.log import OwnLog
OwnLog("info").account()
import typing
before = type(typing).__name__
print(before, typing.get_type_hints.__name__, sys.modules["typing"] is typing, typing.NamedTuple.__module__)
"""


def test_package_and_its_libraries_find_all_that_they_take_of_typing() -> None:
    """Any other name loads typing, and with it all that start-up leaves out; who asks for one gets it."""
    command = [sys.executable, "-ISB", "-c", PROGRAM, str(ROOT), sysconfig.get_path("purelib")]

    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    assert said == "StandIn get_type_hints False typing\n"
