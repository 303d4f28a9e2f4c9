"""Write counts and lists in words. Pure."""


def counted(count: int, noun: str) -> str:
    """Write a count with its noun; above one ``file`` becomes ``2 files``, ``file more`` becomes ``2 files more``."""
    if count != 1:
        first, *others = noun.split(" ")
        noun = " ".join([f"{first}s", *others])
    return f"{count:,} {noun}"


def listed(names: list[str], *, last: str = "and") -> str:
    """Write names with commas, and with a word before the last one."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"
