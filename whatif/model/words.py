"""Write counts, lists and figures in words. Pure."""

LEAST_SHOWN_USD = 0.0001
CENTS_FROM_USD = 0.1
"""From here on two digits behind the point are two significant ones."""


def counted(count: int, noun: str) -> str:
    """Write a count with its noun; above one ``file`` becomes ``2 files``, ``file more`` becomes ``2 files more``."""
    if count != 1:
        first, *others = noun.split(" ")
        noun = " ".join([f"{first}s", *others])
    return f"{count:,} {noun}"


def listed(names: list[str], *, last: str = "and") -> str:
    """Write names with commas, and with a word before the last one."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def share_text(part: float, whole: float) -> str:
    """Write a share as a percentage, with a decimal below ten."""
    if not whole:
        return ""
    share = 100 * part / whole
    return f"{share:.0f}%" if share >= 10 or share == 0 else f"{share:.1f}%"  # noqa: PLR2004 - below ten, as said


def usd_text(usd: float) -> str:
    """Write a sum of money: in cents, or with two significant digits below ten of them."""
    if 0 < usd < LEAST_SHOWN_USD:
        return f"<{LEAST_SHOWN_USD:g}"
    return f"{usd:,.2f}" if usd >= CENTS_FROM_USD or usd == 0 else f"{usd:.2g}"


def money_text(usd: float, *, signed: bool = False) -> str:
    """Write a sum of money with its currency, and its sign where both are possible."""
    sign = "-" if usd < 0 else "+" if signed else ""
    return f"{sign}${usd_text(abs(usd))}"


_UNITS = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "KB"))


def bytes_text(size: float) -> str:
    """Write a size in the decimal units of prices."""
    for unit, name in _UNITS:
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size:.0f} bytes"


_SPANS = ((86_400, "days"), (3600, "hours"), (60, "minutes"))


def span_text(span_s: float) -> str:
    """Write a length of time."""
    for unit_s, name in _SPANS:
        if span_s >= 2 * unit_s:
            count = span_s / unit_s
            return f"{count:.3g} {name}" if count < 100 else f"{count:,.0f} {name}"  # noqa: PLR2004 - three digits
    return f"{span_s:.3g} seconds"
