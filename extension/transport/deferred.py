"""Load modules on first use.

Promises: an importer of a deferred module sees no difference but the time that the first use takes. The standard
library's ``LazyLoader`` loads a module at its second ``import``, which looks at the module's ``__spec__``.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType


class _Deferred(ModuleType):
    """Stand-in for a module; takes its contents at the first use."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)  # The import system asks for these, and does not need them.
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        module = import_module(self.__name__)
        self.__dict__.update(module.__dict__)
        return getattr(module, name)


def defer(name: str) -> None:
    """Defer loading a module to its first use, unless it is loaded already or not installed."""
    if name not in sys.modules and find_spec(name) is not None:
        sys.modules[name] = _Deferred(name)
