"""Send HTTP requests and tell why they fail.

Every module of this room may import httpx, which imports idna.
"""

from extension.transport.deferred import defer

# Its tables take 0.3 MB of memory, for names of hosts beyond ASCII.
defer("idna")
