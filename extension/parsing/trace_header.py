"""Parse the X-Ray trace header."""

import re

_PARENT = re.compile(r"(?:^|;)\s*Parent=([0-9a-fA-F]{16})(?:;|$)")

_ROOT = re.compile(r"(?:^|;)\s*Root=(1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24})(?:;|$)")


def trace_id_of(header: str) -> str:
    """Gives the trace id of an ``X-Amzn-Trace-Id`` header, such as ``1-5f35ae12-0c0fec141ab77a00bc047aa2``.

    The header's fields come in any order. Returns an empty string where there is no well-formed ``Root``.
    """
    match = _ROOT.search(header)
    return match.group(1).lower() if match else ""


def span_id_of(header: str) -> str:
    """Gives the span id of an ``X-Amzn-Trace-Id`` header: ``Parent``, 16 hex digits; an empty string without one."""
    match = _PARENT.search(header)
    return match.group(1).lower() if match else ""
