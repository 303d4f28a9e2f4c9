"""Parse the X-Ray trace header (AWS: X-Ray, tracing header)."""

import re

# Compiled on first use, like every pattern that start-up does not need.
_PARENT = r"(?:^|;)\s*Parent=([0-9a-fA-F]{16})(?:;|$)"

_ROOT = r"(?:^|;)\s*Root=(1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24})(?:;|$)"


def trace_id_of(header: str) -> str:
    """Return the trace id of an ``X-Amzn-Trace-Id`` header, such as ``1-5f35ae12-0c0fec141ab77a00bc047aa2``.

    Its fields may have any order. Return an empty string where ``Root`` is missing or malformed.
    """
    match = re.search(_ROOT, header)
    return match.group(1).lower() if match else ""


def span_id_of(header: str) -> str:
    """Return the header's ``Parent``, 16 hex digits; empty where it is missing or malformed."""
    match = re.search(_PARENT, header)
    return match.group(1).lower() if match else ""
