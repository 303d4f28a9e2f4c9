"""Find modules in one file, and start the extension. A layer's interpreter runs this first.

Promises that almost no file is opened for a module. The bundle is opened once, and each module is read from its place in
it: in a new environment, files that nobody has read yet are slow to open. It holds the sources of packages that read
their own (anyio). Data that must be a file, such as the certificate authorities, is beside the bundle.

A standalone layer has one bundle, with the standard library in it. The layer for Python has one for each version, beside the
sources that a version without a bundle reads. `bundle.py` writes the bundles. Any Python 3 runs this: the package says if it is
too old.
"""

import marshal
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER
from posix import O_CLOEXEC, O_RDONLY, open as open_file, pread

# No import of typing's, which would be the first module that is looked for before it can be found.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, ModuleType

MAGIC_BYTES = 4
SIZE_BYTES = 4
"""The file begins with the number of its bytecode's form, and its index's size."""


class Bundle:
    """Find and load the modules of one file: a finder and a loader of importlib."""

    def __init__(self, path: str) -> None:
        """Read the index.

        Raises:
            OSError: there is no such file.
            ValueError: its bytecode is for another Python.
        """
        self._file = open_file(path, O_RDONLY | O_CLOEXEC)
        head = pread(self._file, MAGIC_BYTES + SIZE_BYTES, 0)
        if head[:MAGIC_BYTES] != MAGIC_NUMBER:
            raise ValueError(path)
        size = int.from_bytes(head[MAGIC_BYTES:], "little")
        index = marshal.loads(pread(self._file, size, len(head)))  # noqa: S302 - our own file
        self._modules, self._sources, self._patterns = index

    @property
    def has_library(self) -> bool:
        """Whether it holds the standard library too."""
        return "threading" in self._modules

    def find_spec(
        self, name: str, _path: object = None, _target: object = None
    ) -> "ModuleSpec | None":
        """Return a module's spec; None if it is not in the file."""
        place = self._modules.get(name)
        if place is None:
            return None
        # importlib asks for no base class, only for these methods.
        return ModuleSpec(name, self, is_package=place[2])  # type: ignore[arg-type]

    def create_module(self, _spec: ModuleSpec) -> None:
        """Leave it to importlib."""

    def exec_module(self, module: "ModuleType") -> None:
        """Run a module's code."""
        code = self.get_code(module.__name__)
        module.__file__ = code.co_filename
        exec(code, module.__dict__)  # noqa: S102 - what a loader is for

    def get_code(self, name: str) -> "CodeType":
        """Return a module's code."""
        offset, size, _ = self._modules[name]
        code: CodeType = marshal.loads(pread(self._file, size, offset))  # noqa: S302 - our own file
        return code

    def patterns_for(self, magic: int) -> "Callable[[object, int], object] | None":
        """Return what looks up a compiled regular expression by its text and flags; None if they are in another form."""
        offset, size = self._patterns
        form, places = marshal.loads(pread(self._file, size, offset)) if size else (0, {})  # noqa: S302 - our own file
        if form != magic:
            return None

        def look_up(pattern: object, flags: int) -> object:
            place = places.get((pattern, flags))
            return place and marshal.loads(pread(self._file, place[1], place[0]))  # noqa: S302 - our own file

        return look_up

    def get_source(self, name: str) -> "str | None":
        """Return a module's source; None if the bundle has none."""
        if name not in self._sources:
            return None
        offset, size = self._sources[name]
        return pread(self._file, size, offset).decode()


def prepare(root: str) -> None:
    """Make only the layer's modules importable, and the standard library.

    Args:
        root: the layer's private folder.
    """
    deps = root + "/deps"
    others = [entry for entry in sys.path if entry != root]
    try:
        bundle = Bundle(f"{root}/modules.{sys.implementation.cache_tag}")
    except (OSError, ValueError):
        # Nobody has compiled for this version: the sources are read.
        sys.path[:] = [root, *others, deps]
        return
    # Before the finder that looks at folders. What is compiled in comes first, unless the bundle has ours alone.
    sys.meta_path.insert(2 if bundle.has_library else 0, bundle)
    if bundle.has_library:
        # Extension modules are files where the interpreter does not have them built in.
        others = [entry for entry in others if entry.endswith("/lib-dynload")]
    sys.path[:] = [deps, *others] if bundle.has_library else [*others, deps]


if __name__ == "__main__":
    prepare(sys.argv[1])
    from extension.boot import main

    main(sys.argv[2:])
