"""Send HTTP requests and tell why they fail."""

from extension.transport.deferred import defer

# httpx imports it. Its tables take 0.3 MB of memory, for names of hosts beyond ASCII.
defer("idna")
