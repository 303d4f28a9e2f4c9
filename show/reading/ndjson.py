"""Decode NDJSON. Pure."""

import json
from collections.abc import Iterator
from typing import Any


def values_of(data: bytes) -> Iterator[dict[str, Any]]:
    """Yield the objects of NDJSON; pass over what is none."""
    for line in data.split(b"\n"):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value
