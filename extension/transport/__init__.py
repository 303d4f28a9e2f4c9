"""Send HTTP requests and tell why they fail."""

from extension.transport.libraries import load_libraries

load_libraries()
