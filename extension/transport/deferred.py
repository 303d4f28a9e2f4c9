"""Modules that are loaded when something of them is asked for, if ever.

Promises: whoever has imported such a module gets what is in it, and notices nothing but the time that the first use takes.
The standard library's ``LazyLoader`` would load it at the second ``import``, which looks at the module's ``__spec__``.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType


class _Deferred(ModuleType):
    """Stands in for a module, and becomes like it at the first use."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)  # What importing asks for, and does without.
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        module = import_module(self.__name__)
        self.__dict__.update(module.__dict__)
        return getattr(module, name)


def defer(name: str) -> None:
    """Puts off loading a module to its first use; one that is loaded already, or is not there, is left alone."""
    if name not in sys.modules and find_spec(name) is not None:
        sys.modules[name] = _Deferred(name)
