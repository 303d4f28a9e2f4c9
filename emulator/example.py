"""Write an example to begin with: a function, and a layer with a small extension."""

import shutil
from pathlib import Path

from emulator.model.errors import MisuseError

_EXAMPLES = Path(__file__).with_name("examples")
_COMPILED = shutil.ignore_patterns("__pycache__")


def write_example(target: Path) -> tuple[Path, Path]:
    """Write the example into a new directory; return the directories of the function and of the layer.

    Raises:
        MisuseError: The directory exists.
    """
    if target.exists():
        raise MisuseError(f"{target} exists; name a directory that does not")
    function, layer = target / "function", target / "layer"
    shutil.copytree(_EXAMPLES / "python_function", function, ignore=_COMPILED)
    shutil.copytree(_EXAMPLES / "hello_extension", layer, ignore=_COMPILED)
    for extension in (layer / "extensions").iterdir():
        # Not every installer keeps the bit, and Lambda starts no file without it.
        extension.chmod(0o755)
    return function, layer
