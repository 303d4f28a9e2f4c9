"""Buffer the same function's lines inside its own process, and write them out with the first ERROR.

Log-buffering libraries for Lambda work like this. This is the standard library's handler of that kind.
"""
# ruff: noqa: INP001
# What becomes /var/task is no package.

import logging
from logging.handlers import MemoryHandler

# Beside this file in /var/task; Lambda calls it here.
from app import handler  # type: ignore[import-not-found] # noqa: F401

root = logging.getLogger()
root.handlers = [
    MemoryHandler(capacity=10_000, flushLevel=logging.ERROR, target=direct)
    for direct in root.handlers
]
