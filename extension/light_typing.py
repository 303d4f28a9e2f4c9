"""What an environment needs of ``typing``: a stand-in for it.

To import ``typing`` takes 2 ms of a processor. To make one class of its ``NamedTuple`` takes 0.1 ms, since ``__new__`` is compiled
from text. During start-up classes are made without that, in a twentieth of the time. A class of which many instances are made
gets the compiled ``__new__`` all the same, which makes an instance in a third of the time.

Promises: such a class does what the package asks of a named tuple, as one of ``typing.NamedTuple`` does. Type checkers and tests
see the real one.
"""

import collections.abc as collections_abc
from _collections import _tuplegetter  # type: ignore[import-not-found]
from sys import modules

from extension.stand_ins import StandIn

# Not from typing, in whose place this is loaded.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MANY = 100
"""Instances of one class, from which on compiling pays."""

_new = tuple.__new__


class _Tuple(tuple):  # type: ignore[type-arg]  # of any values
    """The methods of every named tuple."""

    __slots__ = ()
    _fields: "tuple[str, ...]" = ()

    def __repr__(self) -> str:
        """Name the class and the values."""
        named = [f"{name}={value!r}" for name, value in self._asdict().items()]
        return f"{type(self).__name__}({', '.join(named)})"

    def __getnewargs__(self) -> "tuple[object, ...]":
        """Return what a copy is made of."""
        return tuple(self)

    def _asdict(self) -> "dict[str, Any]":
        return dict(zip(self._fields, self))  # noqa: B905 - as many as there are fields

    def _replace(self, **changes: object) -> "_Tuple":
        """Return a copy with other values.

        Raises:
            ValueError: there is no such field.
        """
        values = self._asdict()
        if not values.keys() >= changes.keys():
            raise ValueError(f"no fields: {', '.join(changes.keys() - values.keys())}")
        return _new(type(self), (values | changes).values())


def _maker(fields: "tuple[str, ...]", defaults: "dict[str, Any]") -> "Callable[..., _Tuple]":
    """Return a ``__new__`` that is not compiled for its class, until it has made many instances."""
    last = tuple(defaults.values())
    made = 0

    def make(cls: "type[_Tuple]", *values: object, **named: object) -> _Tuple:
        nonlocal made
        made += 1
        if made == MANY:
            cls.__new__ = _compiled(fields, last)  # type: ignore[assignment]
        missing = len(fields) - len(values)
        if not named and 0 <= missing <= len(last):
            return _new(cls, values + last[len(last) - missing :])
        try:
            more = [
                named.pop(one) if one in named else defaults[one] for one in fields[len(values) :]
            ]
        except KeyError as error:
            raise TypeError(f"{cls.__name__} misses {error}") from None
        if named or missing < 0:
            raise TypeError(f"{cls.__name__} takes {', '.join(fields)}")
        return _new(cls, (*values, *more))

    return make


def _compiled(fields: "tuple[str, ...]", defaults: "tuple[object, ...]") -> "Callable[..., _Tuple]":
    listed = "".join(f"{name}, " for name in fields)
    make: Callable[..., _Tuple] = eval(  # noqa: S307 - names of our own fields
        f"lambda _cls, {listed}: _new(_cls, ({listed}))", {"_new": _new}
    )
    make.__defaults__ = defaults
    return make


class _Kind(type):
    def __new__(cls, name: str, bases: "tuple[type, ...]", members: "dict[str, Any]") -> type:
        if not bases:
            return type.__new__(cls, name, bases, members)
        # Since Python 3.14 annotations are what a function returns (PEP 649, PEP 749). 1 stands for their values.
        annotate = members.pop("__annotate_func__", None)
        fields = tuple(annotate(1) if annotate else members.get("__annotations__", ()))
        defaults = {field: members[field] for field in fields if field in members}
        getters = {field: _tuplegetter(at, None) for at, field in enumerate(fields)}
        own = {"__slots__": (), "_fields": fields, "__match_args__": fields}
        return type(
            name, (_Tuple,), {**members, **own, **getters, "__new__": _maker(fields, defaults)}
        )


class NamedTuple(metaclass=_Kind):
    """Base of a class whose annotations name the values of a tuple."""


class _Subscribed:
    """What is subscribed in annotations, and read by nobody."""

    def __class_getitem__(cls, _item: object) -> "type[_Subscribed]":
        return cls


TYPING: "dict[str, object]" = {
    "TYPE_CHECKING": False,
    "Any": object,
    "NamedTuple": NamedTuple,
    "Protocol": object,
    "TypeVar": lambda *_, **__: object,
    "cast": lambda _kind, value: value,
    "overload": lambda function: function,
    "runtime_checkable": lambda kind: kind,
    # Libraries make aliases of these, and some classes.
    **dict.fromkeys(
        [
            "AnyStr",
            "BinaryIO",
            "ClassVar",
            "Dict",
            "IO",
            "List",
            "Literal",
            "NoReturn",
            "Optional",
            "Pattern",
            "Self",
            "Set",
            "TextIO",
            "Tuple",
            "Type",
            "TypeAlias",
            "Union",
        ],
        _Subscribed,
    ),
    **{
        name: getattr(collections_abc, name)
        for name in [
            "AsyncIterable",
            "AsyncIterator",
            "Callable",
            "Iterable",
            "Iterator",
            "Mapping",
            "MutableMapping",
            "Sequence",
        ]
    },
}
"""The stand-in's names: those of the package, and of the libraries that it loads."""


def stand_in_for_typing() -> None:
    """Let it stand in from now on. Any other name loads ``typing`` itself, which then takes its place."""
    if "typing" not in modules:
        modules["typing"] = StandIn("typing", TYPING)
