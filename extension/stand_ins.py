"""Import a library without the modules that it imports and we never use.

A library imports at its top what any of its users may need: cookies, mail, event loops, other transports. That takes more
time and memory than the rest of it. While the library is imported, stand-ins take the place of such modules. A stand-in has
the names that the library looks up at that time. Any other name loads the real module, so nothing breaks, and takes its time.

Promises: a library that needs more than its stand-ins have, such as a later version, is imported anew with the real modules.
No stand-in is left in ``sys.modules``, so whoever imports such a module afterwards gets the real one.
"""

import sys
from _thread import allocate_lock
from collections.abc import Mapping

# Not from typing and types, which take longer to import than all of this.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
else:
    ModuleType = type(sys)

StandIns = Mapping[str, Mapping[str, object] | None]
"""By the name of the module: the names that its stand-in has. None where the module counts as not installed."""

_lock = allocate_lock()
"""Two threads may import libraries at once, and each must find its own stand-ins."""


class Placeholder:
    """Stands in for a class or a function that is looked up, and never used."""

    def __init__(self, *_arguments: object, **_named: object) -> None:
        """Take whatever comes."""


class StandIn(ModuleType):
    """Stand in for a module. The first name that it does not have loads the real one."""

    def __init__(self, name: str, known: Mapping[str, object]) -> None:
        super().__init__(name)
        self.__dict__.update(known)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)  # The import system asks for these, and does not need them.
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        module = _imported(self.__name__)
        self.__dict__.update(module.__dict__)
        return getattr(module, name)


def load(library: str, stand_ins: StandIns) -> ModuleType:
    """Import a library with stand-ins for those modules that are not loaded yet.

    Raises:
        ImportError: it cannot be imported, with the real modules either.
    """
    with _lock:
        if library in sys.modules:
            return sys.modules[library]
        mine = {
            name: None if known is None else StandIn(name, known)
            for name, known in stand_ins.items()
            if name not in sys.modules
        }
        sys.modules.update(mine)  # type: ignore[arg-type]  # None is Python's own sign for a module that is not there
        parents = _put_into_packages(library, mine)
        try:
            return _imported(library)
        except (ImportError, AttributeError, TypeError):
            _forget(library)
        finally:
            for name, stand_in in mine.items():
                if sys.modules.get(name, library) is stand_in:
                    del sys.modules[name]
            for parent, name in parents:
                parent.__dict__.pop(name, None)
        return _imported(library)


def _put_into_packages(
    library: str, stand_ins: Mapping[str, StandIn | None]
) -> list[tuple[ModuleType, str]]:
    """Make each one an attribute of its package, as an import does; return where. The library's own are imported by name."""
    put = []
    for name, stand_in in stand_ins.items():
        package, _, last = name.rpartition(".")
        if stand_in is None or not package or package.partition(".")[0] == library:
            continue
        parent = stand_ins.get(package) or _imported(package)
        if last not in parent.__dict__:
            setattr(parent, last, stand_in)
            put.append((parent, last))
    return put


def _imported(name: str) -> ModuleType:
    __import__(name)
    return sys.modules[name]


def _forget(library: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        del sys.modules[name]
