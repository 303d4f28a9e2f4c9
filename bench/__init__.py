"""What the extension costs the function beside it, measured: ``./build.sh bench``.

Every figure of the built layer stands beside two others of the same run: the floor (what bare CPython with raw sockets
needs to do the same protocol) and the obvious way (httpx and structlog first, then everything else). Ratios carry from
one machine to the next; milliseconds do not.
"""
