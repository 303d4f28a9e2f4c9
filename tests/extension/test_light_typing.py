"""The stand-in for typing during start-up, held against typing itself."""

import copy
import sys
import typing
from typing import Any

import pytest

from extension.light_typing import MANY, STAND_INS, TYPING, NamedTuple

pytestmark = [
    pytest.mark.every_python,
    pytest.mark.skipif(
        sys.version_info >= (3, 14),
        reason="typing itself is used there, whose annotations have another form",
    ),
]


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


def test_stand_in_has_what_the_package_takes_of_typing() -> None:
    """Any other name would load typing, and with it all that start-up leaves out."""
    assert STAND_INS == {"typing": TYPING}
    assert set(TYPING or ()) == {"TYPE_CHECKING", "Any", "NamedTuple", "Protocol", "TypeVar"}
