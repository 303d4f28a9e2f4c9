"""Counts in words. Pure."""


def counted(count: int, noun: str) -> str:
    """Write a count with its noun, in the plural unless there is one; ``file`` or ``file more`` become ``2 files more``."""
    if count != 1:
        first, *others = noun.split(" ")
        noun = " ".join([f"{first}s", *others])
    return f"{count:,} {noun}"


def listed(names: list[str], *, last: str = "and") -> str:
    """Write names as a sentence has them: with commas, and a word before the last one."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"
