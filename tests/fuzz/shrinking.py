"""Make cases smaller: plain values with something left out, or something simpler in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def smaller_cases(case: Any) -> Iterator[Any]:
    """Yield smaller cases, those with most left out first.

    Lists, text and bytes get shorter, numbers go towards 0. A tuple keeps its length, since its places have meanings.
    """
    if isinstance(case, (str, bytes, list)):
        yield from _shorter(case)
    if isinstance(case, list):
        for at, one in enumerate(case):
            for smaller in smaller_cases(one):
                yield [*case[:at], smaller, *case[at + 1 :]]
    elif isinstance(case, tuple):
        for at, one in enumerate(case):
            for smaller in smaller_cases(one):
                yield (*case[:at], smaller, *case[at + 1 :])
    elif isinstance(case, int) and case and not isinstance(case, bool):
        yield from {0: None, case // 2: None, case - 1: None}


def _shorter(whole: Any) -> Iterator[Any]:
    """Yield a sequence without parts of it, long parts first."""
    size = len(whole)
    while size:
        for start in range(0, len(whole), size):
            yield whole[:start] + whole[start + size :]
        size //= 2
