"""Take regular expressions ready-made from the layer, instead of compiling them from their texts.

Python compiles a regular expression in Python: the 223 that an environment may need take 31 ms of a processor, 22 of them for
REDACT's presets. The build of the layer has compiled them (``layer/rehearsal.py``), and what the engine runs is beside the
bytecode: made of that, all of them take 0.5 ms (CPython 3.13). An expression that is not there is compiled as ever.

Assumes of CPython: ``_sre.compile`` makes a pattern of what ``re`` has compiled, checks it, and ``_sre.MAGIC`` names its form.
"""

import _sre  # type: ignore[import-not-found]
import re

# Not from typing, which start-up does without.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def use(loader: object) -> None:
    """Let ``re`` look up each expression in the layer first.

    Args:
        loader: of this package: a layer's ``Bundle``, or one of importlib's, which has no expressions.
    """
    look_up = getattr(loader, "patterns_for", None)
    ready = look_up(_sre.MAGIC) if look_up is not None else None
    if ready is None:
        return
    # Python 3.10 has it under another name.
    compiler: Any = getattr(re, "_compiler", None) or getattr(re, "sre_compile", None)
    if compiler is not None:
        compiler.compile = _taking(ready, compiler.compile)


def _taking(
    ready: "Callable[[object, int], tuple[Any, ...] | None]", from_text: "Callable[..., Any]"
) -> "Callable[..., Any]":
    def compile_pattern(pattern: object, flags: int = 0) -> "re.Pattern[Any]":
        """Compile as ``re`` does."""
        made = ready(pattern, int(flags))
        if made is not None:
            final_flags, code, groups, names, numbers = made
            try:
                found: re.Pattern[Any] = _sre.compile(
                    pattern, final_flags, list(memoryview(code).cast("I")), groups, names, numbers
                )
            except (RuntimeError, TypeError, ValueError):
                pass
            else:
                return found
        made_now: re.Pattern[Any] = from_text(pattern, flags)
        return made_now

    return compile_pattern
