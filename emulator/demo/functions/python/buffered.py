"""The same function, its lines buffered inside its own process and written out with the first ERROR.

That is how log-buffering libraries for Lambda work; here it is the standard library's own such handler.
"""
# ruff: noqa: INP001
# What becomes /var/task is no package.

import logging
from logging.handlers import MemoryHandler

root = logging.getLogger()
root.handlers = [
    MemoryHandler(capacity=10_000, flushLevel=logging.ERROR, target=direct)
    for direct in root.handlers
]
