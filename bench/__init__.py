"""Measure what the extension costs the function beside it: ``./build.sh bench``.

Every figure of the built layer stands beside two others of the same run. The floor is bare CPython with raw sockets that
speaks the same protocol. The obvious way loads httpx and structlog first, then everything else. With ``--beside``, another
layer takes part in every measurement. Ratios carry from one machine to the next; milliseconds do not.
"""
